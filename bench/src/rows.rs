//! Rows as templates: the rows that a real request wrote are read out of a stopped server's files, and
//! written again with other ids and times. So the copies have the same columns, sizes and indices as what
//! the program writes, whatever its schema is. It must not know what the rows mean.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use kit::{Id, Place, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// A number this close to the sample's time, in microseconds, is a time and moves with it: 2 hours.
const SAME_TIME_US: i64 = 2 * 3_600 * 1_000_000;
/// Tables that are the database's own, or record effects that copies have not had.
const NEVER: &[&str] = &["schema_migrations", "inbox"];
/// Ids that rows bring in lead to further rows; so many steps are followed.
const STEPS_MAX: usize = 4;
/// More rows about one sample mean that something else was caught.
const ROWS_MAX: usize = 200;

/// A value that differs between copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An id: as a number in a column of its own, and in decimal inside texts.
    Number(i64),
    /// A text, alone or inside others.
    Text(String),
}

impl Subject {
    fn in_text(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(t) => t.clone(),
        }
    }

    fn as_value(&self) -> Value {
        match self {
            Self::Number(n) => Value::Integer(*n),
            Self::Text(t) => Value::Text(t.clone()),
        }
    }
}

/// A column's content in a copy.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Fixed(Value),
    Subject(usize),
    Text(Vec<Piece>),
    /// So many microseconds after the copy's time.
    Time(i64),
    Db,
    Table,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Fixed(String),
    Subject(usize),
}

/// A row to copy.
#[derive(Debug, Clone)]
pub struct Row {
    /// The table; for a numbered one without its number.
    stem: String,
    numbered: bool,
    columns: Vec<String>,
    cells: Vec<Cell>,
}

/// What is put into a copy.
#[derive(Debug, Clone)]
pub struct Fill<'a> {
    /// One for each subject, in their sequence.
    pub subjects: &'a [Subject],
    /// When it happened.
    pub at: Timestamp,
    /// Where it lies.
    pub place: Place,
}

/// What a sample is about.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What differs between copies. Ids that were found on the way are appended.
    pub subjects: Vec<Subject>,
    /// How many of the subjects, from the first, rows are looked for by; the others are only replaced.
    pub looked_for: usize,
    /// Not before this was it made: ids made since are its own, and differ between copies.
    pub since: Timestamp,
    /// When it happened.
    pub at: Timestamp,
    /// Where it lies.
    pub place: Place,
}

impl Sample {
    /// The rows about it in a file, apart from those of some tables. Ids that the sample brought along are
    /// added to its subjects.
    ///
    /// # Errors
    /// When the file cannot be read, or too many rows are found.
    pub fn rows(&mut self, conn: &Connection, without: &[&str]) -> Result<Vec<Row>> {
        let tables: Vec<String> =
            tables(conn)?.into_iter().filter(|t| !without.contains(&t.as_str())).collect();
        let mut looked_for: Vec<Subject> = self.subjects[..self.looked_for].to_vec();
        let mut found: Vec<(String, Vec<String>, Vec<Value>)> = Vec::new();
        for _ in 0..STEPS_MAX {
            found.clear();
            for table in &tables {
                let columns = columns(conn, table)?;
                for values in about(conn, table, &columns, &looked_for)? {
                    found.push((table.clone(), columns.clone(), values));
                }
            }
            if found.len() > ROWS_MAX {
                bail!("{} rows are about one sample", found.len());
            }
            let new = self.ids_of_its_own(found.iter().flat_map(|(_, _, values)| values));
            if new.is_empty() {
                break;
            }
            looked_for.extend(new.iter().cloned());
            self.subjects.extend(new);
        }
        Ok(found
            .into_iter()
            .map(|(table, columns, values)| self.learn(&table, columns, values))
            .collect())
    }

