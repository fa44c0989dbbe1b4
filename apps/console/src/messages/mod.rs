//! Messages between services: what waits, what was given up, trying again and dropping.

mod detail;
mod handlers;
mod list;
pub(crate) mod routes;
#[cfg(test)]
mod sample;
mod words;

use crate::guard::{Access, Pages};
use routes::pattern;
pub(crate) use words::Words;

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::LIST, Access::May("messages:read"), handlers::list)
        .get(pattern::SHOW, Access::May("messages:read"), handlers::show)
        .post(pattern::RETRY_ALL, Access::May("messages:write"), handlers::retry_all)
        .post(pattern::RETRY, Access::May("messages:write"), handlers::retry)
        .post(pattern::DISCARD, Access::May("messages:write"), handlers::discard)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    vec![
        crate::samples::rendered("render_messages", list::render_messages),
        crate::samples::rendered("render_message", detail::render_message),
    ]
}
