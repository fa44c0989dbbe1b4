//! The routes: who may call them, what they show, how versions are kept apart.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rpc::Ctx;
use serde_json::{Value, json};
use tenant_api::TenantInfo;
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::{World, new_tenant, system};

async fn flora() -> (World, axum::Router) {
    let world = World::new().await;
    world.local().add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap();
    let router = world.router.clone();
    (world, router)
}

async fn ask(
    router: &axum::Router,
    ctx: Ctx,
    request: Request<Body>,
) -> (StatusCode, String, Value) {
    let response = http_kit::edge::serve_as(router.clone(), ctx).oneshot(request).await.unwrap();
    let status = response.status();
    let tag = response.headers().get("etag").map_or("", |v| v.to_str().unwrap()).to_owned();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, tag, serde_json::from_slice(&bytes).unwrap())
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

fn patch(body: &Value, if_match: Option<&str>) -> Request<Body> {
    let mut request = Request::patch("/v1/admin/tenant").header("content-type", "application/json");
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn everybody_sees_the_shop_and_nobody_its_placements() {
    let (_world, router) = flora().await;
    let (status, _, shop) = ask(&router, anonymous_ctx("flora"), get("/v1/store/shop")).await;
    assert_eq!(status, 200);
    assert_eq!(shop["name"], json!({"en": "flora"}));
    assert_eq!(shop["shipping_fee"], json!({"amount": 800, "currency": "CNY"}));
    assert!(shop.get("placements").is_none() && shop.get("hosts").is_none());
    let (status, _, problem) = ask(&router, anonymous_ctx("nobody"), get("/v1/store/shop")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
}

#[tokio::test]
async fn settings_need_a_permission_and_a_change_the_current_version() {
    let (_world, router) = flora().await;
    for (ctx, status) in [(anonymous_ctx("flora"), 401), (user_ctx("flora", 5), 403)] {
        assert_eq!(ask(&router, ctx, get("/v1/admin/tenant")).await.0, status);
    }
    let owner = || operator_ctx("flora", 1, &["tenant:*"]);
    let (_, tag, info) = ask(&router, owner(), get("/v1/admin/tenant")).await;
    assert_eq!(tag, "\"1\"");
    let info: TenantInfo = serde_json::from_value(info).unwrap();
    assert_eq!(info.hosts, ["flora.localhost"]);

    let fee = json!({"version": 1, "shipping_fee": 900});
    let (status, tag, changed) = ask(&router, owner(), patch(&fee, Some("\"1\""))).await;
    assert_eq!((status, tag.as_str()), (StatusCode::OK, "\"2\""));
    assert_eq!(changed["shipping_fee"]["amount"], 900);
    let (status, _, problem) = ask(&router, owner(), patch(&fee, None)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (412, &json!("stale_version")));
    assert_eq!(ask(&router, owner(), patch(&fee, Some("\"2\""))).await.0, 400);

    for bad in [
        json!({}),
        json!({"version": 2, "shipping_fee": -1}),
        json!({"version": 2, "colour": "red"}),
        json!({"version": 2, "name": {}}),
        json!({"version": 2, "theme": {"primary": "red", "accent": "", "background": ""}}),
    ] {
        let (status, _, problem) = ask(&router, owner(), patch(&bad, None)).await;
        assert_eq!(status, 400, "{bad}");
        assert!(problem["errors"][0]["pointer"].is_string(), "{problem}");
    }
    let reader = operator_ctx("flora", 1, &["tenant:read"]);
    assert_eq!(ask(&router, reader, patch(&json!({"version": 2}), None)).await.0, 403);
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
