//! The service on a throwaway folder, with a mock of orders and a relay. No test logic.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fulfillment::{Deps, Options, Running};
use fulfillment_api::{
    DELIVERED, ForOrder, FulfillClient, Fulfillment, FulfillmentEvent, PARTLY_SHIPPED, SHIPPED,
    Ship, Units, fulfill_router,
};
use kit::{Money, Place, Secret, TestClock};
use order_api::{
    LineInput, OrderBrief, OrderClient, OrderEvent, OrderMessage, OrderMock, OrderParcel,
    PaymentMethod, READY_TO_SHIP,
};
use outbox::{Consumer, Deliver as _, Message, MessageId, Outbox, Relay, Router};
use rpc::{ActorKind, Ctx, Endpoint, Fault, ServeError, TraceId};
use shard::{Backend, Ids, Schema, Shards};
use tasks::Tasks;
use testkit::{PATIENCE, TempShards, operator_ctx, test_ctx};
use tokio::task::JoinSet;
use types::{Address, MemberId, OrderId, Quantity, SkuId, WarehouseId};

pub const TENANT: &str = "outlet";
pub const MEMBER: i64 = 7;
const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };
const CELLS: [Place; 2] = [Place { db: 4, table: 3 }, Place { db: 5, table: 7 }];

type Orders = Arc<Mutex<HashMap<OrderId, OrderBrief>>>;
type Steps = Arc<Mutex<Stepped>>;
/// Topics with the parcels they name, by order, each message once.
type Events = Arc<Mutex<Vec<(MessageId, String, FulfillmentEvent)>>>;

/// Which orders have a step before their parcels, and who made them take it.
#[derive(Default)]
struct Stepped {
    with_step: HashSet<OrderId>,
    taken: Vec<(OrderId, String)>,
}

pub struct World {
    client: FulfillClient,
    pub router: axum::Router,
    pub document: utoipa::openapi::OpenApi,
    pub clock: Arc<TestClock>,
    orders: Orders,
    steps: Steps,
    ids: Ids,
    messages: Router,
    events: Events,
    _tasks: Tasks,
    servers: JoinSet<Result<(), ServeError>>,
    shards: TempShards,
}

impl World {
    pub async fn new() -> Self {
        let clock = testkit::test_clock();
        let shards = TempShards::with_clock(clock.clone());
        let db = shards.sharded(fulfillment::SCHEMA, &CELLS).await;
        let platform = shards.single(PLATFORM).await;
        let lease = shards.options().worker_lease;
        let ids = Ids::lease(&test_ctx("platform"), platform, lease).await.unwrap();
        let (orders, steps) = (Orders::default(), Steps::default());
        let outbox = Outbox::new(db.clone());
        let asked = mock(&orders, &steps);
        let deps = Deps { db, outbox: outbox.clone(), ids: ids.clone(), orders: asked };
        let Running { client, consumers, api } = fulfillment::start(deps, Options::default());
        assert!(api.schema_conflicts().is_empty());
        let (router, document) = api.finish();
        let (tasks, events) = (Tasks::new(), Events::default());
        let deliver = Arc::new(Router::new([recorder(&events)]).unwrap());
        let options = outbox::relay::Options::default();
        Relay::start(&tasks, outbox, deliver, testkit::seeded_entropy(1), options).unwrap();
        Self {
            client,
            router,
            document,
            clock,
            orders,
            steps,
            ids,
            messages: Router::new(consumers).unwrap(),
            events,
            _tasks: tasks,
            servers: JoinSet::new(),
            shards,
        }
    }

    pub fn local(&self) -> FulfillClient {
        self.client.clone()
    }

    /// Another process over the same databases on a server, which has opened none of their cells; none where
    /// they are files, which one process has.
    pub async fn apart(&self, name: &str) -> Option<FulfillClient> {
        let folder = self.shards.folder().join(name);
        let options = shard::Options { folder, ..self.shards.options().clone() };
        if matches!(options.backend, Backend::Embedded) {
            return None;
        }
        let shards = Shards::open(options, self.clock.clone()).unwrap();
        let db = shards.database(fulfillment::SCHEMA).await.unwrap();
        let (outbox, orders) = (Outbox::new(db.clone()), mock(&self.orders, &self.steps));
        let deps = Deps { db, outbox, ids: self.ids.clone(), orders };
        Some(fulfillment::start(deps, Options::default()).client)
    }

