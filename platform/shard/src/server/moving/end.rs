//! A server as a move uses it: one connection of its own, with a lock that no other move or migration of the
//! same logical database has. Words of PostgreSQL; it decides nothing.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};

use super::super::explain::explain;
use super::super::pool::Target;
use super::super::takeover::server_of;
use super::super::{migrate, target_of};
use super::notes::{self, Note};
use crate::error::DbError;
use crate::servers::Servers;

/// How long to wait for another move or migration. One that was killed holds its lock for a moment.
const LOCK_WITHIN: &str = "10s";
/// A server that takes connections and says nothing is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Quoted, in their order.
    pub(super) columns: Vec<String>,
    pub(super) bytes: u64,
}

/// One server of a move.
pub(super) struct End {
    pub(super) name: String,
    pub(super) conn: PgConnection,
    directory: String,
}

/// A name as an identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl End {
    /// Connects to a server by its name in the settings; to its primary only.
    pub(super) async fn connect(servers: &Servers, name: &str) -> Result<Self, DbError> {
        let server = server_of(servers, name)?;
        let (label, Target::Postgres(options)) = target_of(&server.url)? else {
            return Err(DbError::Misuse("no PostgreSQL"));
        };
        let options = options.application_name("stoa move");
        let connecting = async {
            let mut conn = options.connect().await.map_err(explain)?;
            // a note that is read has to be on the disk, whatever the server's commits wait for else
            let set = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
                 SET bytea_output = 'hex'; SET client_min_messages = warning;
                 SELECT set_config('synchronous_commit', 'on', FALSE)
                     WHERE current_setting('synchronous_commit') IN ('off', 'local')";
            sqlx::raw_sql(set).execute(&mut conn).await.map_err(explain)?;
            let reads =
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::BOOLEAN";
            let reads = sqlx::query_scalar::<_, bool>(reads).fetch_one(&mut conn).await;
            reads.map(|reads| (conn, reads)).map_err(explain)
        };
        let silent = Err(DbError::Down("it does not answer".to_owned()));
        let connected = tokio::time::timeout(ANSWER_WITHIN, connecting).await.unwrap_or(silent);
        let (conn, reads_only) = connected.map_err(|e| {
            DbError::Open(format!("the database server `{name}` ({label}) cannot be used: {e}"))
        })?;
        if reads_only {
            return Err(DbError::Open(format!("{label} of `{name}` does not take writes")));
        }
        Ok(Self { name: name.to_owned(), conn, directory: notes::directory(&servers.prefix) })
    }

    /// Statements without values and without rows.
    pub(super) async fn batch(&mut self, sql: String) -> Result<(), DbError> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await;
        done.map(|_| ()).map_err(explain)
    }

    /// Statements that happen together or not at all.
    pub(super) async fn together(&mut self, sql: &str) -> Result<(), DbError> {
        let done = self.batch(format!("BEGIN; {sql}; COMMIT")).await;
        if done.is_err() {
            // a connection that has broken needs none
            let _ = self.batch("ROLLBACK".to_owned()).await;
        }
        done
    }

    /// Keeps migrations and other moves of a schema away, until the connection is closed.
    pub(super) async fn lock(&mut self, schema: &str) -> Result<(), DbError> {
        self.batch(format!("SET lock_timeout = '{LOCK_WITHIN}'")).await?;
        let lock = format!("SELECT pg_advisory_lock({})", migrate::LOCK_KEY);
        let locked = sqlx::query(AssertSqlSafe(lock)).bind(schema).execute(&mut self.conn).await;
        match locked.map_err(explain) {
            Err(DbError::Timeout(_)) => Err(DbError::Open(format!(
                "another process moves {schema} or changes its tables right now"
            ))),
            Err(e) => Err(e),
            Ok(_) => self.batch("SET lock_timeout = 0".to_owned()).await,
        }
    }

    /// What this server knows of a schema.
    pub(super) async fn note(&mut self, schema: &str) -> Result<Option<Note>, DbError> {
        let has = sqlx::query(notes::HAS_NOTES).bind(&self.directory);
        if has.fetch_optional(&mut self.conn).await.map_err(explain)?.is_none() {
            return Ok(None);
        }
        let select = AssertSqlSafe(notes::select(&self.directory));
        let found = sqlx::query_as::<_, (String, String)>(select).bind(schema);
        let found = found.fetch_optional(&mut self.conn).await.map_err(explain)?;
        found.map(|(state, server)| Note::read(&state, server)).transpose()
    }

    /// Makes sure that there is a place for notes.
    pub(super) async fn prepare(&mut self) -> Result<(), DbError> {
        let directory = quoted(&self.directory);
        self.batch(format!(
            "CREATE SCHEMA IF NOT EXISTS {directory};
             CREATE TABLE IF NOT EXISTS {directory}.{} (
                 name TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, server TEXT NOT NULL,
                 since TIMESTAMPTZ NOT NULL)",
            notes::TABLE
        ))
        .await
    }

    /// The statement that writes a note, for a batch. Names of schemas and servers have no quotes in them.
    pub(super) fn write(&self, schema: &str, note: &Note) -> String {
        let (state, server) = note.words();
        let literal = |s: &str| format!("'{}'", s.replace('\'', "''"));
        format!(
            "INSERT INTO {}.{} (name, state, server, since) VALUES ({}, '{state}', {}, now())
             ON CONFLICT (name) DO UPDATE SET state = EXCLUDED.state, server = EXCLUDED.server, since = now()",
            quoted(&self.directory),
            notes::TABLE,
            literal(schema),
            literal(server)
        )
    }

    /// The statement that takes the note away, for a batch.
    pub(super) fn forget(&self, schema: &str) -> String {
        let name = schema.replace('\'', "''");
        format!("DELETE FROM {}.{} WHERE name = '{name}'", quoted(&self.directory), notes::TABLE)
    }

    /// The statement that takes away the note of a copy that comes from a server, for a batch; nothing of which
    /// happens when there is no such note.
    pub(super) fn arrived(&self, schema: &str, from: &str) -> String {
        let literal = |s: &str| s.replace('\'', "''");
        format!(
            "DO $$ BEGIN
                 DELETE FROM {}.{} WHERE name = '{}' AND state = 'arriving' AND server = '{}';
                 IF NOT FOUND THEN RAISE EXCEPTION 'another move has come between'; END IF;
             END $$",
            quoted(&self.directory),
            notes::TABLE,
            literal(schema),
            literal(from)
        )
    }

    /// The function that refuses writes, as its name.
    pub(super) fn refusal(&self) -> String {
        format!("{}.refuse_while_moving", quoted(&self.directory))
    }

    pub(super) async fn has_schema(&mut self, schema: &str) -> Result<bool, DbError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)";
        let found = sqlx::query_scalar(sql).bind(schema).fetch_one(&mut self.conn).await;
        found.map_err(explain)
    }

    /// The tables of a schema, by name. What else is in it this program has not made, and could not move.
    pub(super) async fn tables(&mut self, schema: &str) -> Result<Vec<Table>, DbError> {
        let sql = "SELECT c.relname::TEXT, c.relkind::TEXT, pg_table_size(c.oid),
                 ARRAY(SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind NOT IN ('i', 'I', 't') ORDER BY c.relname";
        let rows =
            sqlx::query(sql).bind(schema).fetch_all(&mut self.conn).await.map_err(explain)?;
        let mut tables = Vec::with_capacity(rows.len());
        for row in rows {
            let name: String = row.try_get(0).map_err(explain)?;
            let kind: String = row.try_get(1).map_err(explain)?;
            if kind != "r" {
                return Err(DbError::Open(format!(
                    "{schema}.{name} on `{}` is not of this program, and would be lost; remove it first",
                    self.name
                )));
            }
            let bytes: i64 = row.try_get(2).map_err(explain)?;
            let columns = row.try_get(3).map_err(explain)?;
            tables.push(Table { name, columns, bytes: bytes.unsigned_abs() });
        }
        Ok(tables)
    }

    /// The tables that the cells of a schema have.
    pub(super) async fn cells(&mut self, schema: &str) -> Result<Vec<u8>, DbError> {
        let sql = format!(
            "SELECT DISTINCT cell FROM {}.schema_migrations WHERE cell >= 0 ORDER BY cell",
            quoted(schema)
        );
        let found = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
        let found = found.fetch_all(&mut self.conn).await.map_err(explain)?;
        Ok(found.into_iter().filter_map(|cell| u8::try_from(cell).ok()).collect())
    }
}
