//! A database server as the measurement sees it: schemas and their tables, how much it wrote and how much
//! CPU it used. Everything blocks; nothing here is in a window of load but the raw writers.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use rusqlite::Connection;
use rusqlite::types::Value;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::runtime::Runtime;

use super::literal;
use crate::engine::Engine;
use crate::machine::cpu_ms_of_family;

/// More rows in a table that is looked at mean that it is looked at too late.
const LOOK_ROWS_MAX: usize = 1_000_000;
/// Connections for looking and copying; the raw writers have their own.
const CONNECTIONS: u32 = 8;
/// A logical database that every store has: its schema's name tells the prefix of all.
const KNOWN: &str = "inventory";

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct Connect {
    /// Which engine it is.
    pub engine: Engine,
    /// `postgres://user:password@host:port/database` or `mysql://user:password@host:port/`.
    pub url: String,
    /// The process whose CPU counts, with its children.
    pub pid: u32,
}

/// A database server.
pub struct Server {
    connect: Connect,
    pub(super) runtime: Runtime,
    pub(super) pool: Pool,
    prefix: String,
}

pub(super) enum Pool {
    Postgres(PgPool),
    Mysql(MySqlPool),
}

/// What a server has used since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Bytes written to its log.
    pub log_bytes: u64,
    /// CPU of all its processes, in milliseconds.
    pub cpu_ms: u64,
    /// Connections that are open now.
    pub connections: u64,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Text,
    Blob,
}

