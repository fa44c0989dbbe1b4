//! Coordinators and participants that die at every step.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use rpc::{Ctx, Fault};
use testkit::{PATIENCE, eventually};
use txn::model::mint_xid;
use txn::{OUTCOME_UNKNOWN, Status, resource};

use crate::common::{
    Setup, Switch, World, add, at, count, crash_at, ctx, entropy, n, refused, reserve, stock,
    stock_of, undo_rows, until,
};

/// Points of a coordinator, and how often each is passed by a transaction of two branches.
const STEPS: &[(&str, usize)] = &[
    ("register.before", 2),
    ("register.after", 2),
    ("decide.before", 1),
    ("decide.after", 1),
    ("branch.before", 2),
    ("branch.after", 2),
    ("rollback.before_store", 1),
    ("rollback.after_store", 1),
    ("commit.before_branch", 2),
    ("commit.after_branch", 2),
    ("commit.before_store", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_05_a_coordinator_that_dies_at_any_step_leaves_one_outcome_and_no_residue() {
    let times = |(point, times): &(&'static str, usize)| {
        let point = *point;
        (1..=*times).flat_map(move |nth| [(point, nth, false), (point, nth, true)])
    };
    let cases: Vec<_> = STEPS.iter().flat_map(times).collect();
    for some in cases.chunks(4) {
        join_all(some.iter().map(|(point, nth, fails)| dies_at(point, *nth, *fails))).await;
    }
}

async fn dies_at(point: &'static str, nth: usize, fails: bool) {
    let world = &World::new().await;
    world.put(&world.alpha, 1, 0).await;
    world.put(&world.beta, 1, 0).await;
    let (faults, dead) = crash_at(point, nth);
    let switch = Switch::default();
    let setup =
        |faults| Setup { faults, timeout: Duration::from_millis(1_500), ..Setup::default() };
    let first = world.node_over(setup(faults), Some(switch.client())).await;
    switch.to(Some(first.tc.client()));
    let second = {
        // takes over once the first has died
        let (switch, dead) = (switch.clone(), dead.clone());
        async move {
            eventually(Duration::from_secs(2), || async { dead.load(Ordering::SeqCst) }).await;
            switch.to(None);
            let second =
                world.node_over(setup(txn::Failpoints::none()), Some(switch.client())).await;
            switch.to(Some(second.tc.client()));
            second
        }
    };
    let (alpha, beta, txn) = (first.alpha.clone(), first.beta.clone(), first.txn.clone());
    let caller = ctx();
    let run = txn.run(&caller, |ctx| async move {
        at(&alpha, &ctx, add(1, 1)).await?;
        at(&beta, &ctx, add(1, 1)).await?;
        if fails { Err(refused("no")) } else { Ok(()) }
    });
    let is_passed = match point {
        p if p.starts_with("commit.") => !fails,
        p if p.starts_with("branch.") || p.starts_with("rollback.") => fails,
        _ => true,
    };
    let (done, second): (Result<(), Fault>, _) = if is_passed {
        let (done, second) = tokio::join!(run, second);
        (done, Some(second))
    } else {
        (run.await, None)
    };
    let what = format!("{point} {nth} fails: {fails}, {done:?}");
    if let Some(second) = &second {
        second.tc.client().list(&ctx(), txn::api::ListRequest::default()).await.unwrap();
        first.tasks.shutdown(Duration::ZERO).await;
    }
    // converges, whatever it was
    eventually(PATIENCE, || async {
        let (a, b) = (n(&world.alpha, 1).await, n(&world.beta, 1).await);
        let ended = a == b && count(&world.txn, "txn_locks").await == 0;
        ended && world.residue().await.is_empty()
    })
    .await;
    let both = n(&world.alpha, 1).await;
    assert_eq!(both, n(&world.beta, 1).await, "{what}");
    match &done {
        Ok(()) => assert_eq!(both, Some(1), "{what}"),
        Err(fault) if fault.slug() == OUTCOME_UNKNOWN => {}
        Err(_) => assert_eq!(both, Some(0), "{what}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_05_a_dead_coordinators_confirms_are_taken_up_and_take_effect_once() {
    for point in ["decide.after", "commit.before_branch", "commit.after_branch"] {
        let world = &World::new().await;
        stock(&world.gamma, 1, 5).await;
        world.put(&world.alpha, 1, 0).await;
        let (faults, dead) = crash_at(point, 1);
        let switch = Switch::default();
        let setup = Setup { faults, ..Setup::default() };
        let first = world.node_over(setup, Some(switch.client())).await;
        switch.to(Some(first.tc.client()));
        let (alpha, gamma, txn) = (first.alpha.clone(), first.gamma.clone(), first.txn.clone());
        let tasks = first.tasks.clone();
        let caller = ctx();
        let run = txn.run(&caller, |ctx| async move {
            reserve(&gamma, &ctx, 1, 2).await?;
            at(&alpha, &ctx, add(1, 1)).await
        });
        let after = async {
            eventually(PATIENCE, || async { dead.load(Ordering::SeqCst) }).await;
            switch.to(None);
            tasks.shutdown(Duration::ZERO).await;
            let second = world.node_over(Setup::default(), Some(switch.client())).await;
            switch.to(Some(second.tc.client()));
            second
        };
        let (done, second) = tokio::join!(run, after);
        done.unwrap();
        eventually(PATIENCE, || async { stock_of(&world.gamma, 1).await == (3, 0, 2) }).await;
        eventually(PATIENCE, || async { undo_rows(&world.alpha, 0).await == 0 }).await;
        assert_eq!(n(&world.alpha, 1).await, Some(1));
        second.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_05_a_participant_that_dies_at_any_step_leaves_one_outcome() {
    for (point, commits) in [
        ("at.registered", false),
        ("at.committed", false),
        ("finish.before", true),
        ("finish.after", true),
    ] {
        let world = &World::new().await;
        world.put(&world.alpha, 1, 0).await;
        world.put(&world.beta, 1, 0).await;
        let (resource_faults, dead) = crash_at(point, 1);
        let setup = Setup { resource_faults, timeout: Duration::from_secs(3), ..Setup::default() };
        let node = &world.node_with(setup).await;
        let peer = {
            let tc = node.tc.clone();
            async move {
                eventually(PATIENCE, || async { dead.load(Ordering::SeqCst) }).await;
                let peer = world.node_over(Setup::default(), Some(tc.client())).await;
                for resource in [&peer.alpha, &peer.beta] {
                    tc.join(resource.name(), resource.client());
                }
                peer
            }
        };
        let (alpha, beta, txn) = (node.alpha.clone(), node.beta.clone(), node.txn.clone());
        let caller = ctx();
        let run = txn.run(&caller, |ctx| async move {
            at(&alpha, &ctx, add(1, 1)).await?;
            at(&beta, &ctx, add(1, 1)).await
        });
        let (done, _peer) = tokio::join!(run, peer);
        assert_eq!(done.is_ok(), commits, "{point}: {done:?}");
        eventually(PATIENCE, || async { world.residue().await.is_empty() }).await;
        let wanted = Some(i64::from(commits));
        assert_eq!(
            (n(&world.alpha, 1).await, n(&world.beta, 1).await),
            (wanted, wanted),
            "{point}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_20_a_peer_of_the_resource_undoes_what_another_instance_has_done() {
    let world = &World::new().await;
    world.put(&world.alpha, 1, 0).await;
    let gone = world.node().await;
    let xid =
        mint_xid(world.txn.clock().now(), Duration::from_secs(1), entropy().next_u64().unwrap());
    let inside = Ctx { xid: Some(xid.clone()), ..ctx() };
    at(&gone.alpha, &inside, add(1, 1)).await.unwrap();
    gone.kill().await;
    let peer = world.node().await;
    until(&peer, &xid, Status::RolledBack).await;
    assert_eq!(n(&world.alpha, 1).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_22_a_thousand_commits_leave_no_undo() {
    let world = &World::new().await;
    let node =
        &world.node_with(Setup { timeout: Duration::from_secs(10), ..Setup::default() }).await;
    for id in 0..20 {
        world.put(&world.alpha, id, 0).await;
    }
    let one = |id: i64| async move {
        for _ in 0..50 {
            node.txn
                .run(&ctx(), |ctx| async move { at(&node.alpha, &ctx, add(id, 1)).await })
                .await
                .unwrap();
        }
    };
    join_all((0..20).map(one)).await;
    eventually(Duration::from_secs(10), || async { undo_rows(&world.alpha, 0).await == 0 }).await;
    for id in 0..20 {
        assert_eq!(n(&world.alpha, id).await, Some(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_22_the_reaper_removes_what_is_left_of_committed_transactions_and_never_of_live_ones() {
    let clock = testkit::test_clock();
    let world = &World::at(clock.clone()).await;
    // the timer looks rarely: this test moves the clock, and a transaction is to stay undecided past its time
    let options = txn::coordinator::Options {
        tick: Duration::from_secs(3_600),
        lease: Duration::from_secs(7_200),
        ..crate::common::quick()
    };
    let second = Duration::from_secs(1);
    let setup = || Setup {
        options: options.clone(),
        timeout: second * 30,
        resource: resource::Options {
            timeout_max: second * 60,
            local_max: second,
            keep_marks: second * 100,
            reap_after: second * 70,
            keep_unknown: second * 1_000,
            ..resource::Options::default()
        },
        ..Setup::default()
    };
    // a commit that the participant never hears of: its process dies with a full buffer
    let (faults, dead) = crash_at("commit.before_branch", 1);
    let dying = world.node_with(Setup { faults, ..setup() }).await;
    for id in 1..=3 {
        world.put(&world.alpha, id, 0).await;
    }
    let alpha = dying.alpha.clone();
    dying.txn.run(&ctx(), |ctx| async move { at(&alpha, &ctx, add(1, 1)).await }).await.unwrap();
    eventually(PATIENCE, || async { dead.load(Ordering::SeqCst) }).await;
    dying.kill().await;
    let node = &world.node_with(setup()).await;
    let live = mint_xid(world.txn.clock().now(), second * 60, 1);
    let inside = Ctx { xid: Some(live.clone()), ..ctx() };
    at(&node.alpha, &inside, add(2, 1)).await.unwrap();
    let rolled: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| {
            let alpha = node.alpha.clone();
            async move {
                at(&alpha, &ctx, add(3, 1)).await?;
                Err(refused("no"))
            }
        })
        .await;
    assert!(rolled.is_err());
    assert_eq!((undo_rows(&world.alpha, 0).await, undo_rows(&world.alpha, 2).await), (2, 1));
    clock.advance(second * 69);
    assert_eq!(node.alpha.reap(&ctx()).await.unwrap(), txn::resource::Reaped::default());
    clock.advance(second * 2);
    let reaped = node.alpha.reap(&ctx()).await.unwrap();
    assert_eq!(
        (reaped.undo, reaped.marks),
        (0, 0),
        "it is committing, and not known to have committed"
    );
    // who takes up the rest tells the participant after all
    let other = world.node_with(Setup { timeout: second * 30, ..Setup::default() }).await;
    eventually(PATIENCE, || async { undo_rows(&world.alpha, 0).await == 0 }).await;
    assert_eq!((n(&world.alpha, 1).await, n(&world.alpha, 2).await), (Some(1), Some(0)));
    clock.advance(second * 40);
    assert_eq!(node.alpha.reap(&ctx()).await.unwrap().marks, 2, "marks go when they have served");
    other.stop().await;
}
