//! What a branch has changed, so that it can be undone: images of rows before and after, with the shapes of their
//! tables, so that whoever undoes it needs nothing else. Pure.

use rpc::Fault;
use serde::{Deserialize, Serialize};

use crate::table::{Column, Table};
use crate::value::{ColumnType, Value};

/// A column by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Col {
    #[serde(rename = "n")]
    pub(crate) name: String,
    #[serde(rename = "t")]
    pub(crate) of: ColumnType,
}

/// The key and the columns of a table as they were when the branch ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "n")]
    pub(crate) table: String,
    #[serde(rename = "k")]
    pub(crate) key: Vec<Col>,
    #[serde(rename = "c")]
    pub(crate) columns: Vec<Col>,
}

impl Shape {
    pub(crate) fn of(table: &Table) -> Self {
        let cols = |columns: &[Column]| {
            columns.iter().map(|c| Col { name: c.name.to_owned(), of: c.of }).collect()
        };
        Self { table: table.name.to_owned(), key: cols(table.key), columns: cols(table.columns) }
    }
}

/// Values of a row by the position of their columns: all of them, or those that were changed.
pub(crate) type Image = Vec<(usize, Value)>;

/// One change of one row. Without `before` the row was inserted, without `after` it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Which shape.
    #[serde(rename = "t")]
    pub(crate) shape: usize,
    #[serde(rename = "k")]
    pub(crate) key: Vec<Value>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Image>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Image>,
}

/// All changes of a branch, in the sequence in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Images {
    #[serde(rename = "s")]
    pub(crate) shapes: Vec<Shape>,
    #[serde(rename = "i")]
    pub(crate) changes: Vec<Change>,
}

impl Images {
    pub(crate) fn to_text(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(Fault::internal)
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Fault> {
        let images: Self = serde_json::from_str(text).map_err(Fault::internal)?;
        for change in &images.changes {
            let shape = images.shapes.get(change.shape);
            let fits = shape.is_some_and(|shape| {
                let of = |image: &Option<Image>| {
                    image.iter().flatten().all(|(i, _)| *i < shape.columns.len())
                };
                shape.key.len() == change.key.len() && of(&change.before) && of(&change.after)
            });
            if !fits {
                return Err(Fault::bug("an image does not fit its table"));
            }
        }
        Ok(images)
    }

    /// The changes with their shapes, last first.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = (&Shape, &Change)> {
        self.changes.iter().rev().filter_map(|c| Some((self.shapes.get(c.shape)?, c)))
    }
}
