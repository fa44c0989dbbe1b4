//! The same race, and in the middle of it the program is killed. After the restart no unit is lost or
//! doubled, every order that was acknowledged is there, and the race can be finished.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Levels, Server, ServerOptions, until};
use futures::future::{join, join_all, try_join_all};
use serde_json::json;
use types::OrderId;

use crate::race::{Field, MEMBERS, Outcome, Racer, STOCK, TENANT, attempt, run};

/// So many orders are acknowledged when the program is killed.
const KILL_AFTER: usize = 12;
/// Short, so that what was held for orders that never came to be is back soon.
const HELD: Duration = Duration::from_millis(1_500);
/// How often somebody tries again after the restart.
const TRIES_MAX: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_race_survives_being_killed_in_the_middle() -> Result<()> {
    let options = ServerOptions { reservation: Some(HELD), ..ServerOptions::default() };
    let mut server = Server::start(options).await?;
    let mut field = Field::set_up(&server).await?;
    let acknowledged = AtomicUsize::new(0);
    let killing = async {
        until("some orders are placed", || async {
            Ok((acknowledged.load(Ordering::SeqCst) >= KILL_AFTER).then_some(()))
        })
        .await?;
        server.kill()
    };
    let (outcomes, killed) = join(run(&field.racers, &acknowledged), killing).await;
    killed?;
    let outcomes = outcomes?;
    let unheard = outcomes.iter().filter(|o| **o == Outcome::Unheard).count();
    let known = acknowledged.load(Ordering::SeqCst);
    e2e::note(&format!("killed after {known} orders; {unheard} got no answer"));
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
    field.desk = server.desk(TENANT, "owner").await?;
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
