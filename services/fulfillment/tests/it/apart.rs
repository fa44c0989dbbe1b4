//! Several processes of the service on one server: each has opened some cells only.

use fulfillment_api::{Deliver, ForOrder};
use kit::{Clock as _, ErrorCode, Id, Place};
use rpc::ServiceError as _;
use types::{OrderId, ShipmentId};

use crate::world::{World, packer, parcel};

#[tokio::test]
async fn cells_that_another_process_has_made_are_found_and_others_do_not_exist() {
    let world = World::new().await;
    let Some(apart) = world.apart("first").await else { return };
    let order_id = world.ready(&[(1, 1, 2)]).await;
    let seen = apart.for_order(&packer(), ForOrder { order_id }).await.unwrap();
    assert_eq!(seen.to_ship.len(), 1);
    let apart = world.apart("second").await.unwrap();
    let sent = apart.ship(&packer(), parcel(order_id, "A1", None)).await.unwrap();
    let apart = world.apart("third").await.unwrap();
    let arrived = apart.deliver(&packer(), Deliver { shipment_id: sent.id }).await.unwrap();
    assert!(arrived.delivered_at.is_some());
    assert!(world.shipping(order_id).await.delivered);
    for place in [Place { db: 4, table: 9 }, Place { db: 30, table: 0 }] {
        let id = Id::compose(world.clock.now().millis(), place, 1, 1).unwrap();
        let order = ForOrder { order_id: OrderId(id) };
        let none = apart.for_order(&packer(), order).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
        let none = apart.ship(&packer(), parcel(OrderId(id), "A2", None)).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
        let parcel = Deliver { shipment_id: ShipmentId(id) };
        assert_eq!(
            apart.deliver(&packer(), parcel).await.unwrap_err().code(),
            ErrorCode::NotFound,
            "{place}"
        );
    }
}
