//! One moment of a PostgreSQL database, held open so that a dump can be made of it: all schemas of a
//! database are of the same moment, whichever logical databases they are. Reads only.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use kit::{Secret, SharedClock, Timestamp};
use sea_query::{PostgresQueryBuilder, SelectStatement};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, PgConnection, Row as _};

use super::explain::explain;
use super::values::read_postgres;
use crate::error::DbError;
use crate::row::Row;

/// How the connections of a platform call themselves.
const APPLICATION: &str = "stoa";

/// The moment. It lasts until this is dropped.
pub struct ServerSnapshot {
    conn: PgConnection,
    id: String,
    at: Timestamp,
}

impl ServerSnapshot {
    /// Takes the moment of a database: everything that was committed before it, and nothing later.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn take(url: &Secret<String>, clock: &SharedClock) -> Result<Self, DbError> {
        let failed = |e| DbError::Open(format!("the database server cannot be used: {e}"));
        let options = PgConnectOptions::from_str(url.expose()).map_err(failed)?;
        let options = options.application_name("stoa backup").disable_statement_logging();
        let mut conn = options.connect().await.map_err(failed)?;
        let begin = "SET idle_in_transaction_session_timeout = 0;
             BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::raw_sql(begin).execute(&mut conn).await.map_err(failed)?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()");
        let id = id.fetch_one(&mut conn).await.map_err(failed)?;
        Ok(Self { conn, id, at: clock.now() })
    }

    /// How many connections platforms have to this database right now.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn platforms(&mut self) -> Result<u64, DbError> {
        let sql = "SELECT COUNT(*) FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND application_name = $1";
        let found = sqlx::query_scalar::<_, i64>(sql).bind(APPLICATION);
        let found = found.fetch_one(&mut self.conn).await.map_err(explain)?;
        Ok(u64::try_from(found).unwrap_or(0))
    }

    /// What `pg_dump --snapshot` takes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The schemas that this program made, by the names of their logical databases.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn databases(&mut self, prefix: &str) -> Result<Vec<String>, DbError> {
        let sql = "SELECT schemaname::TEXT FROM pg_catalog.pg_tables
             WHERE tablename = 'schema_migrations' ORDER BY schemaname";
        let found = sqlx::query_scalar::<_, String>(sql).fetch_all(&mut self.conn).await;
        let found = found.map_err(explain)?;
        Ok(found.iter().filter_map(|s| s.strip_prefix(prefix)).map(str::to_owned).collect())
    }

    /// The last migration of every owner of a schema, by cell; -1 stands for what is not in a cell.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn migrations(
        &mut self,
        schema: &str,
    ) -> Result<BTreeMap<(String, i64), i64>, DbError> {
        self.enter(schema).await?;
        let sql = "SELECT owner, cell, MAX(version) FROM schema_migrations GROUP BY owner, cell";
        let rows = sqlx::query_as::<_, (String, i64, i64)>(sql).fetch_all(&mut self.conn).await;
        let rows = rows.map_err(explain)?;
        Ok(rows.into_iter().map(|(owner, cell, version)| ((owner, cell), version)).collect())
    }

    /// What a statement finds in a schema.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn rows(
        &mut self,
        schema: &str,
        select: &SelectStatement,
    ) -> Result<Vec<Row>, DbError> {
        self.enter(schema).await?;
        let sql = AssertSqlSafe(select.to_string(PostgresQueryBuilder));
        let rows = sqlx::query(sql).fetch_all(&mut self.conn).await.map_err(explain)?;
        rows.iter().map(read).collect()
    }

    async fn enter(&mut self, schema: &str) -> Result<(), DbError> {
        let sql = format!("SET LOCAL search_path TO \"{}\"", schema.replace('"', "\"\""));
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await.map_err(explain)?;
        Ok(())
    }
}

fn read(row: &PgRow) -> Result<Row, DbError> {
    let columns = row.columns().iter().map(|c| c.name().to_owned()).collect();
    Ok(Row { columns, values: read_postgres(row)? })
}
