//! The page where one signs in.

use maud::{Markup, html};
use ui::Local;
use ui::parts::{Field, Tone, field, notice};

use crate::layout::{Head, Shell, csrf_field, document};
use crate::nav::Route;

/// Signing in.
#[derive(Debug, Clone)]
pub(crate) struct SignInPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Where to go then.
    pub(crate) next: Option<Local>,
    /// What was typed.
    pub(crate) login: String,
    /// Why it did not work.
    pub(crate) problem: Option<String>,
}

/// The page.
pub(crate) fn render_sign_in(page: &SignInPage) -> Markup {
    let w = page.shell.words();
    let main = html! {
        p { (w.sign_in_text) }
        @if let Some(problem) = &page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        form.narrow method="post" action=(Route::SignIn { next: page.next.clone() }) {
            (csrf_field(&page.shell))
            (field(&Field {
                name: "login", label: w.login, value: &page.login, autocomplete: "username",
                required: true, length_max: 64, ..Field::default()
            }))
            (field(&Field {
                name: "password", label: w.password, kind: "password",
                autocomplete: "current-password", required: true, length_max: 128, ..Field::default()
            }))
            button type="submit" { (w.sign_in) }
        }
    };
    document(&page.shell, &Head { title: w.sign_in_title, ..Head::default() }, &main)
}

#[cfg(test)]
impl crate::samples::Samples for SignInPage {
    fn samples() -> Vec<Self> {
        let shell = |locale| Shell { staff: None, ..crate::samples::shell(locale) };
        let fresh = Self { shell: shell("en"), next: None, login: String::new(), problem: None };
        let refused = Self {
            shell: shell("zh-CN"),
            next: Some(Local::own("/console/orders?status=PAID".to_owned())),
            login: "<owner>".to_owned(),
            problem: Some("<no>".to_owned()),
        };
        vec![fresh, refused]
    }
}
