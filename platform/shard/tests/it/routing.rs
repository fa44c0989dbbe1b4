//! How a statement finds its rows: by a cell, or not at all. Never by asking all cells.

use std::time::Duration;

use kit::{ErrorCode, Place};
use rpc::Fault;
use sea_query::Query;
use shard::{Placement, Placements, Route};
use testkit::{BEGIN, TempShards, test_ctx};

use crate::support::{SINGLE, SPREAD, place, row, rows, thing};

#[track_caller]
fn assert_unroutable(result: Result<impl std::fmt::Debug, Fault>, what: &str) {
    let fault = result.unwrap_err();
    assert_eq!(fault.code, ErrorCode::Internal);
    let told = fault.chain();
    assert!(told.contains(&format!("spread is sharded: `{what}` needs a shard key")), "{told}");
    assert!(told.contains("route by user or by id"), "{told}");
    assert!(!fault.message.contains("spread"), "the public text names no table");
}

#[tokio::test]
async fn sh_10_a_transaction_without_a_route_is_refused_where_rows_are_spread() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(SPREAD, &[place(0, 0)]).await;
    let what = "a transaction without a route";
    assert_unroutable(db.tx(&ctx, Route::Whole, |_| async { Ok(()) }).await, what);
    assert_unroutable(db.read(&ctx, Route::Whole, |_| async { Ok(()) }).await, what);
}

#[tokio::test]
async fn sh_10_a_statement_that_names_a_logical_table_itself_is_refused() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(SPREAD, &[place(0, 0)]).await;
    for route in [Route::Place(place(0, 0)), Route::Db(0)] {
        let read = db.read(&ctx, route, |tx| async move { tx.all(&rows("things")).await }).await;
        assert_unroutable(read, "things");
        let write = db.tx(&ctx, route, |tx| async move { tx.exec(&thing(1, 1)).await }).await;
        assert_unroutable(write, "things");
        let unique =
            db.tx(&ctx, route, |tx| async move { tx.insert_unique(&thing(1, 1)).await }).await;
        assert_unroutable(unique, "things");
        let all = Query::delete().from_table("things").to_owned();
        let delete = db.tx(&ctx, route, move |tx| {
            let all = all.clone();
            async move { tx.exec(&all).await }
        });
        assert_unroutable(delete.await, "things");
    }
    // A table that is nowhere is just missing.
    let missing: Result<_, Fault> =
        db.read(&ctx, Route::Db(0), |tx| async move { tx.all(&rows("nothing")).await }).await;
    assert!(missing.unwrap_err().chain().contains("no such table: nothing"));
}

#[tokio::test]
async fn sh_10_a_database_without_a_cell_has_no_sharded_tables_but_its_common_ones() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(SPREAD, &[place(0, 0), place(3, 1)]).await;
    assert_eq!(db.databases(), [0, 3]);
    for number in db.databases() {
        let asked = db.tx(&ctx, Route::Db(number), |tx| async move {
            let things = tx.table("things")?;
            tx.exec(&row(things, 1, 1)).await
        });
        assert_unroutable(asked.await, "things");
        let noted = db.tx(&ctx, Route::Db(number), |tx| async move {
            let notes = tx.table("notes")?;
            tx.exec(&row(notes, 1, 1)).await
        });
        assert_eq!(noted.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn sh_10_a_cell_that_no_placement_uses_does_not_exist() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(SPREAD, &[place(0, 0)]).await;
    for route in [Route::Place(place(0, 1)), Route::Place(place(9, 0)), Route::Db(9)] {
        let refused: Fault =
            db.tx(&ctx, route, |_| async { Ok::<(), Fault>(()) }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        assert!(refused.chain().starts_with("spread has no cell"), "{}", refused.chain());
    }
    assert!(db.has_cell(place(0, 0)) && !db.has_cell(place(0, 1)));
    let beyond = db.ensure_cells(&[Place { db: 0, table: 32 }]).await.unwrap_err();
    assert!(beyond.chain().contains("00/32"), "{}", beyond.chain());
}

#[tokio::test]
async fn a_row_lies_in_the_cell_of_its_user_and_in_no_other() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let placements = Placements::initial(Placement::new(2, 3, 4, 5).unwrap());
    let db = shards.sharded(SPREAD, &placements.cells()).await;
    for user in 0..60 {
        let route = Route::from(placements.home(user, BEGIN));
        let insert = db.tx(&ctx, route, move |tx| async move {
            let things = tx.table("things")?;
            tx.exec(&row(things, user, i64::from(tx.place().table))).await
        });
        assert_eq!(insert.await.unwrap(), 1);
    }
    let mut found = 0;
    for cell in db.cells() {
        let all = db.read(&ctx, cell.into(), |tx| async move {
            let things = tx.table("things")?;
            tx.all(&rows(things)).await
        });
        let all: Vec<shard::Row> = all.await.unwrap();
        for row in &all {
            let (user, table): (i64, u8) = (row.get("id").unwrap(), row.get("n").unwrap());
            assert_eq!((placements.home(user, BEGIN), table), (cell, cell.table));
        }
        found += all.len();
    }
    assert_eq!((found, db.cells().len()), (60, 6));
}

#[tokio::test]
async fn a_database_that_is_not_sharded_takes_every_place_and_needs_no_cells() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    db.ensure_cells(&[place(5, 5), place(6, 6)]).await.unwrap();
    assert_eq!((db.databases(), db.cells()), (vec![0], vec![]), "no second writer of its file");
    let routes = [Route::Whole, Route::Place(place(7, 7)), Route::Db(0)];
    for (id, route) in (0..).zip(routes) {
        let insert = db.tx(&ctx, route, move |tx| async move { tx.exec(&thing(id, 0)).await });
        assert_eq!(insert.await.unwrap(), 1);
    }
    assert_eq!(crate::support::ids(&db, &ctx).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_database_asked_for_twice_is_the_same_and_has_one_schema() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let (a, b) = (shards.sharded(SPREAD, &[place(0, 0)]).await, shards.single(SPREAD).await);
    assert!(b.has_cell(place(0, 0)));
    let other = shard::Schema { cell_tables: &["things", "notes"], ..SPREAD };
    let refused = shards.database(other).await.unwrap_err();
    assert_eq!(refused.chain(), "spread is open with another schema");
    drop((a, b));
    let ctx = ctx.within(Duration::from_secs(5));
    let again = shards.sharded(SPREAD, &[place(0, 0)]).await;
    let read: Result<_, Fault> =
        again.read(&ctx, Route::Db(0), |tx| async move { tx.all(&rows("notes")).await }).await;
    assert_eq!(read.unwrap().len(), 0);
}
