//! One message: how it stands, what it says, trying it again, dropping it.

use maud::{Markup, html};
use messages_api::{MessageDetail, MessageInfo, MessageRef, MessageState, REASON_MAX};
use ui::parts::{Field, Tone, field, notice, time};

use super::list::thing;
use super::routes::{Route, Which};
use super::words::Words;
use crate::layout::{Head, Shell, csrf_field, document};

/// What came of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    /// It is tried again.
    Retried,
    /// It was dropped.
    Dropped,
    /// It could not be done; why.
    Refused(String),
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct MessagePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The message.
    pub(crate) message: MessageDetail,
    /// What was typed as a reason.
    pub(crate) reason: String,
    /// What is wrong with the reason.
    pub(crate) wrong: Option<String>,
    /// What came of the last button.
    pub(crate) done: Option<Done>,
}

/// The page.
pub(crate) fn render_message(page: &MessagePage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let info = &page.message.info;
    let title = [w.message_title, " ", &info.topic].concat();
    let main = html! {
        p { a href=(Route::list(Which::all(tab(info.state)))) { (w.messages) } }
        @match &page.done {
            Some(Done::Retried) => (notice(Tone::Info, &html! { p { (w.retried_one) } })),
            Some(Done::Dropped) => (notice(Tone::Info, &html! { p { (w.dropped_one) } })),
            Some(Done::Refused(why)) => (notice(Tone::Bad, &html! { p { (w.not_possible) ": " (why) } })),
            None => {}
        }
        (facts(page, w))
        section aria-labelledby="payload" {
            h2 #payload { (w.payload) }
            @if let Some(payload) = &page.message.payload {
                pre.flow-source tabindex="0" role="region" aria-label=(w.payload) {
                    code { (format!("{payload:#}")) }
                }
            } @else {
                p.quiet { (w.payload_hidden) }
            }
        }
        @if page.shell.may("messages:write") { (forms(page, w)) }
    };
    document(&page.shell, &Head { title: &title, ..Head::default() }, &main)
}

/// The list that a message in a state stands in.
const fn tab(state: MessageState) -> MessageState {
    match state {
        MessageState::Pending | MessageState::Delayed => state,
        _ => MessageState::Dead,
    }
}

fn facts(page: &MessagePage, w: &Words) -> Markup {
    let info = &page.message.info;
    let lang = page.shell.reader.lang;
    let when = match info.state {
        MessageState::Pending | MessageState::Delayed => w.next_try,
        MessageState::Dead => w.dead_since,
        MessageState::Done => w.done_since,
        MessageState::Undecided => w.since,
    };
    let class = match info.state {
        MessageState::Dead => "tag bad",
        MessageState::Done => "tag good",
        _ => "tag busy",
    };
    html! {
        dl.terms.panel {
            dt { (w.state) } dd { span class=(class) { (w.state(info.state)) } }
            dt { (w.service) } dd { (info.service) }
            dt { (w.about) } dd { (thing(info, &page.shell)) }
            dt { (w.place) } dd { code { (info.place) } }
            dt { (w.sent_at) } dd { (time(info.created_at, lang)) }
            @if let Some(due) = info.deliver_at { dt { (w.due_at) } dd { (time(due, lang)) } }
            dt { (when) } dd { (time(info.next_at, lang)) }
            dt { (w.attempts) } dd { (info.attempts) }
            @if let Some(error) = &info.last_error { dt { (w.error) } dd { (error) } }
            dt { (w.request) } dd { code { (info.request_id) } }
        }
    }
}

fn forms(page: &MessagePage, w: &Words) -> Markup {
    let info = &page.message.info;
    let name = name(info);
    let may_drop =
        matches!(info.state, MessageState::Dead | MessageState::Pending | MessageState::Delayed);
    html! {
        @if info.state == MessageState::Dead {
            form.act.panel method="post" action=(Route::Retry(name.clone())) {
                (csrf_field(&page.shell))
                p { (w.retry_text) }
                button type="submit" { (w.retry) }
            }
        }
        @if may_drop {
            form.act.panel method="post" action=(Route::Discard(name)) {
                (csrf_field(&page.shell))
                h2 { (w.discard) }
                p { (w.discard_text) }
                (field(&Field {
                    name: "reason", label: w.reason, value: &page.reason, hint: w.reason_hint,
                    error: page.wrong.as_deref(), required: true, autocomplete: "off",
                    length_max: u32::try_from(REASON_MAX).unwrap_or(0), ..Field::default()
                }))
                button.quiet type="submit" data-confirm=(w.discard_question) { (w.discard) }
            }
        }
    }
}

fn name(info: &MessageInfo) -> MessageRef {
    MessageRef { service: info.service.clone(), id: info.id.clone() }
}

#[cfg(test)]
impl crate::samples::Samples for MessagePage {
    fn samples() -> Vec<Self> {
        use serde_json::json;
        use staff_api::Role;

        use super::sample::message;
        let of = |locale, role, state| Self {
            shell: crate::samples::shell_as(locale, role),
            message: MessageDetail {
                info: message(state),
                payload: (role == Role::Owner).then(|| json!({"address": {"name": "<no>"}})),
            },
            reason: String::new(),
            wrong: None,
            done: None,
        };
        let dead = of("en", Role::Owner, MessageState::Dead);
        vec![
            dead.clone(),
            Self { reason: "<no>".repeat(60), wrong: Some("<wrong>".to_owned()), ..dead.clone() },
            Self { done: Some(Done::Refused("<no>".to_owned())), ..dead },
            Self { done: Some(Done::Retried), ..of("zh-CN", Role::Owner, MessageState::Pending) },
            Self { done: Some(Done::Dropped), ..of("en", Role::Owner, MessageState::Done) },
            of("zh-CN", Role::ReadOnly, MessageState::Delayed),
            of("en", Role::ReadOnly, MessageState::Undecided),
        ]
    }
}
