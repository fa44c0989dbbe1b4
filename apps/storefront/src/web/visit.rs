//! One request, as far as every handler needs to know it: for which shop, by whom, in which language,
//! with which token for forms.

use std::sync::Arc;

use ::web::cookies::read;
use ::web::kept::{ADDRESS_MAX, PageKey};
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use cart_api::{CartToken, GetContent};
use kit::Secret;
use maud::Markup;
use rpc::{ActorKind, Ctx, Fault};
use tenant_api::TenantInfo;
use types::{MemberId, Quantity};
use ui::routes::LANGUAGE_PARAM;
use ui::{Local, Reader, Route, Shell, Words};

use super::cookies::{self, CART_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE};
use super::{Answer, Failure, Fields, FormToken, page};
use crate::App;

/// A visit. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Inner>);

#[derive(Clone)]
pub(crate) struct Inner {
    /// For calls.
    pub(crate) ctx: Ctx,
    /// The shop.
    pub(crate) tenant: Arc<TenantInfo>,
    /// Who reads.
    pub(crate) reader: Reader,
    /// The token that forms must send back.
    pub(crate) csrf: FormToken,
    /// The anonymous cart.
    pub(crate) cart: Option<CartToken>,
    /// The session.
    pub(crate) session: Option<Secret<String>>,
    /// The query of the address.
    pub(crate) query: Fields,
    /// The page to come back to.
    pub(crate) here: Local,
    /// The address as it was asked for, when the page is one to come back to.
    pub(crate) asked: Option<String>,
    /// The language that the address names, when the visitor's cookie does not know it yet.
    pub(crate) new_language: Option<String>,
    /// Scheme and host of this shop as the visitor knows them.
    pub(crate) origin: String,
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
    /// Reads the request's head.
    pub(crate) async fn open(app: &App, parts: &Parts) -> Result<Self, Failure> {
        let ctx = parts.extensions.get::<Ctx>().cloned();
        let ctx = ctx.ok_or_else(|| Fault::bug("no bus is in front of the pages"))?;
        let tenant = app.deps.tenants.get(&ctx).await?;
        let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let asked =
            query.get(LANGUAGE_PARAM).filter(|l| tenant.locales.iter().any(|o| o.as_str() == *l));
        let known = read(&parts.headers, LANGUAGE_COOKIE);
        let chosen = asked.or(known.as_deref());
        let new_language = asked.filter(|l| known.as_deref() != Some(*l)).map(str::to_owned);
        let wished = parts.headers.get(ACCEPT_LANGUAGE).and_then(|h| h.to_str().ok());
        let reader = Reader::choose(&tenant.locales, chosen, wished.unwrap_or_default())
            .ok_or_else(|| Fault::bug("the tenant has no language"))?;
        let name = cookies::csrf_cookie(app.options.cookie_secure);
        let csrf = FormToken::open(&parts.headers, name, &app.deps.entropy)?;
        let address = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        let here = Local::parse(address).filter(|_| parts.method == Method::GET);
        Ok(Self(Arc::new(Inner {
            ctx,
            reader,
            csrf,
            cart: read(&parts.headers, CART_COOKIE).map(Secret::new).map(CartToken),
            session: read(&parts.headers, SESSION_COOKIE).map(Secret::new),
            query,
            asked: here.is_some().then(|| address.to_owned()),
            new_language,
            origin: origin(app, &parts.headers, &tenant),
            here: here.unwrap_or_else(|| Local::from(&Route::Home)),
            tenant,
        })))
    }

