//! The credentials of programs, with the forms that make one and end one.

use std::collections::BTreeSet;

use maud::{Markup, html};
use staff_api::{Credential, PermissionInfo};
use ui::Errors;
use ui::format::date_time;
use ui::parts::{self, Field, Tone, field, notice};

use super::routes::{Done, Route};
use super::words::{Words, by_area};
use crate::layout::{Head, Shell, csrf_field, document};

/// The credentials.
#[derive(Debug, Clone)]
pub(crate) struct CredentialsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The credentials, newest first.
    pub(crate) credentials: Vec<Credential>,
    /// The begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// The next page.
    pub(crate) next: Option<Route>,
    /// What was just done.
    pub(crate) done: Option<Done>,
    /// Why what was wanted was not done.
    pub(crate) problem: Option<String>,
    /// What a new one is for, as it was typed.
    pub(crate) name: String,
    /// What a new one may do, as it was chosen.
    pub(crate) chosen: BTreeSet<String>,
    /// What is wrong with it.
    pub(crate) errors: Errors,
}

/// The page.
pub(crate) fn render_credentials(page: &CredentialsPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        @if let Some(done) = page.done { (notice(Tone::Info, &html! { p { (done.text(w)) } })) }
        @if let Some(problem) = &page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        p.quiet { (w.credentials_text) }
        @if page.credentials.is_empty() {
            (parts::empty(w.no_credentials, None))
        } @else {
            (table(page, w))
        }
        (parts::pager(ui::Words::of(page.shell.reader.lang), page.first.as_ref(), page.next.as_ref()))
        @if page.shell.may("staff:write") { (create_form(page, w)) }
    };
    document(&page.shell, &Head { title: w.credentials, ..Head::default() }, &main)
}

fn table(page: &CredentialsPage, w: &Words) -> Markup {
    let (lang, may_write) = (page.shell.reader.lang, page.shell.may("staff:write"));
    html! {
        div.table tabindex="0" role="region" aria-label=(w.credentials) {
            table.cards {
                thead {
                    tr {
                        th scope="col" { (w.credential_for) }
                        th scope="col" { (w.allowed) }
                        th scope="col" { (w.made_at) }
                        th scope="col" { (w.state) }
                        @if may_write { th scope="col" { span.vh { (w.revoke) } } }
                    }
                }
                tbody {
                    @for credential in &page.credentials {
                        tr {
                            td { (credential.name) }
                            td {
                                ul.tags { @for p in &credential.permissions { li { code.tag { (p) } } } }
                            }
                            td { (parts::time(credential.created_at, lang)) }
                            td {
                                @match credential.revoked_at {
                                    None => span.tag.good { (w.holds) },
                                    Some(at) => span.tag { (w.revoked_at(&date_time(at, lang))) },
                                }
                            }
                            @if may_write {
                                td {
                                    @if credential.revoked_at.is_none() {
                                        (revoke_form(page, credential, w))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Opening it and reading what follows is the step that asks whether it is meant.
fn revoke_form(page: &CredentialsPage, credential: &Credential, w: &Words) -> Markup {
    html! {
        details.change {
            summary { (w.revoke) "…" span.vh { " " (credential.name) } }
            form method="post" action=(Route::Revoke { id: credential.id }) {
                (csrf_field(&page.shell))
                p.hint { (w.revoke_text) }
                button.danger.small type="submit" { (w.revoke) }
            }
        }
    }
}

fn create_form(page: &CredentialsPage, w: &Words) -> Markup {
    let error = page.errors.of("permissions");
    html! {
        section.panel {
            h2 { (w.new_credential) }
            form.act method="post" action=(Route::Credentials { cursor: None, done: None }) {
                (csrf_field(&page.shell))
                (field(&Field {
                    name: "name", label: w.credential_for, value: &page.name,
                    hint: w.credential_name_hint, required: true, error: page.errors.of("name"),
                    length_max: 100, ..Field::default()
                }))
                fieldset.choices aria-describedby=(if error.is_some() { "f-permissions-error" } else { "f-permissions-hint" }) {
                    legend { (w.may) }
                    @match error {
                        Some(error) => p.error id="f-permissions-error" { (error) },
                        None => p.hint id="f-permissions-hint" { (w.may_hint) },
                    }
                    @for area in by_area(&page.shell.actor) {
                        (area_choices(page, &area, w))
                    }
                }
                button type="submit" { (w.create) }
            }
        }
    }
}

fn area_choices(page: &CredentialsPage, area: &[&PermissionInfo], w: &Words) -> Markup {
    let name = area.first().map(|p| w.area(p)).unwrap_or_default();
    html! {
        div.area role="group" aria-label=(name) {
            p.label { (name) }
            @for permission in area {
                label.check {
                    input type="checkbox" name="permissions" value=(permission.name)
                        checked[page.chosen.contains(permission.name)];
                    span { (w.allows(permission)) " " code.quiet { (permission.name) } }
                }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for CredentialsPage {
    fn samples() -> Vec<Self> {
        use staff_api::Role;
        let at = kit::Timestamp::from_millis(1_763_690_000_000);
        let credential = |id: i64, name: &str, revoked_at| Credential {
            id: types::CredentialId::from_i64(id).unwrap(),
            name: name.to_owned(),
            permissions: ["stock:*", "orders:read", "products:read"].map(str::to_owned).to_vec(),
            created_at: at,
            revoked_at,
        };
        let of = |locale: &str, reader: Role, credentials| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Credentials),
                ..crate::samples::shell_as(locale, reader)
            },
            credentials,
            first: None,
            next: None,
            done: None,
            problem: None,
            name: String::new(),
            chosen: BTreeSet::new(),
            errors: Errors::default(),
        };
        let both = vec![credential(5, "ERP <wrong>", None), credential(6, "Old ERP", Some(at))];
        let w = Words::of(ui::Lang::En);
        let refused = Self {
            name: "<no>".to_owned(),
            chosen: BTreeSet::from(["stock:read".to_owned()]),
            errors: Errors::one("permissions", w.bad_permissions),
            problem: Some(w.look_below.to_owned()),
            next: Some(Route::Credentials { cursor: Some(kit::Cursor::encode(&5)), done: None }),
            first: Some(Route::Credentials { cursor: None, done: None }),
            ..of("en", Role::Owner, both.clone())
        };
        let done = Self { done: Some(Done::Revoked), ..of("zh-CN", Role::Owner, both.clone()) };
        vec![
            of("en", Role::Owner, both.clone()),
            of("zh-CN", Role::Owner, vec![]),
            refused,
            done,
            of("en", Role::ReadOnly, both),
        ]
    }
}
