//! The id of a global transaction. It says when the transaction began and how long it may take, so that whoever
//! meets it first can begin it, nobody takes up one whose time is over, and rows of old ones are a range of the key.

use std::time::Duration;

use kit::Timestamp;
use rpc::Xid;

/// Digits of the time; enough for the next two thousand years.
const TIME_DIGITS: usize = 14;

/// What an xid says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XidParts {
    /// When it was minted.
    pub begun: Timestamp,
    /// How long after that it may be decided to commit.
    pub timeout: Duration,
}

/// Makes an xid; `random` tells those apart that begin in one microsecond.
#[must_use]
pub fn mint_xid(begun: Timestamp, timeout: Duration, random: u64) -> Xid {
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    Xid(format!("{}-{ms:x}-{random:016x}", time_digits(begun)))
}

/// No xid that begins at this instant or later sorts before this text, and none from before it sorts after.
pub(crate) fn xid_floor(at: Timestamp) -> String {
    time_digits(at)
}

fn time_digits(at: Timestamp) -> String {
    format!("{:0TIME_DIGITS$x}", u64::try_from(at.micros()).unwrap_or(0))
}

impl XidParts {
    /// Reads an xid; `None` when it was not made by [`mint_xid`].
    #[must_use]
    pub fn of(xid: &Xid) -> Option<Self> {
        let mut parts = xid.0.split('-');
        let (time, timeout, random) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || time.len() != TIME_DIGITS || random.len() != 16 {
            return None;
        }
        u64::from_str_radix(random, 16).ok()?;
        let micros = i64::from_str_radix(time, 16).ok()?;
        let ms = u64::from_str_radix(timeout, 16).ok()?;
        let parts =
            Self { begun: Timestamp::from_micros(micros), timeout: Duration::from_millis(ms) };
        (mint_xid(parts.begun, parts.timeout, u64::from_str_radix(random, 16).ok()?) == *xid)
            .then_some(parts)
    }

    /// From when on it may not be committed any more.
    #[must_use]
    pub fn deadline(self) -> Timestamp {
        self.begun.plus(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_not_minted_is_no_xid() {
        for text in [
            "",
            "x",
            "1-2-3",
            "00000000000001-0-000000000000000g",
            "00000000000001-0",
            "+0000000000001-0-0000000000000001",
        ] {
            assert_eq!(XidParts::of(&Xid(text.to_owned())), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_xid_says_when_it_began_and_how_long_it_may_take(
            us in 0_i64..(1 << 55), ms in 0_u64..10_000_000, random: u64
        ) {
            let (begun, timeout) = (Timestamp::from_micros(us), Duration::from_millis(ms));
            let xid = mint_xid(begun, timeout, random);
            prop_assert!(xid.0.len() <= 40);
            prop_assert_eq!(XidParts::of(&xid), Some(XidParts { begun, timeout }));
        }

        #[test]
        fn xids_sort_by_their_beginning(a in 0_i64..(1 << 55), b in 0_i64..(1 << 55), random: u64) {
            let floor = xid_floor(Timestamp::from_micros(b));
            let xid = mint_xid(Timestamp::from_micros(a), Duration::from_secs(9), random);
            prop_assert_eq!(xid.0 < floor, a < b);
        }
    }
}
