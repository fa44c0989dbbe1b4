//! Flows: their versions, drawn and as text, editing, publishing.

mod diagram;
mod diff;
mod duration;
mod edit;
mod handlers;
mod json;
mod list;
mod parts;
pub(crate) mod routes;
#[cfg(test)]
mod sample;
mod show;
mod usage;
mod words;

use crate::guard::{Access, Pages};
use routes::pattern;
pub(crate) use words::Words;

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::LIST, Access::May("flows:read"), handlers::list)
        .get(pattern::SHOW, Access::May("flows:read"), handlers::show)
        .get(pattern::EDIT, Access::May("flows:publish"), handlers::edit)
        .post(pattern::EDIT, Access::May("flows:publish"), handlers::submit)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    vec![
        crate::samples::rendered("render_flows", list::render_flows),
        crate::samples::rendered("render_flow", show::render_flow),
        crate::samples::rendered("render_flow_editor", edit::render_flow_editor),
    ]
}
