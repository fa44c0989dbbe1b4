//! The relay of one file: keeps runs on their way and does one transaction at a time, which settles
//! what has ended and claims what is due.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use kit::Timestamp;
use rpc::Fault;
use shard::Route;
use tokio::time::Instant;

use crate::relay::Shared;
use crate::relay::run::{Run, deliver_together};
use crate::store::{self, Claim, Claimed, Settled};

/// The first and the longest pause after the database has failed.
const TROUBLE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

type Cycle = BoxFuture<'static, Result<Looked, Fault>>;

/// What one transaction found.
struct Looked {
    claimed: Option<Claimed>,
    next_due: Option<Timestamp>,
    lost: usize,
}

pub(super) struct FileRelay {
    shared: Arc<Shared>,
    db: u8,
    /// Random, so that no other relay has it.
    name: String,
    claims: u64,
    owner: Arc<str>,
    /// Claimed, not begun.
    queue: VecDeque<Run>,
    /// On their way, alone or together, and how many runs that are.
    active: FuturesUnordered<BoxFuture<'static, Vec<Settled>>>,
    busy: usize,
    /// Ended, not recorded.
    settled: Vec<Settled>,
    /// Being recorded.
    settling: Arc<Vec<Settled>>,
    /// Messages in all four.
    held: usize,
    /// Something may be due.
    look: bool,
    /// Look without claiming.
    peek: bool,
    next_due: Option<Timestamp>,
    stopping: bool,
    /// Messages in the last claim.
    last_claimed: usize,
    /// After a bell: until when others may join the claim.
    linger_until: Instant,
    /// When the last claim began.
    claimed_at: Instant,
    /// Later messages wait for what that claim did not get.
    behind: bool,
    /// Until when what has ended may wait for a claim to be recorded with.
    hold_until: Instant,
    /// Failures of the database in a row, and until when it is left alone.
    trouble: u32,
    quiet_until: Instant,
}

impl FileRelay {
    pub(super) fn new(shared: Arc<Shared>, db: u8) -> Result<Self, Fault> {
        let name = format!("{:016x}", shared.entropy.next_u64().map_err(Fault::internal)?);
        Ok(Self {
            shared,
            db,
            owner: Arc::from(name.as_str()),
            name,
            claims: 0,
            queue: VecDeque::new(),
            active: FuturesUnordered::new(),
            busy: 0,
            settled: Vec::new(),
            settling: Arc::default(),
            held: 0,
            look: true,
            peek: false,
            next_due: None,
            stopping: false,
            last_claimed: 0,
            linger_until: Instant::now(),
            claimed_at: Instant::now(),
            behind: false,
            hold_until: Instant::now(),
            trouble: 0,
            quiet_until: Instant::now(),
        })
    }

    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let mut bell = self.shared.outbox.bell(self.db);
        let tasks = self.shared.tasks.clone();
        let mut cycle: Option<Cycle> = None;
        loop {
            self.begin_runs();
            if cycle.is_none() {
                cycle = self.next_cycle();
            }
            if self.stopping && cycle.is_none() && self.held == 0 {
                return Ok(());
            }
            let idle = cycle.is_none();
            let pause = self.pause();
            let looked = async {
                match &mut cycle {
                    Some(cycle) => cycle.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(runs) = self.active.next(), if !self.active.is_empty() => {
                    self.busy -= runs.len();
                    if self.settled.is_empty() {
                        self.hold_until = Instant::now() + self.shared.options.pace;
                    }
                    self.settled.extend(runs);
                }
                result = looked => {
                    cycle = None;
                    self.after(result);
                }
                Ok(()) = bell.changed(), if !self.look => self.hear(),
                () = tokio::time::sleep(pause), if idle => self.tick(),
                () = tasks.cancelled(), if !self.stopping => self.stop(),
            }
        }
    }

    fn begin_runs(&mut self) {
        while self.busy < self.shared.options.concurrency {
            let Some(run) = self.queue.pop_front() else { return };
            let room = self.shared.options.concurrency - self.busy;
            let runs = self.with_alike(run, room);
            self.busy += runs.len();
            let shared = Arc::clone(&self.shared);
            self.active.push(match <[Run; 1]>::try_from(runs) {
                Ok([run]) => Box::pin(async move { vec![run.deliver(shared).await] }),
                Err(runs) => Box::pin(deliver_together(runs, shared)),
            });
        }
    }

    /// A run, and those that wait and may be delivered together with it.
    fn with_alike(&mut self, run: Run, room: usize) -> Vec<Run> {
        let Some(first) = run.lone() else { return vec![run] };
        let most = self.shared.deliver.together_max(&first.message.topic).min(room);
        let mut runs = vec![run];
        let mut at = 0;
        while runs.len() < most
            && let Some(next) = self.queue.get(at)
        {
            if next.goes_with(&runs) {
                runs.extend(self.queue.remove(at));
            } else {
                at += 1;
            }
        }
        runs
    }

    /// Something was put. Where there was little of late, whatever comes a moment later joins the same claim.
    fn hear(&mut self) {
        self.look = true;
        let options = &self.shared.options;
        if self.last_claimed < options.concurrency {
            let soon = Instant::now() + options.linger;
            self.linger_until = soon.max(self.claimed_at + options.pace);
        }
    }

    /// Whether what has ended may wait: there is no claim to record it with, but soon there may be one.
    fn holds(&self, now: Instant) -> bool {
        now < self.hold_until && !self.look && !self.peek && !self.behind && !self.stopping
    }

