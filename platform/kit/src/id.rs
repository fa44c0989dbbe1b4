//! Ids: 63 bits that say when, where and by whom they were made, and so route for ever.
//!
//! Layout, from the top: 41 bits milliseconds since 2025-01-01 · 5 bits database · 5 bits table · 6 bits
//! worker · 6 bits sequence. Database and table are *logical* places (design §6). The sequence counts
//! per worker and place. After Twitter's Snowflake (2010), with the place bits of the original mall.
//! Generating is pure: it never sleeps; it says how long to wait, or refuses.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// 2025-01-01T00:00:00Z in milliseconds since the Unix epoch.
pub const EPOCH_MS: i64 = 1_735_689_600_000;
/// Logical databases, and logical tables in each.
pub const PLACES_MAX: u8 = 32;
/// Workers that can mint ids at the same time.
pub const WORKERS_MAX: u8 = 64;
/// Ids per worker, place and millisecond.
pub const SEQUENCE_MAX: u8 = 64;
const TIME_BITS: u32 = 41;

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014): mixes every input bit into every output bit.
#[must_use]
pub const fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A logical place: which database, which table.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Place {
    /// Logical database, 0 to 31.
    pub db: u8,
    /// Logical table, 0 to 31.
    pub table: u8,
}

impl Place {
    /// The place of everything that is not sharded.
    pub const ZERO: Self = Self { db: 0, table: 0 };

    /// A place, if both numbers are under 32.
    #[must_use]
    pub const fn new(db: u8, table: u8) -> Option<Self> {
        if db < PLACES_MAX && table < PLACES_MAX { Some(Self { db, table }) } else { None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.db, self.table)
    }
}

/// A 63-bit id. A decimal string on the wire, because 2^53 is where JSON numbers stop being exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(i64);

/// Not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a decimal string between 0 and 9223372036854775807")]
pub struct InvalidId;

impl Id {
    /// Puts the parts together; `None` when the time is before the epoch or past 41 bits, or a part is
    /// out of its range.
    #[must_use]
    pub const fn compose(ms: i64, place: Place, worker: u8, sequence: u8) -> Option<Self> {
        let t = ms - EPOCH_MS;
        let in_range = t >= 0
            && t < (1 << TIME_BITS)
            && place.db < PLACES_MAX
            && place.table < PLACES_MAX
            && worker < WORKERS_MAX
            && sequence < SEQUENCE_MAX;
        if !in_range {
            return None;
        }
        Some(Self(
            (t << 22)
                | ((place.db as i64) << 17)
                | ((place.table as i64) << 12)
                | ((worker as i64) << 6)
                | sequence as i64,
        ))
    }

    /// From a number that came out of a table.
    ///
    /// # Errors
    /// When it is negative.
    pub const fn from_i64(n: i64) -> Result<Self, InvalidId> {
        if n >= 0 { Ok(Self(n)) } else { Err(InvalidId) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Where it lives.
    #[must_use]
    pub const fn place(self) -> Place {
        Place { db: (self.0 >> 17 & 31) as u8, table: (self.0 >> 12 & 31) as u8 }
    }

    /// When it was made, to the millisecond.
    #[must_use]
    pub const fn made_at(self) -> Timestamp {
        Timestamp::from_millis((self.0 >> 22) + EPOCH_MS)
    }

    /// The least number that an id of this time or later can have; 0 before the epoch.
    #[must_use]
    pub const fn first_at(at: Timestamp) -> i64 {
        let ms = at.millis().saturating_sub(EPOCH_MS);
        if ms < 0 {
            0
        } else if ms >= 1 << TIME_BITS {
            i64::MAX
        } else {
            ms << 22
        }
    }

    /// The worker that made it.
    #[must_use]
    pub const fn worker(self) -> u8 {
        (self.0 >> 6 & 63) as u8
    }

    /// Counts the ids that this worker made for this place in this millisecond.
    #[must_use]
    pub const fn sequence(self) -> u8 {
        (self.0 & 63) as u8
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let plain = !s.is_empty() && s.len() <= 19 && s.bytes().all(|b| b.is_ascii_digit());
        if !plain || (s.len() > 1 && s.starts_with('0')) {
            return Err(InvalidId);
        }
        s.parse().map(Self).map_err(|_| InvalidId)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Declares id types: newtypes over [`Id`] that cannot be confused with one another.
#[macro_export]
macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            $crate::__private::serde::Serialize, $crate::__private::serde::Deserialize,
        )]
        #[serde(transparent, crate = "kit::__private::serde")]
        pub struct $name(pub $crate::Id);

        impl $crate::__private::utoipa::PartialSchema for $name {
            fn schema() -> $crate::__private::utoipa::openapi::RefOr<
                $crate::__private::utoipa::openapi::Schema,
            > {
                $crate::schema::id_schema().into()
            }
        }

        impl $crate::__private::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }

        impl $name {
            /// From a number that came out of a table.
            ///
            /// # Errors
            /// When it is negative.
            pub fn from_i64(n: i64) -> Result<Self, $crate::id::InvalidId> {
                $crate::Id::from_i64(n).map(Self)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0.get()
            }

            /// Where it lives.
            #[must_use]
            pub const fn place(self) -> $crate::Place {
                self.0.place()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    )+};
}

