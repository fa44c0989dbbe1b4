//! One request, as far as every handler needs to know it: for which shop, by whom, in which language,
//! with which token for forms.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use cart_api::CartToken;
use kit::Secret;
use rpc::{ActorKind, Ctx, Fault};
use tenant_api::TenantInfo;
use types::MemberId;
use ui::{Local, Reader, Route, Shell, Words};

use super::cookies::{self, CART_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE};
use super::{Failure, Fields};
use crate::App;

/// A visit. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Inner>);

pub(crate) struct Inner {
    /// For calls.
    pub(crate) ctx: Ctx,
    /// The shop.
    pub(crate) tenant: Arc<TenantInfo>,
    /// Who reads.
    pub(crate) reader: Reader,
    /// The token that forms must send back.
    pub(crate) csrf: String,
    /// Whether it was made for this request, so that the browser does not know it yet.
    pub(crate) csrf_is_new: bool,
    /// The anonymous cart.
    pub(crate) cart: Option<CartToken>,
    /// The session.
    pub(crate) session: Option<Secret<String>>,
    /// The query of the address.
    pub(crate) query: Fields,
    /// The page to come back to.
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
    /// Reads the request's head.
    pub(crate) async fn open(app: &App, parts: &Parts) -> Result<Self, Failure> {
        let ctx = parts.extensions.get::<Ctx>().cloned();
        let ctx = ctx.ok_or_else(|| Fault::bug("no bus is in front of the pages"))?;
        let tenant = app.deps.tenants.get(&ctx).await?;
        let chosen = cookies::read(&parts.headers, LANGUAGE_COOKIE);
        let wished = parts.headers.get(ACCEPT_LANGUAGE).and_then(|h| h.to_str().ok());
        let reader = Reader::choose(&tenant.locales, chosen.as_deref(), wished.unwrap_or_default())
            .ok_or_else(|| Fault::bug("the tenant has no language"))?;
        let name = cookies::csrf_cookie(app.options.cookie_secure);
        let known = cookies::read(&parts.headers, name).filter(|t| is_token(t));
        let csrf_is_new = known.is_none();
        let csrf = known.map_or_else(|| token(app), Ok)?;
        let address = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        let here = Local::parse(address).filter(|_| parts.method == Method::GET);
        Ok(Self(Arc::new(Inner {
            ctx,
            tenant,
            reader,
            csrf,
            csrf_is_new,
            cart: cookies::read(&parts.headers, CART_COOKIE).map(Secret::new).map(CartToken),
            session: cookies::read(&parts.headers, SESSION_COOKIE).map(Secret::new),
            query: Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            here: here.unwrap_or_else(|| Local::from(&Route::Home)),
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

    /// The frame of a page, without what is in the cart.
    pub(crate) fn shell(&self) -> Shell {
        Shell {
            shop: self.tenant.name.get(&self.reader.locale).to_owned(),
            tagline: self.tenant.theme.tagline.clone(),
            version: self.tenant.version,
            locales: self.tenant.locales.clone(),
            reader: self.reader.clone(),
            signed_in: self.is_signed_in(),
            cart_units: None,
            csrf: self.csrf.clone(),
            here: self.here.clone(),
        }
    }

    /// The same for a page that answers a POST: `here` is where it can be asked for.
    pub(crate) async fn shell_at(&self, app: &App, here: &Route) -> Shell {
        Shell { here: Local::from(here), ..self.shell_with_cart(app).await }
    }

    /// The frame of a page. A cart that cannot be asked for is no reason to have no page.
    pub(crate) async fn shell_with_cart(&self, app: &App) -> Shell {
        let mut shell = self.shell();
        if self.is_signed_in() || self.cart.is_some() {
            let cart = app.deps.carts.get(&self.ctx, cart_api::Get { token: self.cart_token() });
            match cart.await {
                Ok(cart) => shell.cart_units = Some(units(&cart)),
                Err(error) => tracing::warn!(%error, "a page goes without the cart"),
            }
        }
        shell
    }
}

/// Units over all lines.
pub(crate) fn units(cart: &cart_api::CartView) -> u32 {
    cart.lines.iter().fold(0, |sum, l| sum.saturating_add(l.quantity.get()))
}

/// 128 random bits in hexadecimal.
pub(crate) fn token(app: &App) -> Result<String, Failure> {
    let mut random = [0; 16];
    app.deps.entropy.fill(&mut random).map_err(Fault::internal)?;
    Ok(hex::encode(random))
}

/// Whether a text has the shape of [`token`].
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
