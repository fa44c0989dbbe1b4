//! Where a tenant's users live: a pure formula over a fixed hash. No IO, no clock of its own.
//!
//! `dbIndex = h / tableCount % dbCount + dbStart`, `tableIndex = h % tableCount + tableStart`. Dividing
//! first makes the pair the two digits of `h mod (dbCount · tableCount)`, so every cell is equally
//! likely; taking `h % dbCount` instead reaches only lcm(dbCount, tableCount) of the cells.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{Id, PLACES_MAX, Place, mix64};

/// The hash of user ids. Versions are never changed, only added: rows lie where they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum HashVersion {
    /// The splitmix64 finalizer over the id plus the golden-ratio constant.
    #[default]
    V1,
}

impl HashVersion {
    /// The hash of a user id.
    #[must_use]
    pub const fn hash(self, user_id: i64) -> u64 {
        match self {
            Self::V1 => mix64(user_id.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15)),
        }
    }
}

/// A rectangle of cells: `dbCount` databases from `dbStart`, `tableCount` tables in each from
/// `tableStart`. Always inside the 32 × 32 places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Placement {
    db_count: u8,
    table_count: u8,
    db_start: u8,
    table_start: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    db_count: u8,
    table_count: u8,
    db_start: u8,
    table_start: u8,
}

impl TryFrom<Wire> for Placement {
    type Error = PlacementError;
    fn try_from(w: Wire) -> Result<Self, Self::Error> {
        Self::new(w.db_count, w.table_count, w.db_start, w.table_start)
    }
}

impl From<Placement> for Wire {
    fn from(p: Placement) -> Self {
        Self {
            db_count: p.db_count,
            table_count: p.table_count,
            db_start: p.db_start,
            table_start: p.table_start,
        }
    }
}

/// Why four numbers are not a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// A count of zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// Past the last place.
    #[error("{what} {start} + {count} ends past 31, the last place")]
    Overflow {
        /// `dbStart + dbCount` or `tableStart + tableCount`.
        what: &'static str,
        /// The start.
        start: u8,
        /// The count.
        count: u8,
    },
}

impl Placement {
    /// A placement.
    ///
    /// # Errors
    /// When a count is zero or the rectangle ends past place 31.
    pub const fn new(
        db_count: u8,
        table_count: u8,
        db_start: u8,
        table_start: u8,
    ) -> Result<Self, PlacementError> {
        if db_count == 0 {
            return Err(PlacementError::Zero("dbCount"));
        }
        if table_count == 0 {
            return Err(PlacementError::Zero("tableCount"));
        }
        if db_start.saturating_add(db_count) > PLACES_MAX {
            let what = "dbStart + dbCount:";
            return Err(PlacementError::Overflow { what, start: db_start, count: db_count });
        }
        if table_start.saturating_add(table_count) > PLACES_MAX {
            let what = "tableStart + tableCount:";
            return Err(PlacementError::Overflow { what, start: table_start, count: table_count });
        }
        Ok(Self { db_count, table_count, db_start, table_start })
    }

    /// The cell of a hash.
    #[must_use]
    pub const fn cell(self, hash: u64) -> Place {
        let (tables, dbs) = (self.table_count as u64, self.db_count as u64);
        Place {
            db: (hash / tables % dbs) as u8 + self.db_start,
            table: (hash % tables) as u8 + self.table_start,
        }
    }

    /// All cells, by database and table.
    pub fn cells(self) -> impl Iterator<Item = Place> {
        let tables = self.table_start..self.table_start + self.table_count;
        (self.db_start..self.db_start + self.db_count)
            .flat_map(move |db| tables.clone().map(move |table| Place { db, table }))
    }

    /// The cells that both use. Allowed, because every row starts with its tenant, but worth telling.
    #[must_use]
    pub fn overlap(self, other: Self) -> Vec<Place> {
        self.cells().filter(|c| other.contains(*c)).collect()
    }

    /// Whether a cell belongs to this placement.
    #[must_use]
    pub const fn contains(self, place: Place) -> bool {
        place.db >= self.db_start
            && place.db < self.db_start + self.db_count
            && place.table >= self.table_start
            && place.table < self.table_start + self.table_count
    }

    /// How many logical databases it uses.
    #[must_use]
    pub const fn db_count(self) -> u8 {
        self.db_count
    }

    /// How many tables in each.
    #[must_use]
    pub const fn table_count(self) -> u8 {
        self.table_count
    }

    /// The first database.
    #[must_use]
    pub const fn db_start(self) -> u8 {
        self.db_start
    }

    /// The first table.
    #[must_use]
    pub const fn table_start(self) -> u8 {
        self.table_start
    }

    /// The logical databases, ascending.
    pub fn databases(self) -> impl Iterator<Item = u8> {
        self.db_start..self.db_start + self.db_count
    }

    /// How many cells it has.
    #[must_use]
    pub fn len(self) -> usize {
        usize::from(self.db_count) * usize::from(self.table_count)
    }

    /// Never: a placement has at least one cell.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({},{},{},{})", self.db_count, self.table_count, self.db_start, self.table_start)
    }
}

