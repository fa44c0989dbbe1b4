//! What the broker is told to hold back, and what it must never be given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::{Broker, Error, Options};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use outbox::{ConsumeError, Consumer};
use tasks::Tasks;
use testkit::{PATIENCE, eventually};

use crate::common::{World, effect_once, effects_consumer, quick};
use crate::ways::{assert_in_order, done, entropy, options, pending, shared_broker, start, step};

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// How many messages wait in a queue.
async fn waiting(channel: &Channel, queue: &str) -> u32 {
    let passive = QueueDeclareOptions::durable().passive();
    let queue = channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
    queue.unwrap().message_count()
}

#[tokio::test]
async fn a_full_queue_takes_no_more_and_the_rest_waits_in_the_outbox() {
    let Some(url) = shared_broker() else { return };
    let with = Options { partitions: 1, prefetch: 1, queue_max: 10, ..options(&url) };
    let world = World::new().await;
    let open = Arc::new(AtomicBool::new(false));
    let (db, is_open) = (world.db.clone(), Arc::clone(&open));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, open) = (db.clone(), is_open.load(Ordering::SeqCst));
        async move {
            if !open {
                return Err(ConsumeError::retry("closed"));
            }
            Ok(effect_once(&db, &ctx, "effects", &message).await?)
        }
    });
    let with = Options { attempts_max: u32::MAX, ..with };
    let (broker, tasks) = start(with.clone(), vec![consumer]).await;
    let relay = world
        .relay(broker.publisher(), outbox::relay::Options { attempts_max: 100_000, ..quick() });
    // a quorum queue tells its publishers that it is full: what is under way by then is still taken
    world.put_all((0..400).map(|id| step(id, 0)).collect()).await;
    let (_connection, channel) = channel(&url).await;
    let queue = format!("{}.effects.0of1", with.prefix);
    eventually(PATIENCE, || async { waiting(&channel, &queue).await >= 9 }).await;
    eventually(PATIENCE, || async { pending(&world).await < 391 }).await;
    assert!(waiting(&channel, &queue).await < 200 && pending(&world).await > 200);
    open.store(true, Ordering::SeqCst);
    eventually(PATIENCE, || async { done(&world).await == 400 }).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    assert_in_order(&world, 400).await;
    relay.shutdown(PATIENCE).await;
    assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
}

#[tokio::test]
async fn something_that_is_no_message_is_kept_as_a_dead_letter_and_holds_nothing_up() {
    let Some(url) = shared_broker() else { return };
    let with = Options { partitions: 1, ..options(&url) };
    let world = World::new().await;
    let (broker, tasks) = start(with.clone(), vec![effects_consumer(&world.db, "stepped")]).await;
    let (_connection, channel) = channel(&url).await;
    let queue = format!("{}.effects.0of1", with.prefix);
    let (plain, none) = (BasicPublishOptions::default(), BasicProperties::default());
    channel
        .basic_publish("".into(), queue.into(), plain, b"{}", none)
        .await
        .unwrap()
        .await
        .unwrap();
    let relay = world.relay(broker.publisher(), quick());
    world.put(step(1, 0)).await;
    eventually(PATIENCE, || async { done(&world).await == 1 }).await;
    let letters = broker.dead_letters();
    let found = letters.list("effects", 9).await.unwrap();
    assert_eq!((found.len(), found[0].message.as_ref()), (1, None));
    assert!(found[0].reason.contains("cannot be read"), "{}", found[0].reason);
    letters.discard("effects", &found[0].entry).await.unwrap();
    assert!(letters.list("effects", 9).await.unwrap().is_empty());
    relay.shutdown(PATIENCE).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn no_more_dead_letters_are_kept_than_may_be_and_nothing_is_lost() {
    let Some(url) = shared_broker() else { return };
    let with = Options { partitions: 1, dead_max: 3, ..options(&url) };
    let world = World::new().await;
    let open = Arc::new(AtomicBool::new(false));
    let (db, is_open) = (world.db.clone(), Arc::clone(&open));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, open) = (db.clone(), is_open.load(Ordering::SeqCst));
        async move {
            if !open {
                return Err(ConsumeError::permanent("closed"));
            }
            Ok(effect_once(&db, &ctx, "effects", &message).await?)
        }
    });
    let (_connection, channel) = channel(&url).await;
    let dead = format!("{}.effects.dead", with.prefix);
    let (broker, tasks) = start(with, vec![consumer]).await;
    let relay = world.relay(broker.publisher(), quick());
    world.put_all((0..12).map(|id| step(id, 0)).collect()).await;
    let letters = broker.dead_letters();
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    // counted and not looked at: what somebody looks at is not counted meanwhile
    eventually(PATIENCE, || async { waiting(&channel, &dead).await == 3 }).await;
    open.store(true, Ordering::SeqCst);
    eventually(PATIENCE, || async { done(&world).await == 9 }).await;
    assert_eq!(letters.replay_all("effects", |_| true).await.unwrap(), 3);
    eventually(PATIENCE, || async { done(&world).await == 12 }).await;
    assert_in_order(&world, 12).await;
    relay.shutdown(PATIENCE).await;
    assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
}

#[tokio::test]
async fn a_process_with_another_number_of_queues_publishes_nothing() {
    let Some(url) = shared_broker() else { return };
    let with = options(&url);
    let world = World::new().await;
    let (_broker, tasks) = start(with.clone(), vec![effects_consumer(&world.db, "stepped")]).await;
    let other =
        Options { partitions: 3, connect_within: std::time::Duration::from_millis(800), ..with };
    let refused = Tasks::new();
    let clock = Arc::new(kit::SystemClock);
    let broker = Broker::start(&refused, other, clock, entropy(), []).unwrap();
    assert!(broker.ready().await.is_err());
    let relay = world.relay(broker.publisher(), quick());
    world.put(step(1, 0)).await;
    relay.shutdown(PATIENCE).await;
    assert_eq!((pending(&world).await, done(&world).await), (1, 0));
    refused.shutdown(PATIENCE).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_queue_with_other_limits_keeps_them_and_its_messages() {
    let Some(url) = shared_broker() else { return };
    let with = options(&url);
    let world = World::new().await;
    let (_broker, tasks) = start(with.clone(), vec![effects_consumer(&world.db, "stepped")]).await;
    tasks.shutdown(PATIENCE).await;
    let wider = Options { queue_max: 77, ..with };
    let (broker, tasks) = start(wider, vec![effects_consumer(&world.db, "stepped")]).await;
    let relay = world.relay(broker.publisher(), quick());
    world.put(step(1, 0)).await;
    eventually(PATIENCE, || async { done(&world).await == 1 }).await;
    relay.shutdown(PATIENCE).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn consumers_that_would_share_queues_and_options_that_cannot_be_are_refused() {
    let with = options("amqp://guest:guest@127.0.0.1:1/%2f");
    let tasks = Tasks::new();
    let start = |with: Options, names: &[&'static str]| {
        let nothing =
            |name: &&'static str| Consumer::from_fn(name, ["stepped"], |_, _| async { Ok(()) });
        let consumers: Vec<_> = names.iter().map(nothing).collect();
        Broker::start(&tasks, with, Arc::new(kit::SystemClock), entropy(), consumers).map(|_| ())
    };
    assert!(matches!(start(with.clone(), &["a", "a"]), Err(Error::Duplicate(_))));
    assert!(matches!(start(with.clone(), &["a b"]), Err(Error::Name(_))));
    let none = Options { partitions: 0, ..with };
    assert!(matches!(start(none, &["a"]), Err(Error::Option("partitions", _))));
}
