//! The knobs of a coordinator, with units, so that tests can shrink them.

use std::time::Duration;

use rpc::Fault;

/// Options of a coordinator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The longest timeout that a transaction may have.
    pub timeout_max: Duration,
    /// The most locks that one registration may take.
    pub locks_max: usize,
    /// How often who is first in line for a lock looks again when nobody has called him.
    pub lock_poll: Duration,
    /// Branches that are told of a commit together at most.
    pub batch_max: usize,
    /// How long the undo of committed transactions waits for that of others, to be deleted together.
    pub linger: Duration,
    /// Commits that wait to be told at most; what is more is found again by the timer.
    pub queue_max: usize,
    /// Branches of one logical database that are rolled back at a time at most; eight times as many may wait for that.
    pub rollbacks_max: usize,
    /// How long one participant may take for one request. A rollback that failed gets twice as long each time, at most
    /// as long as `redrive`.
    pub phase_two_within: Duration,
    /// How long the end of a transaction is left to who has begun it, before the timer takes it up.
    pub redrive: Duration,
    /// The first pause after a branch could not be finished; it doubles.
    pub retry_first: Duration,
    /// The longest such pause.
    pub retry_max: Duration,
    /// After this many failures in a row an operator is told.
    pub alert_after: u32,
    /// How often the timer looks.
    pub tick: Duration,
    /// For how long an instance has the timer.
    pub lease: Duration,
    /// Transactions that the timer takes up at a time.
    pub recover_batch: u64,
    /// How long after its deadline a transaction that has ended is remembered: more than clocks may differ.
    pub keep: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout_max: Duration::from_secs(60),
            locks_max: 10_000,
            lock_poll: Duration::from_millis(15),
            batch_max: 256,
            linger: Duration::from_millis(5),
            queue_max: 10_000,
            rollbacks_max: 32,
            phase_two_within: Duration::from_secs(5),
            redrive: Duration::from_secs(10),
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            alert_after: 8,
            tick: Duration::from_secs(1),
            lease: Duration::from_secs(10),
            recover_batch: 200,
            keep: Duration::from_secs(5),
        }
    }
}

impl Options {
    pub(super) fn validate(&self) -> Result<(), Fault> {
        let counts = [self.locks_max, self.batch_max, self.queue_max, self.rollbacks_max];
        if counts.contains(&0) || self.recover_batch == 0 {
            return Err(Fault::bug("a coordinator's limits must be at least 1"));
        }
        if self.lease < self.tick * 2 {
            return Err(Fault::bug("a coordinator's lease must outlast two of its ticks"));
        }
        if self.redrive < self.phase_two_within {
            let text = "a coordinator must not take up what a participant still has time for";
            return Err(Fault::bug(text));
        }
        Ok(())
    }

    /// How long a participant may take to roll a branch back whose transaction could not be ended so often.
    pub(super) fn rollback_within(&self, failures: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.phase_two_within.saturating_mul(doubled).min(self.redrive)
    }

    /// The pause after failure number `failures`, counted from 1: between half and all of the doubled first one.
    pub(super) fn pause(&self, failures: u32, random: u64) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.retry_first.saturating_mul(doubled).min(self.retry_max);
        jitter(whole, random)
    }
}

/// Between half and all of a duration.
pub(super) fn jitter(whole: Duration, random: u64) -> Duration {
    let half = whole / 2;
    let span = u64::try_from((whole - half).as_micros()).unwrap_or(u64::MAX);
    half + Duration::from_micros(random.checked_rem(span.saturating_add(1)).unwrap_or(0))
}