impl Server {
    /// Connects to a server on which a store has been made.
    ///
    /// # Errors
    /// When it cannot be reached, or no store is there.
    pub fn connect(connect: Connect) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(crate::load::threads())
            .enable_all()
            .build()?;
        let pool = runtime.block_on(open(&connect, CONNECTIONS))?;
        let mut server = Self { connect, runtime, pool, prefix: String::new() };
        let found = server.texts(&format!(
            "SELECT {} FROM information_schema.tables WHERE table_name = 'reservation_lines'",
            server.as_text("table_schema")
        ))?;
        let schemas = found.into_iter().flatten().flatten();
        let mut prefixes = schemas.filter_map(|s| s.strip_suffix(KNOWN).map(str::to_owned));
        server.prefix = prefixes.next().context("the server has no store")?;
        ensure!(prefixes.next().is_none(), "the server has more than one store");
        Ok(server)
    }

    /// Its engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.connect.engine
    }

    pub(super) fn url(&self) -> &str {
        &self.connect.url
    }

    /// The schema of a logical database.
    #[must_use]
    pub fn schema(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A table as statements name it.
    #[must_use]
    pub fn table(&self, name: &str, table: &str) -> String {
        self.qualified(&self.schema(name), table)
    }

    pub(super) fn qualified(&self, schema: &str, table: &str) -> String {
        format!("{}.{}", self.quoted(schema), self.quoted(table))
    }

    pub(super) fn quoted(&self, name: &str) -> String {
        match self.connect.engine {
            Engine::Mysql => format!("`{name}`"),
            _ => format!("\"{name}\""),
        }
    }

    fn as_text(&self, what: &str) -> String {
        match self.connect.engine {
            Engine::Mysql => format!("CAST({what} AS CHAR)"),
            _ => format!("({what})::text"),
        }
    }

    /// Rows of columns that are all texts.
    pub(super) fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = self.runtime.block_on(async {
            anyhow::Ok(match &self.pool {
                Pool::Postgres(pool) => {
                    let rows = query.fetch_all(pool).await?;
                    let texts = |r: &sqlx::postgres::PgRow| {
                        (0..r.len()).map(|i| r.try_get::<Option<String>, _>(i)).collect()
                    };
                    rows.iter().map(texts).collect::<Result<Vec<Vec<_>>, _>>()?
                }
                Pool::Mysql(pool) => {
                    let rows = query.fetch_all(pool).await?;
                    let texts = |r: &sqlx::mysql::MySqlRow| {
                        (0..r.len()).map(|i| r.try_get::<Option<String>, _>(i)).collect()
                    };
                    rows.iter().map(texts).collect::<Result<Vec<Vec<_>>, _>>()?
                }
            })
        });
        rows.with_context(|| format!("the server refused: {sql}"))
    }

    /// Runs statements; how many rows they changed.
    ///
    /// # Errors
    /// When one is refused.
    pub fn exec(&self, sql: &str) -> Result<u64> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let changed = self.runtime.block_on(async {
            match &self.pool {
                Pool::Postgres(pool) => query.execute(pool).await.map(|done| done.rows_affected()),
                Pool::Mysql(pool) => query.execute(pool).await.map(|done| done.rows_affected()),
            }
        });
        changed.with_context(|| {
            format!("the server refused: {}", sql.chars().take(200).collect::<String>())
        })
    }

    /// A number: what stands behind SELECT.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, select: &str) -> Result<u64> {
        let (what, rest) = select.split_once(" FROM ").unwrap_or((select, ""));
        let from = if rest.is_empty() { String::new() } else { format!(" FROM {rest}") };
        let rows = self.texts(&format!("SELECT {}{from}", self.as_text(what)))?;
        let text = rows.into_iter().flatten().flatten().next();
        let text = text.with_context(|| format!("no number: {select}"))?;
        text.parse().with_context(|| format!("`{text}` is not a number"))
    }

    /// The tables of a schema with their columns, in their sequence.
    pub(super) fn columns(&self, schema: &str) -> Result<BTreeMap<String, Vec<(String, Kind)>>> {
        let names = ["table_name", "column_name", "data_type"].map(|n| self.as_text(n)).join(", ");
        let sql = format!(
            "SELECT {names} FROM information_schema.columns WHERE table_schema = {} \
             ORDER BY table_name, ordinal_position",
            literal(schema)
        );
        let mut tables = BTreeMap::<String, Vec<(String, Kind)>>::new();
        for row in self.texts(&sql)? {
            let [Some(table), Some(column), Some(kind)] = row.as_slice() else {
                bail!("a column without a name in {schema}");
            };
            let kind = Kind::of(kind);
            tables.entry(table.clone()).or_default().push((column.clone(), kind));
        }
        ensure!(!tables.is_empty(), "the server has no schema {schema}");
        Ok(tables)
    }

    /// A logical database, copied into memory: the same tables and columns, no indices.
    ///
    /// # Errors
    /// When it is not there, or is too large for that.
    pub fn mirror(&self, name: &str) -> Result<Connection> {
        let schema = self.schema(name);
        let conn = Connection::open_in_memory()?;
        for (table, columns) in self.columns(&schema)? {
            let quoted: Vec<String> = columns.iter().map(|(c, _)| format!("\"{c}\"")).collect();
            conn.execute_batch(&format!("CREATE TABLE \"{table}\" ({})", quoted.join(", ")))?;
            let selected: Vec<String> =
                columns.iter().map(|(c, kind)| self.readable(c, *kind)).collect();
            let from = self.qualified(&schema, &table);
            let limit = LOOK_ROWS_MAX + 1;
            let rows =
                self.texts(&format!("SELECT {} FROM {from} LIMIT {limit}", selected.join(", ")))?;
            ensure!(rows.len() <= LOOK_ROWS_MAX, "{from} has too many rows to look at");
            let marks = vec!["?"; columns.len()].join(", ");
            let mut insert = conn.prepare(&format!("INSERT INTO \"{table}\" VALUES ({marks})"))?;
            for row in rows {
                let values = row.into_iter().zip(&columns).map(|(text, (_, kind))| kind.read(text));
                let values = values.collect::<Result<Vec<Value>>>()?;
                insert.execute(rusqlite::params_from_iter(values))?;
            }
        }
        Ok(conn)
    }

    fn readable(&self, column: &str, kind: Kind) -> String {
        let quoted = self.quoted(column);
        match (kind, self.connect.engine) {
            (Kind::Blob, Engine::Mysql) => format!("HEX({quoted})"),
            (Kind::Blob, _) => format!("encode({quoted}, 'hex')"),
            (Kind::Bool, Engine::Postgres) => self.as_text(&format!("{quoted}::int")),
            _ => self.as_text(&quoted),
        }
    }

    /// What tables and indices of the store take on the disk, in bytes.
    ///
    /// # Errors
    /// When the server cannot tell.
    pub fn bytes(&self) -> Result<u64> {
        // The raw writers' schemas have no record of migrations.
        let schemas = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'schema_migrations'";
        match self.connect.engine {
            Engine::Mysql => self.number(&format!(
                "COALESCE(SUM(FILE_SIZE), 0) FROM information_schema.INNODB_SYS_TABLESPACES \
                 WHERE SUBSTRING_INDEX(NAME, '/', 1) IN ({schemas})"
            )),
            _ => self.number(&format!(
                "COALESCE(sum(pg_total_relation_size(c.oid)), 0) FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind = 'r' AND n.nspname IN ({schemas})"
            )),
        }
    }

    /// What it has used by now.
    ///
    /// # Errors
    /// When it cannot be reached or its process is gone.
    pub fn used(&self) -> Result<Used> {
        let (log_bytes, connections) = match self.connect.engine {
            Engine::Mysql => {
                (self.status("Innodb_os_log_written")?, self.status("Threads_connected")?)
            }
            _ => (
                self.number("(pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint")?,
                self.number(
                    "count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'",
                )?,
            ),
        };
        let cpu_ms = cpu_ms_of_family(self.connect.pid)?;
        Ok(Used { log_bytes, cpu_ms, connections })
    }

    fn status(&self, name: &str) -> Result<u64> {
        self.number(&format!(
            "VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = {}",
            literal(name)
        ))
    }

    /// How PostgreSQL runs a statement, with the pages it touches, as JSON. It is run twice: what the first
    /// has found in the catalogue, the second need not look up.
    ///
    /// # Errors
    /// On another engine, or when the statement is refused.
    pub fn explain(&self, sql: &str) -> Result<String> {
        ensure!(self.connect.engine == Engine::Postgres, "only PostgreSQL tells the pages");
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}");
        let told = self.runtime.block_on(async {
            let Pool::Postgres(pool) = &self.pool else { bail!("another server") };
            let mut conn = pool.acquire().await?;
            let mut last = serde_json::Value::Null;
            for _ in 0..2 {
                let row = sqlx::query(AssertSqlSafe(sql.as_str())).fetch_one(&mut *conn).await?;
                last = serde_json::from_str(row.try_get_unchecked::<&str, _>(0)?)?;
            }
            Ok(last)
        });
        told.map(|json| json.to_string())
    }

    /// Its version and what it promises of a commit, for the report.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn describe(&self) -> Result<String> {
        let settings: &[&str] = match self.connect.engine {
            Engine::Mysql => &[
                "@@version",
                "concat('innodb_flush_log_at_trx_commit=', @@innodb_flush_log_at_trx_commit)",
                "concat('innodb_buffer_pool_size=', @@innodb_buffer_pool_size)",
                "concat('log_bin=', @@log_bin)",
            ],
            _ => &[
                "split_part(version(), ' on ', 1)",
                "'fsync=' || current_setting('fsync')",
                "'synchronous_commit=' || current_setting('synchronous_commit')",
                "'shared_buffers=' || current_setting('shared_buffers')",
            ],
        };
        let columns: Vec<String> = settings.iter().map(|s| self.as_text(s)).collect();
        let rows = self.texts(&format!("SELECT {}", columns.join(", ")))?;
        Ok(rows.into_iter().flatten().flatten().collect::<Vec<_>>().join(", "))
    }

    /// Brings statistics up to date, and on PostgreSQL cleans up: as the server does by itself in time.
    ///
    /// # Errors
    /// When a statement is refused.
    pub fn tidy(&self, name: &str) -> Result<()> {
        let schema = self.schema(name);
        for table in self.columns(&schema)?.keys() {
            let table = self.qualified(&schema, table);
            match self.connect.engine {
                Engine::Mysql => self.exec(&format!("ANALYZE TABLE {table}"))?,
                _ => self.exec(&format!("VACUUM (ANALYZE) {table}"))?,
            };
        }
        Ok(())
    }
}

