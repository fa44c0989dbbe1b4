//! Imports of product files: a file is taken, checked, shown product by product, and then imported in the
//! background. One at a time per tenant and process; one that was cut off goes on when the same file is
//! given again, because the catalogue knows how far it came.

mod handlers;
mod job;
mod page;
pub(crate) mod routes;
mod run;
mod words;

pub(crate) use job::Imports;
pub(crate) use words::Words;

use crate::guard::{Access, Pages};
use routes::pattern;

/// Bytes of a file.
const FILE_BYTES_MAX: u64 = 100 << 20;
/// Bytes of the form around it.
const FORM_BYTES_MAX: usize = (100 << 20) + (64 << 10);

const WRITE: Access = Access::May("products:write");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::BEGIN, WRITE, handlers::begin)
        .upload(pattern::BEGIN, WRITE, FORM_BYTES_MAX, handlers::upload)
        .get(pattern::JOB, WRITE, handlers::show)
        .post(pattern::APPLY, WRITE, handlers::apply)
        .post(pattern::DISCARD, WRITE, handlers::discard)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_import_begin", page::render_import_begin),
        rendered("render_import", page::render_import),
    ]
}
