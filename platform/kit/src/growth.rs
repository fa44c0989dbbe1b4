//! What becomes of users and rows when a placement is followed by another: pure arithmetic over the two
//! formulas, exact, in whole numbers. It must not know how many rows there are; it is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Place;
use crate::placement::Placement;

/// A share of all users: `of` in `all`, without a common divisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The part.
    pub of: u64,
    /// The whole.
    pub all: u64,
}

impl Share {
    /// A share in its lowest terms; nothing of nothing is 0 of 1.
    #[must_use]
    pub const fn new(of: u64, all: u64) -> Self {
        match gcd(of, all) {
            0 => Self { of: 0, all: 1 },
            d => Self { of: of / d, all: all / d },
        }
    }

    /// Tenths of a per cent, rounded down.
    #[must_use]
    pub const fn per_mille(self) -> u64 {
        match self.of.saturating_mul(1_000).checked_div(self.all) {
            Some(n) => n,
            None => 0,
        }
    }

    /// This share of a number, rounded to the nearest.
    #[must_use]
    pub fn times(self, n: u64) -> u64 {
        let (of, all) = (u128::from(self.of), u128::from(self.all).max(1));
        u64::try_from((of * u128::from(n) + all / 2) / all).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mille = self.per_mille();
        write!(f, "{}.{} %", mille / 10, mille % 10)
    }
}

/// What the step from one placement to another does to the users of each cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    from: Placement,
    to: Placement,
    /// How many of the hashes of one period go from a cell to a cell.
    flows: BTreeMap<(Place, Place), u64>,
    period: u64,
}

impl Growth {
    /// Looks at every hash of one period. The cells of a placement repeat after `dbCount · tableCount`
    /// hashes, so the pair repeats after the least common multiple of both: at most about a million.
    /// Both placements must use the same hash, as all do.
    #[must_use]
    pub fn between(from: Placement, to: Placement) -> Self {
        let size = |p: Placement| u64::try_from(p.len()).unwrap_or(1);
        let period = size(from) / gcd(size(from), size(to)).max(1) * size(to);
        let mut flows = BTreeMap::new();
        for hash in 0..period {
            *flows.entry((from.cell(hash), to.cell(hash))).or_insert(0) += 1;
        }
        Self { from, to, flows, period }
    }

    /// The share of users whose cell stays the same.
    #[must_use]
    pub fn stays(&self) -> Share {
        let same = self.flows.iter().filter(|((a, b), _)| a == b).map(|(_, n)| n);
        Share::new(same.sum(), self.period)
    }

    /// The cells that come into being.
    #[must_use]
    pub fn new_cells(&self) -> Vec<Place> {
        self.to.cells().filter(|c| !self.from.contains(*c)).collect()
    }

    /// The logical databases that come into being.
    #[must_use]
    pub fn new_databases(&self) -> Vec<u8> {
        let old: Vec<u8> = self.from.databases().collect();
        self.to.databases().filter(|db| !old.contains(db)).collect()
    }

    /// Where the rows of each cell would lie if all went to their users' new cells. Rows of cells that the
    /// old placement does not have stay.
    #[must_use]
    pub fn spread(&self, rows: &[(Place, u64)]) -> BTreeMap<Place, u64> {
        let (first, last) = (Place::ZERO, Place { db: u8::MAX, table: u8::MAX });
        let mut spread = BTreeMap::new();
        for (cell, rows) in rows {
            if !self.from.contains(*cell) {
                *spread.entry(*cell).or_insert(0) += rows;
                continue;
            }
            // The flows out of a cell stand together.
            let flows = || self.flows.range((*cell, first)..=(*cell, last));
            let all: u64 = flows().map(|(_, n)| n).sum();
            // The remainders of the division go along, so that no row is lost or made.
            let (mut left, mut parts) = (*rows, all);
            for ((_, to), n) in flows() {
                let part = Share::new(*n, parts).times(left);
                *spread.entry(*to).or_insert(0) += part;
                left = left.saturating_sub(part);
                parts = parts.saturating_sub(*n);
            }
        }
        spread
    }

    /// Whether it grows the tables although there are several databases. The number of tables decides the
    /// digit of the database too, so that nearly everybody moves: doubling the databases moves one half.
    #[must_use]
    pub const fn shuffles(&self) -> bool {
        let several = self.from.db_count() > 1 || self.to.db_count() > 1;
        several
            && self.to.table_count() > self.from.table_count()
            && self.from.table_count() as u16 * self.from.db_count() as u16 > 1
    }

