//! Delivering one run: messages of one aggregate, one after the other, until one fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use kit::Timestamp;

use crate::deliver::{ConsumeError, Delivered};
use crate::message::Message;
use crate::relay::Shared;
use crate::store::{Item, Outcome, Row, Settled};

/// Claimed messages of one aggregate, in order.
pub(super) struct Run {
    pub(super) owner: Arc<str>,
    pub(super) lease_until: Timestamp,
    pub(super) rows: Vec<Row>,
}

impl Run {
    /// Gives the run back without having tried it.
    pub(super) fn untouched(self) -> Settled {
        let mut items = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let behind = !items.is_empty();
            items.push(item(row, Outcome::Untouched { behind }));
        }
        Settled { owner: self.owner, items }
    }

    /// Delivers what there is time for.
    pub(super) async fn deliver(self, shared: Arc<Shared>) -> Settled {
        let mut items = Vec::with_capacity(self.rows.len());
        let mut halted = false;
        for row in self.rows {
            let outcome = if halted {
                Outcome::Untouched { behind: true }
            } else if out_of_time(&shared, self.lease_until) {
                Outcome::Untouched { behind: false }
            } else {
                attempt(&shared, &row).await
            };
            halted = outcome != Outcome::Done;
            items.push(item(row, outcome));
        }
        Settled { owner: self.owner, items }
    }
}

fn item(row: Row, outcome: Outcome) -> Item {
    let immediate = row.message.deliver_at.is_none();
    Item { attempts: row.message.attempt, key: row.key, immediate, outcome }
}

/// Whether the lease could end during a delivery that begins now, or the process is stopping.
fn out_of_time(shared: &Shared, lease_until: Timestamp) -> bool {
    let end = shared.clock().now().plus(shared.options.deliver_at_most());
    end > lease_until || shared.tasks.token().is_cancelled()
}

async fn attempt(shared: &Shared, row: &Row) -> Outcome {
    let message = Arc::new(row.message.clone());
    let options = &shared.options;
    let delivery = shared.deliver.deliver(&message, options.deliver_within);
    let delivery = AssertUnwindSafe(delivery).catch_unwind();
    let result = match tokio::time::timeout(options.deliver_at_most(), delivery).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ConsumeError::retry("the delivery panicked")),
        Err(_) => Err(ConsumeError::retry("the delivery ran out of time")),
    };
    match result {
        Ok(delivered) => {
            count_success(shared, &message, delivered);
            Outcome::Done
        }
        Err(e) => failed(shared, &message, e),
    }
}

fn count_success(shared: &Shared, message: &Message, delivered: Delivered) {
    let source = message.source.clone();
    let due = message.deliver_at.map_or(message.created_at, |at| at.max(message.created_at));
    let lag = shared.clock().now().since(due);
    metrics::histogram!("outbox_lag_seconds", "database" => source.clone()).record(lag);
    let outcome = if delivered.consumers == 0 { "unrouted" } else { "delivered" };
    metrics::counter!("outbox_messages_total", "database" => source, "outcome" => outcome)
        .increment(1);
}

fn failed(shared: &Shared, message: &Message, e: ConsumeError) -> Outcome {
    let options = &shared.options;
    let error = e.to_string();
    let dead = e.is_permanent() || message.attempt >= options.attempts_max;
    let outcome = if dead { "dead" } else { "retry" };
    metrics::counter!("outbox_messages_total", "database" => message.source.clone(), "outcome" => outcome)
        .increment(1);
    if dead {
        tracing::error!(
            tenant = %message.tenant, message.id = %message.id, message.topic, message.attempt, error,
            "a message is dead and waits for an operator; unless it is a timer, its aggregate waits with it"
        );
        return Outcome::Dead { error };
    }
    // Without randomness the pause is its shortest; that must not stop the relay.
    let random = shared.entropy.next_u64().unwrap_or_default();
    let after = options.backoff.pause(message.attempt, random);
    tracing::warn!(
        tenant = %message.tenant, message.id = %message.id, message.topic, message.attempt, error,
        retry_after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        "a message was not delivered and will be tried again"
    );
    Outcome::Retry { after, error }
}
