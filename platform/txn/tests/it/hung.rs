//! Participants that hang, and do not fail: they must not keep those waiting who do not need them.

use std::time::Duration;

use rpc::{Ctx, Fault, Xid};
use shard::Route;
use testkit::{PATIENCE, eventually};
use txn::model::mint_xid;
use txn::{Resource, Status, Work, coordinator};

use crate::cells::{CELLS, SHARDED, place};
use crate::common::{
    Node, Setup, World, add, at, count, ctx, entropy, n, quick, refused, undo_rows, until,
    until_over,
};
use crate::line::{Line, Mood};

/// Who hangs does so for longer than any test waits.
fn for_ever() -> coordinator::Options {
    let for_ever = PATIENCE * 4;
    coordinator::Options { phase_two_within: for_ever, redrive: for_ever, ..quick() }
}

/// A branch of a transaction that nobody decides.
async fn abandoned(world: &World, resource: &Resource, id: i64, timeout: Duration) -> Xid {
    let random = entropy().next_u64().unwrap();
    let xid = mint_xid(world.txn.clock().now(), timeout, random);
    let inside = Ctx { xid: Some(xid.clone()), ..ctx() };
    at(resource, &inside, add(id, 1)).await.unwrap();
    xid
}

async fn many_abandoned(world: &World, node: &Node, many: i64) -> Vec<Xid> {
    let mut xids = Vec::new();
    for id in 1..=many {
        world.put(&world.alpha, id, 0).await;
        xids.push(abandoned(world, &node.alpha, id, Duration::from_secs(1)).await);
    }
    xids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollbacks_that_cannot_be_done_do_not_pile_up() {
    let world = &World::new().await;
    let within = Duration::from_millis(200);
    let options = coordinator::Options {
        rollbacks_max: 1,
        phase_two_within: within,
        redrive: within,
        ..quick()
    };
    let node = &world.node_with(Setup { options, ..Setup::default() }).await;
    let line = Line::between(&node.tc, &node.alpha, Mood::Hangs);
    let xids = many_abandoned(world, node, 4).await;
    // all the while each is due again and again
    eventually(PATIENCE, || async { line.asked() >= 10 }).await;
    line.is(Mood::Through);
    let before = line.asked();
    for xid in &xids {
        until_over(node, xid, Status::RolledBack).await;
    }
    world.no_residue().await;
    world.timer_ticks(3).await;
    let after = line.asked() - before;
    assert!(after <= 2 * xids.len(), "{after} calls for {} transactions", xids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_participant_that_hangs_holds_up_no_rollback_that_does_not_need_it() {
    let world = &World::new().await;
    let caller = &ctx();
    let options = coordinator::Options { rollbacks_max: 2, ..for_ever() };
    let node = &world.node_with(Setup { options, ..Setup::default() }).await;
    let line = Line::between(&node.tc, &node.alpha, Mood::Hangs);
    let xids = many_abandoned(world, node, 5).await;
    eventually(PATIENCE, || async { line.asked() == 2 }).await;
    world.put(&world.beta, 1, 0).await;
    let failed: Result<(), Fault> = node
        .txn
        .run(caller, |ctx| async move {
            at(&node.beta, &ctx, add(1, 1)).await?;
            Err(refused("no"))
        })
        .await;
    assert!(failed.is_err());
    eventually(PATIENCE, || async { n(&world.beta, 1).await == Some(0) }).await;
    assert_eq!(line.asked(), 2, "no more at a time than may");
    line.is(Mood::Through);
    for xid in &xids {
        until_over(node, xid, Status::RolledBack).await;
    }
    assert_eq!(count(&world.txn, "txn_locks").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_hang_in_numbers_do_not_keep_the_timer_from_the_others() {
    let world = &World::new().await;
    let caller = &ctx();
    let options = coordinator::Options { recover_batch: 2, ..for_ever() };
    let setup = Setup { options, timeout: Duration::from_secs(2), ..Setup::default() };
    let node = &world.node_with(setup).await;
    let line = Line::between(&node.tc, &node.alpha, Mood::Hangs);
    for id in 1..=5 {
        world.put(&world.alpha, id, 0).await;
        let done =
            node.txn.run(caller, |ctx| async move { at(&node.alpha, &ctx, add(id, 1)).await });
        done.await.unwrap();
    }
    // due after all of them, and after it nobody
    world.put(&world.beta, 1, 0).await;
    let last = abandoned(world, &node.beta, 1, Duration::from_secs(3)).await;
    until_over(node, &last, Status::RolledBack).await;
    assert_eq!(n(&world.beta, 1).await, Some(0));
    line.is(Mood::Through);
    eventually(PATIENCE, || async { undo_rows(&world.alpha, 0).await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_logical_database_that_hangs_delays_no_commit_in_another() {
    let world = &World::new().await;
    let caller = &ctx();
    let options = for_ever();
    let node = &world.node_with(Setup { options, ..Setup::default() }).await;
    let places = [place(1, 0), place(2, 0)];
    let db = world.shards.sharded(SHARDED, &places).await;
    let builder = Resource::builder(db, node.tc.client()).tables([&CELLS]);
    let resource = &builder.build().unwrap();
    let line = Line::between(&node.tc, resource, Mood::HangsIn(1));
    let mut xids = Vec::new();
    for place in places {
        let keep = &mut xids;
        let done: Result<(), Fault> = node
            .txn
            .run(caller, |ctx| async move {
                keep.push(ctx.xid.clone().unwrap());
                let work = Work::new().insert(&CELLS, (7,), |r| r.set("n", 1));
                let nothing = |_, _| async { Ok::<_, Fault>(()) };
                resource.at(&ctx, Route::Place(place), work, nothing).await
            })
            .await;
        done.unwrap();
        eventually(PATIENCE, || async { line.asked() == xids.len() }).await;
    }
    until(node, &xids[1], Status::Committed).await;
    let stands = crate::common::status(node, &xids[0]).await;
    assert_eq!(stands, Some(Status::Committing));
    line.is(Mood::Through);
    until(node, &xids[0], Status::Committed).await;
}
