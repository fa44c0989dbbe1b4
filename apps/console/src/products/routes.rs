//! The addresses of the catalogue.

use std::fmt;

use kit::Cursor;
use product_api::ProductStatus;
use types::{BrandId, CategoryId, SpuId};
use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/products";
    pub(crate) const NEW: &str = "/console/products/new";
    pub(crate) const EXPORT: &str = "/console/products/export";
    pub(crate) const PRODUCT: &str = "/console/products/{id}";
}

/// What a list of products is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Words to be found; everything when empty.
    pub(crate) text: String,
    /// Only with this status.
    pub(crate) status: Option<ProductStatus>,
    /// Only of this category and those under it.
    pub(crate) category: Option<CategoryId>,
    /// Only of this brand.
    pub(crate) brand: Option<BrandId>,
}

impl Filter {
    /// Whether it narrows at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A status as addresses and forms have it.
pub(crate) const fn status_word(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Draft => "draft",
        ProductStatus::OnSale => "on_sale",
        ProductStatus::Off => "off",
    }
}

/// An address of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The list.
    List {
        /// What it is narrowed to.
        filter: Filter,
        /// Where it goes on.
        cursor: Option<Cursor>,
    },
    /// Adding a product.
    New,
    /// A product.
    Product {
        /// Which.
        id: SpuId,
        /// Whether it was just saved.
        saved: bool,
    },
    /// All products as a file.
    Export,
}

impl Route {
    /// The whole list.
    pub(crate) fn list() -> Self {
        Self::List { filter: Filter::default(), cursor: None }
    }

    /// A product.
    pub(crate) const fn product(id: SpuId) -> Self {
        Self::Product { id, saved: false }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List { filter, cursor } => {
                url.path(pattern::LIST)?;
                url.query("q", Some(&filter.text).filter(|t| !t.is_empty()))?;
                url.query("status", filter.status.map(status_word))?;
                url.query("category", filter.category)?;
                url.query("brand", filter.brand)?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::New => url.path(pattern::NEW),
            Self::Product { id, saved } => {
                url.filled(pattern::PRODUCT, &[&id.to_string()])?;
                url.query("saved", saved.then_some("1"))
            }
            Self::Export => url.path(pattern::EXPORT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_typed() {
        let filter = Filter {
            text: "red & white".into(),
            status: Some(ProductStatus::OnSale),
            category: CategoryId::from_i64(5).ok(),
            brand: None,
        };
        let list = Route::List { filter, cursor: Some("x".to_owned().into()) };
        let wanted = "/console/products?q=red%20%26%20white&status=on_sale&category=5&cursor=x";
        assert_eq!(list.to_string(), wanted);
        let id = SpuId::from_i64(7).unwrap();
        assert_eq!(Route::Product { id, saved: true }.to_string(), "/console/products/7?saved=1");
    }
}
