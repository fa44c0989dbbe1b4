//! Timers: never early, soon after, and caught up with after a pause.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kit::{SharedClock, TestClock, Timestamp};
use outbox::relay::Options;
use outbox::{ConsumeError, Deliver, Delivered, Message, NewMessage};
use testkit::{BEGIN, eventually, test_clock};

use crate::common::{World, quick};

const IN_10_MIN: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(200);

/// Takes timers and remembers when they came.
struct Sink {
    clock: Arc<TestClock>,
    early: AtomicU64,
    came: Mutex<Vec<(i64, Instant)>>,
    markers: AtomicU64,
}

impl Sink {
    fn new(clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(clock),
            early: AtomicU64::new(0),
            came: Mutex::default(),
            markers: AtomicU64::new(0),
        })
    }

    fn came(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

#[async_trait]
impl Deliver for Sink {
    async fn deliver(
        &self,
        message: &Arc<Message>,
        _within: Duration,
    ) -> Result<Delivered, ConsumeError> {
        let Some(due) = message.deliver_at else {
            self.markers.fetch_add(1, Ordering::SeqCst);
            return Ok(Delivered { consumers: 1 });
        };
        let now: Timestamp = kit::Clock::now(self.clock.as_ref());
        self.early.fetch_add(u64::from(now < due), Ordering::SeqCst);
        self.came.lock().unwrap().push((message.id.aggregate_id, Instant::now()));
        Ok(Delivered { consumers: 1 })
    }
}

fn timer(id: i64, due: Timestamp) -> NewMessage {
    NewMessage::new("rang", "timer", id, &id).unwrap().deliver_at(due)
}

fn options() -> Options {
    // Housekeeping counts rows all the time in other tests; here it would only cost.
    Options { housekeeping: Duration::from_secs(600), ..quick() }
}

async fn settled(world: &World) {
    eventually(PATIENCE, || async {
        let ctx = crate::common::fresh(&world.ctx);
        let stats = world.admin().stats(&ctx, None).await.unwrap();
        stats.pending == 0 && stats.delayed == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_08_of_100_000_timers_due_at_once_none_is_early_and_all_come_soon() {
    const TIMERS: i64 = 100_000;
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let sink = Sink::new(&clock);
    let tasks = world.relay(sink.clone(), options());
    let due = BEGIN.plus(IN_10_MIN);
    for from in (0..TIMERS).step_by(500) {
        world.put_all((from..from + 500).map(|id| timer(id, due)).collect()).await;
    }
    // A microsecond before: a message put now goes through, and no timer with it.
    clock.set(due.minus(Duration::from_micros(1)));
    world.put(NewMessage::new("marker", "marker", 1, &()).unwrap()).await;
    eventually(PATIENCE, || async { sink.markers.load(Ordering::SeqCst) == 1 }).await;
    assert_eq!(sink.came(), 0);

    let rang = Instant::now();
    clock.set(due);
    eventually(PATIENCE, || async { sink.came() >= 100_000 }).await;
    settled(&world).await;
    let came = std::mem::take(&mut *sink.came.lock().unwrap());
    let mut ids: Vec<i64> = came.iter().map(|c| c.0).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(0..TIMERS), "every timer came, and came once");
    assert_eq!(sink.early.load(Ordering::SeqCst), 0);
    let mut late: Vec<Duration> = came.iter().map(|c| c.1.duration_since(rang)).collect();
    late.sort_unstable();
    let (p50, p99) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    writeln!(std::io::stderr(), "100,000 timers at once: lateness p50 {p50:?}, p99 {p99:?}")
        .unwrap();
    assert!(p99 < Duration::from_secs(120), "p99 {p99:?}");
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_08_a_relay_catches_up_after_10_minutes_of_downtime() {
    const TIMERS: i64 = 6_000;
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let sink = Sink::new(&clock);
    // One each 100 ms; a last one lies after the pause.
    let at = |id: i64| BEGIN.plus(Duration::from_millis(100) * u32::try_from(id).unwrap());
    for from in (0..TIMERS).step_by(500) {
        world.put_all((from..from + 500).map(|id| timer(id, at(id))).collect()).await;
    }
    world.put(timer(TIMERS, BEGIN.plus(IN_10_MIN + Duration::from_secs(1)))).await;
    clock.advance(IN_10_MIN);
    let world = world.restart().await;
    let began = Instant::now();
    let tasks = world.relay(sink.clone(), options());
    let all = usize::try_from(TIMERS).unwrap();
    eventually(PATIENCE, || async { sink.came() >= all }).await;
    writeln!(std::io::stderr(), "{TIMERS} timers caught up within {:?}", began.elapsed()).unwrap();
    assert_eq!(sink.came(), all);
    clock.advance(Duration::from_secs(1));
    eventually(PATIENCE, || async { sink.came() == all + 1 }).await;
    assert_eq!(sink.early.load(Ordering::SeqCst), 0);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_timer_neither_waits_for_its_aggregate_nor_holds_it_up() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let sink = Sink::new(&clock);
    world.put(timer(1, BEGIN.plus(IN_10_MIN))).await;
    for _ in 0..3 {
        world.put(NewMessage::new("marker", "timer", 1, &()).unwrap()).await;
    }
    let tasks = world.relay(sink.clone(), options());
    eventually(PATIENCE, || async { sink.markers.load(Ordering::SeqCst) == 3 }).await;
    assert_eq!(sink.came(), 0);
    clock.advance(IN_10_MIN);
    eventually(PATIENCE, || async { sink.came() == 1 }).await;
    tasks.shutdown(PATIENCE).await;
}
