//! Asks for messages, tries them again and drops them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::{Cursor, ErrorCode, Limit};
use messages_api::{Discard, ListMessages, MessageRef, RetryAll, Summary};
use rpc::Fault;

use super::detail::{Done, MessagePage, render_message};
use super::list::{MessagesPage, TABS, render_messages};
use super::routes::{Route, Which};
use super::words::Words;
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Fields, Form, Visit, page, redirect};

/// Messages on one page.
const PAGE: u32 = 50;
/// What the addresses say of what was done.
const RETRIED: &str = "retried";
const DROPPED: &str = "dropped";

/// Which messages the query or a form names.
fn which(fields: &Fields) -> Which {
    let state = TABS.into_iter().find(|s| s.name() == fields.text("state")).unwrap_or(TABS[0]);
    let text = |name| fields.get(name).map(str::to_owned);
    Which { state, service: text("service"), topic: text("topic") }
}

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let which = which(&visit.query);
    let summary = app.deps.messages.summary(&visit.ctx, Summary {}).await?;
    let cursor = visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()));
    let request = ListMessages {
        service: which.service.clone(),
        state: which.state,
        topic: which.topic.clone(),
        cursor: cursor.clone(),
        limit: Limit::new(PAGE).map_err(Fault::internal)?,
    };
    let found = app.deps.messages.list(&visit.ctx, request).await?;
    let messages = MessagesPage {
        shell: visit.shell(Some(Section::Messages)),
        summary,
        which,
        messages: found.items,
        is_on: cursor.is_some(),
        next: found.next_cursor,
        retried: visit.query.get("retried").and_then(|n| n.parse().ok()),
    };
    Ok(page(StatusCode::OK, render_messages(&messages)))
}

pub(crate) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((service, id)): Path<(String, String)>,
) -> Answer {
    let done = match visit.query.text("done") {
        RETRIED => Some(Done::Retried),
        DROPPED => Some(Done::Dropped),
        _ => None,
    };
    let message = MessageRef { service, id };
    one(&app, &visit, message, StatusCode::OK, |p| MessagePage { done, ..p }).await
}

/// The page of a message, with whatever is to be said on it.
async fn one(
    app: &App,
    visit: &Visit,
    message: MessageRef,
    status: StatusCode,
    say: impl FnOnce(MessagePage) -> MessagePage,
) -> Answer {
    let message = app.deps.messages.get(&visit.ctx, message).await?;
    let shell = visit.shell(Some(Section::Messages));
    let plain = MessagePage { shell, message, reason: String::new(), wrong: None, done: None };
    Ok(page(status, render_message(&say(plain))))
}

pub(crate) async fn retry_all(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let Which { service, topic, .. } = which(&form);
    let request = RetryAll { service: service.clone(), topic: topic.clone() };
    let answer = app.deps.messages.retry_all(&visit.ctx, request).await?;
    let which = Which { state: TABS[0], service, topic };
    redirect(Route::List { which, cursor: None, retried: Some(answer.retried) })
}

pub(crate) async fn retry(
    State(app): State<App>,
    visit: Visit,
    Path((service, id)): Path<(String, String)>,
    _: Form,
) -> Answer {
    let message = MessageRef { service, id };
    match app.deps.messages.retry(&visit.ctx, message.clone()).await {
        Ok(()) => redirect(Route::Show { message, done: Some(RETRIED) }),
        Err(fault) => refused(&app, &visit, message, fault, "").await,
    }
}

pub(crate) async fn discard(
    State(app): State<App>,
    visit: Visit,
    Path((service, id)): Path<(String, String)>,
    Form(form): Form,
) -> Answer {
    let message = MessageRef { service, id };
    let reason = form.text("reason").to_owned();
    let request = Discard { message: message.clone(), reason: reason.clone() };
    match app.deps.messages.discard(&visit.ctx, request).await {
        Ok(()) => redirect(Route::Show { message, done: Some(DROPPED) }),
        Err(fault) => refused(&app, &visit, message, fault, &reason).await,
    }
}

/// The message's page as it is now, with why it could not be done and what was typed.
async fn refused(
    app: &App,
    visit: &Visit,
    message: MessageRef,
    fault: Fault,
    reason: &str,
) -> Answer {
    let w = Words::of(visit.reader.lang);
    let is_reason = fault.fields.iter().any(|f| f.pointer == "/reason");
    let (status, wrong, done) = match fault.code {
        ErrorCode::Invalid if is_reason => {
            (StatusCode::BAD_REQUEST, Some(w.reason_missing.to_owned()), None)
        }
        ErrorCode::Conflict => (StatusCode::CONFLICT, None, Some(Done::Refused(fault.message))),
        _ => return Err(fault.into()),
    };
    let reason = reason.to_owned();
    one(app, visit, message, status, |p| MessagePage { reason, wrong, done, ..p }).await
}
