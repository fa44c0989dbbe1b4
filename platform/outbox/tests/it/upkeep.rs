//! Tables do not grow for ever, and numbers are not used twice.

use std::sync::Arc;
use std::time::Duration;

use kit::{Clock as _, SharedClock};
use outbox::NewMessage;
use outbox::idempotency::{Idempotency, Options as Keys};
use rpc::{Ctx, IdempotencyKey};
use shard::Route;
use testkit::{PATIENCE, eventually, test_clock, user_ctx};

use crate::common::{World, effects_consumer, fresh, quick, router};

#[tokio::test]
async fn what_is_done_is_forgotten_after_its_time_and_what_is_not_stays() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let many = (0..600).map(|id| NewMessage::new("stepped", "thing", id, &id).unwrap());
    world.put_all(many.collect()).await;
    let later = clock.now().plus(Duration::from_secs(30 * 24 * 3_600));
    world.put(NewMessage::new("rang", "timer", 1, &0).unwrap().deliver_at(later)).await;
    let idempotency = Some(IdempotencyKey {
        key: "k".to_owned(),
        route: "POST /v1/things".to_owned(),
        body_hash: "a".to_owned(),
    });
    let ctx = Ctx { idempotency, ..user_ctx("flora", 5) };
    let keys = Idempotency::new(world.db.clone(), Keys::default());
    keys.begin(&ctx, Route::Whole).await.unwrap();
    let tasks = world.relay(router([effects_consumer(&world.db, "stepped")]), quick());
    eventually(PATIENCE, || async { world.count("inbox").await == 600 }).await;
    // Marked done by the old time, or they would be kept for another hour.
    eventually(PATIENCE, || async {
        world.admin().stats(&fresh(&world.ctx), None).await.unwrap().pending == 0
    })
    .await;
    assert_eq!(world.count("outbox").await, 601);

    clock.advance(Duration::from_secs(3_600));
    eventually(PATIENCE, || async { world.count("outbox").await == 1 }).await;
    assert_eq!(world.count("inbox").await, 600);
    eventually(PATIENCE, || async { world.count("idempotency").await == 0 }).await;
    clock.advance(Duration::from_secs(7 * 24 * 3_600));
    eventually(PATIENCE, || async { world.count("inbox").await == 0 }).await;
    assert_eq!(world.count("outbox").await, 1);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn numbers_of_an_aggregate_ascend_also_when_the_clock_stands_or_steps_back() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let mut last = 0;
    for step in 0..30 {
        if step % 10 == 9 {
            clock.set(clock.now().minus(Duration::from_secs(60)));
        }
        let two = (0..2).map(|n| NewMessage::new("stepped", "thing", 1, &n).unwrap());
        for id in world.put_all(two.collect()).await {
            assert!(id.seq > last, "{} after {last}", id.seq);
            last = id.seq;
        }
    }
}
