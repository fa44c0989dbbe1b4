//! The routes: statuses, bodies, problem documents.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::user_ctx;
use tower::ServiceExt as _;

use crate::world::{MEMBER, TENANT, World, packer};

async fn send(router: &Router, ctx: Ctx, request: Request<Body>) -> (StatusCode, Value) {
    let router = http_kit::edge::serve_as(router.clone(), ctx);
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    if !status.is_success() {
        assert_eq!(headers["content-type"], "application/problem+json");
    }
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn a_parcel_is_shipped_tracked_and_delivered_over_http() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 2)]).await;
    let shopper = || user_ctx(TENANT, MEMBER);
    let ships = format!("/v1/admin/orders/{order_id}/shipments");
    let body = json!({
        "carrier": "Swift", "tracking_number": "S1",
        "lines": [{ "sku_id": "1", "quantity": 1 }],
    });
    let (status, _) = send(&world.router, shopper(), post(&ships, &body)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, sent) = send(&world.router, packer(), post(&ships, &body)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(sent["lines"], body["lines"]);
    let (status, taken) = send(&world.router, packer(), post(&ships, &body)).await;
    assert_eq!((status, taken["code"].as_str()), (StatusCode::CONFLICT, Some("tracking_taken")));
    let many = json!({
        "carrier": "Swift", "tracking_number": "S2",
        "lines": [{ "sku_id": "1", "quantity": 2 }],
    });
    let (status, many) = send(&world.router, packer(), post(&ships, &many)).await;
    assert_eq!((status, many["code"].as_str()), (StatusCode::CONFLICT, Some("too_many_units")));
    let rest = json!({ "carrier": "Swift", "tracking_number": "S2" });
    let (status, rest) = send(&world.router, packer(), post(&ships, &rest)).await;
    assert_eq!(status, StatusCode::CREATED);
    let of = |shipment: &Value, what: &str| {
        format!("/v1/admin/shipments/{}/{what}", shipment["id"].as_str().unwrap())
    };
    let event = json!({ "location": "Wuhan", "description": "sorted" });
    let (status, tracked) =
        send(&world.router, packer(), post(&of(&sent, "tracking"), &event)).await;
    assert_eq!((status, &tracked["tracking"][0]["location"]), (StatusCode::OK, &json!("Wuhan")));
    for shipment in [&sent, &rest] {
        let deliver = Request::post(of(shipment, "actions/deliver")).body(Body::empty()).unwrap();
        let (status, _) = send(&world.router, packer(), deliver).await;
        assert_eq!(status, StatusCode::OK);
    }
    let mine = format!("/v1/store/orders/{order_id}/shipments");
    let (status, seen) = send(&world.router, shopper(), get(&mine)).await;
    assert_eq!((status, &seen["delivered"]), (StatusCode::OK, &json!(true)));
    assert_eq!(seen["shipments"].as_array().unwrap().len(), 2);
    let (status, _) = send(&world.router, user_ctx(TENANT, MEMBER + 1), get(&mine)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let admin = format!("/v1/admin/orders/{order_id}/fulfillment");
    let (status, mut known) = send(&world.router, packer(), get(&admin)).await;
    for parcel in known["shipments"].as_array_mut().unwrap() {
        for who in ["shipped_by", "delivered_by"] {
            assert_eq!(parcel[who].take(), json!("operator:1"), "staff know it, shoppers do not");
            parcel[who] = json!("");
        }
    }
    assert_eq!((status, known), (StatusCode::OK, seen));
}

#[tokio::test]
async fn bad_input_is_a_problem_that_points_at_the_mistake() {
    let world = World::new().await;
    let order_id = world.ready(&[(1, 1, 2)]).await;
    let ships = format!("/v1/admin/orders/{order_id}/shipments");
    for (body, pointer) in [
        (json!({}), "/carrier"),
        (json!({ "carrier": "", "tracking_number": "1" }), "/carrier"),
        (json!({ "carrier": "a", "tracking_number": "1", "lines": [] }), "/lines"),
        (
            json!({ "carrier": "a", "tracking_number": "1", "lines": [{ "sku_id": "1", "quantity": 0 }] }),
            "/lines/0/quantity",
        ),
        (json!({ "carrier": "a", "tracking_number": "1", "weight": 3 }), "/weight"),
    ] {
        let (status, problem) = send(&world.router, packer(), post(&ships, &body)).await;
        let at = problem["errors"][0]["pointer"].as_str();
        assert_eq!((status, at), (StatusCode::BAD_REQUEST, Some(pointer)), "{body}");
    }
    for id in ["x", "-1", "99999999999999999999", "1"] {
        let deliver = Request::post(format!("/v1/admin/shipments/{id}/actions/deliver"));
        let deliver = deliver.body(Body::empty()).unwrap();
        let (status, _) = send(&world.router, packer(), deliver).await;
        assert!(status.is_client_error(), "{id}: {status}");
    }
}

#[tokio::test]
async fn every_route_is_in_the_document() {
    let world = World::new().await;
    let document = serde_json::to_value(&world.document).unwrap();
    for (method, path) in [
        ("get", "/v1/store/orders/{id}/shipments"),
        ("get", "/v1/admin/orders/{id}/fulfillment"),
        ("post", "/v1/admin/orders/{id}/shipments"),
        ("post", "/v1/admin/shipments/{id}/tracking"),
        ("post", "/v1/admin/shipments/{id}/actions/deliver"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
}
