//! What holds in both forms: one body each, run inside the process and over the broker.

use std::future::pending as never;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kit::ErrorCode;
use outbox::{Consume, ConsumeError, Consumer, Message, NewMessage};
use rpc::{ActorKind, Ctx, Fault, TraceId};
use shard::{Route, Tx};
use testkit::{eventually, seeded_entropy, user_ctx};

use crate::common::{World, append, effect_once, effects_consumer, fresh};
use crate::ways::{Way, assert_in_order, done, pending, step};

const PATIENCE: Duration = Duration::from_secs(120);
/// Nothing dies.
const MANY: u32 = 1_000;

/// One test for each form.
macro_rules! both {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_process() {
                super::bodies::$name(super::Way::InProcess).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_the_broker() {
                let Some(way) = super::Way::broker() else { return };
                super::bodies::$name(way).await;
            }
        }
    )* };
}

both! {
    ob_02_a_rollback_sends_nothing_and_a_commit_always_arrives
    ob_04_order_and_one_effect_each_with_four_relays_and_random_failures
    ob_04_order_and_one_effect_each_where_messages_are_consumed_together
    ob_06_a_vanished_consumer_and_relay_leave_nothing_undone_and_nothing_done_twice
    ob_06_a_consumer_that_outlasts_its_time_is_called_again
    a_consumer_sees_what_was_put_in_the_same_trace
    all_consumers_get_a_message_and_one_that_fails_holds_no_other_up
    a_message_that_nobody_wants_is_done
    timers_wait_for_nothing_and_hold_nothing_up
}

type Seen = Arc<Mutex<Vec<(Ctx, Message)>>>;

fn recording(name: &'static str) -> (Seen, Consumer) {
    let seen: Seen = Arc::default();
    let all = Arc::clone(&seen);
    let consumer = Consumer::from_fn(name, ["stepped"], move |ctx, message| {
        all.lock().unwrap().push((ctx, message));
        async { Ok(()) }
    });
    (seen, consumer)
}

/// One in eight fails before its effect, one in eight after it, so that it comes again.
fn dicing(world: &World, seed: u64) -> Consumer {
    let (db, chance) = (world.db.clone(), seeded_entropy(seed));
    Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, dice) = (db.clone(), chance.next_u64().unwrap() % 8);
        async move {
            if dice == 0 {
                return Err(ConsumeError::retry("before"));
            }
            effect_once(&db, &ctx, "effects", &message).await?;
            if dice == 1 { Err(ConsumeError::retry("after")) } else { Ok(()) }
        }
    })
}

/// Takes up to 16 messages in one transaction, and fails now and then before or after it.
struct Together {
    db: shard::Database,
    chance: kit::SharedEntropy,
    batches: Arc<AtomicU32>,
}

#[async_trait]
impl Consume for Together {
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError> {
        Ok(effect_once(&self.db, ctx, "effects", message).await?)
    }

    fn together_max(&self) -> usize {
        16
    }

    async fn consume_many(&self, ctx: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        assert!(messages.iter().all(|m| m.tenant == ctx.tenant && m.topic == "stepped"));
        self.batches.fetch_add(1, Ordering::Relaxed);
        let dice = self.chance.next_u64().unwrap() % 4;
        if dice == 0 {
            return Err(ConsumeError::retry("before"));
        }
        let (own, all) = (ctx.clone(), messages.to_vec());
        let body = move |tx: Tx| {
            let (ctx, all) = (own.clone(), all.clone());
            async move {
                for message in &all {
                    if outbox::inbox::once(&tx, &ctx, "effects", message).await? {
                        append(&tx, message.id.aggregate_id, &message.payload).await?;
                    }
                }
                Ok::<_, Fault>(())
            }
        };
        self.db.tx(ctx, Route::Whole, body).await?;
        if dice == 1 { Err(ConsumeError::retry("after")) } else { Ok(()) }
    }
}

/// A change and its message in one transaction, which fails afterwards when told to.
async fn change(world: &World, id: i64, fail: bool) -> Result<(), Fault> {
    let (outbox, ctx) = (world.outbox.clone(), world.ctx.clone());
    let body = move |tx: Tx| {
        let (outbox, ctx) = (outbox.clone(), ctx.clone());
        async move {
            outbox.put(&tx, &ctx, NewMessage::new("stepped", "thing", id, &0)?).await?;
            if fail { Err(Fault::new(ErrorCode::Conflict, "on purpose")) } else { Ok(()) }
        }
    };
    world.db.tx(&fresh(&world.ctx), Route::Whole, body).await
}

/// The bodies. Each ends with everything stopped in order.
mod bodies {
    use super::*;

