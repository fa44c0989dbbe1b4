//! The handle inside a transaction or a read. Its body awaits nothing but this handle: on the embedded
//! engine every answer is ready at once, on a server it will not be, and the body is the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::{Place, SharedClock, Timestamp};
use rpc::Fault;
use rusqlite::Connection;
use sea_query::{
    DynIden, InsertStatement, IntoIden, MysqlQueryBuilder, OnConflict, PostgresQueryBuilder,
    QueryStatementBuilder, SelectStatement, SqliteQueryBuilder, Values,
};

use crate::dialect::Engine;
use crate::error::DbError;
use crate::row::Row;
use crate::schema::Schema;
use crate::server::ServerLine;
use crate::sqlite;

/// A statement of SeaQuery, the one code path for all engines.
pub trait Statement: Send + Sync {
    /// Text and values for an engine.
    fn build_for(&self, engine: Engine) -> (String, Values);
}

impl<S: QueryStatementBuilder + Send + Sync> Statement for S {
    fn build_for(&self, engine: Engine) -> (String, Values) {
        match engine {
            Engine::Sqlite => self.build_any(&SqliteQueryBuilder),
            Engine::Postgres => self.build_any(&PostgresQueryBuilder),
            Engine::Mysql => self.build_any(&MysqlQueryBuilder),
        }
    }
}

type Hook = Box<dyn FnOnce() + Send>;
/// What runs once the change is durable.
pub(crate) type Hooks = Vec<Hook>;

/// A transaction, or a read on one snapshot. Cheap to clone; of no use after its end.
#[derive(Clone)]
pub struct Tx(Arc<Inner>);

/// Where the statements go.
enum Line {
    Embedded(Arc<Mutex<Connection>>),
    Server(Arc<ServerLine>),
}

struct Inner {
    line: Line,
    schema: Schema,
    place: Option<Place>,
    now: Timestamp,
    read_only: bool,
    rows_max: usize,
    /// Where one statement was announced: whether it is still to come.
    allowance: Option<AtomicBool>,
    open: AtomicBool,
    lost: Lost,
    after: Mutex<Vec<Hook>>,
}

/// Whether a server did not know a table: the database may have moved to another one.
#[derive(Clone, Default)]
pub(crate) struct Lost(Arc<AtomicBool>);

impl Lost {
    pub(crate) fn is_met(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Clone)]
pub(crate) struct TxParts {
    pub(crate) schema: Schema,
    pub(crate) place: Option<Place>,
    pub(crate) clock: SharedClock,
    pub(crate) read_only: bool,
    /// It may have one statement.
    pub(crate) single: bool,
    pub(crate) rows_max: usize,
    pub(crate) lost: Lost,
}

impl Tx {
    pub(crate) fn new(conn: Arc<Mutex<Connection>>, parts: TxParts) -> Self {
        Self::on(Line::Embedded(conn), parts)
    }

    pub(crate) fn on_server(line: Arc<ServerLine>, parts: TxParts) -> Self {
        Self::on(Line::Server(line), parts)
    }

