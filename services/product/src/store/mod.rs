//! All SQL of the catalogue and its rows. Nothing else knows a column, and nothing here decides anything.
//!
//! A product is read with two statements, a list with one: what belongs to a product alone and is shown
//! together stands in JSON columns; variants and prices are rows, because they are asked for by id.

mod groups;
mod images;
mod imports;
mod products;
mod write;

use kit::{Id, TenantCode};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, SimpleExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shard::row::{FromValue, Value};
use shard::{Migration, MigrationSet, Row};

pub use groups::*;
pub use images::*;
pub use imports::*;
pub use products::*;
pub use write::*;

/// The tables of the catalogue.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "product",
    common: &[
        Migration {
            version: 1,
            name: "catalogue",
            sql: include_str!("../../migrations/0001_catalogue.sql"),
        },
        Migration {
            version: 2,
            name: "images",
            sql: include_str!("../../migrations/0002_images.sql"),
        },
        Migration {
            version: 3,
            name: "imports",
            sql: include_str!("../../migrations/0003_imports.sql"),
        },
        Migration { version: 4, name: "held", sql: include_str!("../../migrations/0004_held.sql") },
    ],
    cells: &[],
};

/// A column that holds JSON, read without copying its text.
struct Json<T>(T);

impl<T: DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => {
                serde_json::from_str(text).map(Self).map_err(|e| format!("holds other JSON: {e}"))
            }
            _ => Err("holds no JSON".to_owned()),
        }
    }
}

fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Fault> {
    row.get::<Json<T>>(column).map(|json| json.0)
}

fn maybe_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, Fault> {
    Ok(row.get::<Option<Json<T>>>(column)?.map(|json| json.0))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

/// A word of a closed set, as its wire form without the quotes.
fn word<T: Serialize>(value: T) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(Fault::bug("a word is expected")),
    }
}

fn from_word<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Fault> {
    let word = serde_json::Value::String(row.get(column)?);
    serde_json::from_value(word).map_err(Fault::internal)
}

fn id<T>(row: &Row, column: &str, make: impl FnOnce(Id) -> T) -> Result<T, Fault> {
    row.get(column).map(make)
}

fn maybe_id<T>(row: &Row, column: &str, make: impl FnOnce(Id) -> T) -> Result<Option<T>, Fault> {
    Ok(row.get::<Option<Id>>(column)?.map(make))
}

fn of_tenant(tenant: &TenantCode) -> SimpleExpr {
    Expr::col("tenant").eq(tenant.as_str())
}

fn size(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
