//! The period that the dashboard shows, and figures put into its steps. Pure.

use std::time::Duration;

use kit::{Money, Timestamp};
use search_api::HourFigures;
use ui::Lang;

/// A period that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Range {
    /// By hour.
    #[default]
    Day,
    /// By day.
    Week,
    /// By day.
    Month,
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Range {
    pub(crate) const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The value in the address, in days.
    pub(crate) const fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
        }
    }

    /// Reads the value of the address; the shortest for anything unknown.
    pub(crate) fn of(days: &str) -> Self {
        let known = |r: &Self| r.days().to_string() == days;
        Self::ALL.into_iter().find(known).unwrap_or_default()
    }

    const fn step(self) -> Duration {
        match self {
            Self::Day => HOUR,
            Self::Week | Self::Month => DAY,
        }
    }

    /// Begin and end. The begin is the begin of a step, so that the first step is whole.
    pub(crate) fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let step = micros(self.step());
        let end = now.micros().div_euclid(step) * step + step;
        let begin = end - micros(DAY) * i64::from(self.days());
        (Timestamp::from_micros(begin), Timestamp::from_micros(end))
    }

    /// What a step is called.
    pub(crate) fn name(self, at: Timestamp, lang: Lang) -> String {
        match self {
            Self::Day => ui::format::hour(at),
            Self::Week | Self::Month => ui::format::day(at, lang),
        }
    }

    /// Orders and money of every step, empty ones too, in their sequence.
    pub(crate) fn steps(
        self,
        now: Timestamp,
        hours: &[HourFigures],
        nothing: Money,
    ) -> Vec<(Timestamp, u64, Money)> {
        let (begin, end) = self.bounds(now);
        let step = micros(self.step());
        let mut steps = Vec::new();
        let mut at = begin.micros();
        while at < end.micros() {
            steps.push((Timestamp::from_micros(at), 0, nothing));
            at += step;
        }
        for figures in hours {
            let index = (figures.hour.micros() - begin.micros()).div_euclid(step);
            let found = usize::try_from(index).ok().and_then(|i| steps.get_mut(i));
            if let Some((_, orders, money)) = found {
                *orders += figures.orders;
                *money = money.plus(figures.revenue).unwrap_or(*money);
            }
        }
        steps
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cny(amount: i64) -> Money {
        Money::new(amount, "CNY".parse().unwrap()).unwrap()
    }

    #[test]
    fn every_hour_of_a_period_falls_into_one_step_and_nothing_is_lost() {
        let now = Timestamp::from_millis(1_763_690_123_456);
        for range in Range::ALL {
            let (begin, end) = range.bounds(now);
            assert!(begin < now && now < end);
            let hours: Vec<HourFigures> = (0..i64::from(range.days()) * 24)
                .map(|n| HourFigures {
                    hour: begin.plus(HOUR * u32::try_from(n).unwrap()),
                    orders: 2,
                    revenue: cny(5),
                })
                .collect();
            let steps = range.steps(now, &hours, cny(0));
            let count = if range == Range::Day { 24 } else { range.days() };
            assert_eq!(steps.len(), usize::try_from(count).unwrap());
            let total: u64 = steps.iter().map(|s| s.1).sum();
            assert_eq!(total, 2 * u64::try_from(hours.len()).unwrap());
            assert!(steps.iter().all(|s| s.1 > 0 && s.2.amount() > 0));
        }
        assert_eq!(Range::of("7"), Range::Week);
        assert_eq!(Range::of("<x>"), Range::Day);
    }
}
