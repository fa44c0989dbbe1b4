//! The handle inside a transaction or a read. Its body awaits nothing but this handle: on the embedded
//! engine every answer is ready at once, on a server it will not be, and the body is the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kit::{Place, Timestamp};
use rpc::Fault;
use rusqlite::Connection;
use sea_query::{
    DynIden, InsertStatement, IntoIden, QueryStatementBuilder, SelectStatement, SqliteQueryBuilder,
    Values,
};

use crate::error::DbError;
use crate::row::Row;
use crate::schema::Schema;
use crate::sqlite;

/// A statement of SeaQuery, the one code path for all engines.
pub trait Statement: Send + Sync {
    /// Text and values for the embedded engine.
    fn build_sqlite(&self) -> (String, Values);
}

impl<S: QueryStatementBuilder + Send + Sync> Statement for S {
    fn build_sqlite(&self) -> (String, Values) {
        self.build_any(&SqliteQueryBuilder)
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// A transaction, or a read on one snapshot. Cheap to clone; of no use after its end.
#[derive(Clone)]
pub struct Tx(Arc<Inner>);

struct Inner {
    conn: Arc<Mutex<Connection>>,
    schema: Schema,
    place: Option<Place>,
    now: Timestamp,
    read_only: bool,
    rows_max: usize,
    open: AtomicBool,
    after: Mutex<Vec<Hook>>,
}

pub(crate) struct TxParts {
    pub(crate) schema: Schema,
    pub(crate) place: Option<Place>,
    pub(crate) now: Timestamp,
    pub(crate) read_only: bool,
    pub(crate) rows_max: usize,
}

impl Tx {
    pub(crate) fn new(conn: Arc<Mutex<Connection>>, parts: TxParts) -> Self {
        Self(Arc::new(Inner {
            conn,
            schema: parts.schema,
            place: parts.place,
            now: parts.now,
            read_only: parts.read_only,
            rows_max: parts.rows_max,
            open: AtomicBool::new(true),
            after: Mutex::new(Vec::new()),
        }))
    }

    /// The time when the transaction began, by the platform's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// The cell this is routed to; place zero where nothing is sharded.
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.place.unwrap_or(Place::ZERO)
    }

    /// The physical table of a logical one: `things` → `things_07` in a sharded database, the same name
    /// for tables that stand once.
    ///
    /// # Errors
    /// When the table is sharded and this has no cell.
    pub fn table(&self, logical: &'static str) -> Result<DynIden, Fault> {
        if !self.0.schema.cell_tables.contains(&logical) {
            return Ok(logical.into_iden());
        }
        let Some(place) = self.0.place else {
            return Err(self.unroutable(logical).into());
        };
        Ok(format!("{logical}_{:02}", place.table).into_iden())
    }

    /// Runs a statement that changes rows; how many matched. Never tell a duplicate by this number: see
    /// [`Tx::insert_unique`].
    ///
    /// # Errors
    /// Whatever the engine refuses; the transaction should then end.
    pub async fn exec(&self, statement: &impl Statement) -> Result<u64, Fault> {
        self.run(statement, true, sqlite::execute)
    }

    /// Inserts a row; `false` when a unique key is already taken, and then nothing has changed.
    ///
    /// # Errors
    /// Whatever else the engine refuses.
    pub async fn insert_unique(&self, statement: &InsertStatement) -> Result<bool, Fault> {
        let result = self.run_raw(statement, true, sqlite::execute);
        match result {
            Ok(_) => Ok(true),
            Err(DbError::Unique(_)) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn one(&self, statement: &SelectStatement) -> Result<Option<Row>, Fault> {
        self.run(statement, false, |conn, sql, values| {
            sqlite::query(conn, sql, values, 1, false).map(|mut rows| rows.pop())
        })
    }

    /// All rows; refused when there are more than the limit, so page what can grow.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn all(&self, statement: &SelectStatement) -> Result<Vec<Row>, Fault> {
        let max = self.0.rows_max;
        self.run(statement, false, |conn, sql, values| sqlite::query(conn, sql, values, max, true))
    }

    /// Runs `f` once the transaction is durable; not at all when it is not. For waking a relay, never
    /// for work that must happen.
    pub fn after_commit(&self, f: impl FnOnce() + Send + 'static) {
        self.0.after.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(f));
    }

    fn run<T>(
        &self,
        statement: &impl Statement,
        writes: bool,
        f: impl FnOnce(&Connection, &str, Values) -> Result<T, DbError>,
    ) -> Result<T, Fault> {
        self.run_raw(statement, writes, f).map_err(Fault::from)
    }

    fn run_raw<T>(
        &self,
        statement: &impl Statement,
        writes: bool,
        f: impl FnOnce(&Connection, &str, Values) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if writes && self.0.read_only {
            return Err(DbError::Misuse("a read may not change anything"));
        }
        let (sql, values) = statement.build_sqlite();
        let conn = self.0.conn.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the connection's lock: a handle that was carried off to another thread must not
        // slip into the transaction that comes next.
        if !self.0.open.load(Ordering::Acquire) {
            return Err(DbError::Misuse("a transaction was used after its end"));
        }
        // The engine ends a transaction by itself when it stops a write or the disk is full. A body that
        // goes on after such an error would change rows one by one, outside of any transaction.
        if conn.is_autocommit() {
            return Err(DbError::CommitFailed("the engine rolled it back".to_owned()));
        }
        f(&conn, &sql, values).map_err(|e| self.name_unrouted(e))
    }

    /// A statement that names a logical table of a sharded database has skipped its route: say that,
    /// not that some table is missing.
    fn name_unrouted(&self, e: DbError) -> DbError {
        let DbError::Engine(text) = &e else { return e };
        let Some((_, missing)) = text.split_once("no such table: ") else { return e };
        let missing = missing.split([' ', ':']).next().unwrap_or(missing);
        match self.0.schema.cell_tables.iter().find(|t| **t == missing) {
            Some(table) => self.unroutable(table),
            None => e,
        }
    }

    fn unroutable(&self, what: &str) -> DbError {
        DbError::Unroutable { database: self.0.schema.database.to_owned(), what: what.to_owned() }
    }

    pub(crate) fn close(&self) -> Vec<Hook> {
        self.0.open.store(false, Ordering::Release);
        std::mem::take(&mut *self.0.after.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
