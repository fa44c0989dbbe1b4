//! What callers of the trait may rely on, whichever handle they hold.

use std::time::Duration;

use fulfillment_api::{Deliver, Error, ForOrder, FulfillClient, Ship, Shipment, Track};
use kit::{ErrorCode, Place, Timestamp};
use rpc::ServiceError as _;
use testkit::{PATIENCE, anonymous_ctx, eventually, operator_ctx, user_ctx};
use types::{OrderId, ShipmentId, WarehouseId};

use crate::world::{MEMBER, TENANT, World, address, packer, parcel, sku};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world, &world.local()).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let mut world = World::new().await;
    let remote = world.remote().await;
    suite(&world, &remote).await;
}

async fn suite(world: &World, client: &FulfillClient) {
    an_order_that_leaves_whole_is_shipped_and_then_delivered(world, client).await;
    an_order_that_leaves_in_parts_is_delivered_when_the_last_part_is(world, client).await;
    more_than_is_left_is_refused_and_changes_nothing(world, client).await;
    a_parcel_can_be_taken_from_one_warehouse(world, client).await;
    an_order_is_shipped_only_when_its_flow_says_so(world, client).await;
    a_shopper_sees_his_own_parcels_only(world, client).await;
    a_parcel_is_tracked_in_the_order_of_time(world, client).await;
    bad_input_and_missing_permissions_are_refused(world, client).await;
}

fn units(shipment: &Shipment) -> Vec<(i64, u32)> {
    shipment.lines.iter().map(|u| (u.sku_id.get(), u.quantity.get())).collect()
}

async fn told(world: &World, order_id: OrderId, expected: &[(&str, ShipmentId)]) {
    let expected: Vec<_> = expected.iter().map(|(t, id)| ((*t).to_owned(), *id)).collect();
    eventually(PATIENCE, || async { world.told(order_id).len() >= expected.len() }).await;
    assert_eq!(world.told(order_id), expected);
}

async fn an_order_that_leaves_whole_is_shipped_and_then_delivered(
    world: &World,
    client: &FulfillClient,
) {
    let order_id = world.ready(&[(1, 1, 2), (2, 1, 1), (1, 2, 3)]).await;
    let before = client.for_order(&packer(), ForOrder { order_id }).await.unwrap();
    assert_eq!((before.to_ship.len(), before.shipped, before.delivered), (3, false, false));
    assert_eq!(before.address, address());
    let sent = client.ship(&packer(), parcel(order_id, "A1", None)).await.unwrap();
    assert_eq!(units(&sent), [(1, 5), (2, 1)]);
    let arrived = client.deliver(&packer(), Deliver { shipment_id: sent.id }).await.unwrap();
    assert!(arrived.delivered_at.is_some());
    assert_eq!(arrived.delivered_by, "operator:1");
    world.clock.advance(Duration::from_secs(60));
    let again = client.deliver(&packer(), Deliver { shipment_id: sent.id }).await.unwrap();
    assert_eq!(again, arrived, "repeating it changes nothing");
    let after = client.for_order(&packer(), ForOrder { order_id }).await.unwrap();
    assert!(after.shipped && after.delivered);
    assert_eq!(after.shipments, [arrived]);
    told(world, order_id, &[("shipped", sent.id), ("delivered", sent.id)]).await;
}

async fn an_order_that_leaves_in_parts_is_delivered_when_the_last_part_is(
    world: &World,
    client: &FulfillClient,
) {
    let order_id = world.ready(&[(1, 1, 2), (2, 1, 1)]).await;
    let first = client.ship(&packer(), parcel(order_id, "B1", Some(&[(1, 1)]))).await.unwrap();
    // It arrives before the rest has left: the order has not.
    client.deliver(&packer(), Deliver { shipment_id: first.id }).await.unwrap();
    let second =
        client.ship(&packer(), parcel(order_id, "B2", Some(&[(2, 1), (1, 1)]))).await.unwrap();
    let seen = client.for_order(&packer(), ForOrder { order_id }).await.unwrap();
    assert!(seen.shipped && !seen.delivered);
    client.deliver(&packer(), Deliver { shipment_id: second.id }).await.unwrap();
    let expected = [("partly_shipped", first.id), ("shipped", second.id), ("delivered", second.id)];
    told(world, order_id, &expected).await;
}

async fn more_than_is_left_is_refused_and_changes_nothing(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 2), (2, 1, 3)]).await;
    client.ship(&packer(), parcel(order_id, "C1", Some(&[(1, 1)]))).await.unwrap();
    let before = world.shipping(order_id).await;
    let too_many = |n, left| Error::TooMany { sku_id: sku(n), left };
    for (lines, error) in [
        (&[(2, 3), (1, 2)][..], too_many(1, 1)),
        (&[(2, 2), (2, 2)], too_many(2, 3)),
        (&[(9, 1)], too_many(9, 0)),
    ] {
        let e = client.ship(&packer(), parcel(order_id, "C2", Some(lines))).await.unwrap_err();
        assert_eq!(e, error);
    }
    let e = client.ship(&packer(), parcel(order_id, "C1", None)).await.unwrap_err();
    assert_eq!(e, Error::TrackingTaken);
    assert_eq!(world.shipping(order_id).await, before);
    let mut other = parcel(order_id, "C1", None);
    other.carrier = "Slow".to_owned();
    client.ship(&packer(), other).await.unwrap();
    let e = client.ship(&packer(), parcel(order_id, "C3", None)).await.unwrap_err();
    assert_eq!(e.into_fault().slug(), "nothing_left");
}

