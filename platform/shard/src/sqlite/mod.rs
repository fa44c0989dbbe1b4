//! The embedded engine: one SQLite file per logical database, WAL, `synchronous=FULL`. One writer thread
//! per file commits the transactions that wait together; a few reader threads serve all files.

pub mod backup;
mod migrate;
mod readers;
mod run;
mod statement;
mod writer;

pub(crate) use readers::ReadPool;
pub(crate) use run::{run_savepoint, run_snapshot};
pub(crate) use statement::{execute, query};
pub(crate) use writer::{Commit, File, Guarded, Work};

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::DbError;

/// How long a statement waits for another process that has the file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;

fn engine(e: rusqlite::Error) -> DbError {
    statement::explain(e)
}

fn open_writer(path: &Path) -> Result<Connection, DbError> {
    let conn = Connection::open(path)
        .map_err(|e| DbError::Open(format!("{} cannot be opened: {e}", path.display())))?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(engine)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    keep_plans(&conn)?;
    // 2 MB of page cache a file; the rest is the operating system's through the mapping.
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;
         PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;
         PRAGMA cache_size=-2048; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY;",
    )
    .map_err(engine)?;
    Ok(conn)
}

fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)
        .map_err(|e| DbError::Open(format!("{} cannot be opened: {e}", path.display())))?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(engine)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    keep_plans(&conn)?;
    conn.execute_batch(
        "PRAGMA query_only=ON; PRAGMA cache_size=-1024; PRAGMA mmap_size=268435456;
         PRAGMA temp_store=MEMORY;",
    )
    .map_err(engine)?;
    Ok(conn)
}

/// Plans do not depend on the values that are bound. Without this, SQLite (built with STAT4, as rusqlite's
/// is) parses and plans a kept statement again at every run as soon as it has `LIMIT ?` or compares a column
/// outside of its index with a value: ten times per order (measured).
fn keep_plans(conn: &Connection) -> Result<(), DbError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ()).map_err(engine)
}

/// The engine's own check of a file: its path and `ok`, or what is broken.
pub(crate) fn check(path: &Path) -> Result<(String, String), DbError> {
    let conn = open_reader(path)?;
    let verdict: String =
        conn.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(engine)?;
    Ok((path.display().to_string(), verdict))
}
