//! What lists find follows what happens: products, their stock, orders; and it comes back by itself when the
//! index is lost.

use anyhow::{Result, ensure};
use e2e::{Caller, Desk, Server, ServerOptions, until};
use order_api::PaymentMethod;
use search_api::{FlowCount, OrderFigures, OrderResults, ProductHit, ProductResults};
use types::OrderId;

use crate::common::{GOOD_CARD, TENANTS, make_shippable, until_status};

async fn products(caller: &Caller, query: &str) -> Result<ProductResults> {
    caller.get(&format!("/v1/store/search/products?{query}")).await?.ok()
}

/// Waits until the one product of a query is as wanted.
async fn until_found(
    caller: &Caller,
    query: &str,
    wanted: impl Fn(&ProductHit) -> bool,
) -> Result<()> {
    until(&format!("products?{query} finds what is wanted"), || async {
        let found = products(caller, query).await?;
        Ok((found.total == 1 && found.items.iter().all(&wanted)).then_some(()))
    })
    .await
}

/// Waits until an order is found with a status, by its id.
async fn until_stands(desk: &Desk, id: OrderId, status: &str) -> Result<()> {
    until(&format!("order {id} is found as {status}"), || async {
        let path = format!("/v1/admin/search/orders?q={id}&status={status}");
        let found: OrderResults = desk.caller.get(&path).await?.ok()?;
        Ok((found.items.len() == 1).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_follow_products_stock_and_orders_at_every_tenant() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    for tenant in TENANTS {
        let (visitor, desk) = (server.visitor(tenant)?, server.desk(tenant, "owner").await?);
        let sku = desk.product("quokka-lantern", 4_900, 1).await?;
        until_found(&visitor, "q=quokka+lanterns&in_stock=true", |p| {
            p.price_from.is_some_and(|m| m.amount() == 4_900)
        })
        .await?;
        let shopper = server.shopper(tenant, "finding").await?;
        let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
        until_stands(&desk, order.id, "PENDING_PAYMENT").await?;
        until_found(&visitor, "q=quokka", |p| !p.in_stock).await?;
        shopper.pay(order.id, GOOD_CARD).await?;
        until_status(&shopper, order.id, "PAID").await?;
        until_stands(&desk, order.id, "PAID").await?;
        make_shippable(&desk, order.id).await?;
        counted(&desk, &order).await?;
        let by_words: OrderResults =
            desk.caller.get("/v1/admin/search/orders?q=quokka").await?.ok()?;
        ensure!(by_words.items.iter().map(|o| o.id).collect::<Vec<_>>() == [order.id]);
        ensure!(shopper.caller.get("/v1/admin/search/orders").await?.status == 403);
    }
    Ok(())
}

/// The figures of the day have the order.
async fn counted(desk: &Desk, order: &order_api::OrderView) -> Result<()> {
    let day = std::time::Duration::from_secs(24 * 3_600);
    let (from, to) = (order.created_at.minus(day), order.created_at.plus(day));
    let path = format!("/v1/admin/reports/orders?from={from}&to={to}");
    let figures: OrderFigures = desk.caller.get(&path).await?.ok()?;
    ensure!(figures.revenue.amount() >= order.total.amount(), "{figures:?}");
    ensure!(figures.by_hour.iter().map(|h| h.orders).sum::<u64>() == figures.orders);
    ensure!(figures.by_status.iter().map(|s| s.orders).sum::<u64>() == figures.orders);
    let usage: Vec<FlowCount> = desk.caller.get("/v1/admin/reports/flows").await?.ok()?;
    ensure!(usage.iter().any(|u| u.flow_version == order.flow_version), "{usage:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn products_and_orders_are_found_again_when_the_index_is_lost() -> Result<()> {
    if e2e::server::engine() != "sqlite" {
        e2e::note("SKIPPED: only the files of a database can be thrown away from outside");
        return Ok(());
    }
    let mut server = Server::start(ServerOptions::default()).await?;
    let all = |found: ProductResults| (found.total, found.in_stock, found.facets.len());
    let (mut before, mut placed) = (Vec::new(), Vec::new());
    for tenant in TENANTS {
        // Of members at different places, and one that had moved on.
        let desk = server.desk(tenant, "owner").await?;
        let sku = desk.product("numbat-lamp", 4_900, 9).await?;
        for n in 1..=3 {
            let shopper = server.shopper(tenant, &format!("numbat{n}")).await?;
            let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
            if n == 3 {
                shopper.pay(order.id, GOOD_CARD).await?;
                until_status(&shopper, order.id, "PAID").await?;
            }
            let status = if n == 3 { "PAID" } else { "PENDING_PAYMENT" };
            until_stands(&desk, order.id, status).await?;
            placed.push((tenant, order.id, status));
        }
        let visitor = server.visitor(tenant)?;
        until_found(&visitor, "q=numbat&in_stock=true", |_| true).await?;
        // What is found now is what must be found again, so nothing of it may be on its way.
        until("the index has heard of everything", || async {
            Ok((desk.pending_messages().await? == 0).then_some(()))
        })
        .await?;
        let listed = e2e::shopper::browse(&visitor).await?.len();
        let full = until("all products are found", || async {
            let found = products(&visitor, "").await?;
            Ok((found.total == listed as u64).then_some(found))
        });
        before.push(all(full.await?));
    }
    server.kill()?;
    server.lose("search")?;
    server.restart().await?;
    for (tenant, before) in TENANTS.into_iter().zip(before) {
        let visitor = server.visitor(tenant)?;
        until("all products are found again", || async {
            Ok((all(products(&visitor, "").await?) == before).then_some(()))
        })
        .await?;
    }
    for (tenant, order, status) in placed {
        until_stands(&server.desk(tenant, "owner").await?, order, status).await?;
    }
    Ok(())
}
