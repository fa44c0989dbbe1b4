//! Orders that end unpaid, at all three tenants: cancelled, closed by their timer, paid too late. The
//! stock comes back and so does the money.

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use futures::future::try_join_all;
use order_api::{OrderView, PaymentMethod};
use payment_api::PaymentState;
use types::{OrderId, SkuId};

use crate::common::{GOOD_CARD, LATE_CARD, TENANTS, UNHEARD_CARD, step, until_level, until_status};

const UNITS: i64 = 7;
/// Tries to be faster than a timer on a machine that is busy.
const TRIES_MAX: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_gives_its_stock_back() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    for tenant in TENANTS {
        let desk = server.desk(tenant, "owner").await?;
        let shopper = server.shopper(tenant, "cancels").await?;
        for (slug, method) in
            [("cancel-card", PaymentMethod::Card), ("cancel-cash", PaymentMethod::CashOnDelivery)]
        {
            let sku = desk.product(slug, 1_500, UNITS).await?;
            let order = shopper.buy(sku, 2, method).await?;
            until_level(&desk, sku, (UNITS - 2, 2, 0)).await?;
            let cancelled = step(&shopper, order.id, "cancel", "CANCELLED").await?;
            ensure!(cancelled.is_final && cancelled.available_actions.is_empty());
            until_level(&desk, sku, (UNITS, 0, 0)).await?;
            // A stranger cannot do that, and is not told that the order exists.
            let stranger = server.shopper(tenant, &format!("stranger-{slug}")).await?;
            stranger.act(order.id, "cancel").await?.refused(404)?;
            shopper.try_to_pay(order.id, "pay-cancelled", GOOD_CARD).await?.refused(409)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_closes_by_itself_and_gives_its_stock_back() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let closings = TENANTS.map(|tenant| {
        let server = &server;
        async move { auto_close(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(closings).await.map(|_| ())
}

async fn auto_close(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "forgets").await?;
    let sku = desk.product("auto-close", 4_000, UNITS).await?;
    desk.close_unpaid_after("PT1S").await?;
    let order = shopper.buy(sku, 3, PaymentMethod::Card).await?;
    until_status(&shopper, order.id, "CLOSED").await?;
    until_level(&desk, sku, (UNITS, 0, 0)).await?;
    let history = shopper.history(order.id).await?;
    let last = history.last().context("an order has a history")?;
    ensure!((last.operation.as_str(), last.by.as_str()) == ("close", "system"), "{last:?}");
    let late = shopper.try_to_pay(order.id, "pay-closed", GOOD_CARD).await?.refused(409)?;
    ensure!(late.code == "not_payable", "{late:?}");
    // An order in cash waits for nobody to pay, so the timer leaves it alone.
    let cash = shopper.buy(sku, 1, PaymentMethod::CashOnDelivery).await?;
    let other = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    until_status(&shopper, other.id, "CLOSED").await?;
    ensure!(shopper.order(cash.id).await?.status == "CONFIRMED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_comes_after_the_order_was_closed_goes_back() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let lates = TENANTS.map(|tenant| {
        let server = &server;
        async move { late_by_callback(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lates).await.map(|_| ())
}

/// The shop closes the order while the card's provider still makes up its mind; it says yes by callback.
async fn late_by_callback(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "late").await?;
    for n in 0..TRIES_MAX {
        let sku = desk.product(&format!("late-{n}"), 6_600, UNITS).await?;
        let order = shopper.buy(sku, 2, PaymentMethod::Card).await?;
        let payment = shopper.pay(order.id, LATE_CARD).await?;
        if payment.state == PaymentState::Captured {
            // The provider was faster than its answer.
            continue;
        }
        ensure!(payment.state == PaymentState::Pending, "{:?}", payment.state);
        let answer = desk.act(order.id, "close").await?;
        if answer.is_refusal(409, "operation_not_allowed") {
            // The money was faster; then the order is paid, and that is right, too.
            until_status(&shopper, order.id, "PAID").await?;
            continue;
        }
        let closed: OrderView = answer.ok()?;
        ensure!(closed.status == "CLOSED");
        return refunded(&desk, &shopper, order.id, sku).await;
    }
    bail!("the provider was faster {TRIES_MAX} times")
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_found_after_the_timer_closed_the_order_goes_back() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let lates = TENANTS.map(|tenant| {
        let server = &server;
        async move { late_by_question(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lates).await.map(|_| ())
}

/// The provider's answer is lost. The order closes by its timer; then the provider is asked.
async fn late_by_question(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "unheard").await?;
    desk.close_unpaid_after("PT2S").await?;
    for n in 0..TRIES_MAX {
        let sku = desk.product(&format!("unheard-{n}"), 6_600, UNITS).await?;
        let order = shopper.buy(sku, 2, PaymentMethod::Card).await?;
        let answer = shopper.try_to_pay(order.id, &format!("unheard-{n}"), UNHEARD_CARD).await?;
        if answer.is_refusal(409, "not_payable") {
            // The timer was faster than this machine.
            continue;
        }
        let payment: payment_api::PaymentView = answer.ok()?;
        ensure!(payment.state == PaymentState::Pending, "{:?}", payment.state);
        let what = format!("order {} is closed, or paid", order.id);
        let status = until(&what, || async {
            let status = shopper.order(order.id).await?.status;
            Ok(["CLOSED", "PAID"].contains(&status.as_str()).then_some(status))
        })
        .await?;
        if status == "PAID" {
            // The question was faster than the timer, which is late on a busy machine.
            continue;
        }
        return refunded(&desk, &shopper, order.id, sku).await;
    }
    bail!("the timer was too early or too late {TRIES_MAX} times")
}

/// The money came and went, the books are even, the stock is back, and the order stays closed.
async fn refunded(desk: &Desk, shopper: &Shopper, id: OrderId, sku: SkuId) -> Result<()> {
    let money = until(&format!("the payment of order {id} went back"), || async {
        let money = shopper.payments(id).await?;
        let done = !money.refunds.is_empty() && money.refunds.iter().all(|r| r.done);
        Ok(done.then_some(money))
    })
    .await?;
    let order = shopper.order(id).await?;
    ensure!(money.balance.amount() == 0, "{} is left", money.balance);
    ensure!(money.refunds.iter().all(|r| r.amount == order.total) && money.refunds.len() == 1);
    let states: Vec<_> = money.payments.iter().map(|p| (p.state, p.refunded)).collect();
    ensure!(states == [(PaymentState::Captured, order.total)], "{states:?}");
    until_level(desk, sku, (UNITS, 0, 0)).await?;
    until(&format!("order {id} knows that its money went back"), || async {
        let order = shopper.order(id).await?;
        ensure!(order.status == "CLOSED", "it is {}", order.status);
        Ok((order.paid.amount() == 0).then_some(()))
    })
    .await
}
