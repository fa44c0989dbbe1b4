//! Global locks: who waits, for how long, and what he sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use rpc::{Ctx, Fault};
use shard::Route;
use testkit::{PATIENCE, eventually, seeded_entropy};
use txn::api::{NewBranch, Register, Resolution, Resolve};
use txn::model::{Cell, Kind, LockKey, mint_xid};
use txn::{LOCK_HOLDER_ENDING, LOCK_WAIT_TIMEOUT, Resource, Status, Value, Work, resource};

use crate::common::{
    Gate, ITEMS, Node, Setup, TENANT, World, add, at, count, counting, ctx, entropy, items, n,
    refused, set_n, until,
};

/// Reads a number under its global lock.
async fn read_locked(resource: &Resource, ctx: &Ctx, id: i64) -> Result<Option<i64>, Fault> {
    let work = Work::new().read(&ITEMS, (TENANT, id));
    let read = move |_, seen: Arc<txn::Seen>| async move {
        Ok::<_, Fault>(seen.get(&ITEMS, (TENANT, id), "n").and_then(Value::as_int))
    };
    resource.at(ctx, Route::Whole, work, read).await
}

fn patient(lock_wait: Duration) -> Setup {
    let resource = resource::Options { lock_wait, ..resource::Options::default() };
    Setup { resource, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_13_who_waits_for_a_lock_gets_it_after_the_commit() {
    let world = &World::new().await;
    let (faults, registering) = counting("register.before");
    let node = &world.node_with(Setup { faults, ..patient(PATIENCE) }).await;
    world.put(&world.alpha, 1, 0).await;
    let (registering, caller) = (&registering, &ctx());
    let holder = node.txn.run(caller, |ctx| async move {
        at(&node.alpha, &ctx, add(1, 1)).await?;
        eventually(PATIENCE, || async { registering.load(Ordering::SeqCst) == 2 }).await;
        assert_eq!(n(&world.alpha, 1).await, Some(1), "the other one waits");
        Ok::<_, Fault>(())
    });
    let waiter = async {
        eventually(PATIENCE, || async { n(&world.alpha, 1).await == Some(1) }).await;
        node.txn.run(caller, |ctx| async move { at(&node.alpha, &ctx, add(1, 10)).await }).await
    };
    let (holder, waiter) = tokio::join!(holder, waiter);
    holder.unwrap();
    waiter.unwrap();
    assert_eq!(n(&world.alpha, 1).await, Some(11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_13_who_waits_too_long_is_told_so_at_his_deadline_and_has_changed_nothing() {
    let world = &World::new().await;
    let node = &world.node_with(patient(Duration::from_millis(300))).await;
    let other = &world.node_with(patient(Duration::from_millis(300))).await;
    world.put(&world.alpha, 1, 0).await;
    node.txn
        .run(&ctx(), |ctx| async move {
            at(&node.alpha, &ctx, add(1, 1)).await?;
            for waiting in [node, other] {
                let began = Instant::now();
                let one = waiting
                    .txn
                    .run_new(&ctx, |ctx| async move { at(&waiting.alpha, &ctx, add(1, 10)).await });
                let fault = one.await.unwrap_err();
                assert_eq!(fault.slug(), LOCK_WAIT_TIMEOUT);
                assert!(fault.message.contains("alpha.items[flora, 1]"), "{fault:?}");
                let waited = began.elapsed();
                assert!(
                    waited >= Duration::from_millis(290) && waited < Duration::from_secs(5),
                    "{waited:?}"
                );
            }
            Ok::<_, Fault>(())
        })
        .await
        .unwrap();
    assert_eq!(n(&world.alpha, 1).await, Some(1));
    eventually(PATIENCE, || async { count(&world.txn, "txn_locks").await == 0 }).await;
}

async fn register(node: &Node, ctx: &Ctx, id: i64, holds_rows: bool) -> Result<(), Fault> {
    let cell = Cell::from(Route::Whole);
    let key = LockKey::of_row("alpha", cell, "items", &[TENANT.into(), id.into()]);
    let branch = NewBranch {
        resource: "alpha".to_owned(),
        kind: Kind::At,
        cell,
        action: String::new(),
        payload: String::new(),
        locks: vec![key],
    };
    let xid = mint_xid(node.tc_clock(), Duration::from_secs(20), entropy().next_u64().unwrap());
    let wait = Duration::from_secs(30);
    let register = Register { xid, branches: vec![branch], wait, holds_rows };
    node.tc.client().register(ctx, register).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_14_who_holds_rows_does_not_wait_for_one_that_is_rolled_back_and_others_do() {
    let world = &World::new().await;
    let (gate, faults) = Gate::at("rollback.before_store");
    let setup = Setup { faults, ..Setup::default() };
    let node = &world.node_with(setup).await;
    world.put(&world.alpha, 1, 0).await;
    let caller = &ctx();
    let holder = node.txn.run(caller, |ctx| async move {
        at(&node.alpha, &ctx, add(1, 1)).await?;
        Err::<(), _>(refused("no"))
    });
    let others = async {
        gate.reached(1).await;
        let began = Instant::now();
        let fault = register(node, &ctx(), 1, true).await.unwrap_err();
        assert_eq!(fault.slug(), LOCK_HOLDER_ENDING);
        let waiting = register(node, caller, 1, false);
        let release = async {
            gate.open(1);
            eventually(PATIENCE, || async { n(&world.alpha, 1).await == Some(0) }).await;
        };
        let (waited, ()) = tokio::join!(waiting, release);
        waited.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    };
    let (failed, ()) = tokio::join!(holder, others);
    assert!(failed.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_a_parked_transaction_is_refused_at_once() {
    let world = &World::new().await;
    let node = &world.node_with(patient(PATIENCE)).await;
    world.put(&world.alpha, 1, 0).await;
    let mut xid = None;
    let (keep, caller) = (&mut xid, &ctx());
    let parked = node.txn.run(caller, |ctx| async move {
        *keep = ctx.xid.clone();
        at(&node.alpha, &ctx, add(1, 1)).await?;
        world.foreign(&world.alpha, set_n(1, 99)).await;
        Err::<(), _>(refused("no"))
    });
    assert!(parked.await.is_err());
    let xid = xid.unwrap();
    until(node, &xid, Status::RollbackFailed).await;
    let fault = node
        .txn
        .run(&ctx(), |ctx| async move { at(&node.alpha, &ctx, add(1, 1)).await })
        .await
        .unwrap_err();
    assert_eq!(fault.slug(), LOCK_HOLDER_ENDING);
    let accept = Resolve { xid, resolution: Resolution::Accept };
    node.tc.client().resolve(&ctx(), accept).await.unwrap();
    node.txn
        .run(&ctx(), |ctx| async move { at(&node.alpha, &ctx, add(1, 1)).await })
        .await
        .unwrap();
    assert_eq!(n(&world.alpha, 1).await, Some(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_15_many_take_from_one_row_and_put_into_others_and_nothing_is_lost_or_made() {
    const EACH: i64 = 25;
    let world = &World::new().await;
    let (one, two) =
        (&world.node_with(patient(PATIENCE)).await, &world.node_with(patient(PATIENCE)).await);
    let begin = 16 * EACH * 3 / 4;
    world.put(&world.alpha, 1, begin).await;
    for id in 0..16 {
        world.put(&world.beta, id, 0).await;
    }
    let taken = &AtomicI64::new(0);
    let taker = |id: i64| {
        let node = [one, two][usize::try_from(id % 2).unwrap()];
        async move {
            for round in 0..EACH {
                let done = node
                    .txn
                    .run(&ctx(), |ctx| async move {
                        at(&node.beta, &ctx, add(id, 1)).await?;
                        let take = Work::new()
                            .update(&ITEMS, (TENANT, 1), |r| r.add("n", -1).at_least("n", 0));
                        at(&node.alpha, &ctx, take).await?;
                        if round % 5 == 4 { Err(refused("changed my mind")) } else { Ok(()) }
                    })
                    .await;
                match done {
                    Ok(()) => {
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(fault) => assert!(
                        ["condition_not_met", "conflict"].contains(&fault.slug()),
                        "{fault:?}"
                    ),
                }
            }
        }
    };
    join_all((0..16).map(taker)).await;
    let left = n(&world.alpha, 1).await.unwrap();
    let mut put = 0;
    for id in 0..16 {
        put += n(&world.beta, id).await.unwrap();
    }
    let taken = taken.load(Ordering::SeqCst);
    assert_eq!((left + put, put), (begin, taken));
    assert!(left >= 0);
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_18_a_branch_of_thousands_of_rows_takes_all_its_locks() {
    const ROWS: i64 = 2_000;
    let world = &World::new().await;
    let node = &world.node().await;
    let work = (0..ROWS).fold(Work::new(), |work, id| {
        work.insert(&ITEMS, (TENANT, (id * 7_919) % ROWS), |r| r.set("n", id))
    });
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            at(&node.alpha, &ctx, work).await?;
            assert_eq!(count(&world.txn, "txn_locks").await, u64::try_from(ROWS).unwrap());
            Err(refused("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().message, "no");
    eventually(PATIENCE, || async { count(&world.txn, "txn_locks").await == 0 }).await;
    assert!(items(&world.alpha).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_18_branches_over_random_rows_do_not_deadlock() {
    let world = &World::new().await;
    let (one, two) =
        (&world.node_with(patient(PATIENCE)).await, &world.node_with(patient(PATIENCE)).await);
    for id in 0..6 {
        world.put(&world.alpha, id, 0).await;
    }
    let worker = |w: u64| {
        let node = [one, two][usize::try_from(w % 2).unwrap()];
        async move {
            let random = seeded_entropy(w);
            for _ in 0..20 {
                let pick = i64::try_from(random.next_u64().unwrap() % 6).unwrap();
                let other = (pick + 1 + i64::try_from(random.next_u64().unwrap() % 5).unwrap()) % 6;
                let work = add(pick, 1).update(&ITEMS, (TENANT, other), |r| r.add("n", 1));
                node.txn
                    .run(&ctx(), |ctx| async move { at(&node.alpha, &ctx, work).await })
                    .await
                    .unwrap();
            }
        }
    };
    join_all((0..8).map(worker)).await;
    let mut sum = 0;
    for id in 0..6 {
        sum += n(&world.alpha, id).await.unwrap();
    }
    assert_eq!(sum, 8 * 20 * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_23_a_locked_read_never_sees_what_is_taken_back_and_a_plain_one_may() {
    let world = &World::new().await;
    let (faults, registering) = counting("register.before");
    let node = &world.node_with(Setup { faults, ..patient(PATIENCE) }).await;
    world.put(&world.alpha, 1, 0).await;
    let (registering, caller) = (&registering, &ctx());
    let writer = node.txn.run(caller, |ctx| async move {
        at(&node.alpha, &ctx, add(1, 1_000)).await?;
        eventually(PATIENCE, || async { registering.load(Ordering::SeqCst) == 2 }).await;
        Err::<(), _>(refused("no"))
    });
    let reader = async {
        // a plain read sees what is undecided
        eventually(PATIENCE, || async { n(&world.alpha, 1).await == Some(1_000) }).await;
        node.txn.run(caller, |ctx| async move { read_locked(&node.alpha, &ctx, 1).await }).await
    };
    let (failed, read) = tokio::join!(writer, reader);
    assert!(failed.is_err());
    assert_eq!(read.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_24_a_transaction_of_one_database_waits_for_the_lock_and_sees_decided_data_only() {
    let world = &World::new().await;
    let node = &world.node_with(patient(PATIENCE)).await;
    world.put(&world.alpha, 1, 0).await;
    let stop = &AtomicBool::new(false);
    let writer = async {
        for round in 0..30 {
            let done = node
                .txn
                .run(&ctx(), |ctx| async move {
                    // odd inside, even when it is decided
                    at(&node.alpha, &ctx, add(1, 1)).await?;
                    if round % 3 == 0 {
                        return Err(refused("no"));
                    }
                    at(&node.alpha, &ctx, add(1, 1)).await
                })
                .await;
            assert_eq!(done.is_err(), round % 3 == 0);
        }
        stop.store(true, Ordering::SeqCst);
    };
    let local = async {
        let mut reads = 0;
        while !stop.load(Ordering::SeqCst) || reads == 0 {
            let seen = node
                .txn
                .run(&ctx(), |ctx| async move {
                    let seen = read_locked(&node.alpha, &ctx, 1).await?;
                    let work = Work::new().update(&ITEMS, (TENANT, 1), |r| r.set("s", "mine"));
                    at(&node.alpha, &ctx, work).await?;
                    Ok::<_, Fault>(seen)
                })
                .await
                .unwrap();
            assert_eq!(seen.unwrap() % 2, 0);
            reads += 1;
        }
    };
    tokio::join!(writer, local);
    assert_eq!(n(&world.alpha, 1).await, Some(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_25_a_row_that_all_want_is_handed_from_one_to_the_next_and_buckets_spread_it() {
    const CLIENTS: i64 = 32;
    const HOLD: Duration = Duration::from_millis(10);
    let world = &World::new().await;
    let node = &world.node_with(patient(PATIENCE)).await;
    for id in 0..16 {
        world.put(&world.alpha, id, 0).await;
    }
    let run = |buckets: i64, each: i64| async move {
        let began = Instant::now();
        let client = |c: i64| async move {
            for _ in 0..each {
                node.txn
                    .run(&ctx(), |ctx| async move {
                        at(&node.alpha, &ctx, add(c % buckets, 1)).await?;
                        // the rest of the transaction
                        tokio::time::timeout(HOLD, std::future::pending::<()>()).await.unwrap_err();
                        Ok::<_, Fault>(())
                    })
                    .await
                    .unwrap();
            }
        };
        join_all((0..CLIENTS).map(client)).await;
        began.elapsed()
    };
    let one = run(1, 4).await;
    assert_eq!(n(&world.alpha, 0).await, Some(CLIENTS * 4), "no update is lost");
    let many = run(16, 4).await;
    let mut sum = 0;
    for id in 0..16 {
        sum += n(&world.alpha, id).await.unwrap();
    }
    assert_eq!(sum, CLIENTS * 4 * 2);
    // at the very least: one after the other, without pauses between that are as long as the work
    assert!(one < HOLD * 4 * 32 * 8, "{one:?}");
    assert!(many < one, "16 buckets take {many:?}, one takes {one:?}");
}
