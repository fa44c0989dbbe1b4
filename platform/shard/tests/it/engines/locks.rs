//! Transactions that meet.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::ErrorCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query, UpdateStatement};
use shard::Route;
use testkit::{PATIENCE, eventually, test_ctx};
use tokio::sync::Barrier;

use super::ground::Ground;
use crate::support::{SINGLE, rows, thing};

super::on_servers!(
    a_deadlock_is_run_again_and_both_succeed,
    a_locked_row_is_read_decided_and_written_one_after_another,
    of_many_who_insert_the_same_exactly_one_does,
    who_finds_the_queue_full_is_told_so,
    who_is_stopped_inside_a_transaction_keeps_nobody_waiting_for_ever,
);

fn add(id: i64) -> UpdateStatement {
    Query::update()
        .table("things")
        .value("n", Expr::col("n").add(1))
        .and_where(Expr::col("id").eq(id))
        .to_owned()
}

async fn a_deadlock_is_run_again_and_both_succeed(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    for id in [1, 2] {
        db.tx(&ctx, Route::Whole, move |tx| async move { tx.exec(&thing(id, 0)).await })
            .await
            .unwrap();
    }
    let meet = Arc::new(Barrier::new(2));
    let cross = |first: i64, second: i64| {
        let meet = Arc::clone(&meet);
        let tries = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let seen = Arc::clone(&tries);
        let done = db.tx(&ctx, Route::Whole, move |tx| {
            let (meet, tries) = (Arc::clone(&meet), Arc::clone(&tries));
            async move {
                tx.exec(&add(first)).await?;
                // only at the first try, when both are certain to be here
                if tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                    meet.wait().await;
                }
                tx.exec(&add(second)).await?;
                Ok::<_, Fault>(())
            }
        });
        async move {
            done.await.unwrap();
            seen.load(std::sync::atomic::Ordering::SeqCst)
        }
    };
    let (a, b) = futures::join!(cross(1, 2), cross(2, 1));
    assert!(a + b > 2, "there was no deadlock: {a} and {b} tries");
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
    let n: Vec<i64> = all.await.unwrap().iter().map(|r| r.get("n").unwrap()).collect();
    assert_eq!(n, [2, 2]);
}

async fn a_locked_row_is_read_decided_and_written_one_after_another(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 0)).await }).await.unwrap();
    let turns = (0..40).map(|_| {
        db.tx(&ctx, Route::Whole, |tx| async move {
            let mut select = rows("things");
            select.lock_exclusive();
            let seen = tx.one(&select).await?;
            let n: i64 = seen.map_or(Ok(0), |r| r.get("n"))?;
            let update = Query::update()
                .table("things")
                .value("n", n + 1)
                .and_where(Expr::col("id").eq(1))
                .to_owned();
            tx.exec(&update).await?;
            Ok::<_, Fault>(())
        })
    });
    for turn in futures::future::join_all(turns).await {
        turn.unwrap();
    }
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
    assert_eq!(all.await.unwrap()[0].get::<i64>("n").unwrap(), 40);
}

async fn of_many_who_insert_the_same_exactly_one_does(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    for id in 0..10 {
        let turns = (0..8).map(|n| {
            db.tx(&ctx, Route::Whole, move |tx| async move {
                let won = tx.insert_unique(&thing(id, n)).await?;
                // whoever lost reads what the winner wrote
                let mut select = rows("things");
                select.and_where(Expr::col("id").eq(id));
                let there = tx.one(&select).await?.is_some();
                Ok::<_, Fault>((won, there))
            })
        });
        let told = futures::future::join_all(turns).await;
        let told: Vec<_> = told.into_iter().map(|t| t.unwrap()).collect();
        assert_eq!(told.iter().filter(|(won, _)| *won).count(), 1, "{told:?}");
        assert!(told.iter().all(|(_, there)| *there), "{told:?}");
    }
}

async fn who_finds_the_queue_full_is_told_so(ground: Ground) {
    let (shards, _folder) = ground.other(|servers| {
        servers.servers[0].connections_max = 1;
        servers.waiting_max = 1;
    });
    let db = shards.database(SINGLE).await.unwrap();
    let ctx = test_ctx("flora").within(Duration::from_secs(5));
    let end = Arc::new(tokio::sync::Notify::new());
    let held = |n| {
        let end = Arc::clone(&end);
        db.tx(&ctx, Route::Whole, move |tx| {
            let end = Arc::clone(&end);
            async move {
                tx.exec(&thing(n, 1)).await?;
                end.notified().await;
                end.notify_one();
                Ok::<_, Fault>(())
            }
        })
    };
    let turns = (0..10).map(held);
    let go = async {
        tokio::task::yield_now().await;
        end.notify_one();
    };
    let (told, ()) = futures::join!(futures::future::join_all(turns), go);
    let full = |t: &Result<(), Fault>| t.as_ref().err().map(|f| f.code);
    let refused = told.iter().filter(|t| full(t) == Some(ErrorCode::Unavailable)).count();
    let done = told.iter().filter(|t| t.is_ok()).count();
    assert!(refused > 0 && done > 0 && refused + done == 10, "{told:?}");
}

async fn who_is_stopped_inside_a_transaction_keeps_nobody_waiting_for_ever(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 0)).await }).await.unwrap();
    let (has_row, stopped) = sync_channel(1);
    let (go, wait) = sync_channel::<()>(1);
    let wait = Arc::new(Mutex::new(wait));
    // a thread stands in for a process: while it blocks, none of the transaction's own limits is looked at
    let process = {
        let (db, runtime) = (db.clone(), tokio::runtime::Handle::current());
        std::thread::spawn(move || {
            let short = test_ctx("flora").within(Duration::from_secs(1));
            let body = move |tx: shard::Tx| {
                let (has_row, wait) = (has_row.clone(), Arc::clone(&wait));
                async move {
                    tx.exec(&add(1)).await?;
                    has_row.send(()).unwrap();
                    wait.lock().unwrap().recv_timeout(PATIENCE * 2).unwrap();
                    Ok::<_, Fault>(())
                }
            };
            runtime.block_on(db.tx(&short, Route::Whole, body))
        })
    };
    stopped.recv_timeout(PATIENCE).unwrap();
    eventually(PATIENCE, || async {
        let short = test_ctx("flora").within(Duration::from_secs(1));
        let other = db.tx(&short, Route::Whole, |tx| async move { tx.exec(&add(1)).await });
        other.await.is_ok()
    })
    .await;
    go.send(()).unwrap();
    assert!(process.join().unwrap().is_err(), "its work was taken back");
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
    assert_eq!(all.await.unwrap()[0].get::<i64>("n").unwrap(), 1);
}
