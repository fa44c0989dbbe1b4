//! What is wrong in a file and where: for people who will open it at that line. Values from the file are
//! shown short, because a report is kept and logged.

use std::fmt;

/// Characters of a value that a problem shows.
const SHOWN_MAX: usize = 40;

/// Something wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The physical line, from 1, at which the record begins, or the very line for quotes and bytes.
    pub line: u64,
    /// The column's name, where it is about one.
    pub column: Option<String>,
    /// What is wrong.
    pub detail: String,
}

impl Problem {
    /// A problem of a whole row.
    pub fn new(line: u64, detail: impl Into<String>) -> Self {
        Self { line, column: None, detail: detail.into() }
    }

    /// A problem of a cell.
    pub fn at(line: u64, column: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { line, column: Some(column.into()), detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// The first problems, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    last: Option<Problem>,
    max: usize,
    count: u64,
}

impl Problems {
    pub(crate) const fn new(max: usize) -> Self {
        Self { kept: Vec::new(), last: None, max, count: 0 }
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        self.count += 1;
        if self.kept.len() < self.max {
            self.kept.push(problem);
        } else {
            self.last = Some(problem);
        }
    }

    /// The last one, kept or not: after a stop, why.
    #[must_use]
    pub fn last(&self) -> Option<&Problem> {
        self.last.as_ref().or_else(|| self.kept.last())
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    #[must_use]
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }
}

/// A value of the file as a problem shows it: quoted, escaped and short.
pub(crate) fn shown(value: &str) -> String {
    let mut chars = value.chars();
    let short: String = chars.by_ref().take(SHOWN_MAX).collect();
    if chars.next().is_some() { format!("{short:?}…") } else { format!("{short:?}") }
}
