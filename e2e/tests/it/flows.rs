//! A tenant publishes a new flow while orders run: new orders take it, old ones finish on theirs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use futures::future::{join, try_join_all};
use order_api::{OrderView, PaymentMethod};
use serde_json::{Value, json};
use types::SkuId;

use crate::common::{GOOD_CARD, step, until_level, until_status};

const TENANT: &str = "flora";
const SHOPPERS: usize = 4;
const ORDERS_EACH: usize = 6;
/// So many orders are placed when the new flow is published.
const PUBLISH_AFTER: usize = 6;
const STOCK: i64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn new_orders_take_a_new_flow_and_old_ones_finish_on_theirs() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let desk = server.desk(TENANT, "owner").await?;
    let sku = desk.product("two-flows", 1_200, STOCK).await?;
    let active = desk.flow().await?;
    let (old, document) = (active.info.version, with_packed(active.document)?);
    let (placed, published) = (AtomicUsize::new(0), AtomicBool::new(false));
    let names: Vec<String> = (0..SHOPPERS).map(|n| format!("flow-{n}")).collect();
    let shoppers = try_join_all(names.iter().map(|name| server.shopper(TENANT, name))).await?;
    let buying = try_join_all(shoppers.iter().map(|s| buy_on(s, sku, &placed, &published)));
    let publishing = async {
        until("some orders run", || async {
            Ok((placed.load(Ordering::SeqCst) >= PUBLISH_AFTER).then_some(()))
        })
        .await?;
        let info = desk.publish(&document).await?;
        published.store(true, Ordering::SeqCst);
        Ok::<_, anyhow::Error>(info)
    };
    let (bought, info) = join(buying, publishing).await;
    let (bought, info) = (bought?, info?);
    ensure!(info.version == old + 1 && info.active, "{info:?}");
    let mut olds = Vec::new();
    let mut news = Vec::new();
    for (shopper, orders) in shoppers.iter().zip(bought) {
        let versions: Vec<u32> = orders.iter().map(|(order, _)| order.flow_version).collect();
        ensure!(versions.is_sorted() && versions.iter().all(|v| [old, old + 1].contains(v)));
        for (order, after) in orders {
            ensure!(!after || order.flow_version == old + 1, "an order took the old flow later");
            let side = if order.flow_version == old { &mut olds } else { &mut news };
            side.push((shopper, order));
        }
    }
    let (shopper, order) = olds.first().context("an order runs on the old flow")?;
    on_the_old_flow(&desk, shopper, order).await?;
    let (shopper, order) = news.first().context("an order runs on the new flow")?;
    on_the_new_flow(&desk, shopper, order).await?;
    let reserved = i64::try_from(olds.len() + news.len())? - 2;
    until_level(&desk, sku, (STOCK - reserved - 2, reserved, 2)).await
}

/// The flow with PACKED between paying and shipping: the warehouse packs, and what is packed waits for
/// the carrier a second later, by a timer of its own.
fn with_packed(mut document: Value) -> Result<Value> {
    document.as_object_mut().context("a flow is an object")?.remove("version");
    document["statuses"]["PACKED"] = json!({ "label": "Packed" });
    document["statuses"]["WAITING"] = json!({ "label": "Waiting for the carrier" });
    let by = json!(["staff", "staff.warehouse"]);
    document["operations"]["pack"] =
        json!({ "from": ["PAID", "CONFIRMED"], "to": "PACKED", "by": by, "label": "Pack" });
    document["operations"]["put_out"] =
        json!({ "from": "PACKED", "to": "WAITING", "by": ["system"], "label": "Put out" });
    document["operations"]["begin_shipping"][0]["from"] = json!(["WAITING"]);
    let triggers = document["triggers"].as_array_mut().context("a flow has triggers")?;
    triggers.push(json!({ "on": "PACKED", "after": "PT1S", "operation": "put_out" }));
    Ok(document)
}

/// Orders one by one; with each, whether the new flow had been published before it was begun.
async fn buy_on(
    shopper: &Shopper,
    sku: SkuId,
    placed: &AtomicUsize,
    published: &AtomicBool,
) -> Result<Vec<(OrderView, bool)>> {
    let mut orders = Vec::new();
    // The last one is begun when the new flow is there, however fast the others were.
    for n in 0..ORDERS_EACH {
        if n + 1 == ORDERS_EACH {
            until("the new flow is published", || async {
                Ok(published.load(Ordering::SeqCst).then_some(()))
            })
            .await?;
        }
        let after = published.load(Ordering::SeqCst);
        orders.push((shopper.buy(sku, 1, PaymentMethod::Card).await?, after));
        placed.fetch_add(1, Ordering::SeqCst);
    }
    Ok(orders)
}

async fn on_the_old_flow(desk: &Desk, shopper: &Shopper, order: &OrderView) -> Result<()> {
    shopper.pay(order.id, GOOD_CARD).await?;
    until_status(shopper, order.id, "PAID").await?;
    let seen = desk.order(order.id).await?;
    let offered: Vec<&str> = seen.available_actions.iter().map(|a| a.operation.as_str()).collect();
    ensure!(!offered.contains(&"pack"), "the old flow knows no packing: {offered:?}");
    desk.act(order.id, "pack").await?.refused(400)?;
    until("the warehouse knows it", || async {
        Ok((desk.fulfillment(order.id).await?.status == 200).then_some(()))
    })
    .await?;
    desk.ship(order.id, None, "OLD-1").await?;
    until_status(shopper, order.id, "SHIPPED").await?;
    to_the_end(desk, shopper, order, &["PAID", "SHIPPING", "SHIPPED"]).await
}

async fn on_the_new_flow(desk: &Desk, shopper: &Shopper, order: &OrderView) -> Result<()> {
    shopper.pay(order.id, GOOD_CARD).await?;
    until_status(shopper, order.id, "PAID").await?;
    until("the warehouse knows it", || async {
        Ok((desk.fulfillment(order.id).await?.status == 200).then_some(()))
    })
    .await?;
    let early = desk.try_to_ship(order.id, None, "EARLY").await?.refused(409)?;
    ensure!(early.code == "not_shippable", "{early:?}");
    let packed: OrderView = desk.act(order.id, "pack").await?.ok()?;
    // The answer is looked up after the step, and the timer may have been faster; the history tells both.
    ensure!(["PACKED", "WAITING"].contains(&packed.status.as_str()), "{}", packed.status);
    until_status(shopper, order.id, "WAITING").await?;
    desk.ship(order.id, None, "NEW-1").await?;
    until_status(shopper, order.id, "SHIPPED").await?;
    let way = ["PAID", "PACKED", "WAITING", "SHIPPING", "SHIPPED"];
    to_the_end(desk, shopper, order, &way).await
}

async fn to_the_end(desk: &Desk, shopper: &Shopper, order: &OrderView, way: &[&str]) -> Result<()> {
    desk.deliver_all(order.id).await?;
    until_status(shopper, order.id, "DELIVERED").await?;
    step(shopper, order.id, "receive", "RECEIVED").await?;
    let done = step(shopper, order.id, "complete", "COMPLETED").await?;
    ensure!(done.flow_version == order.flow_version, "an order changed its flow");
    let history = shopper.history(order.id).await?;
    let went: Vec<&str> = history.iter().map(|h| h.to.as_str()).collect();
    let expected = [&["PENDING_PAYMENT"], way, &["DELIVERED", "RECEIVED", "COMPLETED"]].concat();
    ensure!(went == expected, "it went {went:?}");
    Ok(())
}
