//! The database servers that tests are given: one PostgreSQL and one MariaDB for a whole run, from Debian's packages,
//! gone when the run is over. Which tests use them is their own affair; they find them by environment variables.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result};
use servers::{Error, Mariadb, MariadbOptions, Postgres, PostgresOptions};

use super::apt;
use crate::process::Deadline;
use crate::workspace::Workspace;

/// Two test processes at a time hold some connections each; a loaded machine has more of them.
const CONNECTIONS_MAX: u32 = 400;

/// The engines' variables, and the folder in which tests share databases: see `testkit`.
const POSTGRES: &str = "STOA_TEST_POSTGRES";
const MYSQL: &str = "STOA_TEST_MYSQL";
const SLOTS: &str = "STOA_TEST_SLOTS";

/// Running servers. They end when this is dropped.
#[derive(Debug)]
pub struct Databases {
    postgres: Postgres,
    mariadb: Mariadb,
    slots: PathBuf,
}

impl Databases {
    /// Starts them; installs what is missing.
    ///
    /// # Errors
    /// When something is missing and cannot be installed, or does not start.
    pub fn start(workspace: &Workspace, deadline: Deadline) -> Result<Self> {
        install(deadline)?;
        let postgres = || {
            Postgres::start(&PostgresOptions {
                max_connections: CONNECTIONS_MAX,
                shared_buffers_mib: 128,
                ..PostgresOptions::default()
            })
        };
        let mariadb = || {
            Mariadb::start(&MariadbOptions {
                max_connections: CONNECTIONS_MAX,
                ..MariadbOptions::default()
            })
        };
        let (postgres, mariadb) = thread::scope(|scope| {
            let beside = scope.spawn(mariadb);
            (postgres(), beside.join())
        });
        let postgres = postgres.context("PostgreSQL for tests")?;
        let mariadb = match mariadb {
            Ok(started) => started.context("MariaDB for tests")?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // the lock files of an earlier run do no harm
        let slots = workspace.target.join("test-slots");
        say!(
            "PostgreSQL on port {} ({} ms), MariaDB on port {} ({} ms)",
            postgres.port(),
            postgres.took().as_millis(),
            mariadb.port(),
            mariadb.took().as_millis()
        );
        Ok(Self { postgres, mariadb, slots })
    }

    /// Names everything to a command that runs tests.
    pub fn tell(&self, command: &mut Command) {
        command
            .env(POSTGRES, self.postgres.url("postgres"))
            .env(MYSQL, self.mariadb.url(""))
            .env(SLOTS, &self.slots);
    }
}

/// Installs the servers' packages when they are missing.
///
/// # Errors
/// When they cannot be installed.
pub fn install(deadline: Deadline) -> Result<String> {
    let missing: Vec<&str> = servers::installed()
        .into_iter()
        .filter_map(|found| match found {
            Err(Error::Missing { package, .. }) => Some(package),
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        apt::install(&missing, deadline).context("tests need database servers")?;
    }
    let found: Result<Vec<String>, Error> = servers::installed().into_iter().collect();
    Ok(found?.join(", "))
}
