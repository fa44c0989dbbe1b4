//! Outcomes that come late, are not heard of, or are cut off by a crash: each becomes known, once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::ErrorCode;
use payment_api::{Callback, Error, PaymentState};
use rpc::ServiceError as _;
use testkit::{PATIENCE, anonymous_ctx, eventually};

use crate::orders::cny;
use crate::provider::{HANGS_AFTER, HANGS_BEFORE, WELL};
use crate::world::{
    DECLINED, GOOD, LATER, LATER_DECLINED, LOST, SLOW, TENANT, UNHEARD, World, keyed, member, pay,
};

fn captured(amount: i64) -> (String, i64, i64) {
    ("payment.captured".to_owned(), amount, amount)
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_by_asking() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let open = world.pay(order_id, UNHEARD).await.unwrap();
    assert_eq!(open.state, PaymentState::Pending);
    assert_eq!(world.pay(order_id, GOOD).await, Err(Error::UnderWay));
    world.settled(order_id).await;
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert_eq!(seen.payments[0].state, PaymentState::Captured);
    assert_eq!(world.events_of(order_id), [captured(1_000)]);
}

#[tokio::test]
async fn an_attempt_that_never_arrived_fails_after_its_grace_and_can_be_made_again() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    world.pay(order_id, LOST).await.unwrap();
    // It is asked for, and stays open as long as it may still be on its way.
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.pay(order_id, GOOD).await, Err(Error::UnderWay));
    world.settled(order_id).await;
    let seen = world.payments(order_id).await;
    assert_eq!(seen.payments[0].state, PaymentState::Failed);
    assert_eq!(world.pay(order_id, GOOD).await.unwrap().state, PaymentState::Captured);
    world.quiet().await;
    assert_eq!(world.events_of(order_id), [captured(1_000)]);
}

#[tokio::test]
async fn a_card_that_answers_later_calls_back_once_for_all() {
    let world = World::new().await;
    let (paid, declined) = (world.order(1_000).await, world.order(500).await);
    assert_eq!(world.pay(paid, LATER).await.unwrap().state, PaymentState::Pending);
    assert_eq!(world.pay(declined, LATER_DECLINED).await.unwrap().state, PaymentState::Pending);
    world.clock.advance(Duration::from_secs(2));
    eventually(PATIENCE, || async {
        let paid = world.payments(paid).await.payments[0].state;
        let declined = world.payments(declined).await.payments[0].state;
        (paid, declined) == (PaymentState::Captured, PaymentState::Declined)
    })
    .await;
    world.quiet().await;
    assert_eq!(world.events_of(paid), [captured(1_000)]);
    assert_eq!(world.events_of(declined), []);
}

#[tokio::test]
async fn a_capture_after_the_order_was_closed_is_booked_and_given_back_once() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    world.pay(order_id, SLOW).await.unwrap();
    world.orders.close(order_id);
    world.clock.advance(Duration::from_secs(61));
    world.settled(order_id).await;
    world.quiet().await;
    let back = ("payment.refunded".to_owned(), 1_000, 0);
    assert_eq!(world.events_of(order_id), [captured(1_000), back]);
    let seen = world.payments(order_id).await;
    assert_eq!((seen.balance, seen.refunds.len()), (cny(0), 1));
    assert!(seen.refunds[0].done);
    assert_eq!(world.held_by_provider(&seen.payments).await, 0);
}

