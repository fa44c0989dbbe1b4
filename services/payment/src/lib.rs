//! The service `payment`: attempts to pay orders, refunds, and the ledger of both, at the place of the
//! order. It must not move an order: it tells what happened to the money, and the order decides.

mod http;
mod jobs;
pub mod model;
pub mod provider;
mod service;
pub mod signature;
mod store;
pub mod test_card;

use std::sync::Arc;
use std::time::Duration;

use kit::SharedEntropy;
use order_api::OrderClient;
use outbox::{Consumer, Idempotency, Outbox};
use payment_api::PaymentClient;
use provider::Provider;
use shard::{Database, Ids, Schema};
use tasks::Tasks;

/// The logical databases of payments: one per place some placement uses.
pub const SCHEMA: Schema = Schema {
    database: "payment",
    sets: &[outbox::MIGRATIONS, store::MIGRATIONS],
    cell_tables: store::CELL_TABLES,
};

/// The knobs of the service.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one call of a provider may take.
    pub provider_within: Duration,
    /// How long after an attempt began its provider is asked for the first time; doubles from there.
    pub first_query_after: Duration,
    /// The longest pause between two questions about one attempt.
    pub query_pause_max: Duration,
    /// An attempt that its provider has never heard of after this long has failed.
    pub not_found_grace: Duration,
    /// How often to look for attempts that are to be asked for.
    pub query_poll: Duration,
    /// Attempts of one cell that are asked for in one round at most.
    pub query_batch: u64,
    /// Attempts that are asked for at the same time at most.
    pub query_concurrency: usize,
    /// Attempts per order at most: somebody tries stolen cards.
    pub attempts_max: u32,
    /// Refunds per order that staff may make at most.
    pub refunds_max: u32,
    /// How long after staff began a refund it is tried again, when the first try brought no answer.
    pub refund_retry_after: Duration,
    /// How long keys are leased and answers kept.
    pub idempotency: outbox::idempotency::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            provider_within: Duration::from_secs(10),
            first_query_after: Duration::from_secs(5),
            query_pause_max: Duration::from_secs(600),
            not_found_grace: Duration::from_secs(120),
            query_poll: Duration::from_secs(1),
            query_batch: 100,
            query_concurrency: 8,
            attempts_max: 50,
            refunds_max: 100,
            refund_retry_after: Duration::from_secs(5),
            idempotency: outbox::idempotency::Options::default(),
        }
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
    /// Orders: whose they are, whether they may be paid.
    pub orders: OrderClient,
    /// Who moves money; the first takes the cards.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Randomness for the traces of background work.
    pub entropy: SharedEntropy,
    /// Where background work runs.
    pub tasks: Tasks,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: PaymentClient,
    /// Its consumers, for the process's router of messages.
    pub consumers: Vec<Consumer>,
    /// Its routes.
    pub api: http_kit::Api,
}

/// Starts the service and its background work: asking what became of open attempts.
#[must_use]
pub fn start(deps: Deps, options: Options) -> Running {
    let service = Arc::new(service::Service {
        idempotency: Idempotency::new(deps.db.clone(), options.idempotency),
        db: deps.db,
        outbox: deps.outbox,
        ids: deps.ids,
        orders: deps.orders,
        providers: deps.providers,
        options,
    });
    jobs::spawn(&service, &deps.tasks, &deps.entropy);
    let consumers = jobs::consumers(&service);
    let client = PaymentClient::from_arc(service);
    Running { api: http::api(client.clone()), client, consumers }
}
