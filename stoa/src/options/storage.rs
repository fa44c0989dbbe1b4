//! `[storage]`: which engine holds the databases, on which servers, and who lives where. What is wrong is
//! named, all of it at once; a URL is never repeated, it holds a password.

use std::collections::BTreeMap;

use kit::Secret;
use serde::Deserialize;
use shard::{Backend, Directory, Engine, Server, Servers};
use stoa_config::{Problems, Validate};

use crate::engine::{engine_of, title};
use crate::platform::Databases;

/// The key of the directory that names the server of everything else.
const DEFAULT: &str = "default";
/// Schemas and databases have names of at most 63 letters; ours are shorter than 40.
const PREFIX_MAX: usize = 20;

/// `[storage]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Storage {
    /// `sqlite`, `postgres` or `mysql`.
    pub engine: String,
    /// Threads that read; embedded.
    pub readers: usize,
    /// Transactions in one physical commit at most; embedded.
    pub group_commit_max: usize,
    /// The longest one transaction may take.
    pub statement_timeout: stoa_config::Duration,
    /// The servers.
    #[serde(default)]
    pub server: Vec<StorageServer>,
    /// Which server has which logical database: a name, or a range of them, and `default`.
    #[serde(default)]
    pub directory: BTreeMap<String, String>,
    /// What the names of schemas begin with.
    pub prefix: String,
    /// The longest a new connection may take.
    pub connect_timeout: stoa_config::Duration,
    /// How often a transaction runs again that lost a deadlock.
    pub retries_max: u32,
    /// Transactions that wait for a connection at most.
    pub waiting_max: usize,
    /// Whether a start brings the databases up to date.
    pub migrate_at_start: bool,
}

/// `[[storage.server]]`.
#[derive(Debug, Clone, Deserialize)]
pub struct StorageServer {
    /// What the directory calls it.
    pub name: String,
    /// Its address, with user and password.
    pub url: Secret<String>,
    /// Addresses of its streaming replicas.
    #[serde(default)]
    pub replicas: Vec<Secret<String>>,
    /// Connections to it at most.
    #[serde(default = "connections_max")]
    pub connections_max: u32,
}

const fn connections_max() -> u32 {
    shard::CONNECTIONS_MAX
}

impl Storage {
    /// The engine; the settings are valid.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine.parse().unwrap_or(Engine::Sqlite)
    }

    /// What the data layer is to open; the settings are valid.
    #[must_use]
    pub fn backend(&self) -> Backend {
        let engine = self.engine();
        if engine == Engine::Sqlite {
            return Backend::Embedded;
        }
        let mut directory = Directory::new(self.default_server().unwrap_or_default());
        for (database, server) in self.moved(&mut Problems::default()) {
            directory.put(&database, &server);
        }
        let server = |s: &StorageServer| Server {
            name: s.name.clone(),
            url: s.url.clone(),
            replicas: s.replicas.clone(),
            connections_max: s.connections_max,
        };
        // the rest is as it is for one server
        let base = Servers::single(engine, Secret::new(String::new()));
        Backend::Servers(Servers {
            servers: self.server.iter().map(server).collect(),
            directory,
            prefix: self.prefix.clone(),
            connect_timeout: self.connect_timeout.get(),
            retries_max: self.retries_max,
            waiting_max: self.waiting_max,
            ..base
        })
    }

    fn default_server(&self) -> Option<&str> {
        let only = || (self.server.len() == 1).then(|| self.server.first()).flatten();
        self.directory.get(DEFAULT).map(String::as_str).or_else(|| only().map(|s| s.name.as_str()))
    }

    /// The databases that the directory names, each with its server. One that is named alone goes before
    /// a range.
    fn moved(&self, problems: &mut Problems) -> BTreeMap<String, String> {
        let known = Databases::names();
        let (mut alone, mut ranged) = (BTreeMap::new(), BTreeMap::<String, (String, &str)>::new());
        for (what, server) in self.directory.iter().filter(|(what, _)| *what != DEFAULT) {
            let key = format!("directory.{what}");
            let Some((first, last)) = what.split_once("..") else {
                problems.require(known.contains(what), &key, unknown(what, &known));
                alone.insert(what.clone(), server.clone());
                continue;
            };
            let ends = (number(first), number(last));
            let (Some((service, from)), Some((other, to))) = ends else {
                problems.add(&key, "a range reads `order_00..order_15`");
                continue;
            };
            let is_good = service == other && from <= to;
            problems.require(is_good, &key, "a range goes up, within one service");
            for n in from..=to.min(99) {
                let database = format!("{service}_{n:02}");
                problems.require(known.contains(&database), &key, unknown(&database, &known));
                let before = ranged.insert(database.clone(), (server.clone(), what));
                if let Some((elsewhere, range)) = before.filter(|(s, _)| s != server) {
                    let text = format!("`{range}` puts {database} on `{elsewhere}` already");
                    problems.add(&key, text);
                    break;
                }
            }
        }
        let mut all: BTreeMap<_, _> =
            ranged.into_iter().map(|(database, (server, _))| (database, server)).collect();
        all.extend(alone);
        all
    }

    fn validate_servers(&self, engine: Engine, problems: &mut Problems) {
        if self.server.is_empty() {
            let text = format!(
                "{} needs at least one [[storage.server]] with a name and a url",
                title(engine)
            );
            problems.add("server", text);
        }
        for (i, server) in self.server.iter().enumerate() {
            let key = |field: &str| format!("server[{i}].{field}");
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let is_named = !server.name.is_empty() && server.name.chars().all(is_name);
            problems.require(is_named, &key("name"), "letters, digits, `-` and `_`");
            let twice = self.server.iter().take(i).any(|s| s.name == server.name);
            let text = format!("`{}` is the name of another server", server.name);
            problems.require(!twice, &key("name"), text);
            problems.range(&key("connections_max"), server.connections_max, 1..=10_000);
            check_url(engine, &server.url, &key("url"), problems);
            for (n, replica) in server.replicas.iter().enumerate() {
                check_url(engine, replica, &key(&format!("replicas[{n}]")), problems);
            }
            problems.require(
                server.replicas.is_empty() || engine == Engine::Postgres,
                &key("replicas"),
                "replicas are for PostgreSQL only; on MySQL all reads go to the primary",
            );
        }
    }

    fn validate_directory(&self, problems: &mut Problems) {
        let names: Vec<&str> = self.server.iter().map(|s| s.name.as_str()).collect();
        for (what, server) in &self.directory {
            problems.require(
                names.contains(&server.as_str()),
                &format!("directory.{what}"),
                format!("there is no server `{server}`; there is {}", names.join(", ")),
            );
        }
        problems.require(
            self.default_server().is_some() || self.server.is_empty(),
            "directory.default",
            "with several servers, name the one that has every database not named otherwise",
        );
        self.moved(problems);
    }
}

