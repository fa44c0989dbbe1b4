//! Every kind of bad input and every kind of failure is one problem document.

use axum::body::Body;
use http::Request;
use rpc::Actor;

use crate::demo::{ask, change_with, create_with, get, operator, user};

fn anyone() -> Actor {
    Actor::anonymous()
}

#[tokio::test]
async fn bad_json_is_400_and_points_at_the_mistake() {
    for (body, at) in [
        (r#"{"name":"x","amount":"1"}"#, "/amount"),
        (r#"{"name":"x"}"#, "/amount"),
        (r#"{"name":"x","amount":1} {}"#, ""),
        ("not json", ""),
        ("", ""),
        ("null", ""),
    ] {
        let answer = ask(user(), create_with(Some("k"), body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.pointer(), at, "{body}");
    }
}

#[tokio::test]
async fn another_content_type_is_415() {
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let request = Request::post("/v1/store/things")
            .header("idempotency-key", "k")
            .header("content-type", kind)
            .body(Body::from("{}"))
            .unwrap();
        assert_eq!(ask(user(), request).await.problem().status, 415, "{kind}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_on_either_kind_of_route() {
    let own_limit = format!(r#"{{"name":"{}","amount":1}}"#, "x".repeat(300));
    let answer = ask(user(), create_with(Some("k"), &own_limit)).await;
    assert_eq!(answer.problem().status, 413);

    let usual_limit = format!(r#"{{"name":"{}","amount":1}}"#, "x".repeat(1 << 20));
    let mut request = change_with(Some("*"), "5");
    *request.body_mut() = Body::from(usual_limit);
    assert_eq!(ask(operator("*"), request).await.problem().code, "too_large");
}

#[tokio::test]
async fn bad_parameters_are_400_and_named() {
    for (uri, at) in [
        ("/v1/store/things?limit=0", "limit"),
        ("/v1/store/things?limit=1e3", "limit"),
        ("/v1/store/things?cursor=%25", "cursor"),
        ("/v1/store/search", "min"),
        ("/v1/store/search?min=-1", "min"),
    ] {
        let answer = ask(anyone(), get(uri)).await;
        assert_eq!((answer.status.as_u16(), answer.pointer().as_str()), (400, at), "{uri}");
    }
    let answer = ask(operator("*"), change_with(Some("*"), "five")).await;
    assert_eq!(answer.problem().status, 400);
    assert_eq!(ask(anyone(), get("/v1/store/faulty/%ff")).await.pointer(), "how");
}

#[tokio::test]
async fn an_unknown_address_is_404_and_a_wrong_method_405_with_allow() {
    assert_eq!(ask(anyone(), get("/v1/store/nothing")).await.problem().code, "not_found");
    let request = Request::delete("/v1/store/things").body(Body::empty()).unwrap();
    let answer = ask(anyone(), request).await;
    assert_eq!(answer.problem().code, "method_not_allowed");
    let allow = answer.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test(start_paused = true)]
async fn failures_of_a_handler_are_documents_without_their_cause() {
    for (how, status, retryable) in [
        ("panic", 500, false),
        ("bug", 500, false),
        ("hang", 504, true),
        ("busy", 503, true),
        ("gone", 404, false),
    ] {
        let answer = ask(anyone(), get(&format!("/v1/store/faulty/{how}"))).await;
        let problem = answer.problem();
        assert_eq!((problem.status, problem.retryable), (status, retryable), "{how}");
        assert_eq!(answer.headers.contains_key("retry-after"), how == "busy");
    }
}

#[tokio::test]
async fn a_head_request_has_no_body_even_when_it_fails() {
    let request = Request::head("/v1/store/faulty/bug").body(Body::empty()).unwrap();
    let answer = ask(anyone(), request).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, ""));
}
