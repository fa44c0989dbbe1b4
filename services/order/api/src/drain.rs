//! Moving orders to the cells of the version of the placement that is in effect, so that a member's list
//! looks into one cell again. Ids stay good for ever: where an order lay it leaves behind where it went.

use kit::Place as Cell;
use serde::{Deserialize, Serialize};

/// Moves some orders out of a cell.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Drain {
    /// The cell. Orders of members who live here by the version in effect stay.
    pub cell: Cell,
    /// Stops after a stage as if the power had failed there; for drills. Asking again goes on.
    #[serde(default)]
    pub stop_after: Option<Stage>,
}

/// The stages of moving orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The orders are marked, and nobody changes them.
    Frozen,
    /// They are in their new cells too.
    Copied,
    /// The copies were compared with them.
    Verified,
}

/// How far a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// The cell.
    pub cell: Cell,
    /// The version of the placement to whose cells its orders go.
    pub version: u32,
    /// Orders that have left it for that version.
    pub moved: u64,
    /// Orders that could not go in this pass, because messages about them were not delivered yet.
    pub waiting: u64,
    /// Whether this step came to the end of the cell. When some waited, the next one begins anew.
    pub pass_over: bool,
    /// Whether all have left that are to leave.
    pub done: bool,
}
