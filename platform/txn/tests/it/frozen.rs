//! A process that was stopped inside a transaction keeps its row from nobody else. Only servers have others that go on
//! meanwhile: the embedded engine has one writer.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Query};
use shard::{Engine, Route, Tx};
use testkit::TempShards;
use tokio::sync::Notify;
use txn::Status;
use txn::model::mint_xid;

use crate::common::{World, add, at, ctx, entropy, n, until_over};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_26_a_row_that_somebody_keeps_locked_does_not_keep_the_timer_from_the_others() {
    for engine in [Engine::Postgres, Engine::Mysql] {
        let Some(shards) = TempShards::on_server(engine) else { continue };
        let world = &World::on(shards).await;
        let node = &world.node().await;
        let begin = || {
            let (now, random) = (world.txn.clock().now(), entropy().next_u64().unwrap());
            mint_xid(now, Duration::from_secs(3), random)
        };
        let (kept, other) = (begin(), begin());
        for (xid, id) in [(&kept, 1), (&other, 2)] {
            world.put(&world.alpha, id, 0).await;
            let inside = Ctx { xid: Some(xid.clone()), ..ctx() };
            at(&node.alpha, &inside, add(id, 1)).await.unwrap();
        }
        let (locked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let stopped = {
            let (xid, locked, go) = (kept.0.clone(), Arc::clone(&locked), Arc::clone(&go));
            move |tx: Tx| {
                let (xid, locked, go) = (xid.clone(), Arc::clone(&locked), Arc::clone(&go));
                async move {
                    let select = Query::select()
                        .column("status")
                        .from("txn_globals")
                        .and_where(Expr::col("xid").eq(xid))
                        .lock_exclusive()
                        .to_owned();
                    tx.one(&select).await?;
                    locked.notify_one();
                    go.notified().await;
                    Ok::<_, Fault>(())
                }
            }
        };
        let caller = ctx();
        let stopped = world.txn.tx(&caller, Route::Whole, stopped);
        let others = async {
            locked.notified().await;
            until_over(node, &other, Status::RolledBack).await;
            go.notify_one();
        };
        let (stopped, ()) = tokio::join!(stopped, others);
        assert!(stopped.is_ok(), "{engine}: the other had to wait for it");
        until_over(node, &kept, Status::RolledBack).await;
        for id in [1, 2] {
            assert_eq!(n(&world.alpha, id).await, Some(0));
        }
    }
}
