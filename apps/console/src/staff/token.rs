//! The token of a new credential: shown in the answer to the form that made it, and nowhere else.

use kit::Secret;
use maud::{Markup, html};
use ui::parts::{Tone, notice};

use super::Words;
use super::routes::Route;
use crate::layout::{Head, Shell, document};

/// A new credential with its token.
#[derive(Debug, Clone)]
pub(crate) struct TokenPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What it is for.
    pub(crate) name: String,
    /// The token.
    pub(crate) token: Secret<String>,
}

/// The page.
pub(crate) fn render_token(page: &TokenPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        (notice(Tone::Info, &html! { p { strong { (w.token_once) } } }))
        section.panel {
            h2 { (page.name) }
            div.field {
                label for="f-token" { (w.token) }
                textarea.mono id="f-token" rows="2" readonly autocomplete="off" spellcheck="false" autofocus {
                    (page.token.expose())
                }
            }
            p.hint { (w.token_use) }
        }
        p { a.button href=(Route::Credentials { cursor: None, done: None }) { (w.token_kept) } }
    };
    document(&page.shell, &Head { title: w.token_made, ..Head::default() }, &main)
}

#[cfg(test)]
impl crate::samples::Samples for TokenPage {
    fn samples() -> Vec<Self> {
        let of = |locale: &str| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Credentials),
                ..crate::samples::shell(locale)
            },
            name: "ERP <wrong>".to_owned(),
            token: Secret::new(format!("sc_{}", "a1B2-".repeat(8))),
        };
        vec![of("en"), of("zh-CN")]
    }
}
