//! Imports: a file is read and checked outside, and applied here batch by batch, so that an import that
//! was cut off goes on where it stopped.

use serde::{Deserialize, Serialize};
use types::ImportId;
use utoipa::ToSchema;

use crate::catalog::NewProduct;

/// Begins an import. Needs `products:write`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginImport {
    /// The file's name, for people.
    pub file_name: String,
    /// SHA-256 of the file in hex: the same file goes on with its unfinished import.
    pub file_hash: String,
    /// Products it holds.
    pub products: u32,
}

/// A product of a file with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProduct {
    /// The content; a product with this slug is replaced.
    pub product: NewProduct,
    /// The vendor's name, which becomes the brand; may be empty.
    pub vendor: String,
    /// The type's name, which becomes the category; may be empty.
    pub category: String,
    /// Units to have available, one per variant; absent when the file does not track it.
    pub quantities: Vec<Option<i64>>,
}

/// A batch of an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportBatch {
    /// The import.
    pub id: ImportId,
    /// Index of the first product in the file: the import must have applied exactly so many.
    pub offset: u32,
    /// At most 50.
    pub products: Vec<ImportProduct>,
}

/// Asks how an import stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetImport {
    /// Which.
    pub id: ImportId,
}

/// How an import stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportStatus {
    /// The id.
    pub id: ImportId,
    /// The file's name.
    pub file_name: String,
    /// Products in the file.
    pub products: u32,
    /// Products that are applied.
    pub applied: u32,
    /// Of these, how many are new.
    pub created: u32,
    /// Variants that are applied.
    pub skus: u32,
    /// Whether it is finished.
    pub done: bool,
}
