//! The routes: who may call them, what they answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::{PASSWORD, World, address, as_member};

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

async fn ask(world: &World, ctx: Ctx, request: Request<Body>) -> Answer {
    let served = http_kit::edge::serve_as(world.router.clone(), ctx);
    let response = served.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn send(method: &str, uri: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri);
    request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

fn delete(uri: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::delete(uri);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

fn login(password: &str) -> Request<Body> {
    send("POST", "/v1/store/sessions", &json!({"login": "anna@b.example", "password": password}))
}

#[tokio::test]
async fn somebody_registers_signs_in_and_signs_out() {
    let world = World::new().await;
    let nobody = || anonymous_ctx("flora");
    let anna = json!({"login": "anna@b.example", "password": PASSWORD});
    let registered = ask(&world, nobody(), send("POST", "/v1/store/members", &anna)).await;
    assert_eq!(registered.status, 201);
    assert_eq!(registered.body["member"]["name"], "");
    let again = ask(&world, nobody(), send("POST", "/v1/store/members", &anna)).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("login_taken")));
    let session = ask(&world, nobody(), login(PASSWORD)).await;
    assert_eq!(session.status, 201);
    let token = session.body["token"].as_str().unwrap();
    let id: i64 = session.body["member"]["id"].as_str().unwrap().parse().unwrap();
    let me = || user_ctx("flora", id);
    let rename = json!({"name": "Anna", "locale": "zh-CN"});
    let renamed = ask(&world, me(), send("PATCH", "/v1/store/me", &rename)).await;
    assert_eq!((renamed.status, &renamed.body["locale"]), (200, &json!("zh-CN")));
    assert_eq!(ask(&world, me(), get("/v1/store/me")).await.body, renamed.body);
    let gone = ask(&world, me(), delete("/v1/store/sessions/current", Some(token))).await;
    assert_eq!(gone.status, 204);
    assert_eq!(world.holder("flora", &kit::Secret::new(token.to_owned())).await, None);
    assert_eq!(ask(&world, me(), delete("/v1/store/sessions/current", None)).await.status, 401);
}

#[tokio::test]
async fn a_locked_login_says_when_to_come_back() {
    let world = World::new().await;
    world.member("flora", "anna@b.example").await;
    for _ in 0..5 {
        let refused = ask(&world, anonymous_ctx("flora"), login("wrong horse")).await;
        assert_eq!((refused.status, &refused.body["code"]), (401, &json!("bad_login")));
    }
    world.clock.advance(Duration::from_secs(10));
    let locked = ask(&world, anonymous_ctx("flora"), login(PASSWORD)).await;
    assert_eq!((locked.status, &locked.body["code"]), (429, &json!("locked")));
    assert_eq!(locked.headers["retry-after"], "51");
}

