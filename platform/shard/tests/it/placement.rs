//! Where users live: every cell is as likely as any other, an id leads to the cell its user's hash
//! chose, and the hash never changes.

use std::collections::BTreeSet;

use kit::{Id, IdGenerator, Place, Timestamp};
use proptest::prelude::*;
use shard::{HashVersion, Placement, PlacementError, PlacementState, PlacementVersion, Placements};
use testkit::{BEGIN, seeded_entropy};

/// The statistic of Pearson's chi-square test for equally likely cells.
#[expect(clippy::float_arithmetic, reason = "a statistic")]
fn chi_square(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    let expected = f64::from(total) / counts.len() as f64;
    counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum()
}

/// The value that a fair hash exceeds with probability 1e-6, after Wilson and Hilferty (1931). 2,046
/// samples are tested, so a fair hash would fail this test with one seed in about 500; the seed is fixed.
#[expect(clippy::float_arithmetic, reason = "a statistic")]
fn critical(cells: usize) -> f64 {
    const Z: f64 = 4.753;
    let df = (cells - 1) as f64;
    let spread = 2.0 / (9.0 * df);
    df * Z.mul_add(spread.sqrt(), 1.0 - spread).powi(3)
}

fn counts(
    placement: Placement,
    cell: impl Fn(u64) -> Place,
    users: impl Iterator<Item = i64>,
) -> Vec<u32> {
    let mut counts = vec![0; 32 * 32];
    for user in users {
        let place = cell(HashVersion::V1.hash(user));
        counts[usize::from(place.db) * 32 + usize::from(place.table)] += 1;
    }
    placement.cells().map(|c| counts[usize::from(c.db) * 32 + usize::from(c.table)]).collect()
}

const USERS_PER_CELL: i64 = 40;
const SEED: u64 = 0x5ba2_d001;

#[test]
fn sh_01_every_cell_is_equally_likely() {
    let first = (seeded_entropy(SEED).next_u64().unwrap() >> 24) as i64;
    for (d, t) in (1..=32).flat_map(|d| (1..=32).map(move |t| (d, t))).filter(|p| *p != (1, 1)) {
        let placement = Placement::new(d, t, 0, 0).unwrap();
        let users = USERS_PER_CELL * i64::from(d) * i64::from(t);
        let counted_up = first..first + users;
        // Users that come rarely: nothing in the low 22 bits.
        let minted = (0..users).map(|n| (first % (1 << 30) + n * 977) << 22);
        let samples = [
            counts(placement, |h| placement.cell(h), counted_up),
            counts(placement, |h| placement.cell(h), minted),
        ];
        for counts in samples {
            let statistic = chi_square(&counts);
            let limit = critical(counts.len());
            assert!(statistic < limit, "{placement}: chi-square {statistic:.1}, limit {limit:.1}");
        }
    }
}

#[test]
fn sh_01_without_dividing_first_a_placement_of_4_by_8_reaches_8_of_its_32_cells() {
    let placement = Placement::new(4, 8, 0, 0).unwrap();
    let naive = |h: u64| Place { db: (h % 4) as u8, table: (h % 8) as u8 };
    let skewed = counts(placement, naive, 1..=100_000);
    assert_eq!(skewed.iter().filter(|n| **n > 0).count(), 8);
    assert!(chi_square(&skewed) > critical(32), "the statistic sees the skew");
    let even = counts(placement, |h| placement.cell(h), 1..=100_000);
    assert_eq!(even.iter().filter(|n| **n > 0).count(), 32);
    assert!(chi_square(&even) < critical(32));
}

prop_compose! {
    fn placements()(d in 1_u8..=32, t in 1_u8..=32)
        (ds in 0..=32 - d, ts in 0..=32 - t, d in Just(d), t in Just(t)) -> Placement {
        Placement::new(d, t, ds, ts).unwrap()
    }
}

proptest! {
    #[test]
    fn sh_02_an_id_leads_to_the_cell_of_its_user(
        placement in placements(), user in 0..i64::MAX, ms in 0..60_000_i64, worker in 0_u8..64,
    ) {
        let home = Placements::initial(placement).home(user, BEGIN);
        prop_assert!(placement.contains(home));
        prop_assert!(placement.cells().any(|c| c == home));
        let now = Timestamp::from_millis(BEGIN.millis() + ms);
        let mut generator = IdGenerator::new(worker, BEGIN, Timestamp::from_millis(now.millis() + 1)).unwrap();
        let id = generator.mint(now, home).unwrap();
        // Over the wire and through a table.
        let decoded: Id = id.to_string().parse().unwrap();
        let stored = Id::from_i64(id.get()).unwrap();
        for id in [id, decoded, stored] {
            prop_assert_eq!(id.place(), home);
            prop_assert_eq!((id.worker(), id.made_at()), (worker, now));
        }
    }

    #[test]
    fn sh_02_a_new_row_goes_where_its_users_list_looks_after_every_growth(
        grown in prop::collection::vec(placements(), 1..5), user in 0..i64::MAX,
    ) {
        let versions: Vec<PlacementVersion> = (1..)
            .zip(&grown)
            .map(|(version, placement)| PlacementVersion {
                version,
                placement: *placement,
                hash: HashVersion::V1,
                effective_from: Timestamp::from_millis(BEGIN.millis() + i64::from(version) * 1_000),
                state: PlacementState::Active,
            })
            .collect();
        let placements = Placements::from_versions(versions).unwrap();
        let homes = placements.homes(user);
        prop_assert!(homes.iter().all(|h| placements.cells().contains(h)));
        // At every time between growths, and before the first.
        for s in 0..=5 {
            let now = Timestamp::from_millis(BEGIN.millis() + s * 1_000);
            let home = placements.home(user, now);
            prop_assert!(homes.contains(&home));
            let wanted = usize::try_from(s).unwrap().clamp(1, grown.len());
            prop_assert!(grown[wanted - 1].contains(home));
        }
    }
}

