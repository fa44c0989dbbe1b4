//! The rules of a global transaction without any IO: its statuses and their moves, its branches, its id, the
//! keys of its locks. Nothing here knows a database or a clock.

mod branch;
mod key;
mod status;
mod xid;

pub use branch::{Branch, BranchId, BranchState, Cell, Kind};
pub use key::LockKey;
pub use status::{Decision, Status};
pub(crate) use xid::xid_floor;
pub use xid::{XidParts, mint_xid};
