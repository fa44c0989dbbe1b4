//! One statement on one connection: values in, rows out, errors told apart. No transactions here.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, ffi};
use sea_query::{Value as SeaValue, Values};

use crate::error::DbError;
use crate::row::{Row, Value};

pub(crate) fn execute(conn: &Connection, sql: &str, values: Values) -> Result<u64, DbError> {
    let mut statement = conn.prepare_cached(sql).map_err(explain)?;
    bind(&mut statement, values)?;
    statement.raw_execute().map(|n| n as u64).map_err(explain)
}

/// Rows up to `max`; with `refuse_more` a further row is an error, without it the rest is left unread.
pub(crate) fn query(
    conn: &Connection,
    sql: &str,
    values: Values,
    max: usize,
    refuse_more: bool,
) -> Result<Vec<Row>, DbError> {
    let mut statement = conn.prepare_cached(sql).map_err(explain)?;
    bind(&mut statement, values)?;
    let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(explain)? {
        if found.len() == max {
            if refuse_more {
                return Err(DbError::TooManyRows(max));
            }
            break;
        }
        let mut values = Vec::with_capacity(columns.len());
        for (i, column) in columns.iter().enumerate() {
            values.push(read(row.get_ref(i).map_err(explain)?, column)?);
        }
        found.push(Row { columns: Arc::clone(&columns), values });
        // A caller that wants one row need not step to the end.
        if found.len() == max && !refuse_more {
            break;
        }
    }
    Ok(found)
}

fn read(value: ValueRef<'_>, column: &str) -> Result<Value, DbError> {
    let wrong =
        |problem: &str| DbError::Column { column: column.to_owned(), problem: problem.to_owned() };
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(t) => {
            Value::Text(std::str::from_utf8(t).map_err(|_| wrong("is not UTF-8"))?.to_owned())
        }
        ValueRef::Blob(b) => Value::Blob(b.to_vec()),
        ValueRef::Real(_) => return Err(wrong("is a floating number, which no engine shares")),
    })
}

fn bind(statement: &mut Statement<'_>, values: Values) -> Result<(), DbError> {
    for (i, value) in values.into_iter().enumerate() {
        statement.raw_bind_parameter(i + 1, convert(value)?).map_err(explain)?;
    }
    Ok(())
}

fn convert(value: SeaValue) -> Result<ToSqlOutput<'static>, DbError> {
    let int = |n: Option<i64>| n.map_or(SqlValue::Null, SqlValue::Integer);
    let owned = match value {
        SeaValue::Bool(b) => int(b.map(i64::from)),
        SeaValue::TinyInt(n) => int(n.map(i64::from)),
        SeaValue::SmallInt(n) => int(n.map(i64::from)),
        SeaValue::Int(n) => int(n.map(i64::from)),
        SeaValue::BigInt(n) => int(n),
        SeaValue::TinyUnsigned(n) => int(n.map(i64::from)),
        SeaValue::SmallUnsigned(n) => int(n.map(i64::from)),
        SeaValue::Unsigned(n) => int(n.map(i64::from)),
        SeaValue::BigUnsigned(n) => int(match n {
            Some(n) => {
                Some(i64::try_from(n).map_err(|_| DbError::Misuse("a number past 2^63 - 1"))?)
            }
            None => None,
        }),
        SeaValue::String(s) => s.map_or(SqlValue::Null, SqlValue::Text),
        SeaValue::Char(c) => c.map_or(SqlValue::Null, |c| SqlValue::Text(c.to_string())),
        SeaValue::Bytes(b) => b.map_or(SqlValue::Null, SqlValue::Blob),
        _ => return Err(DbError::Misuse("a value that is not BIGINT, TEXT, BOOLEAN or BLOB")),
    };
    Ok(ToSqlOutput::Owned(owned))
}

/// Tells the failures apart that callers treat differently.
pub(crate) fn explain(e: rusqlite::Error) -> DbError {
    let rusqlite::Error::SqliteFailure(code, text) = &e else {
        return DbError::Engine(e.to_string());
    };
    let unique = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    if unique.contains(&code.extended_code) {
        return DbError::Unique(text.clone().unwrap_or_default());
    }
    match code.code {
        ErrorCode::OperationInterrupted => DbError::Timeout("a statement was stopped"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            DbError::Timeout("another process has the file")
        }
        _ => DbError::Engine(e.to_string()),
    }
}
