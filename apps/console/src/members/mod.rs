//! Those who shop here: finding them, and one of them with what they ordered.

mod handlers;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod routes;
mod words;

pub(crate) use words::Words;

use crate::guard::{Access, Pages};
use routes::pattern;

const READ: Access = Access::May("members:read");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages.get(pattern::LIST, READ, handlers::list).get(pattern::MEMBER, READ, handlers::show)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_members", list::render_members),
        rendered("render_member", member::render_member),
    ]
}
