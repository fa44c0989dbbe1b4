//! The service on a throwaway folder with its provider, its relay and the mock of orders. No test logic.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::{Clock as _, Place, Secret, TestClock};
use order_api::{OrderEvent, OrderMessage, PaymentMethod};
use outbox::{ConsumeError, Consumer, Deliver as _, Message, MessageId, Outbox, Relay, Router};
use payment::provider::Provider;
use payment::test_card::{self, ClientSink, TestCard};
use payment::{Deps, Options, Running};
use payment_api::{
    CAPTURED, Card, Error, ForOrder, OrderPayments, Pay, PaymentClient, PaymentEvent, PaymentView,
    REFUND_SURPLUS, REFUNDED, payment_router,
};
use rpc::{Ctx, Endpoint, Fault, IdempotencyKey, ServeError, TraceId};
use sea_query::{Expr, ExprTrait as _, Query};
use serde::Serialize;
use shard::{Backend, Database, Ids, Route, Schema, Shards};
use tasks::Tasks;
use testkit::{PATIENCE, TempShards, eventually, test_ctx, user_ctx};
use tokio::task::JoinSet;
use types::{Address, MemberId, OrderId};

use crate::orders::{MEMBER, Orders, Verdict, cny};
use crate::provider::{Moods, Moody, Silent};

pub const TENANT: &str = "outlet";
pub const GOOD: &str = "4242424242424242";
pub const DECLINED: &str = "4000000000000002";
pub const LATER: &str = "4000000000003220";
pub const LATER_DECLINED: &str = "4000000000009979";
pub const SLOW: &str = "4000000000000077";
pub const UNHEARD: &str = "4000000000000341";
pub const LOST: &str = "4000000000000119";

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };
const CELLS: [Place; 2] = [Place { db: 4, table: 3 }, Place { db: 5, table: 7 }];
const SECRET: &str = "a-secret-for-tests-only";

/// Messages that the order has got, each once, as its inbox would have it.
type Events = Arc<Mutex<Vec<(MessageId, String, PaymentEvent)>>>;

pub struct World {
    client: PaymentClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub orders: Orders,
    pub moods: Moods,
    pub clock: Arc<TestClock>,
    pub card: Arc<TestCard>,
    pub silent: Silent,
    pub db: Database,
    book: Database,
    ids: Ids,
    pub shards: TempShards,
    tasks: Tasks,
    messages: Arc<Router>,
    events: Events,
    servers: JoinSet<Result<(), ServeError>>,
}

impl World {
    pub async fn new() -> Self {
        let clock = testkit::test_clock();
        let shards = TempShards::with_clock(clock.clone());
        Self::on(shards, clock, Orders::default(), Moods::default()).await
    }

    /// As after a crash: what ran is dropped where it stood, what was committed is there.
    pub async fn restarted(self) -> Self {
        let Self { mut shards, clock, orders, moods, tasks, mut servers, .. } = self;
        servers.shutdown().await;
        tasks.shutdown(Duration::from_secs(5)).await;
        drop((self.client, self.router, self.card, self.db, self.book, self.ids, self.messages));
        shards.reopen().await;
        Self::on(shards, clock, orders, moods).await
    }

