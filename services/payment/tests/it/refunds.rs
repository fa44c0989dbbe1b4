//! Refunds that messages ask for: once per message, however often it comes and whatever gets lost.

use std::sync::atomic::Ordering;

use kit::Money;
use payment_api::{PaymentEvent, REFUND_SURPLUS, Refund};
use testkit::operator_ctx;

use crate::orders::cny;
use crate::world::{GOOD, TENANT, World};

fn back(amount: i64, balance: i64) -> (String, i64, i64) {
    ("payment.refunded".to_owned(), amount, balance)
}

fn clerk() -> rpc::Ctx {
    operator_ctx(TENANT, 1, &["payments:refund"])
}

#[tokio::test]
async fn a_cancelled_order_gets_back_what_is_left_once_though_the_command_comes_again_and_again() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = world.pay(order_id, GOOD).await.unwrap();
    let part = Refund { payment_id: paid.id, amount: cny(300), reason: "late".into() };
    world.local().refund(&clerk(), part).await.unwrap();
    let command = world.refund_command(order_id, 2);
    let many = (0..8).map(|_| world.deliver(&command));
    futures::future::join_all(many).await;
    world.quiet().await;
    world.deliver(&command).await;
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert_eq!(seen.refunds.iter().map(|r| r.amount.amount()).collect::<Vec<_>>(), [300, 700]);
    assert!(seen.refunds.iter().all(|r| r.done));
    assert_eq!((seen.payments[0].refunded, seen.balance), (cny(1_000), cny(0)));
    assert_eq!(world.events_of(order_id)[1..], [back(300, 700), back(700, 0)]);
    assert_eq!(world.told_refunded(order_id), [0, 300, 1_000]);
    assert_eq!(world.held_by_provider(&seen.payments).await, 0);
}

#[tokio::test]
async fn a_surplus_command_gives_back_its_payment_only() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = world.pay(order_id, GOOD).await.unwrap();
    world.quiet().await;
    let event = PaymentEvent {
        order_id,
        payment_id: paid.id,
        amount: cny(1_000),
        balance: cny(1_000),
        refunded: Some(cny(0)),
        provider: paid.provider.clone(),
    };
    let elsewhere = PaymentEvent { payment_id: types::PaymentId(order_id.0), ..event.clone() };
    world.deliver(&world.message(REFUND_SURPLUS, order_id, 1, &elsewhere)).await;
    assert!(world.payments(order_id).await.refunds.is_empty());
    for _ in 0..5 {
        world.deliver(&world.message(REFUND_SURPLUS, order_id, 2, &event)).await;
    }
    // Another message about the same surplus is the same surplus.
    world.deliver(&world.message(REFUND_SURPLUS, order_id, 3, &event)).await;
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert_eq!((seen.refunds.len(), seen.balance), (1, cny(0)));
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_tried_again_and_paid_once() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = world.pay(order_id, GOOD).await.unwrap();
    world.moods.refunds_to_lose.store(3, Ordering::SeqCst);
    let wish = Refund { payment_id: paid.id, amount: cny(400), reason: "late".into() };
    let open = world.local().refund(&clerk(), wish).await.unwrap();
    assert!(!open.done, "nobody has confirmed it");
    let rest = Refund { payment_id: paid.id, amount: cny(601), reason: "late".into() };
    assert!(world.local().refund(&clerk(), rest).await.is_err(), "the open one has its claim");
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert!(seen.refunds.len() == 1 && seen.refunds[0].done);
    assert!(world.moods.refunds.load(Ordering::SeqCst) >= 4);
    assert_eq!(world.held_by_provider(&seen.payments).await, 600);
    assert_eq!(seen.balance, cny(600));
}

#[tokio::test]
async fn many_refunds_at_once_never_exceed_the_payment() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = world.pay(order_id, GOOD).await.unwrap();
    let client = world.local();
    let tries = (0..20).map(|_| {
        let wish = Refund { payment_id: paid.id, amount: cny(150), reason: "late".into() };
        let client = client.clone();
        async move { client.refund(&clerk(), wish).await }
    });
    let results = futures::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 6);
    world.quiet().await;
    let seen = world.payments(order_id).await;
    let given: Money = seen.payments[0].refunded;
    assert_eq!((given, seen.balance), (cny(900), cny(100)));
    assert_eq!(world.held_by_provider(&seen.payments).await, 100);
}
