//! The service `product`: the catalogue of a tenant, its pictures, and imports into it. It must not keep
//! stock; what an import says of stock goes to `inventory`.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;

use inventory_api::InventoryClient;
use outbox::{Consumer, Outbox};
use product_api::ProductClient;
use shard::{Database, Ids, Schema};
use tenant_api::CachedTenants;

pub use model::html::clean as clean_html;

/// The logical database of the catalogue.
pub const SCHEMA: Schema = Schema {
    database: "product",
    sets: &[outbox::MIGRATIONS, store::MIGRATIONS],
    cell_tables: &[],
};

/// The knobs of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Pictures that one tenant may keep; each has at most 512 KiB.
    pub images_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { images_max: 10_000 }
    }
}

/// What the service needs.
pub struct Deps {
    /// Its database, opened with [`SCHEMA`].
    pub db: Database,
    /// The outbox of that.
    pub outbox: Outbox,
    /// Where ids come from.
    pub ids: Ids,
    /// Tenants: their currency and languages.
    pub tenants: CachedTenants,
    /// Where the stock of imports goes.
    pub inventory: InventoryClient,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: ProductClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Its routes.
    pub api: http_kit::Api<ProductClient>,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, outbox, ids, tenants, inventory } = deps;
    let consumers = jobs::consumers(db.clone(), inventory);
    let service = Arc::new(service::Service { db, outbox, ids, tenants, options });
    let client = ProductClient::from_arc(service);
    Running { api: http::api(client.clone()), consumers, client }
}
