//! A PostgreSQL server: its folder, its settings, its life. Replicas stand in [`replica`]. Settings are
//! given on the command line, so that a folder can be opened again under others; only what changes while
//! it runs is written to the folder.

mod replica;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use replica::Following;
pub use replica::ReplicaOptions;

use crate::Durability;
use crate::error::Error;
use crate::folder::Folder;
use crate::port;
use crate::process::Process;
use crate::programs;
use crate::tool::{self, until};

const SERVER: &str = "PostgreSQL";
/// The superuser of every server that is started here.
const USER: &str = "postgres";
/// A server that was killed under load has something to recover.
const READY_WITHIN: Duration = Duration::from_secs(60);
const TOOL_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// A port may be taken by another between our look and the server's.
const PORTS_TRIED: u32 = 5;

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Where it keeps its data: opened again when a server has been there. A temporary folder when none is
    /// given.
    pub folder: Option<PathBuf>,
    /// Its port; a free one when none is given.
    pub port: Option<u16>,
    /// What a commit survives.
    pub durability: Durability,
    /// Connections at most.
    pub max_connections: u32,
    /// Its own cache of pages, in MiB.
    pub shared_buffers_mib: u32,
    /// Replicas and backups that read from it at most.
    pub max_wal_senders: u32,
    /// More settings, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            folder: None,
            port: None,
            durability: Durability::Fast,
            max_connections: 200,
            shared_buffers_mib: 64,
            max_wal_senders: 6,
            settings: Vec::new(),
        }
    }
}

/// A PostgreSQL server of ours. It ends when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    // Ends before the folder goes.
    process: Option<Process>,
    bin: PathBuf,
    options: PostgresOptions,
    port: u16,
    following: Option<Following>,
    folder: Folder,
    took: Duration,
}

impl Postgres {
    /// Starts a server and returns when it takes connections. What stands in the folder is kept.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, the folder cannot be used, or the server does not come up.
    pub fn start(options: &PostgresOptions) -> Result<Self, Error> {
        let began = Instant::now();
        let folder = Folder::open(SERVER, options.folder.as_deref(), &["postgres"])?;
        let bin = programs::postgres(version_of(&folder))?;
        let mut server = Self {
            process: None,
            bin,
            options: options.clone(),
            port: 0,
            following: None,
            folder,
            took: Duration::ZERO,
        };
        if version_of(&server.folder).is_none() {
            server.initialize()?;
        }
        server.launch_on_free_port()?;
        server.took = began.elapsed();
        Ok(server)
    }

    /// The address of a database, for a driver; `postgres` is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// How long the start took, from nothing to taking connections.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Runs one statement through `psql` and returns its rows, columns parted by `|`.
    ///
    /// # Errors
    /// When it cannot be reached or refuses the statement.
    pub fn sql(&self, database: &str, statement: &str) -> Result<String, Error> {
        let mut psql = self.tool("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]);
        Ok(tool::run(psql, TOOL_WITHIN)?.trim_end().to_owned())
    }

    /// Creates a database when it is not there.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses the name.
    pub fn ensure_database(&self, name: &str) -> Result<(), Error> {
        let literal = name.replace('\'', "''");
        let found = format!("SELECT 1 FROM pg_database WHERE datname = '{literal}'");
        if self.sql(USER, &found)?.is_empty() {
            self.sql(USER, &format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")))?;
        }
        Ok(())
    }

    /// Ends it in order: connections are closed, everything is on the disk.
    ///
    /// # Errors
    /// When it cannot be signalled or waited for.
    pub fn stop(&mut self) -> Result<(), Error> {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::INT, STOP_WITHIN)?;
        }
        Ok(())
    }

