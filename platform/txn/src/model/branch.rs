//! The branches of a global transaction, as its row keeps them.

use rpc::Xid;
use serde::{Deserialize, Serialize};
use shard::Route;

/// Names a branch: its transaction, and its number in the sequence of the registrations of that transaction. Time
/// does not order branches, because clocks of two processes do not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BranchId {
    /// The transaction.
    pub xid: String,
    /// Counts from 1.
    pub seq: u32,
}

impl BranchId {
    /// A branch of a transaction.
    #[must_use]
    pub fn new(xid: &Xid, seq: u32) -> Self {
        Self { xid: xid.0.clone(), seq }
    }

    /// The transaction.
    #[must_use]
    pub fn xid(&self) -> Xid {
        Xid(self.xid.clone())
    }
}

impl std::fmt::Display for BranchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.xid, self.seq)
    }
}

/// How a branch is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By its undo log: rows were changed and locked.
    At,
    /// By its own confirm and cancel.
    Tcc,
}

/// Where in its database a branch works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// The logical database's number; 0 where there is one.
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    pub db: u8,
    /// The table's number, where tables are numbered.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(n: &u8) -> bool {
    *n == 0
}

impl From<Route> for Cell {
    fn from(route: Route) -> Self {
        match route {
            Route::Whole => Self { db: 0, table: None },
            Route::Place(place) => Self { db: place.db, table: Some(place.table) },
            Route::Db(db) => Self { db, table: None },
        }
    }
}

impl From<Cell> for Route {
    fn from(cell: Cell) -> Self {
        match cell.table {
            Some(table) => Self::Place(kit::Place { db: cell.db, table }),
            None => Self::Db(cell.db),
        }
    }
}

/// How far a branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchState {
    /// Nobody has finished it.
    #[default]
    Registered,
    /// Finished as was decided.
    Done,
    /// Cannot be finished; an operator has to look at it.
    Failed,
}

/// A branch. Its names are short where it is stored, because it is written with every transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its number.
    #[serde(rename = "n")]
    pub seq: u32,
    /// The resource that finishes it: the name of a logical database.
    #[serde(rename = "r")]
    pub resource: String,
    /// How it is finished.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// Where.
    #[serde(flatten)]
    pub cell: Cell,
    /// For a TCC branch: which of the resource's actions.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// For a TCC branch: what confirm and cancel need to know.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub payload: String,
    /// How many rows it has locked.
    #[serde(rename = "l", default)]
    pub locks: u32,
    /// How far it is.
    #[serde(rename = "s", default, skip_serializing_if = "is_registered")]
    pub state: BranchState,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_registered(state: &BranchState) -> bool {
    *state == BranchState::Registered
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Place;

    #[test]
    fn a_branch_survives_being_stored() {
        let branch = Branch {
            seq: 3,
            resource: "things".to_owned(),
            kind: Kind::Tcc,
            cell: Cell { db: 4, table: Some(0) },
            action: "reserve".to_owned(),
            payload: "{}".to_owned(),
            locks: 0,
            state: BranchState::Done,
        };
        let text = serde_json::to_string(&branch).unwrap();
        assert_eq!(serde_json::from_str::<Branch>(&text).unwrap(), branch);
        let plain =
            Branch { cell: Cell { db: 0, table: None }, state: BranchState::Registered, ..branch };
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(serde_json::from_str::<Branch>(&text).unwrap(), plain);
    }

    #[test]
    fn a_cell_leads_back_to_where_the_branch_was() {
        for route in [Route::Place(Place { db: 7, table: 31 }), Route::Db(9)] {
            assert_eq!(Route::from(Cell::from(route)), route);
        }
        assert_eq!(Route::from(Cell::from(Route::Whole)), Route::Db(0));
    }
}
