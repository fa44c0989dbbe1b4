//! The page of whatever went wrong.

use kit::ErrorCode;
use maud::{Markup, html};

use super::{Head, Shell, document};
use crate::nav::Route;

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) struct ErrorPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The answer's status.
    pub(crate) status: u16,
    /// What the services say; `None` when a form did not bring its token.
    pub(crate) fault: Option<(ErrorCode, String)>,
    /// Names the request in the logs.
    pub(crate) request_id: String,
}

/// The page.
pub(crate) fn render_error(page: &ErrorPage) -> Markup {
    let w = page.shell.words();
    let (title, text) = match &page.fault {
        None => (w.error, w.csrf_text),
        Some((ErrorCode::NotFound, _)) => (w.not_found_title, w.not_found_text),
        Some((ErrorCode::Forbidden, _)) => (w.forbidden_title, w.forbidden_text),
        Some((ErrorCode::Internal, _)) => (w.internal_title, w.internal_text),
        Some((
            ErrorCode::Unavailable | ErrorCode::TooManyRequests | ErrorCode::DeadlineExceeded,
            _,
        )) => (w.busy_title, w.busy_text),
        Some(_) => (w.bad_request_title, w.bad_request_text),
    };
    // what a service tells of a refusal helps; of our own mistakes nothing is told
    let told = page.fault.as_ref().filter(|(code, message)| {
        !matches!(code, ErrorCode::Internal | ErrorCode::NotFound) && !message.is_empty()
    });
    let main = html! {
        p { (text) }
        @if let Some((_, message)) = told { p.quiet { (message) } }
        p.quiet { (w.request_id) ": " code { (page.request_id) } " · " (page.status) }
        p { a.button href=(Route::Home) { (w.to_dashboard) } }
    };
    document(&page.shell, &Head { title, ..Head::default() }, &main)
}

#[cfg(test)]
impl crate::samples::Samples for ErrorPage {
    fn samples() -> Vec<Self> {
        let of = |locale, status, fault| Self {
            shell: crate::samples::shell(locale),
            status,
            fault,
            request_id: "<request>".to_owned(),
        };
        vec![
            of("en", 403, None),
            of("en", 403, Some((ErrorCode::Forbidden, "it needs <orders:read>".to_owned()))),
            of("zh-CN", 404, Some((ErrorCode::NotFound, "<no>".to_owned()))),
            of("en", 500, Some((ErrorCode::Internal, "<secret>".to_owned()))),
            of("zh-CN", 503, Some((ErrorCode::Unavailable, "away".to_owned()))),
            of("en", 400, Some((ErrorCode::Invalid, "<wrong>".to_owned()))),
        ]
    }
}
