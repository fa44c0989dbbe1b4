//! Another server takes over while everything runs: what was confirmed is there, nothing happened twice, and
//! whoever asks in between is told at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::ErrorCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use servers::ReplicaOptions;
use shard::{Database, DbError, Route};
use testkit::{PATIENCE, eventually};
use tokio::sync::Notify;
use tokio::task::block_in_place;

use crate::cluster::{Cluster, MAIN, label, quick, say, stranger, url};
use crate::support::{row, rows, thing};

const WRITERS: i64 = 8;
/// Ids of one writer begin here, those of the next as much later.
const SPAN: i64 = 1_000_000;
/// In between, nobody may be kept waiting longer than this.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn synchronous() -> Option<Cluster> {
    let replica = ReplicaOptions { synchronous: true, ..ReplicaOptions::default() };
    Cluster::start(replica, quick()).await
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    confirmed: Vec<(i64, Instant)>,
    failed: Vec<(Fault, Instant, Duration)>,
}

/// Adds a thing and counts it in the writer's note, once, however often it is asked.
async fn add(db: &Database, writer: i64, id: i64) -> Result<(), Fault> {
    let ctx = stranger().within(Duration::from_secs(10));
    db.tx(&ctx, Route::Whole, move |tx| async move {
        if tx.insert_unique(&thing(id, writer)).await? {
            let count = Query::update()
                .table("notes")
                .value("n", Expr::col("n").add(1))
                .and_where(Expr::col("id").eq(writer))
                .to_owned();
            tx.exec(&count).await?;
        }
        Ok(())
    })
    .await
}

