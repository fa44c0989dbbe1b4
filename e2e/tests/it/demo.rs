//! The demo itself: how soon it is ready, and that being killed at any moment loses nothing that was
//! acknowledged.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::shopper::browse;
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use futures::future::{join, try_join_all};
use kit::{Entropy as _, SystemEntropy};
use order_api::PaymentMethod;
use types::{OrderId, SkuId};

use crate::common::TENANTS;

const FIRST_READY_WITHIN: Duration = Duration::from_secs(5);
const READY_WITHIN: Duration = Duration::from_secs(1);
const STARTS: usize = 3;
const ROUNDS: usize = 3;
const BUYERS: usize = 2;
const STOCK: i64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_soon_and_sooner_the_next_time() -> Result<()> {
    let mut server = Server::start(ServerOptions::default()).await?;
    e2e::note(&format!("ready {:?} after the first start", server.ready_after));
    judge(&server, FIRST_READY_WITHIN)?;
    for _ in 0..STARTS {
        server.kill()?;
        server.restart().await?;
        e2e::note(&format!("ready {:?} after a later start", server.ready_after));
        judge(&server, READY_WITHIN)?;
        let visitor = server.visitor("flora")?;
        ensure!(!browse(&visitor).await?.is_empty(), "it was not ready");
    }
    Ok(())
}

