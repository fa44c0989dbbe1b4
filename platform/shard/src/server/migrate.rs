//! Brings a logical database's schema on a server up to date, one process at a time. What has run is
//! looked at first without a lock, so that a start that finds nothing to do costs one query.
//!
//! PostgreSQL runs everything that is missing in one transaction. MySQL commits every statement by
//! itself: a migration that was cut off runs again, and what it had made already is taken as made.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kit::Timestamp;
use sea_query::{Query, Value, Values};

use super::ServerDb;
use super::conn::{Conn, Mode};
use super::moving::notes as moving;
use crate::dialect::{self, Engine};
use crate::error::DbError;
use crate::schema::{Done, Missing, Pending, Schema};

/// The longest one may wait for another process that migrates, or for whoever uses a table that is to be
/// changed. What then runs has no limit: an index over a large table takes as long as it takes.
const TIME_MAX: Duration = Duration::from_secs(120);

/// What keeps others away: a number of the schema's name.
pub(super) const LOCK_KEY: &str = "hashtextextended($1, 8275)";

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    owner {text:64} NOT NULL, cell BIGINT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL,
    checksum TEXT NOT NULL, applied_at BIGINT NOT NULL,
    PRIMARY KEY (owner, cell, version))";

/// Runs everything that is missing.
pub(super) async fn run(
    db: &ServerDb,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    let deadline = Instant::now() + TIME_MAX;
    let mut conn = db.server.acquire(&db.schema, deadline).await?;
    let engine = conn.engine();
    if let Some(done) = look(&mut conn, db).await?
        && schema.all_missing(tables, done)?.is_empty()
    {
        return Ok(());
    }
    match engine {
        Engine::Mysql => on_mysql(&mut conn, db, schema, tables, now).await,
        _ => on_postgres(&mut conn, db, schema, tables, now).await,
    }
}

/// What has not run; nothing is changed.
pub(super) async fn pending(
    db: &ServerDb,
    database: &str,
    schema: Schema,
    tables: &[u8],
) -> Result<Vec<Pending>, DbError> {
    let mut conn = db.server.acquire(&db.schema, Instant::now() + TIME_MAX).await?;
    let done = look(&mut conn, db).await?.unwrap_or_default();
    schema.pending(database, tables, done)
}

/// The tables of the cells of which something has run; nothing is changed.
pub(super) async fn cells(db: &ServerDb) -> Result<BTreeSet<u8>, DbError> {
    let mut conn = db.server.acquire(&db.schema, Instant::now() + TIME_MAX).await?;
    let done = look(&mut conn, db).await?.unwrap_or_default();
    // what has run once per database has no table
    Ok(done.into_keys().filter_map(|(_, cell)| u8::try_from(cell).ok()).collect())
}

/// What has run, unless there is nothing yet.
async fn look(conn: &mut Conn, db: &ServerDb) -> Result<Option<Done>, DbError> {
    let sql = match conn.engine() {
        Engine::Mysql => {
            "SELECT 1 AS one FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
        }
        _ => {
            "SELECT 1::BIGINT AS one FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2"
        }
    };
    conn.ask_within(TIME_MAX).await?;
    let names = Values(vec![text(&db.schema), text("schema_migrations")]);
    if conn.query(sql, names, 1, false).await?.is_empty() {
        return Ok(None);
    }
    let limit = TIME_MAX;
    conn.begin(&db.schema, Mode::Read, limit).await?;
    let done = applied(conn).await;
    conn.rollback().await;
    done.map(Some)
}

fn text(s: &str) -> Value {
    Value::String(Some(s.to_owned()))
}

async fn applied(conn: &mut Conn) -> Result<Done, DbError> {
    let sql = "SELECT owner, cell, version, checksum FROM schema_migrations";
    let mut done = Done::new();
    for row in conn.query(sql, Values(Vec::new()), 1_000_000, true).await? {
        let wrong = |e: rpc::Fault| DbError::Schema(e.chain());
        let owner = (row.get("owner").map_err(wrong)?, row.get("cell").map_err(wrong)?);
        let (version, sum) =
            (row.get("version").map_err(wrong)?, row.get("checksum").map_err(wrong)?);
        done.entry(owner).or_default().insert(version, sum);
    }
    Ok(done)
}

