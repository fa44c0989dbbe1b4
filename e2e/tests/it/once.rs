//! One order, however often it is placed: from two tabs, with one key a hundred times at once.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::{Server, ServerOptions};
use futures::future::{join_all, try_join, try_join_all};
use order_api::{OrderView, PaymentMethod};
use serde_json::json;

use crate::common::{TENANTS, until_level};

const AT_ONCE: usize = 100;
const UNITS: i64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_place_one_checkout_and_it_is_one_order() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let both = TENANTS.map(|tenant| {
        let server = &server;
        async move { two_tabs(server, tenant).await.with_context(|| format!("at {tenant}")) }
    });
    try_join_all(both).await.map(|_| ())
}

async fn two_tabs(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let one = server.shopper(tenant, "two-tabs").await?;
    let two = one.sign_in(&server.visitor(tenant)?).await?;
    let sku = desk.product("two-tabs", 100, UNITS).await?;
    one.add(sku, 2).await?;
    let body = one.order_to_place(PaymentMethod::Card).await?;
    ensure!(json!(two.checkout().await?) == body["checkout_id"], "tabs share the checkout");
    let placed = try_join(one.place("tab-1", &body), two.place("tab-2", &body)).await?;
    let (a, b): (OrderView, OrderView) = (placed.0.ok()?, placed.1.ok()?);
    ensure!(a.id == b.id && a.version == b.version);
    ensure!(one.orders().await?.len() == 1);
    until_level(&desk, sku, (UNITS - 2, 2, 0)).await?;
    // Later, too.
    let again: OrderView = two.place("tab-3", &body).await?.ok()?;
    ensure!(again.id == a.id && one.orders().await?.len() == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_a_hundred_times_at_once_is_one_order() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    for tenant in TENANTS {
        hundred(&server, tenant).await.with_context(|| format!("at {tenant}"))?;
    }
    Ok(())
}

async fn hundred(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let shopper = server.shopper(tenant, "hundred").await?;
    let sku = desk.product("hundred", 100, UNITS).await?;
    shopper.add(sku, 1).await?;
    let body = shopper.order_to_place(PaymentMethod::Card).await?;
    let missing = shopper.caller.post("/v1/store/orders", &body).await?.refused(400)?;
    ensure!(missing.code == "idempotency_key_missing", "{missing:?}");
    let answers = join_all((0..AT_ONCE).map(|_| shopper.place("the-key", &body))).await;
    let (mut first, mut ids) = (0, BTreeSet::new());
    for answer in answers {
        let answer = answer?;
        if answer.status == 409 {
            let code = answer.refused(409)?.code;
            ensure!(code.ends_with("in_flight"), "refused with {code}");
            continue;
        }
        first += usize::from(!answer.is_replayed());
        ids.insert(answer.ok::<OrderView>()?.id);
    }
    ensure!((first, ids.len()) == (1, 1), "{first} answers were new, for {} orders", ids.len());
    let later = shopper.place("the-key", &body).await?;
    ensure!(later.status == 201 && later.is_replayed(), "{}", later.status);
    ensure!(ids.contains(&later.ok::<OrderView>()?.id));
    let mut other = body.clone();
    other["note"] = json!("another body");
    shopper.place("the-key", &other).await?.refused(422)?;
    ensure!(shopper.orders().await?.len() == 1);
    until_level(&desk, sku, (UNITS - 1, 1, 0)).await
}
