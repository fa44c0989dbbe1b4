//! The undo log of a logical database.

use kit::Timestamp;
use rpc::{Fault, Xid};
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Tx, padded};

use crate::model::{BranchId, xid_floor};

const TABLE: &str = "undo_log";

/// What an undo row says of its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UndoStatus {
    /// The branch has committed locally and can be undone.
    Normal,
    /// The branch was rolled back before it had committed locally, and must not any more.
    Guard,
    /// The branch is undone.
    RolledBack,
}

impl UndoStatus {
    const fn number(self) -> i64 {
        match self {
            Self::Normal => 0,
            Self::Guard => 1,
            Self::RolledBack => 2,
        }
    }
}

/// Inserts a row; `false` when the branch has one.
pub(crate) async fn insert(
    tx: &Tx,
    id: &BranchId,
    status: UndoStatus,
    images: &str,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(["xid", "branch", "status", "images", "created_at"])
        .values_panic([
            id.xid.as_str().into(),
            i64::from(id.seq).into(),
            status.number().into(),
            images.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// The row of a branch, kept from everybody else until this transaction ends.
pub(crate) async fn lock(tx: &Tx, id: &BranchId) -> Result<Option<(UndoStatus, String)>, Fault> {
    let select = Query::select()
        .columns(["status", "images"])
        .from(TABLE)
        .and_where(Expr::col("xid").eq(id.xid.as_str()))
        .and_where(Expr::col("branch").eq(i64::from(id.seq)))
        .lock_exclusive()
        .to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    let status = match row.get::<i64>("status")? {
        0 => UndoStatus::Normal,
        1 => UndoStatus::Guard,
        2 => UndoStatus::RolledBack,
        other => return Err(Fault::bug(format!("an undo row has the status {other}"))),
    };
    Ok(Some((status, row.get("images")?)))
}

/// Marks a branch as undone. The images are not needed any more; the row stays, so that a second rollback knows.
pub(crate) async fn mark_rolled_back(tx: &Tx, id: &BranchId) -> Result<(), Fault> {
    let update = Query::update()
        .table(TABLE)
        .value("status", UndoStatus::RolledBack.number())
        .value("images", "")
        .and_where(Expr::col("xid").eq(id.xid.as_str()))
        .and_where(Expr::col("branch").eq(i64::from(id.seq)))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Deletes the undo of transactions that have committed. Guards and what was rolled back stay.
pub(crate) async fn delete_committed(tx: &Tx, xids: &[Xid]) -> Result<u64, Fault> {
    let xids: Vec<String> = xids.iter().map(|x| x.0.clone()).collect();
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("xid").is_in(padded(xids)))
        .and_where(Expr::col("status").eq(UndoStatus::Normal.number()))
        .to_owned();
    tx.exec(&delete).await
}

/// Transactions that began before `before` and still have undo here, after `after`.
pub(crate) async fn old_normal(
    tx: &Tx,
    before: Timestamp,
    after: &str,
    limit: u64,
) -> Result<Vec<BranchId>, Fault> {
    let select = Query::select()
        .columns(["xid", "branch"])
        .from(TABLE)
        .and_where(Expr::col("xid").lt(xid_floor(before)))
        .and_where(Expr::col("xid").gt(after))
        .and_where(Expr::col("status").eq(UndoStatus::Normal.number()))
        .order_by("xid", Order::Asc)
        .order_by("branch", Order::Asc)
        .limit(limit)
        .to_owned();
    let read = |row: &shard::Row| Ok(BranchId { xid: row.get("xid")?, seq: row.get("branch")? });
    tx.all(&select).await?.iter().map(read).collect()
}

/// Transactions that began before `before` and have guards or marks here.
pub(crate) async fn old_marks(tx: &Tx, before: Timestamp, limit: u64) -> Result<Vec<Xid>, Fault> {
    let select = Query::select()
        .distinct()
        .column("xid")
        .from(TABLE)
        .and_where(Expr::col("xid").lt(xid_floor(before)))
        .and_where(Expr::col("status").ne(UndoStatus::Normal.number()))
        .order_by("xid", Order::Asc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| row.get("xid").map(Xid)).collect()
}

/// Deletes the guards and marks of these transactions; how many.
pub(crate) async fn delete_marks(tx: &Tx, xids: &[Xid]) -> Result<u64, Fault> {
    let xids: Vec<String> = xids.iter().map(|x| x.0.clone()).collect();
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("xid").is_in(padded(xids)))
        .and_where(Expr::col("status").ne(UndoStatus::Normal.number()))
        .to_owned();
    tx.exec(&delete).await
}
