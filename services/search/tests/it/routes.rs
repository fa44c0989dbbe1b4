//! The REST routes: parameters, shapes, permissions, problems.

use http::{Request, StatusCode};
use http_kit::edge;
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{anonymous_ctx, operator_ctx};
use tower::ServiceExt as _;

use crate::world::{With as _, World, order, product};

async fn ask(world: &World, ctx: &Ctx, uri: &str) -> (StatusCode, Value) {
    let request = Request::builder().uri(uri).body(axum::body::Body::empty()).unwrap();
    let router = edge::serve_as(world.api.clone(), ctx.clone());
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, serde_json::from_slice(&bytes).unwrap())
}

async fn shop() -> World {
    let world = World::new().await;
    let products = [
        product(1, "Red rose", "红玫瑰").with_option("Colour", &["Red"]).of_brand(1, "Flora"),
        product(2, "White rose", "白玫瑰").with_option("Colour", &["White"]).of_brand(2, "Bloom"),
    ];
    world.publish("flora", products).await;
    world.tell_order("flora", &order(5, 0, "Red rose"), 1).await;
    world
}

#[tokio::test]
async fn products_are_found_with_parameters_that_come_several_times() {
    let world = shop().await;
    assert!(world.schema_conflicts.is_empty(), "{:?}", world.schema_conflicts);
    let nobody = anonymous_ctx("flora");
    let (status, found) = ask(
        &world,
        &nobody,
        "/v1/store/search/products?q=rose&facet=Colour:Red&facet=Colour%3AWhite&brand_id=1&brand_id=2\
         &price_max=150&sort=price_up&in_stock=false&locale=zh-CN&limit=5",
    )
    .await;
    assert_eq!((status, &found["total"]), (StatusCode::OK, &json!(1)));
    assert_eq!(found["items"][0]["title"]["zh-CN"], "红玫瑰");
    assert_eq!(found["items"][0]["price_from"], json!({"amount": 100, "currency": "CNY"}));
    assert_eq!(found["next_cursor"], Value::Null);
    let (_, first) = ask(&world, &nobody, "/v1/store/search/products?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("/v1/store/search/products?limit=1&cursor={cursor}");
    assert_eq!(ask(&world, &nobody, &next).await.1["items"][0]["id"], "1");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let world = shop().await;
    let nobody = anonymous_ctx("flora");
    for (query, at) in [
        ("category_id=x", "category_id"),
        ("brand_id=1&brand_id=-", "brand_id"),
        ("facet=Red", "facet"),
        ("price_min=1.5", "price_min"),
        ("price_max=-1", "price_max"),
        ("in_stock=yes", "in_stock"),
        ("sort=best", "sort"),
        ("locale=english", "locale"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let uri = format!("/v1/store/search/products?{query}");
        let (status, problem) = ask(&world, &nobody, &uri).await;
        assert_eq!(status, 400, "{query}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], at, "{query}");
    }
}

#[tokio::test]
async fn staff_find_what_they_may_see() {
    let world = shop().await;
    let nobody = anonymous_ctx("flora");
    let all = operator_ctx("flora", 1, &["products:read", "orders:read"]);
    let from_to = "from=2025-06-01T00:00:00Z&to=2025-06-02T00:00:00Z";
    let reports = format!("/v1/admin/reports/orders?{from_to}");
    for (uri, items) in [
        ("/v1/admin/search/products?status=on_sale", 2),
        ("/v1/admin/search/products?status=off", 0),
        ("/v1/admin/search/orders?q=rose&status=PENDING_PAYMENT", 1),
        ("/v1/admin/search/orders?from=2026-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(ask(&world, &nobody, uri).await.0, 401, "{uri}");
        let (status, found) = ask(&world, &all, uri).await;
        assert_eq!((status.as_u16(), found["items"].as_array().unwrap().len()), (200, items));
    }
    let (status, figures) = ask(&world, &all, &reports).await;
    assert_eq!((status.as_u16(), &figures["orders"]), (200, &json!(1)));
    assert_eq!(figures["by_hour"][0]["hour"], "2025-06-01T00:00:00.000000Z");
    let (status, usage) = ask(&world, &all, "/v1/admin/reports/flows").await;
    assert_eq!((status.as_u16(), &usage[0]["orders"]), (200, &json!(1)));
    for (uri, at) in [
        ("/v1/admin/reports/orders", "from"),
        ("/v1/admin/reports/orders?from=today&to=x", "from"),
        ("/v1/admin/search/orders?member_id=x", "member_id"),
        ("/v1/admin/search/products?status=sold", "status"),
    ] {
        let (status, problem) = ask(&world, &all, uri).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["pointer"]), (400, &json!(at)), "{uri}");
    }
}