#[test]
fn sh_04_a_placement_that_ends_past_the_last_place_is_refused() {
    for (d, t, ds, ts) in [
        (33, 1, 0, 0),
        (1, 33, 0, 0),
        (32, 1, 1, 0),
        (4, 8, 29, 0),
        (4, 8, 0, 25),
        (1, 1, 32, 0),
        (1, 1, 0, 32),
        (255, 1, 255, 0),
        (1, 255, 0, 255),
    ] {
        let refused = Placement::new(d, t, ds, ts).unwrap_err();
        assert!(matches!(refused, PlacementError::Overflow { .. }), "{d},{t},{ds},{ts}: {refused}");
        assert!(refused.to_string().ends_with("ends past 31, the last place"), "{refused}");
        let wire =
            format!(r#"{{"dbCount":{d},"tableCount":{t},"dbStart":{ds},"tableStart":{ts}}}"#);
        assert!(serde_json::from_str::<Placement>(&wire).is_err(), "not by way of the wire either");
        assert!(format!("{d},{t},{ds},{ts}").parse::<Placement>().is_err());
    }
    assert_eq!(Placement::new(0, 1, 0, 0), Err(PlacementError::Zero("dbCount")));
    assert_eq!(Placement::new(1, 0, 0, 0), Err(PlacementError::Zero("tableCount")));
    for (d, t, ds, ts) in [(32, 32, 0, 0), (1, 1, 31, 31), (4, 8, 28, 24)] {
        let fits = Placement::new(d, t, ds, ts).unwrap();
        assert!(fits.cells().all(|c| Place::new(c.db, c.table).is_some()));
        assert_eq!(fits.cells().count(), fits.len());
    }
}

#[test]
fn sh_04_the_overlap_of_two_placements_is_reported() {
    let at = |d, t, ds, ts| Placement::new(d, t, ds, ts).unwrap();
    let demo = [at(1, 1, 0, 0), at(1, 8, 0, 16), at(4, 8, 4, 0)];
    for (i, a) in demo.iter().enumerate() {
        for b in &demo[i + 1..] {
            assert_eq!(a.overlap(*b), []);
        }
    }
    let both: Vec<Place> = at(2, 4, 0, 0).overlap(at(4, 2, 1, 3));
    assert_eq!(both, [Place { db: 1, table: 3 }]);
    assert_eq!(at(1, 8, 0, 16).overlap(at(1, 8, 0, 16)).len(), 8);
    let (a, b) = (at(4, 8, 4, 0), at(3, 32, 3, 0));
    assert_eq!(a.overlap(b), b.overlap(a), "the same from both sides");
}

/// `user_id hash db/table db/table db/table`, made by `tests/golden/placement.py`.
const GOLDEN: &str = include_str!("../golden/placement.txt");

fn demo_placements() -> [Placement; 3] {
    ["1,1,0,0", "1,8,0,16", "4,8,4,0"].map(|p| p.parse().unwrap())
}

#[test]
fn sh_11_the_hash_and_the_cells_of_users_are_fixed() {
    let mut seen = BTreeSet::new();
    for line in GOLDEN.lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let user: i64 = fields[0].parse().unwrap();
        let hash = HashVersion::V1.hash(user);
        assert_eq!(format!("{hash:016x}"), fields[1], "the hash of user {user}");
        for (placement, cell) in demo_placements().iter().zip(&fields[2..]) {
            let home = Placements::initial(*placement).home(user, BEGIN);
            assert_eq!(home.to_string(), *cell, "user {user} in {placement}");
        }
        seen.insert(user);
    }
    assert_eq!(seen.len(), 52, "the whole table was read");
}

#[test]
fn sh_11_the_two_formulas_are_fixed() {
    // dbIndex = h / tableCount % dbCount + dbStart, tableIndex = h % tableCount + tableStart, by hand.
    let [low, moderate, high] = demo_placements();
    for h in [0, 1, 7, 8, 31, 32, 12_345, u64::MAX] {
        assert_eq!(low.cell(h), Place { db: 0, table: 0 }, "{h}");
    }
    for (h, table) in [(0, 16), (1, 17), (7, 23), (8, 16), (31, 23), (12_345, 17), (u64::MAX, 23)] {
        assert_eq!(moderate.cell(h), Place { db: 0, table }, "{h}");
    }
    let by_hand = [
        (0, 4, 0),
        (1, 4, 1),
        (7, 4, 7),
        (8, 5, 0),
        (15, 5, 7),
        (16, 6, 0),
        (24, 7, 0),
        (31, 7, 7),
        (32, 4, 0),
        (12_345, 7, 1),
        (u64::MAX, 7, 7), // 12,345 = 1,543 · 8 + 1 and 1,543 = 385 · 4 + 3
    ];
    for (h, db, table) in by_hand {
        assert_eq!(high.cell(h), Place { db, table }, "{h}");
    }
}
