//! A data folder for one test, gone when it is dropped.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use kit::{Place, SharedClock, SystemClock};
use shard::{Database, DbError, Options, Schema, Shards};
use tempfile::TempDir;

use crate::wait::{PATIENCE, eventually_some};

/// Open shards in a temporary folder. Dereferences to [`Shards`].
pub struct TempShards {
    // Dropped before the folder is removed.
    open: Option<Shards>,
    options: Options,
    clock: SharedClock,
    folder: TempDir,
}

impl TempShards {
    /// A folder under the machine's own clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// A folder under the given clock, such as [`crate::test_clock`].
    #[must_use]
    pub fn with_clock(clock: SharedClock) -> Self {
        Self::with_options(clock, |_| {})
    }

    /// A folder with changed options: `|o| o.group_commit_max = 1`.
    #[must_use]
    pub fn with_options(clock: SharedClock, change: impl FnOnce(&mut Options)) -> Self {
        let folder = TempDir::new().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let mut options = Options::in_folder(folder.path());
        change(&mut options);
        let open = Shards::open(options.clone(), Arc::clone(&clock))
            .unwrap_or_else(|e| panic!("the folder cannot be opened: {e}"));
        Self { open: Some(open), options, clock, folder }
    }

    /// Where the files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens a database that is not sharded.
    pub async fn single(&self, schema: Schema) -> Database {
        self.database(schema)
            .await
            .unwrap_or_else(|e| panic!("{} cannot be opened: {e:?}", schema.database))
    }

    /// Opens a sharded database with these cells.
    pub async fn sharded(&self, schema: Schema, cells: &[Place]) -> Database {
        let db = self.single(schema).await;
        db.ensure_cells(cells)
            .await
            .unwrap_or_else(|e| panic!("{} gets no cells: {e:?}", schema.database));
        db
    }

    /// Closes the folder and opens it again, as a restart does. Drop the databases first: the folder is
    /// in use until the last of them has gone and its writer has finished.
    pub async fn reopen(&mut self) {
        self.open = None;
        let open = eventually_some(PATIENCE, || async {
            match Shards::open(self.options.clone(), Arc::clone(&self.clock)) {
                Ok(shards) => Some(shards),
                Err(DbError::Open(_)) => None,
                Err(e) => panic!("the folder cannot be opened again: {e}"),
            }
        })
        .await;
        self.open = Some(open);
    }
}

impl Default for TempShards {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for TempShards {
    type Target = Shards;

    fn deref(&self) -> &Shards {
        self.open.as_ref().unwrap_or_else(|| panic!("the folder is closed"))
    }
}

impl std::fmt::Debug for TempShards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TempShards({})", self.folder.path().display())
    }
}
