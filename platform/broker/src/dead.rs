//! The dead letters of consumers: put, shown, done again, thrown away. One queue for each consumer, read by
//! one reader at a time. Reading changes nothing. What is to be done again is done by whoever keeps the
//! aggregate in order, who is told through the aggregate's own queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, SharedEntropy};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use outbox::Message;

use crate::error::{Error, within};
use crate::link::Link;
use crate::names::{Key, check_consumer};
use crate::options::Options;
use crate::publish::{Taken, publish};
use crate::reading::Reading;
use crate::topology::Topology;
use crate::wire::{self, Came, Command, Note};

/// How long reading may take, from waiting for another reader to the last letter.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// A mark that is older has been left by a reader that is no more.
const MARK_KEPT: Duration = Duration::from_secs(600);

/// A message that a consumer could not do, or one that waits behind such a one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The consumer.
    pub consumer: String,
    /// The name of this entry, for [`DeadLetters::replay`] and [`DeadLetters::discard`].
    pub entry: String,
    /// The message; `None` when what came was none that can be read.
    pub message: Option<Message>,
    /// Why it is here.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// It has not been tried: an earlier one of its aggregate is dead.
    pub waits: bool,
}

impl DeadLetter {
    fn read(consumer: &str, delivery: &Delivery) -> Self {
        let Note { entry, reason, attempts, waits } = wire::read_note(&delivery.properties);
        let message = match wire::read(&delivery.properties, &delivery.data) {
            Came::Message(message) => Some(message),
            Came::Command(_) | Came::Unreadable(_) => None,
        };
        Self { consumer: consumer.to_owned(), entry, message, reason, attempts, waits }
    }

    pub(crate) fn key(&self) -> Option<Key> {
        self.message.as_ref().map(Key::of)
    }
}

/// The dead letters of all consumers at a broker. Cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    pub(crate) link: Link,
    pub(crate) topology: Arc<Topology>,
    pub(crate) options: Arc<Options>,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeadLetters({})", self.options.prefix)
    }
}

