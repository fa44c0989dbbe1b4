//! The operations console in the browser: what those who run a shop see and do, under `/console` of the
//! shop's host. An application over the service traits, without a database; pages are rendered on the
//! server and work without JavaScript.
//!
//! It must not decide what a service decides; it asks, and shows. Each route says which permission it
//! needs (see [`guard`]); the services check theirs again.
//!
//! One folder per area of work, each with the same inside: `routes.rs` (its addresses), `words.rs` (its
//! words, from `locales/`), `handlers.rs`, and one file per page with its struct, `render_…` and samples.

mod cached;
mod flows;
mod guard;
mod home;
mod imports;
mod layout;
mod members;
mod messages;
mod nav;
mod orders;
mod placements;
mod products;
mod settings;
mod sign_in;
mod staff;
mod stock;
mod text;
mod web;

#[cfg(test)]
mod samples;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use inventory_api::InventoryClient;
use kit::{SharedClock, SharedEntropy};
use member_api::MemberClient;
use order_api::OrderClient;
use payment_api::PaymentClient;
use product_api::ProductClient;
use staff_api::StaffClient;
use tasks::Tasks;
use tenant_api::{CachedTenants, TenantClient};

pub use guard::{Access, Rule};
pub use web::cookies::SESSION_COOKIE;

/// What the pages ask.
pub struct Deps {
    /// The tenant, to change it.
    pub tenant: TenantClient,
    /// The tenant as pages show it.
    pub tenants: CachedTenants,
    /// Who works here.
    pub staff: StaffClient,
    /// Who shops here.
    pub members: MemberClient,
    /// The catalogue.
    pub products: ProductClient,
    /// Stock.
    pub inventory: InventoryClient,
    /// Orders and flows.
    pub orders: OrderClient,
    /// Payments.
    pub payments: PaymentClient,
    /// Parcels.
    pub fulfillment: fulfillment_api::FulfillClient,
    /// Products and orders by whatever they are looked for by, and figures.
    pub search: search_api::SearchClient,
    /// Messages between services.
    pub messages: messages_api::MessagesClient,
    /// Tells open pages what has changed.
    pub hub: ::web::Hub,
    /// For work that goes on after its request, such as imports.
    pub tasks: Tasks,
    /// For tokens of forms.
    pub entropy: SharedEntropy,
    /// For the age of cookies, and "today".
    pub clock: SharedClock,
}

/// The knobs of the pages.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether cookies travel over https only. To be set wherever there is https.
    pub cookie_secure: bool,
    /// The folder for files that are being imported. Made when it is first needed; nothing is left in it.
    pub uploads: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self { cookie_secure: false, uploads: std::env::temp_dir() }
    }
}

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) deps: Deps,
    pub(crate) options: Options,
    pub(crate) imports: imports::Imports,
    pub(crate) figures: cached::CachedFigures,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The running console.
pub struct Running {
    /// Its pages, all under `/console`. Every request must carry a `rpc::Ctx` as an extension, with the
    /// actor of the cookie [`SESSION_COOKIE`]; the bus puts it there.
    pub pages: Router,
    /// Every route with who may use it.
    pub rules: Vec<Rule>,
}

/// Starts the console.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let figures = cached::CachedFigures::new(
        deps.search.clone(),
        deps.orders.clone(),
        deps.messages.clone(),
        Arc::clone(&deps.clock),
    );
    let imports = imports::Imports::default();
    let app = App(Arc::new(Inner { deps, options, imports, figures }));
    let pages = guard::Pages::new();
    let pages = sign_in::pages(pages);
    let pages = home::pages(pages);
    let pages = orders::pages(pages);
    let pages = flows::pages(pages);
    let pages = messages::pages(pages);
    let pages = placements::pages(pages);
    let pages = members::pages(pages);
    let pages = staff::pages(pages);
    let pages = settings::pages(pages);
    let pages = products::pages(pages);
    let pages = imports::pages(pages);
    let pages = stock::pages(pages);
    let (pages, rules) = pages.finish(app);
    Running { pages, rules }
}
