//! The REST routes: the token's header, shapes, permissions, problems.

use http::{Request, StatusCode};
use http_kit::edge;
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{anonymous_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::World;

struct Answer {
    status: StatusCode,
    etag: Option<String>,
    body: Value,
}

struct Shopper<'a> {
    world: &'a World,
    ctx: Ctx,
    token: Option<String>,
}

impl Shopper<'_> {
    async fn ask(&self, method: &str, uri: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = &self.token {
            request = request.header("x-cart-token", token.as_str());
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(String::new, |b| b.to_string());
        let request = request.body(axum::body::Body::from(body)).unwrap();
        let router = edge::serve_as(self.world.api.clone(), self.ctx.clone());
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            etag: parts.headers.get("etag").map(|v| v.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }
}

#[tokio::test]
async fn an_anonymous_cart_is_filled_merged_and_checked_out() {
    let world = World::new().await;
    assert!(world.schema_conflicts.is_empty(), "{:?}", world.schema_conflicts);
    let mut nobody = Shopper { world: &world, ctx: anonymous_ctx("flora"), token: None };
    let empty = nobody.ask("GET", "/v1/store/cart", None).await;
    let nothing = json!({"amount": 0, "currency": "CNY"});
    assert_eq!((empty.status, &empty.body["subtotal"]), (StatusCode::OK, &nothing));
    let line = json!({"sku_id": "3", "quantity": 2});
    let refused = nobody.ask("POST", "/v1/store/cart/lines", Some(line.clone())).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (401, &json!("cart_required")));

    let created = nobody.ask("POST", "/v1/store/carts", None).await;
    assert_eq!(created.status, 201);
    nobody.token = Some(created.body["token"].as_str().unwrap().to_owned());
    let filled = nobody.ask("POST", "/v1/store/cart/lines", Some(line)).await;
    assert_eq!((filled.status, filled.etag.as_deref()), (StatusCode::OK, Some("\"2\"")));
    assert_eq!(filled.body["lines"][0]["total"], json!({"amount": 600, "currency": "CNY"}));
    let quantity = Some(json!({"quantity": 5}));
    let changed = nobody.ask("PUT", "/v1/store/cart/lines/3", quantity).await;
    assert_eq!(changed.body["lines"][0]["quantity"], 5);
    let saved = nobody.ask("POST", "/v1/store/cart/saved", Some(json!({"sku_id": "3"}))).await;
    assert_eq!(
        (&saved.body["lines"], &saved.body["saved"][0]["quantity"]),
        (&json!([]), &json!(5))
    );
    let back = nobody.ask("POST", "/v1/store/cart/saved/3/move-to-cart", None).await;
    assert_eq!(back.body["lines"][0]["quantity"], 5);
    let again = nobody.ask("DELETE", "/v1/store/cart/saved/3", None).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &back.body));
    let unknown = nobody.ask("POST", "/v1/store/cart/saved", Some(json!({"sku_id": "9"}))).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(nobody.ask("POST", "/v1/store/checkout", None).await.status, 401);

    let member = Shopper { world: &world, ctx: user_ctx("flora", 1), token: None };
    let early = member.ask("POST", "/v1/store/checkout", None).await;
    assert_eq!((early.status.as_u16(), &early.body["code"]), (409, &json!("cart_empty")));
    let token = Some(json!({"token": nobody.token}));
    let merged = member.ask("POST", "/v1/store/cart/merge", token).await;
    assert_eq!(merged.body["lines"][0]["quantity"], 5);
    let checkout = member.ask("POST", "/v1/store/checkout", None).await;
    assert_eq!(checkout.body, json!({"checkout_id": "1001"}));
    assert_eq!(member.ask("POST", "/v1/store/checkout", None).await.body, checkout.body);
    let removed = member.ask("DELETE", "/v1/store/cart/lines/3", None).await;
    assert_eq!(removed.body["lines"], json!([]));
    assert_eq!(nobody.ask("GET", "/v1/store/cart", None).await.body["lines"], json!([]));
}

#[tokio::test]
async fn bad_input_is_a_problem_with_a_place() {
    let world = World::new().await;
    let member = Shopper { world: &world, ctx: user_ctx("flora", 1), token: None };
    for (method, uri, body, at) in [
        ("POST", "/v1/store/cart/lines", json!({"sku_id": "3"}), "/quantity"),
        ("POST", "/v1/store/cart/lines", json!({"sku_id": 3, "quantity": 1}), "/sku_id"),
        ("POST", "/v1/store/cart/lines", json!({"sku_id": "3", "quantity": 0}), "/quantity"),
        ("POST", "/v1/store/cart/lines", json!({"sku_id": "3", "quantity": 10_001}), "/quantity"),
        ("PUT", "/v1/store/cart/lines/3", json!({"quantity": 1, "x": 1}), "/x"),
        ("PUT", "/v1/store/cart/lines/x", json!({"quantity": 1}), "path"),
        ("POST", "/v1/store/cart/merge", json!({"token": 1}), "/token"),
    ] {
        let refused = member.ask(method, uri, Some(body)).await;
        assert_eq!(refused.status, 400, "{uri}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], at, "{uri}");
    }
    let unknown = Some(json!({"sku_id": "9000", "quantity": 1}));
    let refused = member.ask("POST", "/v1/store/cart/lines", unknown).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("not_sellable")));
    for token in ["é", "", "x y", &"a".repeat(300)] {
        let ctx = anonymous_ctx("flora");
        let nobody = Shopper { world: &world, ctx, token: Some(token.to_owned()) };
        assert_eq!(nobody.ask("GET", "/v1/store/cart", None).await.status, 200, "{token}");
        let refused = nobody.ask("DELETE", "/v1/store/cart/lines/3", None).await;
        assert_eq!(refused.status, 401, "{token}");
    }
}
