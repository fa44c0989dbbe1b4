//! What can happen to a broker and to the way to it: nothing is lost, nothing is done twice, order holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use broker::{Broker, Options};
use outbox::{ConsumeError, Consumer};
use servers::{RabbitMq, RabbitMqOptions};
use tasks::Tasks;
use testkit::{eventually, eventually_some, seeded_entropy};
use tokio::sync::Notify;

use crate::common::{World, effect_once, effects_consumer, quick, skipped};
use crate::proxy::Proxy;
use crate::ways::{assert_in_order, done, options, pending, shared_broker, start, step};

const PATIENCE: Duration = Duration::from_secs(180);
/// Those of an aggregate in sequence, then of the next.
const AGGREGATES: i64 = 40;

async fn put_round(world: &World, n: i64) {
    world.put_all((0..AGGREGATES).map(|id| step(id, n)).collect()).await;
}

/// Fails at random before or after its effect, and counts how often it was called.
fn dicing(world: &World) -> (Arc<AtomicU32>, Consumer) {
    let calls = Arc::new(AtomicU32::new(0));
    let (db, chance, count) = (world.db.clone(), seeded_entropy(11), Arc::clone(&calls));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, dice) = (db.clone(), chance.next_u64().unwrap() % 16);
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            if dice == 0 {
                return Err(ConsumeError::retry("before"));
            }
            effect_once(&db, &ctx, "effects", &message).await?;
            if dice == 1 { Err(ConsumeError::retry("after")) } else { Ok(()) }
        }
    });
    (calls, consumer)
}

fn impatient(url: &str) -> Options {
    Options { confirm_within: Duration::from_millis(1_500), ..options(url) }
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
}

async fn stop(relay: Tasks, consuming: Tasks) {
    assert!(relay.shutdown(PATIENCE).await.dropped.is_empty());
    assert!(consuming.shutdown(PATIENCE).await.dropped.is_empty());
}

