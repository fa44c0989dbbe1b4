//! What a visitor sees when a request has no page of its own.

use kit::ErrorCode;
use maud::{Markup, html};
use ui::{Head, Local, Route, Shell, Words, document};

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
            p.row {
                @if can_help(*status) && shell.here != Local::from(&Route::Home) {
                    a.button href=(shell.here) { (w.try_again) }
                }
                a.button.quiet href=(Route::Home) { (w.home) }
                a.button.quiet href=(Route::products()) { (w.all_products) }
            }
            p.small.quiet { (w.request_id) " " (request_id) }
        }
    };
    document(shell, &Head { title, ..Head::default() }, &main)
}

/// Whether the same address may have a page in a moment.
const fn can_help(status: u16) -> bool {
    matches!(status, 429 | 500..)
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
        let mut busy = page("en", 503, Some((ErrorCode::Unavailable, "")));
        busy.shell.here = Local::from(&Route::Cart);
        vec![
            page("en", 404, Some((ErrorCode::NotFound, "<x>"))),
            page("zh-CN", 500, Some((ErrorCode::Internal, "<secret>"))),
            page("en", 400, Some((ErrorCode::Invalid, "<what>"))),
            busy,
            page("en", 403, None),
        ]
    }
}
