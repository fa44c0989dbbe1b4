//! The databases of a store whose server has stopped: files, or schemas on a database server. Whoever
//! copies rows reads and writes through this and need not know which. It must not know what rows mean.

mod raw;
mod server;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags};

pub use raw::ServerRaw;
pub use server::{Connect, Server};
pub use writer::Writer;

/// Where a store's logical databases are.
#[derive(Clone)]
pub enum Databases {
    /// A stopped server's folder.
    Files(PathBuf),
    /// Schemas that nobody uses now.
    Server(Arc<Server>),
}

impl Databases {
    /// A logical database (`order_04`, `inventory`) to look at. A server's is copied into memory, so this
    /// is for small ones: before many rows are stored.
    ///
    /// # Errors
    /// When it is not there.
    pub fn look(&self, name: &str) -> Result<Connection> {
        match self {
            Self::Files(_) => {
                let path = self.file(name)?;
                Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
            }
            Self::Server(server) => server.mirror(name),
        }
    }

    /// A logical database for writing many rows.
    ///
    /// # Errors
    /// When it is not there, or its server still has it.
    pub fn writer(&self, name: &str) -> Result<Writer<'_>> {
        match self {
            Self::Files(_) => Writer::file(self.file(name)?),
            Self::Server(server) => Ok(Writer::server(server, name)),
        }
    }

    /// Runs a statement on a table; how many rows it changed. `{table}` stands for the table.
    ///
    /// # Errors
    /// When the statement is refused.
    pub fn exec(&self, name: &str, table: &str, sql: &str) -> Result<u64> {
        match self {
            Self::Files(_) => {
                let conn = self.look(name)?;
                let changed = conn.execute(&sql.replace("{table}", table), [])?;
                Ok(u64::try_from(changed)?)
            }
            Self::Server(server) => {
                server.exec(&sql.replace("{table}", &server.table(name, table)))
            }
        }
    }

    /// How many rows of a tenant a table has.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn count(&self, name: &str, table: &str, tenant: &str) -> Result<u64> {
        let condition = format!("tenant = {}", literal(tenant));
        match self {
            Self::Files(_) => {
                let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
                let n: i64 = self.look(name)?.query_row(&sql, [], |r| r.get(0))?;
                Ok(u64::try_from(n)?)
            }
            Self::Server(server) => {
                let table = server.table(name, table);
                server.number(&format!("count(*) FROM {table} WHERE {condition}"))
            }
        }
    }

    /// The file of a logical database.
    ///
    /// # Errors
    /// When it is not there, or a server has it.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let Self::Files(folder) = self else {
            anyhow::bail!("{name} is not a file");
        };
        let path = folder.join(format!("{name}.db"));
        ensure!(path.exists(), "{} is missing", path.display());
        Ok(path)
    }

    /// What tables and indices take on the disk, in bytes.
    ///
    /// # Errors
    /// When the server cannot tell.
    pub fn bytes(&self) -> Result<u64> {
        match self {
            Self::Files(folder) => {
                let entries = std::fs::read_dir(folder)
                    .with_context(|| format!("{} is missing", folder.display()))?;
                let mut sum = 0;
                for entry in entries {
                    sum += entry?.metadata()?.len();
                }
                Ok(sum)
            }
            Self::Server(server) => server.bytes(),
        }
    }
}

/// A text in a statement. Both engines and SQLite read it alike, as long as there is no backslash.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