#[tokio::test]
async fn a_crash_after_the_charge_is_resolved_by_asking_after_the_restart() {
    let mut world = World::new().await;
    for (mood, state) in
        [(HANGS_AFTER, PaymentState::Captured), (HANGS_BEFORE, PaymentState::Failed)]
    {
        let order_id = world.order(1_000).await;
        world.moods.charge.store(mood, Ordering::SeqCst);
        let cut = keyed(member().within(Duration::from_millis(300)), "once", "body");
        let e = world.local().pay(&cut, pay(order_id, GOOD)).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::DeadlineExceeded);
        world = world.restarted().await;
        world.moods.charge.store(WELL, Ordering::SeqCst);
        let charges = world.moods.charges.load(Ordering::SeqCst);
        // The shopper's program tries again, with the same key, and is told about the same attempt.
        let again = keyed(member(), "once", "body");
        let found = world.local().pay(&again, pay(order_id, GOOD)).await.unwrap();
        assert!(again.session.is_replayed());
        world.settled(order_id).await;
        world.quiet().await;
        let seen = world.payments(order_id).await;
        assert_eq!((seen.payments.len(), seen.payments[0].id), (1, found.id));
        assert_eq!(seen.payments[0].state, state);
        assert_eq!(world.moods.charges.load(Ordering::SeqCst), charges, "nothing is charged again");
        let arrived = i64::from(state == PaymentState::Captured) * 1_000;
        assert_eq!(seen.balance, cny(arrived));
        assert_eq!(world.held_by_provider(&seen.payments).await, arrived);
        world.clock.advance(Duration::from_secs(25 * 3_600));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_arrives_several_times_at_once_is_told_with_the_sum_of_all() {
    let world = World::new().await;
    for _ in 0..8 {
        let order_id = world.order(1_000).await;
        let mut calls = Vec::new();
        for _ in 0..5 {
            let id = world.pay(order_id, DECLINED).await.unwrap().id;
            let body = format!(
                r#"{{"tenant":"{TENANT}","payment_id":"{id}","reference":"tc_{id}","outcome":"captured"}}"#
            );
            let signature = world.card.sign(&body).unwrap();
            calls.push(Callback { provider: "test_card".to_owned(), signature, body });
        }
        let client = world.local();
        let calls = calls.into_iter().map(|callback| {
            let client = client.clone();
            async move { client.callback(&anonymous_ctx(TENANT), callback).await }
        });
        for heard in futures::future::join_all(calls).await {
            heard.unwrap();
        }
        // What is too much cannot go back: the provider's own book has declined them all.
        eventually(PATIENCE, || async { world.events_of(order_id).len() == 5 }).await;
        let told: Vec<i64> =
            world.events_of(order_id).iter().map(|(.., balance)| *balance).collect();
        assert_eq!(told, [1_000, 2_000, 3_000, 4_000, 5_000]);
        assert_eq!(world.payments(order_id).await.balance, cny(5_000));
    }
}

#[tokio::test]
async fn an_answer_whose_reference_cannot_be_kept_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let id = world.pay(order_id, DECLINED).await.unwrap().id;
    for reference in ["tc\\u0000".to_owned(), String::new(), "x".repeat(256)] {
        let body = format!(
            r#"{{"tenant":"{TENANT}","payment_id":"{id}","reference":"{reference}","outcome":"captured"}}"#
        );
        let signature = world.card.sign(&body).unwrap();
        let callback = Callback { provider: "test_card".to_owned(), signature, body };
        let e = world.local().callback(&anonymous_ctx(TENANT), callback).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::Invalid);
    }
    assert_eq!(world.payments(order_id).await.balance, cny(0));
}

#[tokio::test]
async fn an_attempt_is_asked_for_by_one_of_several_processes() {
    let world = World::new().await;
    let _other = world.another();
    // Each is asked for while the answers to those before are still awaited.
    world.moods.holds.send_replace(true);
    let mut orders = Vec::new();
    for n in 1..=3 {
        let order_id = world.order(1_000).await;
        assert_eq!(world.pay(order_id, UNHEARD).await.unwrap().state, PaymentState::Pending);
        orders.push(order_id);
        world.clock.advance(Duration::from_secs(5));
        eventually(PATIENCE, || async { world.moods.queries.lock().unwrap().len() == n }).await;
    }
    world.moods.holds.send_replace(false);
    for order_id in orders {
        eventually(PATIENCE, || async {
            world.payments(order_id).await.payments[0].state == PaymentState::Captured
        })
        .await;
    }
    let queries = world.moods.queries.lock().unwrap().clone();
    assert_eq!(queries.into_values().collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_holds_up_no_other() {
    let world = World::new().await;
    let other = world.another();
    // More than are asked for at the same time, all before the one that counts.
    for _ in 0..20 {
        let order_id = world.order(1_000).await;
        let open = other.pay(&member(), pay(order_id, GOOD)).await.unwrap();
        assert_eq!((open.provider.as_str(), open.state), ("silent", PaymentState::Pending));
    }
    let order_id = world.order(1_000).await;
    world.pay(order_id, UNHEARD).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    eventually(PATIENCE, || async { world.silent.asked.load(Ordering::SeqCst) >= 8 }).await;
    eventually(PATIENCE, || async {
        world.payments(order_id).await.payments[0].state == PaymentState::Captured
    })
    .await;
    assert_eq!(world.silent.given_up.load(Ordering::SeqCst), 0, "the silent one is still awaited");
}
