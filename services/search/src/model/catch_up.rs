//! What is read again of a tenant, and how far that is.

use kit::Cursor;
use serde::Serialize;

/// What is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The catalogue and its stock.
    Products,
    /// Orders of all cells.
    Orders,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was read.
    Begin,
    /// All before this page was read.
    At(Cursor),
    /// All was read, once: messages do the rest.
    Done,
}

impl Progress {
    /// After a page.
    pub fn after(next: Option<Cursor>) -> Self {
        next.map_or(Self::Done, Self::At)
    }
}
