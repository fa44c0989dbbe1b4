//! Reservations whose time is over: given back when there is no order, bound when there is one, left
//! alone while that cannot be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use inventory::Options;
use inventory_api::{Error, ReservationState};
use kit::{ErrorCode, Money};
use order_api::{OrderBrief, OrderClient, OrderMock, PaymentMethod};
use rpc::{ActorKind, Fault};
use testkit::{PATIENCE, TempShards, eventually, test_clock, test_ctx};
use types::{MemberId, OrderId};

use crate::world::{World, add, check_ledger, for_order, levels, reserve, warehouse};

const HOLD: Duration = Duration::from_secs(120);
const INSTANT: Duration = Duration::from_micros(1);

fn brief(id: OrderId, holds_stock: bool) -> OrderBrief {
    let zero = Money::zero("CNY".parse().unwrap());
    OrderBrief {
        id,
        member_id: MemberId::from_i64(5).unwrap(),
        status: "PENDING_PAYMENT".to_owned(),
        is_final: !holds_stock,
        payable: holds_stock,
        shippable: false,
        holds_stock,
        payment_method: PaymentMethod::Card,
        total: zero,
        paid: zero,
        version: 1,
    }
}

/// Knows these orders.
fn knowing(orders: &[(i64, bool)]) -> OrderClient {
    let orders = orders.to_vec();
    OrderClient::mock(OrderMock::new().on_settle(move |ctx, req| {
        assert_eq!(ctx.actor.kind, ActorKind::System);
        let known = |id: &OrderId| orders.iter().find(|(n, _)| *n == id.get());
        let found = req.order_ids.iter().filter_map(|id| known(id).map(|(_, h)| brief(*id, *h)));
        Ok(found.collect())
    }))
}

#[tokio::test]
async fn what_no_order_was_made_for_comes_back_when_its_time_is_over() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 5).await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    let nobody = knowing(&[]);
    clock.advance(HOLD - INSTANT);
    assert_eq!(world.expiry.run_once(&nobody).await.unwrap(), 0, "not a moment earlier");
    assert_eq!(levels(&world.client, &test_ctx("flora"), 1).await, (3, 2, 0));
    clock.advance(INSTANT);
    assert_eq!(world.expiry.run_once(&nobody).await.unwrap(), 1);
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (5, 0, 0));
    assert_eq!(world.expiry.run_once(&nobody).await.unwrap(), 0);
    let late = world.client.bind(&world.ctx, for_order(1)).await;
    assert_eq!(late, Err(Error::ReservationOver), "the order must not stand");
    check_ledger(&world.client, &world.ctx, 1).await;
}

#[tokio::test]
async fn a_crash_between_reserve_and_bind_leaves_the_stock_with_the_order_that_exists() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 10).await;
    for (id, n) in [(1, 1), (2, 2), (3, 4)] {
        reserve(&world.client, &world.ctx, id, &[(1, n)]).await.unwrap();
    }
    // Order 1 was inserted and its caller died before bind; 2 was closed meanwhile; 3 was never made.
    let world = world.restart().await;
    clock.advance(HOLD);
    let orders = knowing(&[(1, true), (2, false)]);
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 3);
    let kept = world.client.get_reservation(&world.ctx, for_order(1)).await.unwrap();
    assert_eq!((kept.state, kept.expires_at), (ReservationState::Bound, None));
    for id in [2, 3] {
        let gone = world.client.get_reservation(&world.ctx, for_order(id)).await.unwrap();
        assert_eq!(gone.state, ReservationState::Released);
    }
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (9, 1, 0));
    clock.advance(HOLD * 10);
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 0, "what is bound does not expire");
    check_ledger(&world.client, &world.ctx, 1).await;
}

