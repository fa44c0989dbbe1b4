//! The message that makes an order ready: it takes effect once, however often it comes.

use fulfillment_api::ForOrder;
use kit::{ErrorCode, Place};
use rpc::ServiceError as _;
use testkit::test_ctx;
use types::OrderId;

use crate::world::{TENANT, World, packer, parcel};

#[tokio::test]
async fn an_order_becomes_ready_once_though_its_message_comes_again_and_again() {
    let world = World::new().await;
    let order_id = world.order().await;
    let message = world.ready_message(order_id, 2, &[(1, 1, 2), (1, 1, 1), (2, 1, 1)]);
    let many = (0..8).map(|_| world.deliver(&message));
    futures::future::join_all(many).await;
    let seen = world.shipping(order_id).await;
    let ordered: Vec<u32> = seen.to_ship.iter().map(|l| l.ordered).collect();
    assert_eq!(ordered, [3, 1], "lines of one sku and warehouse are one");
    world.local().ship(&packer(), parcel(order_id, "1", Some(&[(1, 2)]))).await.unwrap();
    // A flow that passes the step twice sends another message; what has left stays left.
    world.deliver(&world.ready_message(order_id, 3, &[(1, 1, 9)])).await;
    let again = world.shipping(order_id).await;
    assert_eq!(
        again.to_ship.iter().map(|l| (l.ordered, l.shipped)).collect::<Vec<_>>(),
        [(3, 2), (1, 0)]
    );
}

#[tokio::test]
async fn a_message_that_makes_no_sense_goes_to_the_dead_letters_at_once() {
    let world = World::new().await;
    let order_id = world.order().await;
    let empty = world.ready_message(order_id, 2, &[]);
    assert!(world.refused(&empty).await.is_permanent());
    let elsewhere = kit::Id::compose(kit::id::EPOCH_MS, Place { db: 9, table: 9 }, 0, 0).unwrap();
    let nowhere = world.ready_message(OrderId(elsewhere), 2, &[(1, 1, 1)]);
    assert!(world.refused(&nowhere).await.is_permanent());
    let e = world.local().for_order(&test_ctx(TENANT), ForOrder { order_id }).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::NotFound);
}
