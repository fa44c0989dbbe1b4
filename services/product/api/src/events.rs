//! What the catalogue tells others. An event says that something changed; whoever wants to know what asks.

use serde::{Deserialize, Serialize};
use types::SpuId;

/// Topic: a product was added or changed; the payload is [`ProductChanged`].
pub const PRODUCT_CHANGED: &str = "product.changed";

/// A product was added or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChanged {
    /// Which.
    pub spu_id: SpuId,
}
