//! One connection of a server in one transaction: begin, statements, end. It knows the engines' words for
//! that, and sees to it that no connection goes back with a transaction open.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use sea_query::Values;
use sqlx::{AssertSqlSafe, Column as _, Either, Row as _};

use super::explain::explain;
use super::pool::{Committing, Flavour, Lease, Socket};
use super::setting::Setting;
use super::token::Position;
use super::values;
use crate::dialect::Engine;
use crate::error::DbError;
use crate::row::{Row, Value};

/// The longest the end of a read or of what is taken back may take.
const END_WITHIN: Duration = Duration::from_secs(1);

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// READ COMMITTED.
    Write,
    /// One snapshot.
    Read,
    /// A single statement, without a transaction around it.
    One,
}

/// A connection. Dropped while a transaction is open or a statement is on its way, it is closed, so that
/// the server rolls it back.
pub(crate) struct Conn {
    // None only while it is dropped
    lease: Option<Lease>,
    engine: Engine,
    /// The schema in which the transaction runs. It stands as a comment before every statement: prepared
    /// statements are kept by their text, and on MySQL belong to the schema that they were made in.
    mark: String,
    open: bool,
    /// What holds once the transaction has committed.
    coming: Option<Setting>,
    /// A statement is on its way, or the connection broke under one.
    spoiled: bool,
}

fn begin_postgres(mode: Mode) -> &'static str {
    match mode {
        Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
        Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Mode::One => "",
    }
}

fn begin_mysql(mode: Mode) -> &'static str {
    match mode {
        Mode::Write => "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION",
        Mode::Read => {
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
             START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
        }
        Mode::One => "",
    }
}

