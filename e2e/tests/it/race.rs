//! Two hundred members race for fifty of this and fifty of that. Whoever gets one gets both, and his own
//! third; the others are told that it is sold out, and nothing of theirs is held.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Answer, Desk, Levels, Server, ServerOptions, Shopper};
use futures::future::{join, join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use order_api::{OrderView, PaymentMethod};
use serde_json::{Value, json};
use types::{OrderId, SkuId};

pub const TENANT: &str = "outlet";
pub const MEMBERS: usize = 200;
pub const STOCK: i64 = 50;
/// How many prepare themselves at the same time.
const PREPARING: usize = 8;
/// As many of the members' own skus are looked at while the race runs.
const OWN_SAMPLED: usize = 40;

/// Everybody is ready: a cart with one A, one B and one of their own, a checkout, an address, a total.
pub struct Field {
    pub desk: Desk,
    pub wanted: [SkuId; 2],
    pub own: Vec<SkuId>,
    pub racers: Vec<Racer>,
}

/// A member before the start.
pub struct Racer {
    pub shopper: Shopper,
    pub body: Value,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An order.
    Placed(OrderId),
    /// Nothing, and nothing held.
    SoldOut,
    /// The checkout's stock was held and given back; it needs a new checkout.
    Over,
    /// No answer at all.
    Unheard,
}

impl Field {
    /// Products, stock, members, carts.
    pub async fn set_up(server: &Server) -> Result<Self> {
        let desk = server.desk(TENANT, "owner").await?;
        let wanted = [
            desk.product("race-a", 1_000, STOCK).await?,
            desk.product("race-b", 2_000, STOCK).await?,
        ];
        let own = own_skus(&desk).await?;
        let racers = stream::iter(own.iter().enumerate())
            .map(|(n, own)| prepare(server, n, [wanted[0], wanted[1], *own]))
            .buffered(PREPARING)
            .try_collect()
            .await?;
        Ok(Self { desk: desk.patient(), wanted, own, racers })
    }

    /// Stock of A and B, after checking that no unit came or went.
    pub async fn check(&self, own: usize) -> Result<[Levels; 2]> {
        let mut skus = self.wanted.to_vec();
        skus.extend(self.own.iter().take(own));
        let levels = self.desk.levels(&skus).await?;
        ensure!(levels.iter().all(|l| l.is_sane()), "negative: {levels:?}");
        let (wanted, own) = levels.split_at(2);
        ensure!(wanted.iter().all(|l| l.total() == STOCK), "units of A or B: {wanted:?}");
        ensure!(own.iter().all(|l| l.total() == 1), "units of the own ones: {own:?}");
        match wanted {
            [a, b] => Ok([*a, *b]),
            _ => bail!("the stock of two skus was asked for"),
        }
    }

    /// Looks at the stock until the race is over; how often.
    pub async fn watch(&self, over: &AtomicBool) -> Result<usize> {
        let mut looks = 0;
        while !over.load(Ordering::SeqCst) {
            self.check(OWN_SAMPLED).await?;
            looks += 1;
        }
        Ok(looks)
    }
}

/// One sku for each member, one unit of each.
async fn own_skus(desk: &Desk) -> Result<Vec<SkuId>> {
    let lots: Vec<String> = (0..MEMBERS / 2).map(|n| format!("Lot {n}")).collect();
    let halves = ["left", "right"];
    let options = json!([{ "name": "Lot", "values": lots }, { "name": "Half", "values": halves }]);
    let sku = |lot: &String, half: &str| json!({ "options": [lot, half], "prices": [{ "channel": "web", "amount": 300 }] });
    let skus: Vec<Value> = lots.iter().flat_map(|lot| halves.map(|half| sku(lot, half))).collect();
    let made = desk.product_with("race-own", options, json!(skus)).await?;
    let own: Vec<SkuId> = made.skus.iter().map(|s| s.id).collect();
    ensure!(own.len() == MEMBERS);
    let warehouse = desk.warehouses().await?.first().context("a tenant has a warehouse")?.id;
    let stocked = stream::iter(own.iter().map(|sku| desk.stock_up(*sku, warehouse, 1)));
    stocked.buffer_unordered(PREPARING).try_collect::<()>().await?;
    Ok(own)
}

async fn prepare(server: &Server, n: usize, skus: [SkuId; 3]) -> Result<Racer> {
    let shopper = server.shopper(TENANT, &format!("racer-{n}")).await?;
    for sku in skus {
        shopper.add(sku, 1).await?;
    }
    let body = shopper.order_to_place(PaymentMethod::Card).await?;
    Ok(Racer { shopper: shopper.patient(), body })
}

/// One attempt, whose answer a racer waits for: where two hundred come at once, a slow machine may ask some of
/// them to send it again. Anything but an order, sold out or silence is an error.
pub async fn attempt(racer: &Racer, key: &str) -> Result<Outcome> {
    let answer: Answer = match racer.shopper.place(key, &racer.body).await {
        Ok(answer) => answer,
        Err(e) if e.is::<reqwest::Error>() => return Ok(Outcome::Unheard),
        Err(e) => return Err(e),
    };
    match (answer.status, answer.code().as_str()) {
        (201, _) => Ok(Outcome::Placed(answer.ok::<OrderView>()?.id)),
        (409, "sold_out") => Ok(Outcome::SoldOut),
        (409, "checkout_over") => Ok(Outcome::Over),
        (status, _) => {
            let logs = e2e::logs::tails();
            bail!("neither an order nor sold out, but {status}: {}{logs}", answer.shown())
        }
    }
}

/// All at once, each once. Counts the orders that were acknowledged.
pub async fn run(racers: &[Racer], acknowledged: &AtomicUsize) -> Result<Vec<Outcome>> {
    let attempts = racers.iter().enumerate().map(|(n, racer)| async move {
        let outcome = attempt(racer, &format!("race-{n}")).await?;
        if matches!(outcome, Outcome::Placed(_)) {
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        Ok(outcome)
    });
    join_all(attempts).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_race_for_fifty_and_fifty_get_whole_orders() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let field = Field::set_up(&server).await?;
    let (over, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let race = async {
        let outcomes = run(&field.racers, &acknowledged).await;
        over.store(true, Ordering::SeqCst);
        outcomes
    };
    let (outcomes, looks) = join(race, field.watch(&over)).await;
    let (outcomes, looks) = (outcomes?, looks?);
    ensure!(looks > 0, "nobody looked at the stock while the race ran");
    e2e::note(&format!("the stock was looked at {looks} times during the race"));
    let sold_out = outcomes.iter().filter(|o| **o == Outcome::SoldOut).count();
    let winners: Vec<(usize, OrderId)> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(n, o)| if let Outcome::Placed(id) = o { Some((n, *id)) } else { None })
        .collect();
    let expected = usize::try_from(STOCK)?;
    ensure!(winners.len() == expected, "{} orders, {sold_out} sold out", winners.len());
    ensure!(sold_out == MEMBERS - expected, "{sold_out} were told that it is sold out");
    for (n, id) in &winners {
        let racer = field.racers.get(*n).context("a winner took part")?;
        let order = racer.shopper.order(*id).await?;
        ensure!(order.lines.len() == 3 && order.lines.iter().all(|l| l.quantity.get() == 1));
    }
    let all_gone = Levels { available: 0, reserved: STOCK, sold: 0 };
    ensure!(field.check(MEMBERS).await? == [all_gone; 2]);
    let own = field.desk.levels(&field.own).await?;
    for (n, level) in own.iter().enumerate() {
        let won = i64::from(winners.iter().any(|(winner, _)| *winner == n));
        ensure!(level.reserved == won && level.available == 1 - won, "{n}: {level:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_one_sku_count_together_against_the_stock() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let desk = server.desk(TENANT, "owner").await?;
    let shopper = server.shopper(TENANT, "greedy").await?;
    let sku = desk.product("greedy", 100, STOCK).await?;
    shopper.add(sku, 30).await?;
    shopper.add(sku, 30).await?;
    let line = json!({ "sku_id": sku, "quantity": 30 });
    let path = "/v1/store/quotes";
    let quote = shopper.caller.post(path, &json!({ "lines": [line, line] })).await?;
    let quote: order_api::Quote = quote.ok()?;
    ensure!(quote.lines.len() == 1 && quote.subtotal.amount() == 6_000);
    let body = shopper.order_to_place(PaymentMethod::Card).await?;
    let refused = shopper.place("greedy", &body).await?.refused(409)?;
    ensure!(refused.code == "sold_out", "{refused:?}");
    let place = refused.errors.first().context("it says what there is not enough of")?;
    ensure!(place.pointer.contains(&sku.to_string()), "{place:?}");
    ensure!(place.detail.contains("60") && place.detail.contains("50"), "{place:?}");
    let untouched = Levels { available: STOCK, reserved: 0, sold: 0 };
    ensure!(desk.level(sku).await? == untouched);
    Ok(())
}
