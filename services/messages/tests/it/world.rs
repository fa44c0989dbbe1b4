//! Three services' outboxes in a throwaway folder, with relays, and the service over them, locally and over
//! a real port. No test logic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kit::{Place, Secret, TestClock};
use messages::{Deps, Running};
use messages_api::{MessagesClient, messages_router};
use outbox::relay::{Options, Relay};
use outbox::{ConsumeError, Consumer, MessageId, NewMessage, Outbox, Router};
use rpc::{Ctx, Endpoint, Fault, ServeError};
use shard::{Route, Schema, Tx};
use tasks::Tasks;
use testkit::{BEGIN, PATIENCE, TempShards, eventually, operator_ctx, test_clock, test_ctx};
use tokio::task::JoinSet;

const fn schema(database: &'static str) -> Schema {
    Schema { database, sets: &[outbox::MIGRATIONS], cell_tables: &[] }
}

/// A sharded one must have something in its cells.
const CELLS: shard::MigrationSet = shard::MigrationSet {
    name: "cells",
    common: &[],
    cells: &[shard::Migration {
        version: 1,
        name: "parcels",
        sql: "CREATE TABLE parcels_{t} (id BIGINT NOT NULL PRIMARY KEY)",
    }],
};

const SPREAD: Schema =
    Schema { database: "spread", sets: &[CELLS, outbox::MIGRATIONS], cell_tables: &["parcels"] };

pub const READS: &[&str] = &["messages:read"];
pub const WRITES: &[&str] = &["messages:*"];

/// Somebody of the tenant `flora`.
pub fn somebody(permissions: &[&str]) -> Ctx {
    operator_ctx("flora", 7, permissions)
}

pub struct World {
    pub client: MessagesClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub schema_conflicts: Vec<String>,
    pub clock: Arc<TestClock>,
    /// Whether messages of the topic `broken` cannot be delivered.
    pub is_broken: Arc<AtomicBool>,
    /// Messages that were delivered.
    pub delivered: Arc<AtomicU64>,
    outboxes: Vec<(&'static str, Outbox)>,
    tasks: Tasks,
    servers: JoinSet<Result<(), ServeError>>,
    _shards: TempShards,
}

impl World {
    /// Outboxes of `cart`, `order` and `spread`; the last one is sharded.
    pub async fn new() -> Self {
        let clock = test_clock();
        let shards = TempShards::with_clock(clock.clone());
        let cells = [Place::ZERO, Place::new(4, 1).unwrap()];
        let outboxes = vec![
            ("cart", Outbox::new(shards.single(schema("cart")).await)),
            ("order", Outbox::new(shards.single(schema("order")).await)),
            ("spread", Outbox::new(shards.sharded(SPREAD, &cells).await)),
        ];
        let Running { client, api } = messages::start(Deps { outboxes: outboxes.clone() });
        let schema_conflicts = api.schema_conflicts().to_vec();
        let (router, document) = api.finish();
        Self {
            client,
            router,
            document,
            schema_conflicts,
            clock,
            is_broken: Arc::new(AtomicBool::new(true)),
            delivered: Arc::default(),
            outboxes,
            tasks: Tasks::new(),
            servers: JoinSet::new(),
            _shards: shards,
        }
    }

    /// The same service behind a real port.
    pub async fn over_the_wire() -> Self {
        let mut world = Self::new().await;
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = messages_router(world.client.clone());
        world.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        world.client = MessagesClient::remote(endpoint);
        world
    }

    /// Puts a message about thing `id` for a tenant.
    pub async fn put(
        &self,
        (service, route): (&str, Route),
        tenant: &str,
        topic: &'static str,
        id: i64,
    ) -> MessageId {
        let message = NewMessage::new(topic, "thing", id, &serde_json::json!({"n": id})).unwrap();
        self.put_message((service, route), tenant, message).await
    }

    /// Puts a timer that is due an hour after the beginning.
    pub async fn put_timer(&self, service: &str, id: i64) -> MessageId {
        let due = BEGIN.plus(Duration::from_secs(3_600));
        let message = NewMessage::new("rang", "thing", id, &()).unwrap().deliver_at(due);
        self.put_message((service, Route::Whole), "flora", message).await
    }

    async fn put_message(
        &self,
        (service, route): (&str, Route),
        tenant: &str,
        message: NewMessage,
    ) -> MessageId {
        let (_, outbox) = self.outboxes.iter().find(|(name, _)| *name == service).unwrap();
        let (ctx, to) = (test_ctx(tenant), outbox.clone());
        let for_body = ctx.clone();
        let body = move |tx: Tx| {
            let (outbox, ctx, message) = (to.clone(), for_body.clone(), message.clone());
            async move { outbox.put(&tx, &ctx, message).await }
        };
        outbox.database().tx::<_, Fault, _, _>(&ctx, route, body).await.unwrap()
    }

    /// Starts delivering. What cannot be delivered is dead at once.
    pub fn relay(&self) {
        let (broken, delivered) = (Arc::clone(&self.is_broken), Arc::clone(&self.delivered));
        let topics = ["broken", "broken.too", "fine", "rang"];
        let consumer = Consumer::from_fn("sink", topics, move |_, message| {
            let fails = message.topic.starts_with("broken") && broken.load(Ordering::SeqCst);
            let delivered = Arc::clone(&delivered);
            async move {
                if fails {
                    return Err(ConsumeError::permanent("nobody understands it"));
                }
                delivered.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        });
        let router = Arc::new(Router::new([consumer]).unwrap());
        for (seed, (_, outbox)) in (1..).zip(&self.outboxes) {
            let options = Options { poll: Duration::from_millis(20), ..Options::default() };
            let entropy = testkit::seeded_entropy(seed);
            Relay::start(&self.tasks, outbox.clone(), router.clone(), entropy, options).unwrap();
        }
    }

    /// Waits until so many messages of the tenant are dead.
    pub async fn until_dead(&self, tenant: &str, n: u64) {
        eventually(PATIENCE, || async {
            let summary = self.client.summary(&test_ctx(tenant), messages_api::Summary {}).await;
            summary.unwrap().iter().map(|s| s.dead).sum::<u64>() == n
        })
        .await;
    }

    /// Waits until so many messages were delivered.
    pub async fn until_delivered(&self, n: u64) {
        eventually(PATIENCE, || async { self.delivered.load(Ordering::SeqCst) == n }).await;
    }

    pub async fn stop(self) {
        self.tasks.shutdown(PATIENCE).await;
    }
}