impl Conn {
    pub(super) fn new(lease: Lease) -> Self {
        let engine = match *lease {
            Socket::Mysql(..) => Engine::Mysql,
            Socket::Postgres(_) => Engine::Postgres,
        };
        Self {
            lease: Some(lease),
            engine,
            mark: String::new(),
            open: false,
            coming: None,
            spoiled: false,
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether it was connected for this use.
    pub(super) fn is_fresh(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_fresh)
    }

    /// Begins a transaction in a schema; a statement that runs longer than four times `limit` is stopped by the
    /// server (the caller has given up by then), and so is a transaction that stands still for so long, some seconds
    /// at least. One round trip; for a single statement none, unless the connection was used for something else before.
    pub(crate) async fn begin(
        &mut self,
        schema: &str,
        mode: Mode,
        limit: Duration,
    ) -> Result<(), DbError> {
        let wanted = Setting::new(schema, limit);
        let lease = self.lease.as_ref().ok_or(DbError::Closed)?;
        let changes = wanted.changes(lease.setting(), self.flavour());
        let text = match self.flavour() {
            None => changes + begin_postgres(mode),
            Some(_) => changes + begin_mysql(mode),
        };
        self.mark = format!("/*{schema}*/ ");
        self.open = mode != Mode::One;
        if !text.is_empty() {
            self.batch(text).await?;
        }
        if self.open {
            // on PostgreSQL a rollback takes the setting back as well
            self.coming = Some(wanted);
        } else {
            self.set(wanted);
        }
        Ok(())
    }

    /// Lets single questions run this long, in whatever schema: who used the connection before may have left it a
    /// limit of its own.
    pub(super) async fn ask_within(&mut self, limit: Duration) -> Result<(), DbError> {
        let lease = self.lease.as_ref().ok_or(DbError::Closed)?;
        let wanted = Setting::new(lease.setting().schema(), limit);
        let text = wanted.changes(lease.setting(), self.flavour());
        if !text.is_empty() {
            self.batch(text).await?;
            self.set(wanted);
        }
        Ok(())
    }

    /// What holds from now on.
    fn set(&mut self, setting: Setting) {
        if let Some(lease) = &mut self.lease {
            lease.set(setting);
        }
    }

    fn flavour(&self) -> Option<Flavour> {
        match self.lease.as_deref() {
            Some(Socket::Mysql(_, flavour)) => Some(*flavour),
            _ => None,
        }
    }

    /// Lets statements of the open transaction run as long as they take; for a lock they wait this long at
    /// most. On MySQL it holds for the session, also without a transaction, until the next one begins.
    pub(super) async fn take_time(&mut self, lock_within: Duration) -> Result<(), DbError> {
        let seconds = lock_within.as_secs().max(1);
        let text = match self.flavour() {
            None => {
                format!(
                    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{seconds}s'; \
                     SET LOCAL idle_in_transaction_session_timeout = 0"
                )
            }
            Some(flavour) => {
                let limit = match flavour {
                    Flavour::Mariadb => "idle_transaction_timeout=0, max_statement_time",
                    Flavour::Mysql => "max_execution_time",
                };
                // what the session is set to is not known any more
                self.coming = None;
                self.set(Setting::default());
                format!(
                    "SET {limit}=0, lock_wait_timeout={seconds}, innodb_lock_wait_timeout={seconds}"
                )
            }
        };
        self.batch(text).await
    }

    /// Announces that what comes next is a commit; while this lives, nobody takes over from the server.
    pub(super) fn committing(&self) -> Result<Committing, DbError> {
        self.lease.as_ref().ok_or(DbError::Closed)?.begin_commit()
    }

    /// Commits. After an error nothing is known of the outcome.
    pub(crate) async fn commit(&mut self) -> Result<(), DbError> {
        let _committing = self.committing()?;
        self.batch("COMMIT".to_owned()).await?;
        self.committed();
        Ok(())
    }

    /// Commits, and says in the same round trip how far the server's log is then. PostgreSQL only.
    pub(super) async fn commit_and_look(&mut self) -> Result<Position, DbError> {
        let _committing = self.committing()?;
        let position = self.commit_with_position().await?;
        self.committed();
        Ok(position)
    }

    fn committed(&mut self) {
        self.open = false;
        if let Some(setting) = self.coming.take() {
            self.set(setting);
        }
    }

    /// What is inserted is at or behind what was just committed, also where a commit does not wait for the
    /// disk.
    async fn commit_with_position(&mut self) -> Result<Position, DbError> {
        let text = "COMMIT; SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::BIGINT";
        self.spoiled = true;
        let lease = self.lease.as_mut().ok_or(DbError::Closed)?;
        let (socket, closed) = lease.parts()?;
        let Socket::Postgres(conn) = socket else { return Err(DbError::Misuse("no PostgreSQL")) };
        let mut is_committed = false;
        let mut found = None;
        let talk = async {
            let mut answers = sqlx::raw_sql(text).fetch_many(&mut **conn);
            while let Some(answer) = answers.try_next().await.map_err(explain)? {
                match answer {
                    Either::Left(_) => is_committed = true,
                    Either::Right(row) => found = row.try_get::<i64, _>(0).ok(),
                }
            }
            Ok(())
        };
        let result = tokio::select! {
            biased;
            result = talk => result,
            left = closed => Err(left),
        };
        match result {
            Ok(()) => self.spoiled = false,
            // it is committed all the same; the connection is closed when it is dropped
            Err(e) if is_committed => tracing::debug!(error = %e, "a commit's position was lost"),
            Err(e) => {
                self.spoiled = matches!(e, DbError::Down(_));
                return Err(e);
            }
        }
        Ok(found.and_then(Position::read).unwrap_or(Position::UNKNOWN))
    }

    /// Ends a read; a single one has ended by itself.
    pub(super) async fn end_read(&mut self) -> Result<(), DbError> {
        if self.open {
            self.end("COMMIT").await?;
            self.committed();
        }
        Ok(())
    }

    /// What changes nothing must not keep anybody waiting: a server that is silent is left alone.
    async fn end(&mut self, word: &str) -> Result<(), DbError> {
        let silent = Err(DbError::Timeout("ending a transaction"));
        tokio::time::timeout(END_WITHIN, self.batch(word.to_owned())).await.unwrap_or(silent)
    }

    /// The number that is the only answer to a question, within a time.
    pub(super) async fn number(&mut self, sql: &str, within: Duration) -> Result<i64, DbError> {
        let asked = self.query(sql, Values(Vec::new()), 1, false);
        let silent = Err(DbError::Timeout("asking a database server"));
        let rows = tokio::time::timeout(within, asked).await.unwrap_or(silent)?;
        match rows.first().and_then(|row| row.values.first()) {
            Some(Value::Int(n)) => Ok(*n),
            other => Err(DbError::Engine(format!("a number was asked for, not {other:?}"))),
        }
    }

    /// Whether the server answers.
    pub(super) async fn ping(&mut self) -> Result<(), DbError> {
        self.batch("SELECT 1".to_owned()).await
    }

    /// Rolls back; a connection that cannot do even that is closed.
    pub(crate) async fn rollback(&mut self) {
        if self.open && self.end("ROLLBACK").await.is_ok() {
            self.open = false;
            let coming = self.coming.take();
            if self.engine == Engine::Mysql
                && let Some(setting) = coming
            {
                self.set(setting);
            }
        }
    }

    /// Statements without values and without rows, one round trip.
    pub(crate) async fn batch(&mut self, text: String) -> Result<(), DbError> {
        let sql = sqlx::raw_sql(AssertSqlSafe(text));
        self.talk(async |socket| {
            match socket {
                Socket::Postgres(conn) => sql.execute(&mut **conn).await.map(|_| ()),
                Socket::Mysql(conn, _) => sql.execute(&mut **conn).await.map(|_| ()),
            }
            .map_err(explain)
        })
        .await
    }

    /// Runs a statement; how many rows matched.
    pub(crate) async fn execute(&mut self, sql: &str, values: Values) -> Result<u64, DbError> {
        let text = AssertSqlSafe([&self.mark, sql].concat());
        self.talk(async |socket| {
            match socket {
                Socket::Postgres(conn) => {
                    let query = sqlx::query_with(text, values::postgres_arguments(values)?);
                    query.execute(&mut **conn).await.map(|done| done.rows_affected())
                }
                Socket::Mysql(conn, _) => {
                    let query = sqlx::query_with(text, values::mysql_arguments(values)?);
                    query.execute(&mut **conn).await.map(|done| done.rows_affected())
                }
            }
            .map_err(explain)
        })
        .await
    }

    /// Rows up to `max`; with `refuse_more` a further row is an error, without it the rest is left.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        values: Values,
        max: usize,
        refuse_more: bool,
    ) -> Result<Vec<Row>, DbError> {
        let text = AssertSqlSafe([&self.mark, sql].concat());
        let found = Found { rows: Vec::new(), columns: None, max, refuse_more };
        self.talk(async |socket| fetch(socket, text, values, found).await).await
    }

