//! The dashboard: orders and money over time, orders by state, what runs low, messages that are stuck.

use kit::{Money, Timestamp};
use maud::{Markup, html};
use messages_api::ServiceMessages;
use search_api::StatusCount;
use types::SkuId;
use ui::format;
use ui::parts::{Tone, notice};

use super::chart::{Bar, columns, rows};
use super::range::Range;
use super::words::Words;
use crate::layout::{Head, Shell, document};
use crate::nav::Route;

/// What a panel shows, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Panel<T> {
    /// This.
    Known(T),
    /// The reader may not see it: there is no panel.
    Hidden,
    /// Whoever knows did not answer; the rest of the page does not wait.
    Away,
}

/// Orders of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sales {
    /// How many.
    pub(crate) orders: u64,
    /// What was paid for them.
    pub(crate) revenue: Money,
    /// Begin, orders and money of every step.
    pub(crate) steps: Vec<(Timestamp, u64, Money)>,
    /// How many stand where.
    pub(crate) by_status: Vec<StatusCount>,
}

/// A sku that runs low.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Low {
    /// Which.
    pub(crate) id: SkuId,
    /// Its product, with the variant; its number when the catalogue does not know it.
    pub(crate) name: String,
    /// Units that can be ordered.
    pub(crate) available: i64,
    /// Units that orders hold.
    pub(crate) reserved: i64,
}

/// The dashboard.
#[derive(Debug, Clone)]
pub(crate) struct HomePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The period.
    pub(crate) range: Range,
    /// Orders.
    pub(crate) sales: Panel<Sales>,
    /// What runs low, and below which number.
    pub(crate) low: Panel<(i64, Vec<Low>)>,
    /// Messages between services.
    pub(crate) messages: Panel<Vec<ServiceMessages>>,
}

/// The page.
pub(crate) fn render_home(page: &HomePage) -> Markup {
    let (shell, w) = (&page.shell, Words::of(page.shell.reader.lang));
    let live = shell.may("orders:read").then(|| Route::Events.to_string());
    let main = html! {
        (panel(&page.sales, w, |sales| sales_panel(page, sales, w)))
        div.panels {
            (panel(&page.low, w, |(below, low)| low_panel(*below, low, w)))
            (panel(&page.messages, w, |messages| messages_panel(shell, messages, w)))
        }
    };
    let head = Head { title: shell.words().dashboard, live, ..Head::default() };
    document(shell, &head, &main)
}

fn panel<T>(panel: &Panel<T>, w: &Words, render: impl Fn(&T) -> Markup) -> Markup {
    match panel {
        Panel::Known(known) => render(known),
        Panel::Hidden => html! {},
        Panel::Away => notice(Tone::Info, &html! { p { (w.not_now) } }),
    }
}

fn sales_panel(page: &HomePage, sales: &Sales, w: &Words) -> Markup {
    let lang = page.shell.reader.lang;
    let count = i64::try_from(sales.orders).unwrap_or(i64::MAX).max(1);
    let average = Money::new(sales.revenue.amount() / count, sales.revenue.currency());
    let bars = |of: &dyn Fn(u64, Money) -> (u64, String)| -> Vec<Bar> {
        let bar = |(at, orders, money): &(Timestamp, u64, Money)| {
            let (value, text) = of(*orders, *money);
            Bar { name: page.range.name(*at, lang), value, text }
        };
        sales.steps.iter().map(bar).collect()
    };
    let orders = bars(&|orders, _| (orders, orders.to_string()));
    let amount = |m: Money| u64::try_from(m.amount()).unwrap_or(0);
    let money = bars(&|_, money| (amount(money), format::money(money)));
    html! {
        section #sales data-live-part {
            nav.period aria-label=(w.period) {
                @for range in Range::ALL {
                    a.button.quiet href=(Route::HomeOf { days: range.days() })
                        aria-current=[(range == page.range).then_some("true")] { (range_name(range, w)) }
                }
            }
            dl.figures {
                div { dt { (w.orders) } dd { (sales.orders) } }
                div { dt { (w.revenue) } dd { (format::money(sales.revenue)) } }
                @if let Ok(average) = average {
                    div { dt { (w.average) } dd { (format::money(average)) } }
                }
            }
            div.panels {
                section.panel { h2 { (w.orders_by_time) } (columns(w.orders_by_time, &orders)) }
                section.panel { h2 { (w.revenue_by_time) } (columns(w.revenue_by_time, &money)) }
                section.panel { h2 { (w.by_state) } (by_state(&sales.by_status, w)) }
            }
            (values(page, sales, w))
        }
    }
}

fn by_state(states: &[StatusCount], w: &Words) -> Markup {
    let bar = |s: &StatusCount| {
        let name = if s.status_label.is_empty() { &s.status } else { &s.status_label };
        Bar { name: name.clone(), value: s.orders, text: s.orders.to_string() }
    };
    let bars: Vec<Bar> = states.iter().map(bar).collect();
    html! {
        @if bars.is_empty() { p.quiet { (w.no_orders) } } @else { (rows(w.by_state, &bars)) }
    }
}

