//! The relay's side: a message is delivered when the broker has confirmed it. Never repeats by itself: the
//! relay does, from the outbox, so that order and count of attempts stay in one place.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};
use outbox::{ConsumeError, Deliver, Delivered, Message};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Error, within};
use crate::link::{Link, Live};
use crate::names::{Key, Names};
use crate::topology::Topology;
use crate::wire;

/// Messages that are published one behind the other before the first is confirmed.
const TOGETHER_MAX: usize = 64;

pub(crate) struct Publisher {
    pub(crate) link: Link,
    /// The connection that declares the queues whenever it is made.
    pub(crate) declaring: Link,
    pub(crate) topology: Arc<Topology>,
    /// Whether the queues have stood once: what is published before would be wanted by nobody.
    pub(crate) declared: watch::Receiver<bool>,
    pub(crate) confirm_within: Duration,
}

/// What the broker said of a message.
pub(crate) enum Taken {
    /// It is safe in every queue that wants it.
    Safe,
    /// No queue wants it.
    Unwanted,
}

/// Publishes and waits for the broker's word.
pub(crate) async fn publish(
    channel: &Channel,
    (exchange, key): (&str, &str),
    properties: BasicProperties,
    body: &[u8],
) -> Result<Taken, Error> {
    // `mandatory`: what nobody wants comes back, before it is confirmed
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let id = wire::id(&properties).map(str::to_owned);
    let sent =
        channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?;
    match sent.await? {
        Confirmation::Ack(None) => Ok(Taken::Safe),
        // where several are under way, the library may hand us what came back of another
        Confirmation::Ack(Some(back)) if wire::id(&back.properties) != id.as_deref() => {
            Ok(Taken::Safe)
        }
        Confirmation::Ack(Some(_)) => Ok(Taken::Unwanted),
        Confirmation::Nack(_) => Err(Error::Refused("its queue is full, or cannot store it now")),
        Confirmation::NotRequested => Err(Error::Refused("the channel does not confirm")),
    }
}

impl Publisher {
    async fn live(&self) -> Result<Arc<Live>, Error> {
        let mut declared = self.declared.clone();
        declared.wait_for(|declared| *declared).await.map_err(|_| Error::Disconnected)?;
        self.link.live().await
    }

    async fn send(&self, message: &Message, time: Duration) -> Result<Taken, Error> {
        let begun = Instant::now();
        let live = within(time, "be there", self.live()).await?;
        let left = time.saturating_sub(begun.elapsed());
        let sent = within(left, "confirm a message", self.send_over(&live, message)).await;
        if matches!(sent, Err(Error::TimedOut(..))) {
            live.unanswered();
        }
        sent
    }

    async fn send_over(&self, live: &Live, message: &Message) -> Result<Taken, Error> {
        let names = &self.topology.names;
        let partition = Key::of(message).partition(names.partitions);
        let (exchange, key) = (names.exchange(), Names::routing_key(partition, &message.topic));
        let (properties, body) = (wire::message(message), message.payload.as_bytes());
        publish(&live.publishing, (&exchange, &key), properties, body).await
    }
}

#[async_trait]
impl Deliver for Publisher {
    async fn deliver(
        &self,
        message: &Arc<Message>,
        time: Duration,
    ) -> Result<Delivered, ConsumeError> {
        let time = time.min(self.confirm_within);
        let taken = self.send(message, time).await;
        let outcome = match &taken {
            Ok(Taken::Safe) => "confirmed",
            Ok(Taken::Unwanted) => "unwanted",
            Err(_) => "failed",
        };
        metrics::counter!("broker_published_total", "outcome" => outcome).increment(1);
        match taken {
            Ok(Taken::Safe) => Ok(Delivered { consumers: 1 }),
            // its queues were declared here, so they have been deleted: they are made again
            Ok(Taken::Unwanted) if self.topology.wants(&message.topic) => {
                self.declaring.renew();
                Err(ConsumeError::retry("the broker has lost the queues of its consumers"))
            }
            Ok(Taken::Unwanted) => Ok(Delivered { consumers: 0 }),
            Err(e) => Err(ConsumeError::retry(e.to_string())),
        }
    }

    fn together_max(&self, _topic: &str) -> usize {
        TOGETHER_MAX
    }
}
