//! The list of orders over all members: asks for it, and shows it.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use kit::{Cursor, Limit, Money, Timestamp};
use maud::{Markup, html};
use search_api::{FindOrders, OrderFigures, OrderHit, OrderStats};
use types::MemberId;
use ui::format;
use ui::forms::{choice, length};
use ui::parts::{Field, field, pager, picture, price, time};

use super::routes::{Filter, Route};
use super::words::Words;
use crate::App;
use crate::layout::{Head, Shell, document};
use crate::nav::{self, Section};
use crate::web::{Answer, Failure, Fields, Visit, page};

/// Orders on a page.
const PER_PAGE: u32 = 30;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// The days of which the states are counted when the reader has chosen none.
const LATELY_DAYS: u32 = 30;

/// The list of orders.
#[derive(Debug, Clone)]
pub(crate) struct OrdersPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What it is narrowed to.
    pub(crate) filter: Filter,
    /// Whether the first and the last day are none.
    pub(crate) wrong_days: (bool, bool),
    /// The states there are, with their words and how many orders are in them.
    pub(crate) states: Vec<(String, String, u64)>,
    /// How many orders and what was paid for them, where that is known of exactly what is listed.
    pub(crate) figures: Option<(u64, Money)>,
    /// The orders.
    pub(crate) orders: Vec<OrderHit>,
    /// The begin of the list, from further on.
    pub(crate) first: Option<String>,
    /// Where it goes on.
    pub(crate) next: Option<String>,
}

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let filter = read(&visit.query);
    let (from, to) = (day(&filter.from), day(&filter.to));
    let wrong_days = (from.is_err(), to.is_err());
    let mut shown = OrdersPage {
        shell: visit.shell(Some(Section::Orders)),
        wrong_days,
        states: Vec::new(),
        figures: None,
        orders: Vec::new(),
        first: None,
        next: None,
        filter,
    };
    let (Ok(from), Ok(to)) = (from, to) else {
        return Ok(page(StatusCode::BAD_REQUEST, render_orders(&shown)));
    };
    // the last day is part of what is asked for
    let to = to.map(|t| t.plus(DAY));
    let cursor = visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()));
    let filter = &shown.filter;
    let (text, member_id) = whose(&app, &visit, filter).await?;
    let wanted = FindOrders {
        text,
        status: Some(filter.status.clone()).filter(|s| !s.is_empty()),
        member_id,
        payment_method: Some(filter.method.clone()).filter(|m| !m.is_empty()),
        from,
        to,
        cursor: cursor.clone(),
        limit: Limit::new(PER_PAGE).unwrap_or_default(),
    };
    let (period, chosen) = period(from, to, app.deps.clock.now());
    let found = app.deps.search.find_orders(&visit.ctx, wanted);
    let figures = app.figures.sales(&visit.ctx, period);
    let (found, figures) = futures::join!(found, figures);
    let found = found?;
    // the list is worth showing without them
    let figures = figures.ok();
    shown.states = figures.as_deref().map(|f| states(f, &visit)).unwrap_or_default();
    shown.figures = figures.filter(|_| counts(filter, chosen)).map(|f| (f.orders, f.revenue));
    let at = |cursor| Route::List { filter: filter.clone(), cursor }.to_string();
    shown.first = cursor.map(|_| at(None));
    shown.next = found.next_cursor.map(|c| at(Some(c)));
    shown.orders = found.items;
    Ok(page(StatusCode::OK, render_orders(&shown)))
}

/// Whose orders are meant, and the words that are left to be found. An e-mail address means the member who
/// signs in with it; search knows no logins. Of a login that there is not, the words themselves are looked for.
async fn whose(
    app: &App,
    visit: &Visit,
    filter: &Filter,
) -> Result<(String, Option<MemberId>), Failure> {
    let text = filter.text.clone();
    if filter.member.is_some() || !text.contains('@') || !visit.may("members:read") {
        return Ok((text, filter.member));
    }
    let limit = Limit::new(1).unwrap_or_default();
    let request = member_api::List { login: Some(text.clone()), cursor: None, limit };
    let found = app.deps.members.list(&visit.ctx, request).await?;
    Ok(match found.items.first() {
        Some(member) => (String::new(), Some(member.id)),
        None => (text, None),
    })
}

