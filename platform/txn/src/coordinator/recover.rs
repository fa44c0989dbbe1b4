//! The timer: takes up what nobody has ended in time, and forgets what has ended. One instance has it at a time, by a
//! lease; and because one that was stopped may believe in a lease that is over, the lease's fence is compared in the
//! very transaction that takes something up.

use std::sync::Arc;

use kit::ErrorCode;
use rpc::{Fault, Xid};
use shard::{Route, Tx};
use tasks::TaskKind;

use super::options::jitter;
use super::{Inner, commits, decide, drive};
use crate::model::{Decision, Status};
use crate::store::globals;
use crate::store::leases::{self, Fence};

const TIMER: TaskKind = TaskKind::new("txn.timer").restarting();
const LEASE: &str = "timer";
/// Batches of forgotten transactions in one tick.
const FORGET_BATCHES_MAX: usize = 50;

pub(super) fn start(inner: &Arc<Inner>) {
    let shared = Arc::clone(inner);
    inner.tasks.spawn_restarting(TIMER, move || {
        let inner = Arc::clone(&shared);
        async move { run(&inner).await }
    });
}

async fn run(inner: &Arc<Inner>) -> Result<(), Fault> {
    let mut had = None;
    loop {
        tokio::time::sleep(jitter(inner.options.tick, inner.random())).await;
        let turn = match lease(inner).await {
            Ok(Some(fence)) => {
                let is_new = had != Some(fence);
                had = Some(fence);
                turn(inner, fence, is_new).await
            }
            Ok(None) => {
                // whoever has it counts them
                metrics::gauge!("txn_parked").set(0);
                Ok(())
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = turn {
            tracing::warn!(error = ?fault, "the timer of transactions failed; it goes on at the next tick");
        }
        // what this instance remembers of transactions that were decided elsewhere
        inner.begun.remove_before(inner.db.clock().now().minus(inner.options.timeout_max));
    }
}

async fn lease(inner: &Arc<Inner>) -> Result<Option<Fence>, Fault> {
    let (owner, lease) = (inner.owner.clone(), inner.options.lease);
    let body = move |tx: Tx| {
        let owner = owner.clone();
        async move { leases::take(&tx, LEASE, &owner, tx.now().plus(lease)).await }
    };
    inner.db.tx(&inner.ctx(), Route::Whole, body).await
}

async fn turn(inner: &Arc<Inner>, fence: Fence, is_new: bool) -> Result<(), Fault> {
    let limit = inner.options.recover_batch;
    let look = move |tx: Tx| async move { globals::due(&tx, limit).await };
    let mut xids = inner.db.read_one(&inner.ctx(), Route::Whole, look).await?;
    if is_new {
        // whoever had the timer before may have died with commits that nobody was told of
        let look = move |tx: Tx| async move { globals::untold(&tx, limit).await };
        xids.extend(inner.db.read_one(&inner.ctx(), Route::Whole, look).await?);
    }
    xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    xids.dedup();
    if !xids.is_empty() {
        inner.faults.hit("timer.before_claim").await?;
        for claimed in claim(inner, fence, xids).await? {
            take_up(inner, claimed);
        }
    }
    forget(inner).await?;
    let count = |tx: Tx| async move { globals::parked(&tx).await };
    let parked = inner.db.read_one(&inner.ctx(), Route::Whole, count).await?;
    metrics::gauge!("txn_parked").set(u32::try_from(parked).unwrap_or(u32::MAX));
    Ok(())
}

/// A transaction that is ours for a while, and how it was found.
struct Claimed {
    row: globals::Row,
    was: Status,
}

/// Makes these transactions ours for a while, and decides those whose time is over. Those that somebody has locked are
/// left to the next tick: he may have been stopped, and nobody else must wait for that. Also those that are told at this
/// moment are put off, or they would stand before all others each time.
async fn claim(inner: &Arc<Inner>, fence: Fence, xids: Vec<Xid>) -> Result<Vec<Claimed>, Fault> {
    let (xids, redrive) = (Arc::new(xids), inner.options.redrive);
    let body = move |tx: Tx| {
        let xids = Arc::clone(&xids);
        async move {
            if !leases::holds(&tx, LEASE, fence).await? {
                let text = "another instance has the timer by now";
                return Err(Fault::new(ErrorCode::Unavailable, text));
            }
            let (mut claimed, mut put_off) = (Vec::new(), Vec::new());
            for (xid, row) in globals::lock_free(&tx, &xids).await? {
                let mut row = match row {
                    Ok(row) => row,
                    Err(fault) => {
                        tracing::error!(xid = xid.0, error = ?fault, "a transaction cannot be read and stays as it is");
                        put_off.push(xid);
                        continue;
                    }
                };
                if row.status == Status::Begin && row.deadline <= tx.now() {
                    decide::begin_end(&tx, &mut row, Decision::Rollback, redrive);
                    globals::put(&tx, Status::Begin, &row).await?;
                    claimed.push(Claimed { row, was: Status::Begin });
                } else if row.status.is_driven() {
                    put_off.push(xid);
                    let was = row.status;
                    claimed.push(Claimed { row, was });
                }
            }
            if !put_off.is_empty() {
                globals::look_again(&tx, &put_off, tx.now().plus(redrive)).await?;
            }
            Ok(claimed)
        }
    };
    inner.db.tx(&inner.ctx(), Route::Whole, body).await
}

fn take_up(inner: &Arc<Inner>, Claimed { row, was }: Claimed) {
    inner.begun.remove(&row.xid);
    if was == Status::Begin {
        decide::count(&row);
        tracing::info!(xid = row.xid.0, tenant = %row.tenant, "a transaction took too long and is rolled back");
    }
    let is_taken_up = if row.status.decision() == Some(Decision::Commit) {
        commits::submit(inner, &row).is_some()
    } else {
        drive::spawn_rollback(inner, row).is_some()
    };
    if is_taken_up {
        metrics::counter!("txn_taken_up_total").increment(1);
    }
}

async fn forget(inner: &Arc<Inner>) -> Result<(), Fault> {
    let limit = inner.options.recover_batch;
    for _ in 0..FORGET_BATCHES_MAX {
        let before = inner.db.clock().now().minus(inner.options.keep);
        let look = move |tx: Tx| async move { globals::ended(&tx, before, limit).await };
        let mut xids = inner.db.read_one(&inner.ctx(), Route::Whole, look).await?;
        if xids.is_empty() {
            break;
        }
        xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let xids = Arc::new(xids);
        let body = move |tx: Tx| {
            let xids = Arc::clone(&xids);
            async move { globals::forget(&tx, &xids).await }
        };
        inner.db.tx_one(&inner.ctx(), Route::Whole, body).await?;
    }
    Ok(())
}
