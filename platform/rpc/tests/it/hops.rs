//! What changes on the way: the time that is left, and the span. And what happens to a callee when its
//! caller has stopped waiting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::ErrorCode;
use rpc::{ServiceError as _, TraceId};
use tokio::task::JoinSet;

use crate::greeter::{Events, GreeterClient, Look, Polite, Seen};
use crate::harness::{Server, full_ctx, remote, soon};

#[tokio::test]
async fn the_time_left_shrinks_with_every_hop() {
    let (_far, far_client, _events) = remote().await;
    let near = Server::start(GreeterClient::local(Polite::before(far_client))).await;
    let ctx = full_ctx(Duration::from_secs(10));
    let Seen(sights) = near.client().look(&ctx, Look { when_left_ms: Some(9_900) }).await.unwrap();
    let left: Vec<u64> = sights.iter().map(|s| s.left_ms).collect();
    assert_eq!(left.len(), 2);
    assert!(left[0] <= 10_000, "{left:?}");
    assert!(left[1] <= 9_900, "what the first callee used up, the second does not get: {left:?}");
    assert!(left[1] > 0);
}

#[tokio::test]
async fn a_deadline_is_never_longer_than_a_call_may_take() {
    let (_server, client, _events) = remote().await;
    let ctx = full_ctx(Duration::from_secs(3_600));
    let Seen(sights) = client.look(&ctx, Look::default()).await.unwrap();
    assert!(sights[0].left_ms <= 60_000, "{sights:?}");
}

#[tokio::test]
async fn a_trace_keeps_its_id_and_every_hop_has_a_span_of_its_own() {
    let (_far, far_client, _events) = remote().await;
    let near = Server::start(GreeterClient::local(Polite::before(far_client))).await;
    let (client, ctx) = (near.client(), full_ctx(Duration::from_secs(10)));
    let mut spans = BTreeSet::from([ctx.trace.span]);
    for _ in 0..3 {
        for sight in client.look(&ctx, Look::default()).await.unwrap().0 {
            let trace = TraceId::parse(&sight.trace).unwrap();
            assert_eq!(trace.trace, ctx.trace.trace);
            assert!(spans.insert(trace.span), "two hops share a span");
        }
    }
    assert_eq!(spans.len(), 7);
}

#[tokio::test]
async fn a_slow_callee_is_cancelled_at_the_deadline_wherever_it_is() {
    let (_server, over_the_wire, remote_events) = remote().await;
    let local_events = Arc::<Events>::default();
    let local = GreeterClient::local(Polite::new(local_events.clone()));
    for (client, events) in [(local, local_events), (over_the_wire, remote_events)] {
        let ctx = full_ctx(Duration::from_secs(1));
        let error = soon("the call ends", client.nap(&ctx, ())).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
        assert!(ctx.remaining().as_millis() <= 1, "it waited as long as it could");
        soon("the callee was asked", events.asleep.notified()).await;
        soon("the callee is cancelled", events.cancelled.notified()).await;
    }
}

#[tokio::test]
async fn a_callee_is_cancelled_when_its_caller_goes_away() {
    let (_server, client, events) = remote().await;
    let mut caller = JoinSet::new();
    caller.spawn(async move {
        let ctx = full_ctx(Duration::from_secs(60));
        client.nap(&ctx, ()).await
    });
    soon("the callee works", events.asleep.notified()).await;
    drop(caller);
    soon("the callee is cancelled", events.cancelled.notified()).await;
}

#[tokio::test]
async fn a_server_that_stops_answers_the_calls_it_has() {
    let (mut server, client, events) = remote().await;
    let mut caller = JoinSet::new();
    let held = client.clone();
    caller.spawn(async move { held.nap(&full_ctx(Duration::from_secs(60)), ()).await });
    soon("the callee works", events.asleep.notified()).await;
    server.stop();
    events.wake.notify_one();
    let answered = soon("the call ends", caller.join_next()).await.unwrap().unwrap();
    assert_eq!(answered, Ok(()));
    server.ended().await.unwrap();
    let error = client.look(&full_ctx(Duration::from_secs(5)), Look::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}
