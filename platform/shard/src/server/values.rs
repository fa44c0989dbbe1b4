//! Values into a server's statement, rows out of it. Only the four types that mean the same everywhere;
//! whole numbers may also come as decimals, because sums do.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use sea_query::{Value as SeaValue, Values};
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, Column as _, Decode, Row as _, Type, TypeInfo as _, ValueRef as _};

use crate::error::DbError;
use crate::row::Value;

/// A value as it is bound: of the types that all engines share, and typed even when there is none.
enum Bound {
    Int(Option<i64>),
    Bool(Option<bool>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

fn bound(value: SeaValue) -> Result<Bound, DbError> {
    let past = || DbError::Misuse("a number past 2^63 - 1");
    Ok(match value {
        SeaValue::Bool(b) => Bound::Bool(b),
        SeaValue::TinyInt(n) => Bound::Int(n.map(i64::from)),
        SeaValue::SmallInt(n) => Bound::Int(n.map(i64::from)),
        SeaValue::Int(n) => Bound::Int(n.map(i64::from)),
        SeaValue::BigInt(n) => Bound::Int(n),
        SeaValue::TinyUnsigned(n) => Bound::Int(n.map(i64::from)),
        SeaValue::SmallUnsigned(n) => Bound::Int(n.map(i64::from)),
        SeaValue::Unsigned(n) => Bound::Int(n.map(i64::from)),
        SeaValue::BigUnsigned(n) => {
            Bound::Int(n.map(i64::try_from).transpose().map_err(|_| past())?)
        }
        SeaValue::String(s) => Bound::Text(s),
        SeaValue::Char(c) => Bound::Text(c.map(|c| c.to_string())),
        SeaValue::Bytes(b) => Bound::Blob(b),
        _ => return Err(DbError::Misuse("a value that is not BIGINT, TEXT, BOOLEAN or BLOB")),
    })
}

macro_rules! engine {
    ($arguments:ident, $args:ty, $read:ident, $row:ty) => {
        /// The values of a statement.
        pub(super) fn $arguments(values: Values) -> Result<$args, DbError> {
            let mut arguments = <$args>::default();
            for value in values {
                let added = match bound(value)? {
                    Bound::Int(n) => arguments.add(n),
                    Bound::Bool(b) => arguments.add(b),
                    Bound::Text(s) => arguments.add(s),
                    Bound::Blob(b) => arguments.add(b),
                };
                added.map_err(|e| DbError::Engine(e.to_string()))?;
            }
            Ok(arguments)
        }

        /// The values of a row, by the column's type.
        pub(super) fn $read(row: &$row) -> Result<Vec<Value>, DbError> {
            fn get<'r, T>(row: &'r $row, i: usize) -> Result<T, DbError>
            where
                T: Decode<'r, <$row as sqlx::Row>::Database> + Type<<$row as sqlx::Row>::Database>,
            {
                row.try_get_unchecked(i).map_err(|e| DbError::Engine(e.to_string()))
            }
            let mut values = Vec::with_capacity(row.columns().len());
            for (i, column) in row.columns().iter().enumerate() {
                let raw = row.try_get_raw(i).map_err(|e| DbError::Engine(e.to_string()))?;
                let is_null = raw.is_null();
                let name = column.type_info().name();
                values.push(match kind(name) {
                    _ if is_null => Value::Null,
                    Some(Kind::Long) => Value::Int(get(row, i)?),
                    Some(Kind::Int) => Value::Int(get::<i32>(row, i)?.into()),
                    Some(Kind::Short) => Value::Int(get::<i16>(row, i)?.into()),
                    Some(Kind::Bool) => Value::Int(get::<bool>(row, i)?.into()),
                    Some(Kind::Decimal) => {
                        Value::Int(whole_decimal(get::<Decimal>(row, i)?, column.name())?)
                    }
                    Some(Kind::Text) => Value::Text(get(row, i)?),
                    // MySQL calls text binary, too, when it is compared by its bytes
                    Some(Kind::Blob)
                        if <String as Type<<$row as sqlx::Row>::Database>>::compatible(
                            column.type_info(),
                        ) =>
                    {
                        Value::Text(get(row, i)?)
                    }
                    Some(Kind::Blob) => Value::Blob(get(row, i)?),
                    None => return Err(wrong(column.name(), &format!("is of type {name}"))),
                });
            }
            Ok(values)
        }
    };
}
engine!(postgres_arguments, PgArguments, read_postgres, PgRow);
engine!(mysql_arguments, MySqlArguments, read_mysql, MySqlRow);

enum Kind {
    Long,
    Int,
    Short,
    Bool,
    Decimal,
    Text,
    Blob,
}

/// What a type is called by either driver.
fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "INT8" | "BIGINT" => Kind::Long,
        "INT4" | "INT" => Kind::Int,
        "INT2" | "SMALLINT" => Kind::Short,
        "BOOL" | "BOOLEAN" => Kind::Bool,
        "NUMERIC" | "DECIMAL" => Kind::Decimal,
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" => Kind::Text,
        "BYTEA" | "BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "VARBINARY" | "BINARY" => {
            Kind::Blob
        }
        _ => return None,
    })
}

fn whole_decimal(n: Decimal, column: &str) -> Result<i64, DbError> {
    let whole = n.is_integer().then(|| n.to_i64()).flatten();
    whole.ok_or_else(|| wrong(column, "holds a fraction, which no engine shares"))
}

fn wrong(column: &str, problem: &str) -> DbError {
    DbError::Column { column: column.to_owned(), problem: problem.to_owned() }
}
