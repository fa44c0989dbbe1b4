//! What only a wire can break: strangers at the port, headers that lie, servers that are gone or are not
//! ours. Each gets a clear answer, and the service is not asked.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use kit::{ErrorCode, Secret};
use reqwest::{Client, RequestBuilder, Response};
use rpc::{Endpoint, Fault, ServiceError as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::greeter::{GreeterClient, GreeterError, Hello, Look};
use crate::harness::{Server, full_ctx, remote, secret, soon};

const WITHIN: Duration = Duration::from_secs(20);

/// A good request, made by hand.
fn by_hand(server: &Server) -> RequestBuilder {
    Client::new()
        .post(format!("http://{}/rpc/greeter/hello", server.address))
        .bearer_auth(secret().expose())
        .header("x-stoa-deadline-ms", "5000")
        .header("traceparent", "00-0000000000000000000000000000feed-000000000000beef-01")
        .header("x-stoa-tenant", "flora")
        .header("x-stoa-actor", r#"{"kind":"user","id":5}"#)
        .header("x-request-id", "req-1")
        .body(r#"{"name":"you"}"#)
}

/// The same, with one header replaced or, when `value` is empty, left out.
fn with_header(server: &Server, header: &'static str, value: &str) -> RequestBuilder {
    let (client, request) = by_hand(server).build_split();
    let mut request = request.unwrap();
    request.headers_mut().remove(header);
    if !value.is_empty() {
        request.headers_mut().insert(header, value.parse().unwrap());
    }
    RequestBuilder::from_parts(client, request)
}

async fn fault(response: Response) -> Fault {
    assert_eq!(response.headers()["x-stoa-error"], "1");
    assert_eq!(response.headers()["content-type"], "application/json");
    let status = response.status().as_u16();
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let fault: Fault = serde_json::from_value(body["fault"].clone()).unwrap();
    assert_eq!(fault.code.http_status(), status);
    fault
}

#[tokio::test]
async fn a_request_made_by_hand_is_answered_in_plain_json() {
    let (server, _client, _events) = remote().await;
    let response = by_hand(&server).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.text().await.unwrap(), r#"{"text":"Hello, you"}"#);
    let response = by_hand(&server).body(r#"{"name":"nobody"}"#).send().await.unwrap();
    assert_eq!(fault(response).await.slug(), "nobody");
}

#[tokio::test]
async fn a_header_that_lies_is_named_and_nothing_is_done() {
    let (server, _client, events) = remote().await;
    let long = "x".repeat(20_000);
    let many: String = (0..65).map(|n| format!("\"d{n}\":\"t\",")).collect();
    let too_many_tokens = format!("{{{}}}", many.trim_end_matches(','));
    let bad = [
        ("x-stoa-deadline-ms", ""),
        ("x-stoa-deadline-ms", "soon"),
        ("x-stoa-deadline-ms", "-5"),
        ("traceparent", ""),
        ("traceparent", "00-1-2-3"),
        ("x-stoa-tenant", ""),
        ("x-stoa-tenant", "Not A Tenant"),
        ("x-stoa-actor", ""),
        ("x-stoa-actor", "root"),
        ("x-stoa-actor", &long),
        ("x-request-id", ""),
        ("x-request-id", "two words"),
        ("x-request-id", &long),
        ("x-stoa-idempotency", "{}"),
        ("x-stoa-xid", &long),
        ("x-stoa-session", "[]"),
        ("x-stoa-session", &too_many_tokens),
    ];
    for (header, value) in bad {
        let shown = &value[..value.len().min(40)];
        let fault = fault(with_header(&server, header, value).send().await.unwrap()).await;
        assert_eq!(fault.code, ErrorCode::Invalid, "{header}: {shown}");
        assert_eq!(fault.fields[0].pointer, header, "{header}: {shown}");
    }
    let twice = by_hand(&server).header("x-stoa-tenant", "gadget").send().await.unwrap();
    assert!(fault(twice).await.message.contains("twice"), "two tenants are no tenant");
    assert_eq!(events.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_call_without_time_or_with_a_bad_body_is_turned_away() {
    let (server, _client, events) = remote().await;
    let late = fault(with_header(&server, "x-stoa-deadline-ms", "0").send().await.unwrap()).await;
    assert_eq!(late.code, ErrorCode::DeadlineExceeded);
    for body in ["", "{", r#"{"name":4444}"#, "[]"] {
        let fault = fault(by_hand(&server).body(body).send().await.unwrap()).await;
        assert_eq!(fault.code, ErrorCode::Invalid, "{body}");
        assert!(!fault.message.contains("4444"), "a value is repeated: {fault}");
    }
    assert_eq!(events.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_over_the_limit_is_neither_sent_nor_taken() {
    let (server, client, events) = remote().await;
    let huge = Hello { name: "x".repeat(5 * 1024 * 1024) };
    let error = client.hello(&full_ctx(WITHIN), huge.clone()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    let body = serde_json::to_vec(&huge).unwrap();
    // The server may close the connection before all was sent; then there is no answer to read.
    if let Ok(response) = by_hand(&server).body(body).send().await {
        assert_eq!(fault(response).await.code, ErrorCode::TooLarge);
    }
    assert_eq!(events.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_comes_in_without_the_secret() {
    let (server, _client, events) = remote().await;
    for value in ["", "Bearer wrong", "Bearer a-secret-for-tests-onlz", "a-secret-for-tests-only"] {
        let fault = fault(with_header(&server, "authorization", value).send().await.unwrap()).await;
        assert_eq!(fault.code, ErrorCode::Unauthenticated, "{value:?}");
    }
    let other = Secret::new("another-installation".to_owned());
    let endpoint = Endpoint::new(&format!("http://{}", server.address), &other).unwrap();
    assert!(!format!("{endpoint:?}").contains("another"));
    let error = GreeterClient::remote(endpoint).look(&full_ctx(WITHIN), Look::default()).await;
    // Our own mistake, not the user's: he would be told to sign in.
    assert_eq!(error.unwrap_err().code(), ErrorCode::Internal);
    assert_eq!(events.calls.load(Ordering::SeqCst), 0);
    assert!(rpc::protect([Router::new()], &Secret::new(String::new())).is_err());
}

#[tokio::test]
async fn an_unknown_route_or_method_is_a_fault_too() {
    let (server, _client, _events) = remote().await;
    let url = format!("http://{}/rpc/greeter", server.address);
    let client = Client::new();
    let unknown = client.post(format!("{url}/sing")).bearer_auth(secret().expose());
    assert_eq!(fault(unknown.send().await.unwrap()).await.code, ErrorCode::NotFound);
    let get = client.get(format!("{url}/hello")).bearer_auth(secret().expose());
    assert_eq!(fault(get.send().await.unwrap()).await.code, ErrorCode::MethodNotAllowed);
    let stranger = client.post(format!("{url}/sing"));
    assert_eq!(fault(stranger.send().await.unwrap()).await.code, ErrorCode::Unauthenticated);
}

async fn hello(client: &GreeterClient) -> GreeterError {
    let hello = Hello { name: "you".to_owned() };
    soon("an answer", client.hello(&full_ctx(WITHIN), hello)).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = GreeterClient::remote(Endpoint::new(&address, &secret()).unwrap());
    let error = hello(&client).await;
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(!error.to_string().contains("127.0.0.1"), "addresses are not public: {error}");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client = GreeterClient::remote(Endpoint::new(&address, &secret()).unwrap());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
        drop(socket);
    };
    let (error, ()) = tokio::join!(hello(&client), server);
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
    assert_eq!(error.into_fault().slug(), "outcome_unknown");
}

#[tokio::test]
async fn an_answer_that_is_not_ours_is_internal() {
    let answers = [
        (200, "", "It works!"),
        (200, "", r#"{"text":5}"#),
        (502, "", "<html>bad gateway</html>"),
        (401, "", r#"{"text":"Hello"}"#),
        (302, "", ""),
        (404, "1", "<html>no</html>"),
    ];
    for (status, error, body) in answers {
        let server = Server::plain(Router::new().fallback(move || async move {
            let mut response = axum::response::Response::new(axum::body::Body::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if !error.is_empty() {
                response.headers_mut().insert("x-stoa-error", error.parse().unwrap());
            }
            response
        }))
        .await;
        assert_eq!(hello(&server.client()).await.code(), ErrorCode::Internal, "{status} {body}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() {
    let (server, _client, _events) = remote().await;
    let client = GreeterClient::remote(server.endpoint().with_response_max(10));
    assert_eq!(hello(&client).await.code(), ErrorCode::Internal);
}

#[tokio::test]
async fn an_error_of_a_newer_service_is_told_in_words_that_all_share() {
    let body = r#"{"error":{"asleep":{"until":"noon"}},"fault":{"code":"conflict","slug":"asleep","message":"asleep"}}"#;
    let server =
        Server::plain(Router::new().fallback(move || async move {
            (StatusCode::CONFLICT, [("x-stoa-error", "1")], body)
        }))
        .await;
    let want = Fault::new(ErrorCode::Conflict, "asleep").with_slug("asleep");
    assert_eq!(hello(&server.client()).await, GreeterError::Fault(want));
}

#[tokio::test]
async fn a_context_that_does_not_fit_is_not_sent() {
    let (_server, client, events) = remote().await;
    let mut ctx = full_ctx(WITHIN);
    ctx.request_id = "a request\r\nx-stoa-actor: root".to_owned();
    let error = client.look(&ctx, Look::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert_eq!(events.calls.load(Ordering::SeqCst), 0);
}