/// Writes one thing after another until it is told to stop; what failed is tried again.
async fn write(db: &Database, writer: i64, stop: &AtomicBool, told: &Mutex<Told>) {
    let (deadline, mut id) = (Instant::now() + 3 * PATIENCE, writer * SPAN);
    while !stop.load(Ordering::SeqCst) {
        assert!(Instant::now() < deadline, "nobody stopped the writers");
        let began = Instant::now();
        let result = add(db, writer, id).await;
        let now = Instant::now();
        match result {
            Ok(()) => {
                told.lock().unwrap().confirmed.push((id, now));
                id += 1;
            }
            Err(fault) => {
                told.lock().unwrap().failed.push((fault, now, now.duration_since(began)));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

async fn make_notes(db: &Database) {
    let ctx = stranger();
    let notes = db.tx(&ctx, Route::Whole, |tx| async move {
        for writer in 0..WRITERS {
            tx.exec(&row("notes", writer, 0)).await?;
        }
        Ok::<_, Fault>(())
    });
    notes.await.unwrap();
}

/// Kills and fails over while the writers write; when it was killed, and what the failover took.
async fn fail_over(cluster: &mut Cluster, told: &[Mutex<Told>]) -> (Instant, Duration) {
    let confirmed = |since: Instant| {
        move |told: &Mutex<Told>| told.lock().unwrap().confirmed.iter().any(|(_, at)| *at > since)
    };
    let began = Instant::now();
    eventually(PATIENCE, || async {
        told.iter().all(|t| t.lock().unwrap().confirmed.len() >= 100)
    })
    .await;
    assert!(told.iter().all(confirmed(began)));
    block_in_place(|| cluster.primary.kill()).unwrap();
    let killed = Instant::now();
    // everybody meets it
    eventually(PATIENCE, || async {
        told.iter().all(|t| t.lock().unwrap().failed.iter().any(|(_, at, _)| *at > killed))
    })
    .await;
    let failing_over = Instant::now();
    let done = cluster.shards.fail_over(MAIN, &[]).await.unwrap();
    let took = failing_over.elapsed();
    assert_eq!((done.primary, done.others), (label(&cluster.replica), Vec::new()));
    let since = Instant::now();
    eventually(PATIENCE, || async { told.iter().all(confirmed(since)) }).await;
    (killed, took)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_confirmed_row_survives_kill_9_of_the_primary_and_nothing_happens_twice() {
    let Some(cluster) = synchronous().await else { return };
    let mut cluster = cluster.watched().await;
    make_notes(&cluster.db).await;
    let db = cluster.db.clone();
    let stop = AtomicBool::new(false);
    let told: Vec<Mutex<Told>> = (0..WRITERS).map(|_| Mutex::default()).collect();
    let writers = join_all((0..).zip(&told).map(|(writer, told)| write(&db, writer, &stop, told)));
    let steps = async {
        let steps = fail_over(&mut cluster, &told).await;
        stop.store(true, Ordering::SeqCst);
        steps
    };
    let (_, (killed, took)) = futures::join!(writers, steps);

    let all: Vec<Told> = told.into_iter().map(|t| t.into_inner().unwrap()).collect();
    let mut times: Vec<_> = all.iter().flat_map(|t| &t.confirmed).map(|(_, at)| *at).collect();
    times.sort();
    let gaps = times.windows(2).filter(|pair| pair[1] > killed);
    let impossible = gaps.map(|pair| pair[1].duration_since(pair[0])).max().unwrap();
    let failed: Vec<_> = all.iter().flat_map(|t| &t.failed).collect();
    let slowest = failed.iter().map(|(_, _, took)| *took).max().unwrap();
    let confirmed: BTreeSet<i64> =
        all.iter().flat_map(|t| &t.confirmed).map(|(id, _)| *id).collect();
    say(&format!(
        "failover: writing was impossible for {} ms (the failover: {took:?}); {} rows confirmed, {} tries refused, the \
         slowest refusal took {} ms",
        impossible.as_millis(),
        confirmed.len(),
        failed.len(),
        slowest.as_millis()
    ));
    assert!(slowest < AT_ONCE, "{slowest:?}");
    let other = failed.iter().find(|(f, _, _)| f.code != ErrorCode::Unavailable);
    assert!(other.is_none(), "{other:?}");

    let ctx = stranger();
    let found = db.read(&ctx, Route::Whole, |tx| async move {
        let notes = tx.all(&rows("notes")).await?;
        let counted: i64 = notes.iter().map(|r| r.get::<i64>("n")).sum::<Result<_, _>>()?;
        let mut ids = BTreeSet::new();
        for writer in 0..WRITERS {
            let mut own = rows("things");
            own.and_where(Expr::col("n").eq(writer));
            for row in tx.all(&own).await? {
                ids.insert(row.get::<i64>("id")?);
            }
        }
        Ok::<_, Fault>((ids, counted))
    });
    let (ids, counted) = found.await.unwrap();
    let lost: Vec<_> = confirmed.difference(&ids).collect();
    assert!(lost.is_empty(), "confirmed and not there: {lost:?}");
    assert_eq!(counted, ids.len() as i64, "an effect happened twice");

    the_old_one_is_left_alone(&mut cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_confirms_ends_with_the_time_of_the_caller() {
    let Some(mut cluster) = synchronous().await else { return };
    block_in_place(|| cluster.replica.kill()).unwrap();
    let began = Instant::now();
    let ctx = stranger().within(Duration::from_millis(500));
    let insert = |tx: shard::Tx| async move { tx.exec(&thing(1, 1)).await };
    let unknown = cluster.db.tx(&ctx, Route::Whole, insert).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::DeadlineExceeded);
    assert!(unknown.chain().contains("outcome is unknown"), "{}", unknown.chain());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // its connection was not put back in the middle of that
    block_in_place(|| cluster.primary.set_synchronous(None)).unwrap();
    let insert = |tx: shard::Tx| async move { tx.exec(&thing(2, 2)).await };
    cluster.db.tx(&stranger(), Route::Whole, insert).await.unwrap();
}

/// It comes back as if nothing had happened.
async fn the_old_one_is_left_alone(cluster: &mut Cluster) {
    block_in_place(|| cluster.primary.restart()).unwrap();
    for id in 1..=20 {
        add(&cluster.db, 0, -id).await.unwrap();
    }
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stoa'";
    let rows = "SELECT count(*) FROM single.things WHERE id < 0";
    let asked =
        block_in_place(|| [ours, rows].map(|sql| cluster.primary.sql("postgres", sql).unwrap()));
    assert_eq!(asked, ["0", "0"], "connections, rows");
    let rows = block_in_place(|| cluster.replica.sql("postgres", rows)).unwrap();
    assert_eq!(rows, "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_another_takes_over_does_not_commit_on_the_old_one() {
    let Some(mut cluster) = synchronous().await else { return };
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ctx = stranger();
    let held = cluster.db.tx(&ctx, Route::Whole, {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |tx| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                tx.exec(&thing(1, 1)).await?;
                begun.notify_one();
                go.notified().await;
                Ok::<_, Fault>(())
            }
        }
    });
    let meanwhile = async {
        begun.notified().await;
        block_in_place(|| cluster.replica.promote()).unwrap();
        cluster.shards.switch(MAIN, &url(&cluster.replica), &[]).await.unwrap();
        go.notify_one();
    };
    let (held, ()) = futures::join!(held, meanwhile);
    assert_eq!(held.unwrap_err().code, ErrorCode::Unavailable);
    cluster
        .db
        .tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(2, 2)).await })
        .await
        .unwrap();
    assert_eq!(cluster.read(&ctx).await.ids, [2]);
    let old =
        block_in_place(|| cluster.primary.sql("postgres", "SELECT count(*) FROM single.things"));
    assert_eq!(old.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_take_over_is_refused_and_nothing_changes() {
    let Some(cluster) = synchronous().await else { return };
    let text = |result: Result<(), DbError>| result.unwrap_err().to_string();
    let replica = url(&cluster.replica);
    let refused = text(cluster.shards.switch(MAIN, &replica, &[]).await);
    assert!(refused.contains("promote it first"), "{refused}");
    let nobody = kit::Secret::new("postgres://postgres@127.0.0.1:1/postgres".to_owned());
    let began = Instant::now();
    let refused = text(cluster.shards.switch(MAIN, &nobody, &[]).await);
    assert!(refused.contains("away") && began.elapsed() < AT_ONCE, "{refused}");
    let refused = text(cluster.shards.switch("elsewhere", &replica, &[]).await);
    assert!(refused.contains("`elsewhere`"), "{refused}");
    let insert = |tx: shard::Tx| async move { tx.exec(&thing(1, 1)).await };
    cluster.db.tx(&stranger(), Route::Whole, insert).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_primary_reads_go_on_where_a_replica_is_and_writes_fail_at_once() {
    let Some(cluster) = synchronous().await else { return };
    let mut cluster = cluster.watched().await;
    block_in_place(|| cluster.primary.kill()).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let seen = cluster.read(&stranger()).await;
        assert!(seen.on_replica, "{seen:?}");
        let asked = Instant::now();
        let refused = add(&cluster.db, 0, 1).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unavailable);
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    }
    block_in_place(|| cluster.primary.restart()).unwrap();
    eventually(PATIENCE, || async { add(&cluster.db, 0, 1).await.is_ok() }).await;
}