    /// For a transaction that has begun: what it takes for now is not from before it waited for its turn.
    fn on(line: Line, parts: TxParts) -> Self {
        Self(Arc::new(Inner {
            line,
            schema: parts.schema,
            place: parts.place,
            now: parts.clock.now(),
            read_only: parts.read_only,
            rows_max: parts.rows_max,
            allowance: parts.single.then(|| AtomicBool::new(true)),
            open: AtomicBool::new(true),
            lost: parts.lost,
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
        self.execute(statement).await.map_err(Fault::from)
    }

    /// Inserts a row; `false` when a unique key is already taken, and then nothing has changed.
    ///
    /// # Errors
    /// Whatever else the engine refuses.
    pub async fn insert_unique(&self, statement: &InsertStatement) -> Result<bool, Fault> {
        let result = match &self.0.line {
            // An error would end the whole transaction there; on this engine the number of rows is exact.
            Line::Server(line) if line.engine() == Engine::Postgres => {
                let mut quiet = statement.clone();
                quiet.on_conflict(OnConflict::new().do_nothing().to_owned());
                return Ok(self.exec(&quiet).await? > 0);
            }
            _ => self.execute(statement).await,
        };
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
        Ok(self.query(statement, 1, false).await?.pop())
    }

    /// All rows; refused when there are more than the limit, so page what can grow.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn all(&self, statement: &SelectStatement) -> Result<Vec<Row>, Fault> {
        self.query(statement, self.0.rows_max, true).await
    }

    /// Runs `f` once the transaction is durable; not at all when it is not. For waking a relay, never
    /// for work that must happen.
    pub fn after_commit(&self, f: impl FnOnce() + Send + 'static) {
        self.0.after.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(f));
    }

    async fn execute(&self, statement: &impl Statement) -> Result<u64, DbError> {
        if self.0.read_only {
            return Err(DbError::Misuse("a read may not change anything"));
        }
        self.allowed()?;
        let (sql, values) = statement.build_for(self.engine());
        let result = match &self.0.line {
            Line::Embedded(conn) => sqlite::execute(&*self.usable(conn)?, &sql, values),
            Line::Server(line) => {
                self.still_open()?;
                line.execute(&sql, values).await
            }
        };
        result.map_err(|e| self.name_unrouted(e))
    }

    async fn query(
        &self,
        statement: &SelectStatement,
        max: usize,
        refuse_more: bool,
    ) -> Result<Vec<Row>, Fault> {
        self.allowed().map_err(Fault::from)?;
        let (sql, values) = statement.build_for(self.engine());
        let result = match &self.0.line {
            Line::Embedded(conn) => {
                let conn = self.usable(conn).map_err(Fault::from)?;
                sqlite::query(&conn, &sql, values, max, refuse_more)
            }
            Line::Server(line) => {
                self.still_open().map_err(Fault::from)?;
                line.query(&sql, values, max, refuse_more).await
            }
        };
        result.map_err(|e| self.name_unrouted(e).into())
    }

    fn engine(&self) -> Engine {
        match &self.0.line {
            Line::Embedded(_) => Engine::Sqlite,
            Line::Server(line) => line.engine(),
        }
    }

    fn allowed(&self) -> Result<(), DbError> {
        match &self.0.allowance {
            Some(allowance) if !allowance.swap(false, Ordering::AcqRel) => {
                Err(DbError::Misuse("one statement was announced, and this is another"))
            }
            _ => Ok(()),
        }
    }

    fn still_open(&self) -> Result<(), DbError> {
        if self.0.open.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(DbError::Misuse("a transaction was used after its end"))
    }

    /// The embedded engine's connection while the transaction is open on it.
    fn usable<'c>(
        &self,
        conn: &'c Mutex<Connection>,
    ) -> Result<MutexGuard<'c, Connection>, DbError> {
        let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the connection's lock: a handle that was carried off to another thread must not
        // slip into the transaction that comes next.
        self.still_open()?;
        // The engine ends a transaction by itself when it stops a write or the disk is full. A body that
        // goes on after such an error would change rows one by one, outside of any transaction.
        if conn.is_autocommit() {
            return Err(DbError::CommitFailed("the engine rolled it back".to_owned()));
        }
        Ok(conn)
    }

    /// A statement that names a logical table of a sharded database has skipped its route: say that,
    /// not that some table is missing.
    fn name_unrouted(&self, e: DbError) -> DbError {
        let DbError::Engine(text) = &e else { return e };
        let Some((_, missing)) = text.split_once("no such table: ") else { return e };
        let missing = missing.split([' ', ':']).next().unwrap_or(missing);
        self.0.lost.0.store(true, Ordering::Release);
        match self.0.schema.cell_tables.iter().find(|t| **t == missing) {
            Some(table) => self.unroutable(table),
            None => e,
        }
    }

    fn unroutable(&self, what: &str) -> DbError {
        DbError::Unroutable { database: self.0.schema.database.to_owned(), what: what.to_owned() }
    }

    pub(crate) fn close(&self) -> Hooks {
        self.0.open.store(false, Ordering::Release);
        std::mem::take(&mut *self.0.after.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}
