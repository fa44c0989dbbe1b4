//! Delivering one run: messages of one aggregate, one after the other, until one fails. Runs of one message
//! each may go together; then each has its own outcome all the same.

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

    /// Its only message, when it may be delivered together with others: one that has failed before goes
    /// alone, so that it never takes others with it twice.
    pub(super) fn lone(&self) -> Option<&Row> {
        match self.rows.as_slice() {
            [row] if row.attempts == 0 => Some(row),
            _ => None,
        }
    }

    /// Whether it may be delivered together with runs of one message each, of one tenant and topic: each of
    /// another aggregate, since a timer is a run of its own.
    pub(super) fn goes_with(&self, runs: &[Self]) -> bool {
        let Some(row) = self.lone() else { return false };
        let (tenant, topic) = (&row.message.tenant, &row.message.topic);
        runs.iter().flat_map(|run| &run.rows).all(|other| {
            let message = &other.message;
            message.tenant == *tenant
                && message.topic == *topic
                && other.key.aggregate != row.key.aggregate
        })
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
    let options = &shared.options;
    let end = shared.clock().now().plus(options.deliver_at_most() + options.pace);
    end > lease_until || shared.tasks.token().is_cancelled()
}

/// Delivers the messages of runs of one each together, as far as there is time.
pub(super) async fn deliver_together(runs: Vec<Run>, shared: Arc<Shared>) -> Vec<Settled> {
    let (mut settled, mut going) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
    for run in runs {
        if out_of_time(&shared, run.lease_until) {
            settled.push(run.untouched());
        } else {
            going.push(run);
        }
    }
    let rows = || going.iter().flat_map(|run| &run.rows);
    let messages: Vec<_> = rows().map(|row| Arc::new(row.message.clone())).collect();
    let delivery = shared.deliver.deliver_many(&messages, shared.options.deliver_within);
    let mut results = match in_time(&shared, delivery).await {
        Ok(results) => results.into_iter(),
        Err(e) => vec![Err(e); messages.len()].into_iter(),
    };
    let mut messages = messages.iter();
    for run in going {
        let mut items = Vec::with_capacity(run.rows.len());
        for (row, message) in run.rows.into_iter().zip(messages.by_ref()) {
            let missing = || Err(ConsumeError::retry("nothing was said of its delivery"));
            let outcome = outcome(&shared, message, results.next().unwrap_or_else(missing));
            items.push(item(row, outcome));
        }
        settled.push(Settled { owner: run.owner, items });
    }
    settled
}

async fn attempt(shared: &Shared, row: &Row) -> Outcome {
    let message = Arc::new(row.message.clone());
    let delivery = shared.deliver.deliver(&message, shared.options.deliver_within);
    let result = in_time(shared, delivery).await.flatten();
    outcome(shared, &message, result)
}

async fn in_time<T>(shared: &Shared, delivery: impl Future<Output = T>) -> Result<T, ConsumeError> {
    let delivery = AssertUnwindSafe(delivery).catch_unwind();
    match tokio::time::timeout(shared.options.deliver_at_most(), delivery).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(ConsumeError::retry("the delivery panicked")),
        Err(_) => Err(ConsumeError::retry("the delivery ran out of time")),
    }
}

fn outcome(shared: &Shared, message: &Message, result: Result<Delivered, ConsumeError>) -> Outcome {
    match result {
        Ok(delivered) => {
            count_success(shared, message, delivered);
            Outcome::Done
        }
        Err(e) => failed(shared, message, e),
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
