//! The writer of one file: a thread that takes the transactions that wait, runs each as a savepoint of
//! one transaction, commits once, and only then answers all of them (group commit: DeWitt et al. 1984).
//! It never waits for more work: while one commit is on its way to the disk, the next group gathers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use kit::Timestamp;
use rpc::Fault;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::DbError;
use crate::options::Options;
use crate::schema::{Pending, Schema};
use crate::shards::FolderLock;
use crate::sqlite::run::{batch, lock};
use crate::sqlite::{engine, migrate, open_writer};

/// Whether the physical commit succeeded.
pub(crate) type Commit = Result<(), DbError>;

/// What waits for the writer.
pub(crate) trait Work: Send {
    /// Whether nobody waits for the answer any more, so that it need not begin.
    fn is_abandoned(&self) -> bool;

    /// Does it inside the transaction that is open, and keeps the outcome. Runs again when the engine
    /// rolled the whole group back because of another.
    fn run(&mut self, conn: &Guarded);

    /// Answers. The outcome counts only when the commit succeeded.
    fn finish(self: Box<Self>, commit: Commit);
}

type Job = Box<dyn Work>;

/// Virtual-machine steps between two looks at the clock, about 0.1 ms of work.
const PROGRESS_STEPS: i32 = 10_000;

/// A connection whose statements stop at a deadline.
pub(crate) struct Guarded {
    pub(crate) shared: Arc<Mutex<Connection>>,
    base: Instant,
    // Microseconds after `base`; u64::MAX is no limit.
    limit_us: Arc<AtomicU64>,
}

impl Guarded {
    pub(crate) fn new(conn: Connection) -> Result<Self, DbError> {
        let base = Instant::now();
        let limit_us = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&limit_us);
        let over = move || {
            let limit = limit.load(Ordering::Relaxed);
            limit != u64::MAX && micros_since(base, Instant::now()) > limit
        };
        conn.progress_handler(PROGRESS_STEPS, Some(over)).map_err(engine)?;
        Ok(Self { shared: Arc::new(Mutex::new(conn)), base, limit_us })
    }

    pub(crate) fn limit(&self, deadline: Instant) {
        self.limit_us.store(micros_since(self.base, deadline), Ordering::Relaxed);
    }

    pub(crate) fn unlimited(&self) {
        self.limit_us.store(u64::MAX, Ordering::Relaxed);
    }
}

fn micros_since(base: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(base).as_micros()).unwrap_or(u64::MAX - 1)
}

/// One database file with its writer.
pub(crate) struct File {
    path: Arc<Path>,
    jobs: flume::Sender<Job>,
}

impl File {
    /// What has not run in the file, which need not be there and is not made. Blocks.
    pub(crate) fn pending(
        schema: Schema,
        options: &Options,
        db: u8,
        tables: &[u8],
    ) -> Result<Vec<Pending>, DbError> {
        let done = migrate::done(&file_path(schema, options, db))?;
        schema.pending(&schema.database_name(db), tables, done)
    }

    /// Opens or creates the file, brings its schema up to date and starts its writer. Blocks.
    pub(crate) fn open(
        schema: Schema,
        options: &Options,
        db: u8,
        tables: &[u8],
        now: Timestamp,
        lock: FolderLock,
    ) -> Result<Self, DbError> {
        let path = file_path(schema, options, db);
        let mut conn = open_writer(&path)?;
        migrate::run(&mut conn, schema, tables, now)?;
        let guarded = Guarded::new(conn)?;
        let (jobs, queue) = flume::bounded::<Job>(options.writer_queue_max.max(1));
        let group_max = options.group_commit_max.max(1);
        let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        std::thread::Builder::new()
            .name(format!("w-{name}"))
            .spawn(move || {
                write_groups(guarded, &queue, group_max, schema.database);
                // The file is closed; only now may another process have the folder.
                drop(lock);
            })
            .map_err(|e| DbError::Open(format!("no thread for {name}: {e}")))?;
        Ok(Self { path: path.into(), jobs })
    }

    pub(crate) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// Queues a job. Never waits: a full queue is an answer.
    pub(crate) fn submit(&self, job: Job) -> Result<(), DbError> {
        self.jobs.try_send(job).map_err(|e| match e {
            flume::TrySendError::Full(_) => DbError::Overloaded(self.path.display().to_string()),
            flume::TrySendError::Disconnected(_) => DbError::Closed,
        })
    }

