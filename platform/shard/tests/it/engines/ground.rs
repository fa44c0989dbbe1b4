//! A database server for a test: the one that the test run has started, or an own one. No promises here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use kit::{Secret, SystemClock};
use rpc::Fault;
use servers::{Mariadb, MariadbOptions, Postgres, PostgresOptions};
use shard::{Backend, Database, Engine, Options, Schema, Servers, Shards, Tx};
use tempfile::TempDir;
use tokio::sync::Notify;

/// A running server, and shards on it that nobody else uses.
pub struct Ground {
    pub shards: Shards,
    pub options: Options,
    pub url: String,
    pub engine: Engine,
    // dropped after the shards
    _own: Option<Own>,
    _folder: TempDir,
}

enum Own {
    Postgres(#[expect(dead_code, reason = "ends when dropped")] Postgres),
    Mariadb(#[expect(dead_code, reason = "ends when dropped")] Mariadb),
}

/// Shards on a server; `None` with a printed reason when its programs are not installed.
pub async fn ground(engine: Engine) -> Option<Ground> {
    let variable = match engine {
        Engine::Postgres => "STOA_TEST_POSTGRES",
        _ => "STOA_TEST_MYSQL",
    };
    let (own, url) = match std::env::var(variable) {
        Ok(url) => (None, url),
        Err(_) => match tokio::task::spawn_blocking(move || start(engine)).await.unwrap() {
            Ok((own, url)) => (Some(own), url),
            Err(e @ servers::Error::Missing { .. }) => {
                let _ = std::io::Write::write_fmt(
                    &mut std::io::stderr(),
                    format_args!("skipped: {e}\n"),
                );
                return None;
            }
            Err(e) => panic!("{e}"),
        },
    };
    Some(Ground::new(engine, url, own))
}

fn start(engine: Engine) -> Result<(Own, String), servers::Error> {
    match engine {
        Engine::Postgres => {
            let server = Postgres::start(&PostgresOptions::default())?;
            let url = server.url("postgres");
            Ok((Own::Postgres(server), url))
        }
        _ => {
            let server = Mariadb::start(&MariadbOptions::default())?;
            let url = server.url("mysql");
            Ok((Own::Mariadb(server), url))
        }
    }
}

impl Ground {
    fn new(engine: Engine, url: String, own: Option<Own>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = TempDir::new().unwrap();
        let mut servers = Servers::single(engine, Secret::new(url.clone()));
        let n = COUNT.fetch_add(1, Ordering::SeqCst);
        servers.prefix = format!("shard_{}_{n}_", std::process::id());
        servers.servers[0].connections_max = 8;
        let options =
            Options { backend: Backend::Servers(servers), ..Options::in_folder(folder.path()) };
        let shards = Shards::open(options.clone(), Arc::new(SystemClock)).unwrap();
        Self { shards, options, url, engine, _own: own, _folder: folder }
    }

    pub async fn open(&self, schema: Schema) -> Database {
        self.shards.database(schema).await.unwrap()
    }

    /// Another process on the same databases, with changed options.
    pub fn other(&self, change: impl FnOnce(&mut Servers)) -> (Shards, TempDir) {
        let folder = TempDir::new().unwrap();
        let mut options = Options { folder: folder.path().to_owned(), ..self.options.clone() };
        if let Backend::Servers(servers) = &mut options.backend {
            change(servers);
        }
        (Shards::open(options, Arc::new(SystemClock)).unwrap(), folder)
    }

    /// The schema of a logical database on the server.
    pub fn schema(&self, database: &str) -> String {
        let Backend::Servers(servers) = &self.options.backend else { unreachable!() };
        [&servers.prefix, database].concat()
    }

    /// Runs a statement beside the shards, and closes its connection.
    pub async fn beside(&self, sql: String) {
        use sqlx::{AssertSqlSafe, Connection as _};
        match self.engine {
            Engine::Postgres => {
                let mut conn = sqlx::PgConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
            _ => {
                let mut conn = sqlx::MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
        }
    }
}

/// A transaction that stays open: it says when it has begun, and ends when it is told.
#[derive(Clone, Default)]
pub struct Held {
    pub begun: Arc<Notify>,
    pub go: Arc<Notify>,
}

impl Held {
    /// Its body.
    pub fn body(
        &self,
    ) -> impl Fn(Tx) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync + use<> {
        let held = self.clone();
        move |_| {
            let Self { begun, go } = held.clone();
            Box::pin(async move {
                begun.notify_one();
                go.notified().await;
                Ok(())
            })
        }
    }
}