impl DeadLetters {
    /// The consumers of this process.
    #[must_use]
    pub fn consumers(&self) -> Vec<&'static str> {
        self.topology.subscribers.iter().map(|subscriber| subscriber.name).collect()
    }

    /// The dead letters of a consumer, up to so many, the oldest first.
    ///
    /// # Errors
    /// When there is no such consumer, or the broker does not answer.
    pub async fn list(&self, consumer: &str, max: usize) -> Result<Vec<DeadLetter>, Error> {
        let mut letters = Vec::new();
        self.visit(consumer, |letter| {
            if letters.len() < max {
                letters.push(letter);
            }
            false
        })
        .await?;
        Ok(letters)
    }

    /// Has a dead letter done again, and after it what waits behind it, in order. Returns when the broker has
    /// taken the wish; the consumer does it as soon as it runs.
    ///
    /// # Errors
    /// When there is no such entry, it cannot be read, or the broker does not answer.
    pub async fn replay(&self, consumer: &str, entry: &str) -> Result<(), Error> {
        let letter = self.find(consumer, entry).await?;
        let key = letter.key().ok_or(Error::NotFound)?;
        self.command(consumer, &Command { key, discard: None }).await
    }

    /// Has the dead letters of a consumer done again for which `wanted` says so, and what waits behind them;
    /// how many were wanted.
    ///
    /// # Errors
    /// When there is no such consumer, or the broker does not answer.
    pub async fn replay_all(
        &self,
        consumer: &str,
        wanted: impl Fn(&DeadLetter) -> bool + Send + Sync,
    ) -> Result<usize, Error> {
        let (mut keys, mut count) = (BTreeSet::new(), 0);
        self.visit(consumer, |letter| {
            if let Some(key) = letter.key().filter(|_| wanted(&letter)) {
                keys.insert(key);
                count += 1;
            }
            false
        })
        .await?;
        for key in keys {
            self.command(consumer, &Command { key, discard: None }).await?;
        }
        Ok(count)
    }

    /// Throws a dead letter away, for good, and has done what waits behind it.
    ///
    /// # Errors
    /// When there is no such entry, or the broker does not answer.
    pub async fn discard(&self, consumer: &str, entry: &str) -> Result<(), Error> {
        let letter = self.find(consumer, entry).await?;
        tracing::warn!(
            consumer,
            entry,
            reason = letter.reason,
            message = letter.message.as_ref().map(|m| m.id.to_string()),
            "a dead letter is thrown away"
        );
        let Some(key) = letter.key() else {
            // nothing can wait for what nobody can read
            return self.remove(consumer, entry).await;
        };
        self.command(consumer, &Command { key, discard: Some(entry.to_owned()) }).await
    }

    async fn find(&self, consumer: &str, entry: &str) -> Result<DeadLetter, Error> {
        let mut found = None;
        self.visit(consumer, |letter| {
            if letter.entry == entry {
                found = Some(letter);
            }
            false
        })
        .await?;
        found.ok_or(Error::NotFound)
    }

    async fn command(&self, consumer: &str, command: &Command) -> Result<(), Error> {
        let names = &self.topology.names;
        let queue = names.queue(consumer, command.key.partition(names.partitions));
        let body = serde_json::to_vec(command).map_err(|_| Error::NotFound)?;
        self.send(&queue, wire::command(), &body).await
    }

    /// Puts one thing into one queue, and returns when it is safe there.
    async fn send(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), Error> {
        let sent = async {
            let channel = self.link.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let taken = publish(&channel, ("", queue), properties, body).await?;
            channel.close(200, "done".into()).await?;
            match taken {
                Taken::Safe => Ok(()),
                Taken::Unwanted => Err(Error::NotFound),
            }
        };
        within(self.options.confirm_within, "keep something in a queue", Box::pin(sent)).await
    }

    /// Another name of an entry or a mark.
    pub(crate) fn fresh_name(&self) -> Result<String, Error> {
        Ok(format!("{:016x}", self.entropy.next_u64()?))
    }

    /// Puts a letter to the dead ones.
    pub(crate) async fn put(
        &self,
        consumer: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), Error> {
        let queue = self.topology.names.dead(consumer);
        if self.count(&queue).await? >= self.options.dead_max {
            return Err(Error::Full(consumer.to_owned()));
        }
        self.send(&queue, properties, body).await
    }

    async fn count(&self, queue: &str) -> Result<u32, Error> {
        let asked = async {
            let channel = self.link.channel().await?;
            let as_it_is = QueueDeclareOptions::durable().passive();
            let found =
                channel.queue_declare(queue.into(), as_it_is, FieldTable::default()).await?;
            channel.close(200, "done".into()).await?;
            Ok::<_, Error>(found.message_count())
        };
        within(self.options.confirm_within, "count a queue", Box::pin(asked)).await
    }

    /// Takes one entry away.
    pub(crate) async fn remove(&self, consumer: &str, entry: &str) -> Result<(), Error> {
        self.visit(consumer, |letter| letter.entry == entry).await
    }

    /// Looks at every letter, in the sequence in which they came; the ones for which `look` says so are gone
    /// afterwards. Nobody else reads meanwhile.
    pub(crate) async fn visit(
        &self,
        consumer: &str,
        look: impl FnMut(DeadLetter) -> bool + Send,
    ) -> Result<(), Error> {
        check_consumer(consumer)?;
        let visit = Box::pin(self.visit_all(consumer, look));
        within(READ_WITHIN, "show its dead letters", visit).await
    }

    async fn visit_all(
        &self,
        consumer: &str,
        mut look: impl FnMut(DeadLetter) -> bool + Send,
    ) -> Result<(), Error> {
        let (queue, mark) = (self.topology.names.dead(consumer), self.fresh_name()?);
        let channel = self.link.channel().await?;
        // all at once: what is not taken away goes back, in its sequence, when the channel is closed
        let mut reading = match Reading::open(channel, &queue, u16::MAX).await {
            Err(Error::Broker(e)) if e.is_amqp_soft_error() => return Err(Error::NotFound),
            reading => reading?,
        };
        // behind all that is there now
        self.send(&queue, wire::mark(&mark, self.clock.now()), b"").await?;
        while let Some(delivery) = reading.next().await {
            let delivery = delivery?;
            let gone = match wire::read_mark(&delivery.properties) {
                Some((name, _)) if name == mark => {
                    delivery.ack(BasicAckOptions::default()).await?;
                    return reading.close(READ_WITHIN).await;
                }
                Some((_, at)) => self.clock.now().since(at) > MARK_KEPT,
                None => look(DeadLetter::read(consumer, &delivery)),
            };
            if gone {
                delivery.ack(BasicAckOptions::default()).await?;
            }
        }
        Err(Error::Disconnected)
    }
}
