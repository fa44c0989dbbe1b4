//! Where messages go over a broker: an order lives the same life, and what is to be told while the broker is away
//! is told when it is back.

use anyhow::{Context as _, Result, ensure};
use e2e::{Server, ServerOptions};
use futures::future::try_join_all;
use order_api::PaymentMethod;
use payment_api::PaymentState;
use servers::{RabbitMq, RabbitMqOptions};

use crate::common::{GOOD_CARD, TENANTS, until_level, until_status};
use crate::life::card_life;

/// Does something that blocks to a broker, away from the runtime.
async fn with<T: Send + 'static>(
    mut broker: RabbitMq,
    work: impl FnOnce(&mut RabbitMq) -> T + Send + 'static,
) -> Result<(RabbitMq, T)> {
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&mut broker);
        (broker, done)
    });
    Ok(done.await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orders_life_goes_over_a_broker_and_waits_while_that_is_away() -> Result<()> {
    if let Err(e) = servers::rabbitmq_installed() {
        e2e::note(&format!("SKIPPED: {e}"));
        return Ok(());
    }
    let started = tokio::task::spawn_blocking(|| RabbitMq::start(&RabbitMqOptions::default()));
    let broker = started.await??;
    let mut server = Server::start(ServerOptions::default()).await?;
    server.kill()?;
    server.serve(&format!("[broker]\nurl = {:?}\n", broker.url())).await?;
    let lives = TENANTS.map(|tenant| {
        let server = &server;
        async move { card_life(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(lives).await?;

    let tenant = TENANTS[0];
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "patient").await?;
    let sku = desk.product("patient", 990, 5).await?;
    let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    let (broker, killed) = with(broker, RabbitMq::kill).await?;
    killed?;
    let paid = shopper.pay(order.id, GOOD_CARD).await?;
    ensure!(paid.state == PaymentState::Captured, "{:?}", paid.state);
    // inside one process the order would know of it by the time that all this is answered
    for name in ["one", "two", "three"] {
        server.shopper(tenant, name).await?;
    }
    let status = shopper.order(order.id).await?.status;
    ensure!(status == "PENDING_PAYMENT", "nobody could tell the order, and it is {status}");
    let (_broker, restarted) = with(broker, RabbitMq::restart).await?;
    restarted?;
    until_status(&shopper, order.id, "PAID").await?;
    until_level(&desk, sku, (4, 0, 1)).await
}
