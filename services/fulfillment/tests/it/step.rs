//! The step that an order takes before its first parcel is written down.

use fulfillment_api::Error;
use rpc::{Ctx, IdempotencyKey};

use crate::world::{World, packer, parcel};

fn keyed(key: &str) -> Ctx {
    let idempotency = Some(IdempotencyKey {
        key: key.to_owned(),
        route: "POST /v1/admin/orders/{id}/shipments".to_owned(),
        body_hash: "the same".to_owned(),
    });
    Ctx { idempotency, ..packer() }
}

#[tokio::test]
async fn an_order_takes_its_step_once_before_the_first_parcel_and_it_is_known_who_ships() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 3)]).await;
    world.with_step(order_id);
    world.local().ship(&packer(), parcel(order_id, "A1", Some(&[(1, 1)]))).await.unwrap();
    assert_eq!(world.status(order_id), "SHIPPING");
    world.local().ship(&packer(), parcel(order_id, "A2", None)).await.unwrap();
    assert_eq!(world.steps_of(order_id), ["operator:1"]);
}

#[tokio::test]
async fn a_parcel_that_cannot_leave_does_not_move_the_order() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 1)]).await;
    world.with_step(order_id);
    let too_many = world.local().ship(&packer(), parcel(order_id, "A1", Some(&[(1, 2)]))).await;
    assert!(matches!(too_many, Err(Error::TooMany { left: 1, .. })), "{too_many:?}");
    assert!(world.local().ship(&packer(), parcel(order_id, " ", None)).await.is_err());
    assert_eq!((world.status(order_id).as_str(), world.steps_of(order_id).len()), ("PAID", 0));
    // Nor is anything written for an order that was cancelled before.
    world.set_status(order_id, "CANCELLED", false);
    let late = world.local().ship(&packer(), parcel(order_id, "A1", None)).await;
    assert_eq!(late, Err(Error::NotShippable("CANCELLED".to_owned())));
    assert!(world.shipping(order_id).await.shipments.is_empty());
}

#[tokio::test]
async fn after_a_crash_between_step_and_parcel_shipping_goes_on_from_there() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 1)]).await;
    world.with_step(order_id);
    // The step was taken, and then the program died.
    world.set_status(order_id, "SHIPPING", true);
    let sent = world.local().ship(&keyed("k"), parcel(order_id, "A1", None)).await.unwrap();
    assert_eq!(world.shipping(order_id).await.shipments, [sent]);
    assert!(world.steps_of(order_id).is_empty(), "it was taken already");
}

#[tokio::test]
async fn shipping_again_with_the_same_key_gives_the_same_parcel() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 2)]).await;
    let wanted = || parcel(order_id, "A1", Some(&[(1, 1)]));
    let first = world.local().ship(&keyed("k"), wanted()).await.unwrap();
    let ctx = keyed("k");
    let again = world.local().ship(&ctx, wanted()).await.unwrap();
    assert_eq!((again, ctx.session.is_replayed()), (first, true));
    let other = world.local().ship(&keyed("other"), wanted()).await;
    assert_eq!(other, Err(Error::TrackingTaken));
    assert_eq!(world.shipping(order_id).await.shipments.len(), 1);
}
