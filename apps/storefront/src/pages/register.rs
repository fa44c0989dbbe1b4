//! Registering.

use maud::{Markup, html};
use ui::layout::csrf_field;
use ui::parts::{Field, Tone, field, notice};
use ui::{Head, Local, Route, Shell, document};

use super::Errors;

/// Registering.
#[derive(Clone)]
pub(crate) struct RegisterPage {
    pub(crate) shell: Shell,
    /// Where to go then.
    pub(crate) next: Option<Local>,
    /// What was typed.
    pub(crate) login: String,
    /// What was typed.
    pub(crate) name: String,
    pub(crate) errors: Errors,
    /// Why it did not work, where no field is to blame.
    pub(crate) problem: Option<String>,
}

pub(crate) fn render_register(page: &RegisterPage) -> Markup {
    let RegisterPage { shell, next, login, name, errors, problem } = page;
    let w = shell.words();
    let main = html! {
        div.narrow {
            h1 { (w.register) }
            @if let Some(problem) = problem {
                (notice(Tone::Bad, &html! { p { (problem) } }))
            } @else if !errors.is_empty() {
                (notice(Tone::Bad, &html! { p { (w.look_below) } }))
            }
            form method="post" action=(Route::Register { next: next.clone() }) {
                (csrf_field(shell))
                (field(&Field {
                    name: "login", label: w.email, value: login, kind: "email",
                    autocomplete: "email", error: errors.of("login"), required: true,
                    length_max: 254, ..Field::default()
                }))
                (field(&Field {
                    name: "name", label: &[w.your_name, " (", w.optional, ")"].concat(), value: name,
                    autocomplete: "name", error: errors.of("name"), length_max: 100,
                    ..Field::default()
                }))
                (field(&Field {
                    name: "password", label: w.password, kind: "password",
                    autocomplete: "new-password", hint: w.password_hint,
                    error: errors.of("password"), required: true, length_max: 128,
                    ..Field::default()
                }))
                button type="submit" { (w.register) }
            }
            p { (w.have_account) " " a href=(Route::SignIn { next: next.clone() }) { (w.sign_in) } }
        }
    };
    document(shell, &Head { title: w.register, ..Head::default() }, &main)
}

#[cfg(test)]
impl super::sample::Samples for RegisterPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let empty = Self {
            shell: sample::shell("en"),
            next: None,
            login: String::new(),
            name: String::new(),
            errors: Errors::default(),
            problem: None,
        };
        let mut errors = Errors::default();
        errors.add("login", "<taken>");
        errors.add("password", "too short");
        let refused = Self {
            shell: sample::shell("zh-CN"),
            next: Some(Local::from(&Route::Checkout)),
            login: "x".into(),
            name: "<b>".into(),
            errors,
            problem: None,
        };
        let problem = Some("busy".to_owned());
        vec![Self { problem, ..empty.clone() }, empty, refused]
    }
}
