//! A database's tables as append-only migrations. A migration that has run is never edited: its
//! checksum is stored and compared at every start. Expand, move, contract: old code must run on the new
//! schema.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::dialect::{self, Engine};
use crate::error::DbError;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Counts from 1 without gaps within its set.
    pub version: u32,
    /// What it does, in a word or three.
    pub name: &'static str,
    /// Statements of the subset that all engines share, with placeholders: see [`crate::dialect::render`].
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 in hex of the text as the embedded engine reads it, whatever the engine: a placeholder may
    /// be added for another engine later. `{t}` stays as it is.
    #[must_use]
    pub fn checksum(&self) -> String {
        let text = dialect::render(self.sql, Engine::Sqlite, "{t}");
        hex::encode(Sha256::digest(text.unwrap_or_else(|_| self.sql.to_owned()).as_bytes()))
    }

    /// The text for an engine and, in a migration of a cell, the digits of its table.
    ///
    /// # Errors
    /// A placeholder that does not exist.
    pub(crate) fn text(&self, engine: Engine, table: &str) -> Result<String, DbError> {
        let wrong = |e| DbError::Schema(format!("migration {} `{}`: {e}", self.version, self.name));
        dialect::render(self.sql, engine, table).map_err(wrong)
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

/// The cell of migrations that run once per database.
pub(crate) const COMMON: i64 = -1;

/// What has run: checksums by owner, cell and version.
pub(crate) type Done = BTreeMap<(String, i64), BTreeMap<i64, String>>;

/// One migration that has not run in a database.
pub(crate) struct Missing {
    pub(crate) set: &'static MigrationSet,
    pub(crate) cell: i64,
    pub(crate) migration: &'static Migration,
}

/// A migration that has not run yet, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The logical database: `product`, `order_07`.
    pub database: String,
    /// The table number of the cell, for a migration of a cell.
    pub table: Option<u8>,
    /// Whose migration it is.
    pub owner: &'static str,
    /// Its number within its owner's.
    pub version: u32,
    /// What it does.
    pub name: &'static str,
}

impl Schema {
    /// The migrations that have not run yet; `done` has the checksums of those that have.
    ///
    /// # Errors
    /// When one that has run reads otherwise now, the numbers have gaps, or the data knows more.
    pub(crate) fn missing<'m>(
        &self,
        set: &MigrationSet,
        migrations: &'m [Migration],
        mut done: BTreeMap<i64, String>,
    ) -> Result<Vec<&'m Migration>, DbError> {
        let mut missing = Vec::new();
        for (i, migration) in migrations.iter().enumerate() {
            if usize::try_from(migration.version) != Ok(i + 1) {
                return Err(DbError::Schema(format!(
                    "{}: migration {} of {} is out of sequence",
                    self.database, migration.version, set.name
                )));
            }
            match done.remove(&i64::from(migration.version)) {
                Some(sum) if sum == migration.checksum() => {}
                Some(_) => {
                    return Err(DbError::Schema(format!(
                        "{}: migration {} `{}` of {} was edited after it had run; \
                         restore its text and add a new migration instead",
                        self.database, migration.version, migration.name, set.name
                    )));
                }
                None => missing.push(migration),
            }
        }
        if let Some((version, _)) = done.pop_first() {
            return Err(DbError::Schema(format!(
                "{}: the data has migration {version} of {}, which this program does not know; \
                 use the newer program",
                self.database, set.name
            )));
        }
        Ok(missing)
    }

    /// Everything that has not run in a database with these cells, in the order in which it runs.
    ///
    /// # Errors
    /// As [`Schema::missing`].
    pub(crate) fn all_missing(
        &self,
        tables: &[u8],
        mut done: Done,
    ) -> Result<Vec<Missing>, DbError> {
        let mut found = Vec::new();
        let mut add = |set: &'static MigrationSet, all: &'static [Migration], cell| {
            let done = done.remove(&(set.name.to_owned(), cell)).unwrap_or_default();
            let todo = self.missing(set, all, done)?;
            found.extend(todo.into_iter().map(|migration| Missing { set, cell, migration }));
            Ok::<_, DbError>(())
        };
        for set in self.sets {
            add(set, set.common, COMMON)?;
        }
        for set in self.sets {
            for table in tables {
                add(set, set.cells, i64::from(*table))?;
            }
        }
        Ok(found)
    }

    /// The same, as it is told.
    pub(crate) fn pending(
        &self,
        database: &str,
        tables: &[u8],
        done: Done,
    ) -> Result<Vec<Pending>, DbError> {
        let told = |missing: Missing| Pending {
            database: database.to_owned(),
            table: u8::try_from(missing.cell).ok(),
            owner: missing.set.name,
            version: missing.migration.version,
            name: missing.migration.name,
        };
        Ok(self.all_missing(tables, done)?.into_iter().map(told).collect())
    }

    /// The name of a logical database: with its number, when there are several.
    #[must_use]
    pub fn name_of(&self, db: u8) -> String {
        self.database_name(db)
    }

    pub(crate) fn database_name(&self, db: u8) -> String {
        if self.is_sharded() {
            format!("{}_{db:02}", self.database)
        } else {
            self.database.to_owned()
        }
    }

    /// Whether its rows are spread over cells.
    #[must_use]
    pub const fn is_sharded(&self) -> bool {
        !self.cell_tables.is_empty()
    }
}
