//! The shop's settings: its name, look, logo, shipping fee and banners; its hosts and placements to read.

pub(crate) mod banner;
mod banner_handlers;
mod banner_list;
mod contrast;
mod facts;
mod forms;
mod handlers;
pub(crate) mod page;
pub(crate) mod routes;
mod save;
mod words;

use crate::guard::{Access, Pages};
use routes::pattern;

pub(crate) use words::Words;

/// Bytes of a form with one picture: the picture, and room for the rest.
const FORM_BYTES_MAX: usize = 1 << 20;

const READ: Access = Access::May("tenant:read");
const WRITE: Access = Access::May("tenant:write");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::SETTINGS, READ, handlers::show)
        .post(pattern::NAME, WRITE, handlers::name)
        .post(pattern::LOOK, WRITE, handlers::look)
        .upload(pattern::LOGO, WRITE, FORM_BYTES_MAX, handlers::logo)
        .post(pattern::SHIPPING, WRITE, handlers::shipping)
        .get(pattern::NEW_BANNER, WRITE, banner_handlers::new)
        .upload(pattern::NEW_BANNER, WRITE, FORM_BYTES_MAX, banner_handlers::add)
        .get(pattern::BANNER, WRITE, banner_handlers::edit)
        .upload(pattern::BANNER, WRITE, FORM_BYTES_MAX, banner_handlers::replace)
        .post(pattern::MOVE_BANNER, WRITE, banner_handlers::shift)
        .post(pattern::REMOVE_BANNER, WRITE, banner_handlers::remove)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_settings", page::render_settings),
        rendered("render_banner", banner::render_banner),
    ]
}
