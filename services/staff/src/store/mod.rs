//! All SQL of staff and its rows. Nothing else knows a column. Every key starts with the tenant.

mod credentials;
mod people;
mod sessions;

pub use credentials::{
    active_credentials, credential_of, credential_to_change, insert_credential, page_credentials,
    revoke_credential,
};
pub use people::{
    Known, count, insert, known, known_by_id, known_by_id_to_change, known_to_change, load,
    lock_owners, other_owners, page, save, save_password,
};
pub use sessions::{
    attempts, attempts_to_change, clear_attempts, end_session, end_sessions_of, holder,
    insert_attempts, insert_session, prune_sessions, remove_old_attempts, remove_over_sessions,
    update_attempts,
};

use rpc::Fault;
use sea_query::{SelectStatement, SimpleExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shard::{Migration, MigrationSet, Tx};

/// The tables of staff.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "staff",
    common: &[Migration {
        version: 1,
        name: "staff",
        sql: include_str!("../../migrations/0001_staff.sql"),
    }],
    cells: &[],
};

async fn number(tx: &Tx, select: &SelectStatement) -> Result<u64, Fault> {
    let row = tx.one(select).await?.ok_or_else(|| Fault::bug("a count without a row"))?;
    row.get("n")
}

fn count_all() -> SimpleExpr {
    sea_query::Func::count(sea_query::Expr::col(sea_query::Asterisk)).into()
}

fn to_word(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(Fault::bug(format!("{other} is not a word"))),
    }
}

fn from_word<T: DeserializeOwned>(word: String) -> Result<T, Fault> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(Fault::internal)
}
