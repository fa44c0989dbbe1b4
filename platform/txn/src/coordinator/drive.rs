//! Driving a rollback: branches are undone one after another, the last first, and what came of it is stored in one
//! transaction. Locks go with the last branch; what cannot be undone keeps them. Also the slow way of a commit, one
//! transaction at a time, for those that an operator sends on.

use std::sync::Arc;

use rpc::{Fault, Xid};
use shard::{Route, Tx};
use tasks::TaskKind;
use tokio::sync::oneshot;

use super::{Inner, decide};
use crate::api::{Decided, Finish, Outcome, ToFinish};
use crate::model::{Branch, BranchId, BranchState, Decision, Kind, Status};
use crate::store::{globals, locks};

const ROLLBACK: TaskKind = TaskKind::new("txn.rollback");

/// How far a drive has come.
struct Progress {
    done: Vec<u32>,
    stopped: Option<(u32, Outcome)>,
}

/// Rolls a transaction back in a task of its own, so that nobody's deadline cuts it off. `accepted` is a branch whose
/// rows an operator leaves as they are.
pub(super) fn spawn_rollback(
    inner: &Arc<Inner>,
    row: globals::Row,
    accepted: Option<Branch>,
) -> oneshot::Receiver<Option<Decided>> {
    let (send, receive) = oneshot::channel();
    let shared = Arc::clone(inner);
    inner.tasks.spawn(ROLLBACK, async move {
        let result = roll_back(&shared, row, accepted).await;
        if let Err(fault) = &result {
            tracing::warn!(error = ?fault, "a rollback was cut off; the timer takes it up");
        }
        // Whoever has asked may have stopped waiting.
        let _ = send.send(result.ok());
        Ok::<_, Fault>(())
    });
    receive
}

async fn roll_back(
    inner: &Arc<Inner>,
    row: globals::Row,
    accepted: Option<Branch>,
) -> Result<Decided, Fault> {
    let _turn = inner.rollbacks.acquire().await.map_err(Fault::internal)?;
    let mut branches = row.branches.clone();
    branches.reverse();
    let progress = tell_all(inner, &row, branches, Decision::Rollback, accepted.as_ref()).await?;
    inner.faults.hit("rollback.before_store").await?;
    let decided = store(inner, &row.xid, row.attempts, progress).await?;
    inner.faults.hit("rollback.after_store").await?;
    Ok(decided)
}

/// Tells the branches of one transaction of its commit, one after the other, and stores what came of it.
pub(super) async fn finish_commit(
    inner: &Arc<Inner>,
    row: globals::Row,
    accepted: Option<Branch>,
) -> Result<Decided, Fault> {
    let mut branches = row.branches.clone();
    branches.sort_by_key(|b| (b.kind == Kind::At, b.seq));
    let progress = tell_all(inner, &row, branches, Decision::Commit, accepted.as_ref()).await?;
    store(inner, &row.xid, row.attempts, progress).await
}

/// Stores that one branch of a transaction cannot go on.
pub(super) async fn store_stop(
    inner: &Arc<Inner>,
    xid: &Xid,
    seq: u32,
    why: Outcome,
) -> Result<(), Fault> {
    let progress = Progress { done: Vec::new(), stopped: Some((seq, why)) };
    store(inner, xid, 0, progress).await.map(|_| ())
}

async fn tell_all(
    inner: &Arc<Inner>,
    row: &globals::Row,
    branches: Vec<Branch>,
    decision: Decision,
    accepted: Option<&Branch>,
) -> Result<Progress, Fault> {
    let mut progress = Progress { done: Vec::new(), stopped: None };
    for branch in branches.into_iter().filter(|b| b.state != BranchState::Done) {
        inner.faults.hit("branch.before").await?;
        let seq = branch.seq;
        let accept = accepted.is_some_and(|a| a.seq == seq);
        let outcome = tell(inner, row, branch, decision, accept).await;
        inner.faults.hit("branch.after").await?;
        if outcome == Outcome::Done {
            progress.done.push(seq);
        } else {
            progress.stopped = Some((seq, outcome));
            break;
        }
    }
    Ok(progress)
}

