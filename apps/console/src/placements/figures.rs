//! How evenly orders are spread, and what an id says. Whole numbers only; no markup.

use kit::{Id, Place, Placements, Timestamp};
use order_api::CellCount;

/// With fewer orders by cell, chance decides alone.
const ORDERS_BY_CELL_MIN: i128 = 5;

/// How evenly orders are spread over the cells of the active placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evenness {
    /// The fullest cell, in hundredths of the average.
    pub(crate) fullest: u64,
    /// The emptiest, likewise.
    pub(crate) emptiest: u64,
    /// χ² by degrees of freedom, in hundredths.
    pub(crate) dispersion: u64,
    /// What that means.
    pub(crate) verdict: Verdict,
}

/// What the figures mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    TooFew,
    Even,
    Uneven,
    VeryUneven,
}

impl Evenness {
    /// Of the orders by cell; `None` when there is only one cell.
    pub(crate) fn of(counts: &[i64]) -> Option<Self> {
        let cells = i128::try_from(counts.len()).ok().filter(|n| *n > 1)?;
        let total: i128 = counts.iter().map(|n| i128::from(*n)).sum();
        let part = |n: i128, of: i128| u64::try_from((n * 100).checked_div(of).unwrap_or(0));
        let most = counts.iter().copied().max().map_or(0, i128::from);
        let least = counts.iter().copied().min().map_or(0, i128::from);
        // Σ (n − N/k)² / (N/k), by k − 1; everything times k, so that nothing is cut off early.
        let squares: i128 = counts.iter().map(|n| (cells * i128::from(*n) - total).pow(2)).sum();
        let fullest = part(most * cells, total).unwrap_or(u64::MAX);
        let dispersion = part(squares, cells * total * (cells - 1)).unwrap_or(u64::MAX);
        let verdict = match (fullest, dispersion) {
            _ if total < ORDERS_BY_CELL_MIN * cells => Verdict::TooFew,
            (_, ..=300) | (..=125, _) => Verdict::Even,
            (..=300, _) => Verdict::Uneven,
            _ => Verdict::VeryUneven,
        };
        let emptiest = part(least * cells, total).unwrap_or(u64::MAX);
        Some(Self { fullest, emptiest, dispersion, verdict })
    }
}

/// Hundredths as a decimal number.
pub(crate) fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The share of a number in a total, in per cent with one digit.
pub(crate) fn per_cent(n: i64, total: i64) -> String {
    let tenths = (i128::from(n) * 1_000).checked_div(i128::from(total)).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A cell with its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) place: Place,
    pub(crate) orders: i64,
    /// Whether new orders go there.
    pub(crate) is_home: bool,
}

/// The cells of all versions, and those that have orders all the same.
pub(crate) fn cells(placements: &Placements, counts: &[CellCount], now: Timestamp) -> Vec<Cell> {
    let active = active(placements, now);
    let of = |place: Place| {
        let counted = counts.iter().filter(|c| c.place == place).map(|c| c.orders).sum();
        let is_home = active.is_some_and(|v| v.placement.contains(place));
        Cell { place, orders: counted, is_home }
    };
    let mut places = placements.cells();
    places.extend(counts.iter().filter(|c| c.orders > 0).map(|c| c.place));
    places.sort_unstable();
    places.dedup();
    places.into_iter().map(of).collect()
}

/// The version that new orders take.
pub(crate) fn active(placements: &Placements, now: Timestamp) -> Option<&kit::PlacementVersion> {
    let active = || placements.versions().iter().filter(|v| v.state == kit::PlacementState::Active);
    active().rev().find(|v| v.effective_from <= now).or_else(|| active().next())
}

/// What an id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) id: Id,
    pub(crate) made_at: Timestamp,
    pub(crate) place: Place,
    pub(crate) worker: u8,
    pub(crate) sequence: u8,
    /// The versions of the placement that may have made it.
    pub(crate) versions: Vec<u32>,
    /// Its time has not come yet.
    pub(crate) is_future: bool,
}

impl Decoded {
    pub(crate) fn of(id: Id, placements: &Placements, now: Timestamp) -> Self {
        let (made_at, place) = (id.made_at(), id.place());
        let may = placements.versions().iter().filter(|v| {
            v.state != kit::PlacementState::Draft
                && v.effective_from <= made_at
                && v.placement.contains(place)
        });
        Self {
            id,
            made_at,
            place,
            worker: id.worker(),
            sequence: u8::try_from(id.get() & 63).unwrap_or(0),
            versions: may.map(|v| v.version).collect(),
            is_future: made_at > now,
        }
    }
}

