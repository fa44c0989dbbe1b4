//! Where the messages of a database stand, for whoever keeps a copy of it. Reads only.

use rpc::Fault;
use sea_query::SelectStatement;
use serde::{Deserialize, Serialize};
use shard::Row;

use crate::store;

/// How far the messages of a database have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The highest number of a message; 0 when there is none.
    pub last_seq: i64,
    /// Messages that are still to be delivered.
    pub undelivered: u64,
    /// Delayed messages whose time has not come, or that are being delivered.
    pub delayed: u64,
    /// Messages that were given up.
    pub dead: u64,
}

/// The statement whose rows [`Position::read`] takes.
#[must_use]
pub fn select() -> SelectStatement {
    store::positions()
}

impl Position {
    /// Adds up what the statement found.
    ///
    /// # Errors
    /// When these are other rows.
    pub fn read(rows: &[Row]) -> Result<Self, Fault> {
        store::read_positions(rows)
    }

    /// Both together, of a system of several databases.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            last_seq: self.last_seq.max(other.last_seq),
            undelivered: self.undelivered + other.undelivered,
            delayed: self.delayed + other.delayed,
            dead: self.dead + other.dead,
        }
    }
}