    async fn on(shards: TempShards, clock: Arc<TestClock>, orders: Orders, moods: Moods) -> Self {
        let tasks = Tasks::new();
        let entropy = testkit::seeded_entropy(1);
        let db = shards.sharded(payment::SCHEMA, &CELLS).await;
        let book = shards.single(test_card::SCHEMA).await;
        let platform = shards.single(PLATFORM).await;
        let lease = shards.options().worker_lease;
        let ids = Ids::lease(&test_ctx("platform"), platform, lease).await.unwrap();
        let (late, bind) = PaymentClient::late();
        let card = TestCard::start(
            test_card::Deps {
                db: book.clone(),
                sink: Box::new(ClientSink::new(late, entropy.clone())),
                entropy: entropy.clone(),
                tasks: tasks.clone(),
            },
            test_card::Options {
                poll: Duration::from_millis(5),
                secret: Some(Secret::new("shared".into())),
                ..test_card::Options::default()
            },
        )
        .unwrap();
        let outbox = Outbox::new(db.clone());
        let moody = Moody { inner: card.clone(), moods: moods.clone() };
        let silent = Silent::default();
        let deps = Deps {
            db: db.clone(),
            outbox: outbox.clone(),
            ids: ids.clone(),
            orders: orders.client(),
            providers: vec![Arc::new(moody), Arc::new(silent.clone())],
            entropy: entropy.clone(),
            tasks: tasks.clone(),
        };
        let options = Options { query_poll: Duration::from_millis(5), ..Options::default() };
        let Running { client, consumers, api } = payment::start(deps, options);
        bind(client.clone());
        assert!(api.schema_conflicts().is_empty());
        let (router, document) = api.finish();
        let events = Arc::default();
        let messages = Arc::new(Router::new(consumers.clone()).unwrap());
        let all = consumers.into_iter().chain([order(&orders, &events, &messages)]);
        let relay = outbox::relay::Options {
            poll: Duration::from_millis(20),
            backoff: outbox::backoff::Backoff {
                first: Duration::from_millis(1),
                max: Duration::from_millis(5),
            },
            ..outbox::relay::Options::default()
        };
        let deliver = Arc::new(Router::new(all).unwrap());
        Relay::start(&tasks, outbox, deliver, entropy, relay).unwrap();
        let servers = JoinSet::new();
        Self {
            client,
            router,
            document,
            orders,
            moods,
            clock,
            card,
            silent,
            db,
            book,
            ids,
            shards,
            tasks,
            messages,
            events,
            servers,
        }
    }

    /// Another process of the service, where cards are taken by the silent provider.
    pub fn another(&self) -> PaymentClient {
        self.over(&self.db, vec![Arc::new(self.silent.clone()), Arc::new(self.moody())])
    }

    fn moody(&self) -> Moody {
        Moody { inner: self.card.clone(), moods: self.moods.clone() }
    }

    fn over(&self, db: &Database, providers: Vec<Arc<dyn Provider>>) -> PaymentClient {
        let deps = Deps {
            db: db.clone(),
            outbox: Outbox::new(db.clone()),
            ids: self.ids.clone(),
            orders: self.orders.client(),
            providers,
            entropy: testkit::seeded_entropy(2),
            tasks: self.tasks.clone(),
        };
        let options = Options { query_poll: Duration::from_millis(5), ..Options::default() };
        payment::start(deps, options).client
    }

    /// Another process over the same databases on a server, which has opened none of their cells; none where
    /// they are files, which one process has.
    pub async fn apart(&self, name: &str) -> Option<PaymentClient> {
        let folder = self.shards.folder().join(name);
        let options = shard::Options { folder, ..self.shards.options().clone() };
        if matches!(options.backend, Backend::Embedded) {
            return None;
        }
        let shards = Shards::open(options, self.clock.clone()).unwrap();
        let db = shards.database(payment::SCHEMA).await.unwrap();
        Some(self.over(&db, vec![Arc::new(self.moody()), Arc::new(self.silent.clone())]))
    }

    pub fn local(&self) -> PaymentClient {
        self.client.clone()
    }

