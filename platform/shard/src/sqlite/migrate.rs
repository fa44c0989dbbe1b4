//! Brings a file's schema up to date, or refuses it: a migration that has run must still read the same,
//! and a file that knows more than this program is left alone.

use std::collections::BTreeMap;
use std::path::Path;

use kit::Timestamp;
use rusqlite::{Connection, params};

use crate::dialect::Engine;
use crate::error::DbError;
use crate::schema::{COMMON, Done, Migration, MigrationSet, Schema};
use crate::sqlite::engine;

/// Runs everything that is missing, in one transaction.
pub(crate) fn run(
    conn: &mut Connection,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    let tx = conn.transaction().map_err(engine)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            owner TEXT NOT NULL, cell BIGINT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL,
            checksum TEXT NOT NULL, applied_at BIGINT NOT NULL,
            PRIMARY KEY (owner, cell, version))",
    )
    .map_err(engine)?;
    for set in schema.sets {
        apply(&tx, schema, set, set.common, COMMON, now)?;
    }
    cells(&tx, schema, tables, now)?;
    tx.commit().map_err(engine)
}

/// Runs what is missing for some cells, inside the transaction that is open.
pub(crate) fn cells(
    conn: &Connection,
    schema: Schema,
    tables: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    for set in schema.sets {
        for table in tables {
            apply(conn, schema, set, set.cells, i64::from(*table), now)?;
        }
    }
    Ok(())
}

/// What has run in a file, which is not changed; nothing when there is none.
pub(crate) fn done(path: &Path) -> Result<Done, DbError> {
    if !path.exists() {
        return Ok(Done::new());
    }
    let conn = super::open_reader(path)?;
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migrations'";
    let known: i64 = conn.query_row(tables, [], |r| r.get(0)).map_err(engine)?;
    if known == 0 {
        return Ok(Done::new());
    }
    let sql = "SELECT owner, cell, version, checksum FROM schema_migrations";
    let mut statement = conn.prepare(sql).map_err(engine)?;
    let mut rows = statement.query([]).map_err(engine)?;
    let mut done = Done::new();
    while let Some(row) = rows.next().map_err(engine)? {
        let owner = (row.get(0).map_err(engine)?, row.get(1).map_err(engine)?);
        let (version, sum) = (row.get(2).map_err(engine)?, row.get(3).map_err(engine)?);
        done.entry(owner).or_default().insert(version, sum);
    }
    Ok(done)
}

fn apply(
    conn: &Connection,
    schema: Schema,
    set: &MigrationSet,
    migrations: &[Migration],
    cell: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    let done = applied(conn, set.name, cell)?;
    for migration in schema.missing(set, migrations, done)? {
        let sql = migration.text(Engine::Sqlite, &format!("{cell:02}"))?;
        conn.execute_batch(&sql).map_err(|e| {
            DbError::Schema(format!(
                "{}: migration {} `{}` of {} failed: {e}",
                schema.database, migration.version, migration.name, set.name
            ))
        })?;
        record(conn, set.name, cell, migration, now)?;
    }
    Ok(())
}

fn applied(conn: &Connection, owner: &str, cell: i64) -> Result<BTreeMap<i64, String>, DbError> {
    let sql = "SELECT version, checksum FROM schema_migrations WHERE owner = ?1 AND cell = ?2";
    let mut statement = conn.prepare(sql).map_err(engine)?;
    let rows = statement
        .query_map(params![owner, cell], |r| Ok((r.get(0)?, r.get(1)?)))
        .map_err(engine)?;
    rows.collect::<Result<_, _>>().map_err(engine)
}

fn record(
    conn: &Connection,
    owner: &str,
    cell: i64,
    migration: &Migration,
    now: Timestamp,
) -> Result<(), DbError> {
    conn.execute(
        "INSERT INTO schema_migrations (owner, cell, version, name, checksum, applied_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![owner, cell, migration.version, migration.name, migration.checksum(), now.micros()],
    )
    .map_err(engine)?;
    Ok(())
}
