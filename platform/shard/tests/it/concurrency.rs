//! Many at once: nothing is lost, and waiting together for the disk pays.

use std::io::Write as _;
use std::time::Instant;

use futures::future::join_all;
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Query};
use shard::{Database, Route};
use testkit::{TempShards, test_ctx};

use crate::support::{SINGLE, ids, insert, n_of, thing};

async fn increment(db: &Database, ctx: &Ctx, id: i64) {
    loop {
        let seen: Result<_, Fault> =
            db.read(ctx, Route::Whole, move |tx| async move { n_of(&tx, id).await }).await;
        let seen = seen.unwrap().unwrap();
        let swap = Query::update()
            .table("things")
            .value("n", seen + 1)
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("n").eq(seen))
            .to_owned();
        let swapped: Result<u64, Fault> = db
            .tx(ctx, Route::Whole, move |tx| {
                let swap = swap.clone();
                async move { tx.exec(&swap).await }
            })
            .await;
        if swapped.unwrap() == 1 {
            return;
        }
    }
}

#[tokio::test]
async fn sixty_four_tasks_with_compare_and_set_lose_nothing() {
    const TASKS: i64 = 64;
    const ROUNDS: i64 = 8;
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    for id in 0..4 {
        insert(&db, &ctx, id).await;
    }
    let reset = Query::update().table("things").value("n", 0).to_owned();
    let reset: Result<u64, Fault> = db
        .tx(&ctx, Route::Whole, move |tx| {
            let reset = reset.clone();
            async move { tx.exec(&reset).await }
        })
        .await;
    assert_eq!(reset.unwrap(), 4);
    join_all((0..TASKS).map(|task| {
        let (db, ctx) = (db.clone(), ctx.clone());
        async move {
            for round in 0..ROUNDS {
                increment(&db, &ctx, (task + round) % 4).await;
            }
        }
    }))
    .await;
    for id in 0..4 {
        let n: Result<_, Fault> =
            db.read(&ctx, Route::Whole, move |tx| async move { n_of(&tx, id).await }).await;
        assert_eq!(n.unwrap(), Some(TASKS * ROUNDS / 4));
    }
}

/// Rows per second of so many writers that each wait for their answer.
async fn rate(writers: i64, rows_each: i64) -> u128 {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let began = Instant::now();
    join_all((0..writers).map(|writer| {
        let (db, ctx) = (db.clone(), ctx.clone());
        async move {
            for n in 0..rows_each {
                let id = writer * rows_each + n;
                let one = db
                    .tx(&ctx, Route::Whole, move |tx| async move { tx.exec(&thing(id, n)).await });
                let one: Result<u64, Fault> = one.await;
                assert_eq!(one.unwrap(), 1);
            }
        }
    }))
    .await;
    let took = began.elapsed().as_micros().max(1);
    assert_eq!(ids(&db, &ctx).await.len() as i64, writers * rows_each);
    (writers * rows_each) as u128 * 1_000_000 / took
}

/// Prints what sharing a commit gains on this machine; only a loss would be a failure.
#[tokio::test]
async fn writers_that_wait_together_are_not_slower_than_one_alone() {
    let alone = rate(1, 200).await;
    let together = rate(64, 50).await;
    let mut out = std::io::stdout();
    writeln!(out, "group commit: 1 writer {alone} rows/s, 64 writers {together} rows/s").unwrap();
    assert!(together * 2 > alone, "{together} against {alone} rows/s");
}