fn read(query: &Fields) -> Filter {
    let text = |name: &str| query.text(name).to_owned();
    Filter {
        text: query.text("q").chars().take(search_api::TEXT_MAX).collect(),
        status: text("status"),
        method: text("method"),
        from: text("from"),
        to: text("to"),
        member: query.get("member").and_then(|m| m.parse().ok()),
    }
}

/// The begin of a day in UTC; nothing for nothing.
fn day(text: &str) -> Result<Option<Timestamp>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != "2026-03-31".len() {
        return Err(());
    }
    let begin = serde_json::Value::String([text, "T00:00:00Z"].concat());
    serde_json::from_value(begin).map(Some).map_err(|_| ())
}

/// Which orders are counted, and whether the reader has chosen them.
fn period(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> (OrderStats, bool) {
    let max = DAY * search_api::STATS_DAYS_MAX;
    match (from, to) {
        (Some(from), Some(to)) if from < to && to.since(from) <= max => {
            (OrderStats { from, to }, true)
        }
        _ => {
            // the same for everybody within the hour, so that it is counted once
            let now = Timestamp::from_micros(now.micros().div_euclid(HOUR) * HOUR);
            (OrderStats { from: now.minus(DAY * LATELY_DAYS), to: now.plus(DAY) }, false)
        }
    }
}

/// Whether the figures are those of exactly what is listed, or of the whole list lately.
fn counts(filter: &Filter, chosen: bool) -> bool {
    let days = Filter { from: filter.from.clone(), to: filter.to.clone(), ..Filter::default() };
    filter.is_empty() || (chosen && *filter == days)
}

fn states(figures: &OrderFigures, visit: &Visit) -> Vec<(String, String, u64)> {
    let words = ui::Words::of(visit.reader.lang);
    let state = |s: &search_api::StatusCount| {
        (s.status.clone(), words.status(&s.status, &s.status_label), s.orders)
    };
    figures.by_status.iter().map(state).collect()
}

/// The page.
pub(crate) fn render_orders(page: &OrdersPage) -> Markup {
    let (shell, w) = (&page.shell, Words::of(page.shell.reader.lang));
    let main = html! {
        (filters(page, w))
        div #orders data-live-part {
            @if let Some((n, money)) = &page.figures {
                @let (n, money) = (i64::try_from(*n).unwrap_or(i64::MAX), format::money(*money));
                p.quiet {
                    @if page.filter.is_empty() { (w.counted_lately(n, &money)) }
                    @else { (w.counted(n, &money)) }
                }
            }
            @if page.orders.is_empty() {
                div.empty {
                    p { @if page.filter.is_empty() { (w.no_orders) } @else { (w.no_orders_match) } }
                    @if !page.filter.is_empty() { p { a.button href=(Route::list()) { (w.clear) } } }
                }
            } @else {
                (table(page, w))
            }
        }
        (pager(ui::Words::of(shell.reader.lang), page.first.as_deref(), page.next.as_deref()))
    };
    let live = Some(nav::Route::Events.to_string());
    document(shell, &Head { title: w.orders, live, ..Head::default() }, &main)
}

fn filters(page: &OrdersPage, w: &Words) -> Markup {
    let filter = &page.filter;
    let wrong = |is: bool| is.then_some(w.not_a_day);
    let mut states = vec![("", w.any.to_owned())];
    states.extend(
        page.states.iter().map(|(code, label, n)| (code.as_str(), format!("{label} ({n})"))),
    );
    if !states.iter().any(|(value, _)| *value == filter.status) {
        states.push((&filter.status, filter.status.clone()));
    }
    let methods = [("", w.any), ("card", w.pay_card), ("cash_on_delivery", w.pay_cash)];
    html! {
        form.filters method="get" action=(Route::list()) aria-label=(w.filters) {
            (field(&Field {
                name: "q", label: w.find_text, value: &filter.text, kind: "search",
                placeholder: w.find_hint, length_max: length(search_api::TEXT_MAX), ..Field::default()
            }))
            (choice("status", w.status, &filter.status, states))
            (choice("method", w.payment_method, &filter.method, methods))
            (field(&Field {
                name: "from", label: w.from_day, value: &filter.from, kind: "date",
                error: wrong(page.wrong_days.0), ..Field::default()
            }))
            (field(&Field {
                name: "to", label: w.to_day, value: &filter.to, kind: "date",
                error: wrong(page.wrong_days.1), ..Field::default()
            }))
            @if let Some(member) = filter.member {
                input type="hidden" name="member" value=(member);
                span.tag { (w.member_no(&member.to_string())) }
            }
            button type="submit" { (w.filter) }
            @if !filter.is_empty() { a.button.quiet href=(Route::list()) { (w.clear) } }
        }
    }
}

