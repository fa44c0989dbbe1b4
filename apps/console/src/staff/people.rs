//! Who works here, with the forms that change it, and who may what.

use maud::{Markup, html};
use staff_api::{Role, StaffMember};
use ui::Errors;
use ui::parts::{self, Field, Tone, field, notice};

use super::Words;
use super::matrix::matrix;
use super::routes::{Done, Route};
use crate::layout::{Head, Shell, csrf_field, document, role_label};
use crate::text::Words as Desk;

/// Somebody to add, as it was typed; never the password.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPerson {
    /// What they sign in with.
    pub(crate) login: String,
    /// Their name.
    pub(crate) name: String,
    /// Their role; none chosen yet.
    pub(crate) role: Option<Role>,
}

/// Who works here.
#[derive(Debug, Clone)]
pub(crate) struct PeoplePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The reader: nobody changes himself here.
    pub(crate) me: i64,
    /// Everybody, by login.
    pub(crate) people: Vec<StaffMember>,
    /// The begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// The next page.
    pub(crate) next: Option<Route>,
    /// What was just done.
    pub(crate) done: Option<Done>,
    /// Why what was wanted was not done.
    pub(crate) problem: Option<String>,
    /// Somebody to add, as it was typed.
    pub(crate) form: NewPerson,
    /// What is wrong with it.
    pub(crate) errors: Errors,
}

/// The page.
pub(crate) fn render_people(page: &PeoplePage) -> Markup {
    let (desk, w) = (page.shell.words(), Words::of(page.shell.reader.lang));
    let main = html! {
        @if let Some(done) = page.done { (notice(Tone::Info, &html! { p { (done.text(w)) } })) }
        @if let Some(problem) = &page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        p.quiet { (w.staff_text) }
        (table(page, desk, w))
        (parts::pager(ui::Words::of(page.shell.reader.lang), page.first.as_ref(), page.next.as_ref()))
        @if page.shell.may("staff:write") { (add_form(page, desk, w)) }
        section {
            h2 { (w.who_may_what) }
            p.quiet { (w.who_may_what_text) }
            (matrix(desk, w))
        }
    };
    document(&page.shell, &Head { title: w.staff, ..Head::default() }, &main)
}