#[cfg(test)]
mod tests {
    use kit::{HashVersion, Placement, PlacementState, PlacementVersion};

    use super::*;

    #[test]
    fn evenness_is_told_from_the_counts() {
        assert_eq!(Evenness::of(&[]), None);
        assert_eq!(Evenness::of(&[7]), None);
        let even = Evenness::of(&[100, 100, 100, 100]).unwrap();
        assert_eq!((even.fullest, even.emptiest, even.dispersion), (100, 100, 0));
        assert_eq!(even.verdict, Verdict::Even);
        // χ² = (20² + 20²) / 100 = 8, of one degree of freedom
        let odd = Evenness::of(&[120, 80]).unwrap();
        assert_eq!((odd.fullest, odd.emptiest, odd.dispersion), (120, 80, 800));
        assert_eq!(odd.verdict, Verdict::Even, "a fifth more is nothing");
        assert_eq!(Evenness::of(&[200, 50, 50]).unwrap().verdict, Verdict::Uneven);
        assert_eq!(Evenness::of(&[900, 1, 1, 1]).unwrap().verdict, Verdict::VeryUneven);
        assert_eq!(Evenness::of(&[3, 0, 0]).unwrap().verdict, Verdict::TooFew);
        assert_eq!(Evenness::of(&[0, 0]).unwrap().verdict, Verdict::TooFew);
        assert!(Evenness::of(&[i64::MAX, i64::MAX]).is_some());
        assert_eq!((decimal(1_205), decimal(7)), ("12.05".to_owned(), "0.07".to_owned()));
        assert_eq!((per_cent(1, 3), per_cent(0, 0)), ("33.3 %".to_owned(), "0.0 %".to_owned()));
    }

    fn grown() -> Placements {
        let version = |version, placement, from, state| PlacementVersion {
            version,
            placement,
            hash: HashVersion::V1,
            effective_from: Timestamp::from_millis(from),
            state,
        };
        let one = Placement::new(1, 2, 0, 0).unwrap();
        let two = Placement::new(1, 4, 0, 0).unwrap();
        let versions = vec![
            version(1, one, 0, PlacementState::ReadOnly),
            version(2, two, kit::id::EPOCH_MS + 1_000, PlacementState::Active),
            version(3, two, 0, PlacementState::Draft),
        ];
        Placements::from_versions(versions).unwrap()
    }

    #[test]
    fn an_id_says_when_where_and_by_which_version_it_may_have_been_made() {
        let id = |ms, table| {
            let place = Place::new(0, table).unwrap();
            Id::compose(kit::id::EPOCH_MS + ms, place, 5, 9).unwrap()
        };
        let now = Timestamp::from_millis(kit::id::EPOCH_MS + 5_000);
        let early = Decoded::of(id(999, 1), &grown(), now);
        assert_eq!((early.worker, early.sequence, early.place.table), (5, 9, 1));
        assert_eq!((early.versions.as_slice(), early.is_future), (&[1][..], false));
        assert_eq!(Decoded::of(id(1_000, 1), &grown(), now).versions, [1, 2]);
        assert_eq!(Decoded::of(id(1_000, 3), &grown(), now).versions, [2]);
        assert!(Decoded::of(id(1_000, 4), &grown(), now).versions.is_empty());
        assert!(Decoded::of(id(5_001, 3), &grown(), now).is_future);
    }

    #[test]
    fn cells_are_those_of_all_versions_and_those_with_orders() {
        let place = |db, table| Place::new(db, table).unwrap();
        let counts = [
            CellCount { place: place(0, 1), orders: 7 },
            CellCount { place: place(9, 9), orders: 2 },
        ];
        let early = Timestamp::from_millis(0);
        let cells = cells(&grown(), &counts, early);
        let seen: Vec<_> = cells.iter().map(|c| (c.place.db, c.place.table, c.orders)).collect();
        assert_eq!(seen, [(0, 0, 0), (0, 1, 7), (0, 2, 0), (0, 3, 0), (9, 9, 2)]);
        assert!(cells[3].is_home && !cells[4].is_home);
    }
}
