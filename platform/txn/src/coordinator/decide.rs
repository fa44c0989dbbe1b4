//! Deciding: one transaction that locks the global row, looks whether anything was decided, and stores the decision;
//! with a commit it frees the locks as well. Everything after that is driving what is decided.

use std::sync::Arc;

use kit::{ErrorCode, Timestamp};
use rpc::{Ctx, Fault, Xid};
use shard::{Route, Tx};

use super::{Inner, commits, drive};
use crate::api::{Decide, Decided, Resolution, Resolve};
use crate::model::{BranchState, Decision, Kind, Status, XidParts};
use crate::store::{globals, locks};

/// What nobody has to look at any more.
pub(super) const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// What the deciding transaction found and did.
struct Found {
    decided: Decided,
    /// The row, when it was this call that has decided: then this instance drives it.
    ours: Option<globals::Row>,
}

impl From<&globals::Row> for Decided {
    fn from(row: &globals::Row) -> Self {
        Self { status: row.status, timed_out: row.timed_out }
    }
}

pub(super) async fn decide(inner: &Arc<Inner>, ctx: &Ctx, req: Decide) -> Result<Decided, Fault> {
    let parts = XidParts::of(&req.xid).ok_or_else(|| Fault::not_found("this transaction"))?;
    inner.faults.hit("decide.before").await?;
    let (xid, decision) = (req.xid.clone(), req.decision);
    let deciding = Deciding {
        xid: req.xid,
        decision,
        deadline: parts.deadline(),
        redrive: inner.options.redrive,
        tenant: ctx.tenant.clone(),
        request_id: ctx.request_id.clone(),
    };
    let deciding = Arc::new(deciding);
    let body = move |tx| {
        let deciding = Arc::clone(&deciding);
        async move { deciding.run(&tx).await }
    };
    let found = inner.db.tx(ctx, Route::Whole, body).await?;
    inner.begun.remove(&xid);
    let Some(row) = found.ours else { return Ok(found.decided) };
    count(&row);
    if row.status.decision() == Some(Decision::Commit) {
        inner.lines.released(&xid);
    }
    inner.faults.hit("decide.after").await?;
    match row.status {
        Status::Committing => {
            let Some(confirmed) = commits::submit(inner, &row) else { return Ok(found.decided) };
            // He who has decided learns at once that it stands; that TCC branches are confirmed is waited for
            // because they are what he will look at next, and no longer than he has time.
            let _ = tokio::time::timeout(ctx.remaining() / 2, confirmed).await;
            Ok(found.decided)
        }
        Status::RollingBack => {
            let Some(rolled) = drive::spawn_rollback(inner, row) else { return Ok(found.decided) };
            let ended = tokio::time::timeout(ctx.remaining() / 2, rolled).await;
            Ok(ended.ok().and_then(Result::ok).flatten().unwrap_or(found.decided))
        }
        _ => Ok(found.decided),
    }
}

pub(super) fn count(row: &globals::Row) {
    let outcome = match row.status.decision() {
        Some(Decision::Commit) => "commit",
        _ if row.timed_out => "timeout",
        _ => "rollback",
    };
    metrics::counter!("txn_decided_total", "outcome" => outcome).increment(1);
}

struct Deciding {
    xid: Xid,
    decision: Decision,
    deadline: Timestamp,
    redrive: std::time::Duration,
    tenant: kit::TenantCode,
    request_id: String,
}

impl Deciding {
    async fn run(&self, tx: &Tx) -> Result<Found, Fault> {
        loop {
            let Some(mut row) = globals::lock(tx, &self.xid).await? else {
                match self.unknown(tx).await? {
                    Some(found) => return Ok(found),
                    None => continue,
                }
            };
            if row.status != Status::Begin {
                return Ok(Found { decided: (&row).into(), ours: None });
            }
            begin_end(tx, &mut row, self.decision, self.redrive);
            globals::put(tx, Status::Begin, &row).await?;
            let has_locks = row.branches.iter().any(|b| b.locks > 0);
            if row.status.decision() == Some(Decision::Commit) && has_locks {
                locks::release(tx, &self.xid).await?;
            }
            return Ok(Found { decided: (&row).into(), ours: Some(row) });
        }
    }

