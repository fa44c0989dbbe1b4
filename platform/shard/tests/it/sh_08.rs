//! SH-08: who wrote reads what he wrote, whichever server answers; a transaction reads from where it writes.

use std::time::{Duration, Instant};

use rpc::{Ctx, Fault};
use sea_query::{Expr, Query};
use servers::ReplicaOptions;
use shard::{Route, Splitting};
use testkit::{PATIENCE, eventually, test_ctx};

use crate::cluster::{Cluster, MAIN, quick, say, stranger};
use crate::support::{n_of, thing};

/// How late the replica is in these tests.
const LATE: Duration = Duration::from_secs(2);

/// A late replica that is used all the same.
async fn late() -> Option<Cluster> {
    let far = Duration::from_secs(3_600);
    let splitting = Splitting { lag_max: far, lag_back: far, ..quick() };
    let replica = ReplicaOptions { apply_delay: LATE, ..ReplicaOptions::default() };
    Some(Cluster::start(replica, splitting).await?.watched().await)
}

async fn write(cluster: &Cluster, ctx: &Ctx, id: i64) {
    let insert = cluster.db.tx(ctx, Route::Whole, move |tx| async move {
        tx.exec(&thing(id, 1)).await?;
        Ok::<_, Fault>(())
    });
    insert.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_08_a_session_reads_what_it_wrote_though_the_replica_is_two_seconds_late() {
    let Some(cluster) = late().await else { return };
    let writer = stranger();
    write(&cluster, &writer, 1).await;
    let committed = Instant::now();
    assert!(writer.session.token(MAIN).is_some_and(|t| t.parse::<u64>().is_ok_and(|t| t > 0)));
    let seen = cluster.read(&writer).await;
    let took = committed.elapsed();
    assert!(!seen.on_replica && seen.ids == [1], "{seen:?}");
    assert!(took < LATE / 2, "a read does not wait for a late replica, it took {took:?}");
    // this is what the token is for
    let others = cluster.read(&stranger()).await;
    assert!(others.on_replica && others.ids.is_empty(), "{others:?}");
    eventually(PATIENCE, || async {
        let seen = cluster.read(&writer).await;
        assert_eq!(seen.ids, [1], "on the replica: {}", seen.on_replica);
        seen.on_replica
    })
    .await;
    let after = committed.elapsed();
    assert!(after > LATE / 2, "it came after {after:?} and was not late");
    say(&format!(
        "the session's reads went back to the replica {} ms after the commit",
        after.as_millis()
    ));
    assert_eq!(cluster.read(&stranger()).await.ids, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_08_a_transaction_reads_what_it_wrote_and_what_others_committed() {
    let Some(cluster) = late().await else { return };
    write(&cluster, &stranger(), 1).await;
    let ctx = stranger();
    let inside = cluster.db.tx(&ctx, Route::Whole, |tx| async move {
        tx.exec(&thing(2, 2)).await?;
        let replica = Expr::cust("pg_is_in_recovery()::INT::BIGINT");
        let place = tx.one(&Query::select().expr_as(replica, "replica").to_owned()).await?;
        let on_replica: i64 = place.map_or(Ok(1), |r| r.get("replica"))?;
        Ok::<_, Fault>((on_replica, n_of(&tx, 1).await?, n_of(&tx, 2).await?))
    });
    assert_eq!(inside.await.unwrap(), (0, Some(1), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_08_what_needs_the_latest_or_an_unknown_position_reads_from_the_primary() {
    let Some(cluster) = Cluster::start(ReplicaOptions::default(), quick()).await else { return };
    write(&cluster, &stranger(), 1).await;
    assert!(!cluster.read(&stranger()).await.on_replica, "nobody measures");
    let cluster = cluster.watched().await;
    for position in [u64::MAX.to_string(), (1_u64 << 62).to_string(), "16/B374D848".to_owned()] {
        let ctx = stranger();
        ctx.session.wrote(MAIN, &position);
        let began = Instant::now();
        let seen = cluster.read(&ctx).await;
        assert!(!seen.on_replica && seen.ids == [1], "{position}: {seen:?}");
        // It waits for `wait_max`, and here for a machine with other work, too. It cannot be tried again to tell
        // the one from the other: until it is measured anew, nobody waits for that replica a second time.
        assert!(began.elapsed() < Duration::from_millis(2_500));
    }
    let latest = stranger();
    latest.session.mark_latest();
    assert!(!cluster.read(&latest).await.on_replica);
    assert!(!cluster.read(&test_ctx("flora")).await.on_replica, "the platform itself");
    // waiting in vain for an invented position has not cost the others their replica
    eventually(PATIENCE, || async { cluster.read(&stranger()).await.on_replica }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_08_a_replica_in_step_answers_who_has_just_written() {
    const ROUNDS: i64 = 100;
    let Some(cluster) = Cluster::start(ReplicaOptions::default(), quick()).await else { return };
    let cluster = cluster.watched().await;
    let writer = stranger();
    let mut there = 0;
    for id in 1..=ROUNDS {
        write(&cluster, &writer, id).await;
        let seen = cluster.read(&writer).await;
        assert_eq!(seen.ids.len() as i64, id, "on the replica: {}", seen.on_replica);
        there += i64::from(seen.on_replica);
    }
    say(&format!("{there} of {ROUNDS} reads right after a write were answered by the replica"));
    assert!(there > 0);
}
