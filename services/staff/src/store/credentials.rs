//! Rows of credentials.

use auth::TokenHash;
use kit::TenantCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Row, Tx};
use staff_api::Credential;
use types::CredentialId;

use super::{count_all, number};

const COLUMNS: [&str; 5] = ["id", "name", "permissions", "created_at", "revoked_at"];

/// Adds a credential.
pub async fn insert_credential(
    tx: &Tx,
    tenant: &TenantCode,
    credential: &Credential,
    token: &TokenHash,
) -> Result<(), Fault> {
    let permissions = serde_json::to_string(&credential.permissions).map_err(Fault::internal)?;
    let insert = Query::insert()
        .into_table("credentials")
        .columns(["tenant", "id", "token_hash", "name", "permissions", "active", "created_at"])
        .values_panic([
            tenant.as_str().into(),
            credential.id.get().into(),
            token.as_str().into(),
            credential.name.as_str().into(),
            permissions.into(),
            true.into(),
            credential.created_at.micros().into(),
        ])
        .to_owned();
    tx.exec(&insert).await.map(|_| ())
}

/// Marks a credential as revoked now.
pub async fn revoke_credential(
    tx: &Tx,
    tenant: &TenantCode,
    id: CredentialId,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("credentials")
        .value("active", false)
        .value("revoked_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// One credential, which nobody else changes until the transaction ends.
pub async fn credential_to_change(
    tx: &Tx,
    tenant: &TenantCode,
    id: CredentialId,
) -> Result<Option<Credential>, Fault> {
    let select = of(tenant)
        .columns(COLUMNS)
        .and_where(Expr::col("id").eq(id.get()))
        .lock_exclusive()
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// The credential of a token: one look-up by unique key.
pub async fn credential_of(
    tx: &Tx,
    tenant: &TenantCode,
    token: &TokenHash,
) -> Result<Option<Credential>, Fault> {
    let select = of(tenant)
        .columns(COLUMNS)
        .and_where(Expr::col("token_hash").eq(token.as_str()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// Credentials, newest first, before an id.
pub async fn page_credentials(
    tx: &Tx,
    tenant: &TenantCode,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Credential>, Fault> {
    let mut select = of(tenant).columns(COLUMNS).to_owned();
    if let Some(before) = before {
        select.and_where(Expr::col("id").lt(before));
    }
    select.order_by("id", Order::Desc).limit(limit);
    tx.all(&select).await?.iter().map(read).collect()
}

/// How many credentials hold.
pub async fn active_credentials(tx: &Tx, tenant: &TenantCode) -> Result<u64, Fault> {
    let select =
        of(tenant).expr_as(count_all(), "n").and_where(Expr::col("active").eq(true)).to_owned();
    number(tx, &select).await
}

fn of(tenant: &TenantCode) -> SelectStatement {
    Query::select()
        .from("credentials")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .to_owned()
}

fn read(row: &Row) -> Result<Credential, Fault> {
    Ok(Credential {
        id: CredentialId(row.get("id")?),
        name: row.get("name")?,
        permissions: serde_json::from_str(&row.get::<String>("permissions")?)
            .map_err(Fault::internal)?,
        created_at: row.get("created_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
