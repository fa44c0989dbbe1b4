//! Several processes of the service on one server: each has opened some cells only.

use kit::{Clock as _, ErrorCode, Id, Place};
use payment_api::{ForOrder, PaymentState, Refund};
use rpc::ServiceError as _;
use testkit::operator_ctx;
use types::{OrderId, PaymentId};

use crate::orders::cny;
use crate::world::{GOOD, TENANT, World, member, pay};

#[tokio::test]
async fn cells_that_another_process_has_made_are_found_and_others_do_not_exist() {
    let world = World::new().await;
    let Some(apart) = world.apart("first").await else { return };
    let order_id = world.order(1_000).await;
    let paid = apart.pay(&member(), pay(order_id, GOOD)).await.unwrap();
    assert_eq!(paid.state, PaymentState::Captured, "a false 404 here would turn a buyer away");
    let seen = world.local().for_order(&member(), ForOrder { order_id }).await.unwrap();
    assert_eq!(seen.payments, std::slice::from_ref(&paid));
    let cashier = operator_ctx(TENANT, 1, &["payments:refund", "payments:read"]);
    let refund = |payment_id| Refund { payment_id, amount: cny(400), reason: "late".to_owned() };
    let apart = world.apart("second").await.unwrap();
    assert!(apart.refund(&cashier, refund(paid.id)).await.unwrap().done);
    let apart = world.apart("third").await.unwrap();
    assert_eq!(apart.for_order(&cashier, ForOrder { order_id }).await.unwrap().balance, cny(600));
    for place in [Place { db: 4, table: 9 }, Place { db: 30, table: 0 }] {
        let id = Id::compose(world.clock.now().millis(), place, 1, 1).unwrap();
        let none = apart.pay(&member(), pay(OrderId(id), GOOD)).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
        let none = apart.refund(&cashier, refund(PaymentId(id))).await.unwrap_err();
        assert_eq!(none.code(), ErrorCode::NotFound, "{place}");
    }
}
