//! The engines that are servers: PostgreSQL, and MySQL or MariaDB. A pool of connections for each
//! physical server; a logical database is a schema (on MySQL: a database) of one of them.
//!
//! It must not know what the rows mean, nor leave a transaction open on a connection that goes back.

mod conn;
mod explain;
mod line;
mod migrate;
pub(crate) mod moving;
mod pool;
mod queue;
mod replica;
mod replica_watch;
mod run;
mod setting;
pub(crate) mod snapshot;
mod standing;
mod switch;
mod takeover;
mod token;
mod values;

pub(crate) use line::ServerLine;
pub(crate) use replica_watch::watch;
pub(crate) use run::{run_one, run_read, run_tx};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kit::{Secret, Timestamp, id};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, MySqlConnection};

use self::conn::Conn;
use self::explain::explain;
use self::pool::{Flavour, Limits, Pool, Target};
use self::replica::Replica;
use crate::dialect::Engine;
use crate::error::DbError;
use crate::schema::{Pending, Schema};
use crate::servers::{Server, Servers, Splitting};

/// Prepared statements kept per connection. Every cell has its own tables, and so its own statements. MySQL
/// has a limit over all connections (16,382 by default).
const STATEMENTS_MAX: usize = 400;
/// PostgreSQL has none; a statement with its plan takes some 10 KB of a connection's memory.
const POSTGRES_STATEMENTS_MAX: usize = 1_500;
/// A statement is planned once per connection. Left to itself, PostgreSQL plans each of its first five runs
/// anew, which with a statement for every cell and connection costs more than the runs. That plans do not
/// depend on the values is so on the embedded engine, too.
const PLAN_ONCE: [(&str, &str); 1] = [("plan_cache_mode", "force_generic_plan")];
/// The longest a server that takes over may take to show that it can.
const SWITCH_WITHIN: Duration = Duration::from_secs(3);

/// A physical server: its primary, which another may take over from, and what follows it.
pub(crate) struct Physical {
    name: String,
    engine: Engine,
    line_up: RwLock<LineUp>,
    limits: Limits,
    splitting: Splitting,
    retries_max: u32,
    /// Makes pauses differ.
    pauses: AtomicU64,
}

/// Who is what.
#[derive(Clone)]
struct LineUp {
    primary: Arc<Pool>,
    replicas: Arc<[Arc<Replica>]>,
    addresses: Addresses,
}

/// Where they are.
#[derive(Clone)]
struct Addresses {
    primary: Secret<String>,
    replicas: Arc<[Secret<String>]>,
}

impl Addresses {
    /// As the settings say.
    fn of(server: &Server) -> Self {
        Self { primary: server.url.clone(), replicas: server.replicas.clone().into() }
    }
}

/// A logical database on its server.
pub(crate) struct ServerDb {
    pub(crate) server: Arc<Physical>,
    /// The schema's name on the server.
    pub(crate) schema: String,
    /// The schema with the notes of what has moved.
    directory: String,
}