impl std::str::FromStr for Placement {
    type Err = String;

    /// Reads `dbCount,tableCount,dbStart,tableStart`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let numbers: Vec<u8> = s
            .trim_matches(|c| c == '(' || c == ')')
            .split(',')
            .map(|n| n.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| "four numbers from 0 to 32, such as 4,8,4,0".to_owned())?;
        match numbers[..] {
            [d, t, ds, ts] => Self::new(d, t, ds, ts).map_err(|e| e.to_string()),
            _ => Err("four numbers: dbCount,tableCount,dbStart,tableStart".to_owned()),
        }
    }
}

/// What a version of a placement is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementState {
    /// Not used yet.
    Draft,
    /// New rows go here from its effective time on.
    Active,
    /// Old rows are read and changed here; no new ones.
    ReadOnly,
    /// Nothing is left here.
    Retired,
}

/// One version of a tenant's placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementVersion {
    /// Counts from 1.
    pub version: u32,
    /// The cells.
    pub placement: Placement,
    /// How users are hashed in this version.
    pub hash: HashVersion,
    /// From when on it is used, once active.
    pub effective_from: Timestamp,
    /// What it is used for.
    pub state: PlacementState,
}

impl PlacementVersion {
    /// The cell of a user in this version.
    #[must_use]
    pub const fn cell(&self, user_id: i64) -> Place {
        self.placement.cell(self.hash.hash(user_id))
    }

    /// Whether users may have rows in its cells.
    #[must_use]
    pub const fn holds_rows(&self) -> bool {
        matches!(self.state, PlacementState::Active | PlacementState::ReadOnly)
    }
}

/// All versions of a tenant's placement, ascending. Never empty of active ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PlacementVersion>")]
pub struct Placements(Vec<PlacementVersion>);

/// No version of a placement is active, so that new rows would have no home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one version of a placement must be active")]
pub struct NothingActive;

impl TryFrom<Vec<PlacementVersion>> for Placements {
    type Error = NothingActive;

    fn try_from(versions: Vec<PlacementVersion>) -> Result<Self, NothingActive> {
        Self::from_versions(versions).ok_or(NothingActive)
    }
}

impl Placements {
    /// The first version of a tenant.
    #[must_use]
    pub fn initial(placement: Placement) -> Self {
        Self(vec![PlacementVersion {
            version: 1,
            placement,
            hash: HashVersion::V1,
            effective_from: Timestamp::from_micros(0),
            state: PlacementState::Active,
        }])
    }

    /// Versions read from a table; `None` when no version is active.
    #[must_use]
    pub fn from_versions(mut versions: Vec<PlacementVersion>) -> Option<Self> {
        versions.sort_by_key(|v| v.version);
        versions.iter().any(|v| v.state == PlacementState::Active).then_some(Self(versions))
    }

    /// All versions.
    #[must_use]
    pub fn versions(&self) -> &[PlacementVersion] {
        &self.0
    }

