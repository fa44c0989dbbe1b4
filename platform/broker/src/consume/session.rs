//! Working on one queue over one channel: messages of an aggregate one after the other, of different ones side
//! by side. What succeeds is acknowledged, what fails waits and is tried again, what goes on failing becomes a
//! dead letter. Ends with its channel; what it has not acknowledged then comes again.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use lapin::Acker;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use outbox::{ConsumeError, Deliver as _, Delivered, Message};

use super::Post;
use super::lanes::Lanes;
use crate::error::{Error, within};
use crate::link::Live;
use crate::names::Key;
use crate::reading::Reading;
use crate::wire::{self, Came, Command, Note};

const UNREADABLE: &str = "it cannot be read";
const WAITS: &str = "an earlier message of its aggregate is dead";

/// Where a message came from, which is where it is taken away when it is done.
enum Origin {
    Queue(Acker),
    /// The dead letters, by the entry.
    Dead(String),
}

struct Work {
    message: Arc<Message>,
    from: Origin,
    /// How often it was given to somebody before.
    came_before: u32,
    failures: u32,
}

enum Item {
    Work(Work),
    Command(Command, Acker),
    /// Behind the dead letters that are done again: they all succeeded.
    Replayed(Acker),
}

type Tried = (Key, Work, Result<Delivered, ConsumeError>);

pub(super) struct Session {
    post: Arc<Post>,
    live: Arc<Live>,
    deliveries: Reading,
    lanes: Lanes<Item>,
    /// Under way, and how many messages that are.
    running: FuturesUnordered<BoxFuture<'static, Vec<Tried>>>,
    busy: usize,
    /// Ended, not settled.
    ended: VecDeque<Tried>,
    /// Between two attempts.
    pausing: FuturesUnordered<BoxFuture<'static, (Key, Item)>>,
    /// Aggregates with a dead letter; `None` until the queue has been given to us.
    blocked: Option<HashSet<Key>>,
    /// Messages that were dead letters by then.
    kept: HashSet<(Key, i64)>,
}

impl Session {
    pub(super) async fn open(post: &Arc<Post>) -> Result<Self, Error> {
        let (dead, options) = (&post.dead, &post.dead.options);
        let live = dead.link.live().await?;
        let queue = dead.topology.names.queue(post.subscriber.name, post.partition);
        let deliveries = within(options.confirm_within, "consume", async {
            Reading::open(live.channel().await?, &queue, options.prefetch).await
        });
        let deliveries = deliveries.await.inspect_err(|e| {
            if matches!(e, Error::Broker(e) if e.is_amqp_soft_error()) {
                // the queue has vanished: a new connection declares it
                dead.link.renew();
            }
        })?;
        Ok(Self {
            post: Arc::clone(post),
            live,
            deliveries,
            lanes: Lanes::new(),
            running: FuturesUnordered::new(),
            busy: 0,
            ended: VecDeque::new(),
            pausing: FuturesUnordered::new(),
            blocked: None,
            kept: HashSet::new(),
        })
    }