/// Why no id was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// All sequences of this millisecond are used, or the clock stepped back a little: ask again after
    /// so many milliseconds.
    #[error("no id for {0} ms")]
    Wait(u32),
    /// The clock stepped back further than [`BACKWARD_MAX_MS`].
    #[error("the clock stepped back by {0} ms; ids are refused until it has caught up")]
    ClockBackwards(i64),
    /// The worker number's lease does not reach so far; it must be renewed first.
    #[error("the lease of worker number {worker} has run out")]
    LeaseOver {
        /// The number.
        worker: u8,
    },
    /// Before 2025 or past the 41 bits (the year 2094).
    #[error("the clock is outside the range of ids")]
    OutOfRange,
}

/// The most a clock may step back before ids are refused instead of waited for.
pub const BACKWARD_MAX_MS: i64 = 2_000;

/// Mints ids for one worker number. It remembers the last millisecond and sequence of every place, and
/// mints nothing at or past `high_water`, the instant up to which the number is leased: whoever leases
/// the number next begins after it, so a restart cannot mint the same id again.
#[derive(Debug)]
pub struct IdGenerator {
    worker: u8,
    high_water: Timestamp,
    last: HashMap<Place, (i64, u8)>,
    latest_ms: i64,
}

impl IdGenerator {
    /// A generator for a leased worker number that may mint from `from` (exclusive) to `high_water`
    /// (exclusive). `None` when the number is not under [`WORKERS_MAX`].
    #[must_use]
    pub fn new(worker: u8, from: Timestamp, high_water: Timestamp) -> Option<Self> {
        (worker < WORKERS_MAX).then(|| Self {
            worker,
            high_water,
            last: HashMap::new(),
            latest_ms: from.millis(),
        })
    }

    /// The worker number.
    #[must_use]
    pub const fn worker(&self) -> u8 {
        self.worker
    }

    /// The lease was renewed up to `to`; it never shrinks.
    pub fn extend(&mut self, to: Timestamp) {
        self.high_water = self.high_water.max(to);
    }

    /// Mints one id at `place`, or says why not.
    ///
    /// # Errors
    /// See [`MintError`].
    pub fn mint(&mut self, now: Timestamp, place: Place) -> Result<Id, MintError> {
        let now_ms = now.millis();
        if now_ms < self.latest_ms {
            let behind = self.latest_ms - now_ms;
            return Err(match u32::try_from(behind) {
                Ok(ms) if behind <= BACKWARD_MAX_MS => MintError::Wait(ms),
                _ => MintError::ClockBackwards(behind),
            });
        }
        if now_ms >= self.high_water.millis() {
            return Err(MintError::LeaseOver { worker: self.worker });
        }
        let sequence = match self.last.get(&place) {
            Some(&(ms, seq)) if ms == now_ms => {
                if seq + 1 >= SEQUENCE_MAX {
                    return Err(MintError::Wait(1));
                }
                seq + 1
            }
            _ => 0,
        };
        let id = Id::compose(now_ms, place, self.worker, sequence).ok_or(MintError::OutOfRange)?;
        self.last.insert(place, (now_ms, sequence));
        self.latest_ms = now_ms;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + ms)
    }

    #[test]
    fn the_layout_is_fixed() {
        let id = Id::compose(EPOCH_MS + 1, Place { db: 3, table: 7 }, 5, 9).unwrap();
        assert_eq!(id.get(), (1 << 22) | (3 << 17) | (7 << 12) | (5 << 6) | 9);
        assert_eq!(id.place(), Place { db: 3, table: 7 });
        assert_eq!((id.worker(), id.sequence(), id.made_at()), (5, 9, at(1)));
        let top =
            Id::compose(EPOCH_MS + (1 << 41) - 1, Place { db: 31, table: 31 }, 63, 63).unwrap();
        assert_eq!(top.get(), i64::MAX);
        assert!(Id::compose(EPOCH_MS + (1 << 41), Place::ZERO, 0, 0).is_none());
        assert!(Id::compose(EPOCH_MS - 1, Place::ZERO, 0, 0).is_none());
    }

    #[test]
    fn an_id_is_a_plain_decimal_string_on_the_wire() {
        let id = Id::from_i64(9_007_199_254_740_993).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"9007199254740993\"");
        for bad in
            ["", "-1", "+1", "01", "1e3", " 1", "9223372036854775808", "12345678901234567890"]
        {
            assert!(bad.parse::<Id>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_full_millisecond_waits_and_a_backward_clock_is_waited_for_or_refused() {
        let mut g = IdGenerator::new(1, at(0), at(100_000)).unwrap();
        let p = Place::ZERO;
        for _ in 0..64 {
            g.mint(at(5_000), p).unwrap();
        }
        assert_eq!(g.mint(at(5_000), p), Err(MintError::Wait(1)));
        assert!(g.mint(at(5_000), Place { db: 1, table: 0 }).is_ok(), "the sequence is per place");
        assert_eq!(g.mint(at(4_990), p), Err(MintError::Wait(10)));
        assert_eq!(g.mint(at(2_000), p), Err(MintError::ClockBackwards(3_000)));
        assert_eq!(g.mint(at(100_000), p), Err(MintError::LeaseOver { worker: 1 }));
        g.extend(at(200_000));
        assert!(g.mint(at(100_000), p).is_ok());
    }
}
