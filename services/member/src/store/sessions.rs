//! Rows of sessions and of failed attempts.

use auth::{Attempts, TokenHash};
use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Row, Tx};
use types::MemberId;

/// Begins a session.
pub async fn insert_session(
    tx: &Tx,
    tenant: &TenantCode,
    token: &TokenHash,
    id: MemberId,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("member_sessions")
        .columns(["tenant", "token_hash", "member_id", "created_at", "expires_at"])
        .values_panic([
            tenant.as_str().into(),
            token.as_str().into(),
            id.get().into(),
            tx.now().micros().into(),
            expires_at.micros().into(),
        ])
        .to_owned();
    tx.exec(&insert).await.map(|_| ())
}

/// Whose session a token is of, and when it ends: one look-up by primary key.
pub async fn holder(
    tx: &Tx,
    tenant: &TenantCode,
    token: &TokenHash,
) -> Result<Option<(MemberId, Timestamp)>, Fault> {
    let select = Query::select()
        .columns(["member_id", "expires_at"])
        .from("member_sessions")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("token_hash").eq(token.as_str()))
        .to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    Ok(Some((MemberId(row.get("member_id")?), row.get("expires_at")?)))
}

/// Ends a session, if there is one.
pub async fn end_session(tx: &Tx, tenant: &TenantCode, token: &str) -> Result<(), Fault> {
    let delete = Query::delete()
        .from_table("member_sessions")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("token_hash").eq(token))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// Ends all sessions of a member.
pub async fn end_sessions_of(tx: &Tx, tenant: &TenantCode, id: MemberId) -> Result<(), Fault> {
    let delete = Query::delete()
        .from_table("member_sessions")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(id.get()))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// Ends the oldest sessions of a member but for `keep`.
pub async fn prune_sessions(
    tx: &Tx,
    tenant: &TenantCode,
    id: MemberId,
    keep: usize,
) -> Result<(), Fault> {
    let select = Query::select()
        .column("token_hash")
        .from("member_sessions")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(id.get()))
        .order_by("created_at", Order::Desc)
        .order_by("token_hash", Order::Asc)
        .to_owned();
    for row in tx.all(&select).await?.iter().skip(keep) {
        end_session(tx, tenant, &row.get::<String>("token_hash")?).await?;
    }
    Ok(())
}

/// The failed attempts of a login; none when there is no row.
pub async fn attempts(tx: &Tx, tenant: &TenantCode, login: &str) -> Result<Attempts, Fault> {
    Ok(attempts_of(tx, &of_login(tenant, login)).await?.unwrap_or_default())
}

/// The row of failed attempts of a login, which nobody else changes until the transaction ends.
pub async fn attempts_to_change(
    tx: &Tx,
    tenant: &TenantCode,
    login: &str,
) -> Result<Option<Attempts>, Fault> {
    attempts_of(tx, of_login(tenant, login).lock_exclusive()).await
}

fn of_login(tenant: &TenantCode, login: &str) -> SelectStatement {
    Query::select()
        .columns(["failures", "last_failure_at", "locked_until"])
        .from("member_attempts")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("login_hash").eq(login))
        .to_owned()
}

async fn attempts_of(tx: &Tx, select: &SelectStatement) -> Result<Option<Attempts>, Fault> {
    let Some(row) = tx.one(select).await? else { return Ok(None) };
    Ok(Some(Attempts {
        failures: row.get("failures")?,
        last_failure_at: row.get("last_failure_at")?,
        locked_until: row.get("locked_until")?,
    }))
}

/// Saves the first failed attempt of a login; `false` when there is a row by now.
pub async fn insert_attempts(
    tx: &Tx,
    tenant: &TenantCode,
    login: &str,
    attempts: &Attempts,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("member_attempts")
        .columns(["tenant", "login_hash", "failures", "last_failure_at", "locked_until"])
        .values_panic([
            tenant.as_str().into(),
            login.into(),
            i64::from(attempts.failures).into(),
            attempts.last_failure_at.micros().into(),
            attempts.locked_until.map(Timestamp::micros).into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Saves the failed attempts of a login whose row is held.
pub async fn update_attempts(
    tx: &Tx,
    tenant: &TenantCode,
    login: &str,
    attempts: &Attempts,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("member_attempts")
        .value("failures", i64::from(attempts.failures))
        .value("last_failure_at", attempts.last_failure_at.micros())
        .value("locked_until", attempts.locked_until.map(Timestamp::micros))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("login_hash").eq(login))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Forgets the failed attempts of a login.
pub async fn clear_attempts(tx: &Tx, tenant: &TenantCode, login: &str) -> Result<(), Fault> {
    let delete = Query::delete()
        .from_table("member_attempts")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("login_hash").eq(login))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// Removes up to `limit` sessions of all tenants that were over before `now`; how many were found.
pub async fn remove_over_sessions(tx: &Tx, now: Timestamp, limit: u64) -> Result<usize, Fault> {
    remove(tx, "member_sessions", "token_hash", "expires_at", now, limit).await
}

/// Removes up to `limit` records of attempts of all tenants whose last failure was before; how many were
/// found.
pub async fn remove_old_attempts(tx: &Tx, before: Timestamp, limit: u64) -> Result<usize, Fault> {
    remove(tx, "member_attempts", "login_hash", "last_failure_at", before, limit).await
}

/// Deleting by a limit is not the same on all engines, so the keys are read first. A row that was written
/// meanwhile is not old any more and stays. Keys come in their order, so that two who remove at once do not
/// wait for one another.
async fn remove(
    tx: &Tx,
    table: &'static str,
    key: &'static str,
    time: &'static str,
    before: Timestamp,
    limit: u64,
) -> Result<usize, Fault> {
    let select = Query::select()
        .columns(["tenant", key])
        .from(table)
        .and_where(Expr::col(time).lt(before.micros()))
        .order_by(time, Order::Asc)
        .limit(limit)
        .to_owned();
    let key_of = |row: &Row| Ok::<_, Fault>((row.get("tenant")?, row.get(key)?));
    let rows = tx.all(&select).await?;
    let mut keys: Vec<(String, String)> = rows.iter().map(key_of).collect::<Result<_, _>>()?;
    keys.sort_unstable();
    for (tenant, value) in &keys {
        let delete = Query::delete()
            .from_table(table)
            .and_where(Expr::col("tenant").eq(tenant.as_str()))
            .and_where(Expr::col(key).eq(value.as_str()))
            .and_where(Expr::col(time).lt(before.micros()))
            .to_owned();
        tx.exec(&delete).await?;
    }
    Ok(keys.len())
}