async fn a_parcel_can_be_taken_from_one_warehouse(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 2), (1, 2, 3)]).await;
    let from = |number: &str, warehouse: i64| Ship {
        warehouse_id: Some(WarehouseId::from_i64(warehouse).unwrap()),
        ..parcel(order_id, number, None)
    };
    let sent = client.ship(&packer(), from("D1", 2)).await.unwrap();
    assert_eq!(units(&sent), [(1, 3)]);
    let left: Vec<u32> =
        world.shipping(order_id).await.to_ship.iter().map(|l| l.ordered - l.shipped).collect();
    assert_eq!(left, [2, 0]);
    let e = client.ship(&packer(), from("D2", 2)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Conflict);
}

async fn an_order_is_shipped_only_when_its_flow_says_so(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 1)]).await;
    world.set_status(order_id, "CANCELLED", false);
    let e = client.ship(&packer(), parcel(order_id, "E1", None)).await.unwrap_err();
    assert_eq!(e, Error::NotShippable("CANCELLED".to_owned()));
    // The order is ahead of its message to the warehouse.
    let early = world.order().await;
    let e = client.ship(&packer(), parcel(early, "E1", None)).await.unwrap_err();
    assert_eq!(e, Error::NotShippable("PAID".to_owned()));
    let elsewhere = kit::Id::compose(kit::id::EPOCH_MS, Place { db: 9, table: 9 }, 0, 0).unwrap();
    for nobody in [OrderId(elsewhere), OrderId::from_i64(0).unwrap()] {
        let e = client.ship(&packer(), parcel(nobody, "E1", None)).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
    }
    for shipment_id in [ShipmentId(elsewhere), ShipmentId(order_id.0)] {
        let e = client.deliver(&packer(), Deliver { shipment_id }).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
    }
}

async fn a_shopper_sees_his_own_parcels_only(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 1)]).await;
    let sent = client.ship(&packer(), parcel(order_id, "F1", None)).await.unwrap();
    let mine = client.for_order(&user_ctx(TENANT, MEMBER), ForOrder { order_id }).await.unwrap();
    assert_eq!(sent.shipped_by, "operator:1");
    let shown = Shipment { shipped_by: String::new(), ..sent };
    assert_eq!(mine.shipments, [shown], "all but who of the staff it was");
    for (ctx, code) in [
        (user_ctx(TENANT, MEMBER + 1), ErrorCode::NotFound),
        (user_ctx("flora", MEMBER), ErrorCode::NotFound),
        (anonymous_ctx(TENANT), ErrorCode::Unauthenticated),
        (operator_ctx(TENANT, MEMBER, &["fulfillment:ship"]), ErrorCode::Forbidden),
    ] {
        let e = client.for_order(&ctx, ForOrder { order_id }).await.unwrap_err();
        assert_eq!(e.code(), code, "{ctx:?}");
    }
}

async fn a_parcel_is_tracked_in_the_order_of_time(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 1)]).await;
    let sent = client.ship(&packer(), parcel(order_id, "G1", None)).await.unwrap();
    let track = |text: &str, at| Track {
        shipment_id: sent.id,
        location: "Wuhan".to_owned(),
        description: text.to_owned(),
        at,
    };
    let hour = Duration::from_secs(3_600);
    client.track(&packer(), track("sorted", None)).await.unwrap();
    let earlier = Some(sent.shipped_at.minus(hour));
    let seen = client.track(&packer(), track("picked up", earlier)).await.unwrap();
    let texts: Vec<&str> = seen.tracking.iter().map(|t| t.description.as_str()).collect();
    assert_eq!(texts, ["picked up", "sorted"]);
    for at in [Timestamp::from_micros(0), sent.shipped_at.plus(hour * 48)] {
        let e = client.track(&packer(), track("x", Some(at))).await.unwrap_err();
        assert_eq!(e.into_fault().fields[0].pointer, "/at");
    }
    assert_eq!(world.shipping(order_id).await.shipments, [seen]);
}

async fn bad_input_and_missing_permissions_are_refused(world: &World, client: &FulfillClient) {
    let order_id = world.ready(&[(1, 1, 1)]).await;
    let with = |carrier: &str, number: &str, lines: Option<&[(i64, u32)]>| Ship {
        carrier: carrier.to_owned(),
        ..parcel(order_id, number, lines)
    };
    let long = "x".repeat(65);
    let many = vec![(1, 1); 101];
    for (bad, pointer) in [
        (with(" ", "1", None), "/carrier"),
        (with(&long, "1", None), "/carrier"),
        (with("a\u{7}", "1", None), "/carrier"),
        (with("a", "", None), "/tracking_number"),
        (with("a", &long, None), "/tracking_number"),
        (with("a", "1", Some(&[])), "/lines"),
        (with("a", "1", Some(&many)), "/lines"),
    ] {
        let fault = client.ship(&packer(), bad).await.unwrap_err().into_fault();
        assert_eq!((fault.code, fault.fields[0].pointer.as_str()), (ErrorCode::Invalid, pointer));
    }
    for (ctx, code) in [
        (user_ctx(TENANT, MEMBER), ErrorCode::Forbidden),
        (operator_ctx(TENANT, 1, &["fulfillment:read"]), ErrorCode::Forbidden),
        (anonymous_ctx(TENANT), ErrorCode::Unauthenticated),
    ] {
        let shipment_id = ShipmentId(order_id.0);
        let ship = client.ship(&ctx, parcel(order_id, "1", None)).await.unwrap_err();
        let deliver = client.deliver(&ctx, Deliver { shipment_id }).await.unwrap_err();
        let (location, description) = (String::new(), "x".to_owned());
        let track = Track { shipment_id, location, description, at: None };
        let track = client.track(&ctx, track).await.unwrap_err();
        assert_eq!([ship.code(), deliver.code(), track.code()], [code; 3]);
    }
    assert!(world.shipping(order_id).await.shipments.is_empty());
}
