//! A primary, a replica, and shards on them that measure the replica. No promises are tested here.

use std::sync::Arc;
use std::time::Duration;

use kit::{Secret, SystemClock};
use rpc::{Ctx, Fault, Session};
use sea_query::{Expr, Query};
use servers::{Postgres, PostgresOptions, ReplicaOptions};
use shard::{Backend, Database, Engine, Options, Route, Servers, Shards, Splitting};
use tasks::{TaskKind, Tasks};
use tempfile::TempDir;
use testkit::{PATIENCE, eventually, user_ctx};
use tokio::task::block_in_place;

use crate::support::{SINGLE, rows};

/// What the directory calls the server.
pub const MAIN: &str = "main";
const WATCH: TaskKind = TaskKind::new("test.watch_replicas");

pub struct Cluster {
    pub db: Database,
    pub shards: Shards,
    tasks: Tasks,
    pub primary: Postgres,
    pub replica: Postgres,
    /// Those that were started beside it.
    pub others: Vec<Postgres>,
    _folder: TempDir,
}

/// Short times, so that a test need not wait long.
pub fn quick() -> Splitting {
    Splitting {
        measure_every: Duration::from_millis(50),
        lag_max: Duration::from_millis(400),
        lag_back: Duration::from_millis(150),
        back_after: Duration::from_millis(600),
        ..Splitting::default()
    }
}

pub fn say(words: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{words}\n"));
}

impl Cluster {
    /// Starts both; `None` with a printed reason when PostgreSQL is not installed.
    pub async fn start(replica: ReplicaOptions, splitting: Splitting) -> Option<Self> {
        Self::start_all(&[replica], PostgresOptions::default(), |servers| {
            *servers.splitting = splitting;
        })
        .await
    }

    /// Starts a primary and all these replicas of it.
    pub async fn start_all(
        replicas: &[ReplicaOptions],
        options: PostgresOptions,
        change: impl FnOnce(&mut Servers),
    ) -> Option<Self> {
        let options = PostgresOptions {
            // a replica that takes reads back does so at once
            settings: vec![("max_standby_streaming_delay".to_owned(), "0".to_owned())],
            ..options
        };
        let primary = match block_in_place(|| Postgres::start(&options)) {
            Ok(primary) => primary,
            Err(e @ servers::Error::Missing { .. }) => {
                say(&format!("skipped: {e}"));
                return None;
            }
            Err(e) => panic!("{e}"),
        };
        let make = |options| block_in_place(|| primary.replica(options)).unwrap();
        let mut replicas: Vec<Postgres> = replicas.iter().map(make).collect();
        let folder = TempDir::new().unwrap();
        let mut servers = Servers::single(Engine::Postgres, url(&primary));
        servers.servers[0].replicas = replicas.iter().map(url).collect();
        change(&mut servers);
        let backend = Backend::Servers(servers);
        let options = Options { backend, ..Options::in_folder(folder.path()) };
        let shards = Shards::open(options, Arc::new(SystemClock)).unwrap();
        let db = shards.database(SINGLE).await.unwrap();
        let replica = replicas.remove(0);
        let (tasks, others) = (Tasks::new(), replicas);
        Some(Self { db, shards, tasks, primary, replica, others, _folder: folder })
    }

    /// Measures the replica from now on.
    pub fn watch(&self) {
        let watch = self.shards.watch_replicas();
        self.tasks.spawn(WATCH, async move {
            watch.await;
            Ok::<_, std::convert::Infallible>(())
        });
    }

    /// Measures, and returns when reads go to the replica.
    pub async fn watched(self) -> Self {
        self.watch();
        eventually(PATIENCE, || async { self.read(&stranger()).await.on_replica }).await;
        self
    }

    /// Reads all things.
    pub async fn read(&self, ctx: &Ctx) -> Sight {
        self.try_read(ctx).await.unwrap()
    }

    pub async fn try_read(&self, ctx: &Ctx) -> Result<Sight, Fault> {
        let body = |tx: shard::Tx| async move {
            let replica = Expr::cust("pg_is_in_recovery()::INT::BIGINT");
            let place = Query::select().expr_as(replica, "replica").to_owned();
            let place = tx.one(&place).await?;
            let all = tx.all(&rows("things")).await?;
            let ids = all.iter().map(|r| r.get("id")).collect::<Result<_, Fault>>()?;
            let on_replica = place.map_or(Ok(0), |r| r.get::<i64>("replica"))? == 1;
            Ok(Sight { on_replica, ids })
        };
        self.db.read(ctx, Route::Whole, body).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// What a read saw, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Sight {
    pub on_replica: bool,
    pub ids: Vec<i64>,
}

pub fn url(server: &Postgres) -> Secret<String> {
    Secret::new(server.url("postgres"))
}

/// Host and port.
pub fn label(server: &Postgres) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// A person who has not written anything.
pub fn stranger() -> Ctx {
    Ctx { session: Session::default(), ..user_ctx("flora", 5) }
}