    /// The words in the reader's language.
    pub(crate) fn words(&self) -> &'static Words {
        Words::of(self.reader.lang)
    }

    /// Whether a shopper signed in.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.ctx.actor.kind == ActorKind::User
    }

    /// The member who signed in; who has not is sent to sign in, and then to `next`.
    pub(crate) fn member(&self, next: &Route) -> Result<MemberId, Failure> {
        let id = self.ctx.user_id().map_err(|_| Failure::sign_in(next))?;
        MemberId::from_i64(id).map_err(|e| Fault::internal(e).into())
    }

    /// The token of the cart to use: a member's cart needs none.
    pub(crate) fn cart_token(&self) -> Option<CartToken> {
        self.cart.clone().filter(|_| !self.is_signed_in())
    }

    /// The page that is asked for, drawn unless it was drawn a moment ago for somebody who also is nobody and
    /// has neither session nor cart. Who is somebody (staff see drafts) or has one gets his own. `draw` must
    /// use the visit that it is given.
    pub(crate) async fn page<D>(&self, app: &App, draw: impl FnOnce(Self) -> D) -> Answer
    where
        D: Future<Output = Result<(StatusCode, Markup), Failure>>,
    {
        let is_somebody = self.ctx.actor.kind != ActorKind::Anonymous;
        let has_own = is_somebody || self.session.is_some() || self.cart.is_some();
        let address = self.asked.as_ref().filter(|a| !has_own && a.len() <= ADDRESS_MAX);
        let Some(address) = address else {
            let (status, markup) = draw(self.clone()).await?;
            return Ok(page(status, markup));
        };
        let key = PageKey {
            tenant: self.ctx.tenant.clone(),
            tenant_version: self.tenant.version,
            origin: self.origin.clone(),
            locale: self.reader.locale.clone(),
            address: address.clone(),
        };
        let draw = |csrf| draw(Self(Arc::new(Inner { csrf, ..Inner::clone(self) })));
        app.kept.get(key, app.deps.clock.now(), &self.csrf, draw).await
    }

    /// The frame of a page, without what is in the cart.
    pub(crate) fn shell(&self) -> Shell {
        Shell {
            shop: self.tenant.name.get(&self.reader.locale).to_owned(),
            tagline: self.tenant.theme.tagline.clone(),
            logo: self.tenant.theme.logo.clone(),
            version: self.tenant.version,
            locales: self.tenant.locales.clone(),
            reader: self.reader.clone(),
            signed_in: self.is_signed_in(),
            cart_units: None,
            sections: vec![],
            search_text: String::new(),
            csrf: self.csrf.value.clone(),
            origin: self.origin.clone(),
            here: self.here.clone(),
        }
    }

    /// The same for a page that answers a POST: `here` is where it can be asked for.
    pub(crate) async fn shell_at(&self, app: &App, here: &Route) -> Shell {
        Shell { here: Local::from(here), ..self.shell_with_cart(app).await }
    }

    /// The frame of a page. A cart or menu that cannot be asked for is no reason to have no page.
    pub(crate) async fn shell_with_cart(&self, app: &App) -> Shell {
        let categories = app.categories.get(&self.ctx);
        let (categories, cart_units) = futures::join!(categories, self.cart_units(app));
        let mut shell = Shell { cart_units, ..self.shell() };
        match categories {
            Ok(categories) => shell.sections = categories.sections(&self.reader.locale),
            Err(error) => tracing::warn!(%error, "a page goes without the menu"),
        }
        shell
    }

    /// Units in the cart, if there is one and it can be asked for.
    async fn cart_units(&self, app: &App) -> Option<u32> {
        let (carts, ctx) = (&app.deps.carts, &self.ctx);
        let counted = if self.is_signed_in() {
            // not the cart as it is shown: that looks up every product in it
            let member_id = ctx.user_id().ok().and_then(|id| MemberId::from_i64(id).ok())?;
            let content = carts.get_content(ctx, GetContent { member_id }).await;
            content.map(|content| sum(content.lines.iter().map(|(_, quantity)| *quantity)))
        } else {
            let token = Some(self.cart.clone()?);
            carts.get(ctx, cart_api::Get { token }).await.map(|cart| units(&cart))
        };
        counted.inspect_err(|error| tracing::warn!(%error, "a page goes without the cart")).ok()
    }
}

/// Scheme and host for whole addresses. The host is the one that was asked for, which the bus knows to be the
/// tenant's.
pub(crate) fn origin(app: &App, headers: &HeaderMap, tenant: &TenantInfo) -> String {
    let scheme = if app.options.cookie_secure { "https" } else { "http" };
    let is_host = |h: &&str| {
        !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
    };
    let asked = headers.get(HOST).and_then(|h| h.to_str().ok()).filter(is_host);
    let host = asked.or_else(|| tenant.hosts.first().map(String::as_str)).unwrap_or("localhost");
    [scheme, "://", host].concat()
}

/// Units over all lines.
pub(crate) fn units(cart: &cart_api::CartView) -> u32 {
    sum(cart.lines.iter().map(|l| l.quantity))
}

fn sum(quantities: impl Iterator<Item = Quantity>) -> u32 {
    quantities.fold(0, |sum, quantity| sum.saturating_add(quantity.get()))
}
