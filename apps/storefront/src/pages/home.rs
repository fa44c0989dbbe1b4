//! The first page: the shop's name, its categories, its newest products.

use maud::{Markup, html};
use product_api::{Category, ProductSummary};
use ui::{Head, Route, Shell, document, parts};

use super::card::{category_links, product_grid};

/// The first page.
pub(crate) struct HomePage {
    pub(crate) shell: Shell,
    /// Categories without a parent.
    pub(crate) categories: Vec<Category>,
    /// The newest first.
    pub(crate) products: Vec<ProductSummary>,
}

pub(crate) fn render_home(page: &HomePage) -> Markup {
    let HomePage { shell, categories, products } = page;
    let w = shell.words();
    let main = html! {
        section.hero {
            h1 { (shell.shop) }
            @if !shell.tagline.is_empty() { p { (shell.tagline) } }
        }
        (category_links(categories, &shell.reader, w.categories))
        section aria-labelledby="new" {
            h2 #new { (w.new_arrivals) }
            @if products.is_empty() {
                (parts::empty(w.no_products, None))
            } @else {
                (product_grid(products, &shell.reader, w))
                p.more { a.button.quiet href=(Route::Products { cursor: None }) { (w.all_products) } }
            }
        }
    };
    document(shell, &Head::default(), &main)
}

#[cfg(test)]
impl super::sample::Samples for HomePage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let (categories, products) = (sample::categories(), sample::products());
        vec![
            Self { shell: sample::shell("en"), categories, products },
            Self { shell: sample::shell("zh-CN"), categories: vec![], products: vec![] },
        ]
    }
}
