//! A message that cannot be consumed holds up its own aggregate and nothing else, in both forms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use broker::Error;
use outbox::{ConsumeError, Consumer};
use testkit::{PATIENCE, eventually};

use crate::common::{World, effect_once};
use crate::ways::{Dead, Way, Wired, assert_in_order, done, options, shared_broker, start, step};

struct Poison {
    fixed: AtomicBool,
    permanent: bool,
    tried: AtomicU32,
}

/// Fails on the payload `1` of aggregate 1 until it is fixed.
fn picky(world: &World, permanent: bool) -> (Arc<Poison>, Consumer) {
    let poison =
        Arc::new(Poison { fixed: AtomicBool::new(false), permanent, tried: AtomicU32::new(0) });
    let (db, shared) = (world.db.clone(), Arc::clone(&poison));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, poison) = (db.clone(), Arc::clone(&shared));
        async move {
            let n: i64 = message.json()?;
            let bad = message.id.aggregate_id == 1 && n == 1;
            if bad && !poison.fixed.load(Ordering::SeqCst) {
                poison.tried.fetch_add(1, Ordering::SeqCst);
                let error = "cannot digest it";
                return Err(if poison.permanent {
                    ConsumeError::permanent(error)
                } else {
                    ConsumeError::retry(error)
                });
            }
            Ok(effect_once(&db, &ctx, "effects", &message).await?)
        }
    });
    (poison, consumer)
}

async fn put_steps(world: &World) {
    for n in 0..4 {
        for id in 1..=3 {
            world.put(step(id, n)).await;
        }
    }
}

async fn positions(world: &World, id: i64) -> Vec<String> {
    world.effects().await.into_iter().filter(|e| e.0 == id).map(|e| e.2).collect()
}

async fn stands_dead(world: &World, wired: &Wired) -> Dead {
    eventually(PATIENCE, || async { wired.dead(world).await.len() == 1 }).await;
    eventually(PATIENCE, || async { done(world).await == 9 }).await;
    wired.dead(world).await.remove(0)
}

async fn a_poison_message_isolates_its_aggregate_and_is_replayed_after_the_fix(way: Way) {
    let world = World::new().await;
    let (poison, consumer) = picky(&world, false);
    let wired = way.wire(4, vec![consumer]).await;
    let relay = wired.relay(&world);
    put_steps(&world).await;
    let dead = stands_dead(&world, &wired).await;
    assert_eq!((dead.attempts, dead.id.aggregate_id), (4, 1));
    assert_eq!(dead.reason, "effects: cannot digest it");
    assert_eq!(poison.tried.load(Ordering::SeqCst), 4);
    assert_eq!(positions(&world, 1).await, ["0"]);

    // Further messages of the aggregate wait as well.
    world.put(step(1, 4)).await;
    world.put(step(2, 4)).await;
    eventually(PATIENCE, || async { positions(&world, 2).await.len() == 5 }).await;
    assert_eq!(positions(&world, 1).await, ["0"]);

    // While it is not fixed, doing it again changes nothing.
    wired.replay(&world, &dead).await;
    eventually(PATIENCE, || async {
        let again = wired.dead(&world).await;
        let tried = poison.tried.load(Ordering::SeqCst) > 4;
        tried && again.len() == 1 && (again[0].entry != dead.entry || dead.entry.is_empty())
    })
    .await;
    assert_eq!(positions(&world, 1).await, ["0"]);

    poison.fixed.store(true, Ordering::SeqCst);
    let dead = wired.dead(&world).await.remove(0);
    wired.replay(&world, &dead).await;
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 5 }).await;
    world.put(step(1, 5)).await;
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 6 }).await;
    assert_in_order(&world, 6 + 5 + 4).await;
    assert!(wired.dead(&world).await.is_empty());
    relay.shutdown(PATIENCE).await;
    wired.stop().await;
}

async fn a_permanent_failure_is_dead_at_once_and_a_discard_lets_the_rest_go_on(way: Way) {
    let world = World::new().await;
    let (poison, consumer) = picky(&world, true);
    let wired = way.wire(100, vec![consumer]).await;
    let relay = wired.relay(&world);
    put_steps(&world).await;
    let dead = stands_dead(&world, &wired).await;
    assert_eq!(poison.tried.load(Ordering::SeqCst), 1);
    wired.discard(&world, &dead).await;
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 3 }).await;
    assert_eq!(positions(&world, 1).await, ["0", "2", "3"]);
    assert!(wired.dead(&world).await.is_empty());
    relay.shutdown(PATIENCE).await;
    wired.stop().await;
}

#[tokio::test]
async fn ob_05_in_process_poison_isolates_its_aggregate_and_is_replayed() {
    a_poison_message_isolates_its_aggregate_and_is_replayed_after_the_fix(Way::InProcess).await;
}

#[tokio::test]
async fn ob_05_over_the_broker_poison_isolates_its_aggregate_and_is_replayed() {
    let Some(way) = Way::broker() else { return };
    a_poison_message_isolates_its_aggregate_and_is_replayed_after_the_fix(way).await;
}

#[tokio::test]
async fn ob_05_in_process_a_discard_lets_the_rest_go_on() {
    a_permanent_failure_is_dead_at_once_and_a_discard_lets_the_rest_go_on(Way::InProcess).await;
}

#[tokio::test]
async fn ob_05_over_the_broker_a_discard_lets_the_rest_go_on() {
    let Some(way) = Way::broker() else { return };
    a_permanent_failure_is_dead_at_once_and_a_discard_lets_the_rest_go_on(way).await;
}

#[tokio::test]
async fn ob_05_who_takes_over_knows_which_aggregates_wait_and_all_can_be_replayed_together() {
    let Some(url) = shared_broker() else { return };
    let options = options(&url);
    let world = World::new().await;
    let (_, consumer) = picky(&world, true);
    let wired = Way::Broker(Box::new(options.clone())).wire(4, vec![consumer]).await;
    let relay = wired.relay(&world);
    put_steps(&world).await;
    stands_dead(&world, &wired).await;
    relay.shutdown(PATIENCE).await;
    wired.stop().await;

    // What comes to another process waits behind the dead letter all the same.
    let (poison, consumer) = picky(&world, true);
    poison.fixed.store(true, Ordering::SeqCst);
    let (broker, tasks) = start(options, vec![consumer]).await;
    let relay = world.relay(broker.publisher(), crate::common::quick());
    world.put(step(1, 4)).await;
    world.put(step(3, 4)).await;
    let letters = broker.dead_letters();
    eventually(PATIENCE, || async { positions(&world, 3).await.len() == 5 }).await;
    eventually(PATIENCE, || async { letters.list("effects", 100).await.unwrap().len() == 4 }).await;
    assert_eq!(positions(&world, 1).await, ["0"]);
    assert_eq!(letters.list("effects", 2).await.unwrap().len(), 2);
    let waiting = letters.list("effects", 100).await.unwrap();
    assert_eq!(waiting.iter().filter(|letter| letter.waits).count(), 3);
    assert_eq!(letters.replay_all("effects", |_| true).await.unwrap(), 4);
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 5 }).await;
    assert_in_order(&world, 14).await;
    eventually(PATIENCE, || async { letters.list("effects", 9).await.unwrap().is_empty() }).await;
    assert!(matches!(letters.replay("effects", "nothing").await, Err(Error::NotFound)));
    assert!(matches!(letters.list("nobody", 9).await, Err(Error::NotFound)));
    relay.shutdown(PATIENCE).await;
    assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
}
