//! The shop in the browser: an application over the service traits, without a database. Pages are
//! rendered on the server and need no JavaScript.
//!
//! It must not decide what a service decides (prices, stock, who owns what); it asks, and shows. It holds
//! no state but the cookies of its visitors, and for a second the pages that everybody sees alike.

mod address;
mod categories;
mod checkout;
mod handlers;
mod lists;
mod next;
mod pages;
mod picker;
mod sitemap;
mod statuses;
mod web;

use std::sync::Arc;

use axum::Router;
use cart_api::CartClient;
use fulfillment_api::FulfillClient;
use inventory_api::InventoryClient;
use kit::{SharedClock, SharedEntropy};
use member_api::MemberClient;
use order_api::OrderClient;
use payment_api::PaymentClient;
use product_api::ProductClient;
use tenant_api::CachedTenants;

use crate::categories::CachedCategories;
use crate::sitemap::Sitemaps;
use crate::statuses::CachedStatuses;

pub use crate::web::cookies::SESSION_COOKIE;
pub use pages::Shop;

/// What the pages ask.
pub struct Deps {
    /// Names, looks and languages.
    pub tenants: CachedTenants,
    /// Signing in, address books.
    pub members: MemberClient,
    /// The catalogue.
    pub products: ProductClient,
    /// What is in stock.
    pub inventory: InventoryClient,
    /// Carts.
    pub carts: CartClient,
    /// Orders.
    pub orders: OrderClient,
    /// Payments.
    pub payments: PaymentClient,
    /// Parcels.
    pub fulfillment: FulfillClient,
    /// Finding products.
    pub search: search_api::SearchClient,
    /// Tells open pages what has changed.
    pub hub: ::web::Hub,
    /// For tokens of forms.
    pub entropy: SharedEntropy,
    /// For the age of cookies.
    pub clock: SharedClock,
}

/// The knobs of the pages.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether cookies travel over https only. To be set wherever there is https.
    pub cookie_secure: bool,
}

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) deps: Deps,
    pub(crate) options: Options,
    pub(crate) categories: CachedCategories,
    pub(crate) statuses: CachedStatuses,
    pub(crate) sitemaps: Sitemaps,
    pub(crate) kept: ::web::KeptPages,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The pages of tenants' hosts, with a fallback that answers whatever nothing else does. Every request
/// must carry a `rpc::Ctx` as an extension; the bus puts it there.
pub fn start(deps: Deps, options: Options) -> Router {
    let categories = CachedCategories::new(deps.products.clone(), deps.clock.clone());
    let sitemaps = Sitemaps::new(deps.products.clone(), deps.clock.clone());
    let statuses = CachedStatuses::new(deps.orders.clone(), deps.clock.clone());
    let kept = ::web::KeptPages::new(deps.entropy.clone());
    let inner = Inner { deps, options, categories, statuses, sitemaps, kept };
    handlers::router(App(Arc::new(inner)))
}

/// The pages of a host of no tenant: the list of shops, as a demo shows it. They need no `Ctx`.
pub fn bare(shops: Vec<Shop>) -> Router {
    handlers::bare_router(shops)
}