    /// Works until the tasks stop, or the channel is lost. What is under way then is dropped, as at the end
    /// of its time: it comes again, here or elsewhere, and nothing must be done by two at a time.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let (link, live) = (self.post.dead.link.clone(), Arc::clone(&self.live));
        // whatever we wait for may be waited for in vain once the connection is lost
        tokio::select! {
            worked = self.work() => worked?,
            () = link.gone(&live) => return Err(Error::Disconnected),
        }
        // not cancelled before: the next who gets the queue must find what we have not done
        self.deliveries.close(self.post.dead.options.confirm_within).await
    }

    async fn work(&mut self) -> Result<(), Error> {
        let tasks = self.post.tasks.clone();
        let mut stopping = false;
        loop {
            while let Some((key, work, result)) = self.ended.pop_front() {
                self.settle(key, work, result).await?;
            }
            if !stopping {
                self.begin().await?;
            }
            if !self.ended.is_empty() {
                continue;
            }
            if stopping && self.running.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(tried) = self.running.next(), if !self.running.is_empty() => {
                    self.busy = self.busy.saturating_sub(tried.len());
                    self.ended.extend(tried);
                }
                Some((key, item)) = self.pausing.next(), if !stopping && !self.pausing.is_empty() => {
                    self.lanes.again(&key, vec![item]);
                }
                delivery = self.deliveries.next(), if !stopping => match delivery {
                    Some(delivery) => {
                        self.take(delivery?).await?;
                        // what has come with it may go together with it
                        while let Some(Some(delivery)) = self.deliveries.next().now_or_never() {
                            self.take(delivery?).await?;
                        }
                    }
                    None => return Err(Error::Disconnected),
                },
                () = tasks.cancelled(), if !stopping => stopping = true,
            }
        }
    }

    /// Waits for something of the broker's while what is under way goes on: consumers hold transactions open.
    async fn meanwhile<T>(&mut self, asked: impl Future<Output = T>) -> T {
        tokio::pin!(asked);
        loop {
            tokio::select! {
                answer = &mut asked => return answer,
                Some(tried) = self.running.next(), if !self.running.is_empty() => {
                    self.busy = self.busy.saturating_sub(tried.len());
                    self.ended.extend(tried);
                }
            }
        }
    }

    async fn remove(&mut self, entry: &str) -> Result<(), Error> {
        let (dead, name) = (self.post.dead.clone(), self.name());
        self.meanwhile(dead.remove(name, entry)).await
    }

    fn name(&self) -> &'static str {
        self.post.subscriber.name
    }

    /// Puts what has come into its lane.
    async fn take(&mut self, delivery: Delivery) -> Result<(), Error> {
        if self.blocked.is_none() {
            self.blocked = Some(self.find_blocked().await?);
        }
        let came_before = wire::deliveries(&delivery.properties);
        match wire::read(&delivery.properties, &delivery.data) {
            Came::Message(message) => {
                let (key, message) = (Key::of(&message), Arc::new(message));
                let from = Origin::Queue(delivery.acker);
                let work = Work { message, from, came_before, failures: 0 };
                self.lanes.push(key, Item::Work(work));
            }
            Came::Command(command) => {
                self.lanes.push(command.key.clone(), Item::Command(command, delivery.acker));
            }
            Came::Unreadable(why) => {
                let note = self.note(format!("{UNREADABLE}: {why}"), 0, false)?;
                tracing::error!(
                    consumer = self.name(),
                    why,
                    "something that is no message is kept as a dead letter"
                );
                let (dead, name) = (self.post.dead.clone(), self.name());
                let kept = dead.put(name, wire::unreadable(&note), &delivery.data);
                self.meanwhile(kept).await?;
                ack(&delivery.acker).await?;
            }
        }
        Ok(())
    }

    /// The aggregates of this queue that have dead letters. Looked up when the first message comes: only then
    /// has the queue been given to us, and nobody else adds to them any more.
    async fn find_blocked(&mut self) -> Result<HashSet<Key>, Error> {
        let (mut blocked, mut kept) = (HashSet::new(), HashSet::new());
        let (partition, partitions) = (self.post.partition, self.post.dead.options.partitions);
        let look = |letter: crate::dead::DeadLetter| {
            let Some(message) = &letter.message else { return false };
            let key = Key::of(message);
            if key.partition(partitions) == partition {
                kept.insert((key.clone(), message.id.seq));
                if key.timer.is_none() {
                    blocked.insert(key);
                }
            }
            false
        };
        let (dead, name) = (self.post.dead.clone(), self.name());
        self.meanwhile(dead.visit(name, look)).await?;
        self.kept = kept;
        Ok(blocked)
    }

    /// Begins whatever can be begun.
    async fn begin(&mut self) -> Result<(), Error> {
        while self.busy < self.post.dead.options.concurrency {
            let Some((key, item)) = self.lanes.take(|_| true) else { return Ok(()) };
            match item {
                Item::Work(work) => self.begin_work(key, work).await?,
                Item::Command(command, acker) => self.replay(&key, &command, acker).await?,
                Item::Replayed(acker) => {
                    self.blocked.get_or_insert_default().remove(&key);
                    ack(&acker).await?;
                    self.lanes.done(&key);
                }
            }
        }
        Ok(())
    }

    async fn begin_work(&mut self, key: Key, work: Work) -> Result<(), Error> {
        let options = Arc::clone(&self.post.dead.options);
        if let Origin::Queue(acker) = &work.from {
            let seq = work.message.id.seq;
            if work.came_before > 0 && self.kept.remove(&(key.clone(), seq)) {
                // whoever had it has made a dead letter of it, and could not say so
                ack(acker).await?;
                self.lanes.done(&key);
                return Ok(());
            }
            if self.blocked.as_ref().is_some_and(|blocked| blocked.contains(&key)) {
                return self.die(key, work, WAITS.to_owned(), true).await;
            }
            if work.came_before >= options.deliveries_max {
                let why = format!("it came {} times and nobody survived it", work.came_before);
                return self.die(key, work, why, false).await;
            }
        }
        let batch = self.with_alike(key, work);
        self.busy += batch.len();
        let (subscriber, time) = (Arc::clone(&self.post.subscriber), options.consume_within);
        self.running.push(Box::pin(async move {
            let messages: Vec<_> = batch.iter().map(|(_, work)| work.attempt()).collect();
            let results = match messages.as_slice() {
                [one] => vec![subscriber.work.deliver(one, time).await],
                many => subscriber.work.deliver_many(many, time).await,
            };
            let missing = || Err(ConsumeError::retry("nothing was said of it"));
            let results = results.into_iter().chain(std::iter::repeat_with(missing));
            batch
                .into_iter()
                .zip(results)
                .map(|((key, work), result)| (key, work, result))
                .collect()
        }));
        Ok(())
    }

    /// A message, and those that the consumer takes together with it: none that has failed or come before, so
    /// that it never takes others with it twice.
    fn with_alike(&mut self, key: Key, work: Work) -> Vec<(Key, Work)> {
        let room = self.post.dead.options.concurrency.saturating_sub(self.busy);
        let most = self.post.subscriber.work.together_max(&work.message.topic).min(room);
        let (tenant, topic) = (work.message.tenant.clone(), work.message.topic.clone());
        let first = work.is_fresh();
        let mut batch = vec![(key, work)];
        while first && batch.len() < most {
            let blocked = self.blocked.as_ref();
            let found = self.lanes.take(|item| {
                matches!(item, Item::Work(work) if work.is_fresh()
                    && work.message.tenant == tenant
                    && work.message.topic == topic
                    && !blocked.is_some_and(|blocked| blocked.contains(&Key::of(&work.message))))
            });
            let Some((key, Item::Work(work))) = found else { break };
            batch.push((key, work));
        }
        batch
    }

    /// What became of a message.
    async fn settle(
        &mut self,
        key: Key,
        mut work: Work,
        result: Result<Delivered, ConsumeError>,
    ) -> Result<(), Error> {
        let Err(e) = result else {
            match &work.from {
                Origin::Queue(acker) => ack(acker).await?,
                Origin::Dead(entry) => self.remove(entry).await?,
            }
            self.lanes.done(&key);
            return Ok(());
        };
        work.failures += 1;
        let (error, message) = (e.to_string(), &work.message);
        let options = &self.post.dead.options;
        if e.is_permanent() || work.failures >= options.attempts_max {
            tracing::error!(
                tenant = %message.tenant, message.id = %message.id, message.topic, work.failures, error,
                "a message is dead and waits for an operator; unless it is a timer, its aggregate waits with it"
            );
            return self.die(key, work, error, false).await;
        }
        // Without randomness the pause is its shortest; that must not stop us.
        let random = self.post.dead.entropy.next_u64().unwrap_or_default();
        let after = options.retry.pause(work.failures, random);
        tracing::warn!(
            tenant = %message.tenant, message.id = %message.id, message.topic, work.failures, error,
            retry_after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            "a message was not consumed and will be tried again"
        );
        self.pause(key, Item::Work(work), after);
        Ok(())
    }

    fn pause(&mut self, key: Key, item: Item, time: Duration) {
        self.pausing.push(Box::pin(async move {
            tokio::time::sleep(time).await;
            (key, item)
        }));
    }

    /// Makes a dead letter of a message. Its aggregate waits from now on, unless it is a timer.
    async fn die(
        &mut self,
        key: Key,
        work: Work,
        reason: String,
        waits: bool,
    ) -> Result<(), Error> {
        let note = self.note(reason, work.failures, waits)?;
        let (properties, body) =
            (wire::dead(&work.message, &note), work.message.payload.as_bytes());
        let (dead, name) = (self.post.dead.clone(), self.name());
        match self.meanwhile(dead.put(name, properties, body)).await {
            Ok(()) => {}
            Err(Error::Full(name)) => {
                tracing::error!(
                    consumer = name,
                    "no more dead letters are kept; the queue stands still"
                );
                let pause = self.post.dead.options.retry.max;
                self.pause(key, Item::Work(work), pause);
                return Ok(());
            }
            Err(e) => return Err(e),
        }
        let waiting = if waits { "waits" } else { "dead" };
        metrics::counter!("broker_dead_letters_total", "consumer" => self.name(), "kind" => waiting)
            .increment(1);
        match &work.from {
            Origin::Queue(acker) => ack(acker).await?,
            Origin::Dead(entry) => {
                self.remove(entry).await?;
                // what was to be done after it stays where it is, and the wish is over
                let last = |item: &Item| matches!(item, Item::Replayed(_));
                if let Some(Item::Replayed(acker)) = self.lanes.take_through(&key, last).pop() {
                    ack(&acker).await?;
                }
            }
        }
        if key.timer.is_none() {
            self.blocked.get_or_insert_default().insert(key.clone());
        }
        self.lanes.done(&key);
        Ok(())
    }

    /// Puts the dead letters of an aggregate before everything else of it. They are taken away one by one as
    /// they succeed, so that nothing is lost when we are.
    async fn replay(&mut self, key: &Key, command: &Command, acker: Acker) -> Result<(), Error> {
        if let Some(entry) = &command.discard {
            self.remove(entry).await?;
        }
        let mut found = Vec::new();
        let look = |letter: crate::dead::DeadLetter| {
            if letter.key().as_ref() == Some(key) {
                found.extend(letter.message.map(|message| (message, letter.entry)));
            }
            false
        };
        let (dead, name) = (self.post.dead.clone(), self.name());
        self.meanwhile(dead.visit(name, look)).await?;
        // one may have come twice, and one that failed again stands behind those that wait for it
        found.sort_by_key(|(message, _)| message.id.seq);
        tracing::info!(consumer = self.name(), tenant = %key.tenant, letters = found.len(), "dead letters are done again");
        let work = found.into_iter().map(|(message, entry)| {
            let (message, from) = (Arc::new(message), Origin::Dead(entry));
            Item::Work(Work { message, from, came_before: 0, failures: 0 })
        });
        self.lanes.again(key, work.chain([Item::Replayed(acker)]).collect());
        Ok(())
    }

    fn note(&self, reason: String, attempts: u32, waits: bool) -> Result<Note, Error> {
        Ok(Note { entry: self.post.dead.fresh_name()?, reason, attempts, waits })
    }
}

impl Work {
    /// Whether it may go together with others.
    fn is_fresh(&self) -> bool {
        self.failures == 0 && self.came_before == 0 && matches!(self.from, Origin::Queue(_))
    }

    /// As the consumer sees it: attempts of the relay were not the consumer's.
    fn attempt(&self) -> Arc<Message> {
        let attempt = self.came_before.saturating_add(self.failures).saturating_add(1);
        if self.message.attempt == attempt {
            return Arc::clone(&self.message);
        }
        Arc::new(Message { attempt, ..Message::clone(&self.message) })
    }
}

async fn ack(acker: &Acker) -> Result<(), Error> {
    acker.ack(BasicAckOptions::default()).await?;
    Ok(())
}
