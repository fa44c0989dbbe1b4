//! Placements: in which cells the shop's orders lie, how evenly, and what an id says.

mod figures;
mod handlers;
mod map;
mod page;
pub(crate) mod routes;
mod words;

use crate::guard::{Access, Pages};
use routes::pattern;
pub(crate) use words::Words;

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages.get(pattern::SHOW, Access::May("orders:read"), handlers::show)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    vec![crate::samples::rendered("render_placements", page::render_placements)]
}
