//! A message for samples of pages. Used by tests only.

use kit::{Place, Timestamp};
use messages_api::{MessageInfo, MessageState};

pub(crate) const AT: Timestamp = Timestamp::from_millis(1_763_690_000_000);

pub(crate) fn message(state: MessageState) -> MessageInfo {
    MessageInfo {
        service: "order".to_owned(),
        id: "order:117883621376000000:1763690000000000".to_owned(),
        topic: "order.<no>".to_owned(),
        aggregate_type: "order".to_owned(),
        aggregate_id: "117883621376000000".to_owned(),
        place: Place::new(4, 7).unwrap(),
        state,
        attempts: 16,
        created_at: AT,
        deliver_at: (state == MessageState::Delayed).then_some(AT),
        next_at: AT,
        last_error: Some("inventory.release: <no> ".repeat(20)),
        request_id: "<request>".to_owned(),
    }
}
