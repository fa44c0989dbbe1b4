//! Transactions that are decided and cannot be ended for long.

use std::time::Duration;

use kit::ErrorCode;
use rpc::{Fault, Xid};
use sea_query::Query;
use shard::Database;
use testkit::{PATIENCE, eventually, test_clock};
use txn::api::{Global, Resolution, Resolve};
use txn::model::BranchState;
use txn::{Resource, Status, coordinator};

use crate::common::{
    ITEMS, Node, Setup, World, add, at, count, ctx, n, quick, refused, reserve, status, stock,
    stock_of, undo_rows, until,
};
use crate::line::{Line, Mood};

async fn shown(node: &Node, xid: &Xid) -> Global {
    node.tc.client().show(&ctx(), xid.clone()).await.unwrap().global
}

async fn resolve(node: &Node, xid: &Xid, resolution: Resolution) -> Result<Status, Fault> {
    let resolve = Resolve { xid: xid.clone(), resolution };
    node.tc.client().resolve(&ctx(), resolve).await.map(|decided| decided.status)
}

/// Somebody has lost what a database knows of its attempts.
async fn lose_fences(world: &World, db: &Database) {
    let body = |tx: shard::Tx| async move {
        tx.exec(&Query::delete().from_table("tcc_fence").to_owned()).await.map(|_| ())
    };
    db.tx::<_, Fault, _, _>(&ctx(), shard::Route::Whole, body).await.unwrap();
    assert_eq!(count(db, "tcc_fence").await, 0, "{}", world.shards.engine());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_has_confirmed_knows_so_for_as_long_as_its_transaction_is_open() {
    let clock = test_clock();
    let world = &World::at(clock.clone()).await;
    let caller = &ctx();
    let node = &world.node().await;
    stock(&world.gamma, 1, 5).await;
    let line = Line::between(&node.tc, &node.gamma, Mood::LosesAnswers);
    let mut xid = None;
    let keep = &mut xid;
    let done = node.txn.run(caller, |ctx| async move {
        *keep = ctx.xid.clone();
        reserve(&node.gamma, &ctx, 1, 2).await
    });
    done.await.unwrap();
    let xid = xid.unwrap();
    until(node, &xid, Status::CommitRetrying).await;
    assert_eq!(stock_of(&world.gamma, 1).await, (3, 0, 2));
    // longer than marks are kept
    clock.advance(Duration::from_secs(11 * 60));
    node.gamma.reap(&ctx()).await.unwrap();
    line.is(Mood::Through);
    eventually(PATIENCE, || async {
        clock.advance(Duration::from_secs(1));
        let stands = status(node, &xid).await;
        assert_ne!(stands, Some(Status::CommitFailed), "{:?}", shown(node, &xid).await.note);
        matches!(stands, Some(Status::Committed) | None)
    })
    .await;
    assert_eq!(stock_of(&world.gamma, 1).await, (3, 0, 2));
    assert_eq!(node.gamma.reap(&ctx()).await.unwrap().marks, 1, "it has served");
    assert_eq!(count(&world.gamma, "tcc_fence").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_confirmed_is_remembered_while_another_branch_cannot_be_told() {
    let world = &World::new().await;
    let caller = &ctx();
    let options = coordinator::Options { alert_after: u32::MAX, ..quick() };
    let node = &world.node_with(Setup { options, ..Setup::default() }).await;
    stock(&world.gamma, 1, 5).await;
    world.put(&world.alpha, 1, 0).await;
    let gamma = Line::between(&node.tc, &node.gamma, Mood::Through);
    let alpha = Line::between(&node.tc, &node.alpha, Mood::Cut);
    let mut xid = None;
    let keep = &mut xid;
    let done = node.txn.run(caller, |ctx| async move {
        *keep = ctx.xid.clone();
        at(&node.alpha, &ctx, add(1, 1)).await?;
        reserve(&node.gamma, &ctx, 1, 2).await
    });
    done.await.unwrap();
    let xid = xid.unwrap();
    until(node, &xid, Status::CommitRetrying).await;
    let states: Vec<_> = shown(node, &xid).await.branches.iter().map(|b| b.state).collect();
    assert_eq!(states, [BranchState::Registered, BranchState::Done]);
    eventually(PATIENCE, || async { alpha.asked() >= 4 }).await;
    let early = resolve(node, &xid, Resolution::Accept).await.unwrap_err();
    assert_eq!(early.code, ErrorCode::Conflict, "it is tried by itself");
    alpha.is(Mood::Through);
    until(node, &xid, Status::Committed).await;
    assert_eq!(gamma.asked(), 1, "it was told once");
    assert_eq!((n(&world.alpha, 1).await, undo_rows(&world.alpha, 0).await), (Some(1), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_end_a_commit_of_which_several_branches_have_failed() {
    let world = &World::new().await;
    let caller = &ctx();
    let node = &world.node().await;
    stock(&world.alpha, 1, 5).await;
    stock(&world.gamma, 1, 5).await;
    world.put(&world.beta, 1, 0).await;
    // the second attempt fails first
    let first = Line::between(&node.tc, &node.alpha, Mood::Cut);
    let mut xid = None;
    let keep = &mut xid;
    let done = node.txn.run(caller, |ctx| async move {
        *keep = ctx.xid.clone();
        reserve(&node.alpha, &ctx, 1, 2).await?;
        reserve(&node.gamma, &ctx, 1, 2).await?;
        at(&node.beta, &ctx, add(1, 1)).await?;
        lose_fences(world, &world.alpha).await;
        lose_fences(world, &world.gamma).await;
        Ok::<_, Fault>(())
    });
    done.await.unwrap();
    let xid = xid.unwrap();
    until(node, &xid, Status::CommitFailed).await;
    assert_eq!(undo_rows(&world.beta, 0).await, 1, "undo waits for the attempts");
    first.is(Mood::Through);
    // each is accepted by itself: somebody has to look at it
    let mut words = 0;
    while resolve(node, &xid, Resolution::Accept).await.unwrap() != Status::Committed {
        words += 1;
        assert!(words < 4, "{:?}", shown(node, &xid).await);
    }
    assert_eq!((n(&world.beta, 1).await, undo_rows(&world.beta, 0).await), (Some(1), 0));
    let again = resolve(node, &xid, Resolution::Accept).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_end_what_is_tried_in_vain_for_long() {
    for fails in [false, true] {
        let world = &World::new().await;
        let caller = &ctx();
        let options = coordinator::Options { alert_after: 4, ..quick() };
        let node = &world.node_with(Setup { options, ..Setup::default() }).await;
        stock(&world.gamma, 1, 5).await;
        // an action that the program does not have any more
        let builder = Resource::builder(world.gamma.clone(), node.tc.client()).tables([&ITEMS]);
        let newer = builder.build().unwrap();
        node.tc.join(newer.name(), newer.client());
        let mut xid = None;
        let keep = &mut xid;
        let done = node.txn.run(caller, |ctx| async move {
            *keep = ctx.xid.clone();
            reserve(&node.gamma, &ctx, 1, 2).await?;
            if fails { Err(refused("no")) } else { Ok(()) }
        });
        assert_eq!(done.await.is_err(), fails);
        let xid = xid.unwrap();
        eventually(PATIENCE, || async { shown(node, &xid).await.attempts >= 4 }).await;
        let retried = resolve(node, &xid, Resolution::Retry).await.unwrap();
        assert!(retried.is_driven(), "{retried:?}");
        let ended = resolve(node, &xid, Resolution::Accept).await.unwrap();
        assert_eq!(ended, if fails { Status::RolledBack } else { Status::Committed });
        assert_eq!(stock_of(&world.gamma, 1).await, (3, 2, 0), "left as it is");
    }
}
