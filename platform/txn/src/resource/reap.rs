//! The reaper: deletes marks that have served, and undo of transactions that have committed without this database
//! hearing of it. It asks the coordinator about every transaction whose undo it finds, and never touches one that is
//! not known to have committed, unless nobody has known anything of it for days. It also asks before it deletes the
//! fence of a TCC branch: as long as its transaction is open the branch may be told once more, and without its fence it
//! would not know that it has heard it. A batch at a time, each with time of its own.

use std::sync::Arc;

use kit::TenantCode;
use rpc::{Ctx, Fault, TraceId, Xid};
use shard::{Route, Tx};
use tasks::{TaskKind, Tasks};
use tokio::time::Instant;

use super::Resource;
use crate::model::{Status, XidParts};
use crate::store::{fence, undo};

const REAPER: TaskKind = TaskKind::new("txn.reaper").restarting();
/// Transactions, or undo rows, in one look.
const BATCH: u64 = 500;

/// What the reaper has deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Marks of rolled back branches, and fences of TCC branches.
    pub marks: u64,
    /// Transactions whose undo was left behind.
    pub undo: u64,
}

impl Resource {
    /// Starts the reaper of this database.
    ///
    /// # Errors
    /// When the platform's own tenant code does not hold, which it does.
    pub fn start(&self, tasks: &Tasks) -> Result<(), Fault> {
        let platform: TenantCode = "platform".parse().map_err(Fault::internal)?;
        let resource = self.clone();
        tasks.spawn_restarting(REAPER, move || {
            let (resource, platform) = (resource.clone(), platform.clone());
            async move { resource.reap_for_ever(platform).await }
        });
        Ok(())
    }

    async fn reap_for_ever(&self, platform: TenantCode) -> Result<(), Fault> {
        loop {
            tokio::time::sleep(self.0.options.reap_every).await;
            let trace = TraceId::from_random(1, 1);
            let ctx = Ctx::system(platform.clone(), "txn.reaper", self.0.options.local_max, trace);
            if let Err(fault) = self.reap(&ctx).await {
                tracing::warn!(error = ?fault, "the reaper failed; it goes on next time");
            }
        }
    }

    /// Reaps once, in every logical database. Each batch has the time of a branch, whatever the caller's deadline.
    ///
    /// # Errors
    /// When a database or the coordinator fails; the other databases are reaped all the same.
    pub async fn reap(&self, ctx: &Ctx) -> Result<Reaped, Fault> {
        let mut all = Reaped::default();
        let mut failed = None;
        for db in self.0.db.databases() {
            if let Err(fault) = self.reap_db(ctx, db, &mut all).await {
                failed.get_or_insert(fault);
            }
        }
        failed.map_or(Ok(all), Err)
    }

    async fn reap_db(&self, ctx: &Ctx, db: u8, all: &mut Reaped) -> Result<(), Fault> {
        all.marks += self.purge_marks(ctx, db).await?;
        all.marks += self.purge_fences(ctx, db).await?;
        all.undo += self.purge_undo(ctx, db).await?;
        Ok(())
    }

    /// For one batch.
    fn batch_ctx(&self, ctx: &Ctx) -> Ctx {
        Ctx { deadline: Instant::now() + self.0.options.local_max, ..ctx.clone() }
    }

    async fn purge_marks(&self, ctx: &Ctx, db: u8) -> Result<u64, Fault> {
        let before = self.0.db.clock().now().minus(self.0.options.keep_marks);
        let mut purged = 0;
        loop {
            let ctx = &self.batch_ctx(ctx);
            let look = move |tx: Tx| async move { undo::old_marks(&tx, before, BATCH).await };
            let xids = Arc::new(self.0.db.read_one(ctx, Route::Db(db), look).await?);
            if xids.is_empty() {
                return Ok(purged);
            }
            let body = move |tx: Tx| {
                let xids = Arc::clone(&xids);
                async move { undo::delete_marks(&tx, &xids).await }
            };
            let deleted = self.0.db.tx_one(ctx, Route::Db(db), body).await?;
            if deleted == 0 {
                // another process is at it
                return Ok(purged);
            }
            purged += deleted;
        }
    }

    async fn purge_fences(&self, ctx: &Ctx, db: u8) -> Result<u64, Fault> {
        let before = self.0.db.clock().now().minus(self.0.options.keep_marks);
        let mut after: Arc<str> = "".into();
        let mut purged = 0;
        loop {
            let ctx = &self.batch_ctx(ctx);
            let from = Arc::clone(&after);
            let look = move |tx: Tx| {
                let from = Arc::clone(&from);
                async move { fence::old_ended(&tx, before, &from, BATCH).await }
            };
            let xids = self.0.db.read_one(ctx, Route::Db(db), look).await?;
            let Some(last) = xids.last() else { return Ok(purged) };
            after = last.0.as_str().into();
            let standing = self.0.coordinator.status(ctx, xids.clone()).await?;
            let over = xids.into_iter().zip(standing);
            let over = over.filter(|(_, standing)| standing.is_none_or(|s| s.status.is_final()));
            let over: Arc<Vec<Xid>> = Arc::new(over.map(|(xid, _)| xid).collect());
            if over.is_empty() {
                continue;
            }
            let body = move |tx: Tx| {
                let xids = Arc::clone(&over);
                async move { fence::delete_ended(&tx, &xids).await }
            };
            purged += self.0.db.tx_one(ctx, Route::Db(db), body).await?;
        }
    }

    async fn purge_undo(&self, ctx: &Ctx, db: u8) -> Result<u64, Fault> {
        let now = self.0.db.clock().now();
        let (before, unknown) =
            (now.minus(self.0.options.reap_after), now.minus(self.0.options.keep_unknown));
        let mut after: Arc<str> = "".into();
        let mut reaped = 0;
        loop {
            let ctx = &self.batch_ctx(ctx);
            let from = Arc::clone(&after);
            let look = move |tx: Tx| {
                let from = Arc::clone(&from);
                async move { undo::old_normal(&tx, before, &from, BATCH).await }
            };
            let left = self.0.db.read_one(ctx, Route::Db(db), look).await?;
            let Some(last) = left.last() else { return Ok(reaped) };
            after = last.xid.as_str().into();
            let mut xids: Vec<Xid> = left.iter().map(crate::model::BranchId::xid).collect();
            xids.dedup();
            let standing = self.0.coordinator.status(ctx, xids.clone()).await?;
            let is_over = |xid: &Xid| XidParts::of(xid).is_none_or(|p| p.begun < unknown);
            let committed =
                xids.into_iter().zip(standing).filter(|(xid, standing)| match standing {
                    Some(standing) => standing.status == Status::Committed,
                    None => is_over(xid),
                });
            let committed: Vec<Xid> = committed.map(|(xid, _)| xid).collect();
            if !committed.is_empty() {
                reaped += committed.len() as u64;
                tracing::warn!(
                    database = self.name(),
                    db,
                    transactions = committed.len(),
                    "undo of committed transactions was left behind and is deleted"
                );
                self.release(ctx, db, committed).await?;
            }
        }
    }
}
