//! One's own orders, newest first.

use maud::{Markup, html};
use order_api::OrderSummary;
use ui::parts::{self, price, time};
use ui::{Head, Route, Shell, document};

/// One's own orders.
pub(crate) struct OrdersPage {
    pub(crate) shell: Shell,
    pub(crate) orders: Vec<OrderSummary>,
    /// The list's begin, when this is not it.
    pub(crate) first: Option<Route>,
    /// Where the list goes on.
    pub(crate) next: Option<Route>,
}

pub(crate) fn render_orders(page: &OrdersPage) -> Markup {
    let OrdersPage { shell, orders, first, next } = page;
    let w = shell.words();
    let main = html! {
        h1 { (w.my_orders) }
        @if orders.is_empty() {
            (parts::empty(w.no_orders, Some((w.go_shopping, Route::Products { cursor: None }))))
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
    document(shell, &Head { title: w.my_orders, refresh: None }, &main)
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
            first: Some(begin),
            next: Some(next),
        };
        vec![full, Self { shell: sample::shell("zh-CN"), orders: vec![], first: None, next: None }]
    }
}
