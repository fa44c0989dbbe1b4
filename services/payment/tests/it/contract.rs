//! What callers of the trait may rely on, whichever handle they hold.

use kit::{ErrorCode, Place};
use order_api::PaymentMethod;
use payment_api::{
    Callback, CollectCash, Error, ForOrder, PaymentClient, PaymentState, PaymentView, Refund,
};
use rpc::{Ctx, ServiceError as _};
use testkit::{anonymous_ctx, operator_ctx, user_ctx};
use types::{OrderId, PaymentId};

use crate::orders::{MEMBER, cny};
use crate::world::{DECLINED, GOOD, TENANT, World, keyed, member, pay};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world, &world.local()).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let mut world = World::new().await;
    let remote = world.remote().await;
    suite(&world, &remote).await;
}

async fn suite(world: &World, client: &PaymentClient) {
    a_declined_card_can_be_followed_by_a_good_one(world, client).await;
    an_order_is_paid_by_its_member_only(world, client).await;
    what_cannot_be_paid_is_refused_with_its_reason(world, client).await;
    a_bad_card_is_refused_before_anything_changes(world, client).await;
    a_repeated_request_pays_once_and_tells_how_it_stands(world, client).await;
    cash_is_collected_once_and_to_the_penny(world, client).await;
    refunds_need_permission_and_never_exceed_the_payment(world, client).await;
    a_callback_needs_its_signature(world, client).await;
}

fn cashier() -> Ctx {
    operator_ctx(TENANT, 1, &["payments:collect", "payments:refund", "payments:read"])
}

async fn a_declined_card_can_be_followed_by_a_good_one(world: &World, client: &PaymentClient) {
    let order_id = world.order(1_000).await;
    let declined = client.pay(&member(), pay(order_id, DECLINED)).await.unwrap();
    assert_eq!(declined.state, PaymentState::Declined);
    assert_eq!(declined.decline_reason.as_deref(), Some("card_declined"));
    let paid = client.pay(&member(), pay(order_id, GOOD)).await.unwrap();
    assert_eq!((paid.state, paid.amount), (PaymentState::Captured, cny(1_000)));
    assert_eq!(paid.card_last4.as_deref(), Some("4242"));
    assert_eq!(paid.provider, "test_card");
    let seen = client.for_order(&member(), ForOrder { order_id }).await.unwrap();
    assert_eq!(seen.payments, [declined, paid]);
    assert_eq!(seen.balance, cny(1_000));
    world.quiet().await;
    assert_eq!(world.orders.status(order_id), "PAID");
    assert_eq!(world.events_of(order_id), [("payment.captured".to_owned(), 1_000, 1_000)]);
}

async fn an_order_is_paid_by_its_member_only(world: &World, client: &PaymentClient) {
    let order_id = world.order(1_000).await;
    for (ctx, code) in [
        (anonymous_ctx(TENANT), ErrorCode::Unauthenticated),
        (user_ctx(TENANT, MEMBER + 1), ErrorCode::NotFound),
        (cashier(), ErrorCode::Unauthenticated),
    ] {
        let e = client.pay(&ctx, pay(order_id, GOOD)).await.unwrap_err();
        assert_eq!(e.code(), code, "{ctx:?}");
    }
    for (ctx, code) in [
        (anonymous_ctx(TENANT), ErrorCode::Unauthenticated),
        (user_ctx(TENANT, MEMBER + 1), ErrorCode::NotFound),
        (operator_ctx(TENANT, 1, &["orders:read"]), ErrorCode::Forbidden),
    ] {
        let e = client.for_order(&ctx, ForOrder { order_id }).await.unwrap_err();
        assert_eq!(e.code(), code, "{ctx:?}");
    }
    let elsewhere = kit::Id::compose(kit::id::EPOCH_MS, Place { db: 9, table: 9 }, 0, 0).unwrap();
    for order_id in [OrderId(elsewhere), OrderId::from_i64(0).unwrap()] {
        let e = client.pay(&member(), pay(order_id, GOOD)).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
        let e = client.for_order(&member(), ForOrder { order_id }).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
    }
}

