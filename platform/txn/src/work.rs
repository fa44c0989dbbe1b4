//! What an AT branch is to do: typed statements, each for one row by its primary key. There is no other kind: no
//! condition over several rows, no change of a key, no upsert; what is wrong is said before anything has run.

use rpc::Fault;

use crate::model::{Cell, LockKey};
use crate::table::Table;
use crate::value::{ColumnType, IntoKey, Value};

/// Statements of one branch, in the sequence in which they run.
#[derive(Debug, Clone, Default)]
pub struct Work {
    pub(crate) steps: Vec<Step>,
    wrong: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) table: &'static Table,
    pub(crate) key: Vec<Value>,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Insert(Vec<Value>),
    Change { sets: Vec<Set>, conditions: Vec<Condition> },
    Delete { conditions: Vec<Condition> },
    Read,
}

#[derive(Debug, Clone)]
pub(crate) enum Set {
    To(usize, Value),
    Add(usize, i64),
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Is(usize, Value),
    AtLeast(usize, i64),
}

/// The columns of a row that is inserted or changed, and what must hold for it.
#[derive(Debug)]
pub struct Row {
    table: &'static Table,
    sets: Vec<Set>,
    conditions: Vec<Condition>,
    wrong: Option<String>,
}

impl Row {
    fn new(table: &'static Table) -> Self {
        Self { table, sets: Vec::new(), conditions: Vec::new(), wrong: None }
    }

    fn column(&mut self, name: &str, fits: impl Fn(ColumnType) -> bool) -> Option<usize> {
        let table = self.table.name;
        let problem = match self.table.column(name) {
            Some(i) if self.table.columns.get(i).is_some_and(|c| fits(c.of)) => return Some(i),
            Some(_) => format!("the value for {table}.{name} is of another type"),
            None if self.table.key.iter().any(|c| c.name == name) => {
                format!("{table}.{name} is part of the primary key, which never changes")
            }
            None => format!("{table} has no column {name}"),
        };
        self.wrong.get_or_insert(problem);
        None
    }

    /// Sets a column. Columns of a new row that are not set are NULL.
    #[must_use]
    pub fn set(self, column: &str, value: impl Into<Value>) -> Self {
        self.value(column, value.into(), |c, i, value| c.sets.push(Set::To(i, value)))
    }

    /// Adds to a number of a row that exists.
    #[must_use]
    pub fn add(self, column: &str, n: i64) -> Self {
        self.number(column, |c, i| c.sets.push(Set::Add(i, n)))
    }

    /// Only if a column is this before the change.
    #[must_use]
    pub fn when(self, column: &str, value: impl Into<Value>) -> Self {
        self.value(column, value.into(), |c, i, value| c.conditions.push(Condition::Is(i, value)))
    }

    /// Only if a number is at least this after the change.
    #[must_use]
    pub fn at_least(self, column: &str, n: i64) -> Self {
        self.number(column, |c, i| c.conditions.push(Condition::AtLeast(i, n)))
    }

    fn value(
        mut self,
        column: &str,
        value: Value,
        then: impl FnOnce(&mut Self, usize, Value),
    ) -> Self {
        if let Some(i) = self.column(column, |of| value.fits(of)) {
            then(&mut self, i, value);
        }
        self
    }

    fn number(mut self, column: &str, then: impl FnOnce(&mut Self, usize)) -> Self {
        if let Some(i) = self.column(column, |of| of == ColumnType::Int) {
            then(&mut self, i);
        }
        self
    }
}

impl Work {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts a row.
    #[must_use]
    pub fn insert(
        self,
        table: &'static Table,
        key: impl IntoKey,
        row: impl FnOnce(Row) -> Row,
    ) -> Self {
        let row = row(Row::new(table));
        let mut values = vec![Value::Null; table.columns.len()];
        let mut wrong = row.wrong;
        if !row.conditions.is_empty() {
            wrong.get_or_insert(format!("a new row of {} meets no condition", table.name));
        }
        for set in row.sets {
            match set {
                Set::To(i, value) => {
                    if let Some(v) = values.get_mut(i) {
                        *v = value;
                    }
                }
                Set::Add(..) => {
                    wrong.get_or_insert(format!("a new row of {} has no number yet", table.name));
                }
            }
        }
        self.step(table, key, What::Insert(values), wrong)
    }

    /// Changes a row, which must exist.
    #[must_use]
    pub fn update(
        self,
        table: &'static Table,
        key: impl IntoKey,
        row: impl FnOnce(Row) -> Row,
    ) -> Self {
        let Row { sets, conditions, mut wrong, .. } = row(Row::new(table));
        if sets.is_empty() {
            wrong.get_or_insert(format!("an update of {} sets no column", table.name));
        }
        self.step(table, key, What::Change { sets, conditions }, wrong)
    }

