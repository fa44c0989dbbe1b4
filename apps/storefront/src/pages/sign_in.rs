//! Signing in.

use maud::{Markup, html};
use ui::layout::csrf_field;
use ui::parts::{Field, Tone, field, notice};
use ui::{Head, Local, Route, Shell, document};

/// Signing in.
pub(crate) struct SignInPage {
    pub(crate) shell: Shell,
    /// Where to go then.
    pub(crate) next: Option<Local>,
    /// What was typed.
    pub(crate) login: String,
    /// Why it did not work.
    pub(crate) problem: Option<String>,
}

pub(crate) fn render_sign_in(page: &SignInPage) -> Markup {
    let SignInPage { shell, next, login, problem } = page;
    let w = shell.words();
    let main = html! {
        div.narrow {
            h1 { (w.sign_in) }
            @if let Some(problem) = problem {
                (notice(Tone::Bad, &html! { p { (problem) } }))
            } @else if next.is_some() {
                (notice(Tone::Info, &html! { p { (w.sign_in_to_go_on) } }))
            }
            form method="post" action=(Route::SignIn { next: next.clone() }) {
                (csrf_field(shell))
                (field(&Field {
                    name: "login", label: w.email, value: login, kind: "email",
                    autocomplete: "username", required: true, length_max: 254, ..Field::default()
                }))
                (field(&Field {
                    name: "password", label: w.password, kind: "password",
                    autocomplete: "current-password", required: true, length_max: 128,
                    ..Field::default()
                }))
                button type="submit" { (w.sign_in) }
            }
            p { (w.no_account_yet) " " a href=(Route::Register { next: next.clone() }) { (w.register) } }
        }
    };
    document(shell, &Head { title: w.sign_in, ..Head::default() }, &main)
}

#[cfg(test)]
impl super::sample::Samples for SignInPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let next = Some(Local::from(&Route::Checkout));
        let typed = "a\"b@example.com".to_owned();
        let problem = Some("wrong".to_owned());
        vec![
            Self { shell: sample::shell("en"), next: None, login: String::new(), problem: None },
            Self {
                shell: sample::shell("en"),
                next: next.clone(),
                login: String::new(),
                problem: None,
            },
            Self { shell: sample::shell("zh-CN"), next, login: typed, problem },
        ]
    }
}
