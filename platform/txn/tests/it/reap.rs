//! What the reaper deletes, and how much of it at a time.

use std::time::Duration;

use rpc::Fault;
use sea_query::Query;
use shard::{Route, Tx};
use testkit::test_clock;
use txn::model::mint_xid;

use crate::common::{World, count, ctx, undo_rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_marks_than_go_at_a_time_go_all_the_same() {
    let clock = test_clock();
    let world = &World::at(clock.clone()).await;
    let node = &world.node().await;
    let now = clock.as_ref();
    let xids = |seconds: u64, many: u64| {
        let begun = kit::Clock::now(now).plus(Duration::from_secs(seconds));
        (0..many).map(move |i| mint_xid(begun, Duration::from_secs(20), i).0).collect::<Vec<_>>()
    };
    // two branches each
    let (old, young) = (xids(0, 600), xids(500, 3));
    for some in old.chunks(100).chain([young.as_slice()]) {
        let some = some.to_vec();
        let body = move |tx: Tx| {
            let some = some.clone();
            async move {
                let (mut fences, mut marks) = (Query::insert(), Query::insert());
                fences.into_table("tcc_fence").columns([
                    "xid",
                    "branch",
                    "action",
                    "status",
                    "changed_at",
                ]);
                marks.into_table("undo_log").columns([
                    "xid",
                    "branch",
                    "status",
                    "images",
                    "created_at",
                ]);
                for (xid, branch) in some.iter().flat_map(|xid| [(xid, 1_i64), (xid, 2)]) {
                    // one that was tried and not ended stays
                    let status = if branch == 1 { 2_i64 } else { 1 };
                    let xid = xid.as_str();
                    let fence = [xid.into(), branch.into(), "".into(), status.into(), 0_i64.into()];
                    fences.values_panic(fence);
                    marks.values_panic([
                        xid.into(),
                        branch.into(),
                        branch.into(),
                        "".into(),
                        0_i64.into(),
                    ]);
                }
                tx.exec(&fences).await?;
                tx.exec(&marks).await.map(|_| ())
            }
        };
        world.alpha.tx::<_, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap();
    }
    clock.advance(Duration::from_secs(11 * 60));
    assert_eq!(node.alpha.reap(&ctx()).await.unwrap().marks, 600 + 2 * 600);
    assert_eq!(count(&world.alpha, "tcc_fence").await, 600 + 2 * 3);
    assert_eq!((undo_rows(&world.alpha, 1).await, undo_rows(&world.alpha, 2).await), (3, 3));
}
