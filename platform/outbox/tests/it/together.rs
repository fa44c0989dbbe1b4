//! Messages that are claimed, taken and settled together keep what each of them was promised alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kit::SharedEntropy;
use outbox::backoff::Backoff;
use outbox::relay::Options;
use outbox::{Consume, ConsumeError, Consumer, Message, NewMessage};
use rpc::{Ctx, Fault};
use shard::{Database, Route, Tx};
use testkit::{eventually, seeded_entropy};
use tokio::sync::{Barrier, Notify};

use crate::common::{World, append, effect_once, effects_consumer, fresh, quick, router};

const PATIENCE: Duration = Duration::from_secs(120);

fn step(id: i64, n: i64) -> NewMessage {
    NewMessage::new("stepped", "thing", id, &n).unwrap()
}

/// Takes up to 16 messages in one transaction; some payloads it never takes, and at random it fails.
struct Together {
    db: Database,
    chance: SharedEntropy,
    bad: &'static str,
    batches: Arc<AtomicUsize>,
}

impl Together {
    fn consumer(world: &World, bad: &'static str) -> (Consumer, Arc<AtomicUsize>) {
        let batches = Arc::new(AtomicUsize::new(0));
        let (db, chance) = (world.db.clone(), seeded_entropy(7));
        let work = Self { db, chance, bad, batches: Arc::clone(&batches) };
        (Consumer::new("effects", ["stepped"], work), batches)
    }

    /// One in eight fails before its effect, one in eight after it.
    fn dice(&self) -> u64 {
        self.chance.next_u64().unwrap() % 8
    }
}

#[async_trait]
impl Consume for Together {
    async fn consume(&self, ctx: &Ctx, message: &Message) -> Result<(), ConsumeError> {
        let dice = self.dice();
        if dice == 0 || message.payload == self.bad {
            return Err(ConsumeError::retry("before"));
        }
        effect_once(&self.db, ctx, "effects", message).await?;
        if dice == 1 { Err(ConsumeError::retry("after")) } else { Ok(()) }
    }

    fn together_max(&self) -> usize {
        16
    }

