//! Databases for one test, gone when they are dropped: in a folder of its own, or in a slot of the database
//! server that the test run is about.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use kit::{Place, SharedClock, SystemClock};
use shard::{Database, DbError, Engine, Options, Schema, Shards};
use tempfile::TempDir;

use crate::slots::{self, Slot};
use crate::wait::{PATIENCE, eventually_some};

/// Open shards that no other test sees. Dereferences to [`Shards`].
///
/// They are embedded unless the environment names another engine (`STOA_TEST_ENGINE`, see `cargo xtask test
/// --help`). A test that is about the embedded engine itself says so: [`TempShards::embedded`].
pub struct TempShards {
    // Dropped before the folder is removed and the slot is given back.
    open: Option<Shards>,
    options: Options,
    clock: SharedClock,
    folder: TempDir,
    slot: Option<Slot>,
}

impl TempShards {
    /// Under the machine's own clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Under the given clock, such as [`crate::test_clock`].
    #[must_use]
    pub fn with_clock(clock: SharedClock) -> Self {
        Self::with_options(clock, |_| {})
    }

    /// With changed options: `|o| o.group_commit_max = 1`.
    #[must_use]
    pub fn with_options(clock: SharedClock, change: impl FnOnce(&mut Options)) -> Self {
        Self::on(slots::engine(), clock, change)
    }

    /// On the embedded engine, whatever the test run is about: for tests of files, writers and readers.
    #[must_use]
    pub fn embedded() -> Self {
        Self::embedded_with(Arc::new(SystemClock), |_| {})
    }

    /// As [`TempShards::embedded`], with a clock and changed options.
    #[must_use]
    pub fn embedded_with(clock: SharedClock, change: impl FnOnce(&mut Options)) -> Self {
        Self::on(Engine::Sqlite, clock, change)
    }

    /// On the server that the test run has started for an engine; `None`, with a note, when there is none.
    #[must_use]
    pub fn on_server(engine: Engine) -> Option<Self> {
        slots::server_url(engine)?;
        Some(Self::on(engine, Arc::new(SystemClock), |_| {}))
    }

    fn on(engine: Engine, clock: SharedClock, change: impl FnOnce(&mut Options)) -> Self {
        let folder = TempDir::new().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let mut options = Options::in_folder(folder.path());
        let slot = (engine != Engine::Sqlite).then(|| Slot::claim(engine));
        if let Some(slot) = &slot {
            options.backend = slot.backend();
        }
        change(&mut options);
        let open = Shards::open(options.clone(), Arc::clone(&clock))
            .unwrap_or_else(|e| panic!("the folder cannot be opened: {e}"));
        Self { open: Some(open), options, clock, folder, slot }
    }

    /// What the databases are on.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.options.backend.engine()
    }

    /// Everything that has been stored, for tests of what must not be: every byte of every file, or every
    /// value of every row on a server.
    pub async fn stored(&self) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(slot) = &self.slot {
            all.extend(slot.dump().await.into_bytes());
        }
        let entries = std::fs::read_dir(self.folder());
        for entry in entries.unwrap_or_else(|e| panic!("the folder cannot be read: {e}")).flatten()
        {
            all.extend(std::fs::read(entry.path()).unwrap_or_default());
        }
        all
    }

    /// Where the files are; databases on servers have none there.
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

    /// Closes the databases and opens them again, as a restart does. Drop the databases first: the folder is
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sea_query::{Expr, ExprTrait as _, Query};
    use shard::{Migration, MigrationSet, Route};

    use super::*;
    use crate::test_ctx;

    const THINGS: Schema = Schema {
        database: "things",
        sets: &[MigrationSet {
            name: "things",
            common: &[Migration {
                version: 1,
                name: "things",
                sql: "CREATE TABLE things (id BIGINT PRIMARY KEY, secret {blob:64} NOT NULL);
                    CREATE TABLE empties (id BIGINT PRIMARY KEY)",
            }],
            cells: &[],
        }],
        cell_tables: &[],
    };

    async fn put(db: &Database) {
        let ctx = test_ctx("any");
        let put = db.tx(&ctx, Route::Whole, |tx| async move {
            let mut row = Query::insert().into_table("things").columns(["id", "secret"]).to_owned();
            row.values_panic([1.into(), b"unmistakable".to_vec().into()]);
            tx.exec(&row).await
        });
        assert_eq!(put.await.unwrap(), 1);
    }

    async fn count(db: &Database) -> i64 {
        db.read(&test_ctx("any"), Route::Whole, |tx| async move {
            let count =
                Query::select().expr_as(Expr::col("id").count(), "n").from("things").to_owned();
            tx.one(&count).await?.map_or(Ok(0), |row| row.get("n"))
        })
        .await
        .unwrap()
    }

    async fn a_test(mut shards: TempShards) {
        let db = shards.single(THINGS).await;
        assert_eq!(count(&db).await, 0, "{:?}", shards.engine());
        put(&db).await;
        drop(db);
        shards.reopen().await;
        assert_eq!(count(&shards.single(THINGS).await).await, 1);
        let stored = shards.stored().await;
        assert!(stored.windows(12).any(|bytes| bytes == b"unmistakable"));
    }

    #[tokio::test]
    async fn what_one_test_leaves_the_next_does_not_see() {
        a_test(TempShards::embedded()).await;
        for engine in [Engine::Postgres, Engine::Mysql] {
            for _ in 0..3 {
                let Some(shards) = TempShards::on_server(engine) else { break };
                a_test(shards).await;
            }
        }
    }

    #[tokio::test]
    async fn two_tests_at_a_time_do_not_see_each_other() {
        for engine in [Engine::Postgres, Engine::Mysql] {
            let both = (TempShards::on_server(engine), TempShards::on_server(engine));
            let (Some(one), Some(other)) = both else { continue };
            put(&one.single(THINGS).await).await;
            assert_eq!(count(&other.single(THINGS).await).await, 0);
        }
    }

    /// What a slot costs a test, beside the embedded engine: printed, because it depends on the machine.
    #[tokio::test]
    #[expect(clippy::disallowed_macros, reason = "a figure for whoever reads the test's output")]
    async fn a_slot_is_claimed_in_milliseconds() {
        for engine in Engine::ALL {
            for round in 0..5 {
                let began = Instant::now();
                let shards = match engine {
                    Engine::Sqlite => TempShards::embedded(),
                    _ => match TempShards::on_server(engine) {
                        Some(shards) => shards,
                        None => break,
                    },
                };
                let claimed = began.elapsed();
                let db = shards.single(THINGS).await;
                let opened = began.elapsed();
                put(&db).await;
                eprintln!("{engine} round {round}: claimed in {claimed:?}, open after {opened:?}");
            }
        }
    }
}
