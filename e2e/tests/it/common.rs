//! Steps that several tests take.

use anyhow::{Context as _, Result, ensure};
use e2e::{Desk, Shopper, until};
use order_api::OrderView;
use types::{OrderId, SkuId};

/// The demo's tenants: one cell, eight cells, thirty-two cells.
pub const TENANTS: [&str; 3] = ["flora", "gadget", "outlet"];
/// Pays.
pub const GOOD_CARD: &str = "4242 4242 4242 4242";
/// Is declined.
pub const DECLINED_CARD: &str = "4000 0000 0000 0002";
/// Is captured a second later; the provider tells by callback.
pub const LATE_CARD: &str = "4000 0000 0000 3220";
/// Is captured at once, but the answer is lost: asked for after five seconds.
pub const UNHEARD_CARD: &str = "4000 0000 0000 0341";

/// Waits until a shopper's order stands somewhere.
pub async fn until_status(shopper: &Shopper, id: OrderId, status: &str) -> Result<OrderView> {
    until(&format!("order {id} is {status}"), || async {
        let order = shopper.order(id).await?;
        Ok((order.status == status).then_some(order))
    })
    .await
}

/// Waits until a sku's stock is this: available, reserved, sold.
pub async fn until_level(desk: &Desk, sku: SkuId, level: (i64, i64, i64)) -> Result<()> {
    until(&format!("the stock of {sku} is {level:?}"), || async {
        let now = desk.level(sku).await?;
        ensure!(now.is_sane(), "the stock of {sku} is negative: {now:?}");
        Ok(((now.available, now.reserved, now.sold) == level).then_some(()))
    })
    .await
}

/// Brings an order to where it can be shipped, whatever its flow wants before: follows its actions.
pub async fn make_shippable(desk: &Desk, id: OrderId) -> Result<()> {
    until(&format!("the warehouse knows order {id}"), || async {
        Ok((desk.fulfillment(id).await?.status == 200).then_some(()))
    })
    .await?;
    let order = desk.order(id).await?;
    if order.available_actions.iter().any(|a| a.operation == "pack") {
        let packed: OrderView = desk.act(id, "pack").await?.ok().context("packing")?;
        ensure!(packed.status == "PACKED", "packing led to {}", packed.status);
    }
    Ok(())
}

/// Moves an order as its buyer and wants it to stand somewhere.
pub async fn step(shopper: &Shopper, id: OrderId, operation: &str, to: &str) -> Result<OrderView> {
    let order: OrderView =
        shopper.act(id, operation).await?.ok().with_context(|| operation.to_owned())?;
    ensure!(order.status == to, "{operation} led to {}, not {to}", order.status);
    Ok(order)
}