fn table(page: &OrdersPage, w: &Words) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(w.orders) {
            table {
                thead { tr {
                    th scope="col" { (w.order) }
                    th scope="col" { (w.status) }
                    th scope="col" { (w.placed) }
                    th scope="col" { (w.member) }
                    th scope="col" { (w.payment_method) }
                    th.number scope="col" { (w.total) }
                    th.number scope="col" { (w.paid) }
                } }
                tbody { @for order in &page.orders { (row(order, page, w)) } }
            }
        }
    }
}

fn row(order: &OrderHit, page: &OrdersPage, w: &Words) -> Markup {
    let lang = page.shell.reader.lang;
    let words = ui::Words::of(lang);
    html! {
        tr {
            td {
                div.thing {
                    span.thumb { (picture(order.image_url.as_deref(), "", words, true)) }
                    span {
                        a href=(Route::Order(order.id)) { strong { (order.id) } }
                        br;
                        (order.title) " "
                        span.quiet { (w.units(order.units.into())) }
                    }
                }
            }
            td { (state(&words.status(&order.status, &order.status_label), order.is_final)) }
            td { (time(order.created_at, lang)) }
            td { a href=(Route::of_member(order.member_id)) { (order.member_id) } }
            td { (method(&order.payment_method, w)) }
            td.number { (price(order.total)) }
            td.number { (price(order.paid)) }
        }
    }
}

/// Where an order stands.
pub(super) fn state(label: &str, is_final: bool) -> Markup {
    html! { span.tag.busy[!is_final] { (label) } }
}

fn method<'a>(name: &'a str, w: &Words) -> &'a str {
    match name {
        "card" => w.pay_card,
        "cash_on_delivery" => w.pay_cash,
        other => other,
    }
}

#[cfg(test)]
impl crate::samples::Samples for OrdersPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let empty = Self {
            shell: crate::samples::shell("en"),
            filter: Filter::default(),
            wrong_days: (false, false),
            states: Vec::new(),
            figures: None,
            orders: Vec::new(),
            first: None,
            next: None,
        };
        let full = Self {
            states: vec![("PAID".to_owned(), "<no>".to_owned(), 3)],
            figures: Some((41, sample::cny(1_234_500))),
            orders: vec![sample::hit("PAID", false), sample::hit("COMPLETED", true)],
            next: Some("/console/orders?cursor=abc".to_owned()),
            ..empty.clone()
        };
        let filter = Filter {
            text: "<no>".to_owned(),
            status: "GONE".to_owned(),
            method: "card".to_owned(),
            from: "<wrong>".to_owned(),
            to: "2026-02-30".to_owned(),
            member: types::MemberId::from_i64(7).ok(),
        };
        let wrong = Self { filter: filter.clone(), wrong_days: (true, true), ..empty.clone() };
        let chinese = Self {
            shell: crate::samples::shell("zh-CN"),
            filter: Filter { from: "2026-03-01".to_owned(), ..filter },
            first: Some("/console/orders".to_owned()),
            ..full.clone()
        };
        vec![empty, full, wrong, chinese]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_or_is_refused() {
        assert_eq!(day(""), Ok(None));
        assert!(day("2026-03-31").is_ok_and(|d| d.is_some()));
        for wrong in ["2026-02-30", "31.03.2026", "2026-3-31", "yesterday", "2026-03-31T1"] {
            assert_eq!(day(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn figures_are_shown_only_where_they_are_those_of_the_list() {
        let now = Timestamp::from_millis(1_763_690_000_000);
        let day_of = |n: u32| Some(now.minus(DAY * n));
        assert!(period(day_of(3), day_of(1), now).1);
        let lately = period(None, None, now).0;
        assert_eq!(lately, period(None, None, now.plus(Duration::from_secs(60))).0);
        assert!(lately.from < now && now < lately.to);
        assert!(!period(day_of(300), day_of(1), now).1 && !period(day_of(1), day_of(3), now).1);
        let text = Filter { text: "rose".to_owned(), ..Filter::default() };
        assert!(counts(&Filter::default(), false) && !counts(&text, true));
        let days = Filter { from: "a".to_owned(), ..Filter::default() };
        assert!(counts(&days, true) && !counts(&days, false));
    }
}
