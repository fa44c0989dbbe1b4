//! Writes many rows into a logical database: a file's transactions, PostgreSQL's COPY, or MySQL's
//! statements of many rows. What it is given is written in the sequence it is given, a table at a time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::types::Value;
use sqlx::AssertSqlSafe;

use super::literal;
use super::server::{Pool, Server};
use crate::rows::{Copier, Fill};
use crate::seed::{close_bulk, open_bulk};

/// Copies in one transaction of a file.
const FILE_BATCH: u64 = 10_000;
/// Bytes of rows that are sent to a server at once.
const SEND_BYTES: usize = 1 << 20;

/// Writes copies.
pub enum Writer<'a> {
    /// Into a file.
    File(FileWriter),
    /// Into a server's schema.
    Server(ServerWriter<'a>),
}

/// Into a file.
pub struct FileWriter {
    conn: Connection,
    path: std::path::PathBuf,
    in_batch: u64,
}

/// Into a server's schema.
pub struct ServerWriter<'a> {
    server: &'a Server,
    schema: String,
    /// By table and columns: rows that wait to be sent.
    waiting: BTreeMap<String, Waiting>,
}

struct Waiting {
    columns: String,
    rows: String,
}

impl<'a> Writer<'a> {
    pub(super) fn file(path: std::path::PathBuf) -> Result<Self> {
        let conn = open_bulk(&path)?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self::File(FileWriter { conn, path, in_batch: 0 }))
    }

    pub(super) fn server(server: &'a Server, name: &str) -> Self {
        let schema = server.schema(name);
        Self::Server(ServerWriter { server, schema, waiting: BTreeMap::new() })
    }

    /// Writes a copy.
    ///
    /// # Errors
    /// When a row cannot be written.
    pub fn write(&mut self, copier: &Copier, fill: &Fill<'_>) -> Result<()> {
        match self {
            Self::File(file) => {
                copier.write(&file.conn, fill)?;
                file.in_batch += 1;
                if file.in_batch == FILE_BATCH {
                    file.conn.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
                    file.in_batch = 0;
                }
                Ok(())
            }
            Self::Server(server) => server.write(copier, fill),
        }
    }

    /// Drops the indices of a table that rows are not written in the sequence of; yields how to make them
    /// again. A server's stay.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn without_indices(&mut self, table: &str) -> Result<Vec<String>> {
        let Self::File(file) = self else { return Ok(Vec::new()) };
        let mut find = file.conn.prepare(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )?;
        let found = find.query_map([table], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)))?;
        let found: Vec<(String, String)> = found.collect::<Result<_, _>>()?;
        for (name, _) in &found {
            file.conn.execute_batch(&format!("DROP INDEX {name}"))?;
        }
        Ok(found.into_iter().map(|(_, sql)| sql).collect())
    }

    /// Makes indices again.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn with_indices(&mut self, indices: Vec<String>) -> Result<()> {
        if let Self::File(file) = self {
            for sql in indices {
                file.conn.execute_batch(&sql)?;
            }
        }
        Ok(())
    }

    /// Ends: everything is on the disk, and a server may have the file.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::File(file) => {
                file.conn.execute_batch("COMMIT")?;
                close_bulk(file.conn, &file.path)
            }
            Self::Server(mut server) => server.send_all(),
        }
    }
}

impl ServerWriter<'_> {
    fn write(&mut self, copier: &Copier, fill: &Fill<'_>) -> Result<()> {
        for row in copier.filled(fill) {
            let (table, columns, values) = row?;
            let server = self.server;
            let waiting = self.waiting.entry(table.clone()).or_insert_with(|| {
                let quoted: Vec<String> = columns.iter().map(|c| server.quoted(c)).collect();
                Waiting { columns: quoted.join(", "), rows: String::new() }
            });
            match &server.pool {
                Pool::Postgres(_) => copy_row(&mut waiting.rows, &values),
                Pool::Mysql(_) => values_row(&mut waiting.rows, &values),
            }
            if waiting.rows.len() >= SEND_BYTES {
                self.send(&table)?;
            }
        }
        Ok(())
    }

    fn send_all(&mut self) -> Result<()> {
        let tables: Vec<String> = self.waiting.keys().cloned().collect();
        tables.iter().try_for_each(|table| self.send(table))
    }

    fn send(&mut self, table: &str) -> Result<()> {
        let Some(waiting) = self.waiting.get_mut(table).filter(|w| !w.rows.is_empty()) else {
            return Ok(());
        };
        let (into, columns) = (self.server.qualified(&self.schema, table), &waiting.columns);
        let rows = std::mem::take(&mut waiting.rows);
        let sent = self.server.runtime.block_on(async {
            match &self.server.pool {
                Pool::Postgres(pool) => {
                    let mut conn = pool.acquire().await?;
                    let mut copy =
                        conn.copy_in_raw(&format!("COPY {into} ({columns}) FROM STDIN")).await?;
                    copy.send(rows.as_bytes()).await?;
                    copy.finish().await.map(|_| ())
                }
                Pool::Mysql(pool) => {
                    let sql = format!("INSERT INTO {into} ({columns}) VALUES {rows}");
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(|_| ())
                }
            }
        });
        sent.with_context(|| format!("rows of {into}"))
    }
}

/// A row in COPY's text format.
fn copy_row(out: &mut String, values: &[Value]) {
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push('\t');
        }
        // Writing into a String cannot fail.
        let _ = match value {
            Value::Null => write!(out, "\\N"),
            Value::Integer(n) => write!(out, "{n}"),
            Value::Real(r) => write!(out, "{r}"),
            Value::Blob(bytes) => write!(out, "\\\\x{}", hex::encode(bytes)),
            Value::Text(text) => {
                for c in text.chars() {
                    match c {
                        '\\' => out.push_str("\\\\"),
                        '\t' => out.push_str("\\t"),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        c => out.push(c),
                    }
                }
                Ok(())
            }
        };
    }
    out.push('\n');
}

/// A row of a statement's VALUES, with the comma before it.
fn values_row(out: &mut String, values: &[Value]) {
    out.push_str(if out.is_empty() { "(" } else { ",(" });
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        // Writing into a String cannot fail.
        let _ = match value {
            Value::Null => write!(out, "NULL"),
            Value::Integer(n) => write!(out, "{n}"),
            Value::Real(r) => write!(out, "{r}"),
            Value::Blob(bytes) => write!(out, "x'{}'", hex::encode(bytes)),
            Value::Text(text) => write!(out, "{}", literal(&text.replace('\\', "\\\\"))),
        };
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Vec<Value> {
        vec![
            Value::Integer(-7),
            Value::Null,
            Value::Text("it's a\ttab\\\n".to_owned()),
            Value::Blob(vec![1, 255]),
        ]
    }

    #[test]
    fn a_row_for_copy_escapes_what_ends_a_column_or_a_row() {
        let mut out = String::new();
        copy_row(&mut out, &values());
        assert_eq!(out, "-7\t\\N\tit's a\\ttab\\\\\\n\t\\\\x01ff\n");
    }

    #[test]
    fn rows_of_a_statement_are_separated_and_their_texts_cannot_end_it() {
        let mut out = String::new();
        values_row(&mut out, &values());
        values_row(&mut out, &[Value::Integer(1)]);
        assert_eq!(out, "(-7,NULL,'it''s a\ttab\\\\\n',x'01ff'),(1)");
    }
}
