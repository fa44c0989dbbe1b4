//! Databases on a shared server for one test at a time. A slot is a prefix before the names of all
//! schemas; whoever holds the lock of its file has it. Its tables stay when it is given back, and the next
//! who claims it finds them empty: making them anew would cost more than most tests take.
//!
//! Slots belong to a crate and to one build of its tests, because two crates have different tables under
//! the same names.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use kit::Secret;
use shard::{Backend, Engine, Servers};

use crate::server;

/// Names the engine that [`crate::TempShards`] are on; they are embedded without it.
const ENGINE: &str = "STOA_TEST_ENGINE";
/// Names the folder of the lock files; `cargo xtask test` makes one for each run.
const FOLDER: &str = "STOA_TEST_SLOTS";

/// More tests at a time than any machine runs.
const SLOTS_MAX: u32 = 256;
/// The connections of one test at most: all tests together share the server's.
const CONNECTIONS_MAX: u32 = 16;

/// The engine that this test run is about.
pub(crate) fn engine() -> Engine {
    match std::env::var(ENGINE) {
        Ok(name) => name.parse().unwrap_or_else(|e| panic!("{ENGINE}={name}: it is none of {e}")),
        Err(_) => Engine::Sqlite,
    }
}

/// The address of the database server that the test run has started for an engine. `None`, with a note for
/// whoever reads the test's output, when there is none: a test that needs one then ends at once.
#[must_use]
pub fn server_url(engine: Engine) -> Option<String> {
    let url = configured(engine);
    if url.is_none() {
        note(&format!(
            "SKIPPED: {} is not set; `cargo xtask test` starts a server and sets it",
            variable(engine)
        ));
    }
    url
}

#[expect(clippy::disallowed_macros, reason = "words for whoever reads the test's output")]
fn note(words: &str) {
    eprintln!("{words}");
}

const fn variable(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "STOA_TEST_POSTGRES",
        Engine::Mysql => "STOA_TEST_MYSQL",
        Engine::Sqlite => "",
    }
}

fn configured(engine: Engine) -> Option<String> {
    std::env::var(variable(engine)).ok().filter(|url| !url.is_empty())
}

/// A claimed slot, given back when it is dropped.
pub(crate) struct Slot {
    engine: Engine,
    url: String,
    prefix: String,
    // Locked as long as it is open.
    _lock: File,
}

impl Slot {
    /// The first free slot of this crate, with its tables empty.
    pub(crate) fn claim(engine: Engine) -> Self {
        let url = configured(engine).unwrap_or_else(|| {
            panic!("{ENGINE}={engine} without {}: use `cargo xtask test`", variable(engine))
        });
        let owner = owner();
        let folder = folder(&url).join(engine.name()).join(&owner);
        std::fs::create_dir_all(&folder)
            .unwrap_or_else(|e| panic!("{} cannot be made: {e}", folder.display()));
        let free = (0..SLOTS_MAX).find_map(|n| {
            let lock = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(folder.join(format!("{n:03}")))
                .unwrap_or_else(|e| panic!("no lock file in {}: {e}", folder.display()));
            match lock.try_lock() {
                Ok(()) => Some((n, lock)),
                Err(TryLockError::WouldBlock) => None,
                Err(TryLockError::Error(e)) => panic!("no lock in {}: {e}", folder.display()),
            }
        });
        let Some((n, lock)) = free else { panic!("all {SLOTS_MAX} slots of {owner} are taken") };
        let slot = Self { engine, url, prefix: format!("t_{owner}_{n:02}_"), _lock: lock };
        slot.make_empty();
        slot
    }

    /// Everything on the one server, under the names of this slot.
    pub(crate) fn backend(&self) -> Backend {
        let mut servers = Servers::single(self.engine, Secret::new(self.url.clone()));
        servers.prefix.clone_from(&self.prefix);
        for server in &mut servers.servers {
            server.connections_max = CONNECTIONS_MAX;
        }
        Backend::Servers(servers)
    }

    /// Every value of every row, as text.
    pub(crate) async fn dump(&self) -> String {
        let dumped = server::dump(self.engine, &self.url, &self.prefix).await;
        dumped.unwrap_or_else(|e| panic!("the databases cannot be read: {e}"))
    }

    /// Tables that this build of the tests has made are emptied, those of another are dropped.
    fn make_empty(&self) {
        let (mut file, build) = (&self._lock, build());
        let mut before = String::new();
        let read = file.read_to_string(&mut before);
        read.unwrap_or_else(|e| panic!("the lock file cannot be read: {e}"));
        if before == build {
            block_on(server::empty(self.engine, &self.url, &self.prefix));
            return;
        }
        block_on(server::drop_all(self.engine, &self.url, &self.prefix));
        let written = file
            .rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(build.as_bytes()));
        written.unwrap_or_else(|e| panic!("the lock file cannot be written: {e}"));
    }
}

/// Runs a future to its end on a thread of its own: tests that call us may be inside a runtime.
fn block_on(work: impl Future<Output = Result<(), sqlx::Error>> + Send) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap_or_else(|e| panic!("no runtime: {e}")).block_on(work)
    };
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .unwrap_or_else(|e| panic!("the databases of a slot cannot be emptied: {e}"));
}

/// The crate whose test runs, as a part of a name.
fn owner() -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "other".to_owned());
    package.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_lowercase()
}

/// Which build of which tests this is.
fn build() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let changed = program.metadata().and_then(|meta| meta.modified()).ok();
    let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{} {}", program.display(), changed.as_nanos())
}

/// Where the lock files are: one folder for each server.
fn folder(url: &str) -> PathBuf {
    std::env::var_os(FOLDER).map_or_else(
        || {
            let name: String = url.chars().filter(char::is_ascii_alphanumeric).collect();
            std::env::temp_dir().join(format!("stoa-slots-{name}"))
        },
        PathBuf::from,
    )
}
