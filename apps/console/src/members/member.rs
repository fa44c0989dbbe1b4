//! One member and what they ordered. Address books are their owners' own: no service shows them to staff.

use maud::{Markup, html};
use member_api::MemberInfo;
use order_api::OrderSummary;
use ui::parts::{self, Tone, notice};

use super::routes::Route;
use super::words::Words;
use crate::layout::{Head, Shell, document};

/// What is known of a member's orders.
#[derive(Debug, Clone)]
pub(crate) enum Orders {
    /// The reader may not see orders.
    Hidden,
    /// They cannot be asked for right now.
    Away,
    /// A page of them.
    Found {
        /// The orders, newest first.
        orders: Vec<OrderSummary>,
        /// The begin, when this is not it.
        first: Option<Route>,
        /// The next page.
        next: Option<Route>,
    },
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct MemberPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Who.
    pub(crate) member: MemberInfo,
    /// What they ordered.
    pub(crate) orders: Orders,
}

/// The page.
pub(crate) fn render_member(page: &MemberPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let MemberInfo { login, name, locale, created_at, .. } = &page.member;
    let main = html! {
        p { a href=(Route::List { login: None, cursor: None }) { "← " (w.to_members) } }
        section.panel aria-label=(w.profile) {
            dl.terms {
                dt { (w.login) } dd { (login) }
                dt { (w.name) } dd { @if name.is_empty() { span.quiet { (w.unnamed) } } @else { (name) } }
                dt { (w.language) }
                dd {
                    @match locale {
                        Some(locale) => (ui::layout::name_of(locale)),
                        None => span.quiet { (w.no_language) },
                    }
                }
                dt { (w.member_since) } dd { (parts::time(*created_at, page.shell.reader.lang)) }
            }
        }
        @match &page.orders {
            Orders::Hidden => {}
            Orders::Away => section {
                h2 { (w.orders) }
                (notice(Tone::Bad, &html! { p { (w.orders_away) } }))
            },
            Orders::Found { orders, first, next } => section {
                h2 { (w.orders) }
                @if orders.is_empty() { p.quiet { (w.no_orders) } } @else { (table(page, orders, w)) }
                (parts::pager(ui::Words::of(page.shell.reader.lang), first.as_ref(), next.as_ref()))
            },
        }
    };
    let title = if name.is_empty() { login } else { name };
    document(&page.shell, &Head { title, ..Head::default() }, &main)
}

fn table(page: &MemberPage, orders: &[OrderSummary], w: &Words) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(w.orders) {
            table {
                thead {
                    tr {
                        th scope="col" { (w.order) }
                        th scope="col" { (w.status) }
                        th scope="col" { (w.content) }
                        th.num scope="col" { (w.total) }
                        th scope="col" { (w.placed_at) }
                    }
                }
                tbody {
                    @for order in orders {
                        tr {
                            td { a href=(Route::Order { id: order.id }) { (order.id) } }
                            td { span.tag { (order.status_label) } }
                            td { (order.title) " · " (w.units(order.units)) }
                            td.num { (parts::price(order.total)) }
                            td { (parts::time(order.created_at, page.shell.reader.lang)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) fn sample(login: &str, name: &str) -> MemberInfo {
    MemberInfo {
        id: types::MemberId::from_i64(5).unwrap(),
        login: login.to_owned(),
        name: name.to_owned(),
        locale: (!name.is_empty()).then(|| "zh-CN".parse().unwrap()),
        created_at: kit::Timestamp::from_millis(1_763_690_000_000),
    }
}

#[cfg(test)]
impl crate::samples::Samples for MemberPage {
    fn samples() -> Vec<Self> {
        let order = |status_label: &str| OrderSummary {
            id: types::OrderId::from_i64(178_004_525_690_003_460).unwrap(),
            status: "PAID".to_owned(),
            status_label: status_label.to_owned(),
            title: "Red <wrong> roses".to_owned(),
            image_url: None,
            units: 2,
            total: kit::Money::new(129_900, "CNY".parse().unwrap()).unwrap(),
            created_at: kit::Timestamp::from_millis(1_763_690_000_000),
        };
        let of = |locale: &str, name: &str, orders| Self {
            shell: Shell {
                section: Some(crate::nav::Section::Members),
                ..crate::samples::shell(locale)
            },
            member: sample("lucy.chen@example.com", name),
            orders,
        };
        let id = types::MemberId::from_i64(5).unwrap();
        let paged = Orders::Found {
            orders: vec![order("Paid"), order("<no>")],
            first: Some(Route::Member { id, cursor: None }),
            next: Some(Route::Member { id, cursor: Some(kit::Cursor::encode(&5)) }),
        };
        let none = Orders::Found { orders: vec![], first: None, next: None };
        vec![
            of("en", "Lucy <Lee>", paged.clone()),
            of("zh-CN", "", paged),
            of("en", "", none),
            of("zh-CN", "Lucy", Orders::Away),
            of("en", "Lucy", Orders::Hidden),
        ]
    }
}
