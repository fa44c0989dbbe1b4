//! Telling branches of commits, in batches: one worker for each resource and kind takes all that has come since it
//! asked last. TCC branches are confirmed first, the undo of AT branches is deleted after. A queue that is full drops
//! what comes, and the timer finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rpc::{Fault, Xid};
use shard::Route;
use tasks::TaskKind;
use tokio::sync::{mpsc, oneshot};

use super::options::Options;
use super::{Inner, drive};
use crate::api::{Finish, Outcome, ToFinish};
use crate::model::{BranchState, Decision, Kind, Status};
use crate::store::globals;

const WORKER: TaskKind = TaskKind::new("txn.commits").restarting();
const FINISHER: TaskKind = TaskKind::new("txn.finisher").restarting();
/// Transactions in one statement.
const FINISHED_MAX: usize = 256;

/// A transaction that is being told.
struct Job {
    xid: Xid,
    attempts: u32,
    /// TCC branches that are not confirmed yet; the AT branches wait for them.
    unconfirmed: AtomicUsize,
    later: Mutex<Vec<(String, ToFinish)>>,
    /// Branches that have not answered.
    open: AtomicUsize,
    confirmed: Mutex<Option<oneshot::Sender<()>>>,
    telling: Telling,
}

/// Transactions that this instance is telling of, so that its timer does not begin with them once more.
type Telling = Arc<Mutex<BTreeSet<String>>>;

impl Drop for Job {
    fn drop(&mut self) {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.xid.0);
    }
}

struct Piece {
    job: Arc<Job>,
    branch: ToFinish,
}

type Key = (String, Kind);

pub(super) struct Queues {
    workers: Mutex<BTreeMap<Key, mpsc::Sender<Piece>>>,
    finished: mpsc::Sender<Xid>,
    telling: Telling,
    queue_max: usize,
}

impl Queues {
    pub(super) fn new(options: &Options) -> (Self, mpsc::Receiver<Xid>) {
        let (finished, receive) = mpsc::channel(options.queue_max);
        let workers = Mutex::default();
        let telling = Telling::default();
        (Self { workers, finished, telling, queue_max: options.queue_max }, receive)
    }

    /// Whether a transaction is being told of.
    pub(super) fn is_telling(&self, xid: &Xid) -> bool {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner).contains(&xid.0)
    }
}

/// Starts what stores that transactions have ended.
pub(super) fn start(inner: &Arc<Inner>, finished: mpsc::Receiver<Xid>) {
    let shared = Arc::clone(inner);
    let finished = Arc::new(tokio::sync::Mutex::new(finished));
    inner.tasks.spawn_restarting(FINISHER, move || {
        let (inner, finished) = (Arc::clone(&shared), Arc::clone(&finished));
        async move {
            let mut finished = finished.lock().await;
            finish(&inner, &mut finished).await
        }
    });
}

async fn finish(inner: &Arc<Inner>, finished: &mut mpsc::Receiver<Xid>) -> Result<(), Fault> {
    let mut xids = Vec::with_capacity(FINISHED_MAX);
    while let Some(first) = finished.recv().await {
        xids.push(first);
        tokio::time::sleep(inner.options.linger).await;
        while xids.len() < FINISHED_MAX
            && let Ok(next) = finished.try_recv()
        {
            xids.push(next);
        }
        inner.faults.hit("commit.before_store").await?;
        let to = globals::Move { to: Status::Committed, next_at: None, note: None };
        move_all(inner, std::mem::take(&mut xids), to).await?;
    }
    Ok(())
}

async fn move_all(inner: &Inner, xids: Vec<Xid>, to: globals::Move) -> Result<(), Fault> {
    let (mut xids, to) = (xids, Arc::new(to));
    // in the sequence of their keys, as everybody locks them
    xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let xids = Arc::new(xids);
    let body = move |tx| {
        let (xids, to) = (Arc::clone(&xids), Arc::clone(&to));
        async move {
            let to = globals::Move { to: to.to, next_at: to.next_at, note: to.note.clone() };
            globals::move_all(&tx, &xids, to).await
        }
    };
    inner.db.tx_one(&inner.ctx(), Route::Whole, body).await
}

/// Begins to tell the branches of a transaction; the answer is when its TCC branches have confirmed.
pub(super) fn submit(inner: &Arc<Inner>, row: &globals::Row) -> oneshot::Receiver<()> {
    let (send, receive) = oneshot::channel();
    let open = row.branches.iter().filter(|b| b.state != BranchState::Done);
    let (first, later): (Vec<_>, Vec<_>) = open.partition(|b| b.kind == Kind::Tcc);
    let job = Arc::new(Job {
        xid: row.xid.clone(),
        attempts: row.attempts,
        unconfirmed: AtomicUsize::new(first.len()),
        open: AtomicUsize::new(first.len() + later.len()),
        later: Mutex::default(),
        confirmed: Mutex::new(Some(send)),
        telling: Arc::clone(&inner.commits.telling),
    });
    job.telling.lock().unwrap_or_else(PoisonError::into_inner).insert(row.xid.0.clone());
    let named = |b: &crate::model::Branch| (b.resource.clone(), drive::to_finish(row, b.clone()));
    let later: Vec<_> = later.into_iter().map(named).collect();
    if first.is_empty() {
        job.confirm();
        if later.is_empty() {
            let _ = inner.commits.finished.try_send(job.xid.clone());
        }
        queue_all(inner, &job, later);
        return receive;
    }
    *job.later.lock().unwrap_or_else(PoisonError::into_inner) = later;
    queue_all(inner, &job, first.into_iter().map(named).collect());
    receive
}

