//! The words of placements.

use kit::PlacementState;

ui::words! {
    /// The words of placements.
    pub(crate) struct Words, used in ["src/placements"];
    "placements" {
        words {
            placements, placements_text, versions, version, databases, tables, cells, state,
            effective_from, from_the_start, draft, active, read_only, retired, orders, spread, map,
            map_text, map_few, map_many, map_home, cell, database_file, table, share, evenness,
            is_even, is_uneven, is_very_uneven, too_few, fullest, emptiest, dispersion, dispersion_text,
            decode, decode_text, id, decode_now, bad_id, made_at, database, worker, sequence,
            made_by, made_by_none, not_sharded, in_the_future, no_orders, as_order,
        }
        sentences {
            version_no(n: u32),
            range(first: u8, last: u8),
            orders_in(n: i64, cells: usize),
            times(n: &str),
        }
    }
}

impl Words {
    /// What a version is used for.
    pub(crate) const fn state(&self, state: PlacementState) -> &'static str {
        match state {
            PlacementState::Draft => self.draft,
            PlacementState::Active => self.active,
            PlacementState::ReadOnly => self.read_only,
            PlacementState::Retired => self.retired,
        }
    }
}
