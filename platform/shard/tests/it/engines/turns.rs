//! Single transactions and reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::{Clock as _, ErrorCode, SystemClock};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Func, Query};
use shard::Route;
use testkit::{PATIENCE, eventually, test_ctx};

use super::ground::{Ground, Held};
use crate::support::{SINGLE, SPREAD, place, row, rows, thing};

super::on_servers!(
    a_transaction_takes_the_time_when_it_begins_and_not_when_it_began_to_wait,
    a_commit_stays_and_an_error_takes_everything_back,
    a_duplicate_is_told_and_the_transaction_goes_on,
    values_come_back_as_they_went_in,
    cells_are_apart_and_a_missing_route_is_refused,
    a_read_changes_nothing_and_sees_one_moment,
    a_failed_statement_that_nobody_minds_commits_nothing,
    a_panic_takes_back_only_its_own,
    a_transaction_that_is_given_up_leaves_nothing_behind,
    a_statement_ends_at_the_deadline,
    a_connection_that_broke_is_replaced_unnoticed,
    what_is_announced_as_one_statement_is_one,
    a_session_is_in_the_schema_that_is_asked_for,
);

async fn a_transaction_takes_the_time_when_it_begins_and_not_when_it_began_to_wait(ground: Ground) {
    let (shards, _folder) = ground.other(|servers| servers.servers[0].connections_max = 1);
    let db = shards.database(SINGLE).await.unwrap();
    let ctx = test_ctx("flora");
    let one = Held::default();
    let first = db.tx(&ctx, Route::Whole, one.body());
    let second = async {
        one.begun.notified().await;
        let now = |tx: shard::Tx| async move { Ok::<_, Fault>(tx.now()) };
        let mut writing = Box::pin(db.tx(&ctx, Route::Whole, now));
        let mut reading = Box::pin(db.read(&ctx, Route::Whole, now));
        assert!(
            futures::poll!(&mut writing).is_pending() && futures::poll!(&mut reading).is_pending()
        );
        let waiting = SystemClock.now();
        one.go.notify_one();
        let (wrote, read) = futures::join!(writing, reading);
        (waiting, wrote.unwrap(), read.unwrap())
    };
    let (first, (waiting, wrote, read)) = futures::join!(first, second);
    first.unwrap();
    assert!(wrote > waiting && read > waiting, "{waiting} {wrote} {read}");
}

async fn a_commit_stays_and_an_error_takes_everything_back(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let told = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&told);
    db.tx(&ctx, Route::Whole, move |tx| {
        let hook = Arc::clone(&hook);
        async move {
            tx.after_commit(move || hook.store(true, Ordering::SeqCst));
            tx.exec(&thing(1, 10)).await?;
            Ok::<_, Fault>(())
        }
    })
    .await
    .unwrap();
    assert!(told.load(Ordering::SeqCst));
    let refused = db
        .tx(&ctx, Route::Whole, |tx| async move {
            tx.exec(&thing(2, 20)).await?;
            Err::<(), _>(Fault::not_found("this"))
        })
        .await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound);
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await }).await;
    assert_eq!(all.unwrap().len(), 1);
}

async fn a_duplicate_is_told_and_the_transaction_goes_on(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let told = db
        .tx(&ctx, Route::Whole, |tx| async move {
            let first = tx.insert_unique(&thing(1, 10)).await?;
            let again = tx.insert_unique(&thing(1, 11)).await?;
            tx.exec(&thing(2, 20)).await?;
            Ok::<_, Fault>((first, again))
        })
        .await
        .unwrap();
    assert_eq!(told, (true, false));
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
    let n: Vec<i64> = all.await.unwrap().iter().map(|r| r.get("n").unwrap()).collect();
    assert_eq!(n, [10, 20]);
    let plain = db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(2, 9)).await }).await;
    assert_eq!(plain.unwrap_err().code, ErrorCode::Conflict);
}

