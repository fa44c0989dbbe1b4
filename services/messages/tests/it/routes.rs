//! The routes: who may call them, what they answer.

use axum::body::Body;
use axum::http::Request;
use rpc::Ctx;
use serde_json::{Value, json};
use shard::Route;
use testkit::{anonymous_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::{READS, WRITES, World, somebody};

async fn ask(world: &World, ctx: Ctx, method: &str, uri: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(uri);
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let served = http_kit::edge::serve_as(world.router.clone(), ctx);
    let response = served.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn routes_ask_for_their_permission() {
    let world = World::new().await;
    let routes = [
        ("GET", "/v1/admin/messages/summary", "messages:read"),
        ("GET", "/v1/admin/messages", "messages:read"),
        ("GET", "/v1/admin/messages/order/thing:1:1", "messages:read"),
        ("POST", "/v1/admin/messages/retry", "messages:write"),
        ("POST", "/v1/admin/messages/order/thing:1:1/retry", "messages:write"),
        ("POST", "/v1/admin/messages/order/thing:1:1/discard", "messages:write"),
    ];
    for (method, uri, permission) in routes {
        let status = async |ctx| ask(&world, ctx, method, uri, json!({})).await.0;
        assert_eq!(status(anonymous_ctx("flora")).await, 401, "{method} {uri}");
        assert_eq!(status(user_ctx("flora", 1)).await, 403, "{method} {uri}");
        let other = if permission == "messages:read" { "messages:write" } else { "messages:read" };
        assert_eq!(status(somebody(&[other])).await, 403, "{method} {uri}");
        let passed = status(somebody(&[permission])).await;
        assert!(![401, 403].contains(&passed), "{method} {uri}: {passed}");
    }
}

#[tokio::test]
async fn messages_are_looked_at_tried_again_and_dropped_over_rest() {
    let world = World::new().await;
    world.relay();
    for id in 1..=3 {
        world.put(("order", Route::Whole), "flora", "broken", id).await;
    }
    world.until_dead("flora", 3).await;
    let (read, write) = (|| somebody(READS), || somebody(WRITES));
    let (status, summary) =
        ask(&world, read(), "GET", "/v1/admin/messages/summary", Value::Null).await;
    assert_eq!(status, 200);
    let order = json!({"service": "order", "pending": 0, "delayed": 0, "dead": 3});
    assert_eq!(summary[1], order);
    let (_, page) = ask(&world, read(), "GET", "/v1/admin/messages?limit=2", Value::Null).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let first = &page["items"][0];
    assert_eq!((&first["topic"], &first["state"]), (&json!("broken"), &json!("dead")));
    let next =
        format!("/v1/admin/messages?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    let (_, rest) = ask(&world, read(), "GET", &next, Value::Null).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);

    let at =
        |n: usize| format!("/v1/admin/messages/order/{}", page["items"][n]["id"].as_str().unwrap());
    let (_, seen) = ask(&world, read(), "GET", &at(0), Value::Null).await;
    assert!(seen.get("payload").is_none() && seen["info"]["service"] == "order");
    let (_, seen) = ask(&world, write(), "GET", &at(0), Value::Null).await;
    assert!(seen["payload"]["n"].is_number());
    let retry = format!("{}/retry", at(0));
    assert_eq!(ask(&world, write(), "POST", &retry, Value::Null).await.0, 204);
    let discard = format!("{}/discard", at(1));
    let why = json!({"reason": "a test"});
    assert_eq!(ask(&world, write(), "POST", &discard, why.clone()).await.0, 204);
    assert_eq!(ask(&world, write(), "POST", &discard, why.clone()).await.0, 409);
    world.until_dead("flora", 2).await;
    let all = json!({"topic": "broken"});
    let (status, answer) = ask(&world, write(), "POST", "/v1/admin/messages/retry", all).await;
    assert_eq!((status, answer), (200, json!({"retried": 2})));

    for (method, uri, body) in [
        ("GET", "/v1/admin/messages?state=lost", Value::Null),
        ("GET", "/v1/admin/messages?service=nobody", Value::Null),
        ("GET", "/v1/admin/messages?limit=0", Value::Null),
        ("GET", "/v1/admin/messages/order/x", Value::Null),
        ("POST", "/v1/admin/messages/retry", json!({"every": true})),
        ("POST", discard.as_str(), json!({"reason": ""})),
        ("POST", discard.as_str(), json!({})),
    ] {
        let (status, _) = ask(&world, write(), method, uri, body.clone()).await;
        assert_eq!(status, 400, "{method} {uri} {body}");
    }
    let (status, _) =
        ask(&world, read(), "GET", "/v1/admin/messages/order/thing:5:5", Value::Null).await;
    assert_eq!(status, 404);
    world.stop().await;
}

#[tokio::test]
async fn the_document_names_no_schema_that_it_lacks() {
    let world = World::new().await;
    assert!(world.schema_conflicts.is_empty());
    let text = serde_json::to_string(&world.document).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = text.split("#/components/schemas/").skip(1).collect();
    assert!(names.len() > 5);
    for name in names {
        let name = name.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not defined");
    }
}
