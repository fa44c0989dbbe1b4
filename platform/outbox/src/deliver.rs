//! Where messages go: the seam between the relay and a broker, and its form inside one process. Knows
//! consumers by topic; keeps no state of its own and never touches a table.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use rpc::{Ctx, Fault};
use tokio::time::Instant;

use crate::message::Message;

/// Why a consumer has not done its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsumeError {
    /// It may succeed later.
    #[error("{0}")]
    Retry(String),
    /// It will never succeed: the message goes to the dead letters at once.
    #[error("{0}")]
    Permanent(String),
}

impl ConsumeError {
    /// A failure that may pass.
    pub fn retry(why: impl Into<String>) -> Self {
        Self::Retry(why.into())
    }

    /// A failure that stays.
    pub fn permanent(why: impl Into<String>) -> Self {
        Self::Permanent(why.into())
    }

    /// Whether it stays.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent(_))
    }
}

impl From<Fault> for ConsumeError {
    /// A failed call may pass; a consumer that knows better says `permanent` itself.
    fn from(fault: Fault) -> Self {
        Self::Retry(format!("{fault:?}"))
    }
}

/// What became of a delivery that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// How many consumers took it; 0 when nobody asked for the topic.
    pub consumers: usize,
}

/// Takes messages from the relay: a router inside the process, or a broker.
#[async_trait]
pub trait Deliver: Send + Sync + 'static {
    /// Hands over one message and answers when that is safe: all consumers have succeeded, or the broker
    /// has confirmed. Takes no longer than `within`. May be dropped at any await, and may be called again
    /// with the same message.
    ///
    /// # Errors
    /// When it has not arrived everywhere.
    async fn deliver(
        &self,
        message: &Arc<Message>,
        within: Duration,
    ) -> Result<Delivered, ConsumeError>;

    /// How many messages of a topic had best be handed over together.
    fn together_max(&self, topic: &str) -> usize {
        let _ = topic;
        1
    }

    /// [`Deliver::deliver`] for messages of one tenant and topic and of different aggregates; what became of
    /// each, in their sequence. A failure is that of one message, and none waits for another.
    async fn deliver_many(
        &self,
        messages: &[Arc<Message>],
        within: Duration,
    ) -> Vec<Result<Delivered, ConsumeError>> {
        let each = messages.iter().map(|message| self.deliver(message, within));
        futures::future::join_all(each).await
    }
}

/// The work of a consumer. It is called at least once per message; [`crate::inbox::once`] in the
/// transaction of its effect makes the effect happen once.
#[async_trait]
pub trait Consume: Send + Sync + 'static {
    /// Does the work. May be dropped at any await when the deadline passes or the process stops.
    ///
    /// # Errors
    /// When it could not; the message comes again, or goes to the dead letters.
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError>;

    /// How many messages it takes together; with 1, [`Consume::consume_many`] is not called.
    fn together_max(&self) -> usize {
        1
    }

    /// Does the work of messages of one tenant and topic and of different aggregates, best in one transaction.
    /// The call carries the trace of the first of them.
    ///
    /// # Errors
    /// When it could not do all of it. Then each message is consumed alone, so that only what is wrong with
    /// one is held against it: what has been done must be known again, as when a message comes twice.
    async fn consume_many(&self, ctx: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        for message in messages {
            self.consume(ctx, message).await?;
        }
        Ok(())
    }
}

/// A named consumer and the topics it wants. The name is the key of its inbox rows: it must not change.
#[derive(Clone)]
pub struct Consumer {
    name: &'static str,
    topics: Vec<String>,
    work: Arc<dyn Consume>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Consumer({} of {:?})", self.name, self.topics)
    }
}

struct FromFn<F>(F);

#[async_trait]
impl<F, Fut> Consume for FromFn<F>
where
    F: Fn(Ctx, Message) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ConsumeError>> + Send + 'static,
{
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError> {
        (self.0)(ctx.clone(), message.clone()).await
    }
}

impl Consumer {
    /// A consumer with a type of its own.
    pub fn new(
        name: &'static str,
        topics: impl IntoIterator<Item = impl Into<String>>,
        work: impl Consume,
    ) -> Self {
        Self { name, topics: topics.into_iter().map(Into::into).collect(), work: Arc::new(work) }
    }