async fn open(connect: &Connect, connections: u32) -> Result<Pool> {
    let why = || format!("the {} server cannot be reached", connect.engine.title());
    Ok(match connect.engine {
        Engine::Mysql => {
            let options = MySqlPoolOptions::new().max_connections(connections);
            Pool::Mysql(options.connect(&connect.url).await.with_context(why)?)
        }
        Engine::Postgres => {
            let options = PgPoolOptions::new().max_connections(connections);
            Pool::Postgres(options.connect(&connect.url).await.with_context(why)?)
        }
        Engine::Sqlite => bail!("the embedded engine has no server"),
    })
}

impl Kind {
    /// By what the catalogue says. A service has whole numbers, texts, booleans and blobs only.
    fn of(data_type: &str) -> Self {
        match data_type.to_ascii_lowercase().as_str() {
            "boolean" | "tinyint" => Self::Bool,
            "bytea" | "blob" | "mediumblob" | "longblob" | "varbinary" | "binary" => Self::Blob,
            "bigint" | "integer" | "int" | "smallint" => Self::Int,
            _ => Self::Text,
        }
    }

    fn read(self, text: Option<String>) -> Result<Value> {
        let Some(text) = text else { return Ok(Value::Null) };
        Ok(match self {
            Self::Int | Self::Bool => Value::Integer(text.parse()?),
            Self::Text => Value::Text(text),
            Self::Blob => Value::Blob(hex::decode(&text)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogues_types_are_told_apart_whatever_engine_names_them() {
        for (name, kind) in [
            ("bigint", Kind::Int),
            ("BIGINT", Kind::Int),
            ("boolean", Kind::Bool),
            ("tinyint", Kind::Bool),
            ("text", Kind::Text),
            ("longtext", Kind::Text),
            ("varchar", Kind::Text),
            ("bytea", Kind::Blob),
            ("longblob", Kind::Blob),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
        assert_eq!(Kind::Bool.read(Some("1".to_owned())).unwrap(), Value::Integer(1));
        assert_eq!(Kind::Blob.read(Some("00ff".to_owned())).unwrap(), Value::Blob(vec![0, 255]));
        assert_eq!(Kind::Text.read(None).unwrap(), Value::Null);
        assert!(Kind::Int.read(Some("x".to_owned())).is_err());
    }
}
