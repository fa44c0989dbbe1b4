//! What this crate has to know of a table whose rows are changed in AT branches: its primary key, all its columns and
//! their types. Declared once by the owner of the table, as a constant.

use crate::value::ColumnType;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: ColumnType,
}

/// A BIGINT column.
#[must_use]
pub const fn int(name: &'static str) -> Column {
    Column { name, of: ColumnType::Int }
}

/// A TEXT column.
#[must_use]
pub const fn text(name: &'static str) -> Column {
    Column { name, of: ColumnType::Text }
}

/// A BOOLEAN column.
#[must_use]
pub const fn boolean(name: &'static str) -> Column {
    Column { name, of: ColumnType::Bool }
}

/// A BLOB column.
#[must_use]
pub const fn blob(name: &'static str) -> Column {
    Column { name, of: ColumnType::Blob }
}

/// A table. It has a primary key that never changes, and no triggers: what a row is after a change is what was
/// written. (A trigger would be found at a rollback: the row is not what it should be, and the transaction is parked.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its logical name; numbered tables get their number from the route.
    pub name: &'static str,
    /// The columns of the primary key, in their sequence.
    pub key: &'static [Column],
    /// All other columns.
    pub columns: &'static [Column],
}

impl Table {
    /// A table.
    #[must_use]
    pub const fn new(
        name: &'static str,
        key: &'static [Column],
        columns: &'static [Column],
    ) -> Self {
        Self { name, key, columns }
    }

    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}
