//! The step before a parcel: who ships and who cancels, and what money has to do with it.

use futures::future::join;
use futures::stream::{self, StreamExt as _};
use order_api::{BeginShipping, Brief, Error, Get, OrderBrief};
use rpc::ServiceError as _;
use serde_json::Value;
use testkit::{operator_ctx, test_ctx};
use types::OrderId;

use crate::live::{Live, TOTAL, act};
use crate::world::{PRICE, SHIPPING, World, buyer, order_of};

fn packer() -> rpc::Ctx {
    operator_ctx("flora", 9, &["fulfillment:ship"])
}

async fn begin(world: &World, order_id: OrderId) -> Result<OrderBrief, Error> {
    world.client.begin_shipping(&packer(), BeginShipping { order_id }).await
}

async fn shippable(world: &World, id: OrderId) -> bool {
    let request = Brief { order_ids: vec![id] };
    world.client.brief(&test_ctx("flora"), request).await.unwrap()[0].shippable
}

/// The flow of the other tests as it was before there was a step before the parcels.
fn without_step() -> String {
    let mut document: Value = serde_json::from_str(include_str!("flow.json")).unwrap();
    document["operations"].as_object_mut().unwrap().remove("begin_shipping");
    document["statuses"].as_object_mut().unwrap().remove("SHIPPING");
    document["operations"]["ship"]["from"] = serde_json::json!(["PAID", "CONFIRMED"]);
    document["cycles"] = serde_json::json!(["CLOSED", "CANCELLED"]);
    document.to_string()
}

#[tokio::test]
async fn an_order_of_which_a_part_has_left_cannot_be_cancelled() {
    let live = Live::new().await;
    let world = &live.world;
    let id = world.placed_in_cash(7).await.unwrap().id;
    assert!(shippable(world, id).await);
    let brief = begin(world, id).await.unwrap();
    assert_eq!((brief.status.as_str(), brief.shippable), ("SHIPPING", true));
    // The next parcel of the same order asks again; nothing moves.
    assert_eq!(begin(world, id).await.unwrap(), brief);
    for ctx in [buyer(7), operator_ctx("flora", 1, &["orders:operate"])] {
        let refused = world.client.act(&ctx, act(id, "cancel", "c")).await.unwrap_err();
        assert_eq!(refused.into_fault().slug(), "operation_not_allowed");
    }
    let history = world.client.history(&test_ctx("flora"), Get { order_id: id }).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.operation.as_str(), last.actor.as_str()), ("begin_shipping", "operator:9"));
    live.moved(id, fulfillment_api::SHIPPED).await;
    live.reaches(id, "SHIPPED").await;
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_shipping_and_cancelling_at_the_same_moment_exactly_one_happens() {
    let world = World::new().await;
    let runs = stream::iter(1_000..1_300).map(|member| ship_and_cancel(&world, member));
    let shipped: Vec<bool> = runs.buffer_unordered(16).collect().await;
    let won = shipped.iter().filter(|s| **s).count();
    assert!(won > 0 && won < shipped.len(), "{won} of {} were shipped", shipped.len());
}

/// Whether it was shipped.
async fn ship_and_cancel(world: &World, member: i64) -> bool {
    let id = world.placed_in_cash(member).await.unwrap().id;
    let ctx = buyer(member);
    let (ship, cancel) = if member % 2 == 0 {
        join(begin(world, id), world.client.act(&ctx, act(id, "cancel", "c"))).await
    } else {
        let (cancel, ship) =
            join(world.client.act(&ctx, act(id, "cancel", "c")), begin(world, id)).await;
        (ship, cancel)
    };
    let ship = ship.unwrap();
    assert_ne!(ship.shippable, cancel.is_ok(), "{ship:?} {cancel:?}");
    let order = world.client.get(&ctx, Get { order_id: id }).await.unwrap();
    let expected = if ship.shippable { "SHIPPING" } else { "CANCELLED" };
    assert_eq!((order.status.as_str(), ship.status.as_str()), (expected, expected));
    ship.shippable
}

#[tokio::test]
async fn parcels_that_begin_at_once_make_the_order_take_one_step() {
    let world = World::new().await;
    let id = world.placed_in_cash(7).await.unwrap().id;
    let all = futures::future::join_all((0..8).map(|_| begin(&world, id))).await;
    assert!(all.into_iter().all(|b| b.unwrap().shippable));
    let history = world.client.history(&test_ctx("flora"), Get { order_id: id }).await.unwrap();
    assert_eq!(history.iter().filter(|h| h.operation == "begin_shipping").count(), 1);
}

