//! Values with units: `"30s"`, `"64MiB"`. A bare number is refused, because nobody can tell its unit.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration as StdDuration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not a value with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct InvalidUnit {
    text: String,
    what: &'static str,
}

const DURATION_HELP: &str = "a duration; write a whole number with ms, s, m, h or d, like \"30s\"";
const SIZE_HELP: &str = "a size; write a whole number with B, KiB, MiB or GiB, like \"64MiB\"";

/// Milliseconds per unit, largest first.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Bytes per unit, largest first.
const SIZE_UNITS: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The longest duration: 1,000 years. Keeps later sums away from overflow.
const DURATION_MAX_MS: u64 = 1_000 * 365 * 86_400_000;

/// A duration with a unit: `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(StdDuration);

impl Duration {
    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(StdDuration::from_millis(ms))
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(StdDuration::from_secs(s))
    }

    /// As the standard type.
    #[must_use]
    pub const fn get(self) -> StdDuration {
        self.0
    }
}

impl From<Duration> for StdDuration {
    fn from(d: Duration) -> Self {
        d.0
    }
}

impl Deref for Duration {
    type Target = StdDuration;
    fn deref(&self) -> &StdDuration {
        &self.0
    }
}

impl FromStr for Duration {
    type Err = InvalidUnit;
    fn from_str(s: &str) -> Result<Self, InvalidUnit> {
        parse(s, &DURATION_UNITS)
            .filter(|ms| *ms <= DURATION_MAX_MS)
            .map(Self::from_millis)
            .ok_or_else(|| InvalidUnit { text: s.to_owned(), what: DURATION_HELP })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if ms == 0 {
            return f.write_str("0s");
        }
        write_largest(f, ms, &DURATION_UNITS)
    }
}

/// A number of bytes with a unit: `"512B"`, `"64KiB"`, `"8MiB"`, `"1GiB"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// From bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In bytes, as a length; saturates on machines with small addresses.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidUnit;
    fn from_str(s: &str) -> Result<Self, InvalidUnit> {
        parse(s, &SIZE_UNITS)
            .map(Self)
            .ok_or_else(|| InvalidUnit { text: s.to_owned(), what: SIZE_HELP })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0B");
        }
        write_largest(f, self.0, &SIZE_UNITS)
    }
}

fn parse(s: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = s.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = s.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start_matches(' '))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn write_largest(f: &mut fmt::Formatter<'_>, n: u64, units: &[(&str, u64)]) -> fmt::Result {
    match units.iter().find(|(_, factor)| n.is_multiple_of(*factor)) {
        Some((name, factor)) => write!(f, "{}{name}", n / factor),
        None => write!(f, "{n}"),
    }
}

macro_rules! as_text {
    ($type:ty, $help:expr) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($help)
                    }
                    fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<$type, E> {
                        s.parse().map_err(E::custom)
                    }
                }
                d.deserialize_str(Text)
            }
        }
    };
}

as_text!(Duration, DURATION_HELP);
as_text!(ByteSize, SIZE_HELP);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_need_a_unit_and_survive_being_written() {
        for (text, ms) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("2 h", 7_200_000), ("0s", 0)]
        {
            let d: Duration = text.parse().unwrap();
            assert_eq!(d.get(), StdDuration::from_millis(ms), "{text}");
            assert_eq!(d.to_string().parse::<Duration>().unwrap(), d);
        }
        for (text, bytes) in [("0B", 0), ("1KiB", 1024), ("64MiB", 64 << 20), ("1GiB", 1 << 30)] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), text);
        }
        for bad in ["", "30", "s", "-1s", "1.5s", "1y", "99999999999999999999s", "300000000000d"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
        for bad in ["", "1", "1MB", "1kib", "99999999999GiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
