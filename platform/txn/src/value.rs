//! Values of the four column types that mean the same on every engine, as images of rows keep them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::{Id, Timestamp};
use rpc::Fault;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// BIGINT.
    Int,
    /// BOOLEAN.
    Bool,
    /// TEXT.
    Text,
    /// BLOB.
    Blob,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value.
    Null,
    /// BIGINT.
    Int(i64),
    /// BOOLEAN.
    Bool(bool),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl Value {
    /// Whether a column of this type can hold it.
    #[must_use]
    pub const fn fits(&self, column: ColumnType) -> bool {
        matches!(
            (self, column),
            (Self::Null, _)
                | (Self::Int(_), ColumnType::Int)
                | (Self::Bool(_), ColumnType::Bool)
                | (Self::Text(_), ColumnType::Text)
                | (Self::Blob(_), ColumnType::Blob)
        )
    }

    /// As a statement binds it: typed also when there is none, because PostgreSQL asks.
    pub(crate) fn bound(&self, column: ColumnType) -> sea_query::Value {
        match (self, column) {
            (Self::Null, ColumnType::Int) => None::<i64>.into(),
            (Self::Null, ColumnType::Bool) => None::<bool>.into(),
            (Self::Null, ColumnType::Text) => None::<String>.into(),
            (Self::Null, ColumnType::Blob) => None::<Vec<u8>>.into(),
            (Self::Int(n), _) => (*n).into(),
            (Self::Bool(b), _) => (*b).into(),
            (Self::Text(s), _) => s.as_str().into(),
            (Self::Blob(b), _) => b.clone().into(),
        }
    }

    /// A column of a row that was read.
    pub(crate) fn read(row: &shard::Row, name: &str, column: ColumnType) -> Result<Self, Fault> {
        Ok(match column {
            ColumnType::Int => row.get::<Option<i64>>(name)?.into(),
            ColumnType::Bool => row.get::<Option<bool>>(name)?.into(),
            ColumnType::Text => row.get::<Option<String>>(name)?.into(),
            ColumnType::Blob => row.get::<Option<Vec<u8>>>(name)?.into(),
        })
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(s) => Some(s.as_str()),
            _ => None,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Text(s) => f.write_str(s),
            Self::Blob(b) => write!(f, "x'{}'", hex::encode(b)),
        }
    }
}

macro_rules! from {
    ($($t:ty => |$v:ident| $made:expr),+ $(,)?) => {$(
        impl From<$t> for Value {
            fn from($v: $t) -> Self {
                $made
            }
        }
    )+};
}
from! {
    i64 => |v| Self::Int(v),
    i32 => |v| Self::Int(v.into()),
    u32 => |v| Self::Int(v.into()),
    bool => |v| Self::Bool(v),
    &str => |v| Self::Text(v.to_owned()),
    String => |v| Self::Text(v),
    Vec<u8> => |v| Self::Blob(v),
    &[u8] => |v| Self::Blob(v.to_vec()),
    Timestamp => |v| Self::Int(v.micros()),
    Id => |v| Self::Int(v.get()),
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// The values of a primary key, in the table's sequence: one value, or a tuple.
pub trait IntoKey {
    /// As values.
    fn into_key(self) -> Vec<Value>;
}

impl IntoKey for Vec<Value> {
    fn into_key(self) -> Vec<Value> {
        self
    }
}

impl<A: Into<Value>> IntoKey for (A,) {
    fn into_key(self) -> Vec<Value> {
        vec![self.0.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>> IntoKey for (A, B) {
    fn into_key(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>> IntoKey for (A, B, C) {
    fn into_key(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into(), self.2.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>, D: Into<Value>> IntoKey for (A, B, C, D) {
    fn into_key(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into(), self.2.into(), self.3.into()]
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Null(()),
    Bool(bool),
    Int(i64),
    Text(String),
    /// In a list of one, so that it is told from text.
    Blob([String; 1]),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => s.serialize_unit(),
            Self::Int(n) => s.serialize_i64(*n),
            Self::Bool(b) => s.serialize_bool(*b),
            Self::Text(t) => s.serialize_str(t),
            Self::Blob(b) => Stored::Blob([STANDARD.encode(b)]).serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(d)? {
            Stored::Null(()) => Self::Null,
            Stored::Bool(b) => Self::Bool(b),
            Stored::Int(n) => Self::Int(n),
            Stored::Text(t) => Self::Text(t),
            Stored::Blob([text]) => {
                Self::Blob(STANDARD.decode(text).map_err(serde::de::Error::custom)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int),
            any::<bool>().prop_map(Value::Bool),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Blob),
        ]
    }

    proptest! {
        #[test]
        fn a_value_survives_being_stored(v in value()) {
            let text = serde_json::to_string(&v).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), v);
        }
    }

    #[test]
    fn only_its_own_type_fits_a_column_and_nothing_fits_all() {
        assert!(Value::Null.fits(ColumnType::Blob) && Value::from(1).fits(ColumnType::Int));
        assert!(!Value::from(1).fits(ColumnType::Bool) && !Value::from("x").fits(ColumnType::Blob));
    }
}
