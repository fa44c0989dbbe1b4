//! The service `search`: products and orders as lists find them. Its rows are fed by events and can be
//! lost without harm: the catalogue and all orders are read again. It must not decide anything that its
//! callers would act on; what they act on they ask the owner.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use inventory_api::InventoryClient;
use kit::{SharedClock, SharedEntropy};
use order_api::OrderClient;
use outbox::Consumer;
use product_api::ProductClient;
use search_api::SearchClient;
use shard::{Database, Schema};
use tenant_api::{CachedTenants, TenantClient};

pub use jobs::{CatchUp, CaughtUp};

/// The logical database of the index: one, not sharded.
pub const SCHEMA: Schema =
    Schema { database: "search", sets: &[store::MIGRATIONS], cell_tables: &[] };

/// The knobs of the service, with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long categories are remembered.
    pub categories_for: Duration,
    /// How long reading a page of the catalogue or of orders again may take.
    pub rebuild_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { categories_for: Duration::from_secs(15), rebuild_within: Duration::from_secs(60) }
    }
}

/// What the service needs.
pub struct Deps {
    /// Its database, opened with [`SCHEMA`].
    pub db: Database,
    /// The catalogue.
    pub products: ProductClient,
    /// What can be ordered.
    pub inventory: InventoryClient,
    /// Orders, to read again those that are older than the index.
    pub orders: OrderClient,
    /// Who there is, to see whose products were never read.
    pub tenant: TenantClient,
    /// The currency of a tenant.
    pub tenants: CachedTenants,
    /// The time.
    pub clock: SharedClock,
    /// For traces of what it does by itself.
    pub entropy: SharedEntropy,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: SearchClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Reads the products and orders of tenants that are older than the index; to be spawned once.
    pub catch_up: CatchUp,
    /// Its routes.
    pub api: http_kit::Api<SearchClient>,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, products, inventory, orders, tenant, tenants, clock, entropy } = deps;
    let categories = service::Categories::new(products.clone(), clock, options.categories_for);
    let service = service::Service { db, products, inventory, orders, tenants, categories };
    let service = Arc::new(service);
    let consumers = jobs::consumers(&service);
    let catch_up = CatchUp::new(Arc::clone(&service), tenant, entropy, options.rebuild_within);
    let client = SearchClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers, catch_up }
}