    pub async fn remote(&mut self) -> PaymentClient {
        let secret = Secret::new(SECRET.to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = payment_router(self.local());
        self.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        PaymentClient::remote(endpoint)
    }

    /// An order of [`MEMBER`] that waits for its money.
    pub async fn order(&self, total: i64) -> OrderId {
        self.order_by(total, PaymentMethod::Card).await
    }

    pub async fn order_by(&self, total: i64, method: PaymentMethod) -> OrderId {
        self.clock.advance(Duration::from_millis(1));
        let id = OrderId(self.ids.mint(&test_ctx(TENANT), CELLS[1]).await.unwrap());
        self.orders.add(id, total, method);
        id
    }

    pub async fn pay(&self, order_id: OrderId, number: &str) -> Result<PaymentView, Error> {
        self.clock.advance(Duration::from_millis(1));
        self.client.pay(&member(), pay(order_id, number)).await
    }

    pub async fn payments(&self, order_id: OrderId) -> OrderPayments {
        self.client.for_order(&test_ctx(TENANT), ForOrder { order_id }).await.unwrap()
    }

    /// A message as the service `order` would have put it.
    pub fn message(
        &self,
        topic: &str,
        order_id: OrderId,
        seq: i64,
        payload: &impl Serialize,
    ) -> Arc<Message> {
        Arc::new(Message {
            source: "order".to_owned(),
            id: MessageId { aggregate_type: "order".to_owned(), aggregate_id: order_id.get(), seq },
            tenant: TENANT.parse().unwrap(),
            topic: topic.to_owned(),
            place: order_id.place(),
            payload: serde_json::to_string(payload).unwrap(),
            trace: TraceId::from_random(1, 1),
            request_id: "test".to_owned(),
            attempt: 1,
            created_at: testkit::BEGIN,
            deliver_at: None,
        })
    }

    /// Hands a message to the consumers of this service until they have taken it, as a relay does.
    pub async fn deliver(&self, message: &Arc<Message>) {
        eventually(PATIENCE, || async {
            match self.messages.deliver(message, PATIENCE).await {
                Err(ConsumeError::Permanent(why)) => panic!("{why}"),
                other => other.is_ok(),
            }
        })
        .await;
    }

    /// The command of an order's flow to give back what was paid for it.
    pub fn refund_command(&self, order_id: OrderId, version: i64) -> Arc<Message> {
        let data = OrderEvent {
            order_id,
            member_id: MemberId::from_i64(MEMBER).unwrap(),
            payment_method: PaymentMethod::Card,
            total: cny(1),
            paid: cny(0),
            captured: None,
            refunded: None,
            status_label: String::new(),
            is_final: false,
            flow_version: 1,
            channel: "web".to_owned(),
            created_at: testkit::BEGIN,
            updated_at: testkit::BEGIN,
            lines: Vec::new(),
            parcels: Vec::new(),
            address: Address {
                name: "A".into(),
                phone: "123".into(),
                country: "CN".into(),
                region: String::new(),
                city: "B".into(),
                street: "C".into(),
                postal_code: String::new(),
            },
        };
        let (from, to) = ("PAID".to_owned(), "CANCELLED".to_owned());
        let payload = OrderMessage { operation: "cancel".into(), from, to, version, data };
        self.message(order_api::ACTION_REFUND, order_id, version, &payload)
    }

    /// Events that the order has got, in the order of their arrival.
    pub fn events_of(&self, order_id: OrderId) -> Vec<(String, i64, i64)> {
        let events = self.events.lock().unwrap();
        let of_order = events.iter().filter(|(_, _, e)| e.order_id == order_id);
        of_order.map(|(_, t, e)| (t.clone(), e.amount.amount(), e.balance.amount())).collect()
    }

    /// What each of these events said had gone back of the order's money by then.
    pub fn told_refunded(&self, order_id: OrderId) -> Vec<i64> {
        let events = self.events.lock().unwrap();
        let of_order = events.iter().filter(|(_, _, e)| e.order_id == order_id);
        of_order.map(|(_, _, e)| e.refunded.unwrap().amount()).collect()
    }

    /// Waits until every message there is has been delivered. Timers become due by moving the clock.
    pub async fn quiet(&self) {
        eventually(PATIENCE, || async {
            self.clock.advance(Duration::from_secs(6));
            self.undelivered().await == 0
        })
        .await;
    }

    async fn undelivered(&self) -> usize {
        let (mut rows, ctx) = (0, test_ctx(TENANT));
        for db in self.db.databases() {
            let read = self.db.read::<_, Fault, _, _>(&ctx, Route::Db(db), |tx| async move {
                let select = Query::select()
                    .column("seq")
                    .from("outbox")
                    .and_where(Expr::col("state").ne(1))
                    .to_owned();
                Ok(tx.all(&select).await?.len())
            });
            rows += read.await.unwrap();
        }
        rows
    }

    /// What the provider holds for these payments, by its own book: captured − refunded.
    pub async fn held_by_provider(&self, payments: &[PaymentView]) -> i64 {
        let ids: Vec<i64> = payments.iter().map(|p| p.id.get()).collect();
        // A late capture is one when its time is over, whether or not it was told already.
        let over = Expr::col("later_outcome")
            .eq("captured")
            .and(Expr::col("callback_at").lte(self.clock.now().micros()));
        let settled = Expr::col("outcome").eq("captured").or(over);
        let ctx = test_ctx(TENANT);
        let read = self.book.read::<_, Fault, _, _>(&ctx, Route::Whole, move |tx| {
            let (ids, settled) = (ids.clone(), settled.clone());
            async move {
                let select = Query::select()
                    .columns(["amount", "refunded"])
                    .from("charges")
                    .and_where(Expr::col("payment_id").is_in(ids))
                    .and_where(settled)
                    .to_owned();
                let rows = tx.all(&select).await?;
                let held = |r: &shard::Row| {
                    Ok::<i64, Fault>(r.get::<i64>("amount")? - r.get::<i64>("refunded")?)
                };
                rows.iter().map(held).sum()
            }
        });
        read.await.unwrap()
    }

    /// Whether no attempt of the order is open any more.
    pub async fn settled(&self, order_id: OrderId) {
        eventually(PATIENCE, || async {
            self.clock.advance(Duration::from_secs(20));
            let payments = self.payments(order_id).await.payments;
            payments.iter().all(|p| p.state != payment_api::PaymentState::Pending)
        })
        .await;
    }
}

/// The service `order`, as far as money goes. What it has no use for it sends back, and again, and again.
fn order(orders: &Orders, events: &Events, payments: &Arc<Router>) -> Consumer {
    let (orders, events, payments) = (orders.clone(), Arc::clone(events), Arc::clone(payments));
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    Consumer::from_fn("test.order", [CAPTURED, REFUNDED], move |_ctx, message| {
        let (orders, events, payments) =
            (orders.clone(), Arc::clone(&events), Arc::clone(&payments));
        let turn = Arc::clone(&turn);
        async move {
            let event: PaymentEvent = message.json()?;
            // As an inbox in a transaction would: the same message twice at once has one effect.
            let _one_at_a_time = turn.lock().await;
            if events.lock().unwrap().iter().any(|(id, ..)| *id == message.id) {
                return Ok(());
            }
            if message.topic == REFUNDED {
                orders.refunded(&event);
            } else if orders.captured(&event) == Verdict::Surplus {
                let back = Arc::new(Message {
                    source: "order".to_owned(),
                    topic: REFUND_SURPLUS.to_owned(),
                    ..message.clone()
                });
                for _ in 0..3 {
                    payments.deliver(&back, PATIENCE).await?;
                }
            }
            events.lock().unwrap().push((message.id, message.topic, event));
            Ok(())
        }
    })
}

pub fn member() -> Ctx {
    user_ctx(TENANT, MEMBER)
}

pub fn keyed(ctx: Ctx, key: &str, body: &str) -> Ctx {
    let route = "POST /v1/store/orders/{id}/payments".to_owned();
    let key = IdempotencyKey { key: key.to_owned(), route, body_hash: body.to_owned() };
    Ctx { idempotency: Some(key), ..ctx }
}

pub fn card(number: &str) -> Card {
    let secret = |s: &str| Secret::new(s.to_owned());
    Card { number: secret(number), expiry: "12/30".to_owned(), cvc: secret("123") }
}

pub fn pay(order_id: OrderId, number: &str) -> Pay {
    Pay { order_id, card: card(number) }
}
