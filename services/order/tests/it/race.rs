//! A payment at the very moment of the auto-close: whatever the order of events, one of them wins and
//! the other one's consequence follows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::TriggerDue;
use futures::stream::{self, StreamExt as _};
use order_api::{Act, Error, Get};
use outbox::{Deliver as _, Message, MessageId, Router};
use payment_api::PaymentEvent;
use rpc::TraceId;
use testkit::BEGIN;
use types::{OrderId, PaymentId};

use crate::world::{PRICE, SHIPPING, World, buyer, cny};

const RUNS: i64 = 10_000;
const TOTAL: i64 = PRICE + SHIPPING;
const WITHIN: Duration = Duration::from_secs(30);

fn message(order: OrderId, topic: &str, seq: i64, payload: &impl serde::Serialize) -> Arc<Message> {
    Arc::new(Message {
        source: "test".to_owned(),
        id: MessageId { aggregate_type: topic.to_owned(), aggregate_id: order.get(), seq },
        tenant: testkit::tenant("flora"),
        topic: topic.to_owned(),
        place: order.place(),
        payload: serde_json::to_string(payload).unwrap(),
        trace: TraceId::from_random(1, 1),
        request_id: "race".to_owned(),
        attempt: 1,
        created_at: BEGIN,
        deliver_at: None,
    })
}

fn timer(order: OrderId) -> Arc<Message> {
    let due = TriggerDue {
        flow: "order".to_owned(),
        flow_version: 1,
        entity_id: order.0,
        on: "PENDING_PAYMENT".to_owned(),
        entity_version: 1,
        operation: "close".to_owned(),
        index: 0,
    };
    message(order, "order.trigger", 1, &due)
}

fn payment(order: OrderId) -> Arc<Message> {
    let paid = PaymentEvent {
        order_id: order,
        payment_id: PaymentId::from_i64(1).unwrap(),
        amount: cny(TOTAL),
        balance: cny(TOTAL),
        refunded: Some(cny(0)),
        provider: "test_card".to_owned(),
    };
    message(order, payment_api::CAPTURED, 1, &paid)
}

/// Delivers both at once, twice; where the order stands then, and how it came there.
async fn race(world: &World, router: &Router, run: i64) -> (String, Vec<String>) {
    let member = 10_000 + run;
    let id = world.placed(member).await.id;
    let (timer, payment) = (timer(id), payment(id));
    for _ in 0..2 {
        let both = if run % 2 == 0 {
            futures::join!(router.deliver(&timer, WITHIN), router.deliver(&payment, WITHIN))
        } else {
            // A payment looks at the order before its transaction. A timer that does so, too, is not
            // always the faster one where that is a round trip.
            let late_timer = async {
                world.client.get(&buyer(member), Get { order_id: id }).await.unwrap();
                router.deliver(&timer, WITHIN).await
            };
            let (b, a) = futures::join!(router.deliver(&payment, WITHIN), late_timer);
            (a, b)
        };
        both.0.unwrap();
        both.1.unwrap();
    }
    let ctx = buyer(member);
    let order = world.client.get(&ctx, Get { order_id: id }).await.unwrap();
    assert_eq!(order.paid, cny(TOTAL), "the money is known in either case");
    let history = world.client.history(&ctx, Get { order_id: id }).await.unwrap();
    (order.status, history.into_iter().map(|h| h.operation).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_09_a_payment_at_the_moment_of_the_auto_close_has_exactly_one_winner() {
    let world = World::new().await;
    let router = Router::new(world.consumers.clone()).unwrap();
    let mut seen: BTreeMap<(String, Vec<String>), i64> = BTreeMap::new();
    let runs = stream::iter(0..RUNS).map(|run| race(&world, &router, run));
    let outcomes: Vec<_> = runs.buffer_unordered(64).collect().await;
    for outcome in outcomes {
        *seen.entry(outcome).or_default() += 1;
    }
    let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let paid = ("PAID".to_owned(), words(&["begin", "pay"]));
    let closed = ("CLOSED".to_owned(), words(&["begin", "close", "refund_late_payment"]));
    let (won, lost) = (seen.remove(&paid).unwrap_or(0), seen.remove(&closed).unwrap_or(0));
    assert!(seen.is_empty(), "something else happened: {seen:?}");
    assert_eq!(won + lost, RUNS);
    assert!(won > 0 && lost > 0, "both must be seen winning: {won} paid, {lost} closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_moves_at_once_one_is_made_and_a_repeated_one_gets_the_same_answer() {
    let world = World::new().await;
    for member in 500..510 {
        let order_id = world.placed(member).await.id;
        // Every request comes twice.
        let moves = (0..12).map(|n| {
            let (client, ctx) = (world.client.clone(), buyer(member));
            let act = Act {
                order_id,
                operation: "cancel".to_owned(),
                expected_version: None,
                request_id: format!("r{}", n / 2),
                note: String::new(),
            };
            async move { (n / 2, client.act(&ctx, act).await) }
        });
        let answers = futures::future::join_all(moves).await;
        let won: Vec<i32> = answers.iter().filter(|(_, a)| a.is_ok()).map(|(n, _)| *n).collect();
        assert_eq!(won.len(), 2, "{answers:?}");
        assert_eq!(won[0], won[1]);
        for (_, refused) in answers.into_iter().filter(|(_, a)| a.is_err()) {
            assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
        }
        let history = world.client.history(&buyer(member), Get { order_id }).await.unwrap();
        assert_eq!(history.len(), 2);
    }
}
