//! Brings a file's schema up to date, or refuses it: a migration that has run must still read the same,
//! and a file that knows more than this program is left alone.

use std::collections::BTreeMap;

use kit::Timestamp;
use rusqlite::{Connection, params};

use crate::error::DbError;
use crate::schema::{Migration, MigrationSet, Schema};
use crate::sqlite::engine;

/// The cell of migrations that run once per database.
const COMMON: i64 = -1;

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

fn apply(
    conn: &Connection,
    schema: Schema,
    set: &MigrationSet,
    migrations: &[Migration],
    cell: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut done = applied(conn, set.name, cell)?;
    for (i, migration) in migrations.iter().enumerate() {
        if usize::try_from(migration.version) != Ok(i + 1) {
            return Err(DbError::Schema(format!(
                "{}: migration {} of {} is out of sequence",
                schema.database, migration.version, set.name
            )));
        }
        match done.remove(&i64::from(migration.version)) {
            Some(sum) if sum == migration.checksum() => {}
            Some(_) => {
                return Err(DbError::Schema(format!(
                    "{}: migration {} `{}` of {} was edited after it had run; \
                     restore its text and add a new migration instead",
                    schema.database, migration.version, migration.name, set.name
                )));
            }
            None => {
                let sql = migration.sql.replace("{t}", &format!("{cell:02}"));
                conn.execute_batch(&sql).map_err(|e| {
                    DbError::Schema(format!(
                        "{}: migration {} `{}` of {} failed: {e}",
                        schema.database, migration.version, migration.name, set.name
                    ))
                })?;
                record(conn, set.name, cell, migration, now)?;
            }
        }
    }
    if let Some((version, _)) = done.pop_first() {
        return Err(DbError::Schema(format!(
            "{}: the data has migration {version} of {}, which this program does not know; \
             use the newer program",
            schema.database, set.name
        )));
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
