//! The timer that one of many coordinators has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use rpc::Ctx;
use sea_query::{Expr, ExprTrait as _, Query};
use testkit::{PATIENCE, eventually};
use txn::model::mint_xid;
use txn::{Failpoints, Status, coordinator};

use crate::common::{Gate, Setup, World, add, at, ctx, entropy, n, quick, until, until_over};

/// A branch of a transaction that nobody decides.
async fn abandoned(world: &World, node: &crate::common::Node, id: i64) -> rpc::Xid {
    let random = entropy().next_u64().unwrap();
    let xid = mint_xid(world.txn.clock().now(), Duration::from_millis(50), random);
    let inside = Ctx { xid: Some(xid.clone()), ..ctx() };
    // a slow machine may take longer than its transaction lives
    let _ = at(&node.alpha, &inside, add(id, 1)).await;
    xid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_of_three_coordinators_one_has_the_timer() {
    let world = &World::new().await;
    let counts: Vec<_> = (0..3).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let mut nodes = Vec::new();
    for count in &counts {
        let count = Arc::clone(count);
        let faults = Failpoints::from_fn(move |point| {
            if point == "timer.before_claim" {
                count.fetch_add(1, Ordering::SeqCst);
            }
            async { Ok(()) }.boxed()
        });
        let options = coordinator::Options { lease: Duration::from_secs(30), ..quick() };
        nodes.push(world.node_with(Setup { faults, options, ..Setup::default() }).await);
    }
    world.timer_ticks(3).await;
    for id in 1..=12 {
        world.put(&world.alpha, id, 0).await;
    }
    for id in 1..=12 {
        let xid = abandoned(world, &nodes[0], id).await;
        if id % 4 == 0 {
            eventually(PATIENCE, || async {
                !matches!(crate::common::status(&nodes[0], &xid).await, Some(Status::Begin))
            })
            .await;
        }
    }
    eventually(PATIENCE, || async {
        let mut open = 0;
        for id in 1..=12 {
            open += n(&world.alpha, id).await.unwrap();
        }
        open == 0
    })
    .await;
    let acted = counts.iter().filter(|c| c.load(Ordering::SeqCst) > 0).count();
    assert_eq!(acted, 1, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_a_coordinator_that_was_stopped_past_its_lease_cannot_act_on_it() {
    let world = &World::new().await;
    world.put(&world.alpha, 1, 0).await;
    let (gate, faults) = Gate::at("timer.before_claim");
    let stopped = world.node_with(Setup { faults, ..Setup::default() }).await;
    world.timer_ticks(1).await;
    let xid = abandoned(world, &stopped, 1).await;
    // it has looked, and stands still before it acts
    gate.reached(1).await;
    let second = world.node().await;
    until(&second, &xid, Status::RolledBack).await;
    let before = second.tc.client().show(&ctx(), xid.clone()).await;
    world.put(&world.alpha, 2, 0).await;
    gate.open(1);
    // what it would have done it does not: the fence has moved on
    world.timer_ticks(3).await;
    let after = second.tc.client().show(&ctx(), xid).await;
    if let (Ok(before), Ok(after)) = (before, after) {
        assert_eq!(before.global.changed_at, after.global.changed_at);
    }
    assert_eq!(n(&world.alpha, 1).await, Some(0));
    world.no_residue().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_does_not_keep_the_timer_from_the_others() {
    let world = &World::new().await;
    let options = coordinator::Options { recover_batch: 1, ..quick() };
    let node = &world.node_with(Setup { options, ..Setup::default() }).await;
    let begin = |seconds| {
        let random = entropy().next_u64().unwrap();
        mint_xid(world.txn.clock().now(), Duration::from_secs(seconds), random)
    };
    let (spoilt, other) = (begin(2), begin(3));
    for (xid, id) in [(&spoilt, 1), (&other, 2)] {
        world.put(&world.alpha, id, 0).await;
        let inside = Ctx { xid: Some(xid.clone()), ..ctx() };
        at(&node.alpha, &inside, add(id, 1)).await.unwrap();
    }
    let spoil = Query::update()
        .table("txn_globals")
        .value("branches", "[{")
        .and_where(Expr::col("xid").eq(spoilt.0.as_str()))
        .to_owned();
    world.foreign(&world.txn, spoil).await;
    until_over(node, &other, Status::RolledBack).await;
    // it stays as it is, with its lock
    assert_eq!((n(&world.alpha, 1).await, n(&world.alpha, 2).await), (Some(1), Some(0)));
    assert_eq!(crate::common::count(&world.txn, "txn_locks").await, 1);
}
