//! The service `fulfillment`: what is to be shipped of an order, its parcels, and where they are, at the
//! place of the order. It must not move stock or orders: it tells what has left and what has arrived.

mod http;
mod jobs;
pub mod model;
mod service;
mod store;

use std::sync::Arc;

use fulfillment_api::FulfillClient;
use order_api::OrderClient;
use outbox::{Consumer, Idempotency, Outbox};
use shard::{Database, Ids, Schema};

/// The logical databases of fulfillments: one per place some placement uses.
pub const SCHEMA: Schema = Schema {
    database: "fulfillment",
    sets: &[outbox::MIGRATIONS, store::MIGRATIONS],
    cell_tables: store::CELL_TABLES,
};

/// The knobs of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Parcels of one order at most.
    pub shipments_max: usize,
    /// Tracking events of one order's parcels at most.
    pub tracking_max: usize,
    /// How long keys are leased and answers kept.
    pub idempotency: outbox::idempotency::Options,
}

impl Default for Options {
    fn default() -> Self {
        let idempotency = outbox::idempotency::Options::default();
        Self { shipments_max: 50, tracking_max: 1_000, idempotency }
    }
}

/// What the service needs.
pub struct Deps {
    /// Its databases, opened with [`SCHEMA`].
    pub db: Database,
    /// The outbox of those.
    pub outbox: Outbox,
    /// Where ids come from.
    pub ids: Ids,
    /// Orders: whether they may be shipped.
    pub orders: OrderClient,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: FulfillClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Its routes.
    pub api: http_kit::Api,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, outbox, ids, orders } = deps;
    let idempotency = Idempotency::new(db.clone(), options.idempotency);
    let service = Arc::new(service::Service { db, outbox, ids, idempotency, orders, options });
    let consumers = jobs::consumers(&service);
    let client = FulfillClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers }
}