    pub async fn remote(&mut self) -> FulfillClient {
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (listener, address) = testkit::free_listener().await;
        let endpoint = Endpoint::new(&format!("http://{address}"), &secret).unwrap();
        let router = fulfill_router(self.local());
        self.servers.spawn(async move {
            rpc::serve(listener, [router], &secret, std::future::pending()).await
        });
        FulfillClient::remote(endpoint)
    }

    /// A paid order of [`MEMBER`] whose message to the warehouse is still on its way.
    pub async fn order(&self) -> OrderId {
        self.clock.advance(Duration::from_millis(1));
        let id = OrderId(self.ids.mint(&test_ctx(TENANT), CELLS[1]).await.unwrap());
        let brief = OrderBrief {
            id,
            member_id: MemberId::from_i64(MEMBER).unwrap(),
            status: "PAID".to_owned(),
            is_final: false,
            payable: false,
            shippable: true,
            holds_stock: true,
            payment_method: PaymentMethod::Card,
            total: cny(1_000),
            paid: cny(1_000),
            version: 2,
        };
        self.orders.lock().unwrap().insert(id, brief);
        id
    }

    /// The same, ready to be shipped: lines of (sku, warehouse, units).
    pub async fn ready(&self, lines: &[(i64, i64, u32)]) -> OrderId {
        let id = self.order().await;
        self.deliver(&self.ready_message(id, 2, lines)).await;
        id
    }

    /// The flow of this order has a step before its first parcel.
    pub fn with_step(&self, id: OrderId) {
        self.steps.lock().unwrap().with_step.insert(id);
    }

    /// Who made this order take that step, each time.
    pub fn steps_of(&self, id: OrderId) -> Vec<String> {
        let steps = self.steps.lock().unwrap();
        steps.taken.iter().filter(|(o, _)| *o == id).map(|(_, by)| by.clone()).collect()
    }

    pub fn status(&self, id: OrderId) -> String {
        self.orders.lock().unwrap()[&id].status.clone()
    }

    pub fn set_status(&self, id: OrderId, status: &str, shippable: bool) {
        let mut orders = self.orders.lock().unwrap();
        let order = orders.get_mut(&id).unwrap();
        (order.status, order.shippable) = (status.to_owned(), shippable);
    }

    pub fn ready_message(
        &self,
        order_id: OrderId,
        version: i64,
        lines: &[(i64, i64, u32)],
    ) -> Arc<Message> {
        let parcel = |(s, w, n): &(i64, i64, u32)| OrderParcel {
            warehouse_id: WarehouseId::from_i64(*w).unwrap(),
            lines: vec![LineInput { sku_id: sku(*s), quantity: Quantity::new(*n).unwrap() }],
        };
        let data = OrderEvent {
            order_id,
            member_id: MemberId::from_i64(MEMBER).unwrap(),
            payment_method: PaymentMethod::Card,
            total: cny(1_000),
            paid: cny(1_000),
            captured: None,
            refunded: None,
            status_label: String::new(),
            is_final: false,
            flow_version: 1,
            channel: "web".to_owned(),
            created_at: testkit::BEGIN,
            updated_at: testkit::BEGIN,
            lines: Vec::new(),
            parcels: lines.iter().map(parcel).collect(),
            address: address(),
        };
        let (from, to) = ("PENDING_PAYMENT".to_owned(), "PAID".to_owned());
        let payload = OrderMessage { operation: "pay".into(), from, to, version, data };
        Arc::new(Message {
            source: "order".to_owned(),
            id: MessageId {
                aggregate_type: "order".to_owned(),
                aggregate_id: order_id.get(),
                seq: version,
            },
            tenant: TENANT.parse().unwrap(),
            topic: READY_TO_SHIP.to_owned(),
            place: order_id.place(),
            payload: serde_json::to_string(&payload).unwrap(),
            trace: TraceId::from_random(1, 1),
            request_id: "test".to_owned(),
            attempt: 1,
            created_at: testkit::BEGIN,
            deliver_at: None,
        })
    }

