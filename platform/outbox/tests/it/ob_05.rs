//! A message that cannot be delivered holds up its own aggregate and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use kit::{Clock as _, ErrorCode, Limit};
use outbox::admin::{Filter, State};
use outbox::backoff::Backoff;
use outbox::relay::Options;
use outbox::{ConsumeError, Consumer, Deliver, NewMessage};
use testkit::{PATIENCE, eventually, tenant};
use tokio::sync::Notify;

use crate::common::{World, effect_once, fresh, quick, router};

struct Poison {
    fixed: AtomicBool,
    permanent: bool,
    tried: AtomicU32,
}

/// Fails on the payload `1` of aggregate 1 until it is fixed.
fn picky(world: &World, permanent: bool) -> (Arc<Poison>, Arc<dyn Deliver>) {
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
    (poison, router([consumer]))
}

async fn put_steps(world: &World) {
    for n in 0..4 {
        for id in 1..=3 {
            world.put(NewMessage::new("stepped", "thing", id, &n).unwrap()).await;
        }
    }
}

async fn positions(world: &World, id: i64) -> Vec<String> {
    world.effects().await.into_iter().filter(|e| e.0 == id).map(|e| e.2).collect()
}

async fn stands_dead(world: &World) -> outbox::admin::Entry {
    eventually(PATIENCE, || async {
        let stats = world.admin().stats(&fresh(&world.ctx), None).await.unwrap();
        stats.dead == 1 && stats.pending == 2
    })
    .await;
    let dead = Filter { state: Some(State::Dead), ..Filter::default() };
    let page = world.admin().list(&fresh(&world.ctx), dead, None, Limit::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    page.items.into_iter().next().unwrap()
}

#[tokio::test]
async fn ob_05_a_poison_message_isolates_its_aggregate_and_is_replayed_after_the_fix() {
    let world = World::new().await;
    let (poison, deliver) = picky(&world, false);
    let tasks = world.relay(deliver, Options { attempts_max: 4, ..quick() });
    put_steps(&world).await;
    let entry = stands_dead(&world).await;
    assert_eq!((entry.attempts, entry.id.aggregate_id), (4, 1));
    assert_eq!(entry.last_error.as_deref(), Some("effects: cannot digest it"));
    assert_eq!(poison.tried.load(Ordering::SeqCst), 4);
    assert_eq!(positions(&world, 1).await, ["0"]);
    for id in 2..=3 {
        assert_eq!(positions(&world, id).await, ["0", "1", "2", "3"]);
    }

    // Further messages of the aggregate wait as well.
    world.put(NewMessage::new("stepped", "thing", 1, &4).unwrap()).await;
    world.put(NewMessage::new("stepped", "thing", 2, &4).unwrap()).await;
    eventually(PATIENCE, || async { positions(&world, 2).await.len() == 5 }).await;
    assert_eq!(positions(&world, 1).await, ["0"]);

    poison.fixed.store(true, Ordering::SeqCst);
    world.admin().retry(&fresh(&world.ctx), &tenant("flora"), &entry.id).await.unwrap();
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 5 }).await;
    assert_eq!(positions(&world, 1).await, ["0", "1", "2", "3", "4"]);
    let again = world.admin().retry(&fresh(&world.ctx), &tenant("flora"), &entry.id).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::Conflict);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn ob_05_a_permanent_failure_is_dead_at_once_and_a_discard_lets_the_rest_go_on() {
    let world = World::new().await;
    let (poison, deliver) = picky(&world, true);
    let tasks = world.relay(deliver, quick());
    put_steps(&world).await;
    let entry = stands_dead(&world).await;
    assert_eq!(poison.tried.load(Ordering::SeqCst), 1);
    world
        .admin()
        .discard(&fresh(&world.ctx), &tenant("flora"), &entry.id, Some("sent twice"))
        .await
        .unwrap();
    eventually(PATIENCE, || async { positions(&world, 1).await.len() == 3 }).await;
    assert_eq!(positions(&world, 1).await, ["0", "2", "3"]);
    let entry = world.admin().get(&fresh(&world.ctx), &tenant("flora"), &entry.id).await.unwrap();
    assert_eq!(entry.state, State::Done);
    assert_eq!(entry.last_error.as_deref(), Some("discarded by system:test: sent twice"));
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn all_dead_messages_of_a_topic_can_be_retried_together() {
    let world = World::new().await;
    let broken = Arc::new(AtomicBool::new(true));
    let (db, is_broken) = (world.db.clone(), Arc::clone(&broken));
    let consumer = Consumer::from_fn("effects", ["stepped", "other"], move |ctx, message| {
        let (db, broken) = (db.clone(), is_broken.load(Ordering::SeqCst));
        async move {
            if broken {
                return Err(ConsumeError::permanent("broken"));
            }
            Ok(effect_once(&db, &ctx, "effects", &message).await?)
        }
    });
    let tasks = world.relay(router([consumer]), quick());
    let many = (0..450).map(|id| NewMessage::new("stepped", "thing", id, &id).unwrap());
    world.put_all(many.collect()).await;
    world.put(NewMessage::new("other", "thing", 1_000, &0).unwrap()).await;
    let dead = || async { world.admin().stats(&fresh(&world.ctx), None).await.unwrap().dead };
    eventually(PATIENCE, || async { dead().await == 451 }).await;

    broken.store(false, Ordering::SeqCst);
    let other = tenant("gadget");
    let filter = Filter { tenant: Some(other), ..Filter::default() };
    assert_eq!(world.admin().retry_all(&fresh(&world.ctx), filter).await.unwrap(), 0);
    let filter = Filter { topic: Some("stepped".to_owned()), ..Filter::default() };
    assert_eq!(world.admin().retry_all(&fresh(&world.ctx), filter).await.unwrap(), 450);
    eventually(PATIENCE, || async { world.count("inbox").await == 450 }).await;
    assert_eq!(dead().await, 1);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_list_of_messages_can_be_paged_through_without_gap_or_repeat() {
    let world = World::new().await;
    let many = (0..45).map(|id| NewMessage::new("stepped", "thing", id % 7, &id).unwrap());
    let mut wanted = world.put_all(many.collect()).await;
    let (admin, limit) = (world.admin(), Limit::new(10).unwrap());
    let (mut got, mut cursor) = (Vec::new(), None);
    loop {
        let ctx = fresh(&world.ctx);
        let page = admin.list(&ctx, Filter::default(), cursor.as_ref(), limit).await.unwrap();
        got.extend(page.items.into_iter().map(|e| e.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    got.sort();
    wanted.sort();
    assert_eq!(got, wanted);
    let strange = kit::Cursor::encode(&"x");
    let e = admin.list(&fresh(&world.ctx), Filter::default(), Some(&strange), limit).await;
    assert_eq!(e.unwrap_err().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn timers_to_come_are_listed_apart_from_what_is_due() {
    let clock = testkit::test_clock();
    let world = World::at(Arc::clone(&clock) as kit::SharedClock).await;
    let soon = testkit::BEGIN.plus(Duration::from_secs(60));
    let now = world.put(NewMessage::new("stepped", "thing", 1, &"now").unwrap()).await;
    let timer = NewMessage::new("rang", "thing", 1, &"later").unwrap().deliver_at(soon);
    let later = world.put(timer).await;
    let listed = |due| {
        let (admin, ctx) = (world.admin(), fresh(&world.ctx));
        async move {
            let filter = Filter { state: Some(State::Pending), due, ..Filter::default() };
            let page = admin.list(&ctx, filter, None, Limit::default()).await.unwrap();
            page.items.into_iter().map(|e| e.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed(Some(true)).await, std::slice::from_ref(&now));
    assert_eq!(listed(Some(false)).await, std::slice::from_ref(&later));
    let stats = world.admin().stats(&fresh(&world.ctx), None).await.unwrap();
    assert_eq!((stats.pending, stats.delayed), (1, 1));
    assert_eq!(stats.oldest_pending_at, Some(testkit::BEGIN));
    clock.set(soon);
    assert_eq!(listed(Some(true)).await, [now, later.clone()]);
    assert!(listed(Some(false)).await.is_empty());
    let got = world.admin().get_with_payload(&fresh(&world.ctx), &tenant("flora"), &later).await;
    assert_eq!(got.unwrap().1, r#""later""#);
}

#[tokio::test]
async fn ob_05_a_relay_that_ends_late_does_not_cut_the_pause_after_anothers_failure_short() {
    let clock = testkit::test_clock();
    let world = World::at(Arc::clone(&clock) as kit::SharedClock).await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        Consumer::from_fn("slow", ["stepped"], move |_, _| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                begun.notify_one();
                go.notified().await;
                Ok(())
            }
        })
    };
    let failing =
        Consumer::from_fn("failing", ["stepped"], |_, _| async { Err(ConsumeError::retry("no")) });
    let id = world.put(NewMessage::new("stepped", "thing", 1, &0).unwrap()).await;
    // the first looks when it begins only, so that the second gets what it holds for too long
    let rare = Options { poll: Duration::from_secs(3_600), ..quick() };
    let first = world.relay(router([slow]), rare);
    begun.notified().await;
    clock.advance(Options::default().lease + Duration::from_secs(1));
    let pause = Duration::from_secs(3_600);
    let patient = Options { backoff: Backoff { first: pause, max: pause }, ..quick() };
    let second = world.relay(router([failing]), patient);
    let entry =
        || async { world.admin().get(&fresh(&world.ctx), &tenant("flora"), &id).await.unwrap() };
    eventually(PATIENCE, || async { entry().await.attempts == 1 }).await;
    assert!(second.shutdown(PATIENCE).await.dropped.is_empty());
    let failed = entry().await;
    assert_eq!(failed.last_error.as_deref(), Some("failing: no"));
    assert!(failed.next_at > clock.now());
    go.notify_one();
    // it has recorded what it did when it is gone
    assert!(first.shutdown(PATIENCE).await.dropped.is_empty());
    let after = entry().await;
    assert_eq!((after.state, after.attempts, after.next_at), (State::Pending, 1, failed.next_at));
}
