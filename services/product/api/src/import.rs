//! Imports: a file is read and checked outside, and applied here batch by batch, so that an import that
//! was cut off goes on where it stopped.

use serde::{Deserialize, Serialize};
use types::ImportId;
use utoipa::ToSchema;

use crate::catalog::NewProduct;

/// Begins an import. Needs `products:write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginImport {
    /// The file's name, for people.
    #[schema(min_length = 1, max_length = 255)]
    pub file_name: String,
    /// SHA-256 of the file in hex: the same file goes on with its unfinished import.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub file_hash: String,
    /// Products it holds.
    #[schema(maximum = 1_000_000)]
    pub products: u32,
    /// Whether to pass over products that the catalogue does not take, such as one with a code that
    /// another product has. Without it the first such product ends its batch with an error. Whoever goes
    /// on with an unfinished import decides anew.
    #[serde(default)]
    pub skip_conflicts: bool,
}

/// A product of a file with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportProduct {
    /// The content. A product with this slug is replaced, apart from what a file cannot say: its
    /// attributes, its texts in other languages and its prices in other channels stay, and so do its
    /// other categories when it was in the file's already.
    pub product: NewProduct,
    /// The vendor's name, which becomes the brand; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub vendor: String,
    /// The type's name, which becomes the category, or a category's slug; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub category: String,
    /// Units to have available, one per variant; absent where the file says nothing.
    #[schema(max_items = 200)]
    pub quantities: Vec<Option<i64>>,
}

/// Asks which products of a file the catalogue would not take. Needs `products:write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckImport {
    /// At most 50.
    #[schema(min_items = 1, max_items = 50)]
    pub products: Vec<ImportProduct>,
}

/// Why the catalogue would not take a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportConflict {
    /// Which of the products that were asked about, from 0.
    pub index: u32,
    /// For a person.
    pub detail: String,
}

/// A batch of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Of these, how many were passed over because the catalogue did not take them.
    pub skipped: u32,
    /// Variants that are applied.
    pub skus: u32,
    /// Whether stock of applied products is still on its way to the warehouse.
    pub stock_pending: bool,
    /// Whether it is finished.
    pub done: bool,
}