    async fn consume_many(&self, ctx: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        assert!((2..=16).contains(&messages.len()));
        assert!(messages.iter().all(|m| m.tenant == ctx.tenant && m.topic == "stepped"));
        self.batches.fetch_add(1, Ordering::Relaxed);
        if messages.iter().any(|m| m.payload == self.bad) {
            return Err(ConsumeError::permanent("one of them is bad"));
        }
        let dice = self.dice();
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

async fn all_is_done(world: &World) {
    eventually(PATIENCE, || async {
        world.admin().stats(&fresh(&world.ctx), None).await.unwrap().pending == 0
    })
    .await;
}

async fn each_in_order(world: &World, all: i64) {
    let effects = world.effects().await;
    assert_eq!(effects.len(), usize::try_from(all).unwrap());
    assert!(effects.iter().all(|(_, position, what)| position.to_string() == *what), "in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_04_order_and_one_effect_each_hold_for_messages_that_are_consumed_together() {
    order_and_one_effect_each(&quick()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_04_order_and_one_effect_each_hold_where_claims_are_paced() {
    order_and_one_effect_each(&Options { pace: Duration::from_millis(30), ..quick() }).await;
}

async fn order_and_one_effect_each(options: &Options) {
    const AGGREGATES: i64 = 90;
    const EACH: i64 = 12;
    let world = World::new().await;
    let (consumer, batches) = Together::consumer(&world, "none");
    let deliver = router([consumer]);
    let relays: Vec<_> =
        (0..4).map(|_| world.relay(Arc::clone(&deliver), options.clone())).collect();
    for n in 0..EACH {
        // Some come in runs, most alone.
        let ids = (0..AGGREGATES).filter(|id| id % 9 != 0 || n % 3 == 0);
        let steps = ids
            .flat_map(|id| (n..if id % 9 == 0 { n + 3 } else { n + 1 }).map(move |n| step(id, n)));
        world.put_all(steps.collect()).await;
    }
    all_is_done(&world).await;
    each_in_order(&world, AGGREGATES * EACH).await;
    assert!(batches.load(Ordering::Relaxed) > 0, "nothing was consumed together");
    for tasks in relays {
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_message_among_many_is_the_only_one_that_dies() {
    let world = World::new().await;
    let (consumer, batches) = Together::consumer(&world, "\"bad\"");
    let bad = NewMessage::new("stepped", "thing", 7, &"bad").unwrap();
    let good = (0..40).filter(|id| *id != 7).map(|id| step(id, 0));
    world.put_all(good.chain([bad]).collect()).await;
    let options = Options { attempts_max: 30, ..quick() };
    let tasks = world.relay(router([consumer]), options);
    all_is_done(&world).await;
    let stats = world.admin().stats(&fresh(&world.ctx), None).await.unwrap();
    assert_eq!(stats.dead, 1);
    each_in_order(&world, 39).await;
    assert!(batches.load(Ordering::Relaxed) > 0, "nothing was consumed together");
    tasks.shutdown(PATIENCE).await;
}

/// Takes all together; notes where two of them are of one aggregate.
struct Differing(Arc<AtomicUsize>, Arc<AtomicUsize>);

#[async_trait]
impl Consume for Differing {
    async fn consume(&self, _: &Ctx, _: &Message) -> Result<(), ConsumeError> {
        Ok(())
    }

    fn together_max(&self) -> usize {
        16
    }

    async fn consume_many(&self, _: &Ctx, messages: &[Arc<Message>]) -> Result<(), ConsumeError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let aggregates: BTreeSet<i64> = messages.iter().map(|m| m.id.aggregate_id).collect();
        self.1.fetch_add(messages.len() - aggregates.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn messages_that_are_consumed_together_are_of_different_aggregates_also_where_they_are_timers()
 {
    let world = World::new().await;
    let now = world.db.clock().now();
    let timer = |id| NewMessage::new("rang", "thing", id, &id).unwrap().deliver_at(now);
    world.put_all((0..40).map(|n| timer(n % 10)).collect()).await;
    let (batches, same) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let work = Differing(Arc::clone(&batches), Arc::clone(&same));
    let tasks = world.relay(router([Consumer::new("differing", ["rang"], work)]), quick());
    all_is_done(&world).await;
    assert!(batches.load(Ordering::Relaxed) > 0, "nothing was consumed together");
    assert_eq!(same.load(Ordering::Relaxed), 0, "two of one aggregate went together");
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn who_takes_one_message_at_a_time_gets_those_that_another_takes_together_side_by_side() {
    const MANY: usize = 12;
    let world = World::new().await;
    let batches = Arc::<AtomicUsize>::default();
    let work = Differing(Arc::clone(&batches), Arc::default());
    let together = Consumer::new("together", ["stepped"], work);
    // it goes on when it has got them all, and would wait for ever for the second while it has only one
    let all = Arc::new(Barrier::new(MANY));
    let single = Consumer::from_fn("single", ["stepped"], move |_, _| {
        let all = Arc::clone(&all);
        async move {
            all.wait().await;
            Ok(())
        }
    });
    world.put_all((0..MANY).map(|id| step(id.try_into().unwrap(), 0)).collect()).await;
    let tasks = world.relay(router([together, single]), Options { attempts_max: 1, ..quick() });
    all_is_done(&world).await;
    let stats = world.admin().stats(&fresh(&world.ctx), None).await.unwrap();
    assert!(batches.load(Ordering::Relaxed) > 0, "nothing was consumed together");
    assert_eq!(stats.dead, 0);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_queue_behind_a_dead_message_holds_up_no_other_aggregate_and_goes_on_in_order() {
    const QUEUE: i64 = 400;
    let world = World::new().await;
    let dies =
        Consumer::from_fn("dies", ["dies"], |_, _| async { Err(ConsumeError::permanent("never")) });
    // Before and behind the queue there are others, so that a look at all of them is cut off in it.
    let dead = world.put(NewMessage::new("dies", "thing", 50, &()).unwrap()).await;
    let deliver = router([dies, effects_consumer(&world.db, "stepped")]);
    let long = Duration::from_secs(3_600);
    let patient =
        Options { backoff: Backoff { first: Duration::from_millis(4), max: long }, ..quick() };
    let relays: Vec<_> =
        (0..2).map(|_| world.relay(Arc::clone(&deliver), patient.clone())).collect();
    for n in (0..QUEUE).step_by(40) {
        world.put_all((n..n + 40).map(|n| step(50, n)).collect()).await;
        world.put_all((0..100).filter(|id| *id != 50).map(|id| step(id, n / 40)).collect()).await;
    }
    let others = 99 * (QUEUE / 40);
    eventually(PATIENCE, || async { world.count("inbox").await == u64::try_from(others).unwrap() })
        .await;
    each_in_order(&world, others).await;
    let ctx = fresh(&world.ctx);
    assert!(world.admin().discard(&ctx, &world.ctx.tenant, &dead, None).await.is_ok());
    all_is_done(&world).await;
    each_in_order(&world, others + QUEUE).await;
    for tasks in relays {
        assert!(tasks.shutdown(PATIENCE).await.dropped.is_empty());
    }
}

#[tokio::test]
async fn what_follows_soon_after_a_claim_goes_together_and_is_recorded_although_nothing_follows() {
    let world = World::new().await;
    let (batches, same) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let work = Differing(Arc::clone(&batches), Arc::clone(&same));
    let first = Arc::new(Notify::new());
    let told = Arc::clone(&first);
    let began = Consumer::from_fn("began", ["began"], move |_, _| {
        told.notify_one();
        async { Ok(()) }
    });
    let deliver = router([began, Consumer::new("together", ["stepped"], work)]);
    let paced = Options { pace: Duration::from_secs(4), ..Options::default() };
    world.put(NewMessage::new("began", "thing", 0, &()).unwrap()).await;
    let tasks = world.relay(deliver, paced);
    first.notified().await;
    // each is put, and rings, alone
    for id in 1..=10 {
        world.put(step(id, 0)).await;
    }
    all_is_done(&world).await;
    assert_eq!(batches.load(Ordering::Relaxed), 1);
    tasks.shutdown(PATIENCE).await;
}
