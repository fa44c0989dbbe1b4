//! What a visitor sees when a request has no page of its own.

use kit::ErrorCode;
use maud::{Markup, html};
use ui::{Head, Route, Shell, Words, document};

/// An error.
pub(crate) struct ErrorPage {
    pub(crate) shell: Shell,
    pub(crate) status: u16,
    /// What a service says; none when the form's token is not the visitor's.
    pub(crate) fault: Option<(ErrorCode, String)>,
    /// Names the request in the server's logs.
    pub(crate) request_id: String,
}

pub(crate) fn render_error(page: &ErrorPage) -> Markup {
    let ErrorPage { shell, status, fault, request_id } = page;
    let w = shell.words();
    let (title, text) = match fault {
        Some((code, _)) => words_for(*code, w),
        None => (w.forbidden_title, w.csrf_text),
    };
    // what the visitor did, in the service's words; nothing of our own faults
    let detail = fault.as_ref().filter(|(code, _)| {
        matches!(code, ErrorCode::Invalid | ErrorCode::Conflict | ErrorCode::TooManyRequests)
    });
    let main = html! {
        div.narrow {
            p.code { (status) }
            h1 { (title) }
            p { (text) }
            @if let Some((_, detail)) = detail { p.quiet { (detail) } }
            p { a.button href=(Route::Home) { (w.home) } }
            p.small.quiet { (w.request_id) " " (request_id) }
        }
    };
    document(shell, &Head { title, refresh: None }, &main)
}

fn words_for(code: ErrorCode, w: &Words) -> (&'static str, &'static str) {
    match code {
        ErrorCode::NotFound => (w.not_found_title, w.not_found_text),
        ErrorCode::Forbidden | ErrorCode::Unauthenticated => (w.forbidden_title, w.forbidden_text),
        ErrorCode::TooManyRequests | ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => {
            (w.busy_title, w.busy_text)
        }
        ErrorCode::Internal => (w.internal_title, w.internal_text),
        ErrorCode::Invalid
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Conflict
        | ErrorCode::PreconditionFailed
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::Misdirected
        | ErrorCode::Unprocessable => (w.bad_request_title, w.bad_request_text),
    }
}

#[cfg(test)]
impl super::sample::Samples for ErrorPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, status, fault: Option<(ErrorCode, &str)>| Self {
            shell: sample::shell(locale),
            status,
            fault: fault.map(|(code, text)| (code, text.to_owned())),
            request_id: "<r1>".into(),
        };
        vec![
            page("en", 404, Some((ErrorCode::NotFound, "<x>"))),
            page("zh-CN", 500, Some((ErrorCode::Internal, "<secret>"))),
            page("en", 400, Some((ErrorCode::Invalid, "<what>"))),
            page("en", 503, Some((ErrorCode::Unavailable, ""))),
            page("en", 403, None),
        ]
    }
}
