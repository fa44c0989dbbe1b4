//! Everything has a limit: queues, time, rows. What passes one is refused with an answer that says
//! whether trying again makes sense, and harms nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::{ErrorCode, SystemClock};
use rpc::Fault;
use shard::Route;
use testkit::{TempShards, test_ctx};

use crate::support::{
    EndlessWrite, Gate, MS_200, SINGLE, begin, begin_insert, begin_tx, endless, hold_writer, ids,
    insert, rows, thing,
};

#[tokio::test]
async fn a_full_queue_of_the_writer_is_unavailable_at_once() {
    let shards = TempShards::with_options(Arc::new(SystemClock), |o| o.writer_queue_max = 2);
    let ctx = test_ctx("any");
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let queued = [begin_insert(&db, &ctx, 1).await, begin_insert(&db, &ctx, 2).await];
    let refused: Fault = db
        .tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(3, 3)).await })
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.code.is_retryable());
    assert!(refused.chain().starts_with("the queue of"), "{}", refused.chain());
    gate.open();
    held.await.unwrap();
    join_all(queued).await.into_iter().for_each(Result::unwrap);
    assert_eq!(ids(&db, &ctx).await, [1, 2], "what was refused was not done");
}

#[tokio::test]
async fn a_full_queue_of_the_readers_is_unavailable_at_once() {
    let shards = TempShards::with_options(Arc::new(SystemClock), |o| {
        o.readers = 1;
        o.reader_queue_max = 1;
    });
    let ctx = test_ctx("any");
    let db = shards.single(SINGLE).await;
    let gate = Gate::new();
    let read = |gate: Arc<Gate>| {
        let (db, ctx) = (db.clone(), ctx.clone());
        begin(async move {
            db.read(&ctx, Route::Whole, move |_| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.pass();
                    Ok(())
                }
            })
            .await
        })
    };
    let running = read(Arc::clone(&gate)).await;
    gate.reached().await;
    let queued = read(Arc::clone(&gate)).await;
    let refused: Result<(), Fault> = db.read(&ctx, Route::Whole, |_| async { Ok(()) }).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
    gate.open();
    running.await.unwrap();
    queued.await.unwrap();
}

#[tokio::test]
async fn a_read_that_runs_past_its_deadline_is_stopped_and_frees_its_reader() {
    let shards = TempShards::with_options(Arc::new(SystemClock), |o| o.readers = 1);
    let ctx = test_ctx("any");
    let db = shards.single(SINGLE).await;
    let began = Instant::now();
    let slow: Result<_, Fault> = db
        .read(&ctx.within(MS_200), Route::Whole, |tx| async move { tx.one(&endless()).await })
        .await;
    assert_eq!(slow.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert!(began.elapsed() >= MS_200);
    assert!(ids(&db, &ctx).await.is_empty(), "the only reader is free again");
}

#[tokio::test]
async fn no_statement_runs_longer_than_the_engines_own_limit() {
    let shards = TempShards::with_options(Arc::new(SystemClock), |o| o.statement_timeout = MS_200);
    let ctx = test_ctx("any");
    let db = shards.single(SINGLE).await;
    let slow: Result<_, Fault> =
        db.tx(&ctx, Route::Whole, |tx| async move { tx.one(&endless()).await }).await;
    assert_eq!(slow.unwrap_err().code, ErrorCode::DeadlineExceeded);
    insert(&db, &ctx, 1).await;
}

#[tokio::test]
async fn a_query_that_is_stopped_leaves_its_group_alone() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let before = begin_insert(&db, &ctx, 1).await;
    let slow = begin_tx(&db, &ctx.within(MS_200), |tx| async move {
        tx.exec(&thing(2, 2)).await?;
        tx.one(&endless()).await
    })
    .await;
    let after = begin_insert(&db, &ctx, 3).await;
    gate.open();
    held.await.unwrap();
    before.await.unwrap();
    assert_eq!(slow.await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    after.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [1, 3]);
}

/// The engine ends the whole transaction when it stops a write; that must not show.
#[tokio::test]
async fn a_write_that_is_stopped_lets_its_neighbours_commit_once() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let bodies = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&bodies);
    let before = begin_tx(&db, &ctx, move |tx| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { tx.exec(&thing(101, 101)).await }
    })
    .await;
    let duplicate =
        begin_tx(&db, &ctx, |tx| async move { tx.insert_unique(&thing(101, 0)).await }).await;
    let slow = begin_tx(&db, &ctx.within(Duration::from_secs(2)), |tx| async move {
        tx.exec(&EndlessWrite).await
    })
    .await;
    let after = begin_insert(&db, &ctx, 102).await;
    gate.open();
    held.await.unwrap();
    assert_eq!(before.await.unwrap(), 1);
    assert!(!duplicate.await.unwrap());
    assert_eq!(slow.await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    after.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [101, 102]);
    assert_eq!(
        bodies.load(Ordering::SeqCst),
        2,
        "it was rolled back with the slow one and ran again"
    );
}

#[tokio::test]
async fn a_body_that_goes_on_after_the_engine_ended_its_transaction_changes_nothing() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let before = begin_insert(&db, &ctx, 101).await;
    let stubborn = begin_tx(&db, &ctx.within(MS_200), |tx| async move {
        tx.exec(&thing(102, 102)).await?;
        let stopped = tx.exec(&EndlessWrite).await;
        assert!(stopped.is_err());
        // Outside of any transaction this would be durable at once.
        let next = tx.exec(&thing(103, 103)).await;
        assert_eq!(next.unwrap_err().code, ErrorCode::Unavailable);
        Ok(())
    })
    .await;
    gate.open();
    held.await.unwrap();
    before.await.unwrap();
    assert!(stubborn.await.unwrap_err().code.is_retryable());
    assert_eq!(ids(&db, &ctx).await, [101]);
}

#[tokio::test]
async fn work_whose_time_ran_out_in_the_queue_is_not_begun() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let late = begin_insert(&db, &ctx.within(Duration::from_millis(20)), 1).await;
    assert_eq!(late.await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    gate.open();
    held.await.unwrap();
    let over =
        db.tx(&ctx.within(Duration::ZERO), Route::Whole, |tx| async move {
            tx.exec(&thing(2, 2)).await
        })
        .await;
    assert_eq!(over.unwrap_err().code, ErrorCode::DeadlineExceeded);
    insert(&db, &ctx, 3).await;
    assert_eq!(ids(&db, &ctx).await, [3]);
}

#[tokio::test]
async fn a_query_returns_no_more_rows_than_allowed() {
    let shards = TempShards::with_options(Arc::new(SystemClock), |o| o.rows_max = 10);
    let ctx = test_ctx("any");
    let db = shards.single(SINGLE).await;
    for id in 0..10 {
        insert(&db, &ctx, id).await;
    }
    assert_eq!(ids(&db, &ctx).await.len(), 10);
    insert(&db, &ctx, 10).await;
    let read = |one: bool| {
        db.read(&ctx, Route::Whole, move |tx| async move {
            if one {
                return Ok(usize::from(tx.one(&rows("things")).await?.is_some()));
            }
            Ok::<_, Fault>(tx.all(&rows("things")).await?.len())
        })
    };
    let refused = read(false).await.unwrap_err();
    assert_eq!(refused.chain(), "a query returned more than 10 rows; page it");
    assert_eq!(read(true).await.unwrap(), 1);
}
