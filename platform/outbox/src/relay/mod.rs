//! The relay: hands what is due in a database's files to a [`Deliver`], at least once, in order per
//! aggregate. Any number of relays may work on the same files. It does not know what a message means.
//!
//! One task per file claims messages under a lease, delivers runs of one aggregate at a time side by
//! side, or together where whoever takes them wants that, and records what became of them together with the next
//! claim. It sleeps until a put of this process rings, the next message is due, or the poll interval is over.

mod file;
mod housekeeping;
mod run;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, SharedEntropy, TenantCode};
use rpc::{Ctx, Fault, TraceId};
use tasks::{TaskHandle, TaskKind, Tasks};

use crate::backoff::Backoff;
use crate::deliver::Deliver;
use crate::outbox::Outbox;

const FILES: TaskKind = TaskKind::new("outbox.files").restarting();
const RELAY: TaskKind = TaskKind::new("outbox.relay").finishing().restarting();
const HOUSEKEEPING: TaskKind = TaskKind::new("outbox.housekeeping").restarting();

/// The knobs of a relay, with units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Messages of one file that are claimed and not settled, at most.
    pub batch_max: usize,
    /// Messages of one aggregate in one claim, at most.
    pub run_max: usize,
    /// Runs of one file that are delivered at the same time, at most.
    pub concurrency: usize,
    /// How long a claim keeps other relays away when its relay has vanished.
    pub lease: Duration,
    /// How long one delivery may take.
    pub deliver_within: Duration,
    /// How long one transaction of the relay itself may take.
    pub tx_within: Duration,
    /// How often to look for messages that nobody announced, and for new files.
    pub poll: Duration,
    /// How long a claim waits for others to be put when there was little of late: messages of many
    /// transactions then share one.
    pub linger: Duration,
    /// A file that had little of late is claimed from again no sooner than this after the last claim began, and
    /// what has been delivered waits as long for a claim to be recorded with, unless later messages wait for it.
    /// The first message after a quiet while is not kept waiting. A crash delivers again what was not recorded.
    pub pace: Duration,
    /// The pauses between attempts.
    pub backoff: Backoff,
    /// After this many failures a message is dead.
    pub attempts_max: u32,
    /// How often to purge and to count.
    pub housekeeping: Duration,
    /// How long messages that are done are kept.
    pub keep_done: Duration,
    /// How long inbox rows are kept: longer than any message may come again.
    pub keep_inbox: Duration,
    /// Rows deleted in one transaction, about.
    pub purge_batch: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_max: 256,
            run_max: 16,
            concurrency: 32,
            lease: Duration::from_secs(30),
            deliver_within: Duration::from_secs(10),
            tx_within: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            linger: Duration::from_millis(2),
            pace: Duration::ZERO,
            backoff: Backoff::default(),
            attempts_max: 16,
            housekeeping: Duration::from_secs(15),
            keep_done: Duration::from_secs(3_600),
            keep_inbox: Duration::from_secs(7 * 24 * 3_600),
            purge_batch: 250,
        }
    }
}

impl Options {
    /// For databases on servers, where each look at one of a hundred logical databases is a round trip.
    #[must_use]
    pub fn on_servers() -> Self {
        Self { poll: Duration::from_secs(5), pace: Duration::from_millis(500), ..Self::default() }
    }

    /// The longest one delivery keeps its run busy: a little more than it is given.
    fn deliver_at_most(&self) -> Duration {
        self.deliver_within + self.deliver_within / 4
    }

    fn validate(&self) -> Result<(), Fault> {
        let counts = [self.batch_max, self.run_max, self.concurrency, self.attempts_max as usize];
        if counts.contains(&0) || self.purge_batch == 0 {
            return Err(Fault::bug("a relay's limits must be at least 1"));
        }
        if self.lease < self.deliver_at_most() + self.pace {
            return Err(Fault::bug(
                "a relay's lease must outlast a delivery by a quarter and its pace",
            ));
        }
        Ok(())
    }
}

/// What the tasks of one relay share.
struct Shared {
    tasks: Tasks,
    outbox: Outbox,
    deliver: Arc<dyn Deliver>,
    entropy: SharedEntropy,
    options: Options,
    platform: TenantCode,
}

impl Shared {
    fn clock(&self) -> &SharedClock {
        self.outbox.database().clock()
    }

    fn ctx(&self) -> Ctx {
        // The relay's own transactions belong to no request.
        let trace = TraceId::from_random(1, 1);
        Ctx::system(self.platform.clone(), "outbox.relay", self.options.tx_within, trace)
    }
}

/// A relay that runs until its [`Tasks`] stop. Dropping the handle does not stop it.
#[derive(Debug, Clone)]
pub struct Relay(TaskHandle);

impl Relay {
    /// Starts relaying the messages of an outbox. What is due already is delivered at once.
    ///
    /// # Errors
    /// When the options contradict one another.
    pub fn start(
        tasks: &Tasks,
        outbox: Outbox,
        deliver: Arc<dyn Deliver>,
        entropy: SharedEntropy,
        options: Options,
    ) -> Result<Self, Fault> {
        options.validate()?;
        let platform = "platform".parse().map_err(Fault::internal)?;
        let tasks = tasks.clone();
        let shared = Arc::new(Shared { tasks, outbox, deliver, entropy, options, platform });
        let known = Arc::new(tokio::sync::Mutex::new(BTreeSet::new()));
        let files = Arc::clone(&shared);
        let handle = shared.tasks.spawn_restarting(FILES, move || {
            let (shared, known) = (Arc::clone(&files), Arc::clone(&known));
            async move { watch_files(shared, &mut *known.lock().await).await }
        });
        let keeping = Arc::clone(&shared);
        shared.tasks.spawn_restarting(HOUSEKEEPING, move || {
            let shared = Arc::clone(&keeping);
            async move { housekeeping::run(&shared).await }
        });
        Ok(Self(handle))
    }

    /// Whether it has stopped looking for work.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Starts one task per file, for the files there are and for those that come.
async fn watch_files(shared: Arc<Shared>, known: &mut BTreeSet<u8>) -> Result<(), Fault> {
    let mut new_file = shared.outbox.new_file();
    loop {
        for db in shared.outbox.database().databases() {
            if known.insert(db) {
                let shared_too = Arc::clone(&shared);
                shared.tasks.spawn_restarting(RELAY, move || {
                    let shared = Arc::clone(&shared_too);
                    async move { file::FileRelay::new(shared, db)?.run().await }
                });
            }
        }
        tokio::select! {
            _ = new_file.changed() => {}
            () = tokio::time::sleep(shared.options.poll) => {}
        }
    }
}