    fn ids_of_its_own<'a>(&self, values: impl Iterator<Item = &'a Value>) -> Vec<Subject> {
        let numbers: BTreeSet<i64> = values
            .filter_map(|v| match v {
                Value::Integer(n) => Some(*n),
                _ => None,
            })
            .filter(|n| Id::from_i64(*n).is_ok_and(|id| self.is_its_own(id)))
            .collect();
        let new = numbers.into_iter().map(Subject::Number);
        new.filter(|s| !self.subjects.contains(s)).collect()
    }

    /// Made since it began. Counts and times are far below ids, so they read as ids of 2025.
    fn is_its_own(&self, id: Id) -> bool {
        let made = id.made_at();
        made >= self.since
            && made.since(self.since).as_micros() < SAME_TIME_US.unsigned_abs().into()
    }

    fn learn(&self, table: &str, columns: Vec<String>, values: Vec<Value>) -> Row {
        let number = format!("_{:02}", self.place.table);
        let numbered = table.ends_with(&number);
        let stem = table.strip_suffix(&number).unwrap_or(table).to_owned();
        let cells =
            columns.iter().zip(values).map(|(column, value)| self.cell(column, value)).collect();
        Row { stem, numbered, columns, cells }
    }

    fn cell(&self, column: &str, value: Value) -> Cell {
        match (column, &value) {
            ("cell_db", _) => return Cell::Db,
            ("cell_table", _) => return Cell::Table,
            (_, Value::Integer(n)) => {
                let subject = self.subjects.iter().position(|s| *s == Subject::Number(*n));
                if let Some(subject) = subject {
                    return Cell::Subject(subject);
                }
                let after = n.saturating_sub(self.at.micros());
                if after.abs() < SAME_TIME_US {
                    return Cell::Time(after);
                }
            }
            (_, Value::Text(text)) => {
                let pieces = self.pieces(text);
                if pieces.iter().any(|p| matches!(p, Piece::Subject(_))) {
                    return Cell::Text(pieces);
                }
            }
            _ => {}
        }
        Cell::Fixed(value)
    }

    fn pieces(&self, text: &str) -> Vec<Piece> {
        let mut pieces = vec![Piece::Fixed(text.to_owned())];
        for (i, subject) in self.subjects.iter().enumerate() {
            let wanted = subject.in_text();
            pieces = pieces.into_iter().flat_map(|piece| split(piece, &wanted, i)).collect();
        }
        pieces
    }
}

/// A fixed text cut at every place where the wanted one stands.
fn split(piece: Piece, wanted: &str, subject: usize) -> Vec<Piece> {
    let Piece::Fixed(text) = piece else { return vec![piece] };
    let mut pieces = Vec::new();
    for (i, part) in text.split(wanted).enumerate() {
        if i > 0 {
            pieces.push(Piece::Subject(subject));
        }
        if !part.is_empty() {
            pieces.push(Piece::Fixed(part.to_owned()));
        }
    }
    pieces
}

impl Row {
    /// The table, for a numbered one without its number.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// The same row with another content of a column.
    ///
    /// # Errors
    /// When it has no such column.
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Result<Self> {
        let i = self.column(column)?;
        self.cells[i] = Cell::Fixed(value.into());
        Ok(self)
    }

    /// The same row with a subject in a column.
    ///
    /// # Errors
    /// When it has no such column.
    pub fn with_subject(mut self, column: &str, subject: usize) -> Result<Self> {
        let i = self.column(column)?;
        self.cells[i] = Cell::Subject(subject);
        Ok(self)
    }

    /// What the sample has in a column, if it is the same in all copies.
    ///
    /// # Errors
    /// When it has no such column.
    pub fn fixed(&self, column: &str) -> Result<Option<&Value>> {
        Ok(match &self.cells[self.column(column)?] {
            Cell::Fixed(value) => Some(value),
            _ => None,
        })
    }

    fn column(&self, name: &str) -> Result<usize> {
        let found = self.columns.iter().position(|c| c == name);
        found.with_context(|| format!("the table {} has no column `{name}`", self.stem))
    }

    fn table(&self, number: u8) -> String {
        if self.numbered { format!("{}_{number:02}", self.stem) } else { self.stem.clone() }
    }

    fn sql(&self, table: u8) -> String {
        let name = self.table(table);
        let marks: Vec<String> = (1..=self.columns.len()).map(|i| format!("?{i}")).collect();
        format!("INSERT INTO {name} ({}) VALUES ({})", self.columns.join(", "), marks.join(", "))
    }

