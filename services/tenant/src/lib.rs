//! The service `tenant`: who the tenants are, which hosts they answer to, how they look, where their
//! orders live. It must not create cells or touch another service's data; it tells that a tenant exists.

mod grow;
mod http;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use outbox::{Consumer, Outbox};
use shard::{Database, Ids, Schema};
use tenant_api::TenantClient;

/// The logical database of tenants.
pub const SCHEMA: Schema =
    Schema { database: "tenant", sets: &[outbox::MIGRATIONS, store::MIGRATIONS], cell_tables: &[] };

/// The knobs of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Tenants whose overlap with a new one is reported at most.
    pub overlaps_max: usize,
    /// How long after its publication a new version of a placement takes effect: see
    /// [`tenant_api::growth::lead`].
    pub growth_lead: Duration,
}

impl Default for Options {
    fn default() -> Self {
        // No transaction of the data layer takes longer by default.
        let longest_tx = Duration::from_secs(10);
        Self { overlaps_max: 100, growth_lead: tenant_api::growth::lead(longest_tx) }
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
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: TenantClient,
    /// Its consumers: none.
    pub consumers: Vec<Consumer>,
    /// Its routes.
    pub api: http_kit::Api,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, outbox, ids } = deps;
    let service = Arc::new(service::Service { db, outbox, ids, options });
    let client = TenantClient::from_arc(service);
    Running { api: http::api(client.clone()), consumers: Vec::new(), client }
}
