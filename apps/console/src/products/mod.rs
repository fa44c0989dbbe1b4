//! The catalogue: the list, a product with its variants and pictures, all products as a file.

mod content;
mod edit;
mod export;
mod form;
mod handlers;
mod list;
mod merge;
mod pieces;
mod problems;
pub(crate) mod routes;
mod save;
mod table;
mod wish;
mod words;

pub(crate) use words::Words;

use crate::guard::{Access, Pages};
use routes::pattern;

/// Bytes of a product's form: its texts, and ten pictures of half a mebibyte.
const FORM_BYTES_MAX: usize = 10 << 20;

const READ: Access = Access::May("products:read");
const WRITE: Access = Access::May("products:write");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::LIST, READ, handlers::list)
        .get(pattern::NEW, WRITE, handlers::new)
        .upload(pattern::NEW, WRITE, FORM_BYTES_MAX, save::create)
        .get(pattern::EXPORT, READ, export::export)
        .get(pattern::PRODUCT, READ, handlers::show)
        .upload(pattern::PRODUCT, WRITE, FORM_BYTES_MAX, save::update)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_products", list::render_products),
        rendered("render_product", edit::render_product),
    ]
}