impl Validate for Storage {
    fn validate(&self, problems: &mut Problems) {
        problems.range("readers", self.readers, 1..=64);
        problems.range("group_commit_max", self.group_commit_max, 1..=1_024);
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        problems.require(
            self.prefix.len() <= PREFIX_MAX && self.prefix.chars().all(is_letter),
            "prefix",
            format!("at most {PREFIX_MAX} small letters, digits and `_`"),
        );
        problems.range("connect_timeout", self.connect_timeout.as_millis(), 100..=60_000);
        problems.range("retries_max", self.retries_max, 0..=100);
        problems.range("waiting_max", self.waiting_max, 1..=1_000_000);
        match self.engine.parse::<Engine>() {
            Err(allowed) => problems.add("engine", allowed),
            Ok(Engine::Sqlite) => problems.require(
                self.server.is_empty() && self.directory.is_empty(),
                "engine",
                "servers are named, but `sqlite` uses none; choose `postgres` or `mysql`",
            ),
            Ok(engine) => {
                self.validate_servers(engine, problems);
                self.validate_directory(problems);
            }
        }
    }
}

fn check_url(engine: Engine, url: &Secret<String>, key: &str, problems: &mut Problems) {
    let form = match engine {
        Engine::Mysql => "mysql://user:password@host:3306/",
        _ => "postgres://user:password@host:5432/database",
    };
    match engine_of(url.expose()) {
        Some(named) if named == engine => problems.require(
            !crate::engine::place_of(url).is_empty(),
            key,
            format!("it names no host; the form is {form}"),
        ),
        Some(named) => problems
            .add(key, format!("it is a URL of {}, and storage.engine is {engine}", title(named))),
        None => problems.add(key, format!("not a URL of {}; the form is {form}", title(engine))),
    }
}

/// `order_07` as its service and number.
fn number(database: &str) -> Option<(&str, u8)> {
    let (service, digits) = database.rsplit_once('_')?;
    let is_number = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(|n| (service, n))).flatten()
}

fn unknown(database: &str, known: &[String]) -> String {
    let single = known.iter().filter(|n| number(n).is_none());
    let sharded = known.iter().filter_map(|n| number(n)).filter(|(_, n)| *n == 0);
    let mut names: Vec<String> = single.cloned().collect();
    names.extend(sharded.map(|(service, _)| format!("{service}_00 to {service}_31")));
    format!("there is no database `{database}`; there are {}", names.join(", "))
}

#[cfg(test)]
mod tests;