/// Does something that blocks, away from the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_01_a_broker_that_is_killed_and_restarted_in_the_middle_loses_nothing() {
    let started = blocking(|| RabbitMq::start(&RabbitMqOptions::default())).await;
    let mut server = match started {
        Err(missing @ servers::Error::Missing { .. }) => return skipped(&missing.to_string()),
        started => started.unwrap(),
    };
    let world = World::new().await;
    let (_, consumer) = dicing(&world);
    let (broker, consuming) = start(impatient(&server.url()), vec![consumer]).await;
    let relay = world.relay(broker.publisher(), quick());
    for n in 0..15 {
        put_round(&world, n).await;
        if n % 5 == 2 {
            eventually(PATIENCE, || async { done(&world).await > n * AGGREGATES / 2 }).await;
            server = blocking(move || {
                // Not killed at first: a broker writes the directory of its queues down every half second, and
                // one that is killed right after a queue was made does not find it again.
                if n == 2 {
                    server.stop().unwrap();
                } else {
                    server.kill().unwrap();
                }
                server
            })
            .await;
            // what is put while there is no broker waits in the outbox
            world.put(step(1_000, n / 5)).await;
            server = blocking(move || {
                server.restart().unwrap();
                server
            })
            .await;
        }
    }
    let all = 15 * AGGREGATES + 3;
    eventually(PATIENCE, || async { done(&world).await == all }).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    assert_in_order(&world, all).await;
    stop(relay, consuming).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_01_connections_that_are_cut_again_and_again_lose_nothing() {
    let Some(url) = shared_broker() else { return };
    let proxy = Proxy::to(port(&url)).await;
    let world = World::new().await;
    let (_, consumer) = dicing(&world);
    let (broker, consuming) = start(impatient(&proxy.url()), vec![consumer]).await;
    let relay = world.relay(broker.publisher(), quick());
    for n in 0..20 {
        put_round(&world, n).await;
        if n % 4 == 3 {
            eventually(PATIENCE, || async { done(&world).await > (n - 3) * AGGREGATES }).await;
            proxy.cut();
        }
    }
    eventually(PATIENCE, || async { done(&world).await == 20 * AGGREGATES }).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    assert_in_order(&world, 20 * AGGREGATES).await;
    stop(relay, consuming).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_01_a_message_whose_confirmation_is_lost_comes_twice_and_has_one_effect() {
    let Some(url) = shared_broker() else { return };
    let proxy = Proxy::to(port(&url)).await;
    let world = World::new().await;
    let with = impatient(&url);
    let (calls, count) = (Arc::new(AtomicU32::new(0)), world.db.clone());
    let counter = Arc::clone(&calls);
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let db = count.clone();
        counter.fetch_add(1, Ordering::SeqCst);
        async move { Ok(effect_once(&db, &ctx, "effects", &message).await?) }
    });
    let (_broker, consuming) = start(with.clone(), vec![consumer]).await;
    // another process, whose broker does not get through to it
    let url = kit::Secret::new(proxy.url());
    let (publishing, tasks) = start(Options { url, ..with }, Vec::new()).await;
    proxy.deafen(true);
    let relay = world.relay(publishing.publisher(), quick());
    world.put_all((0..5).map(|n| step(1, n)).collect()).await;
    eventually(PATIENCE, || async { done(&world).await == 1 }).await;
    eventually(PATIENCE, || async { proxy.lost.load(Ordering::SeqCst) > 0 }).await;
    assert_eq!(pending(&world).await, 5);
    proxy.deafen(false);
    proxy.cut();
    eventually(PATIENCE, || async { done(&world).await == 5 }).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    eventually(PATIENCE, || async { calls.load(Ordering::SeqCst) >= 6 }).await;
    assert_in_order(&world, 5).await;
    assert!(relay.shutdown(PATIENCE).await.dropped.is_empty());
    stop(tasks, consuming).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_01_consumers_that_come_and_go_lose_nothing_and_keep_the_sequence() {
    let Some(url) = shared_broker() else { return };
    let with = options(&url);
    let world = World::new().await;
    // two processes at a time; in turn one is killed or stops in order
    let one_more = || async { start(with.clone(), vec![dicing(&world).1]).await };
    let mut others = vec![one_more().await, one_more().await];
    let relay = world.relay(others[1].0.publisher(), quick());
    let mut relays = vec![relay];
    for n in 0..12 {
        put_round(&world, n).await;
        if n % 3 == 2 {
            eventually(PATIENCE, || async { done(&world).await > (n - 2) * AGGREGATES }).await;
            let (_, gone) = others.remove(0);
            gone.shutdown(if n % 2 == 0 { Duration::ZERO } else { PATIENCE }).await;
            let fresh = one_more().await;
            let relay = world.relay(fresh.0.publisher(), quick());
            relays.remove(0).shutdown(PATIENCE).await;
            relays.push(relay);
            others.push(fresh);
        }
    }
    eventually(PATIENCE, || async { done(&world).await == 12 * AGGREGATES }).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    assert_in_order(&world, 12 * AGGREGATES).await;
    for relay in relays {
        relay.shutdown(PATIENCE).await;
    }
    for (_, tasks) in others {
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

#[tokio::test]
async fn a_consumer_that_stops_finishes_what_it_does_and_leaves_the_rest_to_the_next() {
    let Some(url) = shared_broker() else { return };
    let with = Options { partitions: 1, concurrency: 1, ..options(&url) };
    let world = World::new().await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (db, begun, go) = (world.db.clone(), Arc::clone(&begun), Arc::clone(&go));
        Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
            let (db, begun, go) = (db.clone(), Arc::clone(&begun), Arc::clone(&go));
            async move {
                begun.notify_one();
                go.notified().await;
                Ok(effect_once(&db, &ctx, "effects", &message).await?)
            }
        })
    };
    let (broker, consuming) = start(with.clone(), vec![slow]).await;
    let relay = world.relay(broker.publisher(), quick());
    world.put_all((0..4).flat_map(|n| [step(1, n), step(2, n)]).collect()).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    begun.notified().await;
    consuming.cancel();
    go.notify_one();
    assert!(consuming.shutdown(PATIENCE).await.dropped.is_empty());
    assert_eq!(done(&world).await, 1);
    relay.shutdown(PATIENCE).await;

    let (_next, tasks) = start(with, vec![effects_consumer(&world.db, "stepped")]).await;
    eventually(PATIENCE, || async { done(&world).await == 8 }).await;
    assert_in_order(&world, 8).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn ob_05_a_message_that_kills_whoever_works_on_it_becomes_a_dead_letter() {
    let Some(url) = shared_broker() else { return };
    let with = Options { partitions: 1, deliveries_max: 3, ..options(&url) };
    let world = World::new().await;
    let survives = Arc::new(AtomicBool::new(false));
    let reached = Arc::new(Notify::new());
    let deadly = || {
        let (db, survives, reached) =
            (world.db.clone(), Arc::clone(&survives), Arc::clone(&reached));
        Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
            let (db, reached) = (db.clone(), Arc::clone(&reached));
            let kills = message.id.aggregate_id == 1 && !survives.load(Ordering::SeqCst);
            async move {
                if kills {
                    reached.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok(effect_once(&db, &ctx, "effects", &message).await?)
            }
        })
    };
    world.put_all((0..2).flat_map(|n| [step(1, n), step(2, n)]).collect()).await;
    let (broker, tasks) = start(with.clone(), vec![deadly()]).await;
    let relay = world.relay(broker.publisher(), quick());
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    relay.shutdown(PATIENCE).await;
    reached.notified().await;
    // the innocent ones are done: whoever is under way whenever the deadly one is looks as deadly
    eventually(PATIENCE, || async { done(&world).await == 2 }).await;
    tasks.shutdown(Duration::ZERO).await;
    drop(broker);
    for _ in 0..2 {
        let (_broker, tasks) = start(with.clone(), vec![deadly()]).await;
        reached.notified().await;
        tasks.shutdown(Duration::ZERO).await;
    }
    let (broker, tasks) = start(with, vec![deadly()]).await;
    let letters = broker.dead_letters();
    let both = || async {
        let list = letters.list("effects", 9).await.unwrap();
        let waiting = list.iter().filter(|letter| letter.waits).count();
        (waiting == 1 && list.len() == 2).then_some(list)
    };
    let dead = eventually_some(PATIENCE, both).await;
    let dead = dead.into_iter().find(|letter| !letter.waits).unwrap();
    assert!(dead.reason.contains("nobody survived"), "{}", dead.reason);
    survives.store(true, Ordering::SeqCst);
    letters.replay("effects", &dead.entry).await.unwrap();
    eventually(PATIENCE, || async { done(&world).await == 4 }).await;
    assert_in_order(&world, 4).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn without_a_broker_everything_waits_in_the_outbox_and_goes_when_there_is_one() {
    let Some(url) = shared_broker() else { return };
    let (listener, address) = testkit::free_listener().await;
    drop(listener);
    let world = World::new().await;
    let tasks = Tasks::new();
    let nowhere = kit::Secret::new(format!("amqp://guest:guest@{address}/%2f"));
    let with = options(&url);
    let absent =
        Options { url: nowhere, connect_within: Duration::from_millis(300), ..with.clone() };
    let clock = Arc::new(kit::SystemClock);
    let consumers = [effects_consumer(&world.db, "stepped")];
    let broker = Broker::start(&tasks, absent, clock, crate::ways::entropy(), consumers).unwrap();
    assert!(broker.ready().await.is_err());
    let impatient = outbox::relay::Options {
        deliver_within: Duration::from_millis(200),
        attempts_max: u32::MAX,
        ..quick()
    };
    let relay = world.relay(broker.publisher(), impatient);
    world.put_all((0..3).map(|n| step(1, n)).collect()).await;
    let tried = || async {
        let ctx = crate::common::fresh(&world.ctx);
        let (filter, limit) = (outbox::admin::Filter::default(), kit::Limit::default());
        let page = world.admin().list(&ctx, filter, None, limit).await.unwrap();
        page.items.iter().any(|entry| entry.attempts >= 3)
    };
    eventually(PATIENCE, tried).await;
    relay.shutdown(PATIENCE).await;
    assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    assert_eq!((pending(&world).await, done(&world).await), (3, 0));

    let (broker, consuming) = start(with, vec![effects_consumer(&world.db, "stepped")]).await;
    let relay = world.relay(broker.publisher(), quick());
    eventually(PATIENCE, || async { done(&world).await == 3 }).await;
    assert_in_order(&world, 3).await;
    stop(relay, consuming).await;
}
