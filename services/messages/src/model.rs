//! What an outbox's entry looks like to a tenant, and what may be asked. No IO.

use kit::{Cursor, Timestamp};
use messages_api::{MessageInfo, MessageState, REASON_MAX};
use outbox::admin::{Entry, Filter, State};
use rpc::Fault;
use serde::{Deserialize, Serialize};

/// Where a list over several outboxes goes on: the service, and where in its own list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    pub service: String,
    pub inside: Option<Cursor>,
}

/// The state and, for pending ones, whether they are due.
pub fn filter(state: MessageState) -> Filter {
    let (state, due) = match state {
        MessageState::Pending => (State::Pending, Some(true)),
        MessageState::Delayed => (State::Pending, Some(false)),
        MessageState::Dead => (State::Dead, None),
        MessageState::Done => (State::Done, None),
        MessageState::Undecided => (State::Undecided, None),
    };
    Filter { state: Some(state), due, ..Filter::default() }
}

/// How an entry stands at `now`.
fn state(entry: &Entry, now: Timestamp) -> MessageState {
    match entry.state {
        State::Pending if entry.deliver_at.is_some_and(|at| at > now) => MessageState::Delayed,
        State::Pending => MessageState::Pending,
        State::Dead => MessageState::Dead,
        State::Done => MessageState::Done,
        State::Undecided => MessageState::Undecided,
    }
}

/// What a tenant sees of an entry.
pub fn info(service: &str, entry: Entry, now: Timestamp) -> MessageInfo {
    MessageInfo {
        state: state(&entry, now),
        service: service.to_owned(),
        id: entry.id.to_string(),
        aggregate_id: entry.id.aggregate_id.to_string(),
        aggregate_type: entry.id.aggregate_type,
        topic: entry.topic,
        place: entry.place,
        attempts: entry.attempts,
        created_at: entry.created_at,
        deliver_at: entry.deliver_at,
        next_at: entry.next_at,
        last_error: entry.last_error,
        request_id: entry.request_id,
    }
}

/// A topic that is asked for. What no topic contains is refused: not every engine can look for it.
pub fn topic(topic: Option<String>) -> Result<Option<String>, Fault> {
    match &topic {
        Some(name) if name.chars().any(char::is_control) => {
            Err(Fault::invalid("topic", "without control characters"))
        }
        _ => Ok(topic),
    }
}

/// A reason as it is kept: one line, not empty, not too long.
pub fn reason(text: &str) -> Result<String, Fault> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Err(Fault::invalid("/reason", "say why it is discarded"));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::invalid("/reason", "without control characters"));
    }
    if text.chars().count() > REASON_MAX {
        return Err(Fault::invalid("/reason", format!("{REASON_MAX} characters at most")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_no_engine_need_look_for_is_refused() {
        assert_eq!(topic(Some("order.paid".to_owned())).unwrap().as_deref(), Some("order.paid"));
        assert_eq!(topic(Some("order\0".to_owned())).unwrap_err().fields[0].pointer, "topic");
        assert_eq!(topic(None).unwrap(), None);
    }

    #[test]
    fn a_reason_is_one_line_and_says_something() {
        assert_eq!(reason("  sent \n twice ").unwrap(), "sent twice");
        assert!(reason(" \n ").is_err() && reason("sent\0twice").is_err());
        assert!(reason(&"x".repeat(REASON_MAX)).is_ok());
        assert_eq!(reason(&"货".repeat(REASON_MAX + 1)).unwrap_err().fields[0].pointer, "/reason");
    }
}
