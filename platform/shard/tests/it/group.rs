//! Transactions that share a physical commit share nothing else: each rolls back alone, and nobody is
//! told of success before all of it is on the disk.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures::poll;
use kit::ErrorCode;
use rpc::Fault;
use rusqlite::Connection;
use shard::{Route, Tx};
use testkit::{PATIENCE, TempShards, eventually, test_ctx};

use crate::support::{
    Gate, SINGLE, begin_insert, begin_tx, hold_writer, ids, insert, n_of, row, rows, thing,
};

#[tokio::test]
async fn a_failing_transaction_rolls_back_alone_while_its_group_commits() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let first = begin_insert(&db, &ctx, 1).await;
    let failing = begin_tx(&db, &ctx, |tx| async move {
        tx.exec(&thing(2, 2)).await?;
        tx.exec(&row("notes", 2, 2)).await?;
        Err::<(), _>(Fault::new(ErrorCode::Conflict, "changed my mind"))
    })
    .await;
    let duplicate = begin_insert(&db, &ctx, 1).await;
    let last = begin_insert(&db, &ctx, 3).await;
    gate.open();
    held.await.unwrap();
    first.await.unwrap();
    assert_eq!(failing.await.unwrap_err().message, "changed my mind");
    assert_eq!(duplicate.await.unwrap_err().code, ErrorCode::Conflict);
    last.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [1, 3]);
    let notes: Result<_, Fault> =
        db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("notes")).await }).await;
    assert_eq!(notes.unwrap().len(), 0);
}

#[tokio::test]
async fn nobody_is_answered_before_the_physical_commit_of_the_group() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let other = Connection::open(shards.folder().join("single.db")).unwrap();
    let durable =
        || other.query_row("SELECT count(*) FROM things", [], |r| r.get::<_, i64>(0)).unwrap();
    let (mut held, gate) = hold_writer(&db, &ctx).await;
    let mut first = begin_insert(&db, &ctx, 1).await;
    let slow_gate = Gate::new();
    let door = Arc::clone(&slow_gate);
    let slow = begin_tx(&db, &ctx, move |tx| {
        let door = Arc::clone(&door);
        async move {
            door.pass();
            // It sees what came before it in the group.
            n_of(&tx, 1).await
        }
    })
    .await;
    gate.open();
    slow_gate.reached().await;
    // The bodies of both have ended, the group has not.
    assert!(poll!(held.as_mut()).is_pending() && poll!(first.as_mut()).is_pending());
    assert_eq!(durable(), 0);
    slow_gate.open();
    first.await.unwrap();
    assert_eq!(durable(), 1, "who is answered is durable");
    held.await.unwrap();
    assert_eq!(slow.await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_body_that_awaits_something_else_is_refused_and_rolled_back() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let before = begin_insert(&db, &ctx, 1).await;
    let pending = begin_tx(&db, &ctx, |tx| async move {
        tx.exec(&thing(2, 2)).await?;
        tokio::task::yield_now().await;
        tx.exec(&thing(3, 3)).await
    })
    .await;
    // The mistake this is really about: a transaction within a transaction.
    let inner = db.clone();
    let nested = begin_tx(&db, &ctx, move |tx| {
        let (db, ctx) = (inner.clone(), test_ctx("any"));
        async move {
            tx.exec(&thing(4, 4)).await?;
            db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(5, 5)).await }).await
        }
    })
    .await;
    let after = begin_insert(&db, &ctx, 6).await;
    gate.open();
    held.await.unwrap();
    before.await.unwrap();
    let refused = pending.await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Internal);
    assert_eq!(refused.chain(), "the body of a transaction may await nothing but its transaction");
    assert_eq!(nested.await.unwrap_err().code, ErrorCode::Internal);
    after.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [1, 6]);
}

#[tokio::test]
async fn a_body_that_panics_is_rolled_back_and_its_neighbours_commit() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let before = begin_insert(&db, &ctx, 1).await;
    let panicking = begin_tx(&db, &ctx, |tx| async move {
        tx.exec(&thing(2, 2)).await?;
        if tx.place() == kit::Place::ZERO {
            panic!("on purpose, in a test");
        }
        Ok(())
    })
    .await;
    let after = begin_insert(&db, &ctx, 3).await;
    gate.open();
    held.await.unwrap();
    before.await.unwrap();
    let fault = panicking.await.unwrap_err();
    assert_eq!(
        (fault.code, fault.chain().as_str()),
        (ErrorCode::Internal, "the body of a transaction panicked")
    );
    after.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [1, 3]);
    let read: Result<(), Fault> =
        db.read(&ctx, Route::Whole, |_| async { panic!("on purpose, in a test") }).await;
    assert_eq!(read.unwrap_err().code, ErrorCode::Internal);
    assert_eq!(ids(&db, &ctx).await, [1, 3], "the readers live on");
}

