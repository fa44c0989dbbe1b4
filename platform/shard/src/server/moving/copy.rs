//! Makes a table on one server equal to one on another: what differs is found by sums over parts of it, and
//! copied as a stream. It compares what each server says of its own rows, and never guesses.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use sqlx::AssertSqlSafe;

use super::super::explain::explain;
use super::end::{End, Table, quoted};
use crate::error::DbError;

/// Into so many parts the rows of a table are dealt.
const PARTS: u32 = 1 << 16;
/// What goes to the other server at a time, in bytes.
const CHUNK: usize = 1 << 16;

/// Rows and their sum, by part.
type Sums = BTreeMap<i32, (i64, String)>;

/// What was found and done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Equal {
    /// Rows of the table.
    pub(super) rows: u64,
    /// How many of them were copied.
    pub(super) copied: u64,
    /// How many parts of it were not the same.
    pub(super) parts: usize,
}

/// One table on two servers, under the names of its schemas.
pub(super) struct Pair<'a> {
    pub(super) table: &'a Table,
    pub(super) from: String,
    pub(super) to: String,
}

impl<'a> Pair<'a> {
    pub(super) fn new(table: &'a Table, from: &str, to: &str) -> Self {
        let name = |schema: &str| format!("{}.{}", quoted(schema), quoted(&table.name));
        Self { table, from: name(from), to: name(to) }
    }

    fn columns(&self) -> String {
        self.table.columns.join(", ")
    }

    /// A number of 64 bits for a row, the same on every server and version.
    fn hash(&self) -> String {
        let row = format!("convert_to(ROW({})::TEXT, 'UTF8')", self.columns());
        format!("('x' || encode(substring(sha256({row}) FROM 1 FOR 8), 'hex'))::BIT(64)::BIGINT")
    }

    /// The part that a row is dealt into.
    fn part(&self) -> String {
        format!("(({}) & {})::INT", self.hash(), PARTS - 1)
    }

    /// Whether the copy has no row.
    pub(super) async fn is_empty(&self, to: &mut End) -> Result<bool, DbError> {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", self.to);
        let empty = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut to.conn).await;
        empty.map_err(explain)
    }

    /// Copies all rows into a table that has none; how many.
    pub(super) async fn fill(&self, from: &mut End, to: &mut End) -> Result<u64, DbError> {
        let select = format!("SELECT {} FROM {}", self.columns(), self.from);
        self.stream(from, to, &select).await
    }

    /// Makes the copy equal to the rows of one moment. Nobody writes meanwhile, or it is done again later.
    pub(super) async fn mend(&self, from: &mut End, to: &mut End) -> Result<Equal, DbError> {
        // a row that changed between its sum and its copy would be there twice
        from.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned()).await?;
        let equal = self.mend_at_once(from, to).await?;
        from.batch("COMMIT".to_owned()).await?;
        Ok(equal)
    }

    async fn mend_at_once(&self, from: &mut End, to: &mut End) -> Result<Equal, DbError> {
        let (here, there) = self.sums(from, to).await?;
        let rows = rows_of(&here);
        let differing = differing(&here, &there);
        if differing.is_empty() {
            return Ok(Equal { rows, copied: 0, parts: 0 });
        }
        if there.is_empty() {
            let copied = self.fill(from, to).await?;
            return Ok(Equal { rows, copied, parts: differing.len() });
        }
        let parts: Vec<String> = differing.iter().map(ToString::to_string).collect();
        let those = format!("{} = ANY ('{{{}}}'::INT[])", self.part(), parts.join(","));
        to.batch(format!("BEGIN; DELETE FROM {} WHERE {those}", self.to)).await?;
        let select = format!("SELECT {} FROM {} WHERE {those}", self.columns(), self.from);
        let copied = self.stream(from, to, &select).await?;
        to.batch("COMMIT".to_owned()).await?;
        Ok(Equal { rows, copied, parts: differing.len() })
    }

    /// Refuses a copy that is not equal.
    pub(super) async fn verify(&self, from: &mut End, to: &mut End) -> Result<(), DbError> {
        let (here, there) = self.sums(from, to).await?;
        let differing = differing(&here, &there).len();
        if differing == 0 {
            return Ok(());
        }
        Err(DbError::Open(format!(
            "{} on `{}` has not become equal to {} on `{}`: {} rows there, {} here, and the checksums of {differing} \
             parts differ",
            self.to,
            to.name,
            self.from,
            from.name,
            rows_of(&there),
            rows_of(&here)
        )))
    }

    async fn sums(&self, from: &mut End, to: &mut End) -> Result<(Sums, Sums), DbError> {
        futures::try_join!(self.sums_of(from, &self.from), self.sums_of(to, &self.to))
    }

    async fn sums_of(&self, end: &mut End, table: &str) -> Result<Sums, DbError> {
        let sql = format!(
            "SELECT (h & {})::INT AS part, COUNT(*), SUM(h)::TEXT FROM (SELECT {} AS h FROM {table}) r GROUP BY 1",
            PARTS - 1,
            self.hash()
        );
        let found = sqlx::query_as::<_, (i32, i64, String)>(AssertSqlSafe(sql));
        let found = found.fetch_all(&mut end.conn).await.map_err(explain)?;
        Ok(found.into_iter().map(|(part, rows, sum)| (part, (rows, sum))).collect())
    }

    /// Rows of a select as a stream from one server to the other, a bounded piece at a time.
    async fn stream(&self, from: &mut End, to: &mut End, select: &str) -> Result<u64, DbError> {
        let into = format!("COPY {} ({}) FROM STDIN", self.to, self.columns());
        let mut rows =
            from.conn.copy_out_raw(&format!("COPY ({select}) TO STDOUT")).await.map_err(explain)?;
        let mut sink = to.conn.copy_in_raw(&into).await.map_err(explain)?;
        let mut chunk = Vec::with_capacity(2 * CHUNK);
        while let Some(piece) = rows.next().await {
            chunk.extend_from_slice(&piece.map_err(explain)?);
            if chunk.len() >= CHUNK {
                sink.send(chunk.as_slice()).await.map_err(explain)?;
                chunk.clear();
            }
        }
        sink.send(chunk.as_slice()).await.map_err(explain)?;
        sink.finish().await.map_err(explain)
    }
}

fn rows_of(sums: &Sums) -> u64 {
    sums.values().map(|(rows, _)| rows.unsigned_abs()).sum()
}

/// The parts that are not the same in both.
fn differing(here: &Sums, there: &Sums) -> BTreeSet<i32> {
    let all = here.keys().chain(there.keys());
    all.filter(|part| here.get(part) != there.get(part)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(all: &[(i32, i64, &str)]) -> Sums {
        all.iter().map(|(part, rows, sum)| (*part, (*rows, (*sum).to_owned()))).collect()
    }

    #[test]
    fn a_part_differs_by_its_rows_by_their_sum_and_by_being_there() {
        let here = sums(&[(1, 2, "7"), (2, 1, "5"), (3, 1, "9"), (4, 1, "1")]);
        let there = sums(&[(1, 2, "7"), (2, 1, "6"), (3, 2, "9"), (5, 1, "1")]);
        assert_eq!(differing(&here, &there), BTreeSet::from([2, 3, 4, 5]));
        assert!(differing(&here, &here).is_empty());
        assert_eq!(rows_of(&here), 5);
    }
}
