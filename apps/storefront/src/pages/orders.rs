//! One's own orders, newest first.

use maud::{Markup, html};
use order_api::OrderSummary;
use ui::parts::{self, price, time};
use ui::{Head, Route, Shell, document};

use crate::statuses::Status;

/// One's own orders.
pub(crate) struct OrdersPage {
    pub(crate) shell: Shell,
    pub(crate) orders: Vec<OrderSummary>,
    /// Where orders may stand; none when it could not be asked for.
    pub(crate) statuses: Vec<Status>,
    /// Only those that stand there are shown.
    pub(crate) status: Option<String>,
    /// The list's begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// Where the list goes on.
    pub(crate) next: Option<Route>,
}

pub(crate) fn render_orders(page: &OrdersPage) -> Markup {
    let OrdersPage { shell, orders, first, next, .. } = page;
    let w = shell.words();
    let main = html! {
        h1 { (w.my_orders) }
        (narrowed(page))
        @if orders.is_empty() && page.status.is_some() {
            (parts::empty(w.no_orders_in_status, Some((w.my_orders, all()))))
        } @else if orders.is_empty() {
            (parts::empty(w.no_orders, Some((w.go_shopping, Route::products()))))
        } @else {
            ul.lines.orders {
                @for order in orders {
                    li {
                        span.thumb { (parts::picture(order.image_url.as_deref(), "", w, true)) }
                        div.what {
                            a.title href=(Route::Order { id: order.id }) { (order.title) }
                            span.quiet { (w.units(order.units)) " · " (time(order.created_at, w.lang)) }
                            span { span.status { (w.status(&order.status, &order.status_label)) } }
                        }
                        span.sum { (price(order.total)) }
                    }
                }
            }
        }
        (parts::pager(w, first.clone(), next.clone()))
    };
    document(shell, &Head { title: w.my_orders, ..Head::default() }, &main)
}

const fn all() -> Route {
    Route::Orders { cursor: None }
}

/// Where orders stand, to choose from. Nothing while there are none at all.
fn narrowed(page: &OrdersPage) -> Markup {
    let w = page.shell.words();
    let chosen = page.status.as_deref();
    html! {
        @if !page.statuses.is_empty() && (chosen.is_some() || !page.orders.is_empty()) {
            nav.chips aria-label=(w.narrow_orders) {
                a href=(all()) aria-current=[chosen.is_none().then_some("true")] { (w.all_orders) }
                @for (name, text) in &page.statuses {
                    @let to = Route::OrdersIn { status: name.clone(), cursor: None };
                    a href=(to) aria-current=[(chosen == Some(name)).then_some("true")] { (text) }
                }
            }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for OrdersPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let begin = Route::Orders { cursor: None };
        let next = Route::Orders { cursor: Some("abc".to_owned().into()) };
        let full = Self {
            shell: sample::shell("en"),
            orders: sample::order_summaries(),
            statuses: vec![("PAID".into(), "<Paid>".into()), ("SENT".into(), "Sent".into())],
            status: None,
            first: Some(begin),
            next: Some(next),
        };
        let page = |locale: &str, status: Option<&str>| Self {
            shell: sample::shell(locale),
            orders: vec![],
            statuses: full.statuses.clone(),
            status: status.map(str::to_owned),
            first: None,
            next: None,
        };
        let (none, none_there) = (page("zh-CN", None), page("en", Some("SENT")));
        vec![full, none, none_there]
    }
}