impl Physical {
    /// Connects once, so that a wrong address is known at once. Replicas may be away.
    pub(crate) async fn connect(servers: &Servers, server: &Server) -> Result<Self, DbError> {
        let limits = Limits {
            connections_max: server.connections_max,
            waiting_max: servers.waiting_max,
            connect_timeout: servers.connect_timeout,
        };
        let line_up = line_up(servers.engine, limits, &server.url, &server.replicas);
        let line_up = line_up.await.map_err(|e| {
            DbError::Open(format!("the database server `{}` cannot be used: {e}", server.name))
        })?;
        Ok(Self {
            name: server.name.clone(),
            engine: servers.engine,
            line_up: RwLock::new(line_up),
            limits,
            splitting: *servers.splitting,
            retries_max: servers.retries_max,
            pauses: AtomicU64::new(0),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn primary(&self) -> Arc<Pool> {
        self.line_up(|line_up| Arc::clone(&line_up.primary))
    }

    fn replicas(&self) -> Arc<[Arc<Replica>]> {
        self.line_up(|line_up| Arc::clone(&line_up.replicas))
    }

    fn addresses(&self) -> Addresses {
        self.line_up(|line_up| line_up.addresses.clone())
    }

    fn line_up<T>(&self, look: impl FnOnce(&LineUp) -> T) -> T {
        look(&self.line_up.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A connection to the primary, once one is free, rather one that was used for this schema.
    async fn acquire(&self, schema: &str, deadline: Instant) -> Result<Conn, DbError> {
        self.primary().acquire(schema, deadline).await.map(Conn::new)
    }

    /// A pause before the `n`th try again, longer each time and never the same (jitter), so that those
    /// who met do not meet again.
    fn pause(&self, n: u32) -> Duration {
        let random = id::mix64(self.pauses.fetch_add(1, Ordering::Relaxed));
        let most = 2_000_u64 << n.min(6);
        Duration::from_micros(500 + random % most)
    }
}

/// Connects to a primary; to replicas connections are made when they are measured. Others wait meanwhile, so
/// that a server which takes connections and says nothing is given up.
async fn line_up(
    engine: Engine,
    limits: Limits,
    primary: &Secret<String>,
    replicas: &[Secret<String>],
) -> Result<LineUp, DbError> {
    let silent = Err(DbError::Down("it takes connections and does not answer".to_owned()));
    let addresses = Addresses { primary: primary.clone(), replicas: replicas.to_vec().into() };
    let connecting = connect(engine, limits, addresses);
    tokio::time::timeout(limits.connect_timeout, connecting).await.unwrap_or(silent)
}

async fn connect(engine: Engine, limits: Limits, addresses: Addresses) -> Result<LineUp, DbError> {
    let (label, target) = target(engine, &addresses.primary).await?;
    let primary = Arc::new(Pool::new(label, target, limits));
    Conn::new(primary.acquire("", Instant::now() + limits.connect_timeout).await?).ping().await?;
    let mut following = Vec::new();
    // replicas are PostgreSQL's; on MySQL a configured one is not used
    for url in addresses.replicas.iter().filter(|_| engine == Engine::Postgres) {
        let (label, target) = target_of(url)?;
        following.push(Arc::new(Replica::new(Arc::new(Pool::new(label, target, limits)))));
    }
    Ok(LineUp { primary, replicas: following.into(), addresses })
}

async fn target(engine: Engine, url: &Secret<String>) -> Result<(String, Target), DbError> {
    match engine {
        Engine::Postgres => target_of(url),
        Engine::Mysql => {
            let options: MySqlConnectOptions = url.expose().parse().map_err(explain)?;
            let options = options
                .statement_cache_capacity(STATEMENTS_MAX)
                .charset("utf8mb4")
                .disable_statement_logging();
            let label = format!("{}:{}", options.get_host(), options.get_port());
            let mut conn = MySqlConnection::connect_with(&options).await.map_err(explain)?;
            let version = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut conn).await;
            let version: String = version.map_err(explain)?;
            let is_mariadb = version.to_ascii_lowercase().contains("mariadb");
            let flavour = if is_mariadb { Flavour::Mariadb } else { Flavour::Mysql };
            Ok((label, Target::Mysql(Box::new(options), flavour)))
        }
        Engine::Sqlite => Err(DbError::Misuse("SQLite is no server")),
    }
}

fn target_of(url: &Secret<String>) -> Result<(String, Target), DbError> {
    let options: PgConnectOptions = url.expose().parse().map_err(explain)?;
    let options = options
        .statement_cache_capacity(POSTGRES_STATEMENTS_MAX)
        .options(PLAN_ONCE)
        .application_name("stoa")
        .disable_statement_logging();
    let label = format!("{}:{}", options.get_host(), options.get_port());
    Ok((label, Target::Postgres(Box::new(options))))
}

/// The servers that are connected; and the lock of who puts a replica in a primary's place.
#[derive(Default)]
pub(crate) struct Connected(
    tokio::sync::Mutex<BTreeMap<String, Arc<Physical>>>,
    tokio::sync::Mutex<()>,
);

impl Connected {
    /// A logical database with its schema brought up to date: `db` of a sharded one, with these cells.
    pub(crate) async fn open(
        &self,
        servers: &Servers,
        schema: Schema,
        db: u8,
        tables: &[u8],
        now: Timestamp,
    ) -> Result<ServerDb, DbError> {
        let name = schema.database_name(db);
        let db = self.home(servers, schema, db).await?;
        self.not_elsewhere(servers, &name, &db).await?;
        migrate::run(&db, schema, tables, now).await?;
        Ok(db)
    }

    /// What has not run in a logical database; nothing is changed.
    pub(crate) async fn pending(
        &self,
        servers: &Servers,
        schema: Schema,
        db: u8,
        tables: &[u8],
    ) -> Result<Vec<Pending>, DbError> {
        let home = self.home(servers, schema, db).await?;
        migrate::pending(&home, &schema.database_name(db), schema, tables).await
    }

    /// The tables of the cells that a logical database has; none when it is not there. Nothing is changed.
    pub(crate) async fn cells(
        &self,
        servers: &Servers,
        schema: Schema,
        db: u8,
    ) -> Result<BTreeSet<u8>, DbError> {
        migrate::cells(&self.home(servers, schema, db).await?).await
    }

    /// The servers as they are now: others than the settings name once one has taken over.
    pub(crate) async fn current(&self, servers: &Servers) -> Servers {
        let mut current = servers.clone();
        for physical in self.all().await {
            let addresses = physical.addresses();
            let of = current.servers.iter_mut().find(|s| s.name == physical.name());
            if let Some(server) = of {
                server.url = addresses.primary;
                server.replicas = addresses.replicas.to_vec();
            }
        }
        current
    }

    /// Those that are connected now.
    async fn all(&self) -> Vec<Arc<Physical>> {
        self.0.lock().await.values().cloned().collect()
    }

    async fn server(
        &self,
        servers: &Servers,
        database: &str,
        name: &str,
    ) -> Result<Arc<Physical>, DbError> {
        let server = servers.servers.iter().find(|s| s.name == name).ok_or_else(|| {
            DbError::Open(format!("{database} is on the server `{name}`, which is not configured"))
        })?;
        // held while one connects: two must not connect to the same server
        let mut connected = self.0.lock().await;
        if let Some(known) = connected.get(&server.name) {
            return Ok(Arc::clone(known));
        }
        let physical = Arc::new(Physical::connect(servers, server).await?);
        connected.insert(server.name.clone(), Arc::clone(&physical));
        Ok(physical)
    }
}
