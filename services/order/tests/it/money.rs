//! What money, timers and shipping do to an order, through its consumers.

use std::time::Duration;

use order_api::{Act, Get};
use rpc::ServiceError as _;
use testkit::test_ctx;

use crate::live::{Live, TOTAL, act};
use crate::world::{buyer, cny};

#[tokio::test]
async fn an_order_is_paid_shipped_delivered_received_and_completed() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    live.moved(id, fulfillment_api::SHIPPED).await;
    live.reaches(id, "SHIPPED").await;
    live.moved(id, fulfillment_api::DELIVERED).await;
    live.reaches(id, "DELIVERED").await;
    live.world.client.act(&buyer(7), act(id, "receive", "r1")).await.unwrap();
    let done = live.world.client.act(&buyer(7), act(id, "complete", "r2")).await.unwrap();
    assert!(done.is_final && done.paid == cny(TOTAL));
    live.hears(order_api::ACTION_SELL_STOCK, 1).await;
    let history = live.world.client.history(&buyer(7), Get { order_id: id }).await.unwrap();
    let path: Vec<_> = history.iter().map(|h| h.to.as_str()).collect();
    let whole = ["PENDING_PAYMENT", "PAID", "SHIPPED", "DELIVERED", "RECEIVED", "COMPLETED"];
    assert_eq!(path, whole);
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_second_payment_of_a_paid_order_goes_back_once() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    live.captured(id, 2, 2 * TOTAL).await;
    live.hears(payment_api::REFUND_SURPLUS, 1).await;
    assert_eq!(live.order(id).await.status, "PAID");
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_payment_after_the_close_is_refunded_by_the_flow() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.world.client.act(&test_ctx("flora"), act(id, "close", "c1")).await.unwrap();
    live.hears(order_api::ACTION_RELEASE_STOCK, 1).await;
    live.captured(id, 1, TOTAL).await;
    live.hears(order_api::ACTION_REFUND, 1).await;
    assert_eq!(live.order(id).await.status, "CLOSED");
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_unpaid_order_closes_by_itself_and_a_paid_one_does_not() {
    let live = Live::new().await;
    let quick = include_str!("flow.json").replace("PT30M", "PT1S");
    live.world.publish("flora", &quick).await;
    let (unpaid, paid) = (live.world.placed(7).await.id, live.world.placed(7).await.id);
    live.captured(paid, 1, TOTAL).await;
    live.reaches(unpaid, "CLOSED").await;
    live.hears(order_api::ACTION_RELEASE_STOCK, 1).await;
    assert_eq!(live.order(paid).await.status, "PAID");
    let closed = live.order(unpaid).await;
    assert!(closed.is_final && closed.available_actions.is_empty());
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_buyer_cancels_while_unpaid_and_a_repeat_gives_the_same_answer() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    let client = &live.world.client;
    assert!(client.act(&buyer(8), act(id, "cancel", "x")).await.is_err());
    let first = client.act(&buyer(7), act(id, "cancel", "x")).await.unwrap();
    let again = client.act(&buyer(7), act(id, "cancel", "x")).await.unwrap();
    assert_eq!((first.status.as_str(), &first), ("CANCELLED", &again));
    let other = client.act(&buyer(7), act(id, "cancel", "y")).await.unwrap_err();
    assert_eq!(other.into_fault().slug(), "operation_not_allowed");
    let stale = Act { expected_version: Some(1), ..act(id, "cancel", "z") };
    assert_eq!(
        client.act(&buyer(7), stale).await.unwrap_err().into_fault().slug(),
        "stale_version"
    );
    live.hears(order_api::ACTION_RELEASE_STOCK, 1).await;
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn whoever_may_move_an_order_is_told_what_became_of_it() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    let carrier = testkit::operator_ctx("flora", 9, &["orders:ship"]);
    let shipped = live.world.client.act(&carrier, act(id, "ship", "s1")).await.unwrap();
    assert_eq!(shipped.status, "SHIPPED");
    assert!(live.world.client.get(&carrier, Get { order_id: id }).await.is_err());
    live.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_running_order_finishes_on_the_flow_that_it_began_with() {
    let live = Live::new().await;
    let old = live.world.placed(7).await;
    let packed = include_str!("flow.json")
        .replace(r#""PAID": { "label": "Paid" },"#, r#""PAID": { "label": "Paid" }, "PACKED": {},"#)
        .replace(
            r#""from": ["PAID", "CONFIRMED", "SHIPPING"], "to": "SHIPPED""#,
            r#""from": ["PACKED", "CONFIRMED", "SHIPPING"], "to": "SHIPPED""#,
        )
        .replace(
            r#""deliver": {"#,
            r#""pack": { "from": "PAID", "to": "PACKED", "by": ["system", "staff.warehouse"] }, "deliver": {"#,
        )
        .replace(
            r#""triggers": ["#,
            r#""triggers": [ { "on": "PAID", "after": "PT1S", "operation": "pack" }, "#,
        );
    live.world.publish("flora", &packed).await;
    let new = live.world.placed(7).await;
    assert_eq!((old.flow_version, new.flow_version), (1, 2));
    live.captured(old.id, 1, TOTAL).await;
    live.captured(new.id, 2, TOTAL).await;
    live.reaches(new.id, "PACKED").await;
    assert_eq!(live.order(old.id).await.status, "PAID");
    live.moved(old.id, fulfillment_api::SHIPPED).await;
    live.moved(new.id, fulfillment_api::SHIPPED).await;
    live.reaches(old.id, "SHIPPED").await;
    live.reaches(new.id, "SHIPPED").await;
    live.tasks.shutdown(Duration::from_secs(5)).await;
}
