//! The table of TCC fences of a logical database.

use kit::Timestamp;
use rpc::{Fault, Xid};
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query};
use shard::{Tx, padded};

use crate::model::{BranchId, xid_floor};

const TABLE: &str = "tcc_fence";

/// How far a TCC branch is in its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FenceStatus {
    /// Its try has committed.
    Tried,
    /// Its confirm has committed.
    Confirmed,
    /// Its cancel has committed.
    Cancelled,
    /// It was cancelled before its try, which must not happen any more.
    Suspended,
}

impl FenceStatus {
    const fn number(self) -> i64 {
        match self {
            Self::Tried => 1,
            Self::Confirmed => 2,
            Self::Cancelled => 3,
            Self::Suspended => 4,
        }
    }
}

fn is(id: &BranchId) -> Condition {
    Cond::all()
        .add(Expr::col("xid").eq(id.xid.as_str()))
        .add(Expr::col("branch").eq(i64::from(id.seq)))
}

/// Inserts the fence of a branch; `false` when it has one.
pub(crate) async fn insert(
    tx: &Tx,
    id: &BranchId,
    action: &str,
    status: FenceStatus,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(["xid", "branch", "action", "status", "changed_at"])
        .values_panic([
            id.xid.as_str().into(),
            i64::from(id.seq).into(),
            action.into(),
            status.number().into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Moves a tried branch on; `false` when it is not in that state.
pub(crate) async fn advance(tx: &Tx, id: &BranchId, to: FenceStatus) -> Result<bool, Fault> {
    let update = Query::update()
        .table(TABLE)
        .value("status", to.number())
        .value("changed_at", tx.now().micros())
        .cond_where(is(id).add(Expr::col("status").eq(FenceStatus::Tried.number())))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// How far a branch is.
pub(crate) async fn find(tx: &Tx, id: &BranchId) -> Result<Option<FenceStatus>, Fault> {
    let select = Query::select().column("status").from(TABLE).cond_where(is(id)).to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    Ok(Some(match row.get::<i64>("status")? {
        1 => FenceStatus::Tried,
        2 => FenceStatus::Confirmed,
        3 => FenceStatus::Cancelled,
        4 => FenceStatus::Suspended,
        other => return Err(Fault::bug(format!("a fence has the status {other}"))),
    }))
}

/// Transactions that began before `before` and of which a branch has ended here, after `after`.
pub(crate) async fn old_ended(
    tx: &Tx,
    before: Timestamp,
    after: &str,
    limit: u64,
) -> Result<Vec<Xid>, Fault> {
    let select = Query::select()
        .distinct()
        .column("xid")
        .from(TABLE)
        .and_where(Expr::col("xid").lt(xid_floor(before)))
        .and_where(Expr::col("xid").gt(after))
        .and_where(Expr::col("status").ne(FenceStatus::Tried.number()))
        .order_by("xid", Order::Asc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| row.get("xid").map(Xid)).collect()
}

/// Deletes the fences of branches of these transactions that have ended here; how many.
pub(crate) async fn delete_ended(tx: &Tx, xids: &[Xid]) -> Result<u64, Fault> {
    let xids: Vec<String> = xids.iter().map(|x| x.0.clone()).collect();
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("xid").is_in(padded(xids)))
        .and_where(Expr::col("status").ne(FenceStatus::Tried.number()))
        .to_owned();
    tx.exec(&delete).await
}