async fn values_come_back_as_they_went_in(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let text = "花 'quoted' \\ \"x\" %_ e\u{301} 🌷 ".to_owned();
    let (stored, bytes) = (text.clone(), vec![0_u8, 255, 39, 92, 10]);
    let blob = bytes.clone();
    let (row, sum) = db
        .tx(&ctx, Route::Whole, move |tx| {
            let (stored, blob) = (stored.clone(), blob.clone());
            async move {
                let insert = Query::insert()
                    .into_table("things")
                    .columns(["id", "n", "name", "flag", "data"])
                    .values_panic([
                        1.into(),
                        i64::MIN.into(),
                        stored.into(),
                        true.into(),
                        blob.into(),
                    ])
                    .to_owned();
                tx.exec(&insert).await?;
                tx.exec(&thing(2, 5)).await?;
                let all = ["id", "n", "name", "flag", "data"];
                let select = Query::select()
                    .columns(all)
                    .from("things")
                    .and_where(Expr::col("flag").eq(true))
                    .limit(3)
                    .to_owned();
                let row = tx.one(&select).await?;
                let sum = Query::select()
                    .expr_as(Func::sum(Expr::col("n")), "sum")
                    .expr_as(Func::count(Expr::col("n")), "count")
                    .from("things")
                    .and_where(Expr::col("n").gt(0))
                    .to_owned();
                Ok::<_, Fault>((row, tx.one(&sum).await?))
            }
        })
        .await
        .unwrap();
    let (row, sum) = (row.unwrap(), sum.unwrap());
    assert_eq!(row.get::<i64>("n").unwrap(), i64::MIN);
    assert_eq!(row.get::<String>("name").unwrap(), text, "with the space at its end");
    assert!(row.get::<bool>("flag").unwrap());
    assert_eq!(row.get::<Vec<u8>>("data").unwrap(), bytes);
    assert_eq!((sum.get::<i64>("sum").unwrap(), sum.get::<i64>("count").unwrap()), (5, 1));
    let nothing = Query::select().columns(["name", "flag"]).from("things").to_owned();
    let rows = db
        .read(&ctx, Route::Whole, move |tx| {
            let nothing = nothing.clone();
            async move { tx.all(&nothing).await }
        })
        .await
        .unwrap();
    assert!(rows.iter().any(|r| r.get::<Option<String>>("name").unwrap().is_none()));
}

async fn cells_are_apart_and_a_missing_route_is_refused(ground: Ground) {
    let db = ground.open(SPREAD).await;
    let ctx = test_ctx("flora");
    let cells = [place(0, 1), place(0, 2), place(7, 1)];
    db.ensure_cells(&cells).await.unwrap();
    for (n, cell) in (0_i64..).zip(cells) {
        db.tx(&ctx, cell.into(), move |tx| async move {
            tx.exec(&row(tx.table("things")?, 1, n)).await
        })
        .await
        .unwrap();
    }
    for (n, cell) in (0_i64..).zip(cells) {
        let seen = db
            .read(&ctx, cell.into(), |tx| async move { tx.all(&rows(tx.table("things")?)).await })
            .await
            .unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].get::<i64>("n").unwrap(), n);
    }
    let unrouted = db.read(&ctx, Route::Db(0), |tx| async move { tx.all(&rows("things")).await });
    let unrouted = unrouted.await.unwrap_err();
    assert!(unrouted.chain().contains("needs a shard key"), "{}", unrouted.chain());
    let nowhere = db.read(&ctx, place(9, 9).into(), |_| async move { Ok::<_, Fault>(()) }).await;
    assert_eq!(nowhere.unwrap_err().code, ErrorCode::NotFound);
}

