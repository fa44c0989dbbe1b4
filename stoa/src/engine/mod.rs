//! On which engine a data folder is, and the database server that belongs to it when nobody configured
//! one. A note in the folder remembers it, so that no command ever takes a folder whose databases are
//! on a server for an empty one. It must not know what the databases hold.

mod own;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use kit::Secret;
use serde::{Deserialize, Serialize};
use shard::{Backend, Engine, Servers};

pub use own::OwnServer;

/// The note in a data folder whose databases are on servers.
pub const NOTE_FILE: &str = "engine.json";
/// The demo's schemas are called so, also on a server that others use.
pub const DEMO_PREFIX: &str = "stoa_demo_";
/// Connections of the demo to a PostgreSQL server at most, for each core of this machine. MariaDB's transactions take
/// longer, and with so few wait for one another while a tenant's orders move.
const DEMO_CONNECTIONS_PER_CORE: usize = 6;

/// What a folder remembers of its databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    #[serde(with = "name")]
    engine: Engine,
    /// Whether the server belongs to the folder, or was named by whoever started the program.
    own: bool,
}

impl Note {
    /// Databases on servers that were named.
    #[must_use]
    pub const fn configured(engine: Engine) -> Self {
        Self { engine, own: false }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(self) -> Engine {
        self.engine
    }

    /// What a folder remembers; nothing when its databases are files, or there are none yet.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub fn of(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(NOTE_FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                let note = serde_json::from_slice(&bytes);
                Ok(Some(note.with_context(|| format!("{} cannot be read", path.display()))?))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Lets a folder remember this.
    ///
    /// # Errors
    /// When it remembers something else, holds databases as files, or cannot be written to.
    pub fn put(self, folder: &Path) -> anyhow::Result<()> {
        fits(folder, self.engine)?;
        if let Some(known) = Self::of(folder)? {
            ensure!(known.own == self.own, "{}", other_server(folder, known));
            return Ok(());
        }
        let path = folder.join(NOTE_FILE);
        let written = || format!("{} cannot be written", path.display());
        fs::create_dir_all(folder).with_context(written)?;
        let beside = path.with_extension("tmp");
        fs::write(&beside, serde_json::to_vec(&self)?).with_context(written)?;
        fs::rename(&beside, &path).with_context(written)
    }
}

mod name {
    //! The engine as its name in settings.

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use shard::Engine;

