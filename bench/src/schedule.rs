//! When requests are due. An arrival of an open loop has a time that no answer moves: whoever is late
//! with an answer makes later ones wait, and their waiting counts (no coordinated omission). Pure.

use std::time::Duration;

/// How clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Every client sends as soon as it has its answer: how much the server can do with so many clients.
    Saturate,
    /// So many a second, however long answers take.
    PerSecond(u64),
}

/// The arrivals of an open loop: evenly spaced from the start to the end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    per_second: u64,
    total: u64,
}

const NANOS: u128 = 1_000_000_000;

impl Arrivals {
    /// So many a second for a window; at least one, and never more than `limit` in all.
    #[must_use]
    pub fn new(per_second: u64, window: Duration, limit: u64) -> Self {
        let per_second = per_second.max(1);
        let all = u128::from(per_second) * window.as_nanos() / NANOS;
        let total = u64::try_from(all).unwrap_or(u64::MAX).clamp(1, limit.max(1));
        Self { per_second, total }
    }

    /// How many there are.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.total
    }

    /// When the `n`th (from 0) is due, after the start.
    #[must_use]
    pub fn due(self, n: u64) -> Duration {
        let nanos = u128::from(n) * NANOS / u128::from(self.per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many are due so long after the start.
    #[must_use]
    pub fn due_by(self, elapsed: Duration) -> u64 {
        let before = elapsed.as_nanos() * u128::from(self.per_second) / NANOS;
        u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_evenly_spaced_and_end_with_the_window() {
        let arrivals = Arrivals::new(4, Duration::from_secs(2), 1_000);
        assert_eq!(arrivals.total(), 8);
        assert_eq!(arrivals.due(0), Duration::ZERO);
        assert_eq!(arrivals.due(7), Duration::from_millis(1_750));
        assert_eq!(Arrivals::new(4, Duration::from_secs(2), 5).total(), 5);
        assert_eq!(Arrivals::new(0, Duration::from_millis(1), 5).total(), 1);
    }

    #[test]
    fn what_is_due_never_depends_on_answers_and_agrees_with_due() {
        let arrivals = Arrivals::new(1_333, Duration::from_secs(3), u64::MAX);
        assert_eq!(arrivals.due_by(Duration::ZERO), 1, "the first is due at once");
        for n in 1..arrivals.total() {
            let at = arrivals.due(n) + Duration::from_nanos(1);
            assert_eq!(arrivals.due_by(at), n + 1, "the {n}th");
        }
        assert_eq!(arrivals.due_by(Duration::from_secs(60)), arrivals.total());
    }
}
