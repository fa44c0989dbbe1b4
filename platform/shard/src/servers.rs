//! Where logical databases live when servers hold them: which servers there are, and which of them has
//! which database. Configuration only; it opens nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::Secret;

use crate::dialect::Engine;

/// What holds the databases.
#[derive(Debug, Clone, Default)]
pub enum Backend {
    /// Files in the data folder.
    #[default]
    Embedded,
    /// Database servers.
    Servers(Servers),
}

impl Backend {
    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Embedded => Engine::Sqlite,
            Self::Servers(servers) => servers.engine,
        }
    }
}

/// Database servers of one engine, and who lives where.
#[derive(Debug, Clone)]
pub struct Servers {
    /// [`Engine::Postgres`] or [`Engine::Mysql`].
    pub engine: Engine,
    /// The servers.
    pub servers: Vec<Server>,
    /// Which logical database is where.
    pub directory: Directory,
    /// Stands before the name of every schema, so that several platforms can share a server.
    pub prefix: String,
    /// Transactions that wait for a connection at most; more are refused.
    pub waiting_max: usize,
    /// The longest a new connection may take.
    pub connect_timeout: Duration,
    /// How often a transaction is run again that lost a deadlock or could not be serialized.
    pub retries_max: u32,
    /// Which reads go to replicas.
    pub splitting: Box<Splitting>,
}

/// When a replica is used for reads, and when not. One that is too late is dropped, and comes back only
/// when it has been much better for a while, so that it does not come and go.
#[derive(Debug, Clone, Copy)]
pub struct Splitting {
    /// How often replicas are measured.
    pub measure_every: Duration,
    /// What was measured longer ago than this is not believed: reads go to the primary.
    pub forget_after: Duration,
    /// How long a read may wait for a replica to get to what the caller has written.
    pub wait_max: Duration,
    /// A replica that is further behind than this is dropped.
    pub lag_max: Duration,
    /// The same in bytes of the log.
    pub lag_bytes_max: u64,
    /// One that was dropped comes back when it is no further behind than this ..
    pub lag_back: Duration,
    /// .. and this, in bytes of the log ..
    pub lag_bytes_back: u64,
    /// .. for this long.
    pub back_after: Duration,
}

impl Default for Splitting {
    fn default() -> Self {
        Self {
            measure_every: Duration::from_millis(200),
            forget_after: Duration::from_secs(2),
            wait_max: Duration::from_millis(50),
            lag_max: Duration::from_secs(5),
            lag_bytes_max: 64 << 20,
            lag_back: Duration::from_secs(1),
            lag_bytes_back: 8 << 20,
            back_after: Duration::from_secs(5),
        }
    }
}

/// Connections to a server at most, where nothing else is said. Few know more of what each is asked than many do, and
/// place more orders; too few wait for one another while a tenant's orders move.
pub const CONNECTIONS_MAX: u32 = 32;

impl Servers {
    /// One server for everything.
    #[must_use]
    pub fn single(engine: Engine, url: Secret<String>) -> Self {
        let name = "main".to_owned();
        let connections_max = CONNECTIONS_MAX;
        Self {
            engine,
            directory: Directory::new(&name),
            servers: vec![Server { name, url, replicas: Vec::new(), connections_max }],
            prefix: String::new(),
            waiting_max: 4_096,
            connect_timeout: Duration::from_secs(3),
            retries_max: 8,
            splitting: Box::default(),
        }
    }

    /// The server of a logical database.
    #[must_use]
    pub fn server_of(&self, database: &str) -> Option<&Server> {
        let name = self.directory.server(database);
        self.servers.iter().find(|s| s.name == name)
    }
}

/// One physical server: a primary, and what follows it.
#[derive(Debug, Clone)]
pub struct Server {
    /// What the directory calls it.
    pub name: String,
    /// `postgres://user:password@host:port/database` or `mysql://user:password@host:port/`.
    pub url: Secret<String>,
    /// The same for servers that follow it by streaming replication; PostgreSQL only.
    pub replicas: Vec<Secret<String>>,
    /// Connections to it at most.
    pub connections_max: u32,
}

/// Which server has which logical database. Ids name logical places, so that moving a database to
/// another server needs no new ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    default: String,
    moved: BTreeMap<String, String>,
}

impl Directory {
    /// Everything on one server.
    #[must_use]
    pub fn new(default: &str) -> Self {
        Self { default: default.to_owned(), moved: BTreeMap::new() }
    }

    /// Puts a logical database, such as `order_07` or `product`, on another server.
    pub fn put(&mut self, database: &str, server: &str) {
        self.moved.insert(database.to_owned(), server.to_owned());
    }

    /// The server of a logical database.
    #[must_use]
    pub fn server(&self, database: &str) -> &str {
        self.moved.get(database).unwrap_or(&self.default)
    }

    /// Every server that is named.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.default.as_str()).chain(self.moved.values().map(String::as_str))
    }
}

/// How a server stands at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStanding {
    /// What the directory calls it.
    pub name: String,
    /// Who takes its writes.
    pub primary: NodeStanding,
    /// How many replicas a commit waits for, where the primary says so.
    pub confirmed_by: Option<u64>,
    /// Who follows, and whether reads go there.
    pub replicas: Vec<(NodeStanding, bool)>,
}

/// How one process of a server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStanding {
    /// Host and port.
    pub address: String,
    /// What it says it is.
    pub version: Option<String>,
    /// How long it took to answer, or why it did not.
    pub answered: Result<Duration, String>,
}

/// A replica that has taken a primary's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// What the directory calls the server.
    pub server: String,
    /// Host and port of the new primary.
    pub primary: String,
    /// Host and port of the other replicas, which follow the old primary still.
    pub others: Vec<String>,
}
