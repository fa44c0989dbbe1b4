//! The service `cart`: baskets of members and of anonymous shoppers, and the checkout that has begun.
//! It must not hold stock or keep prices; it asks for them whenever it shows a cart.

mod http;
mod jobs;
mod model;
mod service;
mod store;

use std::sync::Arc;
use std::time::Duration;

use cart_api::CartClient;
use inventory_api::InventoryClient;
use kit::SharedEntropy;
use order_api::OrderClient;
use outbox::Consumer;
use product_api::ProductClient;
use shard::{Database, Schema};
use tenant_api::CachedTenants;

pub use jobs::Purge;

/// The logical database of carts: one, not sharded.
pub const SCHEMA: Schema =
    Schema { database: "cart", sets: &[outbox::MIGRATIONS, store::MIGRATIONS], cell_tables: &[] };

/// The header that carries an anonymous cart's token.
pub const TOKEN_HEADER: &str = "x-cart-token";

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The knobs of the service, with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long an anonymous cart lives after it was last used.
    pub anonymous_for: Duration,
    /// Looking at an anonymous cart keeps it alive, but writes that down at most once in this time.
    pub touch_after: Duration,
    /// How long it is known which orders were taken out of carts: longer than any message may come again.
    pub consumed_for: Duration,
    /// How often old rows are looked for.
    pub purge_every: Duration,
    /// Rows deleted in one transaction, at most.
    pub purge_batch: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            anonymous_for: 30 * DAY,
            touch_after: DAY,
            consumed_for: 30 * DAY,
            purge_every: Duration::from_secs(600),
            purge_batch: 250,
        }
    }
}

/// What the service needs.
pub struct Deps {
    /// Its database, opened with [`SCHEMA`].
    pub db: Database,
    /// For the tokens of anonymous carts: the system's own source.
    pub entropy: SharedEntropy,
    /// What is on sale, and for how much.
    pub products: ProductClient,
    /// Mints the ids of orders to come.
    pub orders: OrderClient,
    /// Says whether a checkout that has begun can still become an order.
    pub inventory: InventoryClient,
    /// The currency of a cart.
    pub tenants: CachedTenants,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: CartClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Deletes what is too old; to be spawned.
    pub purge: Purge,
    /// Its routes.
    pub api: http_kit::Api,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let Deps { db, entropy, products, orders, inventory, tenants } = deps;
    let purge_entropy = Arc::clone(&entropy);
    let service = service::Service { db, entropy, products, orders, inventory, tenants, options };
    let service = Arc::new(service);
    let consumers = jobs::consumers(&service);
    let purge = Purge::new(Arc::clone(&service), purge_entropy);
    let client = CartClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers, purge }
}