    /// A transaction that has no row: none of its branches has come here. One that is rolled back leaves a row, so
    /// that a registration which is still on its way is refused. `None` when such a registration was faster.
    async fn unknown(&self, tx: &Tx) -> Result<Option<Found>, Fault> {
        let status = match self.decision {
            Decision::Commit => Status::Committed,
            Decision::Rollback => Status::RolledBack,
        };
        let decided = Decided { status, timed_out: false };
        if tx.now() >= self.deadline {
            return match self.decision {
                Decision::Rollback => Ok(Some(Found { decided, ours: None })),
                // it may have been one that has ended and is forgotten
                Decision::Commit => Err(Fault::not_found("this transaction")),
            };
        }
        if self.decision == Decision::Rollback {
            let mark = globals::Row {
                xid: self.xid.clone(),
                status,
                timed_out: false,
                tenant: self.tenant.clone(),
                request_id: self.request_id.clone(),
                branches: Vec::new(),
                attempts: 0,
                deadline: self.deadline,
                next_at: self.deadline,
                changed_at: tx.now(),
                note: None,
            };
            if !globals::insert(tx, &mark).await? {
                return Ok(None);
            }
        }
        Ok(Some(Found { decided, ours: None }))
    }
}

/// Decides an undecided row. What comes to commit too late is rolled back, as the timer would have done.
pub(super) fn begin_end(
    tx: &Tx,
    row: &mut globals::Row,
    wanted: Decision,
    redrive: std::time::Duration,
) {
    let now = tx.now();
    let is_late = now >= row.deadline;
    row.timed_out = is_late;
    row.changed_at = now;
    row.status = match wanted {
        Decision::Commit if !is_late => Status::Committing,
        _ => Status::RollingBack,
    };
    // When only undo is left to be deleted, nobody waits for it, and the row's time need not be moved forward: that
    // would write the index anew with every transaction.
    let is_urgent =
        row.status == Status::RollingBack || row.branches.iter().any(|b| b.kind == Kind::Tcc);
    if is_urgent {
        row.next_at = now.plus(redrive);
    }
}

/// An operator's word: on a parked transaction, or on one that could not be ended for so long that he was told.
pub(super) async fn resolve(inner: &Arc<Inner>, ctx: &Ctx, req: Resolve) -> Result<Decided, Fault> {
    let (redrive, alert_after) = (inner.options.redrive, inner.options.alert_after);
    let (xid, accept) = (req.xid.clone(), req.resolution == Resolution::Accept);
    let body = move |tx: Tx| {
        let xid = xid.clone();
        async move {
            let row = globals::lock(&tx, &xid).await?;
            let mut row = row.ok_or_else(|| Fault::not_found("this transaction"))?;
            let was = row.status;
            let to = match was.decision() {
                Some(Decision::Commit) => Status::CommitRetrying,
                _ => Status::RollbackRetrying,
            };
            let is_stuck = was == to && row.attempts >= alert_after;
            if !is_stuck && !was.may_resolve_to(to) {
                let text = format!("this transaction does not wait for an operator: it is {was:?}");
                return Err(Fault::new(ErrorCode::Conflict, text));
            }
            row.status = to;
            row.changed_at = tx.now();
            row.next_at = tx.now().plus(redrive);
            globals::put(&tx, was, &row).await?;
            Ok(row)
        }
    };
    let row = inner.db.tx(ctx, Route::Whole, body).await?;
    tracing::warn!(xid = req.xid.0, resolution = ?req.resolution, by = ctx.actor.principal(), "a stuck transaction is resolved");
    let is_commit = row.status.decision() == Some(Decision::Commit);
    let decision = if is_commit { Decision::Commit } else { Decision::Rollback };
    // the one that failed; else the one at which it stopped. The first in the sequence in which they are told: one that
    // stands before the accepted one and has failed too would be met first, each time
    let told = drive::in_sequence(&row, decision);
    let failed = told.iter().find(|b| b.state == BranchState::Failed);
    let stopped = || told.iter().find(|b| b.state != BranchState::Done);
    let accepted = failed.or_else(stopped).filter(|_| accept).cloned();
    let decided = (&row).into();
    if is_commit {
        let ended = drive::finish_commit(inner, row, accepted).await?;
        return Ok(ended);
    }
    let ended = drive::spawn_resolved(inner, row, accepted).await;
    Ok(ended.ok().flatten().unwrap_or(decided))
}
