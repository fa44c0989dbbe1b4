//! The dashboard, and the stream that tells open pages of changes.

mod chart;
mod handlers;
pub(crate) mod page;
mod range;
mod words;

use crate::guard::{Access, Pages};
use crate::nav::pattern;

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages.get(pattern::HOME, Access::SignedIn, handlers::show).get(
        pattern::EVENTS,
        Access::May("orders:read"),
        handlers::events,
    )
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    vec![crate::samples::rendered("render_home", page::render_home)]
}
