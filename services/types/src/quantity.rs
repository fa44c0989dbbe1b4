//! How many of a sku: at least one, and not more than anybody means.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// A number of units, 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(u32);

/// Not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is between 1 and 10000")]
pub struct InvalidQuantity;

impl Quantity {
    /// The most units in one line.
    pub const MAX: u32 = 10_000;

    /// A quantity.
    ///
    /// # Errors
    /// When it is 0 or over [`Quantity::MAX`].
    pub const fn new(n: u32) -> Result<Self, InvalidQuantity> {
        if n >= 1 && n <= Self::MAX { Ok(Self(n)) } else { Err(InvalidQuantity) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Both together, at most [`Quantity::MAX`].
    #[must_use]
    pub fn plus_capped(self, other: Self) -> Self {
        Self((self.0 + other.0).min(Self::MAX))
    }
}

impl TryFrom<i64> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(n: i64) -> Result<Self, Self::Error> {
        u32::try_from(n).map_err(|_| InvalidQuantity).and_then(Self::new)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Quantity {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(Self::MAX))
            .into()
    }
}

impl utoipa::ToSchema for Quantity {}
