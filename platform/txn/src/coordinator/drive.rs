//! Driving a rollback: branches are undone one after another, the last first, and what came of it is stored in one
//! transaction. Locks go with the last branch; what cannot be undone keeps them. Also the slow way of a commit, one
//! transaction at a time, for those that an operator sends on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rpc::{Ctx, Fault, Xid};
use shard::{Route, Tx};
use tasks::TaskKind;
use tokio::sync::{Semaphore, oneshot};

use super::marks::{Mark, Marks};
use super::options::Options;
use super::{Inner, decide};
use crate::api::{Decided, Finish, Outcome, ToFinish};
use crate::model::{Branch, BranchId, BranchState, Decision, Kind, Status};
use crate::store::{globals, locks};

const ROLLBACK: TaskKind = TaskKind::new("txn.rollback");
/// How many may wait for one that is rolled back.
const WAITING: usize = 8;

/// How far a drive has come.
pub(super) struct Progress {
    pub(super) done: Vec<u32>,
    pub(super) stopped: Option<(u32, Outcome)>,
}

/// What a participant is asked to do.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) decision: Decision,
    /// An operator leaves the rows as they are.
    pub(super) accept: bool,
}

/// Who is rolled back, and where. Each logical database has a line of its own: one that hangs keeps only those waiting
/// who need it, and so many of them at most.
pub(super) struct Rollbacks {
    /// Transactions that this instance is rolling back.
    rolling: Marks,
    lines: Mutex<BTreeMap<(String, u8), Arc<Line>>>,
    at_a_time: usize,
}

struct Line {
    /// Those who wait, and those who are being rolled back.
    places: Semaphore,
    turns: Semaphore,
}

impl Rollbacks {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            rolling: Marks::default(),
            lines: Mutex::default(),
            at_a_time: options.rollbacks_max,
        }
    }

    fn line(&self, branch: &Branch) -> Arc<Line> {
        let key = (branch.resource.clone(), branch.cell.db);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(key).or_insert_with(|| {
            Arc::new(Line {
                places: Semaphore::new(self.at_a_time.saturating_mul(1 + WAITING)),
                turns: Semaphore::new(self.at_a_time),
            })
        });
        Arc::clone(line)
    }
}

/// Rolls a transaction back in a task of its own, so that nobody's deadline cuts it off. One that is being rolled back
/// by this instance already is left to that: `None`.
pub(super) fn spawn_rollback(
    inner: &Arc<Inner>,
    row: globals::Row,
) -> Option<oneshot::Receiver<Option<Decided>>> {
    let mark = inner.rollbacks.rolling.mark(&row.xid)?;
    Some(spawn(inner, row, None, Some(mark)))
}

/// Rolls a transaction back for an operator, whoever else is at it. `accepted` is a branch whose rows he leaves as they
/// are.
pub(super) fn spawn_resolved(
    inner: &Arc<Inner>,
    row: globals::Row,
    accepted: Option<Branch>,
) -> oneshot::Receiver<Option<Decided>> {
    let mark = inner.rollbacks.rolling.mark(&row.xid);
    spawn(inner, row, accepted, mark)
}

