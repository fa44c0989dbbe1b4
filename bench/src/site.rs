//! Where a store lies while it is measured: a data folder, and for the engines that are programs of their
//! own a database server that is started here, forces every commit to the disk, and ends with this value.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use servers::{Durability, Mariadb, MariadbOptions, Postgres, PostgresOptions};

use crate::databases::{Connect, Databases, Server};
use crate::engine::Engine;
use crate::process::{OnServer, Process};

/// The database on a PostgreSQL server.
const DATABASE: &str = "stoa";
/// Connections that the raw writers have at most.
pub const CONNECTIONS: usize = 32;
/// Connections that a server takes: the program's, the raw writers', and those that look.
const SERVER_CONNECTIONS: u32 = 200;
/// Memory for a server's pages, in MiB.
const PAGES_MIB: u32 = 1_024;

/// A data folder and what holds its databases.
pub struct Site {
    data: PathBuf,
    server: Option<Started>,
}

enum Started {
    Postgres(Postgres),
    Mariadb(Mariadb),
}

impl Site {
    /// A place for a store; its database server is started.
    ///
    /// # Errors
    /// When the server's program is not installed or does not start.
    pub fn new(engine: Engine, data: PathBuf) -> Result<Self> {
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => {
                let server = Postgres::start(&PostgresOptions {
                    durability: Durability::Durable,
                    max_connections: SERVER_CONNECTIONS,
                    shared_buffers_mib: PAGES_MIB,
                    ..PostgresOptions::default()
                })?;
                server.ensure_database(DATABASE)?;
                Some(Started::Postgres(server))
            }
            Engine::Mysql => Some(Started::Mariadb(Mariadb::start(&MariadbOptions {
                durability: Durability::Durable,
                max_connections: SERVER_CONNECTIONS,
                buffer_pool_mib: PAGES_MIB,
                ..MariadbOptions::default()
            })?)),
        };
        Ok(Self { data, server })
    }

    /// Starts the program on it.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(&self, stoa: &Path) -> Result<Process> {
        match &self.server {
            None => Process::stoa(stoa, &self.data, None),
            Some(_) => {
                let connect = self.connect()?;
                let on = OnServer { engine: connect.engine, url: connect.url };
                Process::stoa(stoa, &self.data, Some(&on))
            }
        }
    }

    /// The databases of the store, once it has been started and has stopped.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn databases(&self) -> Result<Databases> {
        Ok(match &self.server {
            None => Databases::Files(self.data.clone()),
            Some(_) => Databases::Server(Arc::new(Server::connect(self.connect()?)?)),
        })
    }

    fn connect(&self) -> Result<Connect> {
        let (engine, url, pid) = match &self.server {
            None => anyhow::bail!("the embedded engine has no server"),
            Some(Started::Postgres(s)) => (Engine::Postgres, s.url(DATABASE), s.process_id()),
            Some(Started::Mariadb(s)) => (Engine::Mysql, s.url(""), s.process_id()),
        };
        Ok(Connect { engine, url, pid: pid.context("the database server has ended")? })
    }
}
