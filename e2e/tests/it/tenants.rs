//! Tenants in one process do not see one another, and a host that belongs to nobody is told so.

use anyhow::{Result, ensure};
use e2e::shopper::browse;
use e2e::{Server, ServerOptions};
use order_api::PaymentMethod;

use crate::common::TENANTS;

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_does_not_see_what_another_has() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let desk = server.desk("flora", "owner").await?;
    let shopper = server.shopper("flora", "at-home").await?;
    let sku = desk.product("at-home", 100, 10).await?;
    let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    for tenant in TENANTS.into_iter().filter(|t| *t != "flora") {
        // Somebody with the same login is somebody else.
        let namesake = server.shopper(tenant, "at-home").await?;
        let path = format!("/v1/store/orders/{}", order.id);
        namesake.caller.get(&path).await?.refused(404)?;
        ensure!(namesake.orders().await?.is_empty());
        // What is not on sale here cannot be bought here.
        let line = serde_json::json!({ "sku_id": sku, "quantity": 1 });
        namesake.caller.post("/v1/store/cart/lines", &line).await?.refused(409)?;
        let shelf = browse(&server.visitor(tenant)?).await?;
        ensure!(shelf.iter().all(|p| p.slug.as_str() != "at-home"));
        // Neither a shopper's nor an operator's token holds anywhere else.
        server.carried_to(tenant, &shopper.caller)?.get(&path).await?.refused(401)?;
        let admin = format!("/v1/admin/orders/{}", order.id);
        server.carried_to(tenant, &desk.caller)?.get(&admin).await?.refused(401)?;
        server.desk(tenant, "owner").await?.caller.get(&admin).await?.refused(404)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_nobody_is_refused() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let stranger = server.visitor_of_host("nobody.example")?;
    stranger.get("/v1/store/products").await?.refused(421)?;
    Ok(())
}