fn table(page: &PeoplePage, desk: &Desk, w: &Words) -> Markup {
    let may_write = page.shell.may("staff:write");
    html! {
        div.table tabindex="0" role="region" aria-label=(w.staff) {
            table.one-line.cards {
                thead {
                    tr {
                        th scope="col" { (w.name) }
                        th scope="col" { (w.login) }
                        th scope="col" { (w.role) }
                        th scope="col" { (w.state) }
                        th scope="col" { (w.since) }
                        @if may_write { th scope="col" { span.vh { (w.change) } } }
                    }
                }
                tbody {
                    @for person in &page.people {
                        tr {
                            td {
                                (person.name)
                                @if person.id.get() == page.me { " " span.tag { (w.you) } }
                            }
                            td { (person.login) }
                            td { (role_label(person.role, desk)) }
                            td { (state(person, w)) }
                            td { (parts::time(person.created_at, page.shell.reader.lang)) }
                            @if may_write {
                                td {
                                    // nobody locks himself out by accident; another owner can do it
                                    @if person.id.get() != page.me { (change_forms(page, person, desk, w)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn state(person: &StaffMember, w: &Words) -> Markup {
    html! {
        @if person.enabled { span.tag.good { (w.enabled) } } @else { span.tag.bad { (w.disabled) } }
    }
}

/// Another role, and whether somebody may sign in. Opening it and reading what follows is the step that
/// asks whether it is meant, with JavaScript or without.
fn change_forms(page: &PeoplePage, person: &StaffMember, desk: &Desk, w: &Words) -> Markup {
    let id = person.id;
    html! {
        details.change {
            summary { (w.change) span.vh { " " (person.name) } }
            form method="post" action=(Route::Role { id }) {
                (csrf_field(&page.shell))
                select name="role" aria-label={ (w.role_for) " " (person.name) } {
                    (role_options(Some(person.role), desk))
                }
                button.quiet.small type="submit" { (w.save_role) }
            }
            form method="post" action=(Route::Enabled { id }) {
                (csrf_field(&page.shell))
                input type="hidden" name="enabled" value=(!person.enabled);
                @if person.enabled {
                    p.hint { (w.disable_text) }
                    button.danger.small type="submit" { (w.disable) }
                } @else {
                    p.hint { (w.enable_text) }
                    button.quiet.small type="submit" { (w.enable) }
                }
            }
        }
    }
}

fn role_options(chosen: Option<Role>, desk: &Desk) -> Markup {
    html! {
        @for role in Role::ALL {
            option value=(role_word(role)) selected[Some(role) == chosen] { (role_label(role, desk)) }
        }
    }
}

fn add_form(page: &PeoplePage, desk: &Desk, w: &Words) -> Markup {
    let (form, errors) = (&page.form, &page.errors);
    let role_error = errors.of("role");
    html! {
        section.panel {
            h2 { (w.add_somebody) }
            form.act method="post" action=(Route::People { cursor: None, done: None }) autocomplete="off" {
                (csrf_field(&page.shell))
                div.fields {
                    (field(&Field {
                        name: "name", label: w.name, value: &form.name, required: true,
                        error: errors.of("name"), length_max: 100, ..Field::default()
                    }))
                    (field(&Field {
                        name: "login", label: w.login, value: &form.login, hint: w.login_hint,
                        required: true, error: errors.of("login"), length_max: 64, ..Field::default()
                    }))
                    div.field {
                        label for="f-role" { (w.role) }
                        select id="f-role" name="role" aria-invalid=[role_error.map(|_| "true")]
                            aria-describedby=[role_error.map(|_| "f-role-error")] {
                            // the role that may do least, unless another is chosen
                            (role_options(Some(form.role.unwrap_or(Role::ReadOnly)), desk))
                        }
                        @if let Some(error) = role_error { p.error id="f-role-error" { (error) } }
                    }
                    (field(&Field {
                        name: "password", label: w.password, kind: "password", hint: w.password_hint,
                        autocomplete: "new-password", required: true, error: errors.of("password"),
                        length_max: 128, ..Field::default()
                    }))
                }
                button type="submit" { (w.add) }
            }
        }
    }
}

/// A role as forms have it.
const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Operations => "operations",
        Role::Warehouse => "warehouse",
        Role::CustomerService => "customer_service",
        Role::ReadOnly => "read_only",
    }
}

/// Reads a role of a form.
pub(super) fn role_of(word: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|r| role_word(*r) == word)
}

#[cfg(test)]
pub(super) fn sample(id: i64, name: &str, role: Role) -> StaffMember {
    StaffMember {
        id: types::StaffId::from_i64(id).unwrap(),
        login: format!("login{id}"),
        name: name.to_owned(),
        role,
        enabled: id % 2 == 1,
        created_at: kit::Timestamp::from_millis(1_763_690_000_000),
    }
}

#[cfg(test)]
impl crate::samples::Samples for PeoplePage {
    fn samples() -> Vec<Self> {
        let of = |locale: &str, reader: Role| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Staff),
                ..crate::samples::shell_as(locale, reader)
            },
            me: 7,
            people: vec![
                sample(7, "Ann <Lee>", Role::Owner),
                sample(8, "<wrong>", Role::Warehouse),
                sample(9, "Bert", Role::CustomerService),
            ],
            first: None,
            next: None,
            done: None,
            problem: None,
            form: NewPerson::default(),
            errors: Errors::default(),
        };
        let cursor = Some(kit::Cursor::encode(&"bert"));
        let w = Words::of(ui::Lang::En);
        let refused = Self {
            form: NewPerson {
                login: "a <b>".to_owned(),
                name: "<no>".to_owned(),
                role: Some(Role::Owner),
            },
            errors: Errors::one("login", w.login_taken),
            problem: Some(w.look_below.to_owned()),
            first: Some(Route::People { cursor: None, done: None }),
            next: Some(Route::People { cursor, done: None }),
            ..of("en", Role::Owner)
        };
        let done = Self { done: Some(Done::Disabled), ..of("zh-CN", Role::Owner) };
        vec![of("en", Role::Owner), refused, done, of("zh-CN", Role::ReadOnly)]
    }
}