#[tokio::test]
async fn a_flow_without_the_step_ships_as_before() {
    let live = Live::new().await;
    live.world.publish("flora", &without_step()).await;
    let id = live.world.placed_in_cash(7).await.unwrap().id;
    let brief = begin(&live.world, id).await.unwrap();
    assert_eq!((brief.status.as_str(), brief.shippable), ("CONFIRMED", true));
    live.moved(id, fulfillment_api::SHIPPED).await;
    live.reaches(id, "SHIPPED").await;
    assert!(!begin(&live.world, id).await.unwrap().shippable);
    live.stop().await;
}

#[tokio::test]
async fn an_order_whose_money_went_back_whole_cannot_be_shipped() {
    let live = Live::new().await;
    let world = &live.world;
    let (whole, part, begun) =
        (world.placed(7).await.id, world.placed(7).await.id, world.placed(7).await.id);
    for id in [whole, part, begun] {
        assert!(!shippable(world, id).await, "it is not paid");
        live.captured(id, 1, TOTAL).await;
        live.reaches(id, "PAID").await;
    }
    begin(world, begun).await.unwrap();
    live.refunded(whole, TOTAL).await;
    live.refunded(part, TOTAL - 1).await;
    live.refunded(begun, TOTAL).await;
    for (id, may) in [(whole, false), (part, true), (begun, false)] {
        assert_eq!(shippable(world, id).await, may);
        assert_eq!(begin(world, id).await.unwrap().shippable, may);
    }
    assert_eq!(live.order(whole).await.status, "PAID");
    // What has left all the same is known to have left.
    live.moved(begun, fulfillment_api::SHIPPED).await;
    live.reaches(begun, "SHIPPED").await;
    live.stop().await;
}

#[tokio::test]
async fn a_goodwill_refund_does_not_keep_the_buyer_from_receiving() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    live.moved(id, fulfillment_api::SHIPPED).await;
    live.reaches(id, "SHIPPED").await;
    live.refunded(id, 100).await;
    let received = live.world.client.act(&buyer(7), act(id, "receive", "r")).await.unwrap();
    assert_eq!(received.status, "RECEIVED");
    live.stop().await;
}

#[tokio::test]
async fn orders_in_cash_count_as_unpaid_until_their_money_or_their_end_has_come() {
    let live = Live::new().await;
    let world = &live.world;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.placed_in_cash(7).await.unwrap().id);
    }
    assert_eq!(world.placed_in_cash(7).await, Err(Error::TooManyUnpaid(3)));
    // The cash of one is there, another one is cancelled: two more may be placed.
    live.moved(ids[0], fulfillment_api::SHIPPED).await;
    live.reaches(ids[0], "SHIPPED").await;
    assert_eq!(world.placed_in_cash(7).await, Err(Error::TooManyUnpaid(3)));
    live.captured(ids[0], 1, TOTAL).await;
    live.reaches(ids[0], "RECEIVED").await;
    world.client.act(&buyer(7), act(ids[1], "cancel", "c")).await.unwrap();
    // Money that was there and went back does not make it count again.
    live.refunded(ids[0], TOTAL).await;
    world.placed_in_cash(7).await.unwrap();
    world.placed(7).await;
    assert_eq!(world.placed_in_cash(7).await, Err(Error::TooManyUnpaid(3)));
    live.stop().await;
}

#[tokio::test]
async fn nobody_but_who_ships_begins_to() {
    let world = World::new().await;
    let id = world.placed_in_cash(7).await.unwrap().id;
    let begin = || BeginShipping { order_id: id };
    for ctx in [buyer(7), operator_ctx("flora", 1, &["orders:operate"])] {
        let refused = world.client.begin_shipping(&ctx, begin()).await.unwrap_err();
        assert_eq!(refused.code(), kit::ErrorCode::Forbidden);
    }
    let elsewhere = operator_ctx("gadget", 1, &["fulfillment:ship"]);
    let missing = world.client.begin_shipping(&elsewhere, begin()).await.unwrap_err();
    assert_eq!(missing.code(), kit::ErrorCode::NotFound);
}

#[tokio::test]
async fn another_total_than_that_of_the_order_of_this_checkout_is_another_order() {
    let world = World::new().await;
    let order = world.placed(7).await;
    // The cart has not heard of the order yet: it gives the same checkout for what is in it now.
    let second = order_of(order.id, 2 * PRICE + SHIPPING);
    assert_eq!(world.client.place(&buyer(7), second).await, Err(Error::CheckoutOver));
    let same = world.client.place(&buyer(7), order_of(order.id, PRICE + SHIPPING)).await;
    assert_eq!(same.unwrap().id, order.id, "a second click is the same order");
}
