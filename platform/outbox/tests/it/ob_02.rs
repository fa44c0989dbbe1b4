//! A message exists if and only if its transaction has committed.

use futures::future::join_all;
use kit::ErrorCode;
use outbox::NewMessage;
use rpc::Fault;
use shard::{Route, Tx};
use testkit::{PATIENCE, eventually};

use crate::common::{World, append, effects_consumer, fresh, quick, router};

/// Changes and puts; fails afterwards when told to.
async fn change(world: &World, id: i64, fail: bool) -> Result<(), Fault> {
    let (outbox, ctx) = (world.outbox.clone(), world.ctx.clone());
    let body = move |tx: Tx| {
        let (outbox, ctx) = (outbox.clone(), ctx.clone());
        async move {
            append(&tx, 1_000 + id, "changed").await?;
            let message = NewMessage::new("changed", "thing", id, &id)?;
            outbox.put(&tx, &ctx, message).await?;
            if fail {
                return Err(Fault::new(ErrorCode::Conflict, "on purpose"));
            }
            Ok(())
        }
    };
    world.db.tx(&fresh(&world.ctx), Route::Whole, body).await
}

#[tokio::test]
async fn ob_02_a_rollback_leaves_no_message_and_a_commit_always_one() {
    let world = World::new().await;
    // All at once, so that failing ones share physical commits with others.
    let changes = (0..600).map(|id| change(&world, id, id % 3 == 0));
    let results = join_all(changes).await;
    for (id, result) in (0..600).zip(&results) {
        assert_eq!(result.is_err(), id % 3 == 0, "{id}: {result:?}");
    }
    assert_eq!(world.count("outbox").await, 400);

    let tasks = world.relay(router([effects_consumer(&world.db, "changed")]), quick());
    eventually(PATIENCE, || async { world.count("inbox").await == 400 }).await;
    let got: Vec<i64> =
        world.effects().await.iter().map(|e| e.0).filter(|id| *id < 1_000).collect();
    let wanted: Vec<i64> = (0..600).filter(|id| id % 3 != 0).collect();
    assert_eq!(got, wanted);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn ob_02_a_message_survives_a_restart_before_anybody_relayed_it() {
    let world = World::new().await;
    change(&world, 7, false).await.unwrap();
    change(&world, 8, true).await.unwrap_err();
    let world = world.restart().await;
    let tasks = world.relay(router([effects_consumer(&world.db, "changed")]), quick());
    eventually(PATIENCE, || async { world.count("inbox").await == 1 }).await;
    assert_eq!(world.effects().await[0], (7, 0, "7".to_owned()));
    tasks.shutdown(PATIENCE).await;
}
