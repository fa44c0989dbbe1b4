//! What a consumer sees, and what a message without one becomes.

use std::sync::{Arc, Mutex};

use kit::ErrorCode;
use outbox::{ConsumeError, Consumer, Message, NewMessage, Router};
use rpc::{ActorKind, Ctx, TraceId, Xid};
use testkit::{PATIENCE, eventually, test_ctx, user_ctx};

use crate::common::{World, effects_consumer, fresh, quick, router};

type Seen = Arc<Mutex<Vec<(Ctx, Message)>>>;

fn recording(name: &'static str, topic: &str) -> (Seen, Consumer) {
    let seen: Seen = Arc::default();
    let all = Arc::clone(&seen);
    let consumer = Consumer::from_fn(name, [topic], move |ctx, message| {
        all.lock().unwrap().push((ctx, message));
        async { Ok(()) }
    });
    (seen, consumer)
}

#[tokio::test]
async fn a_consumer_acts_as_the_system_for_the_messages_tenant_in_the_same_trace() {
    let mut world = World::new().await;
    let trace = TraceId::from_random(0xabc, 0xdef);
    world.ctx = Ctx { trace, request_id: "r-1".to_owned(), ..user_ctx("gadget", 5) };
    let (seen, consumer) = recording("recorder", "stepped");
    let tasks = world.relay(router([consumer]), quick());
    let id = world.put(NewMessage::new("stepped", "thing", 9, &"hello").unwrap()).await;
    eventually(PATIENCE, || async { seen.lock().unwrap().len() == 1 }).await;
    let (ctx, message) = seen.lock().unwrap().pop().unwrap();
    assert_eq!((ctx.tenant.as_str(), ctx.actor.kind), ("gadget", ActorKind::System));
    assert_eq!((ctx.actor.name.as_str(), ctx.request_id.as_str()), ("recorder", "r-1"));
    assert_eq!(ctx.trace.trace, trace.trace);
    assert_ne!(ctx.trace.span, trace.span);
    assert_eq!((message.id, message.source.as_str(), message.attempt), (id, "things", 1));
    assert_eq!(message.payload, "\"hello\"");
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_message_is_done_when_all_its_consumers_have_succeeded() {
    let world = World::new().await;
    let (seen, recorder) = recording("recorder", "stepped");
    let flaky = {
        let tries = Arc::new(Mutex::new(0));
        Consumer::from_fn("flaky", ["stepped"], move |_, _| {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            let result = if *tries < 3 { Err(ConsumeError::retry("not yet")) } else { Ok(()) };
            async { result }
        })
    };
    let panicking = {
        let tries = Arc::new(Mutex::new(0));
        Consumer::from_fn("panicking", ["stepped"], move |_, _| {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            let first = *tries == 1;
            drop(tries);
            async move {
                assert!(!first, "on purpose");
                Ok(())
            }
        })
    };
    let effects = effects_consumer(&world.db, "stepped");
    let tasks = world.relay(router([recorder, flaky, panicking, effects]), quick());
    world.put(NewMessage::new("stepped", "thing", 1, &0).unwrap()).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert_eq!(world.effects().await.len(), 1);
    tasks.shutdown(PATIENCE).await;
}

async fn pending(world: &World) -> u64 {
    world.admin().stats(&fresh(&world.ctx), None).await.unwrap().pending
}

#[tokio::test]
async fn a_message_that_nobody_wants_is_done() {
    let world = World::new().await;
    let tasks = world.relay(router([]), quick());
    world.put(NewMessage::new("unwanted", "thing", 1, &0).unwrap()).await;
    eventually(PATIENCE, || async { pending(&world).await == 0 }).await;
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_message_of_an_undecided_global_transaction_waits_and_its_aggregate_with_it() {
    let mut world = World::new().await;
    let plain = world.ctx.clone();
    world.ctx.xid = Some(Xid("x-1".to_owned()));
    world.put(NewMessage::new("stepped", "thing", 1, &0).unwrap()).await;
    world.ctx = plain;
    world.put(NewMessage::new("stepped", "thing", 1, &1).unwrap()).await;
    world.put(NewMessage::new("stepped", "thing", 2, &0).unwrap()).await;
    let tasks = world.relay(router([effects_consumer(&world.db, "stepped")]), quick());
    eventually(PATIENCE, || async { world.count("inbox").await == 1 }).await;
    assert_eq!(world.effects().await, [(2, 0, "0".to_owned())]);
    // The one that is left waits for the undecided one.
    eventually(PATIENCE, || async { pending(&world).await == 1 }).await;
    assert_eq!(world.effects().await.len(), 1);
    tasks.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn an_effect_for_another_tenant_than_the_messages_is_refused() {
    let world = World::new().await;
    let (seen, consumer) = recording("recorder", "stepped");
    let tasks = world.relay(router([consumer]), quick());
    world.put(NewMessage::new("stepped", "thing", 1, &0).unwrap()).await;
    eventually(PATIENCE, || async { seen.lock().unwrap().len() == 1 }).await;
    let (_, message) = seen.lock().unwrap().pop().unwrap();
    let other = test_ctx("gadget");
    let e = crate::common::effect_once(&world.db, &other, "recorder", &message).await;
    assert_eq!(e.unwrap_err().code, ErrorCode::Internal);
    tasks.shutdown(PATIENCE).await;
}

#[test]
fn two_consumers_cannot_share_a_name() {
    let (_, a) = recording("same", "a");
    let (_, b) = recording("same", "b");
    assert!(Router::new([a.clone(), b]).is_err());
    let router = Router::new([a]).unwrap();
    assert_eq!(router.topics().collect::<Vec<_>>(), ["a"]);
}
