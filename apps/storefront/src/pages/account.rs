//! Somebody's account: what they are called, their language, their password, and the way to what is theirs.

use maud::{Markup, html};
use member_api::MemberInfo;
use types::Locale;
use ui::layout::{csrf_field, name_of};
use ui::parts::{Field, Tone, field, notice};
use ui::routes::Done;
use ui::{Head, Route, Shell, Words, document};

use super::Errors;

/// An account.
pub(crate) struct AccountPage {
    pub(crate) shell: Shell,
    pub(crate) member: MemberInfo,
    /// The name as it was typed.
    pub(crate) name: String,
    /// The language that is chosen.
    pub(crate) locale: Locale,
    pub(crate) errors: Errors,
    /// Why nothing was changed.
    pub(crate) problem: Option<String>,
    /// What has just been done.
    pub(crate) done: Option<Done>,
}

pub(crate) fn render_account(page: &AccountPage) -> Markup {
    let shell = &page.shell;
    let w = shell.words();
    let main = html! {
        h1 { (w.my_account) }
        @if let Some(problem) = &page.problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if let Some(done) = page.done { (told(done, w)) }
        nav.more aria-label=(w.my_account) {
            a.button.quiet href=(Route::Orders { cursor: None }) { (w.my_orders) }
            a.button.quiet href=(Route::Addresses { done: None }) { (w.addresses) }
        }
        div.account {
            (profile(page))
            (password(page))
            section.panel aria-labelledby="sessions" {
                h2 #sessions { (w.sign_out) }
                div.row {
                    form method="post" action=(Route::SignOut) {
                        (csrf_field(shell))
                        button.quiet type="submit" { (w.sign_out) }
                    }
                    form method="post" action=(Route::AccountSessions) {
                        (csrf_field(shell))
                        button.quiet type="submit" { (w.sign_out_everywhere) }
                    }
                }
                p.hint { (w.sign_out_everywhere_hint) }
            }
        }
    };
    document(shell, &Head { title: w.my_account, ..Head::default() }, &main)
}

/// What was done, above the page that shows it.
pub(super) fn told(done: Done, w: &Words) -> Markup {
    let text = match done {
        Done::Profile => w.profile_saved,
        Done::Password => w.password_changed,
        Done::AddressSaved => w.address_saved,
        Done::AddressDeleted => w.address_deleted,
    };
    notice(Tone::Info, &html! { p { (text) } })
}

fn profile(page: &AccountPage) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    html! {
        section.panel aria-labelledby="profile" {
            h2 #profile { (w.profile) }
            p { span.quiet { (w.email) ": " } (page.member.login) }
            form.stack method="post" action=(Route::Account { done: None }) {
                (csrf_field(shell))
                (field(&Field {
                    name: "name",
                    label: w.your_name,
                    value: &page.name,
                    autocomplete: "name",
                    error: page.errors.of("name"),
                    length_max: 100,
                    ..Field::default()
                }))
                div.field {
                    label for="f-locale" { (w.language) }
                    select #f-locale name="locale" {
                        @for locale in &shell.locales {
                            option value=(locale) selected[*locale == page.locale] lang=(locale) {
                                (name_of(locale))
                            }
                        }
                    }
                    @if let Some(error) = page.errors.of("locale") { p.error { (error) } }
                }
                p { button type="submit" { (w.save) } }
            }
        }
    }
}

fn password(page: &AccountPage) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let secret = |name, label, autocomplete, hint| Field {
        name,
        label,
        kind: "password",
        autocomplete,
        hint,
        error: page.errors.of(name),
        required: true,
        length_max: 128,
        ..Field::default()
    };
    html! {
        section.panel aria-labelledby="password" {
            h2 #password { (w.change_password) }
            form.stack method="post" action=(Route::AccountPassword) {
                (csrf_field(shell))
                // for the browser's memory of passwords: whose this one is
                input type="hidden" name="username" value=(page.member.login)
                    autocomplete="username";
                (field(&secret("current", w.current_password, "current-password", "")))
                (field(&secret("new", w.new_password, "new-password", w.password_hint)))
                p { button type="submit" { (w.change_password) } }
            }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for AccountPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, done| {
            let member = sample::member();
            Self {
                shell: sample::shell(locale),
                name: member.name.clone(),
                member,
                locale: locale.parse().unwrap(),
                errors: Errors::default(),
                problem: None,
                done,
            }
        };
        let mut wrong = page("en", None);
        wrong.problem = Some("<no>".into());
        for name in ["name", "locale", "current", "new"] {
            wrong.errors.add(name, "<wrong>");
        }
        let done = [Done::Profile, Done::Password].map(|done| page("zh-CN", Some(done)));
        [page("en", None), wrong].into_iter().chain(done).collect()
    }
}