#[tokio::test]
async fn a_transaction_cannot_be_used_after_its_end() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let kept: Arc<Mutex<Option<Tx>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let body = move |tx: Tx| {
        *keep.lock().unwrap() = Some(tx);
        async { Ok::<(), Fault>(()) }
    };
    db.tx(&ctx, Route::Whole, body.clone()).await.unwrap();
    let leaked = kept.lock().unwrap().take().unwrap();
    let refused = leaked.exec(&thing(1, 1)).await.unwrap_err();
    assert_eq!(refused.chain(), "a transaction was used after its end");
    assert!(leaked.all(&rows("things")).await.is_err());

    // Not even while the connection is in the middle of another transaction.
    let late = Gate::new();
    let (door, carried) = (Arc::clone(&late), leaked.clone());
    let other = begin_tx(&db, &ctx, move |tx| {
        let (door, carried) = (Arc::clone(&door), carried.clone());
        async move {
            tx.exec(&thing(2, 2)).await?;
            assert!(carried.exec(&thing(3, 3)).await.is_err());
            door.pass();
            tx.exec(&thing(4, 4)).await
        }
    })
    .await;
    late.reached().await;
    assert!(leaked.exec(&thing(5, 5)).await.is_err());
    late.open();
    other.await.unwrap();

    db.read(&ctx, Route::Whole, body).await.unwrap();
    let leaked = kept.lock().unwrap().take().unwrap();
    assert!(leaked.one(&rows("things")).await.is_err());
    assert_eq!(ids(&db, &ctx).await, [2, 4]);
}

#[tokio::test]
async fn a_read_cannot_write() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let exec = db.read(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await }).await;
    assert_eq!(exec.unwrap_err().chain(), "a read may not change anything");
    let unique: Result<bool, Fault> =
        db.read(&ctx, Route::Whole, |tx| async move { tx.insert_unique(&thing(1, 1)).await }).await;
    assert!(unique.is_err());
    assert!(ids(&db, &ctx).await.is_empty());
}

#[tokio::test]
async fn a_read_stays_on_one_snapshot_and_a_later_one_sees_every_answered_write() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    insert(&db, &ctx, 1).await;
    let gate = Gate::new();
    let (reader, door, reading) = (db.clone(), Arc::clone(&gate), ctx.clone());
    let snapshot = crate::support::begin(async move {
        reader
            .read(&reading, Route::Whole, move |tx| {
                let door = Arc::clone(&door);
                async move {
                    let before = tx.all(&rows("things")).await?.len();
                    door.pass();
                    Ok::<_, Fault>((before, tx.all(&rows("things")).await?.len()))
                }
            })
            .await
    })
    .await;
    gate.reached().await;
    insert(&db, &ctx, 2).await;
    assert_eq!(ids(&db, &ctx).await, [1, 2]);
    gate.open();
    assert_eq!(snapshot.await.unwrap(), (1, 1));
}

#[tokio::test]
async fn what_is_asked_for_after_the_commit_runs_then_and_only_then() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let runs = Arc::new(AtomicU32::new(0));
    let hooked = |fails: bool| {
        let runs = Arc::clone(&runs);
        move |tx: Tx| {
            let runs = Arc::clone(&runs);
            async move {
                tx.after_commit(move || {
                    runs.fetch_add(1, Ordering::SeqCst);
                });
                if fails { Err(Fault::not_found("it")) } else { Ok(()) }
            }
        }
    };
    let (held, gate) = hold_writer(&db, &ctx).await;
    let good = begin_tx(&db, &ctx, hooked(false)).await;
    let bad = begin_tx(&db, &ctx, hooked(true)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    gate.open();
    held.await.unwrap();
    good.await.unwrap();
    bad.await.unwrap_err();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hook_that_panics_takes_neither_the_answer_nor_the_writer_down() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    let hooked = begin_tx(&db, &ctx, |tx| async move {
        tx.after_commit(|| panic!("on purpose, in a test"));
        tx.exec(&thing(1, 1)).await
    })
    .await;
    let neighbour = begin_insert(&db, &ctx, 2).await;
    gate.open();
    held.await.unwrap();
    assert_eq!(hooked.await.unwrap(), 1);
    neighbour.await.unwrap();
    insert(&db, &ctx, 3).await;
    assert_eq!(ids(&db, &ctx).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_transaction_that_nobody_waits_for_any_more_does_not_begin() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = hold_writer(&db, &ctx).await;
    drop(begin_insert(&db, &ctx, 1).await);
    let kept = begin_insert(&db, &ctx, 2).await;
    drop(held); // It has begun; its end is not waited for, and the group goes on.
    gate.open();
    kept.await.unwrap();
    assert_eq!(ids(&db, &ctx).await, [2]);
    // A group in which nobody is left ends without a commit.
    let (held, gate) = hold_writer(&db, &ctx).await;
    drop((begin_insert(&db, &ctx, 3).await, held));
    gate.open();
    insert(&db, &ctx, 4).await;
    eventually(PATIENCE, || async { ids(&db, &ctx).await == [2, 4] }).await;
}