    pub async fn ob_02_a_rollback_sends_nothing_and_a_commit_always_arrives(way: Way) {
        let world = World::new().await;
        let wired = way.wire(MANY, vec![effects_consumer(&world.db, "stepped")]).await;
        let relay = wired.relay(&world);
        for id in 0..90 {
            assert_eq!(change(&world, id, id % 3 == 0).await.is_err(), id % 3 == 0);
        }
        eventually(PATIENCE, || async { done(&world).await == 60 }).await;
        eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
        assert!(world.effects().await.iter().all(|(id, ..)| id % 3 != 0));
        assert_in_order(&world, 60).await;
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }

    pub async fn ob_04_order_and_one_effect_each_with_four_relays_and_random_failures(way: Way) {
        const AGGREGATES: i64 = 30;
        const EACH: i64 = 20;
        let world = World::new().await;
        let wired = way.wire(MANY, vec![dicing(&world, 4)]).await;
        let relays: Vec<_> = (0..4).map(|_| wired.relay(&world)).collect();
        for n in (0..EACH).step_by(5) {
            for id in 0..AGGREGATES {
                if id % 2 == 0 {
                    world.put_all((n..n + 5).map(|n| step(id, n)).collect()).await;
                } else {
                    for n in n..n + 5 {
                        world.put(step(id, n)).await;
                    }
                }
            }
        }
        eventually(PATIENCE, || async { done(&world).await == AGGREGATES * EACH }).await;
        eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
        assert_in_order(&world, AGGREGATES * EACH).await;
        for relay in relays {
            assert!(relay.shutdown(PATIENCE).await.dropped.is_empty());
        }
        wired.stop().await;
    }

    pub async fn ob_04_order_and_one_effect_each_where_messages_are_consumed_together(way: Way) {
        let world = World::new().await;
        let batches = Arc::<AtomicU32>::default();
        let (db, chance) = (world.db.clone(), seeded_entropy(7));
        let work = Together { db, chance, batches: Arc::clone(&batches) };
        let wired = way.wire(MANY, vec![Consumer::new("effects", ["stepped"], work)]).await;
        let relays: Vec<_> = (0..2).map(|_| wired.relay(&world)).collect();
        // one of each aggregate at a time: several of one would go one after the other
        for n in 0..8 {
            world.put_all((0..60).map(|id| step(id, n)).collect()).await;
            eventually(PATIENCE, || async { done(&world).await == 60 * (n + 1) }).await;
        }
        eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
        assert_in_order(&world, 480).await;
        assert!(batches.load(Ordering::Relaxed) > 0, "nothing was consumed together");
        for relay in relays {
            assert!(relay.shutdown(PATIENCE).await.dropped.is_empty());
        }
        wired.stop().await;
    }