    /// The number of the newest version, whatever its state: how much of the tenant's past this map knows.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.0.last().map_or(0, |v| v.version)
    }

    /// The version that new rows take at a time: the newest active one in effect, else the oldest active
    /// one.
    #[must_use]
    pub fn in_effect(&self, at: Timestamp) -> Option<&PlacementVersion> {
        let active = || self.0.iter().filter(|v| v.state == PlacementState::Active);
        active().rev().find(|v| v.effective_from <= at).or_else(|| active().next())
    }

    /// Where a user's new rows go now.
    #[must_use]
    pub fn home(&self, user_id: i64, now: Timestamp) -> Place {
        // The constructors see to it that one is active.
        self.in_effect(now).map_or(Place::ZERO, |v| v.cell(user_id))
    }

    /// Every cell that may hold rows of a user: one per version that is not retired or a draft, the
    /// oldest version's first. Rows only ever move to a newer version's cell, so whoever looks into the
    /// cells in this order meets a row that is on its way at least once.
    #[must_use]
    pub fn homes(&self, user_id: i64) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for version in self.0.iter().filter(|v| v.holds_rows()) {
            let place = version.cell(user_id);
            // The last mention counts: what moves to it comes later.
            places.retain(|p| *p != place);
            places.push(place);
        }
        places
    }

    /// Whether a row whose id was minted at a place at a time may still be made there for a user: the
    /// place was the user's home then, by a version that is still written to and not older than `floor`.
    /// Clocks may be apart by `skew`.
    #[must_use]
    pub fn admits(&self, user_id: i64, id: Id, floor: u32, skew: Duration) -> bool {
        let made_at = id.made_at();
        let mut superseded = None;
        for version in self.0.iter().rev().filter(|v| v.holds_rows()) {
            let begun = version.effective_from <= made_at.plus(skew);
            let over = superseded.is_some_and(|at: Timestamp| at.plus(skew) < made_at);
            if begun && !over && version.version >= floor && version.cell(user_id) == id.place() {
                return true;
            }
            superseded = Some(
                superseded.map_or(version.effective_from, |at| at.min(version.effective_from)),
            );
        }
        false
    }

    /// Whether rows are on their way out of the cells of an older version.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.iter().any(|v| v.state == PlacementState::ReadOnly)
    }

    /// Whether a row may lie elsewhere than its id says: an older version is or was emptied, and the id
    /// was minted before the active one took effect, by clocks that are apart by `skew`.
    #[must_use]
    pub fn may_have_moved(&self, id: Id, skew: Duration) -> bool {
        let emptied = |v: &&PlacementVersion| {
            matches!(v.state, PlacementState::ReadOnly | PlacementState::Retired)
        };
        let last = self.0.iter().rfind(|v| v.state == PlacementState::Active);
        self.0.iter().any(|v| emptied(&v))
            && last.is_some_and(|v| id.made_at() <= v.effective_from.plus(skew))
    }

    /// Every cell that some id may name: those of all versions but drafts. Ids route for ever, so a
    /// retired version's are among them.
    #[must_use]
    pub fn routable(&self) -> Vec<Place> {
        self.cells_of(|v| v.state != PlacementState::Draft)
    }

    /// Every cell that any version in use has.
    #[must_use]
    pub fn cells(&self) -> Vec<Place> {
        self.cells_of(|v| v.state != PlacementState::Retired)
    }

    fn cells_of(&self, wanted: impl Fn(&PlacementVersion) -> bool) -> Vec<Place> {
        let versions = self.0.iter().filter(|v| wanted(v));
        let mut places: Vec<Place> = versions.flat_map(|v| v.placement.cells()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown() -> Placements {
        let version = |version, placement: &str, from, state| PlacementVersion {
            version,
            placement: placement.parse().unwrap(),
            hash: HashVersion::V1,
            effective_from: Timestamp::from_millis(from),
            state,
        };
        let at = crate::id::EPOCH_MS;
        Placements::from_versions(vec![
            version(1, "1,1,0,0", 0, PlacementState::Retired),
            version(2, "4,8,4,0", 0, PlacementState::ReadOnly),
            version(3, "8,8,4,0", at + 10_000, PlacementState::Active),
            version(4, "8,8,12,0", at + 60_000, PlacementState::Active),
        ])
        .unwrap()
    }

    #[test]
    fn lists_look_into_the_oldest_cell_first_and_into_each_once() {
        let placements = grown();
        for user in 0..1_000 {
            let homes = placements.homes(user);
            let [two, three, four] = [1, 2, 3].map(|v: usize| placements.versions()[v].cell(user));
            let wanted = if two == three { vec![two, four] } else { vec![two, three, four] };
            assert_eq!(homes, wanted, "user {user}");
        }
        assert_eq!(placements.epoch(), 4);
    }

    #[test]
    fn a_row_is_admitted_where_its_user_lived_when_its_id_was_minted() {
        let (placements, skew) = (grown(), Duration::from_secs(2));
        let moved = (0..100)
            .find(|u| placements.versions()[1].cell(*u) != placements.versions()[2].cell(*u));
        let user = moved.unwrap();
        let [old, new, newest] = [1, 2, 3].map(|v: usize| placements.versions()[v].cell(user));
        let id = |s: i64, place| Id::compose(crate::id::EPOCH_MS + s * 1_000, place, 0, 0).unwrap();
        let admits = |s, place, floor| placements.admits(user, id(s, place), floor, skew);
        assert!(admits(5, old, 0), "before the cutover");
        assert!(!admits(5, new, 0), "too early");
        assert!(admits(9, new, 0) && admits(12, old, 0), "clocks may be apart by two seconds");
        assert!(
            admits(30, new, 0) && !admits(30, old, 0),
            "an old map minted it after the cutover"
        );
        assert!(!admits(5, old, 3), "the old version takes nothing any more");
        assert!(admits(30, new, 3));
        assert!(admits(100, newest, 4) && !admits(100, new, 0));
        assert!(!admits(1, Place::ZERO, 0), "a retired version takes nothing");
    }

    #[test]
    fn only_ids_from_before_the_active_version_may_have_moved() {
        let skew = Duration::from_secs(2);
        let id = |s: i64| Id::compose(crate::id::EPOCH_MS + s * 1_000, Place::ZERO, 0, 0).unwrap();
        let placements = grown();
        assert!(placements.is_draining());
        assert!(placements.may_have_moved(id(5), skew) && placements.may_have_moved(id(62), skew));
        assert!(!placements.may_have_moved(id(63), skew));
        let one = Placements::initial(Placement::new(4, 8, 4, 0).unwrap());
        assert!(!one.is_draining() && !one.may_have_moved(id(0), skew));
        assert!(placements.routable().contains(&Place::ZERO), "a retired version's ids route");
        assert!(!placements.cells().contains(&Place::ZERO));
    }

    #[test]
    fn placements_without_an_active_version_are_refused_on_the_wire() {
        let one = Placements::initial(Placement::new(1, 8, 0, 16).unwrap());
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Placements>(&text).unwrap(), one);
        assert!(serde_json::from_str::<Placements>("[]").is_err());
        assert!(serde_json::from_str::<Placements>(&text.replace("active", "draft")).is_err());
    }
}
