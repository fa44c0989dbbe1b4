//! A row as plain values, read by column name. Knows the four column types and nothing of any table.

use std::sync::Arc;

use kit::{Id, Timestamp};
use rpc::Fault;

use crate::error::DbError;

/// A value of one of the column types that mean the same on every engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// BIGINT and BOOLEAN.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// A row of a result.
#[derive(Debug, Clone)]
pub struct Row {
    pub(crate) columns: Arc<[String]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The value of a column as the type that is asked for.
    ///
    /// # Errors
    /// When there is no such column, or it holds something else.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Fault> {
        let wrong =
            |problem: String| Fault::from(DbError::Column { column: column.to_owned(), problem });
        let index = self
            .columns
            .iter()
            .position(|c| c == column)
            .ok_or_else(|| wrong("is not in the result".to_owned()))?;
        T::from_value(&self.values[index]).map_err(wrong)
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn from_value(value: &Value) -> Result<Self, String>;
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Int(_) => "a number",
        Value::Text(_) => "text",
        Value::Blob(_) => "bytes",
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Int(n) => Ok(*n),
            other => Err(format!("holds {} where a number is expected", kind(other))),
        }
    }
}

macro_rules! narrower {
    ($($t:ty),+) => {$(
        impl FromValue for $t {
            fn from_value(value: &Value) -> Result<Self, String> {
                let n = i64::from_value(value)?;
                n.try_into().map_err(|_| format!("{n} does not fit"))
            }
        }
    )+};
}
narrower!(u8, u16, u32, u64, i32, usize);

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        i64::from_value(value).map(|n| n != 0)
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(s) => Ok(s.clone()),
            other => Err(format!("holds {} where text is expected", kind(other))),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Blob(b) => Ok(b.clone()),
            other => Err(format!("holds {} where bytes are expected", kind(other))),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Result<Self, String> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl FromValue for Id {
    fn from_value(value: &Value) -> Result<Self, String> {
        Self::from_i64(i64::from_value(value)?).map_err(|e| e.to_string())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
