//! Streaming replicas: made by `pg_basebackup`, synchronous or not, held back or paused, promoted.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Postgres, PostgresOptions, SERVER, TOOL_WITHIN, USER, version_of};
use crate::error::Error;
use crate::folder::Folder;
use crate::tool::{self, until};

/// A replica is made, promoted or in step within this, unless the machine is in trouble.
const REPLICA_WITHIN: Duration = Duration::from_secs(60);

/// How a replica is to be.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    /// Its name at the primary (`application_name`): letters, digits and `_`.
    pub name: String,
    /// Whether a commit on the primary waits until this replica has it on its disk.
    pub synchronous: bool,
    /// It shows changes this much later than the primary.
    pub apply_delay: Duration,
    /// Where it keeps its data; made anew unless a server has been there. Temporary when none is given.
    pub folder: Option<PathBuf>,
    /// Its port; a free one when none is given.
    pub port: Option<u16>,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self {
            name: "replica".to_owned(),
            synchronous: false,
            apply_delay: Duration::ZERO,
            folder: None,
            port: None,
        }
    }
}

/// Whom a replica follows.
#[derive(Debug, Clone)]
pub(super) struct Following {
    name: String,
    primary_port: u16,
    apply_delay: Duration,
}

impl Following {
    pub(super) fn settings(&self, set: &mut impl FnMut(&str, String)) {
        let (port, name) = (self.primary_port, &self.name);
        set(
            "primary_conninfo",
            format!("host=127.0.0.1 port={port} user={USER} application_name={name}"),
        );
        set("recovery_min_apply_delay", format!("{}ms", self.apply_delay.as_millis()));
        set("hot_standby", "on".to_owned());
    }
}

impl Postgres {
    /// Makes a replica of this server and returns when it takes connections; a synchronous one when every
    /// commit from now on waits for it.
    ///
    /// # Errors
    /// When this server is not running, or the replica does not come up.
    pub fn replica(&self, options: &ReplicaOptions) -> Result<Self, Error> {
        if self.process.is_none() {
            return Err(Error::Stopped(SERVER));
        }
        let began = Instant::now();
        let folder = Folder::open(SERVER, options.folder.as_deref(), &["postgres"])?;
        let following = Following {
            name: options.name.clone(),
            primary_port: self.port,
            apply_delay: options.apply_delay,
        };
        let mut replica = Self {
            process: None,
            bin: self.bin.clone(),
            options: PostgresOptions {
                folder: options.folder.clone(),
                port: options.port,
                ..self.options.clone()
            },
            port: 0,
            following: Some(following),
            folder,
            took: Duration::ZERO,
        };
        if version_of(&replica.folder).is_none() {
            replica.copy(self)?;
        }
        replica.launch_on_free_port()?;
        let follows = format!(
            "SELECT 1 FROM pg_stat_replication WHERE application_name = '{}' AND state = 'streaming'",
            options.name
        );
        self.wait_for_row("the replica following", &follows)?;
        if options.synchronous {
            self.set_synchronous(Some(&options.name))?;
        }
        replica.took = began.elapsed();
        Ok(replica)
    }

    /// Names the replica that every commit waits for, or none. With a name it returns when that replica
    /// has become synchronous.
    ///
    /// # Errors
    /// When this server cannot be reached, or there is no such replica.
    pub fn set_synchronous(&self, replica: Option<&str>) -> Result<(), Error> {
        let names = replica.map(|name| format!("FIRST 1 (\"{name}\")")).unwrap_or_default();
        self.sql(USER, &format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"))?;
        self.sql(USER, "SELECT pg_reload_conf()")?;
        if let Some(name) = replica {
            let is_sync = format!(
                "SELECT 1 FROM pg_stat_replication WHERE application_name = '{name}' AND sync_state = 'sync'"
            );
            self.wait_for_row("the replica becoming synchronous", &is_sync)?;
        }
        Ok(())
    }

    /// Makes a primary of this replica, and returns when it takes writes.
    ///
    /// # Errors
    /// When it is none, or cannot be reached.
    pub fn promote(&mut self) -> Result<(), Error> {
        self.sql(USER, "SELECT pg_promote(true, 60)")?;
        self.wait_for_row("the promotion", "SELECT 1 WHERE NOT pg_is_in_recovery()")?;
        self.following = None;
        Ok(())
    }

    /// Holds a replica where it is: it receives, and shows nothing new.
    ///
    /// # Errors
    /// When it is no replica, or cannot be reached.
    pub fn pause_replay(&self) -> Result<(), Error> {
        self.sql(USER, "SELECT pg_wal_replay_pause()")?;
        let paused = "SELECT 1 WHERE pg_get_wal_replay_pause_state() = 'paused'";
        self.wait_for_row("the replica pausing", paused)
    }

    /// Lets a replica go on after [`Postgres::pause_replay`].
    ///
    /// # Errors
    /// When it is no replica, or cannot be reached.
    pub fn resume_replay(&self) -> Result<(), Error> {
        self.sql(USER, "SELECT pg_wal_replay_resume()").map(|_| ())
    }

    /// Waits until this replica shows everything that is committed on the primary at this moment.
    ///
    /// # Errors
    /// When it does not in time, or one of them cannot be reached.
    pub fn catch_up(&self, primary: &Self) -> Result<(), Error> {
        let position = primary.sql(USER, "SELECT pg_current_wal_insert_lsn()")?;
        let shown = format!("SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{position}'");
        self.wait_for_row("the replica catching up", &shown)
    }

    fn wait_for_row(&self, what: &str, query: &str) -> Result<(), Error> {
        until(what, REPLICA_WITHIN, || Ok((!self.sql(USER, query)?.is_empty()).then_some(())))
    }

    /// Copies the primary's files into the folder of this replica.
    fn copy(&self, primary: &Self) -> Result<(), Error> {
        let mut backup = primary.tool("pg_basebackup");
        // it writes as the account that will read, into the folder of the replica
        backup.current_dir(self.folder.path());
        backup.args(["--checkpoint=fast", "--write-recovery-conf", "--wal-method=stream"]);
        backup.arg("--no-sync").arg("--pgdata").arg(self.folder.data());
        tool::run(backup, TOOL_WITHIN.max(REPLICA_WITHIN))?;
        self.forget_primary()
    }

    /// Takes out what the primary has decided for itself: a promoted replica must not wait for the replica
    /// that it was, and whom it follows stands on the command line.
    fn forget_primary(&self) -> Result<(), Error> {
        let file = self.folder.data().join("postgresql.auto.conf");
        let refused = || Error::io(format!("rewriting {}", file.display()));
        let text = fs::read_to_string(&file).map_err(refused())?;
        let kept: String = text
            .lines()
            .filter(|line| {
                !["synchronous_standby_names", "primary_conninfo"]
                    .iter()
                    .any(|name| line.trim_start().starts_with(name))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(&file, kept).map_err(refused())
    }
}