    /// One exchange with the server. Given up in the middle, or broken, the connection is not used again;
    /// when its pool is closed, the exchange ends at once.
    async fn talk<T>(
        &mut self,
        exchange: impl AsyncFnOnce(&mut Socket) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let lease = self.lease.as_mut().ok_or(DbError::Closed)?;
        let (socket, closed) = lease.parts()?;
        self.spoiled = true;
        let result = tokio::select! {
            biased;
            result = exchange(socket) => result,
            left = closed => Err(left),
        };
        self.spoiled = matches!(result, Err(DbError::Down(_)));
        result
    }
}

async fn fetch(
    socket: &mut Socket,
    text: AssertSqlSafe<String>,
    values: Values,
    mut found: Found,
) -> Result<Vec<Row>, DbError> {
    match socket {
        Socket::Postgres(conn) => {
            let query = sqlx::query_with(text, values::postgres_arguments(values)?);
            let mut rows = query.fetch(&mut **conn);
            while let Some(row) = rows.try_next().await.map_err(explain)? {
                let names = || row.columns().iter().map(|c| c.name().to_owned()).collect();
                if found.add(names, values::read_postgres(&row)?)? {
                    break;
                }
            }
        }
        Socket::Mysql(conn, _) => {
            let query = sqlx::query_with(text, values::mysql_arguments(values)?);
            let mut rows = query.fetch(&mut **conn);
            while let Some(row) = rows.try_next().await.map_err(explain)? {
                let names = || row.columns().iter().map(|c| c.name().to_owned()).collect();
                if found.add(names, values::read_mysql(&row)?)? {
                    break;
                }
            }
        }
    }
    Ok(found.rows)
}

/// Rows as they come.
struct Found {
    rows: Vec<Row>,
    columns: Option<Arc<[String]>>,
    max: usize,
    refuse_more: bool,
}

impl Found {
    /// Keeps a row; whether it was the last one wanted.
    fn add(
        &mut self,
        names: impl FnOnce() -> Arc<[String]>,
        values: Vec<Value>,
    ) -> Result<bool, DbError> {
        if self.rows.len() == self.max {
            return if self.refuse_more { Err(DbError::TooManyRows(self.max)) } else { Ok(true) };
        }
        let columns = Arc::clone(self.columns.get_or_insert_with(names));
        self.rows.push(Row { columns, values });
        Ok(self.rows.len() == self.max && !self.refuse_more)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && !self.open
            && !self.spoiled
        {
            lease.give_back();
        }
    }
}
