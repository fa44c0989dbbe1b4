//! A database's tables as append-only migrations. A migration that has run is never edited: its
//! checksum is stored and compared at every start. Expand, move, contract: old code must run on the new
//! schema.

use sha2::{Digest, Sha256};

/// One step. `{t}` in the SQL of a cell migration stands for the two digits of the physical table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Counts from 1 without gaps within its set.
    pub version: u32,
    /// What it does, in a word or three.
    pub name: &'static str,
    /// Statements of the subset that all engines share: BIGINT, TEXT, BOOLEAN, BLOB.
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the text, in hex.
    #[must_use]
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.as_bytes()))
    }
}

/// The migrations of one owner: a service, or a platform part whose tables stand in every database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationSet {
    /// The owner's name, the key in the record of what has run.
    pub name: &'static str,
    /// Run once per logical database.
    pub common: &'static [Migration],
    /// Run once per cell, for databases that are sharded.
    pub cells: &'static [Migration],
}

/// What a logical database consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The logical database's name, and the file's.
    pub database: &'static str,
    /// Migration sets in the order they run.
    pub sets: &'static [MigrationSet],
    /// Logical tables that stand once per cell as `name_00` … `name_31`; none when the database is not
    /// sharded.
    pub cell_tables: &'static [&'static str],
}

impl Schema {
    /// Whether its rows are spread over cells.
    #[must_use]
    pub const fn is_sharded(&self) -> bool {
        !self.cell_tables.is_empty()
    }
}
