//! Tables that mean nothing, and ways to hold a writer still. No promises are tested here.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures::poll;
use kit::Place;
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, InsertStatement, Query, SelectStatement, Values};
use shard::{Database, Migration, MigrationSet, Route, Schema, Statement, Tx};
use testkit::{PATIENCE, eventually};

pub const THINGS: Migration = Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, name {text:100}, flag BOOLEAN, data BLOB);
          CREATE UNIQUE INDEX things_name ON things (name);
          CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)",
};

pub const SINGLE: Schema = Schema {
    database: "single",
    sets: &[MigrationSet { name: "test", common: &[THINGS], cells: &[] }],
    cell_tables: &[],
};

pub const CELL_THINGS: Migration = Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE things_{t} (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)",
};

pub const NOTES: Migration = Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, n BIGINT)",
};

pub const SPREAD: Schema = Schema {
    database: "spread",
    sets: &[MigrationSet { name: "test", common: &[NOTES], cells: &[CELL_THINGS] }],
    cell_tables: &["things"],
};

pub const fn place(db: u8, table: u8) -> Place {
    Place { db, table }
}

/// `INSERT INTO things (id, n)`.
pub fn thing(id: i64, n: i64) -> InsertStatement {
    row("things", id, n)
}

/// `INSERT INTO … (id, n)`.
pub fn row(table: impl sea_query::IntoIden, id: i64, n: i64) -> InsertStatement {
    Query::insert()
        .into_table(table.into_iden())
        .columns(["id", "n"])
        .values_panic([id.into(), n.into()])
        .to_owned()
}

/// `SELECT id, n FROM … ORDER BY id`.
pub fn rows(table: impl sea_query::IntoIden) -> SelectStatement {
    Query::select()
        .columns(["id", "n"])
        .from(table.into_iden())
        .order_by("id", sea_query::Order::Asc)
        .to_owned()
}

/// A select that never ends by itself.
pub fn endless() -> SelectStatement {
    let count =
        "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c)";
    Query::select().expr(Expr::cust(count)).to_owned()
}

/// A write that never ends by itself; it fills no disk.
pub struct EndlessWrite;

impl Statement for EndlessWrite {
    fn build_for(&self, _: shard::Engine) -> (String, Values) {
        let sql = "INSERT INTO things (id, n) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                   SELECT n, n FROM c WHERE n < 10 OR n < 0";
        (sql.to_owned(), Values(Vec::new()))
    }
}

/// The ids in `things`, ascending.
pub async fn ids(db: &Database, ctx: &Ctx) -> Vec<i64> {
    let found = db
        .read(ctx, Route::Whole, |tx| async move {
            let all = tx.all(&rows("things")).await?;
            all.iter().map(|r| r.get("id")).collect::<Result<Vec<i64>, Fault>>()
        })
        .await;
    found.unwrap()
}

/// The value of a row of `things`.
pub async fn n_of(tx: &Tx, id: i64) -> Result<Option<i64>, Fault> {
    let select =
        Query::select().column("n").from("things").and_where(Expr::col("id").eq(id)).to_owned();
    tx.one(&select).await?.map(|r| r.get("n")).transpose()
}

/// A door that a transaction's body waits at, as slow work would keep it.
#[derive(Default)]
pub struct Gate {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    pub fn is_reached(&self) -> bool {
        self.state.lock().unwrap().0
    }

    /// Blocks the engine's thread until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, |s| !s.1).unwrap();
        assert!(state.1, "nobody opened the gate");
    }

    pub async fn reached(&self) {
        eventually(PATIENCE, || async { self.is_reached() }).await;
    }
}

/// A call that is on its way.
pub type Call<T> = Pin<Box<dyn Future<Output = Result<T, Fault>>>>;

/// Sends a call off without waiting for its answer.
pub async fn begin<T: 'static>(call: impl Future<Output = Result<T, Fault>> + 'static) -> Call<T> {
    let mut call: Call<T> = Box::pin(call);
    assert!(poll!(call.as_mut()).is_pending(), "it was answered at once");
    call
}

/// Begins a transaction with an owned handle and context, so that it can be kept.
pub async fn begin_tx<T, F, Fut>(db: &Database, ctx: &Ctx, body: F) -> Call<T>
where
    T: Send + 'static,
    F: Fn(Tx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let (db, ctx) = (db.clone(), ctx.clone());
    begin(async move { db.tx(&ctx, Route::Whole, body).await }).await
}

/// Keeps the writer busy until the gate opens, so that what is begun meanwhile becomes one group.
pub async fn hold_writer(db: &Database, ctx: &Ctx) -> (Call<()>, Arc<Gate>) {
    let gate = Gate::new();
    let door = Arc::clone(&gate);
    let held = begin_tx(db, ctx, move |_| {
        let door = Arc::clone(&door);
        async move {
            door.pass();
            Ok(())
        }
    })
    .await;
    gate.reached().await;
    (held, gate)
}

/// Inserts one thing.
pub async fn insert(db: &Database, ctx: &Ctx, id: i64) {
    let body = move |tx: Tx| async move { tx.exec(&thing(id, id)).await };
    db.tx(ctx, Route::Whole, body).await.unwrap();
}

/// Begins a transaction that inserts one thing, while the writer is held.
pub async fn begin_insert(db: &Database, ctx: &Ctx, id: i64) -> Call<()> {
    begin_tx(db, ctx, move |tx| async move { tx.exec(&thing(id, id)).await.map(|_| ()) }).await
}

pub const MS_200: Duration = Duration::from_millis(200);