    /// Kills it and everything it has forked (`kill -9`); returns when nothing of it is left.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Starts it again on the same port after [`Postgres::stop`] or [`Postgres::kill`]; one that runs is
    /// stopped first.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    fn initialize(&self) -> Result<(), Error> {
        let mut initdb = self.folder.command(&self.bin.join("initdb"));
        initdb.arg("--pgdata").arg(self.folder.data()).args([
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--auth=trust",
            "--no-instructions",
            "--username",
            USER,
        ]);
        if self.options.durability == Durability::Fast {
            initdb.arg("--no-sync");
        }
        tool::run(initdb, TOOL_WITHIN).map(|_| ())
    }

    fn launch_on_free_port(&mut self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            self.port = self.options.port.map_or_else(port::free, Ok)?;
            tries += 1;
            match self.launch() {
                Err(Error::NotReady { log, .. })
                    if self.options.port.is_none()
                        && tries < PORTS_TRIED
                        && log.contains("Address already in use") => {}
                done => return done,
            }
        }
    }

    /// Starts the process and waits until it takes connections.
    fn launch(&mut self) -> Result<(), Error> {
        let mut command = self.folder.command(&self.bin.join("postgres"));
        command.arg("-D").arg(self.folder.data());
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let log = self.folder.open_log()?;
        let errors = log.try_clone().map_err(Error::io("sharing the log"))?;
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        let remove = self.folder.is_temporary().then_some(self.folder.path());
        let mut process = Process::start(command, &self.folder.data(), remove)?;
        let state = self.folder.data().join("postmaster.pid");
        let id = process.id();
        let ready = until("readiness", READY_WITHIN, || {
            if !process.is_running() {
                return Ok(Some(false));
            }
            // cheaper than asking a hundred times, and certain to be about this process
            let says = fs::read_to_string(&state).is_ok_and(|text| is_ready(&text, id));
            Ok((says && self.answers()).then_some(true))
        });
        if !matches!(ready, Ok(true)) {
            let (server, within, log) = (SERVER, READY_WITHIN, self.folder.log_end());
            return Err(Error::NotReady { server, within, log });
        }
        self.process = Some(process);
        Ok(())
    }

    fn answers(&self) -> bool {
        let mut ask = self.tool("pg_isready");
        ask.args(["-q", "-t", "5"]);
        tool::run(ask, TOOL_WITHIN).is_ok()
    }

    /// One of its programs, told where the server is.
    fn tool(&self, program: &str) -> Command {
        let mut command = self.folder.command(&self.bin.join(program));
        command.env("PGCONNECT_TIMEOUT", "10");
        command.args(["-h", "127.0.0.1", "-U", USER, "-p"]).arg(self.port.to_string());
        command
    }

    fn settings(&self) -> Vec<(String, String)> {
        let options = &self.options;
        let mut all: Vec<(String, String)> = [
            ("listen_addresses", "127.0.0.1"),
            // relative to the data folder: a path of any length will do
            ("unix_socket_directories", "."),
            ("logging_collector", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("wal_level", "replica"),
            // enough for a replica that was away for a while; a slot would keep all of it for ever
            ("wal_keep_size", "512MB"),
            ("wal_retrieve_retry_interval", "200ms"),
            ("wal_receiver_status_interval", "1s"),
            ("jit", "off"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
        set("port", self.port.to_string());
        set("max_connections", options.max_connections.to_string());
        set("shared_buffers", format!("{}MB", options.shared_buffers_mib));
        set("max_wal_senders", options.max_wal_senders.to_string());
        if options.durability == Durability::Fast {
            set("fsync", "off".to_owned());
            set("full_page_writes", "off".to_owned());
            set("checkpoint_timeout", "1h".to_owned());
        }
        if self.folder.is_temporary() {
            // goes with the folder, also when the server was killed
            set("dynamic_shared_memory_type", "mmap".to_owned());
        }
        if let Some(following) = &self.following {
            following.settings(&mut set);
        }
        all.extend(options.settings.iter().cloned());
        all
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // what is thrown away need not be written out first
            let signal = if self.folder.is_temporary() { Signal::QUIT } else { Signal::INT };
            // nobody is left to be told; the process kills what is left of it
            let _ = process.stop(signal, STOP_WITHIN);
        }
        if self.folder.is_temporary() {
            self.free_shared_memory();
        }
    }
}

impl Postgres {
    /// A killed server leaves a few bytes of shared memory behind, which only its next start would free.
    fn free_shared_memory(&self) {
        let state = fs::read_to_string(self.folder.data().join("postmaster.pid"));
        let line = state.as_deref().ok().and_then(|text| text.lines().nth(6));
        if let Some(id) = line.and_then(|line| line.split_whitespace().nth(1)) {
            let mut free = Command::new("ipcrm");
            free.args(["--shmem-id", id]);
            // it may be gone already
            let _ = tool::run(free, TOOL_WITHIN);
        }
    }
}

/// Whether `postmaster.pid` is this process's and says that connections are taken.
fn is_ready(text: &str, id: u32) -> bool {
    let mut lines = text.lines();
    lines.next().is_some_and(|line| line.trim() == id.to_string())
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

/// The version that has made the files in a folder.
fn version_of(folder: &Folder) -> Option<u32> {
    fs::read_to_string(folder.data().join("PG_VERSION")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_read_from_the_servers_own_words() {
        let text = "77\n/data\n1755\n20000\n.\n127.0.0.1\n 123  45\nready   \n";
        assert!(is_ready(text, 77));
        assert!(!is_ready(text, 78), "left by another process");
        assert!(!is_ready(&text.replace("ready", "starting"), 77));
        assert!(!is_ready("77\n/data\n", 77));
    }
}
