//! What is done to a test's databases from outside: emptied, dropped, read. It asks the server's own lists
//! of what there is, and knows nothing of the tables but that `schema_migrations` tells what has run.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _};

use shard::Engine;

const KEPT: &str = "schema_migrations";

/// Deletes every row of every table of the schemas that begin with the prefix.
pub(crate) async fn empty(engine: Engine, url: &str, prefix: &str) -> Result<(), sqlx::Error> {
    match engine {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => postgres(url, &empty_postgres(prefix)).await,
        Engine::Mysql => {
            let mut conn = MySqlConnection::connect(url).await?;
            let tables = mysql_tables(&mut conn, prefix).await?;
            let filled = mysql_filled(&mut conn, &tables).await?;
            let delete: String = filled.iter().map(|t| format!("DELETE FROM {t};")).collect();
            mysql(&mut conn, &delete).await?;
            conn.close().await
        }
    }
}

/// Drops the schemas that begin with the prefix.
pub(crate) async fn drop_all(engine: Engine, url: &str, prefix: &str) -> Result<(), sqlx::Error> {
    match engine {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => postgres(url, &drop_postgres(prefix)).await,
        Engine::Mysql => {
            let mut conn = MySqlConnection::connect(url).await?;
            let schemas = mysql_schemas(&mut conn, prefix).await?;
            let drop: String = schemas.iter().map(|s| format!("DROP DATABASE `{s}`;")).collect();
            mysql(&mut conn, &drop).await?;
            conn.close().await
        }
    }
}

/// Every value of every row of the schemas that begin with the prefix; bytes as they are, if they are text.
pub(crate) async fn dump(engine: Engine, url: &str, prefix: &str) -> Result<String, sqlx::Error> {
    match engine {
        Engine::Sqlite => Ok(String::new()),
        Engine::Postgres => dump_postgres(url, prefix).await,
        Engine::Mysql => dump_mysql(url, prefix).await,
    }
}

async fn postgres(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
    conn.close().await
}

/// One round trip. A table that has no file of its own yet has no rows either; a large one is cut off,
/// which costs more than deleting a few rows.
fn empty_postgres(prefix: &str) -> String {
    format!(
        "DO $$ DECLARE t record; BEGIN
            FOR t IN SELECT n.nspname AS s, c.relname AS r, pg_relation_size(c.oid) AS bytes
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE starts_with(n.nspname, '{prefix}') AND c.relkind = 'r'
                    AND c.relname <> '{KEPT}' AND pg_relation_size(c.oid) > 0
            LOOP
                IF t.bytes > 65536 THEN EXECUTE format('TRUNCATE %I.%I', t.s, t.r);
                ELSE EXECUTE format('DELETE FROM %I.%I', t.s, t.r); END IF;
            END LOOP;
        END $$"
    )
}

fn drop_postgres(prefix: &str) -> String {
    format!(
        "SET client_min_messages = error;
        DO $$ DECLARE s text; BEGIN
            FOR s IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, '{prefix}')
            LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP;
        END $$"
    )
}

async fn dump_postgres(url: &str, prefix: &str) -> Result<String, sqlx::Error> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::raw_sql("SET bytea_output = escape").execute(&mut conn).await?;
    let tables = format!(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE starts_with(schemaname, '{prefix}')"
    );
    let tables: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(tables)).fetch_all(&mut conn).await?;
    let mut text = String::new();
    for table in tables {
        let rows = format!("SELECT t::text FROM {table} t");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut conn).await?;
        text.extend(rows.iter().flat_map(|row| [row.as_str(), "\n"]));
    }
    conn.close().await?;
    Ok(text)
}

async fn mysql(conn: &mut MySqlConnection, sql: &str) -> Result<(), sqlx::Error> {
    if sql.is_empty() {
        return Ok(());
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}

/// The first column of every row, whatever kind of text the server calls it.
async fn mysql_texts(conn: &mut MySqlConnection, sql: String) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(conn).await?;
    let text = |row: &sqlx::mysql::MySqlRow| {
        let bytes = row.try_get_unchecked::<Option<Vec<u8>>, _>(0)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    rows.iter().map(text).collect()
}

async fn mysql_schemas(
    conn: &mut MySqlConnection,
    prefix: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let pattern = prefix.replace('_', "\\_");
    mysql_texts(conn, format!("SHOW DATABASES LIKE '{pattern}%'")).await
}

async fn mysql_tables(
    conn: &mut MySqlConnection,
    prefix: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let mut tables = Vec::new();
    for schema in mysql_schemas(conn, prefix).await? {
        let found = mysql_texts(conn, format!("SHOW TABLES FROM `{schema}`")).await?;
        let found = found.into_iter().filter(|table| table != KEPT);
        tables.extend(found.map(|table| format!("`{schema}`.`{table}`")));
    }
    Ok(tables)
}

/// Those of the tables that have rows: looking costs much less than deleting nothing.
async fn mysql_filled(
    conn: &mut MySqlConnection,
    tables: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let look = |table: &String| format!("(SELECT '{table}' FROM {table} LIMIT 1)");
    let looks: Vec<String> = tables.iter().map(look).collect();
    if looks.is_empty() {
        Ok(Vec::new())
    } else {
        mysql_texts(conn, looks.join(" UNION ALL ")).await
    }
}

async fn dump_mysql(url: &str, prefix: &str) -> Result<String, sqlx::Error> {
    let mut conn = MySqlConnection::connect(url).await?;
    let mut text = String::new();
    for table in mysql_tables(&mut conn, prefix).await? {
        let columns = mysql_texts(&mut conn, format!("SHOW COLUMNS FROM {table}")).await?;
        let columns: Vec<String> = columns.iter().map(|c| format!("`{c}`")).collect();
        let rows = format!("SELECT CONCAT_WS('|', {}) FROM {table}", columns.join(", "));
        for row in mysql_texts(&mut conn, rows).await? {
            text.extend([row.as_str(), "\n"]);
        }
    }
    conn.close().await?;
    Ok(text)
}
