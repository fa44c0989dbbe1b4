//! Decisions that meet each other, branches, and the end of time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kit::ErrorCode;
use rpc::{Ctx, Fault, Xid};
use shard::Route;
use testkit::{PATIENCE, eventually};
use txn::api::{Decide, Finish, Outcome, Participant, ToFinish};
use txn::model::{Cell, Kind, mint_xid};
use txn::{BranchId, Decision, NOT_ACTIVE, ROLLED_BACK, Resource, Status, resource};

use crate::common::{
    Gate, Node, Setup, Switch, World, add, at, count, ctx, entropy, n, refused, status, undo_rows,
    until,
};

/// A context in a transaction that this test decides by itself.
fn begin(world: &World, timeout: Duration) -> Ctx {
    let xid = mint_xid(world.txn.clock().now(), timeout, entropy().next_u64().unwrap());
    Ctx { xid: Some(xid), ..ctx() }
}

fn xid(ctx: &Ctx) -> Xid {
    ctx.xid.clone().unwrap()
}

async fn decide(node: &Node, xid: &Xid, decision: Decision) -> Result<Status, Fault> {
    let decide = Decide { xid: xid.clone(), decision };
    node.tc.client().decide(&ctx(), decide).await.map(|decided| decided.status)
}

fn branch(xid: &Xid, kind: Kind) -> ToFinish {
    ToFinish {
        id: BranchId::new(xid, 1),
        tenant: ctx().tenant,
        kind,
        cell: Cell::from(Route::Whole),
        action: "reserve".to_owned(),
        payload: "1 1".to_owned(),
    }
}

