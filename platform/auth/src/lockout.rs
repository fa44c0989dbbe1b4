//! When a login is locked after failed attempts. A pure rule; the service keeps one row per login,
//! whether or not somebody has that login, so that locking tells nothing about who exists.

use std::time::Duration;

use kit::Timestamp;
use sha2::{Digest as _, Sha256};

/// What the attempts of a login are kept under: its SHA-256 in hex. People type passwords and other
/// people's addresses into that field, so the text itself is not kept.
#[must_use]
pub fn attempts_key(login: &str) -> String {
    hex::encode(Sha256::digest(login.as_bytes()))
}

/// What is remembered of the failed attempts of one login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Failures since the last success.
    pub failures: u32,
    /// When the last one was.
    pub last_failure_at: Timestamp,
    /// Until when no attempt is looked at.
    pub locked_until: Option<Timestamp>,
}

/// How many failures lock a login, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutRule {
    /// The failure that locks; every further one locks again, twice as long.
    pub failures: u32,
    /// The first lock.
    pub first: Duration,
    /// The longest lock.
    pub max: Duration,
    /// Failures count no more when there was none for so long. Longer than `max`.
    pub forget_after: Duration,
}

impl Default for LockoutRule {
    /// 5 failures; 1 min, doubling to 1 h; forgotten after a day.
    fn default() -> Self {
        Self {
            failures: 5,
            first: Duration::from_secs(60),
            max: Duration::from_secs(3_600),
            forget_after: Duration::from_secs(24 * 3_600),
        }
    }
}

impl LockoutRule {
    /// Lets an attempt pass.
    ///
    /// # Errors
    /// The instant from which on the next attempt is looked at.
    pub fn check(&self, attempts: &Attempts, now: Timestamp) -> Result<(), Timestamp> {
        match attempts.locked_until {
            Some(until) if now < until => Err(until),
            _ => Ok(()),
        }
    }

    /// What is remembered after a failure.
    #[must_use]
    pub fn failed(&self, attempts: &Attempts, now: Timestamp) -> Attempts {
        let forgotten = now.since(attempts.last_failure_at) >= self.forget_after;
        let before = if forgotten { 0 } else { attempts.failures };
        let failures = before.saturating_add(1);
        let locked_until = self.lock_after(failures).map(|lock| now.plus(lock));
        Attempts { failures, last_failure_at: now, locked_until }
    }

    /// How long the nth failure locks.
    fn lock_after(&self, failures: u32) -> Option<Duration> {
        let beyond = failures.checked_sub(self.failures)?;
        let factor = 2_u32.checked_pow(beyond).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIN: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> Timestamp {
        Timestamp::from_micros(1_748_736_000_000_000).plus(MIN * minutes)
    }

    #[test]
    fn the_fifth_failure_locks_for_a_minute_and_each_further_one_twice_as_long_up_to_an_hour() {
        let rule = LockoutRule::default();
        let mut attempts = Attempts::default();
        for _ in 0..4 {
            attempts = rule.failed(&attempts, at(0));
            assert_eq!(rule.check(&attempts, at(0)), Ok(()));
        }
        let mut now = at(0);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            attempts = rule.failed(&attempts, now);
            let until = now.plus(MIN * minutes);
            assert_eq!(rule.check(&attempts, now), Err(until));
            assert_eq!(rule.check(&attempts, until), Ok(()), "the lock ends by itself");
            now = until;
        }
    }

    #[test]
    fn failures_are_forgotten_after_a_quiet_day() {
        let rule = LockoutRule::default();
        let old = Attempts { failures: 9, last_failure_at: at(0), locked_until: Some(at(16)) };
        assert_eq!(rule.failed(&old, at(24 * 60 - 1)).failures, 10);
        assert_eq!(rule.failed(&old, at(24 * 60)).failures, 1);
    }

    proptest! {
        #[test]
        fn a_lock_is_never_longer_than_the_longest(n in 0_u32..200, gap in 0_u32..7_200) {
            let rule = LockoutRule::default();
            let mut attempts = Attempts::default();
            let mut now = at(0);
            for _ in 0..n {
                attempts = rule.failed(&attempts, now);
                let until = attempts.locked_until.unwrap_or(now);
                prop_assert!(until.since(now) <= rule.max);
                prop_assert_eq!(attempts.locked_until.is_some(), attempts.failures >= rule.failures);
                now = now.plus(Duration::from_secs(gap.into()));
            }
        }
    }
}
