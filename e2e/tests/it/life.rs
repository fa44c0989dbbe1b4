//! The whole life of an order, at all three tenants: from a visitor's first look to a completed order; on
//! every engine whose server is installed.

use anyhow::{Context as _, Result, ensure};
use e2e::shopper::{add, browse, product};
use e2e::{Caller, Desk, Levels, Server, ServerOptions, Shopper, until};
use fulfillment_api::Fulfillment;
use futures::future::try_join_all;
use order_api::{OrderView, PaymentMethod};
use payment_api::PaymentState;
use serde::Deserialize;
use serde_json::json;
use types::{Quantity, SkuId};

use crate::common::{
    DECLINED_CARD, GOOD_CARD, TENANTS, make_shippable, step, until_level, until_status,
};

const UNITS: u32 = 3;

/// All lives on a database server that the demo starts for itself, one after another: the first one chooses
/// among all products.
async fn on_server(engine: &'static str) -> Result<()> {
    let options = ServerOptions { engine: Some(engine), ..ServerOptions::default() };
    let server = Server::start(options).await?;
    e2e::note(&format!("ready {:?} after the first start on {engine}", server.ready_after));
    let lives = TENANTS.map(|tenant| {
        let server = &server;
        async move {
            card_life(server, tenant).await.with_context(|| format!("by card at {tenant}"))?;
            cash_life(server, tenant).await.with_context(|| format!("in cash at {tenant}"))?;
            declined(server, tenant).await.with_context(|| format!("declined at {tenant}"))
        }
    });
    try_join_all(lives).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() -> Result<()> {
    match servers::installed() {
        [Ok(_), _] => on_server("postgres").await,
        [Err(e), _] => {
            e2e::note(&format!("SKIPPED: {e}"));
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mysql() -> Result<()> {
    match servers::installed() {
        [_, Ok(_)] => on_server("mysql").await,
        [_, Err(e)] => {
            e2e::note(&format!("SKIPPED: {e}"));
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_order_goes_from_browsing_to_completed() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let lives = TENANTS.map(|tenant| {
        let server = &server;
        async move { card_life(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lives).await.map(|_| ())
}

/// From browsing to completed, paid by card.
pub async fn card_life(server: &Server, tenant: &str) -> Result<()> {
    let (visitor, desk) = (server.visitor(tenant)?, server.desk(tenant, "owner").await?);
    let (sku, before) = choose(&visitor, &desk).await?;
    let cart_token = anonymous_cart(&visitor, sku).await?;
    let registered = server.shopper(tenant, "card-life").await?;
    registered.add(sku, UNITS - 1).await?;
    let shopper = registered.sign_in(&visitor).await?;
    merge(&shopper, &visitor, &cart_token, sku).await?;
    let order = place_by_hand(&shopper, sku).await?;
    let now = desk.level(sku).await?;
    let held = i64::from(UNITS);
    ensure!(now.available == before.available - held && now.reserved == before.reserved + held);
    let paid = shopper.pay(order.id, GOOD_CARD).await?;
    ensure!(paid.state == PaymentState::Captured && paid.card_last4.as_deref() == Some("4242"));
    let order_paid = until_status(&shopper, order.id, "PAID").await?;
    ensure!(order_paid.paid == order.total, "{:?}", order_paid.paid);
    until_level(&desk, sku, (before.available - held, before.reserved, before.sold + held)).await?;
    let warehouse = server.desk(tenant, "warehouse").await?;
    ship_in_two_parts(&shopper, &warehouse, &order, sku).await?;
    step(&shopper, order.id, "receive", "RECEIVED").await?;
    let done = step(&shopper, order.id, "complete", "COMPLETED").await?;
    ensure!(done.is_final);
    let money = desk.payments(order.id).await?;
    ensure!(money.balance == order.total && money.payments.len() == 1 && money.refunds.is_empty());
    walked(&shopper, &order).await?;
    ensure!(desk.level(sku).await?.total() == before.total(), "units came or went");
    Ok(())
}

/// Browses like a shopper until there is something of which enough is in stock.
async fn choose(visitor: &Caller, desk: &Desk) -> Result<(SkuId, Levels)> {
    let listed = browse(visitor).await?;
    ensure!(listed.len() >= 10, "only {} products are on sale", listed.len());
    for summary in listed {
        let found = product(visitor, summary.slug.as_str()).await?;
        ensure!(found.id == summary.id && !found.skus.is_empty());
        for sku in found.skus.iter().filter(|s| s.price.is_some()) {
            let level = desk.level(sku.id).await?;
            if level.available >= 2 * i64::from(UNITS) {
                return Ok((sku.id, level));
            }
        }
    }
    anyhow::bail!("nothing is in stock")
}

#[derive(Deserialize)]
struct CreatedCart {
    token: String,
}

/// One unit in the cart of somebody who is not known.
async fn anonymous_cart(visitor: &Caller, sku: SkuId) -> Result<String> {
    let cart: CreatedCart = visitor.post("/v1/store/carts", &json!({})).await?.ok()?;
    let shown = add(&visitor.with_cart(&cart.token), sku, 1).await?;
    ensure!(shown.lines.len() == 1 && shown.lines.iter().all(|l| l.quantity.get() == 1));
    // Without its token nobody sees it.
    let other: cart_api::CartView = visitor.get("/v1/store/cart").await?.ok()?;
    ensure!(other.lines.is_empty());
    Ok(cart.token)
}

/// Merging sums per sku, empties the anonymous cart, and changes nothing the second time.
async fn merge(shopper: &Shopper, visitor: &Caller, token: &str, sku: SkuId) -> Result<()> {
    for _ in 0..2 {
        let body = json!({ "token": token });
        let merged: cart_api::CartView =
            shopper.caller.post("/v1/store/cart/merge", &body).await?.ok()?;
        let lines: Vec<_> = merged.lines.iter().map(|l| (l.sku_id, l.quantity.get())).collect();
        ensure!(lines == [(sku, UNITS)], "the merged cart holds {lines:?}");
    }
    let left: cart_api::CartView = visitor.with_cart(token).get("/v1/store/cart").await?.ok()?;
    ensure!(left.lines.is_empty());
    Ok(())
}

async fn place_by_hand(shopper: &Shopper, sku: SkuId) -> Result<OrderView> {
    let body = shopper.order_to_place(PaymentMethod::Card).await?;
    let order: OrderView = shopper.place("card-life", &body).await?.ok()?;
    ensure!(order.status == "PENDING_PAYMENT" && !order.is_final, "{}", order.status);
    ensure!(json!(order.id) == body["checkout_id"], "the checkout is the order");
    ensure!(json!(order.total) == body["expected_total"]);
    let lines: Vec<_> = order.lines.iter().map(|l| (l.sku_id, l.quantity.get())).collect();
    ensure!(lines == [(sku, UNITS)], "the order holds {lines:?}");
    until("the cart is empty", || async {
        Ok(shopper.cart().await?.lines.is_empty().then_some(()))
    })
    .await?;
    Ok(order)
}

async fn ship_in_two_parts(
    shopper: &Shopper,
    desk: &Desk,
    order: &OrderView,
    sku: SkuId,
) -> Result<()> {
    let id = order.id;
    make_shippable(desk, id).await?;
    let lines = |n: u32| -> Result<_> { Ok([(sku, Quantity::new(n)?)]) };
    let first = desk.ship(id, Some(&lines(1)?), "PART-1").await?;
    desk.try_to_ship(id, Some(&lines(UNITS)?), "PART-X").await?.refused(409)?;
    let half: Fulfillment = desk.fulfillment(id).await?.ok()?;
    ensure!(!half.shipped && half.to_ship.iter().map(|l| l.shipped).sum::<u32>() == 1);
    ensure!(shopper.order(id).await?.status == "SHIPPING", "only a part has left");
    let rest = desk.ship(id, None, "PART-2").await?;
    ensure!(rest.lines.iter().map(|l| l.quantity.get()).sum::<u32>() == UNITS - 1);
    until_status(shopper, id, "SHIPPED").await?;
    ensure!(desk.deliver(first.id).await?.delivered_at.is_some());
    let under_way = shopper.shipments(id).await?;
    ensure!(under_way.shipped && !under_way.delivered && under_way.shipments.len() == 2);
    ensure!(shopper.order(id).await?.status == "SHIPPED", "only a part has arrived");
    desk.deliver(rest.id).await?;
    until_status(shopper, id, "DELIVERED").await.map(|_| ())
}

/// The history names each step once and in order.
async fn walked(shopper: &Shopper, order: &OrderView) -> Result<()> {
    let history = shopper.history(order.id).await?;
    let mut stands: Vec<&str> = history.iter().map(|h| h.to.as_str()).collect();
    stands.retain(|status| *status != "PACKED");
    let expected =
        ["PENDING_PAYMENT", "PAID", "SHIPPING", "SHIPPED", "DELIVERED", "RECEIVED", "COMPLETED"];
    ensure!(stands == expected, "it went {stands:?}");
    let follows = history.iter().zip(history.iter().skip(1));
    for (earlier, later) in follows {
        ensure!(later.from == earlier.to && later.version > earlier.version);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cash_order_is_paid_at_the_door() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let lives = TENANTS.map(|tenant| {
        let server = &server;
        async move { cash_life(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lives).await.map(|_| ())
}

async fn cash_life(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "cash-life").await?;
    let sku = desk.product("cash-life", 2_500, 10).await?;
    let order = shopper.buy(sku, 2, PaymentMethod::CashOnDelivery).await?;
    ensure!(order.status == "CONFIRMED" && order.paid.amount() == 0, "{}", order.status);
    until_level(&desk, sku, (8, 2, 0)).await?;
    // Who pays in cash does not pay by card.
    let refused = shopper.try_to_pay(order.id, "card-for-cash", GOOD_CARD).await?.refused(409)?;
    ensure!(refused.code == "not_payable", "{refused:?}");
    make_shippable(&desk, order.id).await?;
    desk.ship(order.id, None, "CASH-1").await?;
    until_status(&shopper, order.id, "SHIPPED").await?;
    desk.deliver_all(order.id).await?;
    until_status(&shopper, order.id, "DELIVERED").await?;
    // It cannot be received before it is paid.
    shopper.act(order.id, "receive").await?.refused(409)?;
    let body = json!({ "amount": { "amount": 1, "currency": order.total.currency() } });
    let path = format!("/v1/admin/orders/{}/cash-collections", order.id);
    let wrong = desk.caller.post_keyed(&path, "too-little", &body).await?.refused(409)?;
    ensure!(wrong.code == "wrong_amount", "{wrong:?}");
    let cash = desk.collect(order.id, order.total).await?;
    ensure!(cash.state == PaymentState::Captured && cash.provider == "cash_on_delivery");
    let received = until_status(&shopper, order.id, "RECEIVED").await?;
    ensure!(received.paid == order.total);
    until_level(&desk, sku, (8, 0, 2)).await?;
    step(&shopper, order.id, "complete", "COMPLETED").await?;
    ensure!(shopper.payments(order.id).await?.balance == order.total);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_costs_nothing_and_another_one_pays() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let lives = TENANTS.map(|tenant| {
        let server = &server;
        async move { declined(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lives).await.map(|_| ())
}

async fn declined(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "declined").await?;
    let sku = desk.product("declined", 990, 5).await?;
    let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    let no = shopper.pay(order.id, DECLINED_CARD).await?;
    ensure!(no.state == PaymentState::Declined && no.decline_reason.is_some(), "{:?}", no.state);
    ensure!(shopper.order(order.id).await?.status == "PENDING_PAYMENT");
    ensure!(shopper.payments(order.id).await?.balance.amount() == 0);
    until_level(&desk, sku, (4, 1, 0)).await?;
    ensure!(shopper.pay(order.id, GOOD_CARD).await?.state == PaymentState::Captured);
    until_status(&shopper, order.id, "PAID").await?;
    until_level(&desk, sku, (4, 0, 1)).await?;
    let money = shopper.payments(order.id).await?;
    let states: Vec<_> = money.payments.iter().map(|p| p.state).collect();
    ensure!(states == [PaymentState::Declined, PaymentState::Captured], "{states:?}");
    ensure!(money.balance == order.total);
    // It is paid once: there is nothing left to pay.
    let twice = shopper.try_to_pay(order.id, "pay-twice", GOOD_CARD).await?.refused(409)?;
    ensure!(twice.code == "not_payable", "{twice:?}");
    Ok(())
}