    /// The next transaction, if there is something to do.
    fn next_cycle(&mut self) -> Option<Cycle> {
        let now = Instant::now();
        if now < self.quiet_until || (now < self.linger_until && !self.stopping) {
            return None;
        }
        let options = &self.shared.options;
        let room = options.batch_max.saturating_sub(self.held);
        // Messages that would only wait in the queue are better left to other relays.
        let hungry = self.queue.len() < options.concurrency && room > 0;
        let claim = (self.look && hungry && !self.stopping).then(|| {
            self.claims += 1;
            self.owner = format!("{}-{}", self.name, self.claims).into();
            Claim {
                owner: Arc::clone(&self.owner),
                lease: options.lease,
                rows_max: room,
                run_max: options.run_max,
                park: options.backoff.max,
            }
        });
        let nothing = self.settled.is_empty() && !self.peek;
        if claim.is_none() && (nothing || self.holds(now)) {
            return None;
        }
        let only_peek = claim.is_none() && self.settled.is_empty();
        if claim.is_some() {
            self.look = false;
            self.claimed_at = now;
        }
        self.peek = false;
        self.settling = Arc::new(std::mem::take(&mut self.settled));
        let (shared, settling, db) =
            (Arc::clone(&self.shared), Arc::clone(&self.settling), self.db);
        Some(if only_peek {
            Box::pin(peek(shared, db))
        } else {
            Box::pin(settle_and_claim(shared, db, settling, claim))
        })
    }

    fn after(&mut self, result: Result<Looked, Fault>) {
        let settling = std::mem::take(&mut self.settling);
        match result {
            Ok(looked) => {
                self.trouble = 0;
                self.held -= settling.iter().map(|run| run.items.len()).sum::<usize>();
                if looked.lost > 0 {
                    tracing::warn!(
                        database = self.shared.outbox.database().name(),
                        db = self.db,
                        lost = looked.lost,
                        "messages were delivered after their lease was over and may be delivered again"
                    );
                }
                if let Some(claimed) = looked.claimed {
                    self.accept(claimed);
                }
                self.next_due = looked.next_due;
            }
            Err(fault) => {
                // What has ended stays ended; recording it again does no harm.
                self.settled.extend(settling.iter().cloned());
                self.look = true;
                self.trouble = self.trouble.saturating_add(1);
                let factor = 2_u32.saturating_pow(self.trouble - 1);
                let pause = TROUBLE.0.saturating_mul(factor).min(TROUBLE.1);
                self.quiet_until = Instant::now() + pause;
                tracing::warn!(
                    database = self.shared.outbox.database().name(), db = self.db, error = ?fault,
                    "the relay could not reach its database"
                );
            }
        }
    }

    fn accept(&mut self, claimed: Claimed) {
        self.look |= claimed.more;
        self.behind = claimed.behind;
        self.last_claimed = claimed.runs.iter().map(Vec::len).sum();
        for rows in claimed.runs {
            self.held += rows.len();
            let owner = Arc::clone(&self.owner);
            self.queue.push_back(Run { owner, lease_until: claimed.lease_until, rows });
        }
    }

    /// How long to wait when nothing else happens.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let quiet = self.quiet_until.max(self.linger_until).saturating_duration_since(now);
        let poll = self.shared.options.poll;
        if !quiet.is_zero() {
            quiet
        } else if !self.settled.is_empty() && self.holds(now) {
            self.hold_until.saturating_duration_since(now)
        } else if self.look || self.stopping {
            // Waiting for room or for the last runs, not for time.
            poll
        } else {
            let now = self.shared.clock().now();
            self.next_due.map_or(poll, |due| due.since(now).min(poll))
        }
    }

    fn tick(&mut self) {
        let now = self.shared.clock().now();
        if self.next_due.is_some_and(|due| due <= now) {
            self.look = true;
        } else if !self.look && !self.stopping {
            self.peek = true;
        }
    }

    /// Claims no more, gives back what has not begun, and waits for the rest.
    fn stop(&mut self) {
        self.stopping = true;
        self.settled.extend(self.queue.drain(..).map(Run::untouched));
    }
}

/// Looks on a reader whether something is due that nobody announced.
async fn peek(shared: Arc<Shared>, db: u8) -> Result<Looked, Fault> {
    let read = |tx| async move { store::next_due(&tx).await };
    let next_due = shared.outbox.database().read_one(&shared.ctx(), Route::Db(db), read).await?;
    Ok(Looked { claimed: None, next_due, lost: 0 })
}

async fn settle_and_claim(
    shared: Arc<Shared>,
    db: u8,
    settling: Arc<Vec<Settled>>,
    claim: Option<Claim>,
) -> Result<Looked, Fault> {
    let database = shared.outbox.database().clone();
    let source = database.name();
    let body = move |tx| {
        let (settling, claim) = (Arc::clone(&settling), claim.clone());
        async move {
            let lost = store::settle(&tx, &settling).await?;
            let claimed = match &claim {
                Some(claim) => Some(store::claim(&tx, source, claim).await?),
                None => None,
            };
            let next_due = store::look_again(&tx, claimed.as_ref()).await?;
            Ok::<_, Fault>(Looked { claimed, next_due, lost })
        }
    };
    database.tx(&shared.ctx(), Route::Db(db), body).await
}
