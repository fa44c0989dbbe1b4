//! Signing in and out, choosing a language, and the stylesheet: what is there before anybody signed in.

mod handlers;
pub(crate) mod page;

use crate::guard::{Access, Pages};
use crate::nav::pattern;

pub(crate) use handlers::begin_session;

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::SIGN_IN, Access::Open, handlers::show)
        .post(pattern::SIGN_IN, Access::Open, handlers::sign_in)
        .post(pattern::SIGN_OUT, Access::SignedIn, handlers::sign_out)
        .get(pattern::LANGUAGE, Access::Open, handlers::choose_language)
        .get(pattern::STYLE, Access::Open, handlers::style)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    vec![crate::samples::rendered("render_sign_in", page::render_sign_in)]
}
