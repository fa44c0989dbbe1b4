//! The list of members, or the one with a login.

use maud::{Markup, html};
use member_api::MemberInfo;
use ui::parts::{self, Field, field};

use super::routes::Route;
use super::words::Words;
use crate::layout::{Head, Shell, document};

/// The list.
#[derive(Debug, Clone)]
pub(crate) struct ListPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Who was looked for; empty for everybody.
    pub(crate) login: String,
    /// Who was found.
    pub(crate) members: Vec<MemberInfo>,
    /// The begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// The next page.
    pub(crate) next: Option<Route>,
}

/// The page.
pub(crate) fn render_members(page: &ListPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let all = Route::List { login: None, cursor: None };
    let main = html! {
        p.quiet { (w.members_text) }
        form.filters method="get" action=(all) role="search" {
            (field(&Field {
                name: "login", label: w.login, value: &page.login,
                inputmode: "email", length_max: 254, ..Field::default()
            }))
            div.filters-go {
                button type="submit" { (w.find) }
                @if !page.login.is_empty() { a.button.quiet href=(all) { (w.show_all) } }
            }
        }
        @if page.members.is_empty() {
            (parts::empty(if page.login.is_empty() { w.no_members } else { w.nobody_found }, None))
        } @else {
            (table(page, w))
        }
        (parts::pager(ui::Words::of(page.shell.reader.lang), page.first.as_ref(), page.next.as_ref()))
    };
    document(&page.shell, &Head { title: w.members, ..Head::default() }, &main)
}

fn table(page: &ListPage, w: &Words) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(w.members) {
            table {
                thead {
                    tr {
                        th scope="col" { (w.login) }
                        th scope="col" { (w.name) }
                        th scope="col" { (w.language) }
                        th scope="col" { (w.member_since) }
                    }
                }
                tbody {
                    @for member in &page.members {
                        tr {
                            td { a href=(Route::Member { id: member.id, cursor: None }) { (member.login) } }
                            td { (member.name) }
                            td {
                                @if let Some(locale) = &member.locale { (ui::layout::name_of(locale)) }
                            }
                            td { (parts::time(member.created_at, page.shell.reader.lang)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for ListPage {
    fn samples() -> Vec<Self> {
        let of = |locale: &str, login: &str, members| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Members),
                ..crate::samples::shell(locale)
            },
            login: login.to_owned(),
            members,
            first: None,
            next: None,
        };
        let two = vec![
            super::member::sample("lucy.chen@example.com", "Lucy <Lee>"),
            super::member::sample("<wrong>@example.com", ""),
        ];
        let cursor = Some(kit::Cursor::encode(&5));
        let paged = Self {
            first: Some(Route::List { login: None, cursor: None }),
            next: Some(Route::List { login: None, cursor }),
            ..of("en", "", two.clone())
        };
        vec![
            paged,
            of("zh-CN", "", two),
            of("en", "", vec![]),
            of("zh-CN", "<no>@example.com", vec![]),
        ]
    }
}
