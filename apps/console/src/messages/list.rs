//! How many messages there are, and a list of those in one state.

use kit::Cursor;
use maud::{Markup, html};
use messages_api::{MessageInfo, MessageRef, MessageState, ServiceMessages};
use types::OrderId;
use ui::parts::{Tone, empty, notice, pager, time};

use super::routes::{Route, Which};
use super::words::Words;
use crate::layout::{Head, Shell, csrf_field, document};
use crate::nav;

/// The states that have a list.
pub(crate) const TABS: [MessageState; 3] =
    [MessageState::Dead, MessageState::Pending, MessageState::Delayed];
/// As much of an error stands in a list, in characters.
const ERROR_MAX: usize = 160;

/// A list of messages.
#[derive(Debug, Clone)]
pub(crate) struct MessagesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// How many there are.
    pub(crate) summary: Vec<ServiceMessages>,
    /// Which are listed.
    pub(crate) which: Which,
    /// They.
    pub(crate) messages: Vec<MessageInfo>,
    /// Whether this is not the first page.
    pub(crate) is_on: bool,
    /// Where the list goes on.
    pub(crate) next: Option<Cursor>,
    /// How many were just tried again.
    pub(crate) retried: Option<u64>,
}

/// The page.
pub(crate) fn render_messages(page: &MessagesPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        @if let Some(n) = page.retried { (notice(Tone::Info, &html! { p { (w.retried_now(n)) } })) }
        p { (w.messages_text) }
        div.messages #messages-summary data-live-part {
            (summary(page, w))
            (tabs(page, w))
        }
        p.quiet { (about(page.which.state, w)) }
        (filter(page, w))
        div.messages #messages-list data-live-part {
            (rows(page, w))
            @if page.which.state == MessageState::Dead && !page.messages.is_empty() {
                (retry_all(page, w))
            }
        }
    };
    let live = page.shell.may("orders:read").then(|| nav::Route::Events.to_string());
    document(&page.shell, &Head { title: w.messages, live, ..Head::default() }, &main)
}

const fn about(state: MessageState, w: &Words) -> &'static str {
    match state {
        MessageState::Pending => w.pending_text,
        MessageState::Delayed => w.delayed_text,
        _ => w.dead_text,
    }
}

fn count(of: &ServiceMessages, state: MessageState) -> u64 {
    match state {
        MessageState::Pending => of.pending,
        MessageState::Delayed => of.delayed,
        _ => of.dead,
    }
}

fn summary(page: &MessagesPage, w: &Words) -> Markup {
    html! {
        section aria-labelledby="by-service" {
            h2 #by-service { (w.by_service) }
            div.table tabindex="0" role="region" aria-label=(w.by_service) { table {
                thead { tr {
                    th scope="col" { (w.service) }
                    @for state in TABS { th.number scope="col" { (w.state(state)) } }
                    th scope="col" { (w.oldest) }
                } }
                tbody { @for service in &page.summary { tr {
                    th scope="row" { (service.service) }
                    @for state in TABS { td.number { (number(service, state, w)) } }
                    td {
                        @if let Some(at) = service.oldest_pending_at {
                            (time(at, page.shell.reader.lang))
                        }
                    }
                } } }
            } }
        }
    }
}

/// A number that leads to its messages.
fn number(of: &ServiceMessages, state: MessageState, w: &Words) -> Markup {
    let n = count(of, state);
    let which = Which { service: Some(of.service.clone()), ..Which::all(state) };
    let label = [&of.service, ", ", w.state(state), ": ", &n.to_string()].concat();
    html! {
        @if n == 0 {
            span.quiet { "0" }
        } @else {
            a.tag.bad[state == MessageState::Dead] href=(Route::list(which)) aria-label=(label) { (n) }
        }
    }
}

fn tabs(page: &MessagesPage, w: &Words) -> Markup {
    html! {
        nav.tabs aria-label=(w.state) {
            @for state in TABS {
                @let total: u64 = page.summary.iter().map(|s| count(s, state)).sum();
                @let which = Which { state, ..page.which.clone() };
                a href=(Route::list(which)) aria-current=[(page.which.state == state).then_some("page")] {
                    (w.state(state)) " (" (total) ")"
                }
            }
        }
    }
}

/// Narrows the list. Whatever is chosen stands in the address.
fn filter(page: &MessagesPage, w: &Words) -> Markup {
    let chosen = page.which.service.as_deref();
    html! {
        form.filters method="get" action=(super::routes::pattern::LIST) {
            input type="hidden" name="state" value=(page.which.state.name());
            div.field {
                label for="f-service" { (w.service) }
                select #f-service name="service" {
                    option value="" { (w.all_services) }
                    @for service in &page.summary {
                        option value=(service.service) selected[chosen == Some(&*service.service)] {
                            (service.service)
                        }
                    }
                }
            }
            div.field {
                label for="f-topic" { (w.topic) }
                input #f-topic name="topic" maxlength="128" autocomplete="off"
                    value=(page.which.topic.as_deref().unwrap_or_default());
            }
            button.quiet type="submit" { (w.filter) }
        }
    }
}

