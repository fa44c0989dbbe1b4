//! Stock: what there is of which sku in which warehouse, what changed it, and changing it by hand.

mod handlers;
mod list;
pub(crate) mod routes;
mod sku;
mod warehouses;
mod words;

pub(crate) use words::Words;

use crate::guard::{Access, Pages};
use routes::pattern;

/// Fewer units than this are few.
pub(crate) const LOW: i64 = 5;

const READ: Access = Access::May("stock:read");
const WRITE: Access = Access::May("stock:write");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::LIST, READ, handlers::list)
        .get(pattern::SKU, READ, handlers::show)
        .post(pattern::ADJUST, WRITE, handlers::adjust)
        .get(pattern::WAREHOUSES, READ, handlers::warehouses)
        .post(pattern::WAREHOUSES, WRITE, handlers::add_warehouse)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_stock", list::render_stock),
        rendered("render_sku", sku::render_sku),
        rendered("render_warehouses", warehouses::render_warehouses),
    ]
}
