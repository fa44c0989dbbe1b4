//! A schema only grows, by steps that are never edited. A file that does not fit is refused and left as
//! it is.

use rpc::Fault;
use rusqlite::Connection;
use shard::{Migration, MigrationSet, Route, Schema};
use testkit::{TempShards, test_ctx};

use crate::support::{
    CELL_THINGS, NOTES, SINGLE, SPREAD, THINGS, begin_tx, ids, insert, place, row, rows, thing,
};

const COLOUR: Migration =
    Migration { version: 2, name: "colour", sql: "ALTER TABLE things ADD COLUMN colour TEXT" };

const fn single(common: &'static [MigrationSet]) -> Schema {
    Schema { sets: common, ..SINGLE }
}

#[tokio::test]
async fn a_restart_keeps_the_data_and_runs_what_is_new() {
    let (mut shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    insert(&db, &ctx, 1).await;
    drop(db);
    shards.reopen().await;
    let grown = single(&[MigrationSet { name: "test", common: &[THINGS, COLOUR], cells: &[] }]);
    let db = shards.single(grown).await;
    assert_eq!(ids(&db, &ctx).await, [1]);
    let painted = db
        .tx(&ctx, Route::Whole, |tx| async move {
            let paint =
                sea_query::Query::update().table("things").value("colour", "red").to_owned();
            tx.exec(&paint).await
        })
        .await;
    assert_eq!(painted.unwrap(), 1);
    assert_eq!(db.check().await.unwrap()[0].1, "ok");
}

#[tokio::test]
async fn a_migration_that_was_edited_is_refused_by_name() {
    let mut shards = TempShards::new();
    drop(shards.single(SINGLE).await);
    drop(shards.sharded(SPREAD, &[place(0, 3)]).await);
    shards.reopen().await;
    let edited = Migration { sql: "CREATE TABLE things (id BIGINT)", ..THINGS };
    let set = Box::leak(Box::new([edited]));
    let sets = Box::leak(Box::new([MigrationSet { name: "test", common: set, cells: &[] }]));
    let refused = shards.database(single(sets)).await.unwrap_err().chain();
    assert!(refused.contains("single: migration 1 `things` of test was edited"), "{refused}");
    assert!(refused.contains("add a new migration instead"), "{refused}");

    const CELLS: &[Migration] =
        &[Migration { sql: "CREATE TABLE things_{t} (id BIGINT)", ..CELL_THINGS }];
    const SPREAD_EDITED: Schema =
        Schema { sets: &[MigrationSet { name: "test", common: &[NOTES], cells: CELLS }], ..SPREAD };
    let db = shards.single(SPREAD_EDITED).await;
    let refused = db.ensure_cells(&[place(0, 3)]).await.unwrap_err().chain();
    assert!(refused.contains("spread: migration 1 `things` of test was edited"), "{refused}");
    assert!(!db.has_cell(place(0, 3)));
}

#[tokio::test]
async fn data_of_a_newer_program_is_left_alone() {
    let (mut shards, ctx) = (TempShards::new(), test_ctx("any"));
    let newer = single(&[MigrationSet { name: "test", common: &[THINGS, COLOUR], cells: &[] }]);
    let db = shards.single(newer).await;
    insert(&db, &ctx, 1).await;
    drop(db);
    shards.reopen().await;
    let refused = shards.database(SINGLE).await.unwrap_err().chain();
    assert!(refused.contains("migration 2 of test, which this program does not know"), "{refused}");
    let db = shards.single(newer).await;
    assert_eq!(ids(&db, &ctx).await, [1]);
}

#[tokio::test]
async fn migrations_count_from_one_without_gaps() {
    let shards = TempShards::new();
    let gap = single(&[MigrationSet { name: "test", common: &[COLOUR], cells: &[] }]);
    let refused = shards.database(gap).await.unwrap_err().chain();
    assert!(refused.contains("migration 2 of test is out of sequence"), "{refused}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    const BROKEN: Migration = Migration {
        version: 2,
        name: "broken",
        sql: "CREATE TABLE extra (id BIGINT); CREATE TABLE oops (",
    };
    let (mut shards, ctx) = (TempShards::new(), test_ctx("any"));
    drop(shards.single(SINGLE).await);
    shards.reopen().await;
    let broken = single(&[MigrationSet { name: "test", common: &[THINGS, BROKEN], cells: &[] }]);
    let refused = shards.database(broken).await.unwrap_err().chain();
    assert!(refused.contains("migration 2 `broken` of test failed"), "{refused}");
    let db = shards.single(SINGLE).await;
    insert(&db, &ctx, 1).await;
    assert!(!has_table(&shards, "single.db", "extra"));
}

fn has_table(shards: &TempShards, file: &str, table: &str) -> bool {
    let conn = Connection::open(shards.folder().join(file)).unwrap();
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = ?1";
    conn.query_row(sql, [table], |r| r.get::<_, i64>(0)).unwrap() == 1
}

#[tokio::test]
async fn a_cell_that_cannot_be_made_while_the_file_is_in_use_leaves_nothing_behind() {
    // Works for the first cell only: the second finds the table that both want.
    const TWICE: Migration =
        Migration { version: 2, name: "twice", sql: "CREATE TABLE once (id BIGINT)" };
    const BROKEN: Schema = Schema {
        sets: &[MigrationSet { name: "test", common: &[NOTES], cells: &[CELL_THINGS, TWICE] }],
        ..SPREAD
    };
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(BROKEN, &[place(0, 0)]).await;
    let refused = db.ensure_cells(&[place(0, 1)]).await.unwrap_err().chain();
    assert!(refused.contains("migration 2 `twice` of test failed"), "{refused}");
    assert!(!db.has_cell(place(0, 1)));
    assert!(!has_table(&shards, "spread_00.db", "things_01"));
    let insert = db.tx(&ctx, place(0, 0).into(), |tx| async move {
        let things = tx.table("things")?;
        tx.exec(&row(things, 1, 1)).await
    });
    assert_eq!(insert.await.unwrap(), 1, "the file is in use as before");
}

#[tokio::test]
async fn new_cells_get_their_tables_while_the_file_is_in_use() {
    let (mut shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.sharded(SPREAD, &[place(0, 0)]).await;
    let writes = async {
        for id in 0..50 {
            let insert = db.tx(&ctx, place(0, 0).into(), move |tx| async move {
                let things = tx.table("things")?;
                tx.exec(&row(things, id, id)).await
            });
            assert_eq!(insert.await.unwrap(), 1);
        }
    };
    let grow = async {
        for table in 1..32 {
            db.ensure_cells(&[place(0, table), place(1, table), place(0, 0)]).await.unwrap();
        }
    };
    tokio::join!(writes, grow);
    assert_eq!(db.cells().len(), 63);
    assert_eq!(db.databases(), [0, 1]);
    let count = |cell| {
        let (db, ctx) = (db.clone(), ctx.clone());
        async move {
            let all: Result<_, Fault> = db
                .read(&ctx, Route::Place(cell), |tx| async move {
                    let things = tx.table("things")?;
                    tx.all(&rows(things)).await
                })
                .await;
            all.unwrap().len()
        }
    };
    assert_eq!((count(place(0, 0)).await, count(place(0, 31)).await), (50, 0));
    // After a restart a cell is there once it is asked for, with its rows.
    drop(db);
    shards.reopen().await;
    let db = shards.sharded(SPREAD, &[place(0, 31)]).await;
    assert_eq!(db.cells(), [place(0, 31)]);
    db.ensure_cells(&[place(0, 0)]).await.unwrap();
    let all = db.read(&ctx, place(0, 0).into(), |tx| async move {
        let things = tx.table("things")?;
        tx.all(&rows(things)).await
    });
    let all: Result<_, Fault> = all.await;
    assert_eq!(all.unwrap().len(), 50);
}

#[tokio::test]
async fn a_group_that_is_under_way_and_a_new_cell_share_a_commit() {
    let (shards, ctx) = (TempShards::new(), test_ctx("any"));
    let db = shards.single(SINGLE).await;
    let (held, gate) = crate::support::hold_writer(&db, &ctx).await;
    let insert = begin_tx(&db, &ctx, |tx| async move { tx.exec(&thing(1, 1)).await }).await;
    let spread = shards.sharded(SPREAD, &[place(0, 0)]).await;
    spread.ensure_cells(&[place(0, 1)]).await.unwrap();
    gate.open();
    held.await.unwrap();
    insert.await.unwrap();
    assert_eq!(spread.cells().len(), 2);
}
