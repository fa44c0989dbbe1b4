//! The routes: who may call them, what they answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use rpc::Ctx;
use serde_json::{Value, json};
use staff_api::Role;
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::{PASSWORD, World, as_person};

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
    send("POST", "/v1/admin/sessions", &json!({"login": "anna", "password": password}))
}

#[tokio::test]
async fn somebody_signs_in_looks_around_and_signs_out() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Owner).await;
    let session = ask(&world, anonymous_ctx("flora"), login(PASSWORD)).await;
    assert_eq!(session.status, 201);
    assert_eq!(session.headers["location"], "/v1/admin/sessions/current");
    assert_eq!(session.body["staff"]["login"], "anna");
    let token = session.body["token"].as_str().unwrap();
    let me = || as_person("flora", &anna);
    assert_eq!(ask(&world, me(), get("/v1/admin/me")).await.body["id"], anna.id.to_string());
    let gone = ask(&world, me(), delete("/v1/admin/sessions/current", Some(token))).await;
    assert_eq!(gone.status, 204);
    assert_eq!(world.holder("flora", &kit::Secret::new(token.to_owned())).await, None);
    assert_eq!(ask(&world, me(), delete("/v1/admin/sessions/current", None)).await.status, 401);
}

#[tokio::test]
async fn a_locked_login_says_when_to_come_back() {
    let world = World::new().await;
    world.person("flora", "anna", Role::Owner).await;
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
async fn routes_ask_for_their_permission() {
    let world = World::new().await;
    let routes = [
        ("GET", "/v1/admin/staff", "staff:read"),
        ("POST", "/v1/admin/staff", "staff:write"),
        ("PATCH", "/v1/admin/staff/5", "staff:write"),
        ("GET", "/v1/admin/credentials", "staff:read"),
        ("POST", "/v1/admin/credentials", "staff:write"),
        ("DELETE", "/v1/admin/credentials/5", "staff:write"),
    ];
    for (method, uri, permission) in routes {
        let ask = |ctx| ask(&world, ctx, send(method, uri, &json!({})));
        assert_eq!(ask(anonymous_ctx("flora")).await.status, 401, "{method} {uri}");
        assert_eq!(ask(user_ctx("flora", 1)).await.status, 403, "{method} {uri}");
        assert_eq!(ask(operator_ctx("flora", 1, &["stock:*"])).await.status, 403, "{method} {uri}");
        let passed = ask(operator_ctx("flora", 1, &[permission])).await.status;
        assert!(![401, 403].contains(&passed), "{method} {uri}: {passed}");
    }
}

#[tokio::test]
async fn staff_and_credentials_are_kept_over_rest() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Owner).await;
    let owner = || as_person("flora", &anna);
    let bert = json!({"login": "bert", "name": "Bert", "role": "warehouse", "password": PASSWORD});
    let added = ask(&world, owner(), send("POST", "/v1/admin/staff", &bert)).await;
    assert_eq!(added.status, 201);
    assert!(added.body.get("password").is_none());
    let uri = added.headers["location"].to_str().unwrap().to_owned();
    let again = ask(&world, owner(), send("POST", "/v1/admin/staff", &bert)).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("login_taken")));
    let off = ask(&world, owner(), send("PATCH", &uri, &json!({"enabled": false}))).await;
    assert_eq!((off.status, &off.body["enabled"]), (200, &json!(false)));
    let list = ask(&world, owner(), get("/v1/admin/staff?limit=1")).await;
    assert_eq!(list.body["items"][0]["login"], "anna");
    assert!(list.body["next_cursor"].is_string());

    let erp = json!({"name": "erp", "permissions": ["stock:read"]});
    let made = ask(&world, owner(), send("POST", "/v1/admin/credentials", &erp)).await;
    assert_eq!(made.status, 201);
    assert!(made.body["token"].as_str().unwrap().starts_with("sc_"));
    let uri = made.headers["location"].to_str().unwrap().to_owned();
    let over = ask(&world, owner(), delete(&uri, None)).await;
    assert!(over.status == 200 && over.body["revoked_at"].is_string());
    let list = ask(&world, owner(), get("/v1/admin/credentials")).await;
    assert!(list.body["items"][0].get("token").is_none());

    for (method, uri, body) in [
        ("PATCH", "/v1/admin/staff/x", json!({})),
        ("PATCH", "/v1/admin/staff/99999999999999999999", json!({})),
        ("PATCH", "/v1/admin/staff/5", json!({"id": "6"})),
        ("POST", "/v1/admin/staff", json!({"login": "x"})),
        ("POST", "/v1/admin/sessions", json!({"login": "x".repeat(65), "password": ""})),
        ("POST", "/v1/admin/credentials", json!({"name": "", "permissions": []})),
    ] {
        let refused = ask(&world, owner(), send(method, uri, &body)).await;
        assert_eq!(refused.status, 400, "{method} {uri} {body}");
    }
    let unknown = ask(&world, owner(), send("PATCH", "/v1/admin/staff/5", &json!({}))).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_password_is_changed_over_rest_and_the_session_is_forgotten_at_once() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Warehouse).await;
    let old = world.sign_in("flora", "anna", PASSWORD).await.unwrap();
    let me = || as_person("flora", &anna);
    let put = |body: &Value| send("PUT", "/v1/admin/me/password", body);
    let wrong = json!({"current": "wrong horse", "new": "another password"});
    let refused = ask(&world, me(), put(&wrong)).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!("wrong_password")));
    assert_eq!(refused.body["errors"][0]["pointer"], "/current");
    assert_eq!(ask(&world, anonymous_ctx("flora"), put(&wrong)).await.status, 401);
    assert_eq!(ask(&world, user_ctx("flora", 1), put(&wrong)).await.status, 403);
    let ctx = me();
    let right = json!({"current": PASSWORD, "new": "another password"});
    let changed = ask(&world, ctx.clone(), put(&right)).await;
    assert_eq!(changed.status, 200);
    assert!(ctx.session.is_ended(), "the bus forgets the token that this call came with");
    let token = kit::Secret::new(changed.body["token"].as_str().unwrap().to_owned());
    assert!(world.holder("flora", &token).await.is_some());
    assert_eq!(world.holder("flora", &old.token).await, None);
    for _ in 0..5 {
        ask(&world, me(), put(&wrong)).await;
    }
    let locked = ask(&world, me(), put(&wrong)).await;
    assert_eq!((locked.status, locked.headers["retry-after"].to_str().unwrap()), (429, "61"));
}

#[tokio::test]
async fn the_document_names_no_schema_that_it_lacks_and_only_known_permissions() {
    let world = World::new().await;
    let document = serde_json::to_value(&world.document).unwrap();
    let (mut names, mut permissions) = (Vec::new(), Vec::new());
    strings(&document, "$ref", &mut names);
    strings(&document, "x-permission", &mut permissions);
    assert!(names.len() > 5 && permissions.len() == 6, "{names:?} {permissions:?}");
    for name in names {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} leads nowhere");
    }
    for permission in permissions {
        assert!(staff_api::is_grantable(&permission), "{permission}");
    }
}

fn strings(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str).map(ToOwned::to_owned));
            map.values().for_each(|v| strings(v, key, found));
        }
        Value::Array(items) => items.iter().for_each(|v| strings(v, key, found)),
        _ => {}
    }
}
