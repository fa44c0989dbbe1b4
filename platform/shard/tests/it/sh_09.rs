//! SH-09: a replica that is lost, late or in trouble costs no read, and comes back only when it has been well
//! for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kit::ErrorCode;
use rpc::Fault;
use sea_query::{Expr, Query};
use servers::ReplicaOptions;
use shard::Route;
use testkit::{PATIENCE, eventually};
use tokio::sync::Notify;
use tokio::task::block_in_place;

use crate::cluster::{Cluster, quick, say, stranger};
use crate::support::{rows, thing};

/// A cluster whose replica is used, with one thing in it.
async fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(ReplicaOptions::default(), quick()).await?;
    let insert = |tx: shard::Tx| async move { tx.exec(&thing(1, 1)).await };
    cluster.db.tx(&stranger(), Route::Whole, insert).await.unwrap();
    let cluster = cluster.watched().await;
    eventually(PATIENCE, || async {
        let seen = cluster.read(&stranger()).await;
        seen.on_replica && seen.ids == [1]
    })
    .await;
    Some(cluster)
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_09_no_read_fails_when_the_replica_is_lost_and_it_comes_back() {
    let Some(mut cluster) = cluster().await else { return };
    let mut slowest = Vec::new();
    // A read that waits for a lost replica waits every time it is lost; a machine with other work does not.
    while slowest.len() < TRIES && slowest.last().is_none_or(|took| *took >= AT_ONCE) {
        slowest.push(lost_and_back(&mut cluster).await);
    }
    assert!(slowest.iter().any(|took| *took < AT_ONCE), "{slowest:?}");
}

/// No read is slower than this because a replica is lost.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How often the replica is lost, should a read be slow.
const TRIES: usize = 3;

/// How long the slowest read took while the replica was lost.
async fn lost_and_back(cluster: &mut Cluster) -> Duration {
    block_in_place(|| cluster.replica.kill()).unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..300 {
        let began = Instant::now();
        let seen = cluster.read(&stranger()).await;
        slowest = slowest.max(began.elapsed());
        assert!(!seen.on_replica && seen.ids == [1], "{seen:?}");
    }
    say(&format!("the slowest of 300 reads took {} ms without the replica", slowest.as_millis()));
    block_in_place(|| cluster.replica.restart()).unwrap();
    let began = Instant::now();
    eventually(PATIENCE, || async { cluster.read(&stranger()).await.on_replica }).await;
    let back = began.elapsed();
    say(&format!("it was used again {} ms after it took connections", back.as_millis()));
    assert!(back > quick().back_after / 2, "it came back after {back:?}, at once");
    slowest
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_09_a_late_replica_is_dropped_and_comes_back_after_it_has_been_in_step_for_a_while() {
    let Some(cluster) = cluster().await else { return };
    block_in_place(|| cluster.replica.pause_replay()).unwrap();
    let began = Instant::now();
    let insert = |tx: shard::Tx| async move { tx.exec(&thing(2, 2)).await };
    cluster.db.tx(&stranger(), Route::Whole, insert).await.unwrap();
    let seen = cluster.read(&stranger()).await;
    assert!(seen.on_replica && seen.ids == [1], "not too late yet: {seen:?}");
    eventually(PATIENCE, || async { !cluster.read(&stranger()).await.on_replica }).await;
    let dropped = began.elapsed();
    assert!(dropped >= quick().lag_max, "dropped after {dropped:?}");
    block_in_place(|| {
        cluster.replica.resume_replay().unwrap();
        cluster.replica.catch_up(&cluster.primary).unwrap();
    });
    let caught_up = Instant::now();
    assert!(!cluster.read(&stranger()).await.on_replica, "in step, but not for long");
    eventually(PATIENCE, || async {
        let seen = cluster.read(&stranger()).await;
        assert_eq!(seen.ids, [1, 2], "on the replica: {}", seen.on_replica);
        seen.on_replica
    })
    .await;
    let back = caught_up.elapsed();
    say(&format!(
        "dropped {} ms after it stood still, back {} ms after it was in step",
        dropped.as_millis(),
        back.as_millis()
    ));
    // it may have been in step a little before we knew
    assert!(back > quick().back_after / 2, "it came back after {back:?}, at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_09_a_read_that_the_replica_takes_back_is_done_on_the_primary() {
    let Some(cluster) = cluster().await else { return };
    let runs = Arc::new(AtomicU32::new(0));
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ctx = stranger();
    let read = cluster.db.read(&ctx, Route::Whole, {
        let (runs, begun, go) = (Arc::clone(&runs), Arc::clone(&begun), Arc::clone(&go));
        move |tx| {
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                let there = tx.all(&rows("things")).await?.len();
                if first {
                    begun.notify_one();
                    go.notified().await;
                }
                let again = tx.all(&rows("things")).await?.len();
                Ok::<_, Fault>((there, again))
            }
        }
    });
    let meanwhile = async {
        begun.notified().await;
        // the replica must lock the table, and ends whoever reads it
        let change = "ALTER TABLE single.things ADD COLUMN more BIGINT";
        block_in_place(|| {
            cluster.primary.sql("postgres", change).unwrap();
            cluster.replica.catch_up(&cluster.primary).unwrap();
        });
        go.notify_one();
    };
    let (seen, ()) = futures::join!(read, meanwhile);
    assert_eq!(seen.unwrap(), (1, 1));
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once on the replica, once on the primary");
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_09_a_caller_without_time_switches_no_replica_off() {
    let Some(cluster) = cluster().await else { return };
    let runs = Arc::new(AtomicU32::new(0));
    for single in [false, true] {
        let ctx = stranger().within(Duration::from_millis(40));
        let body = {
            let runs = Arc::clone(&runs);
            move |tx: shard::Tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                async move {
                    let sleep = Expr::cust("pg_sleep(5)::TEXT");
                    tx.one(&Query::select().expr(sleep).to_owned()).await
                }
            }
        };
        let read = if single {
            cluster.db.read_one(&ctx, Route::Whole, body).await
        } else {
            cluster.db.read(&ctx, Route::Whole, body).await
        };
        assert_eq!(read.unwrap_err().code, ErrorCode::DeadlineExceeded);
        // for everybody else it is as it was
        assert!(cluster.read(&stranger()).await.on_replica, "single: {single}");
    }
    assert!(runs.load(Ordering::SeqCst) >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_09_a_table_that_has_not_reached_the_replica_is_read_on_the_primary() {
    let Some(cluster) = cluster().await else { return };
    block_in_place(|| {
        cluster.replica.pause_replay().unwrap();
        cluster.primary.sql("postgres", "CREATE TABLE single.fresh (id BIGINT, n BIGINT)").unwrap();
    });
    let fresh = Query::select().column("id").from("fresh").to_owned();
    let ctx = stranger();
    let read = cluster.db.read(&ctx, Route::Whole, move |tx| {
        let fresh = fresh.clone();
        async move { tx.all(&fresh).await }
    });
    assert!(read.await.unwrap().is_empty());
}
