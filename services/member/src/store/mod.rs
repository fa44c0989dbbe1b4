//! All SQL of members and their rows. Nothing else knows a column. Every key starts with the tenant.

mod addresses;
mod members;
mod sessions;

pub use addresses::{
    address, addresses, book, clear_default, delete_address, insert_address, lock_book,
    make_default, update_address,
};
pub use members::{
    Known, Profile, insert, is_taken, known, known_by_id, known_by_id_to_change, known_to_change,
    load, page, save_password, save_profile,
};
pub use sessions::{
    attempts, attempts_to_change, clear_attempts, end_session, end_sessions_of, holder,
    insert_attempts, insert_session, prune_sessions, remove_old_attempts, remove_over_sessions,
    update_attempts,
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