async fn a_read_changes_nothing_and_sees_one_moment(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let refused = db.read(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await });
    assert_eq!(refused.await.unwrap_err().code, ErrorCode::Internal);
    let (first, second) =
        (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (go, gone) = (Arc::clone(&first), Arc::clone(&second));
    let read = db.read(&ctx, Route::Whole, move |tx| {
        let (go, gone) = (Arc::clone(&go), Arc::clone(&gone));
        async move {
            let before = tx.all(&rows("things")).await?.len();
            go.notify_one();
            gone.notified().await;
            Ok::<_, Fault>((before, tx.all(&rows("things")).await?.len()))
        }
    });
    let write = async {
        first.notified().await;
        db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await }).await.unwrap();
        second.notify_one();
    };
    let (seen, ()) = futures::join!(read, write);
    assert_eq!(seen.unwrap(), (0, 0));
}

async fn a_failed_statement_that_nobody_minds_commits_nothing(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let ended = db
        .tx(&ctx, Route::Whole, |tx| async move {
            tx.exec(&thing(1, 1)).await?;
            // a table that is not there
            let _ = tx.exec(&row("nowhere", 1, 1)).await;
            Ok::<_, Fault>(())
        })
        .await;
    assert_eq!(ended.unwrap_err().code, ErrorCode::Unavailable);
    let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await }).await;
    assert!(all.unwrap().is_empty());
}

async fn a_panic_takes_back_only_its_own(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let ended = db
        .tx(&ctx, Route::Whole, |tx| async move {
            tx.exec(&thing(1, 1)).await?;
            if tx.now().micros() > 0 {
                panic!("on purpose");
            }
            Ok::<_, Fault>(())
        })
        .await;
    assert_eq!(ended.unwrap_err().code, ErrorCode::Internal);
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 2)).await }).await.unwrap();
}

async fn a_transaction_that_is_given_up_leaves_nothing_behind(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    for n in 0..20 {
        let given_up = db.tx(&ctx, Route::Whole, move |tx| async move {
            tx.exec(&thing(n, 1)).await?;
            std::future::pending::<()>().await;
            Ok::<_, Fault>(())
        });
        // dropped wherever it is then
        let wait = Duration::from_millis(u64::try_from(n).unwrap());
        assert!(tokio::time::timeout(wait, given_up).await.is_err());
    }
    // The rows are free again, and none of them is there.
    eventually(PATIENCE, || async {
        let all = db.read(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
        all.await.unwrap().is_empty()
    })
    .await;
    for n in 0..20 {
        db.tx(&ctx, Route::Whole, move |tx| async move { tx.exec(&thing(n, 2)).await })
            .await
            .unwrap();
    }
}

async fn a_statement_ends_at_the_deadline(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await }).await.unwrap();
    let (begun, end) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (go, gone) = (Arc::clone(&begun), Arc::clone(&end));
    let update = || {
        Query::update().table("things").value("n", 2).and_where(Expr::col("id").eq(1)).to_owned()
    };
    let first_ctx = test_ctx("flora");
    let first = db.tx(&first_ctx, Route::Whole, move |tx| {
        let (go, gone) = (Arc::clone(&go), Arc::clone(&gone));
        async move {
            tx.exec(&update()).await?;
            go.notify_one();
            gone.notified().await;
            Ok::<_, Fault>(())
        }
    });
    let second = async {
        begun.notified().await;
        let ctx = test_ctx("flora").within(Duration::from_millis(300));
        let began = std::time::Instant::now();
        let late =
            db.tx(&ctx, Route::Whole, move |tx| async move { tx.exec(&update()).await }).await;
        assert_eq!(late.unwrap_err().code, ErrorCode::DeadlineExceeded);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        end.notify_one();
    };
    let (first, ()) = futures::join!(first, second);
    first.unwrap();
}

