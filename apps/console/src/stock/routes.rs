//! The addresses of stock.

use std::fmt;

use kit::Cursor;
use types::{SkuId, WarehouseId};
use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/stock";
    pub(crate) const SKU: &str = "/console/stock/{sku}";
    pub(crate) const ADJUST: &str = "/console/stock/{sku}/adjust";
    pub(crate) const WAREHOUSES: &str = "/console/warehouses";
}

/// What a list of stock is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Words of products or numbers of variants; everything when empty.
    pub(crate) text: String,
    /// Only what was stocked in this warehouse.
    pub(crate) warehouse: Option<WarehouseId>,
    /// Only what has fewer units than this.
    pub(crate) below: Option<i64>,
}

/// What was done to a sku, to be confirmed on its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was adjusted.
    Adjusted,
    /// The form was sent before, and that is still being dealt with.
    Underway,
}

impl Done {
    const fn name(self) -> &'static str {
        match self {
            Self::Adjusted => "1",
            Self::Underway => "underway",
        }
    }

    /// Reads what an address says.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Adjusted, Self::Underway].into_iter().find(|d| d.name() == name)
    }
}

/// An address of stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The list.
    List {
        /// What it is narrowed to.
        filter: Filter,
        /// Where it goes on.
        cursor: Option<Cursor>,
    },
    /// A sku.
    Sku {
        /// Which.
        id: SkuId,
        /// Where its ledger goes on.
        cursor: Option<Cursor>,
        /// What was just done to it.
        done: Option<Done>,
    },
    /// Where an adjustment is sent.
    Adjust {
        /// Of which sku.
        id: SkuId,
    },
    /// All warehouses.
    Warehouses,
}

impl Route {
    /// The whole list.
    pub(crate) fn list() -> Self {
        Self::List { filter: Filter::default(), cursor: None }
    }

    /// A sku.
    pub(crate) const fn sku(id: SkuId) -> Self {
        Self::Sku { id, cursor: None, done: None }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List { filter, cursor } => {
                url.path(pattern::LIST)?;
                url.query("q", Some(&filter.text).filter(|t| !t.is_empty()))?;
                url.query("warehouse", filter.warehouse)?;
                url.query("below", filter.below)?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Sku { id, cursor, done } => {
                url.filled(pattern::SKU, &[&id.to_string()])?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))?;
                url.query("done", done.map(Done::name))
            }
            Self::Adjust { id } => url.filled(pattern::ADJUST, &[&id.to_string()]),
            Self::Warehouses => url.path(pattern::WAREHOUSES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_typed() {
        let id = SkuId::from_i64(7).unwrap();
        assert_eq!(Route::sku(id).to_string(), "/console/stock/7");
        assert_eq!(Route::Adjust { id }.to_string(), "/console/stock/7/adjust");
        let filter = Filter { below: Some(5), ..Filter::default() };
        assert_eq!(Route::List { filter, cursor: None }.to_string(), "/console/stock?below=5");
    }
}