    pub(super) fn serialize<S: Serializer>(engine: &Engine, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(engine)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Engine, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

/// Refuses an engine that the folder is not on.
///
/// # Errors
/// As said, with what to do.
pub fn fits(folder: &Path, engine: Engine) -> anyhow::Result<()> {
    let shown = folder.display();
    match Note::of(folder)? {
        Some(note) => ensure!(
            note.engine == engine,
            "the data of {shown} is on {}, not on {}; choose another folder with --data, or throw it \
             away with `stoa demo --reset`",
            title(note.engine),
            title(engine)
        ),
        None => ensure!(
            engine == Engine::Sqlite || !folder.join("platform.db").exists(),
            "the data of {shown} is embedded (SQLite), not on {}; choose another folder with --data, \
             or throw it away with `stoa demo --reset`",
            title(engine)
        ),
    }
    Ok(())
}

fn other_server(folder: &Path, note: Note) -> String {
    let (shown, engine) = (folder.display(), title(note.engine));
    if note.own {
        format!("the data of {shown} is on a {engine} server of its own; leave out the URL")
    } else {
        format!("the data of {shown} is on a {engine} server that was named at the first start")
    }
}

/// An engine as people call it.
#[must_use]
pub const fn title(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
        Engine::Mysql => "MySQL",
    }
}

/// The engine whose URL this is.
#[must_use]
pub fn engine_of(url: &str) -> Option<Engine> {
    match url.split_once("://")?.0 {
        "postgres" | "postgresql" => Some(Engine::Postgres),
        "mysql" | "mariadb" => Some(Engine::Mysql),
        _ => None,
    }
}

/// Where a server is, without who may use it: host, port and database of a URL.
#[must_use]
pub fn place_of(url: &Secret<String>) -> String {
    let text = url.expose();
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

/// The databases of a folder, ready to be opened: files, a server of the folder's own, or a named one.
pub struct Home {
    backend: Backend,
    // Ends with the program.
    own: Option<OwnServer>,
    told: String,
}

impl Home {
    /// For the demo. Without an engine, the one that the folder is on; embedded when it is new. Blocks
    /// while a server starts.
    ///
    /// # Errors
    /// When the folder is on another engine, or a server is not installed or does not start.
    pub fn of_demo(
        folder: &Path,
        engine: Option<Engine>,
        url: Option<Secret<String>>,
    ) -> anyhow::Result<Self> {
        let note = Note::of(folder)?;
        if let Some(url) = url {
            let named = engine_of(url.expose())
                .context("the database URL begins with postgres:// or mysql://")?;
            ensure!(
                engine.is_none_or(|e| e == named),
                "the database URL is one of {}, the engine is to be another",
                title(named)
            );
            Note::configured(named).put(folder)?;
            return Ok(Self::on_server(named, url));
        }
        match engine.or(note.map(Note::engine)).unwrap_or(Engine::Sqlite) {
            Engine::Sqlite => {
                fits(folder, Engine::Sqlite)?;
                let told = format!("SQLite, files in {}", folder.display());
                Ok(Self { backend: Backend::Embedded, own: None, told })
            }
            engine => {
                ensure!(
                    note.is_none_or(|n| n.own),
                    "the data of {} is on a {} server; name it with --database-url",
                    folder.display(),
                    title(engine)
                );
                Self::with_own_server(folder, engine)
            }
        }
    }

    /// For a command on a folder that nobody has: as it was left.
    ///
    /// # Errors
    /// When the server's address is not known, or the folder's own one does not start.
    pub fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        match Note::of(folder)? {
            None => Self::of_demo(folder, Some(Engine::Sqlite), None),
            Some(note) if note.own => Self::with_own_server(folder, note.engine),
            Some(note) => anyhow::bail!(
                "the databases of {} are on {} servers; name the settings of `stoa serve` with --config \
                 (or STOA_CONFIG), or start the program first, and the command goes through it",
                folder.display(),
                title(note.engine)
            ),
        }
    }

    fn on_server(engine: Engine, url: Secret<String>) -> Self {
        let told = format!("{} at {}, schemas {DEMO_PREFIX}*", title(engine), place_of(&url));
        let servers = demo_servers(engine, url);
        Self { backend: Backend::Servers(servers), own: None, told }
    }

    fn with_own_server(folder: &Path, engine: Engine) -> anyhow::Result<Self> {
        Note { engine, own: true }.put(folder)?;
        let own = OwnServer::start(folder, engine)?;
        let (url, told) = (own.url(), own.told());
        let servers = demo_servers(engine, url);
        Ok(Self { backend: Backend::Servers(servers), own: Some(own), told })
    }

    /// What the data layer is to open.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend.clone()
    }

    /// Which engine, and where, for people.
    #[must_use]
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Ends the folder's own server, when there is one. The databases are closed.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some(own) = self.own {
            tokio::task::spawn_blocking(move || own.stop()).await??;
        }
        Ok(())
    }
}

fn demo_servers(engine: Engine, url: Secret<String>) -> Servers {
    let mut servers = Servers::single(engine, url);
    DEMO_PREFIX.clone_into(&mut servers.prefix);
    if engine == Engine::Postgres {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let connections = (cores * DEMO_CONNECTIONS_PER_CORE).clamp(12, 64);
        for server in &mut servers.servers {
            server.connections_max = u32::try_from(connections).unwrap_or(shard::CONNECTIONS_MAX);
        }
    }
    servers
}

/// The folder of a data folder's own server.
fn server_folder(folder: &Path, engine: Engine) -> PathBuf {
    folder.join(engine.name())
}

/// Makes sure that nothing of a data folder's own servers runs, and that no other process has them.
///
/// # Errors
/// When another process has them, or they do not end.
pub fn end_leftovers(folder: &Path) -> anyhow::Result<()> {
    for engine in [Engine::Postgres, Engine::Mysql] {
        let home = server_folder(folder, engine);
        if home.is_dir() {
            let _lock = own::lock(folder)?;
            own::end_all(&home)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