    pub async fn ob_06_a_vanished_consumer_and_relay_leave_nothing_undone_and_nothing_done_twice(
        way: Way,
    ) {
        for after_effect in [false, true] {
            let world = World::new().await;
            let way = match &way {
                Way::InProcess => Way::InProcess,
                Way::Broker(options) => {
                    let prefix = format!("{}-{after_effect}", options.prefix);
                    Way::Broker(Box::new(broker::Options {
                        prefix,
                        ..broker::Options::clone(options)
                    }))
                }
            };
            let reached = Arc::new(AtomicU32::new(0));
            let (db, count) = (world.db.clone(), Arc::clone(&reached));
            let hanging = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
                let (db, count) = (db.clone(), Arc::clone(&count));
                async move {
                    if after_effect {
                        effect_once(&db, &ctx, "effects", &message).await?;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    never().await
                }
            });
            let first = way.wire(MANY, vec![hanging]).await;
            let steps = (0..10).flat_map(|id| (0..5).map(move |n| step(id, n)));
            world.put_all(steps.collect()).await;
            let relay = short_lease(&world, &first.deliver);
            eventually(PATIENCE, || async { reached.load(Ordering::SeqCst) == 10 }).await;
            // dropped in the middle of ten messages
            relay.shutdown(Duration::ZERO).await;
            first.kill().await;

            let second = way.wire(MANY, vec![effects_consumer(&world.db, "stepped")]).await;
            let relay = short_lease(&world, &second.deliver);
            eventually(PATIENCE, || async { done(&world).await == 50 }).await;
            assert_in_order(&world, 50).await;
            assert!(relay.shutdown(PATIENCE).await.dropped.is_empty());
            second.stop().await;
        }
    }

    fn short_lease(world: &World, deliver: &Arc<dyn outbox::Deliver>) -> tasks::Tasks {
        let deliver_within = Duration::from_millis(1_600);
        let lease = Duration::from_millis(2_100);
        let quick = crate::common::quick();
        world.relay(Arc::clone(deliver), outbox::relay::Options { deliver_within, lease, ..quick })
    }

    pub async fn ob_06_a_consumer_that_outlasts_its_time_is_called_again(way: Way) {
        let world = World::new().await;
        let way = match way {
            Way::Broker(options) => Way::Broker(Box::new(broker::Options {
                consume_within: Duration::from_millis(400),
                ..*options
            })),
            Way::InProcess => way,
        };
        let tries = Arc::new(AtomicU32::new(0));
        let (db, count) = (world.db.clone(), Arc::clone(&tries));
        let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
            let (db, first) = (db.clone(), count.fetch_add(1, Ordering::SeqCst) == 0);
            async move {
                if first {
                    never::<()>().await;
                }
                Ok(effect_once(&db, &ctx, "effects", &message).await?)
            }
        });
        let wired = way.wire(MANY, vec![consumer]).await;
        let relay = short_lease(&world, &wired.deliver);
        world.put(step(1, 0)).await;
        eventually(PATIENCE, || async { done(&world).await == 1 }).await;
        assert_eq!(tries.load(Ordering::SeqCst), 2);
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }

    pub async fn a_consumer_sees_what_was_put_in_the_same_trace(way: Way) {
        let mut world = World::new().await;
        let trace = TraceId::from_random(0xabc, 0xdef);
        world.ctx = Ctx { trace, request_id: "r-1".to_owned(), ..user_ctx("gadget", 5) };
        let (seen, consumer) = recording("recorder");
        let wired = way.wire(MANY, vec![consumer]).await;
        let relay = wired.relay(&world);
        let id = world.put(NewMessage::new("stepped", "thing", 9, &"häß").unwrap()).await;
        eventually(PATIENCE, || async { seen.lock().unwrap().len() == 1 }).await;
        let (ctx, message) = seen.lock().unwrap().pop().unwrap();
        assert_eq!((ctx.tenant.as_str(), ctx.actor.kind), ("gadget", ActorKind::System));
        assert_eq!((ctx.actor.name.as_str(), ctx.request_id.as_str()), ("recorder", "r-1"));
        assert_eq!(ctx.trace.trace, trace.trace);
        assert_ne!(ctx.trace.span, trace.span);
        assert_eq!((message.id, message.source.as_str(), message.attempt), (id, "things", 1));
        assert_eq!((message.payload.as_str(), message.topic.as_str()), ("\"häß\"", "stepped"));
        assert_eq!((message.deliver_at, message.tenant.as_str()), (None, "gadget"));
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }

    pub async fn all_consumers_get_a_message_and_one_that_fails_holds_no_other_up(way: Way) {
        let world = World::new().await;
        let (seen, recorder) = recording("recorder");
        let tries = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&tries);
        let flaky = Consumer::from_fn("flaky", ["stepped"], move |_, _| {
            let n = count.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(n != 1, "on purpose");
                if n == 0 { Err(ConsumeError::retry("not yet")) } else { Ok(()) }
            }
        });
        let effects = effects_consumer(&world.db, "stepped");
        let wired = way.wire(MANY, vec![flaky, recorder, effects]).await;
        let relay = wired.relay(&world);
        world.put(step(1, 0)).await;
        eventually(PATIENCE, || async { tries.load(Ordering::SeqCst) == 3 }).await;
        eventually(PATIENCE, || async { done(&world).await == 1 }).await;
        eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
        assert!(!seen.lock().unwrap().is_empty());
        assert_in_order(&world, 1).await;
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }

    pub async fn a_message_that_nobody_wants_is_done(way: Way) {
        let world = World::new().await;
        let wired = way.wire(MANY, vec![effects_consumer(&world.db, "stepped")]).await;
        let relay = wired.relay(&world);
        for id in 0..20 {
            world.put(NewMessage::new("unwanted", "thing", id, &0).unwrap()).await;
            world.put(step(id, 0)).await;
        }
        eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
        eventually(PATIENCE, || async { done(&world).await == 20 }).await;
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }

    pub async fn timers_wait_for_nothing_and_hold_nothing_up(way: Way) {
        let world = World::new().await;
        let now = world.db.clock().now();
        let db = world.db.clone();
        let failing = Consumer::from_fn("effects", ["stepped", "rang"], move |ctx, message| {
            let db = db.clone();
            async move {
                if message.topic == "rang" && message.payload == "\"bad\"" {
                    return Err(ConsumeError::permanent("never"));
                }
                Ok(effect_once(&db, &ctx, "effects", &message).await?)
            }
        });
        let wired = way.wire(MANY, vec![failing]).await;
        let relay = wired.relay(&world);
        let timer =
            |what: &str| NewMessage::new("rang", "thing", 1, &what).unwrap().deliver_at(now);
        world.put(timer("bad")).await;
        eventually(PATIENCE, || async { wired.dead(&world).await.len() == 1 }).await;
        // a dead timer holds neither its aggregate up nor its other timers
        world.put(step(1, 0)).await;
        eventually(PATIENCE, || async { done(&world).await == 1 }).await;
        world.put(timer("good")).await;
        eventually(PATIENCE, || async { done(&world).await == 2 }).await;
        relay.shutdown(PATIENCE).await;
        wired.stop().await;
    }
}