/// Times are a promise of the release build.
fn judge(server: &Server, within: Duration) -> Result<()> {
    ensure!(!server.is_release() || server.ready_after <= within, "{:?}", server.ready_after);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_killed_is_finished_by_the_next_one() -> Result<()> {
    let whole = Server::start(ServerOptions::default()).await?;
    // A database server's folder is large before there is anything of ours in it.
    let moments: &[u64] = match e2e::server::engine().as_str() {
        "sqlite" => &[1 << 10, 1 << 20, 3 << 20, 6 << 20],
        "postgres" => &[1 << 10, 10 << 20, 50 << 20, 62 << 20, 70 << 20],
        _ => &[1 << 10, 10 << 20, 110 << 20, 170 << 20, 180 << 20],
    };
    let broken = Server::start_after_kills(ServerOptions::default(), moments).await?;
    for tenant in TENANTS {
        let (expected, found) = (shelf(&whole, tenant).await?, shelf(&broken, tenant).await?);
        ensure!(expected == found, "{tenant}: {} products, not {}", found.len(), expected.len());
        let flow = broken.desk(tenant, "owner").await?.flow().await?;
        ensure!(flow.info.active && flow.info.version == 1, "{tenant}: {:?}", flow.info);
    }
    Ok(())
}

/// What a tenant sells, with what is in stock of it.
async fn shelf(server: &Server, tenant: &str) -> Result<Vec<(String, Vec<i64>)>> {
    let (visitor, desk) = (server.visitor(tenant)?, server.desk(tenant, "owner").await?);
    let mut shelf = Vec::new();
    for listed in browse(&visitor).await? {
        let product = e2e::shopper::product(&visitor, listed.slug.as_str()).await?;
        let skus: Vec<SkuId> = product.skus.iter().map(|s| s.id).collect();
        let units = desk.levels(&skus).await?.iter().map(|l| l.available).collect();
        shelf.push((listed.slug.to_string(), units));
    }
    shelf.sort();
    Ok(shelf)
}

/// Somebody who orders as fast as he can, and remembers what was acknowledged.
struct Buyer {
    tenant: &'static str,
    shopper: Shopper,
    sku: SkuId,
    acknowledged: Mutex<Vec<OrderId>>,
}

impl Buyer {
    fn orders(&self) -> Vec<OrderId> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until the program is killed. An error before that is one.
    async fn buy(&self, placed: &AtomicUsize, killed: &AtomicBool) -> Result<()> {
        loop {
            // What was held for a checkout of before the kill may just have been given back, and an order of before
            // it may only now empty the cart: then there is another checkout.
            match self.shopper.buy_at_last(self.sku, 1, PaymentMethod::CashOnDelivery).await {
                Ok(order) => {
                    let mut orders =
                        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                    orders.push(order.id);
                    placed.fetch_add(1, Ordering::SeqCst);
                }
                Err(_) if killed.load(Ordering::SeqCst) => return Ok(()),
                Err(e) => return Err(e.context("while the server was running")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kills_at_random_moments() -> Result<()> {
    let options = ServerOptions {
        unpaid_orders_max: Some(1_000_000),
        reservation: Some(Duration::from_secs(1)),
        ..ServerOptions::default()
    };
    let mut server = Server::start(options).await?;
    let (mut buyers, mut skus) = (Vec::new(), Vec::new());
    for tenant in TENANTS {
        let desk = server.desk(tenant, "owner").await?;
        let sku = desk.product("kills", 700, STOCK).await?;
        skus.push((tenant, sku));
        for n in 0..BUYERS {
            let shopper = server.shopper(tenant, &format!("kills-{n}")).await?.patient();
            buyers.push(Buyer { tenant, shopper, sku, acknowledged: Mutex::default() });
        }
    }
    for round in 0..ROUNDS {
        let placed = load_and_kill(&mut server, &buyers).await?;
        e2e::note(&format!("round {round}: killed after {placed} orders"));
        server.restart().await?;
        for buyer in &mut buyers {
            buyer.shopper = server.again(buyer.tenant, &buyer.shopper)?;
            found_again(buyer).await?;
        }
    }
    for (tenant, sku) in skus {
        let desk = server.desk(tenant, "owner").await?;
        let of_tenant: Vec<&Buyer> = buyers.iter().filter(|b| b.tenant == tenant).collect();
        stock_agrees(&desk, sku, &of_tenant).await?;
    }
    Ok(())
}

/// Lets all of them buy and kills the program after a random number of orders; how many those were.
async fn load_and_kill(server: &mut Server, buyers: &[Buyer]) -> Result<usize> {
    let mut random = [0_u8; 1];
    SystemEntropy.fill(&mut random)?;
    let moment = usize::from(random[0] % 60) + 1;
    let (placed, killed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let killing = async {
        let waited = until("enough orders are placed", || async {
            Ok((placed.load(Ordering::SeqCst) >= moment).then_some(()))
        })
        .await;
        // Whatever happened, the buyers must come to an end.
        killed.store(true, Ordering::SeqCst);
        server.kill()?;
        waited
    };
    let buying = try_join_all(buyers.iter().map(|b| b.buy(&placed, &killed)));
    let (bought, waited) = join(buying, killing).await;
    waited?;
    bought?;
    Ok(placed.load(Ordering::SeqCst))
}

async fn found_again(buyer: &Buyer) -> Result<()> {
    for id in buyer.orders() {
        let order = buyer.shopper.order(id).await.context("an acknowledged order")?;
        ensure!(order.status == "CONFIRMED" && order.lines.len() == 1, "{}", order.status);
    }
    Ok(())
}

/// What is held belongs to orders, acknowledged or not, and no unit came or went.
async fn stock_agrees(desk: &Desk, sku: SkuId, buyers: &[&Buyer]) -> Result<()> {
    // An order that was placed when the program was killed may be acknowledged once more later.
    let known: BTreeSet<OrderId> = buyers.iter().flat_map(|b| b.orders()).collect();
    let known = i64::try_from(known.len())?;
    let unheard_max = i64::try_from(ROUNDS * buyers.len())?;
    let look = || async {
        let level = desk.level(sku).await?;
        ensure!(level.is_sane() && level.total() == STOCK, "{level:?}");
        let orders: i64 = desk.cells().await?.iter().map(|c| c.orders).sum();
        ensure!((known..=known + unheard_max).contains(&orders), "{orders} orders, {known} known");
        Ok((level, orders))
    };
    let agreed = until("what is held belongs to orders", || async {
        let (level, orders) = look().await?;
        Ok((level.reserved == orders).then_some(()))
    })
    .await;
    match agreed {
        Ok(()) => Ok(()),
        Err(e) => Err(e.context(format!(
            "{:?}, {known} known, {}",
            look().await?,
            odd(desk, buyers).await?
        ))),
    }
}

/// Orders that nobody acknowledged, with all that is known of them.
async fn odd(desk: &Desk, buyers: &[&Buyer]) -> Result<String> {
    let mut told = String::new();
    for buyer in buyers {
        let known = buyer.orders();
        for order in buyer.shopper.orders().await?.into_iter().filter(|o| !known.contains(&o.id)) {
            let history = desk.history(order.id).await?;
            let path = format!("/v1/admin/stock/{}/ledger?limit=100", buyer.sku);
            let ledger: serde_json::Value = desk.caller.get(&path).await?.ok()?;
            let mine: Vec<_> = ledger["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|e| e["order_id"] == serde_json::json!(order.id))
                .collect();
            told += &format!("{order:?} {history:?} {mine:?}; ");
        }
    }
    Ok(told)
}
