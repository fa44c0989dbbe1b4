//! Cancelling, refunding and shipping against each other, at all three tenants: what has left cannot be
//! cancelled, and what was given back whole does not leave.

use anyhow::{Context as _, Result, ensure};
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use futures::future::try_join_all;
use order_api::PaymentMethod;
use serde_json::json;
use types::{OrderId, Quantity};

use crate::common::{GOOD_CARD, TENANTS, make_shippable, until_level, until_status};

const PRICE: i64 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_which_a_parcel_has_left_keeps_its_stock_and_goes_on() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let all = TENANTS.map(|tenant| {
        let server = &server;
        async move { partly_shipped(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(all).await.map(|_| ())
}

async fn partly_shipped(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "partly").await?;
    let sku = desk.product("partly", PRICE, 10).await?;
    let order = shopper.buy(sku, 3, PaymentMethod::CashOnDelivery).await?;
    make_shippable(&desk, order.id).await?;
    // A parcel that cannot leave does not move the order.
    let before = desk.order(order.id).await?.status;
    let too_many = desk.try_to_ship(order.id, Some(&[(sku, Quantity::new(4)?)]), "P-0").await?;
    too_many.refused(409)?;
    ensure!(desk.order(order.id).await?.status == before, "a refused parcel moved the order");
    desk.ship(order.id, Some(&[(sku, Quantity::new(1)?)]), "P-1").await?;
    ensure!(desk.order(order.id).await?.status == "SHIPPING");
    shopper.act(order.id, "cancel").await?.refused(409)?;
    desk.act(order.id, "close").await?.refused(409)?;
    until_level(&desk, sku, (7, 3, 0)).await?;
    let history = desk.history(order.id).await?;
    let begun = history.iter().find(|h| h.operation == "begin_shipping");
    let begun = begun.context("the order began to be shipped")?;
    ensure!(begun.actor.starts_with("operator:"), "it was {}", begun.actor);
    let told = shopper.history(order.id).await?;
    ensure!(told.iter().all(|h| !h.actor.starts_with("operator:")), "a shopper sees staff");
    desk.ship(order.id, None, "P-2").await?;
    until_status(&shopper, order.id, "SHIPPED").await?;
    desk.deliver_all(order.id).await?;
    until_status(&shopper, order.id, "DELIVERED").await?;
    desk.collect(order.id, order.total).await?;
    until_status(&shopper, order.id, "RECEIVED").await?;
    until_level(&desk, sku, (7, 0, 3)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_went_back_whole_keeps_the_parcel_and_a_part_of_it_does_not() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let all = TENANTS.map(|tenant| {
        let server = &server;
        async move { refunds(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(all).await.map(|_| ())
}

async fn refunds(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "refunds").await?;
    let sku = desk.product("refunds", PRICE, 10).await?;
    let whole = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    let part = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    for id in [whole.id, part.id] {
        shopper.pay(id, GOOD_CARD).await?;
        until_status(&shopper, id, "PAID").await?;
        make_shippable(&desk, id).await?;
    }
    give_back(&desk, &shopper, whole.id, whole.total.amount()).await?;
    give_back(&desk, &shopper, part.id, 100).await?;
    let kept = desk.try_to_ship(whole.id, None, "W-1").await?.refused(409)?;
    ensure!(kept.code == "not_shippable", "{kept:?}");
    let closed: order_api::OrderView = desk.act(whole.id, "close_refunded").await?.ok()?;
    ensure!(closed.is_final, "it is {}", closed.status);
    desk.act(part.id, "close_refunded").await?.refused(409)?;
    desk.ship(part.id, None, "G-1").await?;
    until_status(&shopper, part.id, "SHIPPED").await?;
    // A goodwill refund does not keep the buyer from saying that it is there.
    let received: order_api::OrderView = shopper.act(part.id, "receive").await?.ok()?;
    ensure!(received.status == "RECEIVED" && received.paid.amount() == part.total.amount() - 100);
    Ok(())
}

async fn give_back(desk: &Desk, shopper: &Shopper, id: OrderId, amount: i64) -> Result<()> {
    let order = desk.order(id).await?;
    let payment = desk.payments(id).await?.payments.first().context("it was paid")?.id;
    let body = json!({
        "amount": { "amount": amount, "currency": order.total.currency() }, "reason": "a test",
    });
    let path = format!("/v1/admin/payments/{payment}/refunds");
    let refund = desk.caller.post_keyed(&path, &format!("back-{id}"), &body).await?;
    let refund: payment_api::RefundView = refund.ok()?;
    ensure!(refund.actor.starts_with("operator:"), "who gave it back is {:?}", refund.actor);
    until(&format!("order {id} knows that its money went back"), || async {
        let paid = shopper.order(id).await?.paid.amount();
        Ok((paid == order.total.amount() - amount).then_some(()))
    })
    .await
}
