//! The same race, and in the middle of it the program is killed. After the restart no unit is lost or
//! doubled, every order that was acknowledged is there, and the race can be finished.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Levels, Server, ServerOptions, Shopper, until};
use futures::future::{join, join_all, try_join_all};
use kit::{Entropy as _, SystemEntropy};
use order_api::{OrderView, PaymentMethod};
use payment_api::PaymentState;
use serde_json::json;
use types::OrderId;

use crate::common::{GOOD_CARD, LATE_CARD, TENANTS, until_level, until_status};
use crate::race::{Field, MEMBERS, Outcome, Racer, STOCK, TENANT, attempt, run};

/// Up to so many orders are acknowledged when it is decided to kill the program, another number each
/// time; some more are when it dies.
const KILL_AFTER_MAX: u8 = 20;
/// Short, so that what was held for orders that never came to be is back soon; longer than a request may take, so
/// that no stock is given back under a racer who is still being served.
const HELD: Duration = Duration::from_secs(12);
/// How often somebody tries again after the restart.
const TRIES_MAX: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_race_survives_being_killed_in_the_middle() -> Result<()> {
    let options = ServerOptions { reservation: Some(HELD), ..ServerOptions::default() };
    let mut server = Server::start(options).await?;
    let mut field = Field::set_up(&server).await?;
    let acknowledged = AtomicUsize::new(0);
    let mut random = [0_u8; 1];
    SystemEntropy.fill(&mut random)?;
    let moment = usize::from(random[0] % KILL_AFTER_MAX) + 1;
    let killing = async {
        until("some orders are placed", || async {
            Ok((acknowledged.load(Ordering::SeqCst) >= moment).then_some(()))
        })
        .await?;
        server.kill()
    };
    let (outcomes, killed) = join(run(&field.racers, &acknowledged), killing).await;
    killed?;
    let outcomes = outcomes?;
    let unheard = outcomes.iter().filter(|o| **o == Outcome::Unheard).count();
    let known = acknowledged.load(Ordering::SeqCst);
    e2e::note(&format!(
        "to be killed after {moment} orders, killed after {known}; {unheard} got no answer"
    ));
    // What was held and not bound is overdue when the program starts: the moment at which giving back
    // what belongs to an order would be easiest.
    let killed_at = Instant::now();
    until("what was held is overdue", || async { Ok((killed_at.elapsed() > HELD).then_some(())) })
        .await?;
    server.restart().await?;
    move_all(&server, &mut field).await?;
    // At once, whatever is still held for orders that never came to be.
    field.check(MEMBERS).await?;
    nothing_acknowledged_is_lost(&field, &outcomes).await?;
    orders_and_stock_agree(&field).await?;
    finish(&mut field).await?;
    let placed = orders_and_stock_agree(&field).await?;
    ensure!(placed == usize::try_from(STOCK)?, "{placed} orders in the end");
    let all_gone = Levels { available: 0, reserved: STOCK, sold: 0 };
    ensure!(field.check(MEMBERS).await? == [all_gone; 2]);
    nothing_acknowledged_is_lost(&field, &outcomes).await
}

/// The port is another one; the sessions still hold.
async fn move_all(server: &Server, field: &mut Field) -> Result<()> {
    for racer in &mut field.racers {
        racer.shopper = server.again(TENANT, &racer.shopper)?;
    }
    field.desk = server.desk(TENANT, "owner").await?.patient();
    Ok(())
}

async fn nothing_acknowledged_is_lost(field: &Field, outcomes: &[Outcome]) -> Result<()> {
    for (racer, outcome) in field.racers.iter().zip(outcomes) {
        let Outcome::Placed(id) = outcome else { continue };
        let order = racer.shopper.order(*id).await.context("an acknowledged order")?;
        ensure!(order.lines.len() == 3, "an order is not whole");
    }
    Ok(())
}

