//! Which database is under the program, and what the issue asks of orders on it. Names and numbers only.

use clap::ValueEnum;
use serde::Serialize;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// The embedded one: a file per database.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MariaDB server.
    Mysql,
}

impl Engine {
    /// As people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "the embedded engine",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
        }
    }

    /// As the command line of the program calls it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Orders must reach so much of what the engine does alone, in thousandths.
    #[must_use]
    pub const fn orders_min(self) -> u64 {
        match self {
            Self::Sqlite => 100,
            Self::Postgres | Self::Mysql => 300,
        }
    }

    /// Orders in the large store when one's own orders are read.
    #[must_use]
    pub const fn history(self) -> u64 {
        match self {
            Self::Sqlite => 10_000_000,
            Self::Postgres | Self::Mysql => 1_000_000,
        }
    }

    /// Whether it is a program of its own.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Postgres | Self::Mysql)
    }
}
