//! A message where there is no shop to look like: an unknown host, or a tenant that cannot be asked for.

use axum::http::StatusCode;
use maud::{Markup, html};
use ui::{Frame, Lang, Route, Words};

/// A message.
pub(crate) struct PlainPage {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

impl PlainPage {
    /// The message of a status, in English: nothing is known of the reader.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let w = Words::of(Lang::En);
        let (title, text) = match status {
            StatusCode::NOT_FOUND => (w.not_found_title, w.not_found_text),
            StatusCode::INTERNAL_SERVER_ERROR => (w.internal_title, w.internal_text),
            s if s.is_server_error() => (w.busy_title, w.busy_text),
            _ => (w.bad_request_title, w.bad_request_text),
        };
        Self { title, text }
    }
}

pub(crate) fn render_plain(page: &PlainPage) -> Markup {
    let main = html! {
        div.narrow { h1 { (page.title) } p { (page.text) } }
    };
    frame(Words::of(Lang::En), page.title, &main)
}

/// A page without a shop around it.
pub(super) fn frame(w: &Words, title: &str, main: &Markup) -> Markup {
    ui::layout::frame(&Frame {
        lang: w.html_lang,
        title,
        stylesheet: Route::SiteCss { version: None }.to_string(),
        icon: Some(Route::Icon { version: 0 }.to_string()),
        head: html! { meta name="robots" content="noindex"; },
        live: None,
        body: html! { main #main { (main) } },
    })
}

#[cfg(test)]
impl super::sample::Samples for PlainPage {
    fn samples() -> Vec<Self> {
        [404, 500, 503, 400]
            .map(|status| Self::of_status(StatusCode::from_u16(status).unwrap()))
            .into()
    }
}