    /// A consumer out of a closure: `|ctx, message| async move { … }`.
    pub fn from_fn<F, Fut>(
        name: &'static str,
        topics: impl IntoIterator<Item = impl Into<String>>,
        work: F,
    ) -> Self
    where
        F: Fn(Ctx, Message) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConsumeError>> + Send + 'static,
    {
        Self::new(name, topics, FromFn(work))
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The subscriptions of one process: topic to consumers.
#[derive(Debug, Default)]
pub struct Router(BTreeMap<String, Vec<Consumer>>);

/// Two consumers with one name would share their inbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two consumers are named {0}")]
pub struct DuplicateConsumer(&'static str);

impl Router {
    /// The subscriptions of these consumers.
    ///
    /// # Errors
    /// When two have the same name.
    pub fn new(consumers: impl IntoIterator<Item = Consumer>) -> Result<Self, DuplicateConsumer> {
        let mut names = BTreeSet::new();
        let mut topics: BTreeMap<String, Vec<Consumer>> = BTreeMap::new();
        for consumer in consumers {
            if !names.insert(consumer.name) {
                return Err(DuplicateConsumer(consumer.name));
            }
            let wanted: BTreeSet<String> = consumer.topics.iter().cloned().collect();
            for topic in wanted {
                topics.entry(topic).or_default().push(consumer.clone());
            }
        }
        Ok(Self(topics))
    }

    /// The topics somebody asked for.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn consumers(&self, topic: &str) -> &[Consumer] {
        self.0.get(topic).map_or(&[], Vec::as_slice)
    }
}

#[async_trait]
impl Deliver for Router {
    async fn deliver(
        &self,
        message: &Arc<Message>,
        within: Duration,
    ) -> Result<Delivered, ConsumeError> {
        let consumers = self.consumers(&message.topic);
        let calls = consumers.iter().map(|consumer| call(consumer, message, within));
        // One that fails does not keep the others from working; the message comes again for it, and the
        // others know it by their inbox.
        together(futures::future::join_all(calls).await)
    }

    fn together_max(&self, topic: &str) -> usize {
        self.consumers(topic).iter().map(|consumer| consumer.work.together_max()).max().unwrap_or(1)
    }

    async fn deliver_many(
        &self,
        messages: &[Arc<Message>],
        within: Duration,
    ) -> Vec<Result<Delivered, ConsumeError>> {
        let Some(first) = messages.first() else { return Vec::new() };
        let calls = self.consumers(&first.topic).iter();
        let calls = calls.map(|consumer| call_many(consumer, messages, within));
        let by_consumer = futures::future::join_all(calls).await;
        let of = |n: usize| by_consumer.iter().filter_map(|of| of.get(n).cloned()).collect();
        (0..messages.len()).map(|n| together(of(n))).collect()
    }
}

/// What became of a message that was given to some consumers.
fn together(results: Vec<Result<(), ConsumeError>>) -> Result<Delivered, ConsumeError> {
    let consumers = results.len();
    let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() {
        return Ok(Delivered { consumers });
    }
    let why = failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if failures.iter().all(ConsumeError::is_permanent) {
        Err(ConsumeError::Permanent(why))
    } else {
        Err(ConsumeError::Retry(why))
    }
}

/// Gives messages to a consumer, as many together as it wants, all of them at the same time: no more than whoever
/// hands them over would give it one by one.
async fn call_many(
    consumer: &Consumer,
    messages: &[Arc<Message>],
    within: Duration,
) -> Vec<Result<(), ConsumeError>> {
    let some = messages.chunks(consumer.work.together_max().max(1));
    let calls = some.map(|some| call_some(consumer, some, within));
    futures::future::join_all(calls).await.into_iter().flatten().collect()
}

/// Gives messages to a consumer together, and what failed so one by one, in what is left of the time.
async fn call_some(
    consumer: &Consumer,
    some: &[Arc<Message>],
    within: Duration,
) -> Vec<Result<(), ConsumeError>> {
    let begun = Instant::now();
    // Half of the time, so that a batch that hangs leaves enough for what can be done alone.
    if some.len() > 1 && call_together(consumer, some, within / 2).await {
        return some.iter().map(|_| Ok(())).collect();
    }
    let left = within.saturating_sub(begun.elapsed());
    let each = some.iter().map(|message| call(consumer, message, left));
    futures::future::join_all(each).await
}

/// Whether all went well together.
async fn call_together(consumer: &Consumer, some: &[Arc<Message>], within: Duration) -> bool {
    let Some(first) = some.first() else { return true };
    let ctx = ctx_of(consumer, first, within);
    let work = AssertUnwindSafe(consumer.work.consume_many(&ctx, some)).catch_unwind();
    let failure = match tokio::time::timeout(within, work).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(e))) => Some(e.to_string()),
        Ok(Err(_)) => Some("the consumer panicked".to_owned()),
        Err(_) => Some("the consumer ran out of time".to_owned()),
    };
    let name = consumer.name;
    match failure {
        None => count(name, "ok", some.len()),
        Some(error) => {
            tracing::info!(consumer = name, error, "messages are consumed one by one");
            metrics::counter!("outbox_batches_failed_total", "consumer" => name).increment(1);
            return false;
        }
    }
    true
}

fn ctx_of(consumer: &Consumer, message: &Message, within: Duration) -> Ctx {
    let mut salt = DefaultHasher::new();
    (consumer.name, message.id.seq, message.attempt).hash(&mut salt);
    let trace = message.trace.child(salt.finish());
    Ctx {
        request_id: message.request_id.clone(),
        ..Ctx::system(message.tenant.clone(), consumer.name, within, trace)
    }
}

fn count(consumer: &'static str, outcome: &'static str, messages: usize) {
    metrics::counter!("outbox_consumed_total", "consumer" => consumer, "outcome" => outcome)
        .increment(messages as u64);
}

async fn call(
    consumer: &Consumer,
    message: &Arc<Message>,
    within: Duration,
) -> Result<(), ConsumeError> {
    let name = consumer.name;
    let ctx = ctx_of(consumer, message, within);
    let work = AssertUnwindSafe(consumer.work.consume(&ctx, message)).catch_unwind();
    let result = match tokio::time::timeout(within, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ConsumeError::retry("the consumer panicked")),
        Err(_) => Err(ConsumeError::retry("the consumer ran out of time")),
    };
    count(name, if result.is_ok() { "ok" } else { "failed" }, 1);
    result.map_err(|e| match e {
        ConsumeError::Retry(why) => ConsumeError::Retry(format!("{name}: {why}")),
        ConsumeError::Permanent(why) => ConsumeError::Permanent(format!("{name}: {why}")),
    })
}
