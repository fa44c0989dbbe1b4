//! One's own account: who one is here, what one may do, and another password.

use maud::{Markup, html};
use staff_api::StaffMember;
use ui::Errors;
use ui::parts::{self, Field, Tone, field, notice};

use super::routes::{Done, Route};
use super::words::{Words, by_area};
use crate::layout::{Head, Shell, csrf_field, document, role_label};

/// One's own account.
#[derive(Debug, Clone)]
pub(crate) struct AccountPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Who signed in; nobody when it is a program.
    pub(crate) me: Option<StaffMember>,
    /// What was just done.
    pub(crate) done: Option<Done>,
    /// Why what was wanted was not done.
    pub(crate) problem: Option<String>,
    /// What is wrong with the form. What was typed are secrets, so it is not kept.
    pub(crate) errors: Errors,
}

/// The page.
pub(crate) fn render_account(page: &AccountPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        @if let Some(done) = page.done { (notice(Tone::Info, &html! { p { (done.text(w)) } })) }
        @if let Some(problem) = &page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        section.panel {
            @match &page.me {
                Some(me) => (who(page, me, w)),
                None => p { (w.program_text) },
            }
        }
        @if page.me.is_some() { (password_form(page, w)) }
        section.panel {
            h2 { (w.your_permissions) }
            div.areas {
                @for area in by_area(&page.shell.actor) {
                    div.area {
                        @if let Some(first) = area.first() { p.label { (w.area(first)) } }
                        ul {
                            @for permission in area {
                                li { (w.allows(permission)) " " code.quiet { (permission.name) } }
                            }
                        }
                    }
                }
            }
        }
    };
    document(&page.shell, &Head { title: w.account, ..Head::default() }, &main)
}

fn who(page: &AccountPage, me: &StaffMember, w: &Words) -> Markup {
    html! {
        dl.terms {
            dt { (w.name) } dd { (me.name) }
            dt { (w.login) } dd { (me.login) }
            dt { (w.role) } dd { (role_label(me.role, page.shell.words())) }
            dt { (w.since) } dd { (parts::time(me.created_at, page.shell.reader.lang)) }
        }
    }
}

fn password_form(page: &AccountPage, w: &Words) -> Markup {
    let of = |name, label, autocomplete, hint| {
        field(&Field {
            name,
            label,
            hint,
            autocomplete,
            kind: "password",
            required: true,
            error: page.errors.of(name),
            length_max: 128,
            ..Field::default()
        })
    };
    html! {
        section.panel {
            h2 { (w.change_password) }
            p.quiet { (w.change_password_text) }
            form.act method="post" action=(Route::Password) {
                (csrf_field(&page.shell))
                (of("current", w.current_password, "current-password", ""))
                (of("new", w.new_password, "new-password", w.bad_password))
                (of("again", w.new_password_again, "new-password", ""))
                button type="submit" { (w.change_password) }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for AccountPage {
    fn samples() -> Vec<Self> {
        use staff_api::Role;
        let of = |locale: &str, role: Role| Self {
            shell: crate::samples::shell_as(locale, role),
            me: Some(super::people::sample(7, "Ann <Lee>", role)),
            done: None,
            problem: None,
            errors: Errors::default(),
        };
        let w = Words::of(ui::Lang::En);
        let refused = Self {
            errors: Errors::one("current", w.wrong_password),
            problem: Some(w.look_below.to_owned()),
            ..of("en", Role::Owner)
        };
        let done = Self { done: Some(Done::Password), ..of("zh-CN", Role::Warehouse) };
        let program = Self {
            shell: Shell { staff: None, ..crate::samples::shell("en") },
            me: None,
            ..of("en", Role::Owner)
        };
        vec![of("en", Role::CustomerService), refused, done, program]
    }
}
