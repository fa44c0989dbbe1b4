//! Two servers, processes on them, and a row with its count. No promises are tested here.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use kit::{ErrorCode, Place, Secret, SystemClock};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use servers::{Postgres, PostgresOptions};
use shard::moving::{Moved, Mover, Progress, Step};
use shard::{Backend, Database, DbError, Engine, Options, Route, Schema, Server, Servers, Shards};
use tempfile::TempDir;
use testkit::{PATIENCE, eventually_some, test_ctx};
use tokio::task::block_in_place;

use crate::cluster::say;
use crate::support::{SPREAD, place, row, rows};

/// The cell whose database moves.
pub const CELL: Place = place(3, 0);
/// Its logical database.
pub const DATABASE: &str = "spread_03";
const PREFIX: &str = "it_";

pub struct Ground {
    server: Postgres,
}

/// A process: shards in a folder of its own.
pub struct Process {
    pub shards: Shards,
    _folder: TempDir,
}

impl Ground {
    /// `None` with a printed reason when PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let server = match block_in_place(|| Postgres::start(&PostgresOptions::default())) {
            Ok(server) => server,
            Err(e @ servers::Error::Missing { .. }) => {
                say(&format!("skipped: {e}"));
                return None;
            }
            Err(e) => panic!("{e}"),
        };
        for name in ["a", "b", "c"] {
            block_in_place(|| server.ensure_database(name)).unwrap();
        }
        Some(Self { server })
    }

    /// As the settings say: everything is on `a`.
    pub fn servers(&self) -> Servers {
        let server = |name: &str| Server {
            name: name.to_owned(),
            url: Secret::new(self.server.url(name)),
            replicas: Vec::new(),
            connections_max: 8,
        };
        let mut servers = Servers::single(Engine::Postgres, Secret::new(String::new()));
        servers.servers = ["a", "b", "c"].map(server).to_vec();
        servers.directory = shard::Directory::new("a");
        PREFIX.clone_into(&mut servers.prefix);
        servers
    }

    pub fn backend(&self) -> Backend {
        Backend::Servers(self.servers())
    }

    pub fn process(&self) -> Process {
        self.process_with(|_| {})
    }

    pub fn process_with(&self, change: impl FnOnce(&mut Servers)) -> Process {
        let folder = TempDir::new().unwrap();
        let mut servers = self.servers();
        change(&mut servers);
        let backend = Backend::Servers(servers);
        let options = Options { backend, ..Options::in_folder(folder.path()) };
        let shards = Shards::open(options, Arc::new(SystemClock)).unwrap();
        Process { shards, _folder: folder }
    }

    pub fn mover(&self) -> Mover {
        self.mover_of(SPREAD, CELL.db)
    }

    /// With other settings.
    pub fn mover_with(&self, change: impl FnOnce(&mut Servers)) -> Mover {
        let mut servers = self.servers();
        change(&mut servers);
        Mover::new(&Backend::Servers(servers), SPREAD, CELL.db, Arc::new(SystemClock)).unwrap()
    }

    pub fn mover_of(&self, schema: Schema, db: u8) -> Mover {
        Mover::new(&self.backend(), schema, db, Arc::new(SystemClock)).unwrap()
    }

    /// Runs a statement beside everybody.
    pub fn sql(&self, server: &str, statement: &str) -> String {
        block_in_place(|| self.server.sql(server, statement)).unwrap()
    }

    /// How many tables the moving database has under its name.
    pub fn tables_on(&self, server: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM pg_tables WHERE schemaname = '{PREFIX}{DATABASE}'");
        self.sql(server, &sql).parse().unwrap()
    }

    /// The schemas of a server that have something to do with it.
    pub fn schemas_on(&self, server: &str) -> String {
        let like = format!("SELECT nspname FROM pg_namespace WHERE nspname LIKE '%{DATABASE}'");
        self.sql(server, &[&like, " ORDER BY 1"].concat()).replace('\n', " ")
    }
}

impl Process {
    /// Two logical databases, one of which moves.
    pub async fn spread(&self) -> Database {
        let db = self.shards.database(SPREAD).await.unwrap();
        db.ensure_cells(&[CELL, place(3, 1), place(4, 0)]).await.unwrap();
        let first =
            |tx: shard::Tx| async move { tx.insert_unique(&row(tx.table("things")?, 0, 0)).await };
        db.tx(&test_ctx("any"), Route::Place(CELL), first).await.unwrap();
        db
    }
}

/// Adds a row, counts it, and has something that comes and goes.
pub async fn add(db: &Database, id: i64) -> Result<(), Fault> {
    let body = move |tx: shard::Tx| async move {
        let things = tx.table("things")?;
        tx.exec(&row(things.clone(), id, id)).await?;
        let mut count = Query::update().table(things).to_owned();
        count.value("n", Expr::col("n").add(1)).and_where(Expr::col("id").eq(0));
        tx.exec(&count).await?;
        let mut gone = Query::delete().from_table("notes").to_owned();
        tx.exec(gone.and_where(Expr::col("id").lt(id - 20))).await?;
        tx.insert_unique(&row("notes", id, id)).await?;
        Ok(())
    };
    db.tx(&test_ctx("any"), Route::Place(CELL), body).await
}

pub async fn add_at(db: &Database, place: Place, id: i64) -> Result<(), Fault> {
    let body = move |tx: shard::Tx| async move {
        tx.exec(&row(tx.table("things")?, id, id)).await.map(|_| ())
    };
    db.tx(&test_ctx("any"), Route::Place(place), body).await
}

/// The rows that were added. Who asked when it was on its way asks once more.
pub async fn ids(db: &Database) -> BTreeSet<i64> {
    let look = || async {
        match try_ids(db).await {
            Ok(ids) => Some(ids),
            Err(e) if e.code == ErrorCode::Unavailable => None,
            Err(e) => panic!("{e:?}: {}", e.chain()),
        }
    };
    eventually_some(PATIENCE, look).await
}

pub async fn try_ids(db: &Database) -> Result<BTreeSet<i64>, Fault> {
    let body = |tx: shard::Tx| async move {
        let all = tx.all(&rows(tx.table("things")?)).await?;
        let ids = all.iter().map(|r| r.get("id")).collect::<Result<Vec<i64>, Fault>>()?;
        Ok(ids.into_iter().filter(|id| *id > 0).collect())
    };
    db.read(&test_ctx("any"), Route::Place(CELL), body).await
}

/// How often a row was counted.
pub async fn counted(db: &Database) -> i64 {
    let body = |tx: shard::Tx| async move {
        let all = tx.all(&rows(tx.table("things")?)).await?;
        all.first().map_or(Ok(-1), |r| r.get("n"))
    };
    db.read(&test_ctx("any"), Route::Place(CELL), body).await.unwrap()
}

/// Moves the database; `watch` is told of each step once or more and says whether to go on.
pub async fn moved_by(
    ground: &Ground,
    to: &str,
    mut watch: impl FnMut(Step) -> bool + Send,
) -> Result<Moved, DbError> {
    let mut told = |progress: &Progress| watch(progress.step);
    ground.mover().run(to, &mut told).await
}

/// Runs something from inside a watch.
pub fn inside<T>(work: impl Future<Output = T>) -> T {
    block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}
