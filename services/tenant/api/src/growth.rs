//! Growing a tenant while it works: the requests, and how long a new version of a placement waits before
//! it takes effect. Whoever grows a tenant must make the new cells first; this crate cannot.
//!
//! A version takes effect [`lead`] after it was published: by then every process has read it, and every
//! transaction that began with the older map has ended, even where clocks are [`SKEW_MAX`] apart. Until
//! then new rows go where they went; lists look into the new cells at once.

use std::time::Duration;

use kit::id::BACKWARD_MAX_MS;
use kit::{Placement, PlacementState, TenantCode, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cached::AGE_MAX;
use crate::{Overlap, TenantInfo};

/// How far the clocks of two processes may be apart.
pub const SKEW_MAX: Duration = Duration::from_millis(BACKWARD_MAX_MS.unsigned_abs());
/// How long after its publication a version takes effect, where no transaction takes longer than this.
#[must_use]
pub fn lead(longest_tx: Duration) -> Duration {
    AGE_MAX + SKEW_MAX + longest_tx
}

/// Asks for a new version of the placement of the call's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grow {
    /// Where new orders are to live.
    pub placement: Placement,
    /// Only says what would come of it.
    pub dry_run: bool,
}

/// A tenant with its new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grown {
    /// The tenant.
    pub tenant: TenantInfo,
    /// The number of the version.
    pub version: u32,
    /// When it takes effect.
    pub effective_from: Timestamp,
    /// Whether it was there before.
    pub repeated: bool,
    /// Tenants that use some of the same cells, by code; at most 100 of them.
    pub overlaps: Vec<Overlap>,
}

/// How long after a version was made read-only every process knows of it: only then may its rows move.
pub const KNOWN_AFTER: Duration = Duration::from_secs(AGE_MAX.as_secs() + SKEW_MAX.as_secs() + 1);

/// Takes a version that another has followed out of use: `active` to `read_only`, that to `retired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// The version.
    pub version: u32,
    /// What becomes of it.
    pub to: PlacementState,
}

/// A tenant has got a new version of its placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantGrown {
    /// Its code.
    pub code: TenantCode,
    /// The number of the version.
    pub version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_waits_for_the_slowest_reader_the_worst_clock_and_the_longest_transaction() {
        assert_eq!(SKEW_MAX, Duration::from_secs(2));
        assert_eq!(lead(Duration::from_secs(10)), Duration::from_secs(17));
    }
}