async fn what_cannot_be_paid_is_refused_with_its_reason(world: &World, client: &PaymentClient) {
    let closed = world.order(1_000).await;
    world.orders.close(closed);
    let e = client.pay(&member(), pay(closed, GOOD)).await.unwrap_err();
    assert_eq!(e, Error::NotPayable("CLOSED".to_owned()));
    let cash = world.order_by(1_000, PaymentMethod::CashOnDelivery).await;
    let e = client.pay(&member(), pay(cash, GOOD)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Conflict);
    assert!(
        client.for_order(&member(), ForOrder { order_id: cash }).await.unwrap().payments.is_empty()
    );
}

async fn a_bad_card_is_refused_before_anything_changes(world: &World, client: &PaymentClient) {
    let order_id = world.order(1_000).await;
    let fault = client.pay(&member(), pay(order_id, "4242424242424241")).await.unwrap_err();
    let fault = fault.into_fault();
    assert_eq!((fault.code, fault.slug()), (ErrorCode::Invalid, "invalid_card"));
    assert_eq!(fault.fields[0].pointer, "/card/number");
    let mut old = pay(order_id, GOOD);
    old.card.expiry = "05/25".to_owned();
    let declined = client.pay(&member(), old).await.unwrap();
    assert_eq!(declined.decline_reason.as_deref(), Some("expired_card"));
    assert_eq!(world.payments(order_id).await.payments.len(), 1);
}

async fn a_repeated_request_pays_once_and_tells_how_it_stands(
    world: &World,
    client: &PaymentClient,
) {
    let order_id = world.order(1_000).await;
    let key = format!("pay-{order_id}");
    let first = keyed(member(), &key, "body");
    let paid = client.pay(&first, pay(order_id, GOOD)).await.unwrap();
    assert!(!first.session.is_replayed());
    let again = keyed(member(), &key, "body");
    assert_eq!(client.pay(&again, pay(order_id, GOOD)).await.unwrap(), paid);
    assert!(again.session.is_replayed());
    let other = client.pay(&keyed(member(), &key, "body"), pay(order_id, DECLINED)).await;
    assert_eq!(other.unwrap_err().code(), ErrorCode::Unprocessable);
    // The path is no part of a body: a key that was used for one order does not answer for another.
    let elsewhere = world.order(1_000).await;
    let other = client.pay(&keyed(member(), &key, "body"), pay(elsewhere, GOOD)).await;
    assert_eq!(other.unwrap_err().code(), ErrorCode::Unprocessable);
    assert_eq!(world.payments(order_id).await.payments.len(), 1);
}

async fn cash_is_collected_once_and_to_the_penny(world: &World, client: &PaymentClient) {
    let order_id = world.order_by(1_500, PaymentMethod::CashOnDelivery).await;
    let collect = |amount| CollectCash { order_id, amount: cny(amount) };
    let e = client.collect_cash(&member(), collect(1_500)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Forbidden);
    let e = client.collect_cash(&cashier(), collect(1_499)).await.unwrap_err();
    assert_eq!(e, Error::WrongAmount(cny(1_500)));
    let paid = client.collect_cash(&cashier(), collect(1_500)).await.unwrap();
    assert_eq!((paid.state, paid.provider.as_str()), (PaymentState::Captured, "cash_on_delivery"));
    // The order may not have heard of it yet.
    assert!(client.collect_cash(&cashier(), collect(1_500)).await.is_err());
    world.quiet().await;
    assert_eq!(world.orders.status(order_id), "PAID");
    assert!(client.collect_cash(&cashier(), collect(1_500)).await.is_err());
    let by_card = world.order(1_000).await;
    let wrong = CollectCash { order_id: by_card, amount: cny(1_000) };
    let e = client.collect_cash(&cashier(), wrong).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Conflict);
    let back = Refund { payment_id: paid.id, amount: cny(1_500), reason: "spoiled".into() };
    assert!(client.refund(&cashier(), back).await.unwrap().done);
    assert_eq!(world.payments(order_id).await.balance, cny(0));
}