fn retry_all(page: &MessagesPage, w: &Words) -> Markup {
    let is_narrow = page.which.service.is_some() || page.which.topic.is_some();
    html! {
        @if page.shell.may("messages:write") {
            form method="post" action=(Route::RetryAll) {
                (csrf_field(&page.shell))
                input type="hidden" name="service" value=(page.which.service.as_deref().unwrap_or_default());
                input type="hidden" name="topic" value=(page.which.topic.as_deref().unwrap_or_default());
                button type="submit" data-confirm=(w.retry_question) {
                    (if is_narrow { w.retry_these } else { w.retry_all })
                }
            }
        }
    }
}

fn rows(page: &MessagesPage, w: &Words) -> Markup {
    let (when, none) = match page.which.state {
        MessageState::Pending => (w.next_try, w.none_pending),
        MessageState::Delayed => (w.due_at, w.none_delayed),
        _ => (w.dead_since, w.none_dead),
    };
    let words = ui::Words::of(page.shell.reader.lang);
    let list = |cursor| Route::List { which: page.which.clone(), cursor, retried: None };
    html! {
        @if page.messages.is_empty() {
            (empty(none, None))
        } @else {
            div.table tabindex="0" role="region" aria-label=(w.messages) { table {
                thead { tr {
                    th scope="col" { (w.topic) } th scope="col" { (w.service) }
                    th scope="col" { (w.about) } th scope="col" { (when) }
                    @if page.which.state != MessageState::Delayed {
                        th.number scope="col" { (w.attempts) } th scope="col" { (w.error) }
                    }
                } }
                tbody { @for message in &page.messages { (row(message, page)) } }
            } }
        }
        (pager(words, page.is_on.then(|| list(None)), page.next.clone().map(|next| list(Some(next)))))
    }
}

fn row(message: &MessageInfo, page: &MessagesPage) -> Markup {
    let name = MessageRef { service: message.service.clone(), id: message.id.clone() };
    let is_timer = page.which.state == MessageState::Delayed;
    let at = if is_timer { message.deliver_at.unwrap_or(message.next_at) } else { message.next_at };
    html! {
        tr {
            td { a href=(Route::Show { message: name, done: None }) { code { (message.topic) } } }
            td { (message.service) }
            td { (thing(message, &page.shell)) }
            td { (time(at, page.shell.reader.lang)) }
            @if !is_timer {
                td.number { (message.attempts) }
                td { (beginning(message.last_error.as_deref().unwrap_or_default())) }
            }
        }
    }
}

/// What a message is about; an order can be looked at.
pub(crate) fn thing(message: &MessageInfo, shell: &Shell) -> Markup {
    let is_order = message.aggregate_type == "order" && shell.may("orders:read");
    let order: Option<OrderId> = is_order.then(|| message.aggregate_id.parse().ok()).flatten();
    html! {
        (message.aggregate_type) " "
        @if let Some(order) = order {
            a href=(crate::orders::routes::Route::Order(order)) { code { (message.aggregate_id) } }
        } @else {
            code { (message.aggregate_id) }
        }
    }
}

/// As much of an error as a list has room for.
fn beginning(error: &str) -> String {
    match error.char_indices().nth(ERROR_MAX) {
        Some((end, _)) => [&error[..end], "…"].concat(),
        None => error.to_owned(),
    }
}

#[cfg(test)]
impl crate::samples::Samples for MessagesPage {
    fn samples() -> Vec<Self> {
        use staff_api::Role;

        use super::sample;
        let service = |service: &str, dead| ServiceMessages {
            service: service.to_owned(),
            pending: 2,
            delayed: 1_204,
            dead,
            oldest_pending_at: Some(sample::AT),
        };
        let of = |locale, role, state| Self {
            shell: crate::samples::shell_as(locale, role),
            summary: vec![service("order", 3), service("payment", 0)],
            which: Which::all(state),
            messages: vec![sample::message(state); 3],
            is_on: false,
            next: Some(Cursor::encode(&5)),
            retried: None,
        };
        let narrow = Which {
            state: MessageState::Dead,
            service: Some("order".to_owned()),
            topic: Some("<no>".to_owned()),
        };
        let dead = of("en", Role::Owner, MessageState::Dead);
        vec![
            dead.clone(),
            Self { which: narrow, is_on: true, next: None, retried: Some(1), ..dead },
            of("zh-CN", Role::ReadOnly, MessageState::Pending),
            of("en", Role::Operations, MessageState::Delayed),
            Self {
                messages: Vec::new(),
                next: None,
                ..of("zh-CN", Role::Owner, MessageState::Dead)
            },
        ]
    }
}
