//! The connection of a transaction as its body uses it: one statement at a time, and what went wrong is
//! remembered, because a body may not pass it on.

use std::sync::{Mutex, PoisonError};

use sea_query::Values;

use super::conn::Conn;
use crate::dialect::Engine;
use crate::error::DbError;
use crate::row::Row;

/// What a failed statement means for the transaction as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may be run again from the beginning.
    Retry,
    /// It cannot go on.
    Broken,
    /// The server is away.
    Away,
    /// It did not answer in the time that the caller had.
    Late,
}

/// A connection that is lent to the body of a transaction.
pub(crate) struct ServerLine {
    engine: Engine,
    conn: Mutex<Option<Conn>>,
    trouble: Mutex<Option<Trouble>>,
}

const BUSY: DbError = DbError::Misuse("a transaction runs one statement at a time");

impl ServerLine {
    pub(super) fn new(conn: Conn) -> Self {
        let engine = conn.engine();
        Self { engine, conn: Mutex::new(Some(conn)), trouble: Mutex::default() }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Takes the connection back; `None` when a statement was given up in the middle, which closed it.
    pub(super) fn end(&self) -> (Option<Conn>, Option<Trouble>) {
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        (self.take(), trouble)
    }

    pub(crate) async fn execute(&self, sql: &str, values: Values) -> Result<u64, DbError> {
        let mut conn = self.take().ok_or(BUSY)?;
        let result = conn.execute(sql, values).await;
        self.give_back(conn, &result);
        result
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        values: Values,
        max: usize,
        refuse_more: bool,
    ) -> Result<Vec<Row>, DbError> {
        let mut conn = self.take().ok_or(BUSY)?;
        let result = conn.query(sql, values, max, refuse_more).await;
        self.give_back(conn, &result);
        result
    }

    fn take(&self) -> Option<Conn> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn give_back<T>(&self, conn: Conn, result: &Result<T, DbError>) {
        *self.conn.lock().unwrap_or_else(PoisonError::into_inner) = Some(conn);
        let trouble = match result {
            Ok(_) => return,
            Err(DbError::Retry(_)) => Trouble::Retry,
            // MySQL takes back the statement alone
            Err(DbError::Unique(_)) if self.engine == Engine::Mysql => return,
            // these never reached the server, or were read whole
            Err(DbError::Misuse(_) | DbError::Column { .. } | DbError::TooManyRows(_)) => return,
            Err(DbError::Down(_)) => Trouble::Away,
            Err(DbError::Timeout(_)) => Trouble::Late,
            Err(_) => Trouble::Broken,
        };
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(trouble);
    }
}
