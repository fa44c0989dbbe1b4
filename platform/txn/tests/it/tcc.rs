//! TCC branches and their fence, alone and beside AT branches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use rpc::{Ctx, Fault, Xid};
use shard::Route;
use testkit::{PATIENCE, eventually};
use txn::api::{Finish, Outcome, Participant, ToFinish};
use txn::model::{Cell, Kind, mint_xid};
use txn::{BranchId, Decision, Failpoints, ROLLED_BACK, Resource, Status};

use crate::common::{
    Gate, Setup, World, add, at, ctx, entropy, n, refused, reserve, stock, stock_of, until,
};

fn begin(world: &World) -> Ctx {
    let random = entropy().next_u64().unwrap();
    let xid = mint_xid(world.txn.clock().now(), Duration::from_secs(20), random);
    Ctx { xid: Some(xid), ..ctx() }
}

async fn finish(resource: &Resource, decision: Decision, xid: &Xid) -> Outcome {
    let branch = ToFinish {
        id: BranchId::new(xid, 1),
        tenant: ctx().tenant,
        kind: Kind::Tcc,
        cell: Cell::from(Route::Whole),
        action: "reserve".to_owned(),
        payload: "1 2".to_owned(),
    };
    let branches = vec![branch];
    let resource_name = resource.name().to_owned();
    let finish = Finish { resource: resource_name, decision, accept: false, branches };
    resource.finish(&ctx(), finish).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_28_a_try_that_comes_after_its_cancel_is_refused() {
    let world = &World::new().await;
    let (gate, faults) = Gate::at("tcc.registered");
    let node = &world.node_with(Setup { resource_faults: faults, ..Setup::default() }).await;
    stock(&world.alpha, 1, 5).await;
    let inside = begin(world);
    let xid = inside.xid.clone().unwrap();
    let late = reserve(&node.alpha, &inside, 1, 2);
    let cancel = async {
        gate.reached(1).await;
        // before its try, and again
        for _ in 0..2 {
            assert_eq!(finish(&node.alpha, Decision::Rollback, &xid).await, Outcome::Done);
        }
        gate.open(1);
    };
    let (late, ()) = tokio::join!(late, cancel);
    assert_eq!(late.unwrap_err().slug(), ROLLED_BACK);
    assert_eq!(stock_of(&world.alpha, 1).await, (5, 0, 0));
    assert!(matches!(finish(&node.alpha, Decision::Commit, &xid).await, Outcome::Failed(_)));
    assert_eq!(stock_of(&world.alpha, 1).await, (5, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_28_confirm_and_cancel_take_effect_once_and_never_after_each_other() {
    let world = &World::new().await;
    let node = &world.node().await;
    stock(&world.alpha, 1, 5).await;
    let never = begin(world).xid.unwrap();
    assert!(matches!(finish(&node.alpha, Decision::Commit, &never).await, Outcome::Failed(_)));
    for (first, then, after) in [
        (Decision::Commit, Decision::Rollback, (3, 0, 2)),
        (Decision::Rollback, Decision::Commit, (3, 0, 2)),
    ] {
        let inside = begin(world);
        let xid = inside.xid.clone().unwrap();
        reserve(&node.alpha, &inside, 1, 2).await.unwrap();
        let outcomes = join_all((0..20).map(|_| finish(&node.alpha, first, &xid))).await;
        assert!(outcomes.iter().all(|o| *o == Outcome::Done), "{outcomes:?}");
        assert!(matches!(finish(&node.alpha, then, &xid).await, Outcome::Failed(_)));
        assert_eq!(stock_of(&world.alpha, 1).await, after);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_fails_needs_no_cancel_and_the_others_are_cancelled() {
    let world = &World::new().await;
    let node = &world.node().await;
    stock(&world.alpha, 1, 5).await;
    stock(&world.beta, 1, 1).await;
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            reserve(&node.alpha, &ctx, 1, 2).await?;
            reserve(&node.beta, &ctx, 1, 2).await
        })
        .await;
    assert_eq!(failed.unwrap_err().message, "sold out");
    assert_eq!(stock_of(&world.alpha, 1).await, (5, 0, 0));
    assert_eq!(stock_of(&world.beta, 1).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_branch_that_the_body_makes_nothing_of_takes_the_whole_back() {
    let world = &World::new().await;
    let node = &world.node().await;
    for is_attempt in [true, false] {
        let id = i64::from(is_attempt);
        stock(&world.alpha, id, 1).await;
        stock(&world.beta, id, 5).await;
        let mut xid = None;
        let (keep, caller) = (&mut xid, &ctx());
        let done = node.txn.run(caller, |ctx| async move {
            *keep = ctx.xid.clone();
            reserve(&node.beta, &ctx, id, 2).await?;
            let failed = if is_attempt {
                reserve(&node.alpha, &ctx, id, 2).await
            } else {
                at(&node.alpha, &ctx, add(99, 1)).await
            };
            assert!(failed.is_err());
            Ok::<_, Fault>(())
        });
        assert_eq!(done.await.unwrap_err().slug(), ROLLED_BACK);
        until(node, &xid.unwrap(), Status::RolledBack).await;
        assert_eq!(stock_of(&world.alpha, id).await, (1, 0, 0));
        assert_eq!(stock_of(&world.beta, id).await, (5, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_29_attempts_are_confirmed_before_the_answer_and_before_undo_is_deleted() {
    let world = &World::new().await;
    let points = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&points);
    let faults = Failpoints::from_fn(move |point| {
        heard.lock().unwrap().push(point);
        async { Ok(()) }.boxed()
    });
    let node = &world.node_with(Setup { faults, ..Setup::default() }).await;
    stock(&world.gamma, 1, 5).await;
    world.put(&world.alpha, 1, 0).await;
    let mut xid = None;
    let (keep, caller) = (&mut xid, &ctx());
    let run = node.txn.run(caller, |ctx| async move {
        *keep = ctx.xid.clone();
        at(&node.alpha, &ctx, add(1, 1)).await?;
        reserve(&node.gamma, &ctx, 1, 2).await
    });
    run.await.unwrap();
    assert_eq!(stock_of(&world.gamma, 1).await, (3, 0, 2), "confirmed when the caller is answered");
    until(node, &xid.unwrap(), Status::Committed).await;
    let told = points.lock().unwrap().iter().filter(|p| **p == "commit.before_branch").count();
    assert!(told >= 2, "one for the attempt, one for the undo");
    assert_eq!(n(&world.alpha, 1).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_29_a_mixed_transaction_is_taken_back_as_a_whole() {
    let world = &World::new().await;
    let node = &world.node().await;
    stock(&world.gamma, 1, 5).await;
    world.put(&world.alpha, 1, 0).await;
    let failed: Result<(), Fault> = node
        .txn
        .run(&ctx(), |ctx| async move {
            reserve(&node.gamma, &ctx, 1, 2).await?;
            at(&node.alpha, &ctx, add(1, 1)).await?;
            Err(refused("no"))
        })
        .await;
    assert!(failed.is_err());
    eventually(PATIENCE, || async { stock_of(&world.gamma, 1).await == (5, 0, 0) }).await;
    assert_eq!(n(&world.alpha, 1).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_want_the_last_pieces_get_as_many_as_there_are() {
    let world = &World::new().await;
    let node = &world.node().await;
    stock(&world.gamma, 1, 20).await;
    let one = |_| async move {
        node.txn.run(&ctx(), |ctx| async move { reserve(&node.gamma, &ctx, 1, 1).await }).await
    };
    let done = join_all((0..48).map(one)).await;
    assert_eq!(done.iter().filter(|d| d.is_ok()).count(), 20);
    assert_eq!(stock_of(&world.gamma, 1).await, (0, 0, 20));
}
