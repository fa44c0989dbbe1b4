//! Order per aggregate and effects that happen once, with many relays on one file.

use std::sync::Arc;
use std::time::Duration;

use outbox::{ConsumeError, Consumer, NewMessage};
use testkit::{eventually, seeded_entropy};

use crate::common::{World, effect_once, quick, router};

const AGGREGATES: i64 = 60;
const EACH: i64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ob_04_order_per_aggregate_and_one_effect_each_with_8_relays_and_random_failures() {
    let world = World::new().await;
    let chance = seeded_entropy(4);
    let db = world.db.clone();
    // One in eight fails before its effect, one in eight after it, so that it comes again.
    let consumer = Consumer::from_fn("effects", ["stepped"], move |ctx, message| {
        let (db, dice) = (db.clone(), chance.next_u64().unwrap() % 8);
        async move {
            if dice == 0 {
                return Err(ConsumeError::retry("before"));
            }
            effect_once(&db, &ctx, "effects", &message).await?;
            if dice == 1 { Err(ConsumeError::retry("after")) } else { Ok(()) }
        }
    });
    let deliver = router([consumer]);
    let relays: Vec<_> = (0..8).map(|_| world.relay(Arc::clone(&deliver), quick())).collect();

    // Half of it in transactions of five, so that runs of one aggregate form.
    for n in (0..EACH).step_by(5) {
        for id in 0..AGGREGATES {
            let five = (n..n + 5).map(|n| NewMessage::new("stepped", "thing", id, &n).unwrap());
            if id % 2 == 0 {
                world.put_all(five.collect()).await;
            } else {
                for message in five {
                    world.put(message).await;
                }
            }
        }
    }
    let all = u64::try_from(AGGREGATES * EACH).unwrap();
    let patience = Duration::from_secs(120);
    eventually(patience, || async {
        world.admin().stats(&crate::common::fresh(&world.ctx), None).await.unwrap().pending == 0
    })
    .await;
    assert_eq!(world.count("inbox").await, all);
    let effects = world.effects().await;
    assert_eq!(effects.len(), usize::try_from(all).unwrap());
    for (_, position, what) in effects {
        assert_eq!(position.to_string(), what);
    }
    for tasks in relays {
        assert!(tasks.shutdown(patience).await.dropped.is_empty());
    }
}