    fn value(&self, cell: &Cell, fill: &Fill<'_>) -> Result<Value> {
        let subject = |i: usize| {
            fill.subjects.get(i).with_context(|| format!("{}: no subject {i}", self.stem))
        };
        Ok(match cell {
            Cell::Fixed(value) => value.clone(),
            Cell::Subject(i) => subject(*i)?.as_value(),
            Cell::Time(after) => Value::Integer(fill.at.micros().saturating_add(*after)),
            Cell::Db => Value::Integer(fill.place.db.into()),
            Cell::Table => Value::Integer(fill.place.table.into()),
            Cell::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Fixed(part) => text.push_str(part),
                        Piece::Subject(i) => text.push_str(&subject(*i)?.in_text()),
                    }
                }
                Value::Text(text)
            }
        })
    }
}

/// Rows with their statements, ready to be written many times.
pub struct Copier {
    rows: Vec<(Row, Vec<String>)>,
}

impl Copier {
    /// For some rows.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Self {
        let with_sql = |row: Row| {
            let tables = if row.numbered { kit::id::PLACES_MAX } else { 1 };
            let sql = (0..tables).map(|table| row.sql(table)).collect();
            (row, sql)
        };
        Self { rows: rows.into_iter().map(with_sql).collect() }
    }

    /// How many rows a copy has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a copy: table, columns, values.
    pub fn filled<'a>(
        &'a self,
        fill: &'a Fill<'_>,
    ) -> impl Iterator<Item = Result<(String, &'a [String], Vec<Value>)>> {
        self.rows.iter().map(|(row, _)| {
            let values = row.cells.iter().map(|cell| row.value(cell, fill));
            let values = values.collect::<Result<Vec<_>>>()?;
            Ok((row.table(fill.place.table), row.columns.as_slice(), values))
        })
    }

    /// Writes a copy, in the transaction that is open. `conn` should keep as many prepared statements as
    /// there are rows and tables.
    ///
    /// # Errors
    /// When a row cannot be written: two copies with the same subjects, or a value that must be unique and
    /// is no subject.
    pub fn write(&self, conn: &Connection, fill: &Fill<'_>) -> Result<()> {
        for (row, sql) in &self.rows {
            let sql = &sql[if row.numbered { usize::from(fill.place.table) } else { 0 }];
            let mut statement = conn.prepare_cached(sql)?;
            for (i, cell) in row.cells.iter().enumerate() {
                match cell {
                    Cell::Fixed(value) => statement.raw_bind_parameter(i + 1, value)?,
                    other => statement.raw_bind_parameter(i + 1, row.value(other, fill)?)?,
                }
            }
            statement.raw_execute().with_context(|| format!("a copy of a row of {}", row.stem))?;
        }
        Ok(())
    }
}

/// The tables of a file that copies may concern.
fn tables(conn: &Connection) -> Result<Vec<String>> {
    let mut statement = conn.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?;
    let names = statement.query_map([], |r| r.get::<_, String>(0))?;
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(names.into_iter().filter(|n| !NEVER.contains(&n.as_str())).collect())
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
    let names = statement.query_map([table], |r| r.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The rows that hold any of the subjects: a number in a column, a text or a number inside a text.
fn about(
    conn: &Connection,
    table: &str,
    columns: &[String],
    subjects: &[Subject],
) -> Result<Vec<Vec<Value>>> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for subject in subjects {
        values.push(subject.as_value());
        values.push(Value::Text(subject.in_text()));
        let (exact, inside) = (values.len() - 1, values.len());
        for column in columns {
            conditions.push(format!("{column} = ?{exact}"));
            conditions
                .push(format!("(typeof({column}) = 'text' AND instr({column}, ?{inside}) > 0)"));
        }
    }
    let sql =
        format!("SELECT {} FROM {table} WHERE {}", columns.join(", "), conditions.join(" OR "));
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |r| {
        (0..columns.len()).map(|i| r.get::<_, Value>(i)).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The statements that make a file's tables and indices, in the sequence they were run.
///
/// # Errors
/// When the file cannot be read.
pub fn schema(conn: &Connection) -> Result<Vec<(String, String)>> {
    let mut statement = conn.prepare(
        "SELECT name, sql FROM sqlite_master
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    )?;
    let all = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(all.collect::<Result<_, _>>()?)
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