#[tokio::test]
async fn nothing_is_given_back_while_orders_cannot_be_asked_about() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 5).await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    clock.advance(HOLD);
    let (down, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (d, a) = (Arc::clone(&down), Arc::clone(&asked));
    let orders = OrderClient::mock(OrderMock::new().on_settle(move |_, _| {
        a.fetch_add(1, Ordering::SeqCst);
        if d.load(Ordering::SeqCst) {
            return Err(Fault::new(ErrorCode::Unavailable, "later").into());
        }
        Ok(Vec::new())
    }));
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 1);
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (3, 2, 0));
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 0, "it waits before it asks again");
    down.store(false, Ordering::SeqCst);
    clock.advance(Options::default().expiry_retry);
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 1);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (5, 0, 0));
}

#[tokio::test]
async fn one_order_that_cannot_be_told_about_does_not_hold_up_the_others() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 5).await;
    for id in 1..=3 {
        reserve(&world.client, &world.ctx, id, &[(1, 1)]).await.unwrap();
    }
    clock.advance(HOLD);
    let orders = OrderClient::mock(OrderMock::new().on_settle(|_, req| {
        if req.order_ids.iter().any(|id| id.get() == 2) {
            return Err(Fault::bug("a broken order").into());
        }
        Ok(Vec::new())
    }));
    assert_eq!(world.expiry.run_once(&orders).await.unwrap(), 3);
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (4, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_is_ended_by_one_of_several_processes() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 100).await;
    for id in 1..=30 {
        reserve(&world.client, &world.ctx, id, &[(1, 1)]).await.unwrap();
    }
    clock.advance(HOLD);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let a = Arc::clone(&asked);
    let orders = OrderClient::mock(OrderMock::new().on_settle(move |_, req| {
        a.lock().unwrap().extend(req.order_ids.iter().map(|id| id.get()));
        Ok(Vec::new())
    }));
    let rounds = (0..4).map(|_| world.expiry.run_once(&orders));
    let rounds = futures::future::try_join_all(rounds).await.unwrap();
    assert_eq!(rounds.iter().sum::<usize>(), 30);
    asked.lock().unwrap().sort_unstable();
    assert_eq!(*asked.lock().unwrap(), (1..=30).collect::<Vec<i64>>(), "each by one of them");
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (100, 0, 0));
}

#[tokio::test]
async fn what_a_process_took_and_never_ended_another_ends_later() {
    let clock = test_clock();
    let world = World::at(clock.clone()).await;
    let place = warehouse(&world.client, &world.ctx, "main", 0).await;
    add(&world.client, &world.ctx, place, 1, 5).await;
    reserve(&world.client, &world.ctx, 1, &[(1, 2)]).await.unwrap();
    clock.advance(HOLD);
    // Its process dies while it asks.
    let died = OrderClient::mock(OrderMock::new().on_settle(|_, _| panic!("died")));
    let dying = std::panic::AssertUnwindSafe(world.expiry.run_once(&died));
    assert!(futures::FutureExt::catch_unwind(dying).await.is_err());
    let nobody = knowing(&[]);
    assert_eq!(world.expiry.run_once(&nobody).await.unwrap(), 0, "it may be at work still");
    clock.advance(Options::default().expiry_within * 2);
    assert_eq!(world.expiry.run_once(&nobody).await.unwrap(), 1);
    assert_eq!(levels(&world.client, &world.ctx, 1).await, (5, 0, 0));
}

#[tokio::test]
async fn the_background_task_ends_reservations_of_every_tenant_by_itself() {
    let short = Options {
        hold: Duration::from_millis(1),
        expiry_every: Duration::from_millis(5),
        expiry_batch: 2,
        ..Options::default()
    };
    let world = World::with(TempShards::new(), short).await;
    let tenants = [test_ctx("flora"), test_ctx("gadget")];
    for ctx in &tenants {
        let place = warehouse(&world.client, ctx, "main", 0).await;
        add(&world.client, ctx, place, 1, 5).await;
        for id in 1..=4 {
            reserve(&world.client, ctx, id, &[(1, 1)]).await.unwrap();
        }
    }
    world.expiry.clone().spawn(&world.tasks, knowing(&[(1, true)]));
    for ctx in &tenants {
        eventually(PATIENCE, || async { levels(&world.client, ctx, 1).await == (4, 1, 0) }).await;
        check_ledger(&world.client, ctx, 1).await;
    }
}
