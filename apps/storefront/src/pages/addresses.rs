//! The address book: the list, and the form of one address.

use maud::{Markup, html};
use member_api::SavedAddress;
use types::{Address, AddressId};
use ui::layout::csrf_field;
use ui::parts::{self, Tone, notice};
use ui::routes::Done;
use ui::{Head, Route, Shell, document};

use super::Errors;
use super::account::told;
use super::address::{address_fields, address_text};

/// The address book.
pub(crate) struct AddressesPage {
    pub(crate) shell: Shell,
    /// The default first.
    pub(crate) addresses: Vec<SavedAddress>,
    /// What has just been done.
    pub(crate) done: Option<Done>,
}

pub(crate) fn render_addresses(page: &AddressesPage) -> Markup {
    let AddressesPage { shell, addresses, done } = page;
    let w = shell.words();
    let above = [(w.my_account.to_owned(), Route::Account { done: None })];
    let main = html! {
        (parts::crumbs(w.you_are_here, &above, w.addresses))
        h1 { (w.addresses) }
        @if let Some(done) = done { (told(*done, w)) }
        @if addresses.is_empty() {
            (parts::empty(w.no_addresses, Some((w.add_address, Route::AddressNew))))
        } @else {
            ul.book { @for saved in addresses { (entry(shell, saved)) } }
            p { a.button href=(Route::AddressNew) { (w.add_address) } }
        }
    };
    document(shell, &Head { title: w.addresses, ..Head::default() }, &main)
}

fn entry(shell: &Shell, saved: &SavedAddress) -> Markup {
    let (w, id, address) = (shell.words(), saved.id, &saved.address);
    // several buttons of one page must not have one name
    let whose = [": ", &address.name, ", ", &address.street].concat();
    html! {
        li.panel {
            p {
                strong { (address.name) }
                @if saved.is_default { " " span.status.good { (w.default_address) } }
            }
            p { (address_text(&Address { name: String::new(), ..address.clone() })) }
            div.row {
                a.button.quiet.small href=(Route::Address { id }) {
                    (w.edit) span.vh { (whose) }
                }
                @if !saved.is_default {
                    form method="post" action=(Route::AddressDefault { id }) {
                        (csrf_field(shell))
                        button.quiet.small type="submit" { (w.make_default) span.vh { (whose) } }
                    }
                }
                form method="post" action=(Route::AddressDelete { id }) {
                    (csrf_field(shell))
                    button.danger.small type="submit" data-confirm=(w.delete_address_sure) {
                        (w.delete) span.vh { (whose) }
                    }
                }
            }
        }
    }
}

/// The form of one address.
pub(crate) struct AddressPage {
    pub(crate) shell: Shell,
    /// Which one is edited; a new one without.
    pub(crate) id: Option<AddressId>,
    /// As it was typed.
    pub(crate) address: Address,
    /// Whether it is to be offered first.
    pub(crate) is_default: bool,
    pub(crate) errors: Errors,
    /// Why it was not saved.
    pub(crate) problem: Option<String>,
}

pub(crate) fn render_address(page: &AddressPage) -> Markup {
    let AddressPage { shell, id, address, errors, .. } = page;
    let w = shell.words();
    let title = if id.is_some() { w.edit_address } else { w.add_address };
    let to = match id {
        Some(id) => Route::Address { id: *id },
        None => Route::Addresses { done: None },
    };
    let above = [
        (w.my_account.to_owned(), Route::Account { done: None }),
        (w.addresses.to_owned(), Route::Addresses { done: None }),
    ];
    let main = html! {
        (parts::crumbs(w.you_are_here, &above, title))
        div.narrow {
            h1 { (title) }
            @if let Some(problem) = &page.problem {
                (notice(Tone::Bad, &html! { p { (problem) } }))
            }
            form method="post" action=(to) {
                (csrf_field(shell))
                (address_fields(address, errors, true, w))
                div.check {
                    input #f-is_default type="checkbox" name="is_default" value="1"
                        checked[page.is_default];
                    label for="f-is_default" { (w.make_default) }
                }
                button type="submit" { (w.save) }
            }
            p { a href=(Route::Addresses { done: None }) { (w.back_to_addresses) } }
        }
    };
    document(shell, &Head { title, ..Head::default() }, &main)
}

#[cfg(test)]
impl super::sample::Samples for AddressesPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, done| Self {
            shell: sample::shell(locale),
            addresses: sample::addresses(),
            done,
        };
        let mut two = page("zh-CN", Some(Done::AddressSaved));
        two.addresses.extend(sample::addresses().into_iter().map(|a| SavedAddress {
            id: AddressId::from_i64(43).unwrap(),
            is_default: false,
            ..a
        }));
        let mut none = page("en", Some(Done::AddressDeleted));
        none.addresses.clear();
        vec![page("en", None), two, none]
    }
}

#[cfg(test)]
impl super::sample::Samples for AddressPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let saved = sample::addresses().remove(0);
        let page = |locale: &str, id| Self {
            shell: sample::shell(locale),
            id,
            address: saved.address.clone(),
            is_default: true,
            errors: Errors::default(),
            problem: None,
        };
        let mut wrong = page("en", None);
        wrong.problem = Some("<no>".into());
        wrong.errors.add("city", "<wrong>");
        vec![page("zh-CN", Some(saved.id)), page("en", None), wrong]
    }
}