async fn refunds_need_permission_and_never_exceed_the_payment(
    world: &World,
    client: &PaymentClient,
) {
    let order_id = world.order(1_000).await;
    let PaymentView { id: payment_id, .. } =
        client.pay(&member(), pay(order_id, GOOD)).await.unwrap();
    world.quiet().await;
    let back = |amount, reason: &str| Refund { payment_id, amount, reason: reason.to_owned() };
    for ctx in [member(), operator_ctx(TENANT, 1, &["payments:read"])] {
        let e = client.refund(&ctx, back(cny(1), "x")).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::Forbidden);
    }
    let usd = kit::Money::new(1, "USD".parse().unwrap()).unwrap();
    for bad in [back(cny(0), "x"), back(cny(-1), "x"), back(usd, "x"), back(cny(1), " ")] {
        let e = client.refund(&cashier(), bad).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::Invalid);
    }
    let e = client.refund(&cashier(), back(cny(1_001), "x")).await.unwrap_err();
    assert_eq!(e, Error::TooMuch(cny(1_000)));
    let key = format!("back-{payment_id}");
    let done = client.refund(&keyed(cashier(), &key, "b"), back(cny(600), "late")).await.unwrap();
    assert!(done.done);
    let again = keyed(cashier(), &key, "b");
    assert_eq!(client.refund(&again, back(cny(600), "late")).await.unwrap(), done);
    assert!(again.session.is_replayed());
    let e = client.refund(&cashier(), back(cny(401), "x")).await.unwrap_err();
    assert_eq!(e, Error::TooMuch(cny(400)));
    world.quiet().await;
    let seen = world.payments(order_id).await;
    assert_eq!((seen.payments[0].refunded, seen.balance), (cny(600), cny(400)));
    assert_eq!(world.orders.paid(order_id), 400);
    let nobody =
        Refund { payment_id: PaymentId(order_id.0), amount: cny(1), reason: "x".to_owned() };
    let e = client.refund(&cashier(), nobody).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::NotFound);
}

async fn a_callback_needs_its_signature(world: &World, client: &PaymentClient) {
    let order_id = world.order(1_000).await;
    let declined = client.pay(&member(), pay(order_id, DECLINED)).await.unwrap();
    let say = |tenant: &str| {
        let id = declined.id;
        format!(
            r#"{{"tenant":"{tenant}","payment_id":"{id}","reference":"tc_{id}","outcome":"captured"}}"#
        )
    };
    let body = say(TENANT);
    let signature = world.card.sign(&body).unwrap();
    let callback = |provider: &str, signature: &str, body: &str| Callback {
        provider: provider.to_owned(),
        signature: signature.to_owned(),
        body: body.to_owned(),
    };
    let ctx = anonymous_ctx(TENANT);
    for bad in [
        callback("test_card", "", &body),
        callback("test_card", &signature, &body.replace("captured", "declined")),
        callback("test_card", &world.card.sign("{}").unwrap(), "{}"),
    ] {
        assert_eq!(client.callback(&ctx, bad).await, Err(Error::BadSignature));
    }
    let foreign = say("flora");
    for missing in [
        callback("somebody", &signature, &body),
        callback("test_card", &world.card.sign(&foreign).unwrap(), &foreign),
    ] {
        let e = client.callback(&ctx, missing).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
    }
    assert_eq!(world.payments(order_id).await.balance, cny(0));
    for _ in 0..3 {
        client.callback(&ctx, callback("test_card", &signature, &body)).await.unwrap();
    }
    assert_eq!(world.payments(order_id).await.balance, cny(1_000));
    world.clock.advance(std::time::Duration::from_secs(301));
    let old = client.callback(&ctx, callback("test_card", &signature, &body)).await;
    assert_eq!(old, Err(Error::BadSignature));
}
