//! How long to wait after a failure. Pure: the random number comes from the caller.

use std::time::Duration;

/// Doubling pauses with an upper limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure, before jitter.
    pub first: Duration,
    /// No pause is longer.
    pub max: Duration,
}

impl Default for Backoff {
    /// 1 s, doubling up to 10 min.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(600) }
    }
}

impl Backoff {
    /// The pause after failure number `failures`, counted from 1: between half and all of
    /// `first · 2^(failures - 1)`, or of `max` when that is less. `random` is uniform, so that messages
    /// that failed together do not come back together.
    #[must_use]
    pub fn pause(self, failures: u32, random: u64) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.max);
        let half = whole / 2;
        let span = u64::try_from((whole - half).as_micros()).unwrap_or(u64::MAX);
        let jitter = random.checked_rem(span.saturating_add(1)).unwrap_or(0);
        half.saturating_add(Duration::from_micros(jitter)).min(whole)
    }
}
