//! The promises of a handle, which hold whether it is local, remote or a mock. The suite takes a handle
//! and must not know which kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::ErrorCode;
use rpc::{Fault, ServiceError as _, TraceId};

use crate::greeter::{
    Events, GreeterClient, GreeterError, GreeterMock, Greeting, Hello, Look, Polite, Seen, Write,
    greet, sight, stumbled, write_down,
};
use crate::harness::{full_ctx, remote};

const WITHIN: Duration = Duration::from_secs(20);

/// Everything a caller may rely on.
async fn suite(client: &GreeterClient) {
    a_call_is_answered(client).await;
    typed_errors_arrive_as_they_were(client).await;
    the_context_arrives_whole(client).await;
    tokens_come_back(client).await;
    an_internal_cause_is_not_public(client).await;
    a_passed_deadline_is_refused(client).await;
}

async fn a_call_is_answered(client: &GreeterClient) {
    let ctx = full_ctx(WITHIN);
    let greeting = client.hello(&ctx, Hello { name: "Łódź 🌷".to_owned() }).await;
    assert_eq!(greeting, Ok(Greeting { text: "Hello, Łódź 🌷".to_owned() }));
    assert_eq!(client.hello_v0(&ctx, "you".to_owned()).await, Ok("Hello, you".to_owned()));
}

async fn typed_errors_arrive_as_they_were(client: &GreeterClient) {
    let ctx = full_ctx(WITHIN);
    let hello = |name: &str| Hello { name: name.to_owned() };
    assert_eq!(client.hello(&ctx, hello("nobody")).await, Err(GreeterError::Nobody));
    let error = client.hello(&ctx, hello("moon")).await.unwrap_err();
    assert_eq!(error, GreeterError::TooOften { name: "moon".to_owned(), limit: 3 });
    assert_eq!(error.into_fault().slug(), "too_often");
}

async fn the_context_arrives_whole(client: &GreeterClient) {
    let ctx = full_ctx(WITHIN);
    ctx.session.wrote("things/0", "w:1");
    let Seen(sights) = client.look(&ctx, Look::default()).await.unwrap();
    let (seen, want) = (&sights[0], sight(&ctx));
    assert_eq!(seen.tenant, want.tenant);
    assert_eq!(seen.actor, want.actor);
    assert_eq!(seen.request_id, want.request_id);
    assert_eq!(seen.idempotency, want.idempotency);
    assert_eq!(seen.xid, want.xid);
    assert_eq!(seen.tokens, want.tokens);
    let trace = TraceId::parse(&seen.trace).unwrap();
    assert_eq!(trace.trace, ctx.trace.trace);
    assert!(seen.left_ms <= 20_000 && seen.left_ms > 0);
}

async fn tokens_come_back(client: &GreeterClient) {
    let ctx = full_ctx(WITHIN);
    ctx.session.wrote("old/0", "w:1");
    let write = |database: &str, token: &str, then_fail| Write {
        database: database.to_owned(),
        token: token.to_owned(),
        then_fail,
    };
    client.write(&ctx, write("things/0", "w:2", false)).await.unwrap();
    client.write(&ctx, write("things/1", "w:3", true)).await.unwrap_err();
    let want = [("old/0", "w:1"), ("things/0", "w:2"), ("things/1", "w:3")];
    let want: BTreeMap<_, _> = want.map(|(d, t)| (d.to_owned(), t.to_owned())).into();
    assert_eq!(ctx.session.tokens(), want);
}

async fn an_internal_cause_is_not_public(client: &GreeterClient) {
    let error = client.stumble(&full_ctx(WITHIN), ()).await.unwrap_err();
    assert_eq!(error, stumbled());
    assert!(!error.to_string().contains("hunter2"));
    assert!(!serde_json::to_string(&error).unwrap().contains("hunter2"));
}

async fn a_passed_deadline_is_refused(client: &GreeterClient) {
    let ctx = full_ctx(Duration::ZERO);
    let error = client.hello(&ctx, Hello { name: "you".to_owned() }).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
}

fn mock() -> GreeterMock {
    GreeterMock::new()
        .on_hello(|_ctx, req| greet(&req))
        .on_hello_v0(|_ctx, req| Ok(greet(&Hello { name: req })?.text))
        .on_look(|ctx, _req| Ok(Seen(vec![sight(ctx)])))
        .on_write(|ctx, req| write_down(ctx, &req))
        .on_stumble(|_ctx, ()| Err(stumbled()))
}

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let events = Arc::<Events>::default();
    suite(&GreeterClient::local(Polite::new(events.clone()))).await;
    suite(&GreeterClient::from_arc(Arc::new(Polite::new(events)))).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let (_server, client, _events) = remote().await;
    suite(&client).await;
}

#[tokio::test]
async fn a_late_handle_is_unavailable_until_it_is_bound_and_then_keeps_the_contract() {
    let (client, bind) = GreeterClient::late();
    let early = client.hello_v0(&full_ctx(WITHIN), "you".to_owned()).await.unwrap_err();
    assert_eq!(early.into_fault().code, ErrorCode::Unavailable);
    let bound = GreeterClient::local(Polite::new(Arc::<Events>::default()));
    bind(bound.clone());
    suite(&client).await;
    drop(bound);
    let late = client.hello_v0(&full_ctx(WITHIN), "you".to_owned()).await.unwrap_err();
    assert_eq!(late.into_fault().code, ErrorCode::Unavailable, "it keeps nobody alive");
}

#[tokio::test]
async fn a_mock_keeps_the_contract() {
    suite(&GreeterClient::mock(mock())).await;
}

#[tokio::test]
async fn a_mock_without_an_answer_names_the_method() {
    let client = GreeterClient::mock(mock());
    let GreeterError::Fault(fault) = client.nap(&full_ctx(WITHIN), ()).await.unwrap_err() else {
        panic!("a fault")
    };
    assert_eq!(fault.code, ErrorCode::Internal);
    assert!(fault.message.contains("on_nap"), "{fault}");
}

#[tokio::test]
async fn a_call_that_is_refused_never_reaches_the_service() {
    let (_server, over_the_wire, remote_events) = remote().await;
    let local_events = Arc::<Events>::default();
    let local = GreeterClient::local(Polite::new(local_events.clone()));
    for (client, events) in [(local, local_events), (over_the_wire, remote_events)] {
        a_passed_deadline_is_refused(&client).await;
        assert_eq!(events.calls.load(Ordering::SeqCst), 0);
        a_call_is_answered(&client).await;
        assert!(events.calls.load(Ordering::SeqCst) > 0);
    }
}

#[tokio::test]
async fn an_internal_cause_stays_in_the_process() {
    let (_server, client, _events) = remote().await;
    let GreeterError::Fault(fault) = client.stumble(&full_ctx(WITHIN), ()).await.unwrap_err()
    else {
        panic!("a fault")
    };
    assert_eq!(fault, Fault::bug(""));
    assert!(!fault.chain().contains("hunter2"), "the cause crossed the wire");
    assert!(!format!("{fault:?}").contains("hunter2"));
}
