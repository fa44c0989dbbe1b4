//! One request, as far as every handler needs to know it: for which tenant, by whom, in which language,
//! with which token for forms.

use std::sync::Arc;

use ::web::cookies::read;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use kit::{ErrorCode, Secret};
use rpc::{ActorKind, Ctx, Fault, ServiceError as _};
use staff_api::StaffMember;
use tenant_api::TenantInfo;
use types::Locale;
use ui::{Local, Reader};

use super::cookies::{CSRF_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE};
use super::{Failure, Fields, FormToken};
use crate::App;
use crate::layout::Shell;
use crate::nav::{Route, Section};

/// A visit. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Inner>);

pub(crate) struct Inner {
    /// For calls.
    pub(crate) ctx: Ctx,
    /// The tenant.
    pub(crate) tenant: Arc<TenantInfo>,
    /// Who reads.
    pub(crate) reader: Reader,
    /// Who signed in.
    pub(crate) staff: Option<StaffMember>,
    /// The token that forms must send back.
    pub(crate) csrf: FormToken,
    /// The session.
    pub(crate) session: Option<Secret<String>>,
    /// The query of the address.
    pub(crate) query: Fields,
    /// The page to come back to; where a form was sent, the one that it stands on.
    pub(crate) here: Local,
}

impl std::ops::Deref for Visit {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or_else(|| Fault::bug("a page is served outside the frame").into())
    }
}

impl Visit {
    /// Reads the request's head. `pages` is what can be opened, as the router matches it.
    pub(crate) async fn open(app: &App, parts: &Parts, pages: &[&str]) -> Result<Self, Failure> {
        let ctx = parts.extensions.get::<Ctx>().cloned();
        let ctx = ctx.ok_or_else(|| Fault::bug("no bus is in front of the pages"))?;
        let tenant = app.deps.tenants.get(&ctx).await?;
        let chosen = read(&parts.headers, LANGUAGE_COOKIE);
        let wished = parts.headers.get(ACCEPT_LANGUAGE).and_then(|h| h.to_str().ok());
        let reader = reader(&tenant, chosen.as_deref(), wished.unwrap_or_default())?;
        let address = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        let here = match parts.method {
            Method::GET => Some(address),
            _ => form_page(address, pages),
        };
        Ok(Self(Arc::new(Inner {
            staff: who(app, &ctx).await?,
            ctx,
            reader,
            csrf: FormToken::open(&parts.headers, CSRF_COOKIE, &app.deps.entropy)?,
            session: read(&parts.headers, SESSION_COOKIE).map(Secret::new),
            query: Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            here: here.and_then(Local::parse).unwrap_or_else(|| Route::Home.into()),
            tenant,
        })))
    }

    /// The frame of a page.
    pub(crate) fn shell(&self, section: Option<Section>) -> Shell {
        Shell {
            shop: self.tenant.name.get(&self.reader.locale).to_owned(),
            version: self.tenant.version,
            currency: self.tenant.currency,
            locales: locales(&self.tenant),
            reader: self.reader.clone(),
            actor: self.ctx.actor.clone(),
            staff: self.staff.as_ref().map(|s| (s.name.clone(), s.role)),
            csrf: self.csrf.value.clone(),
            here: self.here.clone(),
            section,
        }
    }

    /// Whether this visitor may do what a permission names: decides which forms are shown.
    pub(crate) fn may(&self, permission: &str) -> bool {
        self.ctx.actor.may(permission)
    }
}

/// The page of the form that is sent to an address: that address itself where it can be opened, or the
/// nearest above it.
fn form_page<'a>(address: &'a str, pages: &[&str]) -> Option<&'a str> {
    let path = address.split('?').next().unwrap_or_default();
    let is_page = |path: &str| pages.iter().any(|pattern| matches(pattern, path));
    if is_page(path) {
        return Some(address);
    }
    let above = path.rmatch_indices('/').map(|(end, _)| &path[..end]);
    above.into_iter().find(|path| is_page(path))
}

/// Whether a path is one of a pattern such as `/orders/{id}`.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// Those who work here may read in any language that the words exist in, whatever the shop's are.
fn locales(tenant: &TenantInfo) -> Vec<Locale> {
    let mut all = tenant.locales.clone();
    for tag in ["en", "zh-CN"] {
        if let Ok(locale) = tag.parse::<Locale>()
            && !all.iter().any(|l| l.language() == locale.language())
        {
            all.push(locale);
        }
    }
    all
}

fn reader(tenant: &TenantInfo, chosen: Option<&str>, wished: &str) -> Result<Reader, Fault> {
    Reader::choose(&locales(tenant), chosen, wished)
        .ok_or_else(|| Fault::bug("the tenant has no language"))
}

/// Who the session belongs to. A credential of a program has no name; it may use the pages all the same.
async fn who(app: &App, ctx: &Ctx) -> Result<Option<StaffMember>, Failure> {
    if ctx.actor.kind != ActorKind::Operator {
        return Ok(None);
    }
    match app.deps.staff.me(ctx, staff_api::Me {}).await {
        Ok(staff) => Ok(Some(staff)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_stands_on_the_nearest_page_above_where_it_is_sent() {
        let pages = ["/console", "/console/orders", "/console/orders/{id}", "/console/sign-in"];
        for (sent_to, page) in [
            ("/console/sign-in?next=%2Fconsole", Some("/console/sign-in?next=%2Fconsole")),
            ("/console/orders/5/payments/7/refunds?x=1", Some("/console/orders/5")),
            ("/console/orders/5", Some("/console/orders/5")),
            ("/console/sign-out", Some("/console")),
            ("/elsewhere/5", None),
        ] {
            assert_eq!(form_page(sent_to, &pages), page, "{sent_to}");
        }
    }
}
