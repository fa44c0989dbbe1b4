//! The table of idempotency keys.

use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Query};
use shard::Tx;

const IN_FLIGHT: i64 = 0;
const DONE: i64 = 1;

/// What a key is scoped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdemKey {
    pub(crate) tenant: TenantCode,
    pub(crate) principal: String,
    pub(crate) route: String,
    pub(crate) key: String,
}

/// What is recorded of a key. It is done when it has an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdemRecord {
    pub(crate) body_hash: String,
    pub(crate) fence: i64,
    pub(crate) lease_until: Timestamp,
    pub(crate) answer: Option<String>,
    pub(crate) expires_at: Timestamp,
}

impl IdemKey {
    fn is(&self) -> Condition {
        Cond::all()
            .add(Expr::col("tenant").eq(self.tenant.as_str()))
            .add(Expr::col("principal").eq(self.principal.as_str()))
            .add(Expr::col("route").eq(self.route.as_str()))
            .add(Expr::col("idem_key").eq(self.key.as_str()))
    }

    fn held(&self, fence: i64) -> Condition {
        self.is().add(Expr::col("fence").eq(fence)).add(Expr::col("state").eq(IN_FLIGHT))
    }
}

/// The record of a key.
pub(crate) async fn idem_find(tx: &Tx, key: &IdemKey) -> Result<Option<IdemRecord>, Fault> {
    let select = Query::select()
        .columns(["body_hash", "fence", "lease_until", "answer", "expires_at"])
        .from("idempotency")
        .cond_where(key.is())
        .to_owned();
    let read = |row: shard::Row| {
        Ok(IdemRecord {
            body_hash: row.get("body_hash")?,
            fence: row.get("fence")?,
            lease_until: row.get("lease_until")?,
            answer: row.get("answer")?,
            expires_at: row.get("expires_at")?,
        })
    };
    tx.one(&select).await?.map(read).transpose()
}

/// Claims a key that has no record; `false` when another was faster.
pub(crate) async fn idem_insert(tx: &Tx, key: &IdemKey, new: &IdemRecord) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("idempotency")
        .columns([
            "tenant",
            "principal",
            "route",
            "idem_key",
            "body_hash",
            "state",
            "fence",
            "lease_until",
            "created_at",
            "expires_at",
        ])
        .values_panic([
            key.tenant.as_str().into(),
            key.principal.as_str().into(),
            key.route.as_str().into(),
            key.key.as_str().into(),
            new.body_hash.as_str().into(),
            IN_FLIGHT.into(),
            new.fence.into(),
            new.lease_until.micros().into(),
            tx.now().micros().into(),
            new.expires_at.micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Claims a key whose record is worth nothing any more; `false` when another was faster.
pub(crate) async fn idem_take_over(
    tx: &Tx,
    key: &IdemKey,
    old_fence: i64,
    new: &IdemRecord,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table("idempotency")
        .value("body_hash", new.body_hash.as_str())
        .value("state", IN_FLIGHT)
        .value("fence", new.fence)
        .value("lease_until", new.lease_until.micros())
        .value("answer", Option::<String>::None)
        .value("created_at", tx.now().micros())
        .value("expires_at", new.expires_at.micros())
        .cond_where(key.is().add(Expr::col("fence").eq(old_fence)))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}

/// Records the answer; `false` when the claim is held by another.
pub(crate) async fn idem_complete(
    tx: &Tx,
    key: &IdemKey,
    fence: i64,
    answer: String,
    expires_at: Timestamp,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table("idempotency")
        .value("state", DONE)
        .value("answer", answer)
        .value("expires_at", expires_at.micros())
        .cond_where(key.held(fence))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}

/// Forgets a claim that is still held.
pub(crate) async fn idem_release(tx: &Tx, key: &IdemKey, fence: i64) -> Result<(), Fault> {
    let delete = Query::delete().from_table("idempotency").cond_where(key.held(fence)).to_owned();
    tx.exec(&delete).await.map(|_| ())
}