/// Waits until every held unit belongs to an order; how many orders there are.
async fn orders_and_stock_agree(field: &Field) -> Result<usize> {
    let lists = try_join_all(field.racers.iter().map(|r| r.shopper.orders())).await?;
    ensure!(lists.iter().all(|l| l.len() <= 1), "somebody has two orders");
    let orders: Vec<OrderId> = lists.iter().flatten().map(|o| o.id).collect();
    let held = i64::try_from(orders.len())?;
    until("held units and orders agree", || async {
        let [a, b] = field.check(MEMBERS).await?;
        Ok((a.reserved == held && b.reserved == held && a.sold + b.sold == 0).then_some(()))
    })
    .await
    .with_context(|| format!("there are {held} orders"))?;
    let own = field.desk.levels(&field.own).await?;
    for (level, list) in own.iter().zip(&lists) {
        ensure!(level.reserved == i64::try_from(list.len())?, "{level:?} for {}", list.len());
    }
    Ok(orders.len())
}

/// Everybody tries until there is an answer: an order or sold out.
async fn finish(field: &mut Field) -> Result<()> {
    let finishing = field.racers.iter_mut().enumerate().map(|(n, racer)| to_the_end(n, racer));
    join_all(finishing).await.into_iter().collect()
}

async fn to_the_end(n: usize, racer: &mut Racer) -> Result<()> {
    for try_no in 0..TRIES_MAX {
        // A new key: what became of the old one's holder is not known before its lease is over.
        match attempt(racer, &format!("finish-{n}-{try_no}")).await? {
            Outcome::Placed(_) | Outcome::SoldOut => return Ok(()),
            Outcome::Over => racer.body["checkout_id"] = json!(racer.shopper.checkout().await?),
            Outcome::Unheard => bail!("no answer from a running server"),
        }
    }
    bail!("member {n} got no order and no refusal in {TRIES_MAX} tries")
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_payments_and_messages_go_on_after_a_kill() -> Result<()> {
    let mut server = Server::start(ServerOptions::default()).await?;
    let mut waiting = Vec::new();
    for tenant in TENANTS {
        let desk = server.desk(tenant, "owner").await?;
        desk.close_unpaid_after("PT3S").await?;
        let shopper = server.shopper(tenant, "interrupted").await?;
        let sku = desk.product("interrupted", 800, STOCK).await?;
        let buy = || shopper.buy(sku, 1, PaymentMethod::Card);
        let [forgotten, late, paid] = [buy().await?, buy().await?, buy().await?];
        waiting.push((tenant, shopper, sku, [forgotten, late, paid]));
    }
    for (_, shopper, _, [_, late, paid]) in &waiting {
        // A busy machine may need longer than the timer; what is left to find out is the same then.
        shopper.try_to_pay(late.id, "late", LATE_CARD).await?;
        shopper.try_to_pay(paid.id, "paid", GOOD_CARD).await?;
    }
    server.kill()?;
    server.restart().await?;
    for (tenant, shopper, sku, [forgotten, late, paid]) in waiting {
        let shopper = server.again(tenant, &shopper)?;
        let desk = server.desk(tenant, "owner").await?;
        until_status(&shopper, forgotten.id, "CLOSED").await?;
        let sold =
            i64::from(settled(&shopper, &late).await?) + i64::from(settled(&shopper, &paid).await?);
        until_level(&desk, sku, (STOCK - sold, 0, sold)).await.context(tenant)?;
    }
    Ok(())
}

/// Waits until an order is paid with its money in the books, or closed with none; whether it is paid.
async fn settled(shopper: &Shopper, order: &OrderView) -> Result<bool> {
    until("an order is paid, or closed and even", || async {
        let (now, money) = (shopper.order(order.id).await?, shopper.payments(order.id).await?);
        let is_open = money.payments.iter().any(|p| p.state == PaymentState::Pending);
        Ok(match now.status.as_str() {
            "PAID" => (money.balance == order.total && now.paid == order.total).then_some(true),
            "CLOSED" if !is_open && money.balance.amount() == 0 => Some(false),
            _ => None,
        })
    })
    .await
}