    /// Creates the tables of further cells, between other transactions.
    pub(crate) async fn add_cells(
        &self,
        schema: Schema,
        tables: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (send, receive) = oneshot::channel();
        let outcome = Err(DbError::Closed);
        self.submit(Box::new(AddCells { schema, tables, now, outcome, send }))
            .map_err(Fault::from)?;
        receive.await.map_err(|_| DbError::Closed).and_then(|r| r).map_err(Fault::from)
    }
}

struct AddCells {
    schema: Schema,
    tables: Vec<u8>,
    now: Timestamp,
    outcome: Result<(), DbError>,
    send: oneshot::Sender<Result<(), DbError>>,
}

impl Work for AddCells {
    fn is_abandoned(&self) -> bool {
        self.send.is_closed()
    }

    fn run(&mut self, conn: &Guarded) {
        // A savepoint of its own: a migration that fails leaves nothing behind in the group's commit.
        self.outcome = batch(&conn.shared, "SAVEPOINT cells").and_then(|()| {
            let done = migrate::cells(&lock(&conn.shared), self.schema, &self.tables, self.now);
            let end =
                if done.is_ok() { "RELEASE cells" } else { "ROLLBACK TO cells; RELEASE cells" };
            if lock(&conn.shared).is_autocommit() {
                let lost = DbError::CommitFailed("the engine rolled it back".to_owned());
                return done.and(Err(lost));
            }
            done.and(batch(&conn.shared, end))
        });
    }

    fn finish(self: Box<Self>, commit: Commit) {
        // Nobody waits any more when the program is stopping.
        let _ = self.send.send(self.outcome.and(commit));
    }
}

fn file_path(schema: Schema, options: &Options, db: u8) -> PathBuf {
    let name = format!("{}.db", schema.database_name(db));
    options.folder.join(name)
}

fn write_groups(
    conn: Guarded,
    queue: &flume::Receiver<Job>,
    group_max: usize,
    database: &'static str,
) {
    let groups = metrics::histogram!("stoa_db_group_size", "database" => database);
    let commits = metrics::histogram!("stoa_db_commit_seconds", "database" => database);
    // Those whose group was rolled back because of another; at most one group.
    let mut again: VecDeque<Job> = VecDeque::new();
    while let Some(first) = again.pop_front().or_else(|| queue.recv().ok()) {
        if let Err(e) = batch(&conn.shared, "BEGIN IMMEDIATE") {
            tracing::error!(database, error = %e, "a transaction could not begin");
            first.finish(Err(DbError::CommitFailed(e.to_string())));
            continue;
        }
        let group = run_group(&conn, first, &mut again, queue, group_max);
        if group.is_empty() {
            if !lock(&conn.shared).is_autocommit() {
                // Nothing was done. If even this fails, the next BEGIN says so.
                let _ = batch(&conn.shared, "ROLLBACK");
            }
            continue;
        }
        let began = Instant::now();
        let commit = batch(&conn.shared, "COMMIT");
        commits.record(began.elapsed());
        groups.record(u32::try_from(group.len()).unwrap_or(u32::MAX));
        match commit {
            Ok(()) => group.into_iter().for_each(|work| work.finish(Ok(()))),
            Err(e) => {
                tracing::error!(database, error = %e, "a group of transactions could not be committed");
                if !lock(&conn.shared).is_autocommit() {
                    // If even this fails, the next BEGIN says so.
                    let _ = batch(&conn.shared, "ROLLBACK");
                }
                for work in group {
                    work.finish(Err(DbError::CommitFailed(e.to_string())));
                }
            }
        }
    }
}

/// Runs those that wait, one after another, in the transaction that is open; yields whom to answer after
/// its commit.
fn run_group(
    conn: &Guarded,
    first: Job,
    again: &mut VecDeque<Job>,
    queue: &flume::Receiver<Job>,
    group_max: usize,
) -> Vec<Job> {
    let mut group: Vec<Job> = Vec::with_capacity(group_max);
    let mut next = Some(first);
    while let Some(mut work) = next.take() {
        if !work.is_abandoned() {
            work.run(conn);
            if lock(&conn.shared).is_autocommit() {
                // The engine rolled back everything, as it does when it stops a write at its deadline
                // or the disk is full. This one has its failure. Those before it were not answered and
                // did nothing wrong: they run again. Every round answers one, so this ends.
                work.finish(Ok(()));
                for earlier in group.drain(..).rev() {
                    again.push_front(earlier);
                }
                break;
            }
            group.push(work);
        }
        if group.len() < group_max {
            next = again.pop_front().or_else(|| queue.try_recv().ok());
        }
    }
    group
}