async fn on_postgres(
    conn: &mut Conn,
    db: &ServerDb,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    moving::still_here(conn, db).await?;
    // By itself and before the lock: inside the transaction the server may remember that the schema was not
    // there, and then meets the one of another process by its unique key.
    match conn.batch(format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", db.schema)).await {
        Ok(()) | Err(DbError::Unique(_)) => {}
        Err(e) => return Err(e),
    }
    conn.begin(&db.schema, Mode::Write, TIME_MAX).await?;
    conn.take_time(TIME_MAX).await?;
    // until the end of the transaction
    let lock = format!("SELECT pg_advisory_xact_lock({LOCK_KEY})");
    conn.execute(&lock, Values(vec![text(&db.schema)])).await?;
    moving::still_here(conn, db).await?;
    conn.batch(rendered(RECORD, Engine::Postgres)?).await?;
    let done = applied(conn).await?;
    for step in schema.all_missing(tables, done)? {
        let sql = step.migration.text(Engine::Postgres, &format!("{:02}", step.cell))?;
        conn.batch(sql).await.map_err(|e| step.failed(schema, &e))?;
        record(conn, &step, now).await?;
    }
    conn.commit().await
}

async fn on_mysql(
    conn: &mut Conn,
    db: &ServerDb,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    // the connection may still have the short limit of whoever used it before
    conn.take_time(TIME_MAX).await?;
    let lock = "SELECT GET_LOCK(?, ?) AS got";
    let values =
        Values(vec![text(&db.schema), Value::BigInt(Some(TIME_MAX.as_secs().cast_signed()))]);
    let got = conn.query(lock, values, 1, false).await?;
    if got.first().and_then(|r| r.get::<i64>("got").ok()) != Some(1) {
        return Err(DbError::Timeout("another process migrates"));
    }
    let result = under_lock(conn, db, schema, tables, now).await;
    conn.query("SELECT RELEASE_LOCK(?) AS done", Values(vec![text(&db.schema)]), 1, false).await?;
    result
}

async fn under_lock(
    conn: &mut Conn,
    db: &ServerDb,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    create_database(conn, &db.schema).await?;
    conn.begin(&db.schema, Mode::Write, TIME_MAX).await?;
    conn.take_time(TIME_MAX).await?;
    conn.batch(rendered(RECORD, Engine::Mysql)?).await?;
    let done = applied(conn).await?;
    for step in schema.all_missing(tables, done)? {
        let sql = step.migration.text(Engine::Mysql, &format!("{:02}", step.cell))?;
        for statement in dialect::statements(&sql) {
            match conn.batch(statement).await {
                Err(DbError::Engine(e)) if is_made_already(&e) => {}
                result => result.map_err(|e| step.failed(schema, &e))?,
            }
        }
        record(conn, &step, now).await?;
    }
    conn.commit().await
}

/// In the order of its bytes and without padding, as text is compared by the other engines: MariaDB and
/// MySQL have different names for that.
async fn create_database(conn: &mut Conn, name: &str) -> Result<(), DbError> {
    let create = |collation: &str| {
        format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE {collation}")
    };
    match conn.batch(create("utf8mb4_nopad_bin")).await {
        // unknown collation
        Err(DbError::Engine(e)) if e.starts_with("1273:") => {
            conn.batch(create("utf8mb4_0900_bin")).await
        }
        result => result,
    }
}

/// A table, a column, an index that exists: this migration was cut off before it was recorded.
fn is_made_already(error: &str) -> bool {
    ["1050:", "1060:", "1061:"].iter().any(|code| error.starts_with(code))
}

fn rendered(sql: &str, engine: Engine) -> Result<String, DbError> {
    dialect::render(sql, engine, "").map_err(DbError::Schema)
}

impl Missing {
    fn failed(&self, schema: Schema, e: &DbError) -> DbError {
        DbError::Schema(format!(
            "{}: migration {} `{}` of {} failed: {e}",
            schema.database, self.migration.version, self.migration.name, self.set.name
        ))
    }
}

async fn record(conn: &mut Conn, step: &Missing, now: Timestamp) -> Result<(), DbError> {
    let insert = Query::insert()
        .into_table("schema_migrations")
        .columns(["owner", "cell", "version", "name", "checksum", "applied_at"])
        .values_panic([
            step.set.name.into(),
            step.cell.into(),
            i64::from(step.migration.version).into(),
            step.migration.name.into(),
            step.migration.checksum().into(),
            now.micros().into(),
        ])
        .to_owned();
    let (sql, values) = crate::tx::Statement::build_for(&insert, conn.engine());
    conn.execute(&sql, values).await.map(|_| ())
}