async fn tell(
    inner: &Arc<Inner>,
    row: &globals::Row,
    branch: Branch,
    decision: Decision,
    accept: bool,
) -> Outcome {
    let resource = branch.resource.clone();
    let Some(participant) = inner.participant(&resource) else {
        return Outcome::Retry(format!("nobody serves {resource}"));
    };
    let branches = vec![to_finish(row, branch)];
    let finish = Finish { resource: resource.clone(), decision, accept, branches };
    let asked = participant.finish(&inner.ctx(), finish).await;
    match asked {
        Ok(mut outcomes) => {
            outcomes.pop().unwrap_or_else(|| Outcome::Retry(format!("{resource} said nothing")))
        }
        Err(fault) => Outcome::Retry(format!("{resource}: {fault:?}")),
    }
}

pub(super) fn to_finish(row: &globals::Row, branch: Branch) -> ToFinish {
    ToFinish {
        id: BranchId::new(&row.xid, branch.seq),
        tenant: row.tenant.clone(),
        kind: branch.kind,
        cell: branch.cell,
        action: branch.action,
        payload: branch.payload,
    }
}

/// Stores how far a transaction has come. Someone else may have driven it meanwhile, and further.
async fn store(
    inner: &Arc<Inner>,
    xid: &Xid,
    attempts: u32,
    progress: Progress,
) -> Result<Decided, Fault> {
    let (xid, progress) = (xid.clone(), Arc::new(progress));
    let pause = inner.options.pause(attempts + 1, inner.random());
    let body = move |tx: Tx| {
        let (xid, progress) = (xid.clone(), Arc::clone(&progress));
        async move {
            let locked = globals::lock(&tx, &xid).await?;
            let mut row = locked.ok_or_else(|| Fault::not_found("this transaction"))?;
            let was = row.status;
            if !was.is_driven() {
                return Ok::<_, Fault>(row);
            }
            advance(&tx, &mut row, &progress, pause);
            globals::put(&tx, was, &row).await?;
            if row.status == Status::RolledBack {
                locks::release(&tx, &xid).await?;
            }
            Ok(row)
        }
    };
    let stored = inner.db.tx(&inner.ctx(), Route::Whole, body).await?;
    if stored.status.is_final() {
        inner.lines.released(&stored.xid);
    }
    alert(inner, &stored);
    Ok((&stored).into())
}

fn advance(tx: &Tx, row: &mut globals::Row, progress: &Progress, pause: std::time::Duration) {
    for branch in &mut row.branches {
        if progress.done.contains(&branch.seq) {
            branch.state = BranchState::Done;
        }
    }
    let is_commit = row.status.decision() == Some(Decision::Commit);
    row.changed_at = tx.now();
    row.attempts += 1;
    match &progress.stopped {
        Some((seq, Outcome::Failed(why))) => {
            if let Some(branch) = row.branches.iter_mut().find(|b| b.seq == *seq) {
                branch.state = BranchState::Failed;
            }
            row.status = if is_commit { Status::CommitFailed } else { Status::RollbackFailed };
            row.next_at = decide::NEVER;
            row.note = Some(format!("branch {seq}: {why}"));
        }
        Some((seq, Outcome::Retry(why))) => {
            row.status = if is_commit { Status::CommitRetrying } else { Status::RollbackRetrying };
            row.next_at = tx.now().plus(pause);
            row.note = Some(format!("branch {seq}: {why}"));
        }
        Some((_, Outcome::Done)) | None => {
            row.status = if is_commit { Status::Committed } else { Status::RolledBack };
            row.next_at = row.deadline;
            row.note = None;
        }
    }
}

/// What an operator has to know.
fn alert(inner: &Inner, row: &globals::Row) {
    let note = row.note.as_deref().unwrap_or_default();
    if row.status.is_parked() {
        metrics::counter!("txn_parked_total").increment(1);
        tracing::error!(
            xid = row.xid.0, tenant = %row.tenant, status = ?row.status, note,
            "a transaction cannot be ended and waits for an operator, with its locks and its undo"
        );
    } else if row.status.is_driven() {
        let is_long = row.attempts >= inner.options.alert_after;
        if is_long {
            tracing::error!(
                xid = row.xid.0,
                attempts = row.attempts,
                note,
                "a transaction cannot be ended for long"
            );
        } else {
            tracing::warn!(
                xid = row.xid.0,
                attempts = row.attempts,
                note,
                "a transaction is not ended yet"
            );
        }
    }
}
