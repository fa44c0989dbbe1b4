//! Finds the installed programs. Never installs, and never takes one from the current folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::tool;

/// Where Debian puts the programs of every PostgreSQL version, each in a folder with its number.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";
/// The oldest PostgreSQL that Stoa runs on.
const POSTGRES_MIN: u32 = 15;
/// Servers stand in folders that are not on everybody's path.
const SERVER_FOLDERS: [&str; 4] =
    ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin"];

/// The folder with PostgreSQL's programs: of exactly this version when one is asked for, else the newest.
pub(crate) fn postgres(version: Option<u32>) -> Result<PathBuf, Error> {
    let in_debian = std::fs::read_dir(DEBIAN_POSTGRES).into_iter().flatten().flatten();
    let newest = in_debian
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let bin = entry.path().join("bin");
            let wanted = version.map_or(number >= POSTGRES_MIN, |v| v == number);
            (wanted && bin.join("postgres").is_file()).then_some((number, bin))
        })
        .max();
    if let Some((_, bin)) = newest {
        return Ok(bin);
    }
    // one on the path may be of any version; the server itself refuses files of another
    let on_path = on_path("postgres", &[]);
    on_path.and_then(|program| program.parent().map(Path::to_path_buf)).ok_or_else(|| {
        let program = match version {
            Some(version) => format!("postgres {version}"),
            None => "postgres".to_owned(),
        };
        Error::Missing { program, package: "postgresql" }
    })
}

/// MariaDB's server, or MySQL's.
pub(crate) fn mariadbd() -> Result<PathBuf, Error> {
    let names = ["mariadbd", "mysqld"];
    names
        .into_iter()
        .find_map(|name| on_path(name, &SERVER_FOLDERS))
        .ok_or(Error::Missing { program: "mariadbd".to_owned(), package: "mariadb-server" })
}

/// The script that fills MariaDB's system tables; MySQL has none.
pub(crate) fn mariadb_install_db() -> Option<PathBuf> {
    let names = ["mariadb-install-db", "mysql_install_db"];
    names.into_iter().find_map(|name| on_path(name, &SERVER_FOLDERS))
}

/// MariaDB's client, or MySQL's.
pub(crate) fn mariadb_client() -> Result<PathBuf, Error> {
    let names = ["mariadb", "mysql"];
    names
        .into_iter()
        .find_map(|name| on_path(name, &[]))
        .ok_or(Error::Missing { program: "mariadb".to_owned(), package: "mariadb-client" })
}

/// Where Debian puts RabbitMQ's own scripts; the one on the path is a wrapper that changes accounts and reads
/// the machine's settings.
const DEBIAN_RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// RabbitMQ's server.
pub(crate) fn rabbitmq() -> Result<PathBuf, Error> {
    let own = PathBuf::from(DEBIAN_RABBITMQ);
    let found = if own.is_file() { Some(own) } else { on_path("rabbitmq-server", &SERVER_FOLDERS) };
    let program = "rabbitmq-server";
    found.ok_or_else(|| Error::Missing { program: program.to_owned(), package: program })
}

/// The name server of Erlang's nodes.
pub(crate) fn epmd() -> Result<PathBuf, Error> {
    on_path("epmd", &[])
        .ok_or_else(|| Error::Missing { program: "epmd".to_owned(), package: "erlang-base" })
}

/// A program's own words about its version.
pub(crate) fn version(program: &Path) -> Result<String, Error> {
    let mut ask = Command::new(program);
    ask.arg("--version");
    let said = tool::run(ask, Duration::from_secs(20))?;
    let name = program.to_string_lossy();
    Ok(said.trim().trim_start_matches(name.as_ref()).trim().to_owned())
}

fn on_path(program: &str, more: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = more.iter().map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