    /// The same number of databases twice, in place: what moves the fewest users. `None` when there is no
    /// room for it.
    #[must_use]
    pub fn doubled(from: Placement) -> Option<Placement> {
        let twice = from.db_count().checked_mul(2)?;
        Placement::new(twice, from.table_count(), from.db_start(), from.table_start()).ok()
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::placement::HashVersion;

    fn at(d: u8, t: u8, ds: u8, ts: u8) -> Placement {
        Placement::new(d, t, ds, ts).unwrap()
    }

    fn stays(from: (u8, u8), to: (u8, u8)) -> (u64, u64) {
        let share = Growth::between(at(from.0, from.1, 0, 0), at(to.0, to.1, 0, 0)).stays();
        (share.of, share.all)
    }

    #[test]
    fn the_share_of_users_that_stay_is_exact() {
        assert_eq!(stays((4, 8), (8, 8)), (1, 2));
        assert_eq!(stays((1, 8), (2, 8)), (1, 2));
        assert_eq!(stays((2, 8), (3, 8)), (1, 3));
        assert_eq!(stays((4, 8), (5, 8)), (1, 5));
        assert_eq!(stays((1, 8), (1, 16)), (1, 2));
        assert_eq!(stays((4, 8), (4, 16)), (1, 8), "growing the tables moves nearly everybody");
        assert_eq!(stays((4, 8), (8, 16)), (1, 16));
        assert_eq!(stays((4, 8), (4, 8)), (1, 1));
        let moved = Growth::between(at(4, 8, 4, 0), at(4, 8, 8, 0));
        assert_eq!((moved.stays().of, moved.new_cells().len()), (0, 32));
        assert_eq!(moved.new_databases(), [8, 9, 10, 11]);
    }

    #[test]
    fn shares_are_told_in_lowest_terms_and_never_divide_by_nothing() {
        assert_eq!(
            (Share::new(0, 0), Share::new(12, 32)),
            (Share::new(0, 1), Share { of: 3, all: 8 })
        );
        assert_eq!(
            (Share::new(1, 8).to_string(), Share::new(1, 3).to_string()),
            ("12.5 %".into(), "33.3 %".into())
        );
        assert_eq!((Share::new(1, 3).times(10), Share::new(2, 3).times(10)), (3, 7));
        assert_eq!(Share::new(1, 1).times(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_plan_that_shuffles_is_told_from_one_that_doubles() {
        let of = |from, to| Growth::between(from, to).shuffles();
        assert!(of(at(4, 8, 4, 0), at(4, 16, 4, 0)));
        assert!(of(at(1, 8, 0, 0), at(2, 16, 0, 0)));
        assert!(!of(at(4, 8, 4, 0), at(8, 8, 4, 0)));
        assert!(!of(at(1, 8, 0, 0), at(1, 16, 0, 0)), "with one database the tables may double");
        assert!(!of(at(1, 1, 0, 0), at(4, 8, 0, 0)), "from one cell everybody is spread anyway");
        assert_eq!(Growth::doubled(at(4, 8, 4, 0)), Some(at(8, 8, 4, 0)));
        assert_eq!(Growth::doubled(at(4, 8, 28, 0)), None, "there is no room");
    }

    prop_compose! {
        fn placements()(d in 1..9_u8, t in 1..9_u8, ds in 0..24_u8, ts in 0..24_u8) -> Placement {
            at(d, t, ds, ts)
        }
    }

    proptest! {
        #[test]
        fn no_row_is_lost_or_made_by_a_spread(
            from in placements(), to in placements(), rows in prop::collection::vec(0..10_000_u64, 81),
            beyond in 0..1_000_u64,
        ) {
            let growth = Growth::between(from, to);
            let mut counts: Vec<(Place, u64)> = from.cells().zip(rows).collect();
            let far = Place { db: 31, table: 31 };
            counts.push((far, beyond));
            let spread = growth.spread(&counts);
            let before: u64 = counts.iter().map(|(_, n)| n).sum();
            prop_assert_eq!(spread.values().sum::<u64>(), before);
            prop_assert!(spread.keys().all(|c| to.contains(*c) || *c == far));
        }

        #[test]
        fn the_exact_share_is_what_a_sample_of_users_shows(from in placements(), to in placements()) {
            let growth = Growth::between(from, to);
            let users = 0..20_000_i64;
            let stay = users
                .clone()
                .map(|u| HashVersion::V1.hash(u))
                .filter(|h| from.cell(*h) == to.cell(*h))
                .count();
            let expected = growth.stays().times(20_000);
            // Six standard deviations of a fair coin are 425 of 20,000.
            prop_assert!(expected.abs_diff(stay as u64) <= 425, "{stay} stay, not {expected}");
        }
    }
}
