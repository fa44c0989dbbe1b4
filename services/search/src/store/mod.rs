//! All SQL of the index and its rows. Nothing else knows a column, and nothing here decides anything.

mod caught_up;
mod find;
mod orders;
#[cfg(test)]
mod plans;
mod products;
mod values;

use kit::{Id, TenantCode};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement, SimpleExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shard::{Migration, MigrationSet, Row};

use crate::model::text::after_prefix;

pub use caught_up::*;
pub use find::*;
pub use orders::*;
pub use products::*;
pub use values::*;

/// The tables of the index.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "search",
    common: &[
        Migration {
            version: 1,
            name: "products",
            sql: include_str!("../../migrations/0001_products.sql"),
        },
        Migration {
            version: 2,
            name: "orders",
            sql: include_str!("../../migrations/0002_orders.sql"),
        },
        Migration {
            version: 3,
            name: "caught_up",
            sql: include_str!("../../migrations/0003_caught_up.sql"),
        },
    ],
    cells: &[],
};

/// Rows that one statement inserts at most: engines bound the values of a statement.
const ROWS_MAX: usize = 200;

fn of_tenant(tenant: &TenantCode) -> SimpleExpr {
    Expr::col("tenant").eq(tenant.as_str())
}

fn id<T>(row: &Row, column: &str, make: impl FnOnce(Id) -> T) -> Result<T, Fault> {
    row.get(column).map(make)
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(Fault::internal)
}

/// A word of a closed set, as its wire form without the quotes.
fn word<T: Serialize>(value: T) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(Fault::bug("a word is expected")),
    }
}

fn from_word<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Fault> {
    serde_json::from_value(serde_json::Value::String(row.get(column)?)).map_err(Fault::internal)
}

/// The keys of a table of words that have a word.
fn having(
    table: &'static str,
    key: &'static str,
    tenant: &TenantCode,
    term: SimpleExpr,
) -> SelectStatement {
    Query::select().column(key).from(table).and_where(of_tenant(tenant)).and_where(term).to_owned()
}

/// Whether a word is this one.
fn is_term(term: &str) -> SimpleExpr {
    Expr::col("term").eq(term)
}

/// Whether a word begins so.
fn begins_with(prefix: &str) -> SimpleExpr {
    Expr::col("term").gte(prefix).and(Expr::col("term").lt(after_prefix(prefix)))
}