/// What the charts show, for whoever does not see them or wants the numbers.
fn values(page: &HomePage, sales: &Sales, w: &Words) -> Markup {
    html! {
        details {
            summary { (w.values) }
            div.table tabindex="0" role="region" aria-label=(w.values) {
                table {
                    thead { tr {
                        th scope="col" { (w.time) }
                        th.number scope="col" { (w.orders) }
                        th.number scope="col" { (w.revenue) }
                    } }
                    tbody {
                        @for (at, orders, money) in &sales.steps {
                            tr {
                                td { (page.range.name(*at, page.shell.reader.lang)) }
                                td.number { (orders) }
                                td.number { (format::money(*money)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

const fn range_name(range: Range, w: &Words) -> &'static str {
    match range {
        Range::Day => w.last_day,
        Range::Week => w.last_week,
        Range::Month => w.last_month,
    }
}

fn low_panel(below: i64, low: &[Low], w: &Words) -> Markup {
    html! {
        section.panel {
            h2 { (w.low_stock) }
            @if low.is_empty() {
                p.quiet { (w.low_stock_none) }
            } @else {
                p.quiet { (w.low_stock_text(below)) }
                div.table tabindex="0" role="region" aria-label=(w.low_stock) {
                    table {
                        thead { tr {
                            th scope="col" { (w.product) }
                            th.number scope="col" { (w.available) }
                            th.number scope="col" { (w.reserved) }
                        } }
                        tbody {
                            @for sku in low {
                                tr {
                                    td { a href=(crate::stock::routes::Route::sku(sku.id)) { (sku.name) } }
                                    td.number { (sku.available) }
                                    td.number { (sku.reserved) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn messages_panel(shell: &Shell, messages: &[ServiceMessages], w: &Words) -> Markup {
    let stuck = |m: &&ServiceMessages| m.dead > 0 || m.pending > 0;
    let oldest = messages.iter().filter_map(|m| m.oldest_pending_at).min();
    html! {
        section.panel {
            h2 { (w.messages) }
            @if messages.iter().any(|m| stuck(&m)) {
                @if let Some(at) = oldest {
                    p.quiet { (w.waits_since(&format::date_time(at, shell.reader.lang))) }
                }
                div.table tabindex="0" role="region" aria-label=(w.messages) {
                    table {
                        thead { tr {
                            th scope="col" { (w.service) }
                            th.number scope="col" { (w.waiting) }
                            th.number scope="col" { (w.delayed) }
                            th.number scope="col" { (w.dead) }
                        } }
                        tbody {
                            @for of in messages.iter().filter(stuck) {
                                tr {
                                    td { (of.service) }
                                    td.number { (of.pending) }
                                    td.number { (of.delayed) }
                                    td.number { @if of.dead > 0 { span.tag.bad { (of.dead) } } @else { "0" } }
                                }
                            }
                        }
                    }
                }
            } @else {
                p.quiet { (w.messages_none) }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for HomePage {
    fn samples() -> Vec<Self> {
        use staff_api::Role;
        let cny = |amount| Money::new(amount, "CNY".parse().unwrap()).unwrap();
        let at = |hour: u32| testkit::BEGIN.plus(std::time::Duration::from_secs(3_600) * hour);
        let state = |status: &str, orders| StatusCount {
            status: status.to_owned(),
            status_label: format!("<{status}>"),
            is_final: false,
            orders,
        };
        let sales = Sales {
            orders: 41,
            revenue: cny(1_234_500),
            steps: (0..24).map(|n| (at(n), u64::from(n % 5), cny(i64::from(n) * 900))).collect(),
            by_status: vec![state("PAID", 31), state("CLOSED", 10)],
        };
        let id = SkuId::from_i64(77).unwrap();
        let low = Low { id, name: "Rose <wrong>".to_owned(), available: 0, reserved: 2 };
        let messages = |dead| ServiceMessages {
            service: "order".to_owned(),
            pending: 3,
            delayed: 12,
            dead,
            oldest_pending_at: Some(at(1)),
        };
        let full = Self {
            shell: crate::samples::shell("en"),
            range: Range::Day,
            sales: Panel::Known(sales),
            low: Panel::Known((10, vec![low])),
            messages: Panel::Known(vec![messages(2)]),
        };
        let nothing = Sales {
            orders: 0,
            revenue: cny(0),
            steps: (0..7).map(|n| (at(n * 24), 0, cny(0))).collect(),
            by_status: Vec::new(),
        };
        let empty = Self {
            shell: crate::samples::shell("zh-CN"),
            range: Range::Week,
            sales: Panel::Known(nothing),
            low: Panel::Known((10, Vec::new())),
            messages: Panel::Known(Vec::new()),
        };
        let away = Self {
            shell: crate::samples::shell_as("en", Role::Warehouse),
            range: Range::Month,
            sales: Panel::Away,
            low: Panel::Away,
            messages: Panel::Hidden,
        };
        vec![full, empty, away]
    }
}
