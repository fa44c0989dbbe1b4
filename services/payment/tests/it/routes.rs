//! The routes: statuses, headers, problem documents, and what never appears in them.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use order_api::PaymentMethod;
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use tower::ServiceExt as _;
use types::OrderId;

use crate::orders::MEMBER;
use crate::world::{GOOD, LATER, TENANT, World, member};

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

async fn send(router: &Router, ctx: Ctx, request: Request<Body>) -> Answer {
    let router = http_kit::edge::serve_as(router.clone(), ctx);
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(headers["content-type"], "application/problem+json");
    }
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status, headers, body }
}

fn post(path: &str, key: Option<&str>, body: &Value) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

fn card(number: &str) -> Value {
    json!({ "card": { "number": number, "expiry": "12/30", "cvc": "123" } })
}

fn of(order_id: OrderId) -> String {
    format!("/v1/store/orders/{order_id}/payments")
}

#[tokio::test]
async fn paying_needs_a_key_and_a_repeated_request_is_marked() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let path = of(order_id);
    let none = send(&world.router, member(), post(&path, None, &card(GOOD))).await;
    assert_eq!(
        (none.status, none.body["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("idempotency_key_missing"))
    );
    let first = send(&world.router, member(), post(&path, Some("k1"), &card(GOOD))).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(first.headers["location"], path.as_str());
    assert_eq!(first.body["state"], "captured");
    assert_eq!(first.body["amount"], json!({ "amount": 1_000, "currency": "CNY" }));
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = send(&world.router, member(), post(&path, Some("k1"), &card(GOOD))).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.body, first.body);
    let more = send(&world.router, member(), post(&path, Some("k2"), &card(GOOD))).await;
    assert_eq!(
        (more.status, more.body["code"].as_str()),
        (StatusCode::CONFLICT, Some("not_payable"))
    );
    let list = Request::get(&path).body(Body::empty()).unwrap();
    let list = send(&world.router, member(), list).await;
    assert_eq!(list.body["payments"], json!([first.body]));
    let list = Request::get(&path).body(Body::empty()).unwrap();
    let others = send(&world.router, user_ctx(TENANT, MEMBER + 1), list).await;
    assert_eq!(others.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_input_is_a_problem_that_points_at_the_mistake_and_does_not_repeat_it() {
    let world = World::new().await;
    let path = of(world.order(1_000).await);
    let wrong = card("4242424242424241");
    let answer = send(&world.router, member(), post(&path, Some("k"), &wrong)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["code"], "invalid_card");
    assert_eq!(answer.body["errors"][0]["pointer"], "/card/number");
    assert!(!answer.body.to_string().contains("42424242"));
    let number =
        json!({ "card": { "number": 4_242_424_242_424_242_i64, "expiry": "12/30", "cvc": "1" } });
    let answer = send(&world.router, member(), post(&path, Some("k"), &number)).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/card/number");
    assert!(!answer.body.to_string().contains("42424242"));
    for body in [json!({}), json!({ "card": {} }), json!([]), json!({ "card": null, "x": 1 })] {
        let answer = send(&world.router, member(), post(&path, Some("k"), &body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for id in ["x", "-1", "99999999999999999999", "1"] {
        let path = format!("/v1/store/orders/{id}/payments");
        let answer = send(&world.router, member(), post(&path, Some("k"), &card(GOOD))).await;
        assert!(answer.status.is_client_error(), "{id}: {}", answer.status);
    }
}

#[tokio::test]
async fn staff_refund_and_collect_with_their_permissions() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = send(&world.router, member(), post(&of(order_id), Some("k"), &card(GOOD))).await;
    let path = format!("/v1/admin/payments/{}/refunds", paid.body["id"].as_str().unwrap());
    let body = json!({ "amount": { "amount": 400, "currency": "CNY" }, "reason": "late" });
    let refused = send(&world.router, member(), post(&path, Some("k"), &body)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let clerk = || operator_ctx(TENANT, 1, &["payments:*"]);
    let refund = send(&world.router, clerk(), post(&path, Some("k"), &body)).await;
    assert_eq!((refund.status, &refund.body["done"]), (StatusCode::CREATED, &json!(true)));
    let again = send(&world.router, clerk(), post(&path, Some("k"), &body)).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let more = json!({ "amount": { "amount": 601, "currency": "CNY" }, "reason": "late" });
    let more = send(&world.router, clerk(), post(&path, Some("k2"), &more)).await;
    assert_eq!(
        (more.status, more.body["code"].as_str()),
        (StatusCode::CONFLICT, Some("refund_too_much"))
    );
    let list = format!("/v1/admin/orders/{order_id}/payments");
    let list = Request::get(list).body(Body::empty()).unwrap();
    let list = send(&world.router, clerk(), list).await;
    assert_eq!(list.body["balance"]["amount"], 600);
    let cash = world.order_by(700, PaymentMethod::CashOnDelivery).await;
    let path = format!("/v1/admin/orders/{cash}/cash-collections");
    let body = json!({ "amount": { "amount": 700, "currency": "CNY" } });
    let collected = send(&world.router, clerk(), post(&path, Some("k"), &body)).await;
    assert_eq!(
        (collected.status, &collected.body["state"]),
        (StatusCode::CREATED, &json!("captured"))
    );
    assert_eq!(collected.body["actor"], "operator:1");
}

#[tokio::test]
async fn staff_see_who_gave_money_back_and_a_shopper_sees_his_own_name_only() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let paid = send(&world.router, member(), post(&of(order_id), Some("k"), &card(GOOD))).await;
    let path = format!("/v1/admin/payments/{}/refunds", paid.body["id"].as_str().unwrap());
    let body = json!({ "amount": { "amount": 400, "currency": "CNY" }, "reason": "late" });
    let clerk = || operator_ctx(TENANT, 12, &["payments:*"]);
    send(&world.router, clerk(), post(&path, Some("k"), &body)).await;
    let who = async |ctx, audience: &str| {
        let list = Request::get(format!("/v1/{audience}/orders/{order_id}/payments"));
        let list = send(&world.router, ctx, list.body(Body::empty()).unwrap()).await.body;
        [&list["payments"][0]["actor"], &list["refunds"][0]["actor"]].map(Clone::clone)
    };
    let me = json!(member().actor.principal());
    assert_eq!(who(clerk(), "admin").await, [me.clone(), json!("operator:12")]);
    assert_eq!(who(member(), "store").await, [me, json!("")]);
}

#[tokio::test]
async fn a_hook_takes_what_its_provider_signed_and_nothing_else() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    let open = send(&world.router, member(), post(&of(order_id), Some("k"), &card(LATER))).await;
    assert_eq!((open.status, &open.body["state"]), (StatusCode::CREATED, &json!("pending")));
    let id = open.body["id"].as_str().unwrap();
    let body = json!({
        "tenant": TENANT, "payment_id": id, "reference": format!("tc_{id}"), "outcome": "captured",
    })
    .to_string();
    let hook = |provider: &str, signature: Option<&str>, body: Vec<u8>| {
        let mut request = Request::post(format!("/v1/hooks/payments/{provider}"));
        if let Some(signature) = signature {
            request = request.header("stoa-signature", signature);
        }
        request.body(Body::from(body)).unwrap()
    };
    let ctx = || anonymous_ctx(TENANT);
    let signed = world.card.sign(&body).unwrap();
    let bytes = body.clone().into_bytes();
    for (request, status, code) in [
        (hook("test_card", None, bytes.clone()), 401, "bad_signature"),
        (hook("test_card", Some("t=1,v1=00"), bytes.clone()), 401, "bad_signature"),
        (hook("test_card", Some(&signed), vec![0xff, 0xfe]), 401, "bad_signature"),
        (hook("test_card", Some(&signed), vec![b'x'; 70_000]), 413, "too_large"),
        (hook("nobody", Some(&signed), bytes.clone()), 404, "not_found"),
    ] {
        let answer = send(&world.router, ctx(), request).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (status, Some(code)));
    }
    for _ in 0..3 {
        let answer =
            send(&world.router, ctx(), hook("test_card", Some(&signed), bytes.clone())).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let payments = world.payments(order_id).await;
    assert_eq!((payments.payments.len(), payments.balance.amount()), (1, 1_000));
}

#[tokio::test]
async fn no_card_number_reaches_the_disk() {
    let world = World::new().await;
    let order_id = world.order(1_000).await;
    send(&world.router, member(), post(&of(order_id), Some("k"), &card(GOOD))).await;
    world.quiet().await;
    let stored = world.shards.stored().await;
    let holds = |text: &str| stored.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("visa") && holds(&GOOD[GOOD.len() - 4..]), "what may be kept is found");
    assert!(!holds(GOOD));
}

#[tokio::test]
async fn every_route_is_in_the_document_with_its_rule() {
    let world = World::new().await;
    let document = serde_json::to_value(&world.document).unwrap();
    for (method, path) in [
        ("post", "/v1/store/orders/{id}/payments"),
        ("get", "/v1/store/orders/{id}/payments"),
        ("get", "/v1/admin/orders/{id}/payments"),
        ("post", "/v1/admin/payments/{id}/refunds"),
        ("post", "/v1/admin/orders/{id}/cash-collections"),
        ("post", "/v1/hooks/payments/{provider}"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
}