fn spawn(
    inner: &Arc<Inner>,
    row: globals::Row,
    accepted: Option<Branch>,
    mark: Option<Mark>,
) -> oneshot::Receiver<Option<Decided>> {
    let (send, receive) = oneshot::channel();
    let shared = Arc::clone(inner);
    inner.tasks.spawn(ROLLBACK, async move {
        let result = roll_back(&shared, row, accepted).await;
        if let Err(fault) = &result {
            tracing::warn!(error = ?fault, "a rollback was cut off; the timer takes it up");
        }
        drop(mark);
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
    let progress = tell_all(inner, &row, Decision::Rollback, accepted.as_ref()).await?;
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
    let progress = tell_all(inner, &row, Decision::Commit, accepted.as_ref()).await?;
    store(inner, &row.xid, row.attempts, progress).await
}

/// The branches in the sequence in which they are told: of a rollback backwards, of a commit attempts before undo.
pub(super) fn in_sequence(row: &globals::Row, decision: Decision) -> Vec<Branch> {
    let mut branches = row.branches.clone();
    match decision {
        Decision::Commit => branches.sort_by_key(|b| (b.kind == Kind::At, b.seq)),
        Decision::Rollback => branches.reverse(),
    }
    branches
}

async fn tell_all(
    inner: &Arc<Inner>,
    row: &globals::Row,
    decision: Decision,
    accepted: Option<&Branch>,
) -> Result<Progress, Fault> {
    let mut progress = Progress { done: Vec::new(), stopped: None };
    let branches = in_sequence(row, decision);
    for branch in branches.into_iter().filter(|b| b.state != BranchState::Done) {
        inner.faults.hit("branch.before").await?;
        let seq = branch.seq;
        let asked = Asked { decision, accept: accepted.is_some_and(|a| a.seq == seq) };
        let outcome = tell_one(inner, row, branch, asked).await?;
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

async fn tell_one(
    inner: &Inner,
    row: &globals::Row,
    branch: Branch,
    asked: Asked,
) -> Result<Outcome, Fault> {
    let line = inner.rollbacks.line(&branch);
    let _turn = if asked.decision == Decision::Rollback {
        let Ok(place) = line.places.try_acquire() else {
            let text = format!("too many wait to be rolled back in {}", branch.resource);
            return Ok(Outcome::Retry(text));
        };
        Some((place, line.turns.acquire().await.map_err(Fault::internal)?))
    } else {
        None
    };
    let resource = branch.resource.clone();
    let ctx = inner.ctx_within(inner.options.rollback_within(row.attempts));
    let mut outcomes = tell(inner, &ctx, &resource, asked, vec![to_finish(row, branch)]).await;
    let nothing = || Outcome::Retry(format!("{resource} said nothing"));
    Ok(outcomes.pop().unwrap_or_else(nothing))
}

/// Tells branches of one resource; one outcome for each.
pub(super) async fn tell(
    inner: &Inner,
    ctx: &Ctx,
    resource: &str,
    asked: Asked,
    branches: Vec<ToFinish>,
) -> Vec<Outcome> {
    let n = branches.len();
    let Some(participant) = inner.participant(resource) else {
        // a resource that is gone for good has no rows that anybody could put right
        if asked.accept {
            return vec![Outcome::Done; n];
        }
        return vec![Outcome::Retry(format!("nobody serves {resource}")); n];
    };
    let Asked { decision, accept } = asked;
    let finish = Finish { resource: resource.to_owned(), decision, accept, branches };
    match participant.finish(ctx, finish).await {
        Ok(outcomes) if outcomes.len() == n => outcomes,
        Ok(_) => vec![Outcome::Retry(format!("{resource} did not answer for every branch")); n],
        Err(fault) => vec![Outcome::Retry(format!("{resource}: {fault:?}")); n],
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
pub(super) async fn store(
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
            if was.is_parked() {
                // one branch waits for an operator; what is done of the others need not be done again
                note_done(&mut row, &progress);
            } else if was.is_driven() {
                advance(&tx, &mut row, &progress, pause);
            } else {
                return Ok::<_, Fault>((row, was));
            }
            globals::put(&tx, was, &row).await?;
            if row.status == Status::RolledBack {
                locks::release(&tx, &xid).await?;
            }
            Ok((row, was))
        }
    };
    let (stored, was) = inner.db.tx(&inner.ctx(), Route::Whole, body).await?;
    if stored.status.is_final() {
        inner.lines.released(&stored.xid);
    }
    if !was.is_parked() {
        alert(inner, &stored);
    }
    Ok((&stored).into())
}

fn note_done(row: &mut globals::Row, progress: &Progress) {
    for branch in &mut row.branches {
        if progress.done.contains(&branch.seq) {
            branch.state = BranchState::Done;
        }
    }
}

fn advance(tx: &Tx, row: &mut globals::Row, progress: &Progress, pause: std::time::Duration) {
    note_done(row, progress);
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
