//! Telling branches of commits, in batches: one worker for each logical database and kind takes all that has come since
//! it asked last, so that one database which hangs keeps nobody else waiting. TCC branches are confirmed first, the undo
//! of AT branches is deleted after. A queue that is full drops what comes, and the timer finds it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rpc::{Fault, Xid};
use shard::Route;
use tasks::TaskKind;
use tokio::sync::{mpsc, oneshot};

use super::Inner;
use super::drive::{self, Progress};
use super::marks::{Mark, Marks};
use super::options::Options;
use crate::api::{Outcome, ToFinish};
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
    /// Branches that are done, until that is stored.
    done: Mutex<Vec<u32>>,
    confirmed: Mutex<Option<oneshot::Sender<()>>>,
    _mark: Mark,
}

struct Piece {
    job: Arc<Job>,
    branch: ToFinish,
}

/// A resource, the number of its logical database, and how branches are finished there.
type Key = (String, u8, Kind);

pub(super) struct Queues {
    workers: Mutex<BTreeMap<Key, mpsc::Sender<Piece>>>,
    finished: mpsc::Sender<Xid>,
    /// Transactions that this instance is telling of, so that its timer does not begin with them once more.
    telling: Marks,
    queue_max: usize,
}

impl Queues {
    pub(super) fn new(options: &Options) -> (Self, mpsc::Receiver<Xid>) {
        let (finished, receive) = mpsc::channel(options.queue_max);
        let workers = Mutex::default();
        let telling = Marks::default();
        (Self { workers, finished, telling, queue_max: options.queue_max }, receive)
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

/// Begins to tell the branches of a transaction; the answer is when its TCC branches have confirmed. `None` when this
/// instance is telling them already.
pub(super) fn submit(inner: &Arc<Inner>, row: &globals::Row) -> Option<oneshot::Receiver<()>> {
    let mark = inner.commits.telling.mark(&row.xid)?;
    let (send, receive) = oneshot::channel();
    let open = row.branches.iter().filter(|b| b.state != BranchState::Done);
    let (first, later): (Vec<_>, Vec<_>) = open.partition(|b| b.kind == Kind::Tcc);
    let job = Arc::new(Job {
        xid: row.xid.clone(),
        attempts: row.attempts,
        unconfirmed: AtomicUsize::new(first.len()),
        open: AtomicUsize::new(first.len() + later.len()),
        later: Mutex::default(),
        done: Mutex::default(),
        confirmed: Mutex::new(Some(send)),
        _mark: mark,
    });
    let named = |b: &crate::model::Branch| (b.resource.clone(), drive::to_finish(row, b.clone()));
    let later: Vec<_> = later.into_iter().map(named).collect();
    if first.is_empty() {
        job.confirm();
        if later.is_empty() {
            let _ = inner.commits.finished.try_send(job.xid.clone());
        }
        queue_all(inner, &job, later);
        return Some(receive);
    }
    *job.later.lock().unwrap_or_else(PoisonError::into_inner) = later;
    queue_all(inner, &job, first.into_iter().map(named).collect());
    Some(receive)
}

fn queue_all(inner: &Arc<Inner>, job: &Arc<Job>, branches: Vec<(String, ToFinish)>) {
    for (resource, branch) in branches {
        let key = (resource, branch.cell.db, branch.kind);
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
    (resource, _, kind): &Key,
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
        let branches = batch.iter().map(|piece| piece.branch.clone()).collect();
        let asked = drive::Asked { decision: Decision::Commit, accept: false };
        let outcomes = drive::tell(inner, &inner.ctx(), resource, asked, branches).await;
        inner.faults.hit("commit.after_branch").await?;
        settle(inner, batch, outcomes).await?;
    }
    Ok(())
}

async fn settle(
    inner: &Arc<Inner>,
    batch: Vec<Piece>,
    outcomes: Vec<Outcome>,
) -> Result<(), Fault> {
    let mut again: BTreeMap<(u32, String), Vec<Xid>> = BTreeMap::new();
    for (piece, outcome) in batch.into_iter().zip(outcomes) {
        let job = piece.job;
        if outcome == Outcome::Done {
            let later = job.done(&piece.branch);
            queue_all(inner, &job, later);
            if job.open.load(Ordering::Acquire) == 0 {
                // dropped, it is told once more and answers the same
                let _ = inner.commits.finished.try_send(job.xid.clone());
            }
            continue;
        }
        let done = job.take_done();
        match outcome {
            // many of one reason are one statement
            Outcome::Retry(why) if done.is_empty() => {
                again.entry((job.attempts, why)).or_default().push(job.xid.clone());
            }
            stopped => {
                let progress = Progress { done, stopped: Some((piece.branch.id.seq, stopped)) };
                drive::store(inner, &job.xid, job.attempts, progress).await?;
            }
        }
    }
    for ((attempts, why), xids) in again {
        store_again(inner, attempts, why, xids).await?;
    }
    Ok(())
}

/// Stores that transactions have to be told once more.
async fn store_again(
    inner: &Inner,
    attempts: u32,
    why: String,
    mut xids: Vec<Xid>,
) -> Result<(), Fault> {
    xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    xids.dedup();
    let (transactions, attempts) = (xids.len(), attempts + 1);
    if attempts >= inner.options.alert_after {
        let first = xids.first().map_or("", |xid| xid.0.as_str());
        tracing::error!(
            transactions,
            xid = first,
            attempts,
            note = why,
            "branches cannot be told of their commit for long"
        );
    } else {
        tracing::warn!(
            transactions,
            attempts,
            note = why,
            "branches could not be told of their commit"
        );
    }
    let pause = inner.options.pause(attempts, inner.random());
    let next_at = Some(inner.db.clock().now().plus(pause));
    let to = globals::Move { to: Status::CommitRetrying, next_at, note: Some(why) };
    move_all(inner, xids, to).await
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
    fn done(&self, branch: &ToFinish) -> Vec<(String, ToFinish)> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(branch.id.seq);
        self.open.fetch_sub(1, Ordering::AcqRel);
        if branch.kind == Kind::Tcc && self.unconfirmed.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.confirm();
            return std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Vec::new()
    }

    /// The branches that are done since this was asked last.
    fn take_done(&self) -> Vec<u32> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