#[tokio::test]
async fn an_address_book_is_kept_over_rest() {
    let world = World::new().await;
    let session = world.member("flora", "anna@b.example").await;
    let me = || as_member("flora", &session);
    let entry = json!({"address": address("1 Rose Lane")});
    let added = ask(&world, me(), send("POST", "/v1/store/addresses", &entry)).await;
    assert_eq!((added.status, &added.body["is_default"]), (201, &json!(true)));
    let uri = added.headers["location"].to_str().unwrap().to_owned();
    let moved = json!({"is_default": true, "address": address("2 Rose Lane")});
    let moved = ask(&world, me(), send("PUT", &uri, &moved)).await;
    assert_eq!(moved.body["address"]["street"], "2 Rose Lane");
    let list = ask(&world, me(), get("/v1/store/addresses")).await;
    assert_eq!(list.body, json!({"items": [moved.body]}));
    let stranger = user_ctx("flora", session.member.id.get() + 1);
    let foreign = ask(&world, stranger, send("PUT", &uri, &entry)).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(ask(&world, me(), delete(&uri, None)).await.status, 204);
    assert_eq!(ask(&world, me(), send("PUT", &uri, &entry)).await.status, 404);

    let mut nowhere = entry.clone();
    nowhere["address"]["city"] = json!("");
    for (method, uri, body, pointer) in [
        ("POST", "/v1/store/addresses", json!({}), "/address"),
        ("POST", "/v1/store/addresses", nowhere, "/address/city"),
        ("POST", "/v1/store/members", json!({"login": "x"}), "/password"),
        ("POST", "/v1/store/members", json!({"login": "x", "password": PASSWORD}), "/login"),
        ("PATCH", "/v1/store/me", json!({"name": "\u{0}"}), "/name"),
        ("PATCH", "/v1/store/me", json!({"locale": "klingon"}), "/locale"),
    ] {
        let refused = ask(&world, me(), send(method, uri, &body)).await;
        assert_eq!(refused.status, 400, "{method} {uri} {body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.body);
    }
    assert_eq!(ask(&world, me(), send("PUT", "/v1/store/addresses/x", &entry)).await.status, 400);
}

#[tokio::test]
async fn a_password_is_changed_and_all_sessions_are_ended_over_rest() {
    let world = World::new().await;
    let anna = world.member("flora", "anna@b.example").await;
    let me = || as_member("flora", &anna);
    let put = |body: Value| send("PUT", "/v1/store/me/password", &body);
    let wrong = json!({"current": "wrong horse", "new": "another password"});
    let refused = ask(&world, me(), put(wrong.clone())).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!("wrong_password")));
    assert_eq!(refused.body["errors"][0]["pointer"], "/current");
    assert_eq!(ask(&world, anonymous_ctx("flora"), put(wrong.clone())).await.status, 401);
    let right = json!({"current": PASSWORD, "new": "another password"});
    let changed = ask(&world, me(), put(right)).await;
    assert_eq!(changed.status, 200);
    let token = crate::world::secret(changed.body["token"].as_str().unwrap());
    assert_eq!(world.holder("flora", &token).await, Some(anna.member.id));
    assert_eq!(world.holder("flora", &anna.token).await, None);
    for _ in 0..5 {
        ask(&world, me(), put(wrong.clone())).await;
    }
    let locked = ask(&world, me(), put(wrong)).await;
    assert_eq!((locked.status, locked.headers["retry-after"].to_str().unwrap()), (429, "61"));
    let all = || delete("/v1/store/sessions", None);
    assert_eq!(ask(&world, anonymous_ctx("flora"), all()).await.status, 401);
    assert_eq!(ask(&world, me(), all()).await.status, 204);
    assert_eq!(world.holder("flora", &token).await, None);
}

#[tokio::test]
async fn routes_let_nobody_else_in() {
    let world = World::new().await;
    let anna = world.member("flora", "anna@b.example").await;
    let one = format!("/v1/admin/members/{}", anna.member.id);
    for uri in ["/v1/admin/members", one.as_str()] {
        let ask = |ctx| ask(&world, ctx, get(uri));
        assert_eq!(ask(anonymous_ctx("flora")).await.status, 401);
        assert_eq!(ask(as_member("flora", &anna)).await.status, 403);
        assert_eq!(ask(operator_ctx("flora", 1, &["orders:*"])).await.status, 403);
        assert_eq!(ask(operator_ctx("flora", 1, &["members:*"])).await.status, 200);
    }
    for uri in ["/v1/store/me", "/v1/store/addresses"] {
        assert_eq!(ask(&world, anonymous_ctx("flora"), get(uri)).await.status, 401);
        assert_eq!(ask(&world, operator_ctx("flora", 1, &["*"]), get(uri)).await.status, 403);
    }
    let staff = || operator_ctx("flora", 1, &["members:read"]);
    let found = ask(&world, staff(), get("/v1/admin/members?login=ANNA@b.example")).await;
    assert_eq!(found.body["items"][0]["id"], anna.member.id.to_string());
    let none = ask(&world, staff(), get("/v1/admin/members?login=%00&limit=5")).await;
    assert_eq!(none.body, json!({"items": []}));
    assert_eq!(ask(&world, staff(), get("/v1/admin/members?cursor=zzz")).await.status, 400);
    assert_eq!(ask(&world, staff(), get("/v1/admin/members/5")).await.status, 404);
}

#[tokio::test]
async fn the_document_names_no_schema_that_it_lacks() {
    let world = World::new().await;
    let document = serde_json::to_value(&world.document).unwrap();
    let mut names = Vec::new();
    references(&document, &mut names);
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} leads nowhere");
    }
}

fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            names.extend(map.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            map.values().for_each(|v| references(v, names));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, names)),
        _ => {}
    }
}
