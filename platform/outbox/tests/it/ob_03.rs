//! Transactions that end in another order than they began, and relays that meet writers: nothing is
//! skipped and nothing is forgotten. The embedded engine has one writer at a time; there the second half
//! holds of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use kit::SystemClock;
use outbox::backoff::Backoff;
use outbox::relay::Options;
use outbox::{MessageId, NewMessage};
use rpc::{Ctx, Fault};
use shard::{Engine, Route, Tx};
use tasks::{TaskKind, Tasks};
use testkit::{PATIENCE, eventually};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::common::{World, effects_consumer, fresh, quick, router, skipped};

const HOLDER: TaskKind = TaskKind::new("test.holder");
/// How long a transaction may be held open: longer than the rest of the test may take.
const AT_MOST: Duration = Duration::from_secs(600);

/// What is parked is parked for longer than any test: only whoever is in its way may fetch it back.
fn patient() -> Options {
    let long = Duration::from_secs(3_600);
    Options { backoff: Backoff { first: Duration::from_millis(4), max: long }, ..quick() }
}

fn step(id: i64, n: i64) -> NewMessage {
    NewMessage::new("stepped", "thing", id, &n).unwrap()
}

/// Puts a message and stays in the transaction until it may go on.
fn hold(world: &World, id: i64, go_on: watch::Receiver<bool>) -> (Tasks, Arc<AtomicBool>) {
    let (tasks, holds) = (Tasks::new(), Arc::new(AtomicBool::new(false)));
    let (db, outbox, put) = (world.db.clone(), world.outbox.clone(), Arc::clone(&holds));
    let ctx = Ctx { deadline: Instant::now() + AT_MOST, ..world.ctx.clone() };
    tasks.spawn(HOLDER, async move {
        let own = ctx.clone();
        let body = move |tx: Tx| {
            let (outbox, ctx) = (outbox.clone(), own.clone());
            let (put, mut go_on) = (Arc::clone(&put), go_on.clone());
            async move {
                outbox.put(&tx, &ctx, step(id, 0)).await?;
                put.store(true, Ordering::SeqCst);
                go_on.wait_for(|go| *go).await.map_err(Fault::internal)?;
                Ok::<_, Fault>(())
            }
        };
        db.tx(&ctx, Route::Whole, body).await
    });
    (tasks, holds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_03_a_transaction_that_is_held_open_skips_nothing_and_holds_nobody_up() {
    let world = World::with(Arc::new(SystemClock), |o| o.statement_timeout = AT_MOST).await;
    if world.shards.engine() == Engine::Sqlite {
        return skipped(
            "the embedded engine has one writer, so no transaction is held open beside it",
        );
    }
    let deliver = router([effects_consumer(&world.db, "stepped")]);
    let relays: Vec<_> = (0..3).map(|_| world.relay(Arc::clone(&deliver), patient())).collect();
    let (let_go, go_on) = watch::channel(false);
    let (holder, holds) = hold(&world, 1, go_on);
    eventually(PATIENCE, || async { holds.load(Ordering::SeqCst) }).await;
    // All of these come later, in number and in time, and are delivered while the first is not even there.
    for n in 0..10 {
        world.put_all((2..52).map(|id| step(id, n)).collect()).await;
    }
    eventually(PATIENCE, || async { world.count("inbox").await == 500 }).await;
    eventually(PATIENCE, || async {
        world.admin().stats(&fresh(&world.ctx), None).await.unwrap().pending == 0
    })
    .await;

    let_go.send(true).unwrap();
    eventually(PATIENCE, || async { world.count("inbox").await == 501 }).await;
    let effects = world.effects().await;
    assert_eq!(effects.iter().filter(|(id, ..)| *id == 1).count(), 1);
    assert!(effects.iter().all(|(_, position, what)| position.to_string() == *what));
    assert!(holder.shutdown(PATIENCE).await.dropped.is_empty());
    for tasks in relays {
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

/// Takes the aggregate's turn as a service does, by its row, then puts the next message.
async fn put_next(world: &World, id: i64) -> MessageId {
    let (outbox, ctx) = (world.outbox.clone(), fresh(&world.ctx));
    let own = ctx.clone();
    let body = move |tx: Tx| {
        let (outbox, ctx) = (outbox.clone(), own.clone());
        async move {
            let n = crate::common::next_turn(&tx, id).await?;
            outbox.put(&tx, &ctx, step(id, n)).await
        }
    };
    world.db.tx::<_, Fault, _, _>(&ctx, Route::Whole, body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_forgotten_behind_one_that_is_just_being_settled() {
    const AGGREGATES: i64 = 8;
    const EACH: usize = 60;
    let world = World::new().await;
    let deliver = router([effects_consumer(&world.db, "stepped")]);
    let relays: Vec<_> = (0..4).map(|_| world.relay(Arc::clone(&deliver), patient())).collect();
    // Four writers on each aggregate.
    let writers = (0..AGGREGATES * 4).map(|n| {
        let world = &world;
        async move {
            let mut ids = Vec::new();
            for _ in 0..EACH / 4 {
                ids.push(put_next(world, n % AGGREGATES).await);
            }
            ids
        }
    });
    let ids = join_all(writers).await.concat();
    let all = u64::try_from(AGGREGATES).unwrap() * EACH as u64;
    eventually(PATIENCE, || async { world.count("inbox").await == all }).await;
    let effects = world.effects().await;
    assert!(effects.iter().all(|(_, position, what)| position.to_string() == *what), "in order");
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len() as u64, all);
    for tasks in relays {
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_one_aggregate_that_are_put_at_once_have_numbers_of_their_own() {
    let clock = testkit::test_clock();
    let world = World::at(clock).await;
    // Nobody has the aggregate locked: their sequence is anybody's, but each is there once.
    let puts = (0..40).map(|n| world.put(step(1, n)));
    let ids = join_all(puts).await;
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 40);
    assert_eq!(world.count("outbox").await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_happens_once_when_its_message_is_consumed_twice_at_once() {
    let world = World::new().await;
    let id = world.put(step(1, 0)).await;
    let entry = world.admin().get(&fresh(&world.ctx), &world.ctx.tenant, &id).await.unwrap();
    let message = outbox::Message {
        source: entry.database,
        id: entry.id,
        tenant: entry.tenant,
        topic: entry.topic,
        place: entry.place,
        payload: "0".to_owned(),
        trace: world.ctx.trace,
        request_id: entry.request_id,
        attempt: 1,
        created_at: entry.created_at,
        deliver_at: None,
    };
    let twice = (0..16).map(|_| {
        let (db, ctx, message) = (world.db.clone(), fresh(&world.ctx), message.clone());
        async move { crate::common::effect_once(&db, &ctx, "effects", &message).await }
    });
    for done in join_all(twice).await {
        done.unwrap();
    }
    assert_eq!(world.effects().await.len(), 1);
}

#[tokio::test]
async fn an_error_that_quotes_a_nul_is_kept_without_it_and_holds_nobody_up() {
    let world = World::new().await;
    let consumer = outbox::Consumer::from_fn("effects", ["stepped"], |_, _| async {
        Err(outbox::ConsumeError::permanent("it said \0 to us"))
    });
    let tasks = world.relay(router([consumer]), quick());
    let id = world.put(step(1, 0)).await;
    let dead = async || {
        let entry = world.admin().get(&fresh(&world.ctx), &world.ctx.tenant, &id).await.unwrap();
        (entry.state == outbox::admin::State::Dead).then_some(entry)
    };
    let entry = testkit::eventually_some(PATIENCE, dead).await;
    assert!(entry.last_error.unwrap().contains("it said \u{fffd} to us"));
    let admin = world.admin();
    let ctx = fresh(&world.ctx);
    let wrong = admin.discard(&ctx, &world.ctx.tenant, &id, Some("a\0b")).await.unwrap_err();
    assert_eq!(wrong.code, kit::ErrorCode::Invalid);
    let filter = outbox::admin::Filter { topic: Some("a\0b".to_owned()), ..Default::default() };
    let wrong = admin.retry_all(&ctx, filter).await.unwrap_err();
    assert_eq!(wrong.code, kit::ErrorCode::Invalid);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_ascend_in_the_order_of_the_commits() {
    let world = World::new().await;
    let writers = (0..24).map(|_| put_next(&world, 1));
    join_all(writers).await;
    let body = |tx: Tx| async move {
        let select = sea_query::Query::select()
            .column("payload")
            .from("outbox")
            .order_by("seq", sea_query::Order::Asc)
            .to_owned();
        let rows = tx.all(&select).await?;
        rows.iter().map(|row| row.get::<String>("payload")).collect::<Result<Vec<_>, Fault>>()
    };
    let payloads = world.db.read(&fresh(&world.ctx), Route::Whole, body).await.unwrap();
    let expected: Vec<String> = (0..24).map(|n| n.to_string()).collect();
    assert_eq!(payloads, expected);
}

/// Puts these messages of an aggregate that is new with the first of them.
async fn put_first(world: &World, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, Fault> {
    let (outbox, ctx) = (world.outbox.clone(), fresh(&world.ctx));
    let own = ctx.clone();
    let body = move |tx: Tx| {
        let (outbox, ctx, messages) = (outbox.clone(), own.clone(), messages.clone());
        async move { outbox.put_first(&tx, &ctx, messages).await }
    };
    world.db.tx(&ctx, Route::Whole, body).await
}

async fn put_together(world: &World, messages: Vec<NewMessage>) -> Result<Vec<MessageId>, Fault> {
    let (outbox, ctx) = (world.outbox.clone(), fresh(&world.ctx));
    let own = ctx.clone();
    let body = move |tx: Tx| {
        let (outbox, ctx, messages) = (outbox.clone(), own.clone(), messages.clone());
        async move { outbox.put_all(&tx, &ctx, messages).await }
    };
    world.db.tx(&ctx, Route::Whole, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_put_together_keep_their_sequence_behind_earlier_ones() {
    // More aggregates and more rows than one statement takes; the clock stands, so only numbers tell.
    const AGGREGATES: i64 = 21;
    let world = World::at(testkit::test_clock()).await;
    let first = put_first(&world, (0..3).map(|n| step(1, n)).collect()).await.unwrap();
    assert!(first.is_sorted() && first.windows(2).all(|two| two[0] != two[1]));
    let rest = (0..4).flat_map(|n| (1..=AGGREGATES).map(move |id| (id, n)));
    let rest: Vec<_> = rest.map(|(id, n)| step(id, if id == 1 { n + 3 } else { n })).collect();
    let ids = put_together(&world, rest).await.unwrap();
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    assert!(ids.iter().all(|id| id.aggregate_id != 1 || *id > first[2]));
    let tasks = world.relay(router([effects_consumer(&world.db, "stepped")]), quick());
    let all = u64::try_from(AGGREGATES * 4 + 3).unwrap();
    eventually(PATIENCE, || async { world.count("inbox").await == all }).await;
    let effects = world.effects().await;
    assert!(effects.iter().all(|(_, position, what)| position.to_string() == *what), "in order");
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn messages_whose_numbers_are_taken_are_refused_together_and_nothing_of_them_stays() {
    let world = World::at(testkit::test_clock()).await;
    put_first(&world, vec![step(1, 0)]).await.unwrap();
    // The aggregate is not new: the second message has the number of the one that is there.
    let e = put_first(&world, vec![step(2, 0), step(1, 1), step(3, 0)]).await.unwrap_err();
    assert_eq!(e.code, kit::ErrorCode::Unavailable);
    assert_eq!(world.count("outbox").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_put_together_at_once_without_a_lock_are_there_all_or_not_at_all() {
    let world = World::at(testkit::test_clock()).await;
    let puts = (0..24).map(|n| put_together(&world, (0..1 + n % 5).map(|m| step(1, m)).collect()));
    let mut ids = Vec::new();
    for put in join_all(puts).await {
        match put {
            Ok(some) => ids.extend(some),
            Err(e) => assert_eq!(e.code, kit::ErrorCode::Unavailable),
        }
    }
    assert!(!ids.is_empty());
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    assert_eq!(world.count("outbox").await, ids.len() as u64);
}
