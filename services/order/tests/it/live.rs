//! The world with a relay: messages that other services would send arrive, and those of orders are kept.

use std::sync::Arc;
use std::time::Duration;

use fulfillment_api::FulfillmentEvent;
use order_api::{Act, Get, OrderMessage, OrderView};
use outbox::relay::Relay;
use outbox::{Consumer, NewMessage, Router};
use payment_api::PaymentEvent;
use rpc::Fault;
use tasks::Tasks;
use testkit::{eventually, seeded_entropy, test_ctx};
use tokio::sync::Mutex;
use types::{OrderId, PaymentId, ShipmentId};

use crate::world::{PRICE, SHIPPING, World, buyer, cny};

pub const TOTAL: i64 = PRICE + SHIPPING;

/// The world with a relay, and the topics that would reach other services.
pub struct Live {
    pub world: World,
    pub tasks: Tasks,
    told: Arc<Mutex<Vec<(String, OrderMessage)>>>,
    sent: Arc<Mutex<Vec<(String, i64)>>>,
}

impl Live {
    pub async fn new() -> Self {
        Self::on(World::new().await)
    }

    pub fn on(world: World) -> Self {
        let (tasks, sent) = (Tasks::new(), Arc::new(Mutex::new(Vec::new())));
        let mut consumers = world.consumers.clone();
        let topics = [
            order_api::PAID,
            order_api::CLOSED,
            order_api::ACTION_REFUND,
            order_api::ACTION_RELEASE_STOCK,
            order_api::ACTION_SELL_STOCK,
            payment_api::REFUND_SURPLUS,
        ];
        let heard = Arc::clone(&sent);
        consumers.push(Consumer::from_fn("test.sink", topics, move |_, message| {
            let heard = Arc::clone(&heard);
            async move {
                heard.lock().await.push((message.topic.clone(), message.id.aggregate_id));
                Ok(())
            }
        }));
        let told = Arc::new(Mutex::new(Vec::new()));
        let followed = Arc::clone(&told);
        let follow = Consumer::from_fn("test.follower", order_api::ALL_EVENTS.iter().copied(), {
            move |_, message| {
                let followed = Arc::clone(&followed);
                async move {
                    followed.lock().await.push((message.topic.clone(), message.json()?));
                    Ok(())
                }
            }
        });
        consumers.push(follow);
        let router = Arc::new(Router::new(consumers).unwrap());
        let options = outbox::relay::Options {
            poll: Duration::from_millis(20),
            ..outbox::relay::Options::default()
        };
        Relay::start(&tasks, world.outbox.clone(), router, seeded_entropy(1), options).unwrap();
        Self { world, tasks, told, sent }
    }

    /// Puts a message as another service would, into the same database.
    async fn tell(&self, order: OrderId, topic: &'static str, payload: &impl serde::Serialize) {
        let ctx = test_ctx("flora");
        let message = NewMessage::new(topic, "test", order.get(), payload).unwrap();
        let (outbox, inner) = (self.world.outbox.clone(), ctx.clone());
        self.world
            .db
            .tx(&ctx, order.place().into(), move |tx| {
                let (outbox, ctx, message) = (outbox.clone(), inner.clone(), message.clone());
                async move { outbox.put(&tx, &ctx, message).await.map(|_| ()) }
            })
            .await
            .map_err(|e: Fault| format!("{e:?}"))
            .unwrap();
    }

    pub async fn captured(&self, order: OrderId, payment: i64, balance: i64) {
        let event = PaymentEvent {
            order_id: order,
            payment_id: PaymentId::from_i64(payment).unwrap(),
            amount: cny(TOTAL),
            balance: cny(balance),
            refunded: Some(cny(0)),
            provider: "test_card".into(),
        };
        self.tell(order, payment_api::CAPTURED, &event).await;
    }

    /// `amount` goes back of what was captured whole.
    pub async fn refunded(&self, order: OrderId, amount: i64) {
        let event = PaymentEvent {
            order_id: order,
            payment_id: PaymentId::from_i64(1).unwrap(),
            amount: cny(amount),
            balance: cny(TOTAL - amount),
            refunded: Some(cny(amount)),
            provider: "test_card".into(),
        };
        self.tell(order, payment_api::REFUNDED, &event).await;
        eventually(testkit::PATIENCE, || async {
            self.order(order).await.paid == cny(TOTAL - amount)
        })
        .await;
    }

    /// What whoever follows all orders was told of this one, when as much has come.
    pub async fn told(&self, order: OrderId, times: usize) -> Vec<(String, OrderMessage)> {
        let of_order = || async {
            let told = self.told.lock().await;
            told.iter().filter(|(_, m)| m.data.order_id == order).cloned().collect::<Vec<_>>()
        };
        eventually(testkit::PATIENCE, || async { of_order().await.len() >= times }).await;
        of_order().await
    }

    pub async fn stop(&self) {
        self.tasks.shutdown(Duration::from_secs(5)).await;
    }

    pub async fn moved(&self, order: OrderId, topic: &'static str) {
        let shipment_id = ShipmentId::from_i64(1).unwrap();
        self.tell(order, topic, &FulfillmentEvent { order_id: order, shipment_id }).await;
    }

    pub async fn order(&self, id: OrderId) -> OrderView {
        self.world.client.get(&buyer(7), Get { order_id: id }).await.unwrap()
    }

    pub async fn reaches(&self, id: OrderId, status: &str) {
        eventually(testkit::PATIENCE, || async { self.order(id).await.status == status }).await;
    }

    pub async fn hears(&self, topic: &str, times: usize) {
        let count =
            || async { self.sent.lock().await.iter().filter(|(t, _)| t == topic).count() == times };
        eventually(testkit::PATIENCE, count).await;
    }
}

pub fn act(order_id: OrderId, operation: &str, request_id: &str) -> Act {
    Act {
        order_id,
        operation: operation.to_owned(),
        expected_version: None,
        request_id: request_id.to_owned(),
        note: String::new(),
    }
}
