//! The words of messages.

use messages_api::MessageState;

ui::words! {
    /// The words of messages.
    pub(crate) struct Words, used in ["src/messages"];
    "messages" {
        words {
            messages, messages_text, by_service, service, all_services, pending, delayed, dead, done,
            undecided, pending_text, delayed_text, dead_text, oldest, none_pending, none_delayed, none_dead,
            topic, about, attempts, next_try, due_at, dead_since, done_since, error, filter, sent_at, state,
            request, place, message_title, payload, payload_hidden, retry, retry_text, retry_all,
            retry_these, retry_question, discard, discard_text, discard_question, reason, reason_hint,
            reason_missing, retried_one, dropped_one, not_possible, since,
        }
        sentences {
            retried_now(n: u64),
        }
    }
}

impl Words {
    /// A state in words.
    pub(crate) const fn state(&self, state: MessageState) -> &'static str {
        match state {
            MessageState::Pending => self.pending,
            MessageState::Delayed => self.delayed,
            MessageState::Dead => self.dead,
            MessageState::Done => self.done,
            MessageState::Undecided => self.undecided,
        }
    }
}
