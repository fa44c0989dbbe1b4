//! A relay that claims and vanishes loses nothing: another takes over when the lease is over.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use outbox::relay::Options;
use outbox::{Consumer, Deliver, NewMessage};
use testkit::{PATIENCE, eventually};

use crate::common::{World, effect_once, effects_consumer, quick, router};

fn short_lease() -> Options {
    let deliver_within = Duration::from_millis(400);
    Options { deliver_within, lease: Duration::from_millis(600), ..quick() }
}

/// Hangs for ever in every delivery, before or after its effect.
fn hanging(world: &World, after_effect: bool) -> (Arc<AtomicU32>, Arc<dyn Deliver>) {
    let reached = Arc::new(AtomicU32::new(0));
    let (db, count) = (world.db.clone(), Arc::clone(&reached));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, count) = (db.clone(), Arc::clone(&count));
        async move {
            if after_effect {
                effect_once(&db, &ctx, "effects", &message).await?;
            }
            count.fetch_add(1, Ordering::SeqCst);
            pending().await
        }
    });
    (reached, router([consumer]))
}

#[tokio::test]
async fn ob_06_a_vanished_relays_messages_are_claimed_again_in_order_and_have_one_effect() {
    for after_effect in [false, true] {
        let world = World::new().await;
        let (reached, deliver) = hanging(&world, after_effect);
        let steps = |ids: std::ops::Range<i64>| {
            let one =
                |id| (0..5).map(move |n| NewMessage::new("stepped", "thing", id, &n).unwrap());
            ids.flat_map(one).collect::<Vec<_>>()
        };
        world.put_all(steps(0..10)).await;
        let vanishing = world.relay(deliver, short_lease());
        eventually(PATIENCE, || async { reached.load(Ordering::SeqCst) == 10 }).await;
        // Dropped in the middle of ten deliveries: nothing is settled.
        vanishing.shutdown(Duration::ZERO).await;

        let tasks = world.relay(router([effects_consumer(&world.db, "stepped")]), short_lease());
        eventually(PATIENCE, || async { world.count("inbox").await == 50 }).await;
        let effects = world.effects().await;
        assert_eq!(effects.len(), 50);
        assert!(effects.iter().all(|(_, position, what)| position.to_string() == *what));
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

#[tokio::test]
async fn ob_06_a_delivery_that_outlasts_its_time_is_tried_again() {
    let world = World::new().await;
    let tries = Arc::new(AtomicU32::new(0));
    let (db, count) = (world.db.clone(), Arc::clone(&tries));
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, first) = (db.clone(), count.fetch_add(1, Ordering::SeqCst) == 0);
        async move {
            if first {
                pending::<()>().await;
            }
            Ok(effect_once(&db, &ctx, "effects", &message).await?)
        }
    });
    let tasks = world.relay(router([consumer]), short_lease());
    world.put(NewMessage::new("stepped", "thing", 1, &0).unwrap()).await;
    eventually(PATIENCE, || async { world.count("inbox").await == 1 }).await;
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_relay_that_stops_gives_back_what_it_has_not_begun() {
    let world = World::new().await;
    let (reached, deliver) = hanging(&world, false);
    let options = Options { concurrency: 1, ..short_lease() };
    let stopping = world.relay(deliver, Options { lease: Duration::from_secs(600), ..options });
    let many = (0..20).map(|id| NewMessage::new("stepped", "thing", id, &0).unwrap());
    world.put_all(many.collect()).await;
    eventually(PATIENCE, || async { reached.load(Ordering::SeqCst) == 1 }).await;
    assert!(stopping.shutdown(PATIENCE).await.dropped.is_empty());
    // Nothing waits for the long lease.
    let tasks = world.relay(router([effects_consumer(&world.db, "stepped")]), quick());
    eventually(PATIENCE, || async { world.count("inbox").await == 20 }).await;
    tasks.shutdown(PATIENCE).await;
}
