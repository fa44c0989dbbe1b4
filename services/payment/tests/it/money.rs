//! What must hold of money, whatever happens in whatever sequence.

use std::time::Duration;

use payment_api::{Error, PaymentState, Refund};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use testkit::operator_ctx;
use types::OrderId;

use crate::orders::cny;
use crate::world::{
    DECLINED, GOOD, LATER, LATER_DECLINED, LOST, SLOW, TENANT, UNHEARD, World, member, pay,
};

const TOTAL: i64 = 1_000;

#[tokio::test]
async fn fifty_payments_of_one_order_at_once_capture_once() {
    let world = World::new().await;
    let order_id = world.order(TOTAL).await;
    let client = world.local();
    let tries = (0..50).map(|_| {
        let client = client.clone();
        async move { client.pay(&member(), pay(order_id, GOOD)).await }
    });
    let results = futures::future::join_all(tries).await;
    let paid = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(paid, 1);
    for refused in results.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, Error::UnderWay | Error::NotPayable(_)), "{refused:?}");
    }
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert_eq!((seen.payments.len(), seen.balance), (1, cny(TOTAL)));
    assert_eq!(world.held_by_provider(&seen.payments).await, TOTAL);
}

#[derive(Debug, Clone)]
enum Op {
    Pay(&'static str),
    Wait(u64),
    Close,
    Refund(usize, i64),
    Command(i64),
    LoseRefunds(u32),
    Hear,
}

fn op() -> impl Strategy<Value = Op> {
    let cards = vec![GOOD, DECLINED, LATER, LATER_DECLINED, SLOW, UNHEARD, LOST];
    prop_oneof![
        5 => prop::sample::select(cards).prop_map(Op::Pay),
        3 => (1u64..200).prop_map(Op::Wait),
        1 => Just(Op::Close),
        2 => (0usize..3, 1i64..=TOTAL).prop_map(|(n, amount)| Op::Refund(n, amount)),
        1 => (2i64..4).prop_map(Op::Command),
        1 => (1u32..3).prop_map(Op::LoseRefunds),
        2 => Just(Op::Hear),
    ]
}

/// Captured − refunded = Σ of the ledger = what the order was told = what the provider holds, and an
/// order keeps the money of one payment at most.
#[test]
fn captured_minus_refunded_is_the_ledger_in_any_sequence() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let config =
        Config { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let sequences = prop::collection::vec(op(), 1..12);
    let run = |ops: Vec<Op>| runtime.block_on(play(&world, ops));
    TestRunner::new(config).run(&sequences, run).unwrap();
}

async fn play(world: &World, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let order_id = world.order(TOTAL).await;
    let clerk = operator_ctx(TENANT, 1, &["payments:refund"]);
    let mut commanded = false;
    for op in ops {
        match op {
            // Refusals are answers, too.
            Op::Pay(card) => drop(world.pay(order_id, card).await),
            Op::Wait(s) => world.clock.advance(Duration::from_secs(s)),
            Op::Close => world.orders.close(order_id),
            Op::Refund(n, amount) => {
                let seen = world.payments(order_id).await;
                let Some(payment) = seen.payments.get(n) else { continue };
                let reason = "late".to_owned();
                let wish = Refund { payment_id: payment.id, amount: cny(amount), reason };
                drop(world.local().refund(&clerk, wish).await);
            }
            Op::Command(version) => {
                world.deliver(&world.refund_command(order_id, version)).await;
                commanded = true;
            }
            Op::LoseRefunds(n) => {
                world.moods.refunds_to_lose.store(n, std::sync::atomic::Ordering::SeqCst);
            }
            Op::Hear => world.quiet().await,
        }
        holds(world, order_id).await?;
    }
    world.settled(order_id).await;
    world.quiet().await;
    holds(world, order_id).await?;
    at_rest(world, order_id, commanded).await
}

async fn holds(world: &World, order_id: OrderId) -> Result<(), TestCaseError> {
    let seen = world.payments(order_id).await;
    let captured = seen.payments.iter().filter(|p| p.state == PaymentState::Captured);
    let captured: i64 = captured.map(|p| p.amount.amount()).sum();
    let done: i64 = seen.refunds.iter().filter(|r| r.done).map(|r| r.amount.amount()).sum();
    prop_assert_eq!(captured - done, seen.balance.amount());
    for payment in &seen.payments {
        let of = seen.refunds.iter().filter(|r| r.payment_id == payment.id);
        let begun: i64 = of.clone().map(|r| r.amount.amount()).sum();
        let done: i64 = of.filter(|r| r.done).map(|r| r.amount.amount()).sum();
        prop_assert!(begun <= payment.amount.amount(), "{:?}", payment);
        prop_assert_eq!(done, payment.refunded.amount());
    }
    let open = seen.payments.iter().filter(|p| p.state == PaymentState::Pending).count();
    prop_assert!(open <= 1);
    Ok(())
}

async fn at_rest(world: &World, order_id: OrderId, commanded: bool) -> Result<(), TestCaseError> {
    let seen = world.payments(order_id).await;
    prop_assert_eq!(world.held_by_provider(&seen.payments).await, seen.balance.amount());
    prop_assert_eq!(world.orders.paid(order_id), seen.balance.amount());
    prop_assert!(seen.refunds.iter().all(|r| r.done));
    let kept =
        |p: &&payment_api::PaymentView| p.state == PaymentState::Captured && p.refunded != p.amount;
    prop_assert!(seen.payments.iter().filter(kept).count() <= 1);
    prop_assert!(seen.balance.amount() >= 0);
    let events = world.events_of(order_id);
    let sum = |topic: &str| -> i64 {
        events.iter().filter(|(t, ..)| t == topic).map(|(_, amount, _)| amount).sum()
    };
    let told = sum("payment.captured") - sum("payment.refunded");
    prop_assert_eq!(told, seen.balance.amount(), "each change is told once");
    if world.orders.status(order_id) == "CLOSED" && !commanded {
        prop_assert_eq!(seen.balance.amount(), 0, "what comes late goes back");
    }
    Ok(())
}