    /// Deletes a row, which must exist.
    #[must_use]
    pub fn delete(
        self,
        table: &'static Table,
        key: impl IntoKey,
        row: impl FnOnce(Row) -> Row,
    ) -> Self {
        let Row { sets, conditions, mut wrong, .. } = row(Row::new(table));
        if !sets.is_empty() {
            wrong.get_or_insert(format!("a deletion in {} sets columns", table.name));
        }
        self.step(table, key, What::Delete { conditions }, wrong)
    }

    /// Reads a row that nobody changes until the decision: what is read is decided, and stays.
    #[must_use]
    pub fn read(self, table: &'static Table, key: impl IntoKey) -> Self {
        self.step(table, key, What::Read, None)
    }

    fn step(
        mut self,
        table: &'static Table,
        key: impl IntoKey,
        what: What,
        wrong: Option<String>,
    ) -> Self {
        let key = key.into_key();
        let fits = key.len() == table.key.len()
            && key.iter().zip(table.key).all(|(v, c)| v.fits(c.of) && *v != Value::Null);
        let unfit =
            || format!("a row of {} needs its whole primary key, of the right types", table.name);
        self.wrong = self.wrong.or(wrong).or_else(|| (!fits).then(unfit));
        self.steps.push(Step { table, key, what });
        self
    }

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// A bug, in words.
    pub(crate) fn check(&self, known: &[&'static Table]) -> Result<(), Fault> {
        if let Some(wrong) = &self.wrong {
            return Err(Fault::bug(format!("an AT branch cannot do this: {wrong}")));
        }
        match self.steps.iter().find(|s| !known.contains(&s.table)) {
            Some(step) => Err(Fault::bug(format!(
                "{} is not among the tables that the resource was made with, so nobody could undo it",
                step.table.name
            ))),
            None => Ok(()),
        }
    }

    /// The locks of its rows. `is_of_cells` says of a table whether it stands once in each cell: a row of another is the
    /// same row whichever cell the branch is in.
    pub(crate) fn locks(
        &self,
        resource: &str,
        cell: Cell,
        is_of_cells: impl Fn(&str) -> bool,
    ) -> Vec<LockKey> {
        let lock = |step: &Step| {
            let name = step.table.name;
            let table = cell.table.filter(|_| is_of_cells(name));
            LockKey::of_row(resource, Cell { table, ..cell }, name, &step.key)
        };
        let mut keys: Vec<_> = self.steps.iter().map(lock).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{int, text};

    static T: Table = Table::new("t", &[text("tenant"), int("id")], &[int("n"), text("s")]);
    static U: Table = Table::new("u", &[int("id")], &[]);

    fn refusal(work: &Work) -> String {
        work.check(&[&T]).unwrap_err().chain()
    }

    #[test]
    fn what_a_branch_cannot_do_is_refused_in_words() {
        let new = Work::new;
        let cases = [
            (new().update(&T, ("a", 1), |r| r.set("id", 2)), "primary key"),
            (new().update(&T, ("a", 1), |r| r.set("x", 2)), "no column x"),
            (new().update(&T, ("a", 1), |r| r.set("n", "2")), "another type"),
            (new().update(&T, ("a", 1), |r| r.add("s", 2)), "another type"),
            (new().update(&T, ("a", 1), |r| r), "sets no column"),
            (new().update(&T, ("a",), |r| r.set("n", 1)), "whole primary key"),
            (new().update(&T, (1, 1), |r| r.set("n", 1)), "whole primary key"),
            (new().read(&T, ("a", None::<i64>)), "whole primary key"),
            (new().insert(&T, ("a", 1), |r| r.add("n", 1)), "no number yet"),
            (new().insert(&T, ("a", 1), |r| r.when("n", 1)), "no condition"),
            (new().delete(&T, ("a", 1), |r| r.set("n", 1)), "sets columns"),
            (new().read(&U, (1,)), "nobody could undo"),
        ];
        for (work, words) in cases {
            assert!(refusal(&work).contains(words), "{} lacks {words}", refusal(&work));
        }
    }

    #[test]
    fn a_row_of_a_table_that_stands_once_is_one_row_from_whatever_cell() {
        let work = Work::new().update(&T, ("a", 1), |r| r.set("n", 1));
        let locks = |table, of_cells| work.locks("r", Cell { db: 4, table }, |_| of_cells);
        assert_eq!(locks(Some(3), false), locks(Some(7), false));
        assert_eq!(locks(Some(3), false), locks(None, false));
        assert_ne!(locks(Some(3), true), locks(Some(7), true));
    }

    #[test]
    fn a_row_is_locked_once_however_often_it_is_changed() {
        let work = Work::new()
            .update(&T, ("a", 1), |r| r.set("n", 1))
            .delete(&T, ("a", 1), |r| r)
            .insert(&T, ("a", 2), |r| r);
        assert!(work.check(&[&T]).is_ok());
        assert_eq!(work.locks("r", Cell { db: 0, table: None }, |_| false).len(), 2);
    }
}
