//! The service `order`: quotes, places and moves orders along their tenant's flow, sharded by member.
//! It must not touch stock, money or parcels itself; it asks the services that own them.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;

use cart_api::CartClient;
use inventory_api::InventoryClient;
use member_api::MemberClient;
use order_api::OrderClient;
use outbox::{Consumer, Idempotency, Outbox};
use product_api::ProductClient;
use shard::{Database, Ids, Schema};
use tenant_api::CachedTenants;

pub use model::{after_sale_flow_kind, order_flow_kind};

/// The logical databases of orders: one per place some placement uses.
pub const SCHEMA: Schema = Schema {
    database: "order",
    sets: &[outbox::MIGRATIONS, shard::fence::MIGRATIONS, store::MIGRATIONS],
    cell_tables: store::CELL_TABLES,
};

/// The knobs of the service.
#[derive(Debug, Clone)]
pub struct Options {
    /// Orders that one member may leave unpaid in a cell at a time: a limit on hoarding stock.
    pub unpaid_orders_max: u32,
    /// How long keys are leased and answers kept.
    pub idempotency: outbox::idempotency::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self { unpaid_orders_max: 10, idempotency: outbox::idempotency::Options::default() }
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
    /// The published flows; the service registers its kinds there.
    pub flows: flow::Registry,
    /// Tenants: placements, currency, shipping fee.
    pub tenants: CachedTenants,
    /// Prices and names.
    pub products: ProductClient,
    /// Stock.
    pub inventory: InventoryClient,
    /// What is to be ordered.
    pub carts: CartClient,
    /// Address books.
    pub members: MemberClient,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: OrderClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Its routes.
    pub api: http_kit::Api<OrderClient>,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    deps.flows.register(order_flow_kind());
    deps.flows.register(after_sale_flow_kind());
    let service = Arc::new(service::Service {
        idempotency: Idempotency::new(deps.db.clone(), options.idempotency),
        db: deps.db,
        ids: deps.ids,
        runner: flow::Runner::new(deps.outbox.clone(), store::TABLES, model::ORDER_FLOW),
        outbox: deps.outbox,
        flows: deps.flows,
        tenants: deps.tenants,
        products: deps.products,
        inventory: deps.inventory,
        carts: deps.carts,
        members: deps.members,
        options,
    });
    let consumers = jobs::consumers(&service);
    let client = OrderClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers }
}