async fn a_connection_that_broke_is_replaced_unnoticed(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    let (me, kill) = match ground.engine {
        shard::Engine::Postgres => ("pg_backend_pid()::BIGINT", "SELECT pg_terminate_backend"),
        _ => ("CAST(CONNECTION_ID() AS SIGNED)", "KILL"),
    };
    // several connections that lie about afterwards, and nobody else's
    let break_all = async || {
        let reads = (0..4).map(|_| {
            db.read(&ctx, Route::Whole, move |tx| async move {
                let me = Query::select().expr_as(Expr::cust(me), "me").to_owned();
                tx.one(&me).await?.unwrap().get::<i64>("me")
            })
        });
        let ids = futures::future::join_all(reads).await.into_iter().map(Result::unwrap);
        for id in ids.collect::<BTreeSet<_>>() {
            ground.beside(format!("{kill}({id})")).await;
        }
    };
    break_all().await;
    for n in 0..8 {
        db.tx(&ctx, Route::Whole, move |tx| async move { tx.exec(&thing(n, 1)).await })
            .await
            .unwrap();
    }
    break_all().await;
    for _ in 0..8 {
        let read = |tx: shard::Tx| async move { tx.all(&rows("things")).await };
        assert_eq!(db.read_one(&ctx, Route::Whole, read).await.unwrap().len(), 8);
    }
    break_all().await;
    for n in 8..16 {
        let write =
            db.tx_one(
                &ctx,
                Route::Whole,
                move |tx| async move { tx.insert_unique(&thing(n, 1)).await },
            );
        write.await.unwrap();
    }
}

async fn what_is_announced_as_one_statement_is_one(ground: Ground) {
    let db = ground.open(SINGLE).await;
    let ctx = test_ctx("flora");
    db.tx(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(1, 1)).await }).await.unwrap();
    let one = db.read_one(&ctx, Route::Whole, |tx| async move { tx.all(&rows("things")).await });
    assert_eq!(one.await.unwrap().len(), 1);
    let two = db.read_one(&ctx, Route::Whole, |tx| async move {
        tx.all(&rows("things")).await?;
        tx.all(&rows("things")).await
    });
    assert_eq!(two.await.unwrap_err().code, ErrorCode::Internal);
    let write =
        |n| db.tx_one(&ctx, Route::Whole, move |tx| async move { tx.exec(&thing(n, 1)).await });
    assert_eq!(write(3).await.unwrap(), 1);
    assert_eq!(write(3).await.unwrap_err().code, ErrorCode::Conflict);
    let both = db.tx_one(&ctx, Route::Whole, |tx| async move {
        tx.exec(&thing(4, 1)).await?;
        tx.exec(&thing(5, 1)).await
    });
    assert_eq!(both.await.unwrap_err().code, ErrorCode::Internal);
    let change = db.read_one(&ctx, Route::Whole, |tx| async move { tx.exec(&thing(2, 1)).await });
    assert_eq!(change.await.unwrap_err().code, ErrorCode::Internal);
}

/// What a rolled back transaction had set is not taken for set.
async fn a_session_is_in_the_schema_that_is_asked_for(ground: Ground) {
    let (one, other) = (ground.open(SINGLE).await, ground.open(SPREAD).await);
    other.ensure_cells(&[place(0, 0)]).await.unwrap();
    let ctx = test_ctx("flora");
    for n in 0..6 {
        let refused = one.tx(&ctx, Route::Whole, move |tx| async move {
            tx.exec(&thing(n, 1)).await?;
            Err::<(), _>(Fault::not_found("this"))
        });
        refused.await.unwrap_err();
        let read = |tx: shard::Tx| async move { tx.all(&rows("things")).await };
        assert!(one.read_one(&ctx, Route::Whole, read).await.unwrap().is_empty());
        let spread = |tx: shard::Tx| async move {
            let name = tx.table("things")?;
            tx.all(&Query::select().column("id").from(name).to_owned()).await
        };
        let route = Route::Place(place(0, 0));
        assert!(other.read_one(&ctx, route, spread).await.unwrap().is_empty());
        assert!(other.read(&ctx, route, spread).await.unwrap().is_empty());
    }
}
