//! What must stand at the broker before anything is published or consumed: the exchange, and the queues of
//! consumers. Everything is durable. Declares and never deletes.

use std::collections::BTreeSet;
use std::sync::Arc;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, ExchangeKind};
use outbox::{Consumer, Router};

use crate::error::Error;
use crate::link::Live;
use crate::names::{Names, check_consumer};
use crate::options::Options;

/// More than any message is delivered. Newer brokers throw a message away after twenty deliveries unless told
/// otherwise; here the consumer looks, and keeps it as a dead letter.
const DELIVERIES_MAX: i64 = 1_000_000_000;

/// A consumer, its topics, and how it is called.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) name: &'static str,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) work: Router,
}

impl Subscriber {
    fn new(consumer: Consumer) -> Result<Self, Error> {
        let name = consumer.name();
        check_consumer(name)?;
        let work = Router::new([consumer])?;
        let topics = work.topics().map(str::to_owned).collect();
        Ok(Self { name, topics, work })
    }
}

/// All that this process declares.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) names: Names,
    pub(crate) subscribers: Vec<Arc<Subscriber>>,
    queue_max: u32,
}

impl Topology {
    pub(crate) fn new(options: &Options, consumers: Vec<Consumer>) -> Result<Self, Error> {
        // refuses two of one name
        Router::new(consumers.iter().cloned())?;
        let subscribers = consumers.into_iter().map(|c| Subscriber::new(c).map(Arc::new));
        let names = Names { prefix: options.prefix.clone(), partitions: options.partitions };
        let queue_max = options.queue_max;
        Ok(Self { names, subscribers: subscribers.collect::<Result<_, _>>()?, queue_max })
    }

    /// Whether a consumer of this process wants the topic.
    pub(crate) fn wants(&self, topic: &str) -> bool {
        self.subscribers.iter().any(|subscriber| subscriber.topics.contains(topic))
    }

    /// Declares everything; what is there already stays as it is.
    pub(crate) async fn declare(&self, live: &Live) -> Result<(), Error> {
        let channel = live.channel().await?;
        self.declare_exchange(&channel).await?;
        for subscriber in &self.subscribers {
            let dead = self.names.dead(subscriber.name);
            self.declare_queue(live, &dead, &self.dead_arguments()).await?;
            for partition in 0..self.names.partitions {
                let queue = self.names.queue(subscriber.name, partition);
                self.declare_queue(live, &queue, &self.queue_arguments()).await?;
                for topic in &subscriber.topics {
                    let key = Names::routing_key(partition, topic);
                    let options = QueueBindOptions::default();
                    let exchange = self.names.exchange().into();
                    let arguments = FieldTable::default();
                    let queue = queue.as_str().into();
                    channel.queue_bind(queue, exchange, key.into(), options, arguments).await?;
                }
            }
        }
        channel.close(200, "done".into()).await?;
        Ok(())
    }

    async fn declare_exchange(&self, channel: &Channel) -> Result<(), Error> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let nobody = self.names.nobody();
        let none = FieldTable::default();
        channel
            .exchange_declare(nobody.as_str().into(), ExchangeKind::Fanout, durable, none)
            .await?;
        let arguments = table([("alternate-exchange", text(&nobody))]);
        let exchange = self.names.exchange();
        let name = exchange.as_str().into();
        match channel.exchange_declare(name, ExchangeKind::Topic, durable, arguments).await {
            Err(e) if e.is_amqp_soft_error() => {
                tracing::error!(error = %e, "the broker's exchange is not ours");
                Err(Error::Partitions(exchange))
            }
            other => Ok(other?),
        }
    }

    /// A queue with other limits than ours stays as it is: it has messages, and they are worth more.
    async fn declare_queue(
        &self,
        live: &Live,
        name: &str,
        arguments: &FieldTable,
    ) -> Result<(), Error> {
        let channel = live.channel().await?;
        let durable = QueueDeclareOptions::durable();
        match channel.queue_declare(name.into(), durable, arguments.clone()).await {
            Err(e) if e.is_amqp_soft_error() => {
                tracing::warn!(queue = name, error = %e, "a queue has other limits than are set; it keeps them");
                // the broker has closed the channel on which it refused
                let channel = live.channel().await?;
                let as_it_is = QueueDeclareOptions::durable().passive();
                channel.queue_declare(name.into(), as_it_is, FieldTable::default()).await?;
                channel.close(200, "done".into()).await?;
            }
            declared => {
                declared?;
                channel.close(200, "done".into()).await?;
            }
        }
        Ok(())
    }

    /// A full queue refuses, so that what is published waits in the outbox.
    fn queue_arguments(&self) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-single-active-consumer", AMQPValue::Boolean(true)),
            ("x-max-length", AMQPValue::LongLongInt(self.queue_max.into())),
            ("x-overflow", text("reject-publish")),
            ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES_MAX)),
        ])
    }

    /// One reader at a time: what another holds cannot be overlooked.
    fn dead_arguments(&self) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-single-active-consumer", AMQPValue::Boolean(true)),
            ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES_MAX)),
        ])
    }
}

fn table<const N: usize>(arguments: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}
