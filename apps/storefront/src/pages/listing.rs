//! A list of products: all of them, or a category's.

use maud::{Markup, html};
use product_api::{Category, ProductSummary};
use ui::{Head, Route, Shell, document, parts};

use super::card::{category_links, product_grid};

/// A list of products.
pub(crate) struct ListingPage {
    pub(crate) shell: Shell,
    /// The category's name; none for all products.
    pub(crate) category: Option<String>,
    /// Categories to go on to.
    pub(crate) categories: Vec<Category>,
    pub(crate) products: Vec<ProductSummary>,
    /// The list's begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// Where the list goes on.
    pub(crate) next: Option<Route>,
}

pub(crate) fn render_listing(page: &ListingPage) -> Markup {
    let ListingPage { shell, category, categories, products, first, next } = page;
    let w = shell.words();
    let title = category.as_deref().unwrap_or(w.all_products);
    let label = if category.is_some() { w.subcategories } else { w.categories };
    let main = html! {
        @if category.is_some() {
            p.crumbs { a href=(Route::Products { cursor: None }) { (w.all_products) } }
        }
        h1 { (title) }
        (category_links(categories, &shell.reader, label))
        @if products.is_empty() {
            (parts::empty(w.no_products, Some((w.home, Route::Home))))
        } @else {
            (product_grid(products, &shell.reader, w))
        }
        (parts::pager(w, first.clone(), next.clone()))
    };
    document(shell, &Head { title, refresh: None }, &main)
}

#[cfg(test)]
impl super::sample::Samples for ListingPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let all = Self {
            shell: sample::shell("en"),
            category: None,
            categories: sample::categories(),
            products: sample::products(),
            first: Some(Route::Products { cursor: None }),
            next: Some(Route::Products { cursor: Some("abc".to_owned().into()) }),
        };
        let one = Self {
            shell: sample::shell("zh-CN"),
            category: Some("鲜花 <&>".into()),
            categories: vec![],
            products: vec![],
            first: None,
            next: None,
        };
        vec![all, one]
    }
}