    pub async fn deliver(&self, message: &Arc<Message>) {
        self.messages.deliver(message, PATIENCE).await.unwrap();
    }

    pub async fn refused(&self, message: &Arc<Message>) -> outbox::ConsumeError {
        self.messages.deliver(message, PATIENCE).await.unwrap_err()
    }

    pub async fn shipping(&self, order_id: OrderId) -> Fulfillment {
        self.client.for_order(&test_ctx(TENANT), ForOrder { order_id }).await.unwrap()
    }

    /// What has been told about an order, in sequence: `("shipped", parcel)`.
    pub fn told(&self, order_id: OrderId) -> Vec<(String, types::ShipmentId)> {
        let events = self.events.lock().unwrap();
        let of_order = events.iter().filter(|(_, _, e)| e.order_id == order_id);
        let short = |topic: &str| topic.trim_start_matches("fulfillment.").to_owned();
        of_order.map(|(_, topic, e)| (short(topic), e.shipment_id)).collect()
    }
}

/// Orders whose flow lets them be shipped, with a step of its own where [`World::with_step`] says so.
fn mock(orders: &Orders, steps: &Steps) -> OrderClient {
    let (orders, all, steps) = (Arc::clone(orders), Arc::clone(orders), Arc::clone(steps));
    let mock = OrderMock::new().on_brief(move |ctx, req| {
        if ctx.actor.kind != ActorKind::System {
            return Err(Fault::new(kit::ErrorCode::Forbidden, "only the system").into());
        }
        let orders = orders.lock().unwrap();
        Ok(req.order_ids.iter().filter_map(|id| orders.get(id).cloned()).collect())
    });
    OrderClient::mock(mock.on_begin_shipping(move |ctx, req| {
        ctx.require("fulfillment:ship")?;
        let mut orders = all.lock().unwrap();
        let order = orders.get_mut(&req.order_id).ok_or_else(|| Fault::not_found("this order"))?;
        let mut steps = steps.lock().unwrap();
        if order.shippable && steps.with_step.contains(&req.order_id) && order.status != "SHIPPING"
        {
            order.status = "SHIPPING".to_owned();
            steps.taken.push((req.order_id, ctx.actor.principal()));
        }
        Ok(order.clone())
    }))
}

fn recorder(events: &Events) -> Consumer {
    let events = Arc::clone(events);
    let topics = [PARTLY_SHIPPED, SHIPPED, DELIVERED];
    Consumer::from_fn("test.order", topics, move |_ctx, message| {
        let events = Arc::clone(&events);
        async move {
            let event: FulfillmentEvent = message.json()?;
            let mut events = events.lock().unwrap();
            if events.iter().all(|(id, ..)| *id != message.id) {
                events.push((message.id, message.topic, event));
            }
            Ok(())
        }
    })
}

pub fn cny(amount: i64) -> Money {
    Money::new(amount, "CNY".parse().unwrap()).unwrap()
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn address() -> Address {
    Address {
        name: "Ada".into(),
        phone: "123456".into(),
        country: "CN".into(),
        region: String::new(),
        city: "Shenzhen".into(),
        street: "1 Harbour Road".into(),
        postal_code: String::new(),
    }
}

pub fn packer() -> Ctx {
    operator_ctx(TENANT, 1, &["fulfillment:ship", "fulfillment:read"])
}

/// A parcel with this number; all that is left, or some units.
pub fn parcel(order_id: OrderId, number: &str, lines: Option<&[(i64, u32)]>) -> Ship {
    let units =
        |(s, n): &(i64, u32)| Units { sku_id: sku(*s), quantity: Quantity::new(*n).unwrap() };
    Ship {
        order_id,
        lines: lines.map(|l| l.iter().map(units).collect()),
        warehouse_id: None,
        carrier: "Swift".to_owned(),
        tracking_number: number.to_owned(),
    }
}
