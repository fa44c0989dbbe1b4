//! One key, one effect, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kit::{ErrorCode, SharedClock};
use outbox::Idempotency;
use outbox::idempotency::{Answered, Begun, Claim, IN_FLIGHT, KEY_REUSED, Options};
use rpc::{Ctx, Fault, IdempotencyKey};
use shard::{Route, Tx};
use testkit::{test_clock, user_ctx};

use crate::common::{World, append};

fn with_key(user: i64, key: &str, body: &str) -> Ctx {
    let idempotency = Some(IdempotencyKey {
        key: key.to_owned(),
        route: "POST /v1/things".to_owned(),
        body_hash: body.to_owned(),
    });
    Ctx { idempotency, ..user_ctx("flora", user) }
}

fn keys(world: &World) -> Idempotency {
    Idempotency::new(world.db.clone(), Options::default())
}

/// The effect and its answer in one transaction.
async fn work(world: &World, ctx: &Ctx, claim: Claim) -> Result<i64, Fault> {
    let body = move |tx: Tx| {
        let claim = claim.clone();
        async move {
            let position = append(&tx, 1, "made").await?;
            claim.complete(&tx, &position).await?;
            Ok(position)
        }
    };
    world.db.tx(ctx, Route::Whole, body).await
}

async fn run(world: &World, ctx: &Ctx) -> Result<Answered<i64>, Fault> {
    keys(world).run(ctx, Route::Whole, |claim| work(world, ctx, claim)).await
}

async fn begin(world: &World, ctx: &Ctx) -> Claim {
    match keys(world).begin(ctx, Route::Whole).await.unwrap() {
        Begun::New(claim) => claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_key_100_times_at_once_has_one_effect() {
    let world = World::new().await;
    let ctx = with_key(5, "k", "a");
    let results = join_all((0..100).map(|_| run(&world, &ctx))).await;
    let mut made = 0;
    for result in results {
        match result {
            Ok(answered) => {
                assert_eq!(answered.answer, 0);
                made += u32::from(!answered.replayed);
            }
            Err(e) => assert_eq!((e.code, e.slug()), (ErrorCode::Conflict, IN_FLIGHT)),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(world.count("effects").await, 1);
    let again = run(&world, &ctx).await.unwrap();
    assert_eq!(again, Answered { answer: 0, replayed: true });
    // The answer outlives the process.
    let world = world.restart().await;
    assert!(run(&world, &ctx).await.unwrap().replayed);
}

#[tokio::test]
async fn a_key_belongs_to_one_body_of_one_principal() {
    let world = World::new().await;
    run(&world, &with_key(5, "k", "a")).await.unwrap();
    let e = run(&world, &with_key(5, "k", "b")).await.unwrap_err();
    assert_eq!((e.code, e.slug()), (ErrorCode::Unprocessable, KEY_REUSED));
    assert!(!run(&world, &with_key(6, "k", "b")).await.unwrap().replayed);
    let other_tenant = Ctx { tenant: testkit::tenant("gadget"), ..with_key(5, "k", "b") };
    assert!(!run(&world, &other_tenant).await.unwrap().replayed);
    assert!(!run(&world, &with_key(5, "l", "b")).await.unwrap().replayed);
    assert_eq!(world.count("effects").await, 4);
}

#[tokio::test]
async fn a_route_without_a_key_works_every_time() {
    let world = World::new().await;
    let ctx = user_ctx("flora", 5);
    for position in 0..2 {
        let answered = run(&world, &ctx).await.unwrap();
        assert_eq!(answered, Answered { answer: position, replayed: false });
    }
    assert_eq!(world.count("idempotency").await, 0);
}

#[tokio::test]
async fn a_failure_is_not_kept_and_the_key_may_try_again_at_once() {
    let world = World::new().await;
    let ctx = with_key(5, "k", "a");
    let failed: Result<Answered<i64>, Fault> = keys(&world)
        .run(&ctx, Route::Whole, |_| async { Err(Fault::new(ErrorCode::Unavailable, "no")) })
        .await;
    assert_eq!(failed.unwrap_err().code, ErrorCode::Unavailable);
    assert_eq!(world.count("idempotency").await, 0);
    assert!(!run(&world, &ctx).await.unwrap().replayed);
}

#[tokio::test]
async fn after_a_crash_between_claim_and_effect_the_key_is_taken_over_and_the_old_holder_is_out() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let ctx = with_key(5, "k", "a");
    let old = begin(&world, &ctx).await;
    let e = run(&world, &ctx).await.unwrap_err();
    assert_eq!(e.slug(), IN_FLIGHT);
    // Also after a restart, because the claim was committed.
    let ctx = with_key(5, "k", "a");
    clock.advance(Duration::from_secs(29));
    assert_eq!(run(&world, &ctx).await.unwrap_err().slug(), IN_FLIGHT);
    clock.advance(Duration::from_secs(1));
    let new = begin(&world, &ctx).await;
    // The old holder wakes up: its effect rolls back with its answer, and it gives nothing back.
    let e = work(&world, &ctx, old.clone()).await.unwrap_err();
    assert_eq!(e.slug(), IN_FLIGHT);
    assert_eq!(world.count("effects").await, 0);
    old.release(&ctx).await.unwrap();
    assert_eq!(run(&world, &ctx).await.unwrap_err().slug(), IN_FLIGHT);
    assert_eq!(work(&world, &ctx, new.clone()).await.unwrap(), 0);
    // Giving back after the commit does nothing.
    new.release(&ctx).await.unwrap();
    assert_eq!(run(&world, &ctx).await.unwrap(), Answered { answer: 0, replayed: true });
    assert_eq!(world.count("effects").await, 1);
}

#[tokio::test]
async fn a_claim_survives_a_restart_until_its_lease_is_over() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let ctx = with_key(5, "k", "a");
    drop(begin(&world, &ctx).await);
    let world = world.restart().await;
    assert_eq!(run(&world, &ctx).await.unwrap_err().slug(), IN_FLIGHT);
    clock.advance(Duration::from_secs(30));
    assert!(!run(&world, &ctx).await.unwrap().replayed);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let clock = test_clock();
    let world = World::at(Arc::clone(&clock) as SharedClock).await;
    let ctx = with_key(5, "k", "a");
    run(&world, &ctx).await.unwrap();
    clock.advance(Duration::from_secs(24 * 3_600 - 1));
    assert!(run(&world, &ctx).await.unwrap().replayed);
    clock.advance(Duration::from_secs(1));
    assert!(!run(&world, &ctx).await.unwrap().replayed);
}
