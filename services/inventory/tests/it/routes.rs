//! The REST routes: shapes, permissions, problems.

use http::{Request, StatusCode};
use http_kit::edge;
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{anonymous_ctx, operator_ctx, test_ctx};
use tower::ServiceExt as _;

use crate::world::{World, reserve};

struct Answer {
    status: StatusCode,
    replayed: bool,
    body: Value,
}

async fn ask(
    world: &World,
    ctx: &Ctx,
    method: &str,
    uri: &str,
    key: Option<&str>,
    body: Option<Value>,
) -> Answer {
    let ctx = Ctx { session: rpc::Session::default(), ..ctx.clone() };
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(String::new, |b| b.to_string());
    let request = request.body(axum::body::Body::from(body)).unwrap();
    let router = edge::serve_as(world.api.clone(), ctx);
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status,
        replayed: parts.headers.contains_key("idempotent-replayed"),
        body: serde_json::from_slice(&bytes).unwrap(),
    }
}

#[tokio::test]
async fn staff_add_warehouses_and_stock_and_read_the_ledger() {
    let world = World::new().await;
    assert!(world.schema_conflicts.is_empty(), "{:?}", world.schema_conflicts);
    let staff = operator_ctx("flora", 9, &["stock:*"]);
    let new = json!({"code": "main", "name": "Main"});
    let added = ask(&world, &staff, "POST", "/v1/admin/warehouses", None, Some(new.clone())).await;
    assert_eq!(added.status, 201);
    let warehouse_id = added.body["id"].as_str().unwrap().to_owned();
    let taken = ask(&world, &staff, "POST", "/v1/admin/warehouses", None, Some(new)).await;
    assert_eq!((taken.status.as_u16(), &taken.body["code"]), (409, &json!("code_taken")));
    let list = ask(&world, &staff, "GET", "/v1/admin/warehouses", None, None).await;
    assert_eq!(list.body[0]["code"], "main");

    let path = "/v1/admin/stock/adjustments";
    let body =
        json!({"sku_id": "1", "warehouse_id": warehouse_id, "delta": 150, "reason": "first"});
    let missing = ask(&world, &staff, "POST", path, None, Some(body.clone())).await;
    assert_eq!(
        (missing.status.as_u16(), &missing.body["code"]),
        (400, &json!("idempotency_key_missing"))
    );
    let first = ask(&world, &staff, "POST", path, Some("k"), Some(body.clone())).await;
    let again = ask(&world, &staff, "POST", path, Some("k"), Some(body.clone())).await;
    assert_eq!((first.status, first.replayed, again.replayed), (StatusCode::OK, false, true));
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["available"], 150);
    let other = json!({"sku_id": "1", "warehouse_id": warehouse_id, "delta": 1, "reason": "first"});
    let reused = ask(&world, &staff, "POST", path, Some("k"), Some(other)).await;
    assert_eq!(reused.status, 422);
    let minus = json!({"sku_id": "1", "warehouse_id": warehouse_id, "delta": -151, "reason": "x"});
    let below = ask(&world, &staff, "POST", path, Some("k2"), Some(minus)).await;
    assert_eq!((below.status.as_u16(), &below.body["code"]), (409, &json!("would_be_negative")));

    reserve(&world.client, &test_ctx("flora"), 7, &[(1, 2)]).await.unwrap();
    let stock = ask(&world, &staff, "GET", "/v1/admin/stock?sku_ids=1,2", None, None).await;
    assert_eq!(stock.body["items"][0]["reserved"], 2);
    assert_eq!(stock.body["items"][1]["available"], 0);
    let low = ask(&world, &staff, "GET", "/v1/admin/stock?below=149", None, None).await;
    assert_eq!(low.body["items"][0]["sku_id"], "1");
    let uri = format!("/v1/admin/stock?below=148&warehouse_id={warehouse_id}&limit=5");
    assert_eq!(ask(&world, &staff, "GET", &uri, None, None).await.body, json!({"items": []}));
    let ledger = ask(&world, &staff, "GET", "/v1/admin/stock/1/ledger?limit=1", None, None).await;
    assert_eq!(ledger.body["items"][0]["kind"], "reserve");
    let cursor = ledger.body["next_cursor"].as_str().unwrap();
    let uri = format!("/v1/admin/stock/1/ledger?cursor={cursor}");
    let rest = ask(&world, &staff, "GET", &uri, None, None).await;
    assert_eq!(rest.body["items"][0]["reason"], "first");
    assert!(rest.body.get("next_cursor").is_none());
}

#[tokio::test]
async fn shoppers_see_whether_there_is_some_and_no_more() {
    let world = World::new().await;
    let ctx = test_ctx("flora");
    let place = crate::world::warehouse(&world.client, &ctx, "main", 0).await;
    crate::world::add(&world.client, &ctx, place, 1, 150).await;
    crate::world::add(&world.client, &ctx, place, 2, 3).await;
    let nobody = anonymous_ctx("flora");
    for asking in [&nobody, &operator_ctx("flora", 9, &["*"])] {
        let seen = ask(&world, asking, "GET", "/v1/store/stock?sku_ids=2,1,3", None, None).await;
        assert_eq!(
            seen.body,
            json!([
                {"sku_id": "2", "in_stock": true, "available": 3},
                {"sku_id": "1", "in_stock": true, "available": 99},
                {"sku_id": "3", "in_stock": false, "available": 0},
            ])
        );
    }
    for uri in ["/v1/admin/stock?sku_ids=1", "/v1/admin/warehouses", "/v1/admin/stock/1/ledger"] {
        assert_eq!(ask(&world, &nobody, "GET", uri, None, None).await.status, 401, "{uri}");
    }
}

#[tokio::test]
async fn bad_input_is_a_problem_with_a_place() {
    let world = World::new().await;
    let staff = operator_ctx("flora", 9, &["*"]);
    let many = vec!["1"; 201].join(",");
    for (uri, at) in [
        ("/v1/store/stock", "sku_ids"),
        ("/v1/store/stock?sku_ids=", "sku_ids"),
        ("/v1/store/stock?sku_ids=1,,2", "sku_ids"),
        ("/v1/store/stock?sku_ids=99999999999999999999", "sku_ids"),
        (&format!("/v1/store/stock?sku_ids={many}"), "sku_ids"),
        ("/v1/admin/stock?sku_ids=1,x", "sku_ids"),
        ("/v1/admin/stock?sku_ids=1&below=3", "sku_ids"),
        ("/v1/admin/stock?below=0", "below"),
        ("/v1/admin/stock?warehouse_id=x", "warehouse_id"),
        ("/v1/admin/stock/x/ledger", "path"),
        ("/v1/admin/stock/1/ledger?cursor=x", "cursor"),
        ("/v1/admin/stock/1/ledger?limit=0", "limit"),
    ] {
        let refused = ask(&world, &staff, "GET", uri, None, None).await;
        assert_eq!(refused.status, 400, "{uri}");
        assert_eq!(refused.body["errors"][0]["pointer"], at, "{uri}");
    }
    let path = "/v1/admin/stock/adjustments";
    let body = json!({"sku_id": "1", "warehouse_id": "1", "delta": 1, "reason": "r"});
    let refused = ask(&world, &staff, "POST", path, Some("k"), Some(body)).await;
    assert_eq!(refused.body["code"], "no_warehouse");
}
