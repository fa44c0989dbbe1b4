//! Bad input and limits: every refusal is a problem document.

use serde_json::json;

use crate::demo::{Demo, is, refused};

#[tokio::test]
async fn every_kind_of_bad_input_is_a_problem_document() {
    let demo = Demo::start().await;
    let create = || {
        demo.request("POST", "flora.localhost", "/v1/store/things")
            .bearer_auth("flora-user")
            .header("content-type", "application/json")
    };
    let keyed = || create().header("idempotency-key", "k");
    let wrong_type = demo
        .request("POST", "flora.localhost", "/v1/store/things")
        .bearer_auth("flora-user")
        .header("idempotency-key", "k")
        .body("{}");
    let huge = "x".repeat((1 << 20) + 1);
    for (what, request, status, code) in [
        ("unknown address", demo.get("/v1/store/nothing"), 404, "not_found"),
        ("unknown api", demo.get("/v1"), 404, "not_found"),
        (
            "wrong method",
            demo.request("DELETE", "flora.localhost", "/v1/store/me"),
            405,
            "method_not_allowed",
        ),
        ("bad path", demo.get("/v1/store/things/five"), 400, "invalid"),
        ("no key", create().body("{}"), 400, "idempotency_key_missing"),
        (
            "bad key",
            create().header("idempotency-key", "a b").body("{}"),
            400,
            "idempotency_key_invalid",
        ),
        ("no JSON", keyed().body("{"), 400, "invalid"),
        ("trailing", keyed().body("{} {}"), 400, "invalid"),
        ("type", wrong_type, 415, "unsupported_media_type"),
        ("too large", keyed().body(huge), 413, "too_large"),
        (
            "bad timeout",
            demo.get("/v1/store/me").header("x-request-timeout-ms", "soon"),
            400,
            "invalid",
        ),
        ("our fault", demo.get("/v1/store/bug"), 500, "internal"),
    ] {
        assert_eq!(refused(request).await, is(status, code), "{what}");
    }
}

#[tokio::test]
async fn an_idempotency_key_reaches_the_handler() {
    let demo = Demo::start().await;
    let request = demo
        .request("POST", "flora.localhost", "/v1/store/things")
        .bearer_auth("flora-user")
        .header("idempotency-key", "k-1")
        .json(&json!({"a": 1}));
    let answer = demo.json(request).await;
    assert_eq!(answer, json!({ "key": "k-1", "route": "POST /v1/store/things", "body": {"a": 1} }));
}

#[tokio::test]
async fn a_wrong_method_says_which_are_allowed() {
    let demo = Demo::start().await;
    let answer = demo.request("DELETE", "flora.localhost", "/v1/store/me").send().await.unwrap();
    assert!(answer.headers()["allow"].to_str().unwrap().contains("GET"));
}

#[tokio::test]
async fn a_request_out_of_time_is_504_and_a_client_may_only_shorten_it() {
    let demo = Demo::start().await;
    let hang = demo.get("/v1/store/hang").header("x-request-timeout-ms", "50");
    assert_eq!(refused(hang).await, is(504, "deadline_exceeded"));
    let left = |me: serde_json::Value| me["left_ms"].as_u64().unwrap();
    let usual = left(demo.json(demo.get("/v1/store/me")).await);
    assert!((5_000..=10_000).contains(&usual), "{usual}");
    let longer = demo.get("/v1/store/me").header("x-request-timeout-ms", "60000");
    assert!(left(demo.json(longer).await) <= 10_000);
}

#[tokio::test]
async fn a_form_with_files_has_longer_on_pages_and_nowhere_else() {
    let demo = Demo::start().await;
    let left = async |kind: &str| -> u64 {
        let request = demo.request("POST", "flora.localhost", "/left").header("content-type", kind);
        request.send().await.unwrap().text().await.unwrap().parse().unwrap()
    };
    assert!(left("multipart/form-data; boundary=x").await > 500);
    assert!(left("application/x-www-form-urlencoded").await <= 10);
    let api = demo.get("/v1/store/me").header("content-type", "multipart/form-data; boundary=x");
    assert!(demo.json(api).await["left_ms"].as_u64().unwrap() <= 10_000);
}

#[tokio::test]
async fn pages_have_their_own_fallback_outside_the_api() {
    let demo = Demo::start().await;
    let page = demo.get("/nothing").send().await.unwrap();
    assert_eq!(page.status(), 404);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(page.text().await.unwrap(), "no such page");
}