async fn finish(resource: &Resource, decision: Decision, branch: &ToFinish) -> Outcome {
    let branches = vec![branch.clone()];
    let resource_name = resource.name().to_owned();
    let finish = Finish { resource: resource_name, decision, accept: false, branches };
    resource.finish(&ctx(), finish).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_06_a_commit_is_answered_by_another_coordinator_when_the_first_is_gone() {
    let world = &World::new().await;
    world.put(&world.alpha, 1, 0).await;
    let switch = Switch::default();
    let first = world.node_over(Setup::default(), Some(switch.client())).await;
    let second = world.node_over(Setup::default(), Some(switch.client())).await;
    switch.to(Some(first.tc.client()));
    let (alpha, txn) = (first.alpha.clone(), first.txn.clone());
    let (at_switch, back) = (switch.clone(), second.tc.client());
    txn.run(&ctx(), |ctx| async move {
        at(&alpha, &ctx, add(1, 1)).await?;
        // between the two phases the coordinator dies, and for a moment none answers
        at_switch.to(None);
        first.kill().await;
        tokio::task::yield_now().await;
        at_switch.to(Some(back));
        Ok::<_, Fault>(())
    })
    .await
    .unwrap();
    assert_eq!(n(&world.alpha, 1).await, Some(1));
    eventually(PATIENCE, || async { undo_rows(&world.alpha, 0).await == 0 }).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_06_a_transaction_that_nobody_decides_is_rolled_back_when_its_time_is_over() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    let ctx = begin(world, Duration::from_millis(300));
    at(&node.alpha, &ctx, add(1, 1)).await.unwrap();
    until(node, &xid(&ctx), Status::RolledBack).await;
    assert_eq!(n(&world.alpha, 1).await, Some(0));
    // who comes to commit now is told so
    let late = decide(node, &xid(&ctx), Decision::Commit).await;
    assert!(matches!(late, Ok(Status::RolledBack) | Err(_)), "{late:?}");
    world.no_residue().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_07_commit_and_timeout_at_the_same_moment_make_one_decision_and_the_answer_is_it() {
    let world = &World::new().await;
    let setup = Setup { timeout: Duration::from_millis(250), ..Setup::default() };
    let node = &world.node_with(setup).await;
    let rounds = 48_i64;
    for id in 0..rounds {
        world.put(&world.alpha, id, 0).await;
    }
    let one = |id: i64| async move {
        let done: Result<(), Fault> = node
            .txn
            .run(&ctx(), |ctx| async move {
                let deadline = ctx.deadline;
                at(&node.alpha, &ctx, add(id, 1)).await?;
                // around the deadline, before and after
                let shift = Duration::from_millis(u64::try_from(id % 24).unwrap());
                let when = deadline - Duration::from_millis(12) + shift;
                tokio::time::timeout_at(when, std::future::pending::<()>()).await.unwrap_err();
                Ok(())
            })
            .await;
        (id, done)
    };
    let mut committed = 0;
    for (id, done) in join_all((0..rounds).map(one)).await {
        let wanted = match &done {
            Ok(()) => 1,
            Err(fault) => {
                // on a busy machine the branch itself may run out of time
                let named = [ROLLED_BACK, NOT_ACTIVE, "deadline_exceeded"];
                assert!(named.contains(&fault.slug()), "{fault:?}");
                0
            }
        };
        committed += wanted;
        eventually(PATIENCE, || async { n(&world.alpha, id).await == Some(wanted) }).await;
    }
    assert!(committed < rounds, "some must have come too late");
    world.no_residue().await;
    let mut sum = 0;
    for id in 0..rounds {
        sum += n(&world.alpha, id).await.unwrap();
    }
    assert_eq!(sum, committed, "nothing changes after the answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_08_a_branch_that_meets_the_rollback_is_undone_or_refused_and_locks_nothing() {
    let world = &World::new().await;
    let node = &world.node().await;
    for id in 0..40 {
        world.put(&world.alpha, id, 0).await;
    }
    let one = |id: i64| {
        let ctx = begin(world, Duration::from_secs(5));
        async move {
            let rollback = async {
                if id % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                decide(node, &xid(&ctx), Decision::Rollback).await
            };
            let (branch, rolled) = tokio::join!(at(&node.alpha, &ctx, add(id, 1)), rollback);
            assert!(matches!(rolled, Ok(Status::RolledBack | Status::RollingBack)), "{rolled:?}");
            until(node, &xid(&ctx), Status::RolledBack).await;
            branch.is_ok()
        }
    };
    join_all((0..40).map(one)).await;
    eventually(PATIENCE, || async { count(&world.txn, "txn_locks").await == 0 }).await;
    for id in 0..40 {
        assert_eq!(n(&world.alpha, id).await, Some(0));
    }
    assert_eq!(undo_rows(&world.alpha, 0).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_09_a_branch_that_is_rolled_back_before_it_commits_never_does() {
    let world = &World::new().await;
    let (gate, faults) = Gate::at("at.registered");
    let node = &world.node_with(Setup { resource_faults: faults, ..Setup::default() }).await;
    world.put(&world.alpha, 1, 0).await;
    let ctx = begin(world, Duration::from_secs(20));
    let late = at(&node.alpha, &ctx, add(1, 1));
    let rollback = async {
        gate.reached(1).await;
        let stands = decide(node, &xid(&ctx), Decision::Rollback).await.unwrap();
        assert_eq!(stands, Status::RolledBack);
        assert_eq!(undo_rows(&world.alpha, 1).await, 1, "a guard stands");
        gate.open(1);
    };
    let (late, ()) = tokio::join!(late, rollback);
    assert_eq!(late.unwrap_err().slug(), ROLLED_BACK);
    assert_eq!(n(&world.alpha, 1).await, Some(0));
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_10_options_under_which_a_guard_goes_before_its_branch_are_refused() {
    let world = &World::new().await;
    let node = &world.node().await;
    let build = |options: resource::Options| {
        Resource::builder(world.alpha.clone(), node.tc.client()).options(options).build()
    };
    let fine = resource::Options::default();
    assert!(build(fine.clone()).is_ok());
    let hanging = fine.timeout_max + fine.local_max * 4;
    let short = resource::Options { keep_marks: hanging, ..fine.clone() };
    assert!(build(short).unwrap_err().chain().contains("may hang"));
    let eager = resource::Options { reap_after: hanging, ..fine };
    assert!(build(eager).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_11_finishing_a_hundred_times_from_two_nodes_is_finishing_once() {
    let world = &World::new().await;
    let (one, two) = (world.node().await, world.node().await);
    for decision in [Decision::Commit, Decision::Rollback] {
        let id = i64::from(decision == Decision::Commit);
        world.put(&world.alpha, id, 10).await;
        let ctx = begin(world, Duration::from_secs(20));
        at(&one.alpha, &ctx, add(id, 5)).await.unwrap();
        let branch = Arc::new(branch(&xid(&ctx), Kind::At));
        let many = (0..100).map(|i| {
            let (resource, branch) = ([&one.alpha, &two.alpha][i % 2], Arc::clone(&branch));
            async move { finish(resource, decision, &branch).await }
        });
        let outcomes = join_all(many).await;
        assert!(outcomes.iter().all(|o| *o == Outcome::Done), "{outcomes:?}");
        let wanted = if decision == Decision::Commit { 15 } else { 10 };
        assert_eq!(n(&world.alpha, id).await, Some(wanted));
        assert_eq!(undo_rows(&world.alpha, 1).await, 0, "no stray guard");
        assert_eq!(undo_rows(&world.alpha, 0).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_12_what_is_decided_is_not_decided_otherwise() {
    let world = &World::new().await;
    let node = &world.node().await;
    for (first, id) in [(Decision::Commit, 1), (Decision::Rollback, 2)] {
        world.put(&world.alpha, id, 0).await;
        let ctx = begin(world, Duration::from_secs(20));
        at(&node.alpha, &ctx, add(id, 1)).await.unwrap();
        let (xid, other) = match first {
            Decision::Commit => (xid(&ctx), Decision::Rollback),
            Decision::Rollback => (xid(&ctx), Decision::Commit),
        };
        decide(node, &xid, first).await.unwrap();
        let many = (0..20).map(|_| decide(node, &xid, other));
        for stands in join_all(many).await {
            assert_eq!(stands.unwrap().decision(), Some(first));
        }
        let stands = status(node, &xid).await.unwrap();
        assert_eq!(stands.decision(), Some(first));
        assert_eq!(n(&world.alpha, id).await, Some(i64::from(first == Decision::Commit)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_12_a_branch_that_was_rolled_back_keeps_its_mark_through_a_commit() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 10).await;
    let ctx = begin(world, Duration::from_secs(20));
    at(&node.alpha, &ctx, add(1, 5)).await.unwrap();
    let branch = branch(&xid(&ctx), Kind::At);
    assert_eq!(finish(&node.alpha, Decision::Rollback, &branch).await, Outcome::Done);
    assert_eq!(finish(&node.alpha, Decision::Commit, &branch).await, Outcome::Done);
    assert_eq!((n(&world.alpha, 1).await, undo_rows(&world.alpha, 2).await), (Some(10), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_comes_before_the_first_branch_refuses_it() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    let ctx = begin(world, Duration::from_secs(2));
    assert_eq!(decide(node, &xid(&ctx), Decision::Rollback).await.unwrap(), Status::RolledBack);
    let fault = at(&node.alpha, &ctx, add(1, 1)).await.unwrap_err();
    assert_eq!(fault.slug(), NOT_ACTIVE);
    world.no_residue().await;
    let unknown = decide(node, &xid(&ctx), Decision::Commit).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound, "nobody knows how it ended");
    let fault = at(&node.alpha, &ctx, add(1, 1)).await.unwrap_err();
    assert_eq!(fault.slug(), NOT_ACTIVE, "it is over for good");
    assert_eq!(refused("x").code, ErrorCode::Conflict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_to_commit_for_the_first_time_and_too_late_learns_that_nothing_was_done() {
    let world = &World::new().await;
    let timeout = Duration::from_millis(20);
    let node = &world.node_with(Setup { timeout, ..Setup::default() }).await;
    let over = world.txn.clock().now().plus(timeout * 4);
    let caller = &ctx();
    let late = node.txn.run(caller, |_| async move {
        eventually(PATIENCE, || async { world.txn.clock().now() > over }).await;
        Ok::<_, Fault>(())
    });
    assert_eq!(late.await.unwrap_err().slug(), ROLLED_BACK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_begins_in_the_future_takes_no_branch() {
    let world = &World::new().await;
    let node = &world.node().await;
    world.put(&world.alpha, 1, 0).await;
    let begun = world.txn.clock().now().plus(Duration::from_secs(60));
    let xid = mint_xid(begun, Duration::from_secs(20), 1);
    let inside = Ctx { xid: Some(xid), ..ctx() };
    let fault = at(&node.alpha, &inside, add(1, 1)).await.unwrap_err();
    assert!(fault.chain().contains("has not begun yet"), "{fault:?}");
    assert_eq!((n(&world.alpha, 1).await, count(&world.txn, "txn_locks").await), (Some(0), 0));
}
