//! All SQL of members and their rows. Nothing else knows a column. Every key starts with the tenant.

mod addresses;
mod members;
mod sessions;

pub use addresses::{
    address, addresses, book, clear_default, delete_address, insert_address, lock_book,
    make_default, update_address,
};
pub use members::{Known, Profile, insert, is_taken, known, load, page, save_profile};
pub use sessions::{
    attempts, clear_attempts, end_session, holder, insert_session, prune_sessions,
    remove_old_attempts, remove_over_sessions, save_attempts,
};

use shard::{Migration, MigrationSet};

/// The tables of members.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "member",
    common: &[Migration {
        version: 1,
        name: "members",
        sql: include_str!("../../migrations/0001_members.sql"),
    }],
    cells: &[],
};
