//! The two ways a message goes from the relay to its consumers, behind one face.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker::{Broker, Options};
use kit::{Limit, Secret, SharedEntropy, SystemClock, SystemEntropy};
use outbox::admin::{Filter, State};
use outbox::backoff::Backoff;
use outbox::{Consumer, Deliver, MessageId, NewMessage, relay};
use tasks::Tasks;
use testkit::{PATIENCE, tenant};

use crate::common::{World, fresh, quick, router, skipped};

/// Names the broker that the test run has started.
const RABBITMQ: &str = "STOA_TEST_RABBITMQ";

/// How messages travel.
#[derive(Clone)]
pub enum Way {
    InProcess,
    Broker(Box<Options>),
}

/// The address of the broker of this test run; `None`, with a note, when there is none.
pub fn shared_broker() -> Option<String> {
    let url = std::env::var(RABBITMQ).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        skipped(&format!("{RABBITMQ} is not set; `cargo xtask test` starts a broker and sets it"));
    }
    url
}

/// Options with small times, and names that no other test has.
pub fn options(url: &str) -> Options {
    static TESTS: AtomicU64 = AtomicU64::new(0);
    let number = TESTS.fetch_add(1, Ordering::Relaxed);
    Options {
        prefix: format!("t{}-{number}", std::process::id()),
        partitions: 2,
        retry: Backoff { first: Duration::from_millis(4), max: Duration::from_millis(50) },
        reconnect: Backoff { first: Duration::from_millis(20), max: Duration::from_millis(500) },
        attempts_max: 100,
        ..Options::at(Secret::new(url.to_owned()))
    }
}

pub fn entropy() -> SharedEntropy {
    Arc::new(SystemEntropy)
}

/// A broker and the tasks it lives in.
pub async fn start(options: Options, consumers: Vec<Consumer>) -> (Broker, Tasks) {
    let tasks = Tasks::new();
    let clock = Arc::new(SystemClock);
    let broker = Broker::start(&tasks, options, clock, entropy(), consumers).unwrap();
    broker.ready().await.unwrap();
    (broker, tasks)
}

impl Way {
    /// Over the broker of this test run.
    pub fn broker() -> Option<Self> {
        shared_broker().map(|url| Self::Broker(Box::new(options(&url))))
    }

    /// Consumers that get what relays deliver; after so many failures a message is dead.
    pub async fn wire(&self, attempts_max: u32, consumers: Vec<Consumer>) -> Wired {
        let options = relay::Options { attempts_max, ..quick() };
        match self {
            Self::InProcess => {
                Wired { deliver: router(consumers), options, broker: None, dead_at: String::new() }
            }
            Self::Broker(with) => {
                let dead_at = consumers.first().map_or("", Consumer::name).to_owned();
                let with = Options { attempts_max, ..Options::clone(with) };
                let (broker, tasks) = start(with, consumers).await;
                let deliver = broker.publisher();
                Wired { deliver, options: quick(), broker: Some((broker, tasks)), dead_at }
            }
        }
    }
}

/// Consumers, and what relays deliver to.
pub struct Wired {
    pub deliver: Arc<dyn Deliver>,
    options: relay::Options,
    broker: Option<(Broker, Tasks)>,
    dead_at: String,
}

/// A message that a consumer could not do.
#[derive(Debug)]
pub struct Dead {
    pub id: MessageId,
    pub reason: String,
    pub attempts: u32,
    /// Its name at the broker.
    pub entry: String,
}

impl Wired {
    pub fn relay(&self, world: &World) -> Tasks {
        world.relay(Arc::clone(&self.deliver), self.options.clone())
    }

    /// The dead messages of the first consumer, without those that only wait.
    pub async fn dead(&self, world: &World) -> Vec<Dead> {
        if let Some((broker, _)) = &self.broker {
            let letters = broker.dead_letters().list(&self.dead_at, 1_000).await.unwrap();
            let dead = letters.into_iter().filter(|letter| !letter.waits).map(|letter| Dead {
                id: letter.message.unwrap().id,
                reason: letter.reason,
                attempts: letter.attempts,
                entry: letter.entry,
            });
            return dead.collect();
        }
        let filter = Filter { state: Some(State::Dead), ..Filter::default() };
        let (ctx, limit) = (fresh(&world.ctx), Limit::default());
        let page = world.admin().list(&ctx, filter, None, limit).await.unwrap();
        let dead = page.items.into_iter().map(|entry| Dead {
            id: entry.id,
            reason: entry.last_error.unwrap_or_default(),
            attempts: entry.attempts,
            entry: String::new(),
        });
        dead.collect()
    }

    pub async fn replay(&self, world: &World, dead: &Dead) {
        match &self.broker {
            Some((broker, _)) => {
                broker.dead_letters().replay(&self.dead_at, &dead.entry).await.unwrap();
            }
            None => {
                let ctx = fresh(&world.ctx);
                world.admin().retry(&ctx, &tenant("flora"), &dead.id).await.unwrap();
            }
        }
    }

    pub async fn discard(&self, world: &World, dead: &Dead) {
        match &self.broker {
            Some((broker, _)) => {
                broker.dead_letters().discard(&self.dead_at, &dead.entry).await.unwrap();
            }
            None => {
                let ctx = fresh(&world.ctx);
                world.admin().discard(&ctx, &tenant("flora"), &dead.id, None).await.unwrap();
            }
        }
    }

    /// Drops the consumers in the middle of what they do.
    pub async fn kill(self) {
        if let Some((_, tasks)) = self.broker {
            tasks.shutdown(Duration::ZERO).await;
        }
    }

    /// Stops the consumers; nothing had to be dropped.
    pub async fn stop(self) {
        if let Some((_, tasks)) = self.broker {
            assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
        }
    }
}

pub fn step(id: i64, n: i64) -> NewMessage {
    NewMessage::new("stepped", "thing", id, &n).unwrap()
}

/// Every aggregate has its effects in order, each once: the n-th effect says n.
pub async fn assert_in_order(world: &World, all: i64) {
    let effects = world.effects().await;
    assert_eq!(i64::try_from(effects.len()).unwrap(), all);
    for (id, position, what) in effects {
        assert_eq!(position.to_string(), what, "of {id}");
    }
}

pub async fn pending(world: &World) -> u64 {
    world.admin().stats(&fresh(&world.ctx), None).await.unwrap().pending
}

/// How many effects there are.
pub async fn done(world: &World) -> i64 {
    i64::try_from(world.count("inbox").await).unwrap()
}
