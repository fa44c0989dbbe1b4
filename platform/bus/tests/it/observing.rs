//! Request ids, traces, the access log, metrics; and what must never be in them.

use crate::demo::{Demo, refused};
use crate::logs::captured_logs;

#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_one_replaced() {
    let demo = Demo::start().await;
    let mine = demo.get("/v1/store/me").header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(mine.headers()["x-request-id"], "mine-1");
    assert_eq!(mine.json::<serde_json::Value>().await.unwrap()["request_id"], "mine-1");
    let mut minted = Vec::new();
    for odd in ["a b", "", &"x".repeat(65)] {
        let answer = demo.get("/nothing").header("x-request-id", odd).send().await.unwrap();
        minted.push(answer.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    assert!(minted.iter().all(|id| id.len() == 32), "{minted:?}");
    minted.dedup();
    assert_eq!(minted.len(), 3);
}

#[tokio::test]
async fn a_trace_goes_on_and_a_new_one_begins_where_there_is_none() {
    let demo = Demo::start().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let with = demo.get("/v1/store/me").header("traceparent", parent);
    assert_eq!(demo.json(with).await["trace"], parent);
    let fresh = demo.json(demo.get("/v1/store/me").header("traceparent", "junk")).await;
    let trace = fresh["trace"].as_str().unwrap();
    assert_eq!(trace[3..35], *fresh["request_id"].as_str().unwrap());
}

#[tokio::test]
async fn logs_tell_of_each_request_and_never_of_tokens_queries_or_bodies() {
    let logs = captured_logs();
    let demo = Demo::start().await;
    let secret = |path: &str| {
        demo.get(&format!("{path}?q=hunter2-query")).header("cookie", "stoa_session=hunter2-cookie")
    };
    let things = secret("/v1/store/things/77").bearer_auth("flora-user").send().await.unwrap();
    assert_eq!(things.status(), 200);
    refused(secret("/v1/store/me").bearer_auth("hunter2-unknown")).await;
    refused(secret("/v1/store/bug").header("x-request-id", "bug-1")).await;
    secret("/").send().await.unwrap();
    let body = demo
        .request("POST", "flora.localhost", "/v1/store/things")
        .bearer_auth("flora-user")
        .header("idempotency-key", "hunter2-key")
        .body("hunter2-body");
    refused(body.header("content-type", "application/json")).await;

    let text = logs.text();
    assert!(!text.contains("hunter2") && !text.contains("flora-user"), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let access: Vec<_> = lines.iter().filter(|l| l["target"] == "bus::access").collect();
    assert_eq!(access.len(), 5, "one line per request: {text}");
    assert_eq!(access[0]["route"], "/v1/store/things/{id}");
    assert_eq!(access[0]["status"], 200);
    assert_eq!(access[0]["tenant"], "flora");
    assert!(access[0]["duration_ms"].is_u64());
    let causes: Vec<_> = lines.iter().filter(|l| l["error"] == "the cause of it").collect();
    assert_eq!(causes.len(), 1, "a cause is logged once");
    assert_eq!(causes[0]["request_id"], "bug-1");
}

#[tokio::test]
async fn metrics_count_by_route_template() {
    let demo = Demo::start().await;
    for id in 0..3 {
        demo.get(&format!("/v1/store/things/{id}")).send().await.unwrap();
    }
    refused(demo.get("/v1/whatever/invented")).await;
    let text = demo.get("/metrics").send().await.unwrap().text().await.unwrap();
    let series =
        "http_requests_total{method=\"GET\",route=\"/v1/store/things/{id}\",status=\"2xx\"} ";
    let count = text.lines().find_map(|l| l.strip_prefix(series)).unwrap();
    assert!(count.parse::<u32>().unwrap() >= 3, "{count}");
    assert!(text.contains("http_request_seconds_bucket"), "{text}");
    assert!(!text.contains("invented"), "{text}");
}
