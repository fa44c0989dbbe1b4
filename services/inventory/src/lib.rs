//! The service `inventory`: how many of a sku there are and where, and what orders hold of them. It
//! must not know prices or products, and asks about an order only when a reservation expires.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use inventory_api::InventoryClient;
use kit::SharedEntropy;
use outbox::{Consumer, Idempotency, Outbox};
use shard::{Database, Ids, Schema};

pub use jobs::Expiry;

/// The logical database of stock: one, not sharded.
pub const SCHEMA: Schema = Schema {
    database: "inventory",
    sets: &[outbox::MIGRATIONS, store::MIGRATIONS],
    cell_tables: &[],
};

/// The knobs of the service, with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a reservation lives that no order was bound to.
    pub hold: Duration,
    /// How often expired reservations are looked for.
    pub expiry_every: Duration,
    /// Expired reservations that are looked at in one round, at most.
    pub expiry_batch: u32,
    /// When an expired reservation is looked at again whose order could not be asked about.
    pub expiry_retry: Duration,
    /// How long one round's question about orders, and one release or bind, may take.
    pub expiry_within: Duration,
    /// How long keys of adjustments are leased and answers kept.
    pub idempotency: outbox::idempotency::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(120),
            expiry_every: Duration::from_secs(1),
            expiry_batch: 100,
            expiry_retry: Duration::from_secs(5),
            expiry_within: Duration::from_secs(10),
            idempotency: outbox::idempotency::Options::default(),
        }
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
    /// For the traces of the expiry's own calls.
    pub entropy: SharedEntropy,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: InventoryClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// The expiry of reservations. Spawn it with a handle of `order`, which in turn needs `client`.
    pub expiry: Expiry,
    /// Its routes.
    pub api: http_kit::Api,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let service = Arc::new(service::Service {
        idempotency: Idempotency::new(deps.db.clone(), options.idempotency),
        db: deps.db,
        outbox: deps.outbox,
        ids: deps.ids,
        options,
    });
    let consumers = jobs::consumers(&service);
    let expiry = Expiry::new(Arc::clone(&service), deps.entropy);
    let client = InventoryClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers, expiry }
}