fn queue_all(inner: &Arc<Inner>, job: &Arc<Job>, branches: Vec<(String, ToFinish)>) {
    for (resource, branch) in branches {
        let key = (resource, branch.kind);
        let piece = Piece { job: Arc::clone(job), branch };
        let mut workers = inner.commits.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = workers.entry(key).or_insert_with_key(|key| start_worker(inner, key.clone()));
        if worker.try_send(piece).is_err() {
            metrics::counter!("txn_commits_dropped_total").increment(1);
        }
    }
}

fn start_worker(inner: &Arc<Inner>, key: Key) -> mpsc::Sender<Piece> {
    let (send, receive) = mpsc::channel(inner.commits.queue_max);
    let (shared, receive) = (Arc::clone(inner), Arc::new(tokio::sync::Mutex::new(receive)));
    inner.tasks.spawn_restarting(WORKER, move || {
        let (inner, receive, key) = (Arc::clone(&shared), Arc::clone(&receive), key.clone());
        async move {
            let mut receive = receive.lock().await;
            work(&inner, &key, &mut receive).await
        }
    });
    send
}

async fn work(
    inner: &Arc<Inner>,
    (resource, kind): &Key,
    queue: &mut mpsc::Receiver<Piece>,
) -> Result<(), Fault> {
    let mut batch = Vec::new();
    while let Some(first) = queue.recv().await {
        batch.push(first);
        if *kind == Kind::At {
            tokio::time::sleep(inner.options.linger).await;
        }
        while batch.len() < inner.options.batch_max
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        inner.faults.hit("commit.before_branch").await?;
        let batch = std::mem::take(&mut batch);
        let outcomes = tell(inner, resource, &batch).await;
        inner.faults.hit("commit.after_branch").await?;
        settle(inner, batch, outcomes).await?;
    }
    Ok(())
}

async fn tell(inner: &Inner, resource: &str, batch: &[Piece]) -> Vec<Outcome> {
    let same = |why: String| vec![Outcome::Retry(why); batch.len()];
    let Some(participant) = inner.participant(resource) else {
        return same(format!("nobody serves {resource}"));
    };
    let branches = batch.iter().map(|piece| piece.branch.clone()).collect();
    let (resource_name, decision) = (resource.to_owned(), Decision::Commit);
    let finish = Finish { resource: resource_name, decision, accept: false, branches };
    match participant.finish(&inner.ctx(), finish).await {
        Ok(outcomes) if outcomes.len() == batch.len() => outcomes,
        Ok(_) => same(format!("{resource} did not answer for every branch")),
        Err(fault) => same(format!("{resource}: {fault:?}")),
    }
}

async fn settle(
    inner: &Arc<Inner>,
    batch: Vec<Piece>,
    outcomes: Vec<Outcome>,
) -> Result<(), Fault> {
    let mut again: BTreeMap<u32, (Vec<Xid>, String)> = BTreeMap::new();
    for (piece, outcome) in batch.into_iter().zip(outcomes) {
        let job = piece.job;
        match outcome {
            Outcome::Done => {
                let later = job.done(piece.branch.kind);
                queue_all(inner, &job, later);
                if job.open.load(Ordering::Acquire) == 0 {
                    // dropped, it is told once more and answers the same
                    let _ = inner.commits.finished.try_send(job.xid.clone());
                }
            }
            Outcome::Retry(why) => {
                let (xids, note) = again.entry(job.attempts).or_default();
                xids.push(job.xid.clone());
                *note = why;
            }
            failed @ Outcome::Failed(_) => {
                drive::store_stop(inner, &job.xid, piece.branch.id.seq, failed).await?;
            }
        }
    }
    for (attempts, (mut xids, note)) in again {
        xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        xids.dedup();
        let pause = inner.options.pause(attempts + 1, inner.random());
        tracing::warn!(
            transactions = xids.len(),
            attempts,
            note,
            "branches could not be told of their commit"
        );
        let next_at = Some(inner.db.clock().now().plus(pause));
        let to = globals::Move { to: Status::CommitRetrying, next_at, note: Some(note) };
        move_all(inner, xids, to).await?;
    }
    Ok(())
}

impl Job {
    fn confirm(&self) {
        let waiting = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // Whoever has decided may have stopped waiting.
            let _ = waiting.send(());
        }
    }

    /// Counts a branch that has answered; what may be told next.
    fn done(&self, kind: Kind) -> Vec<(String, ToFinish)> {
        self.open.fetch_sub(1, Ordering::AcqRel);
        if kind == Kind::Tcc && self.unconfirmed.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.confirm();
            return std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Vec::new()
    }
}
