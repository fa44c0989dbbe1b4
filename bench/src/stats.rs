//! Arithmetic on what was counted, in whole numbers, and how it is written. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart: a minute, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

/// Latencies in microseconds, to three digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// What is told of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// How many there are.
    pub count: u64,
    /// Half of them took no longer, in microseconds.
    pub p50_us: u64,
    /// 99 of 100 took no longer, in microseconds.
    pub p99_us: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
}

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// Never with these bounds; the histogram's constructor can fail for others.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?))
    }

    /// Adds one; longer than a minute counts as a minute.
    pub fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(LATENCY_MAX_US);
        self.0.saturating_record(us.clamp(1, LATENCY_MAX_US));
    }

    /// Adds all of another.
    ///
    /// # Errors
    /// Never between histograms of the same bounds.
    pub fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// What is told of them.
    #[must_use]
    pub fn summary(&self) -> Summary {
        if self.0.is_empty() {
            return Summary::default();
        }
        Summary {
            count: self.0.len(),
            p50_us: self.0.value_at_quantile(0.5),
            p99_us: self.0.value_at_quantile(0.99),
            max_us: self.0.max(),
        }
    }
}

/// How many a second; 0 when no time passed.
#[must_use]
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per = (u128::from(count) * 1_000_000_000).checked_div(elapsed.as_nanos()).unwrap_or(0);
    u64::try_from(per).unwrap_or(u64::MAX)
}

/// The middle one; of an even number the mean of the two in the middle; 0 of none.
#[must_use]
pub fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        n if n % 2 == 1 => sorted[middle],
        _ => sorted[middle - 1].midpoint(sorted[middle]),
    }
}

/// `part` of `whole` in thousandths, rounded down; 0 of nothing.
#[must_use]
pub fn permille(part: u64, whole: u64) -> u64 {
    let per = (u128::from(part) * 1_000).checked_div(u128::from(whole)).unwrap_or(0);
    u64::try_from(per).unwrap_or(u64::MAX)
}

/// By how much `b` differs from `a`, in thousandths of `a`.
#[must_use]
pub fn difference_permille(a: u64, b: u64) -> u64 {
    permille(a.abs_diff(b), a)
}

/// `234` as `23.4 %`.
#[must_use]
pub fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as milliseconds with two digits: `1234` as `1.23 ms`.
#[must_use]
pub fn millis(us: u64) -> String {
    format!("{}.{:02} ms", thousands(us / 1_000), us % 1_000 / 10)
}

/// All values, as they were measured: `1,200 · 1,250 · 1,190`.
#[must_use]
pub fn list(values: &[u64]) -> String {
    values.iter().map(|v| thousands(*v)).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_sequence() {
        assert_eq!(median(&[5, 1, 9, 3, 7]), 5);
        assert_eq!(median(&[4, 2]), 3);
        assert_eq!((median(&[8]), median(&[])), (8, 0));
    }

    #[test]
    fn rates_and_ratios_are_rounded_down_and_never_divide_by_zero() {
        assert_eq!(per_second(1_500, Duration::from_millis(500)), 3_000);
        assert_eq!(per_second(10, Duration::from_secs(3)), 3);
        assert_eq!((per_second(1, Duration::ZERO), permille(1, 0)), (0, 0));
        assert_eq!(permille(199, 1_000), 199);
        assert_eq!(permille(1_999, 10_000), 199, "19.99 % is not 20 %");
        assert_eq!((difference_permille(100, 65), difference_permille(100, 135)), (350, 350));
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(
            (thousands(0), thousands(999), thousands(1_000)),
            ("0".into(), "999".into(), "1,000".into())
        );
        assert_eq!(
            (percent(234), percent(5), percent(1_000)),
            ("23.4 %".into(), "0.5 %".into(), "100.0 %".into())
        );
        assert_eq!(
            (millis(1_234), millis(70), millis(1_234_567)),
            ("1.23 ms".into(), "0.07 ms".into(), "1,234.56 ms".into())
        );
        assert_eq!(list(&[1_000, 2]), "1,000 · 2");
    }

    #[test]
    fn a_summary_tells_the_middle_and_the_tail() {
        let mut all = Latencies::new().unwrap();
        assert_eq!(all.summary(), Summary::default());
        let mut other = Latencies::new().unwrap();
        for ms in 1..=98 {
            all.record(Duration::from_millis(ms));
        }
        other.record(Duration::from_secs(1));
        other.record(Duration::from_secs(3_600));
        all.add(&other).unwrap();
        let told = all.summary();
        assert_eq!(told.count, 100);
        assert!((50_000..50_100).contains(&told.p50_us), "{told:?}");
        assert!((1_000_000..1_001_000).contains(&told.p99_us), "{told:?}");
        assert!(told.max_us >= LATENCY_MAX_US, "an hour counts as a minute: {told:?}");
    }
}
