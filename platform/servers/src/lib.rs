//! Servers that live as long as a value: PostgreSQL with replicas, MariaDB and RabbitMQ, from the programs
//! that are installed. Tests, the demo and the measurements start them; a real installation never does.
//!
//! They listen on the loopback only, on a free port, with one superuser without a password: whoever may
//! use the machine may use them. Everything blocks; a caller in an async runtime goes through
//! `spawn_blocking`. A server ends when its value is dropped, and also when the process that holds the
//! value is killed. Nothing here speaks to a server except through its own programs, and nothing touches
//! a server that it has not started.

mod error;
mod folder;
mod mariadb;
mod port;
mod postgres;
mod process;
mod programs;
mod rabbitmq;
mod tool;

pub use error::Error;
pub use mariadb::{Mariadb, MariadbOptions};
pub use postgres::{Postgres, PostgresOptions, ReplicaOptions};
pub use rabbitmq::{RabbitMq, RabbitMqOptions};

/// What a server promises of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It survives the end of the server, not the end of the machine: nothing is forced to the disk.
    #[default]
    Fast,
    /// It survives the end of the machine.
    Durable,
}

/// What is installed, with its version: PostgreSQL, then MariaDB; [`Error::Missing`] names the Debian
/// package of what is not.
pub fn installed() -> [Result<String, Error>; 2] {
    let client = || programs::mariadb_client().and_then(|_| programs::mariadbd());
    [
        programs::postgres(None).and_then(|bin| programs::version(&bin.join("postgres"))),
        client().and_then(|program| programs::version(&program)),
    ]
}

/// Whether RabbitMQ is installed; [`Error::Missing`] names the Debian package when it is not.
///
/// # Errors
/// When it is not.
pub fn rabbitmq_installed() -> Result<(), Error> {
    programs::rabbitmq().and_then(|_| programs::epmd()).map(|_| ())
}
