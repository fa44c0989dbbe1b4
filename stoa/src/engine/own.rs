//! A database server that belongs to a data folder: started from the installed programs, with settings
//! that lose nothing, kept between starts, ended with the program. What a killed program has left behind
//! is ended first. Nothing outside the folder is touched, and no process that does not work in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kit::Secret;
use rustix::process::{Pid, Signal, kill_process};
use servers::{Durability, Mariadb, MariadbOptions, Postgres, PostgresOptions};
use shard::Engine;

use super::{server_folder, title};

/// Held as long as the server is ours.
const LOCK_FILE: &str = "server.lock";
/// In the server's folder once it is whole; without it the making was cut off, and nothing is in there.
const MADE_FILE: &str = "made";
/// The database of PostgreSQL in which the schemas are.
const DATABASE: &str = "stoa";
/// What servers and the programs that make them are called, as the kernel tells it (15 letters).
const PROGRAMS: [&str; 6] =
    ["postgres", "initdb", "mariadbd", "mysqld", "mariadb-install", "mysql_install_d"];
const LOCK_WITHIN: Duration = Duration::from_secs(2);
const END_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

enum Process {
    Postgres(Postgres),
    Mysql(Mariadb),
}

/// A data folder's own server, running. It ends when this is dropped.
pub struct OwnServer {
    process: Process,
    home: PathBuf,
    // After the server.
    _lock: File,
}

impl OwnServer {
    /// Starts the server of a folder, making it at first.
    ///
    /// # Errors
    /// When another process has it, the programs are not installed, or it does not come up.
    pub fn start(folder: &Path, engine: Engine) -> anyhow::Result<Self> {
        let home = server_folder(folder, engine);
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let lock = lock(folder)?;
        if home.is_dir() {
            end_all(&home)?;
            if !home.join(MADE_FILE).exists() {
                fs::remove_dir_all(&home).with_context(|| format!("{}", home.display()))?;
            }
        }
        let process = match engine {
            Engine::Mysql => Process::Mysql(Mariadb::start(&MariadbOptions {
                folder: Some(home.clone()),
                durability: Durability::Durable,
                ..MariadbOptions::default()
            })?),
            _ => {
                let server = Postgres::start(&PostgresOptions {
                    folder: Some(home.clone()),
                    durability: Durability::Durable,
                    ..PostgresOptions::default()
                })?;
                server.ensure_database(DATABASE)?;
                Process::Postgres(server)
            }
        };
        fs::write(home.join(MADE_FILE), "").with_context(|| format!("{}", home.display()))?;
        Ok(Self { process, home, _lock: lock })
    }

    /// Its address for drivers.
    #[must_use]
    pub fn url(&self) -> Secret<String> {
        Secret::new(match &self.process {
            Process::Postgres(server) => server.url(DATABASE),
            Process::Mysql(server) => server.url(""),
        })
    }

    /// Which server this is and where, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let (engine, port) = match &self.process {
            Process::Postgres(server) => (Engine::Postgres, server.port()),
            Process::Mysql(server) => (Engine::Mysql, server.port()),
        };
        let home = self.home.display();
        format!("{}, its own server on 127.0.0.1:{port}, files in {home}", title(engine))
    }

    /// Ends it in order. Blocks.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> anyhow::Result<()> {
        match &mut self.process {
            Process::Postgres(server) => server.stop()?,
            Process::Mysql(server) => server.stop()?,
        }
        Ok(())
    }
}

/// Makes the servers of a folder ours. Whoever has just died still holds it for a moment.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK_FILE);
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.with_context(|| format!("{} cannot be used", path.display()))?;
    let began = Instant::now();
    while lock.try_lock().is_err() {
        ensure!(
            began.elapsed() < LOCK_WITHIN,
            "{} is in use by another stoa process; stop it, or choose another folder",
            folder.display()
        );
        thread::sleep(POLL);
    }
    Ok(lock)
}

/// Ends the servers that work in a folder. Whoever calls holds the lock, so that nobody needs them.
pub(super) fn end_all(home: &Path) -> anyhow::Result<()> {
    let home = home.canonicalize().with_context(|| format!("{}", home.display()))?;
    let began = Instant::now();
    let mut signal = Signal::QUIT;
    loop {
        let left = left_in(&home);
        if left.is_empty() {
            return Ok(());
        }
        if began.elapsed() > END_WITHIN {
            ensure!(
                signal != Signal::KILL || began.elapsed() < 2 * END_WITHIN,
                "the database server in {} was left behind by an earlier start and does not end; its \
                 processes are {left:?}",
                home.display()
            );
            signal = Signal::KILL;
        }
        for pid in left.into_iter().filter_map(Pid::from_raw) {
            // it may have ended in this moment, which is what the signal is for
            let _ = kill_process(pid, signal);
        }
        thread::sleep(5 * POLL);
    }
}

/// The processes of servers that work in a folder.
fn left_in(home: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let works_here = |proc: &Path| {
        let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
        let folder = fs::read_link(proc.join("cwd"));
        PROGRAMS.contains(&name.trim_end()) && folder.is_ok_and(|f| f.starts_with(home))
    };
    let id = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse::<i32>().ok()?;
        works_here(&entry.path()).then_some(id)
    };
    entries.filter_map(id).collect()
}
