//! The primary of a database server is killed while orders come in, and an operator puts its synchronous
//! replica in its place with the command for that. Nobody starts anything anew: who asks in between is
//! refused at once and clearly, asks again, and ends with each of his orders once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use cart_api::{CartView, Checkout};
use e2e::server::command;
use e2e::shopper::{fresh_key, place_body};
use e2e::{Answer, PATIENCE, Server, ServerOptions, Shopper, until};
use futures::future::{join3, try_join_all};
use order_api::{OrderView, PaymentMethod, Quote};
use payment_api::{OrderPayments, PaymentState, PaymentView};
use serde_json::{Value, json};
use servers::{Postgres, PostgresOptions, ReplicaOptions};
use types::{AddressId, OrderId, SkuId};

use crate::books::Books;
use crate::common::{GOOD_CARD, TENANTS};
use crate::invariants;

/// Shoppers of each tenant who order at the same time.
const BUYERS: usize = 3;
const STOCK: i64 = 100_000;
/// So many orders each has before the primary is killed.
const BEFORE: usize = 4;
/// The primary is gone for so long before anybody does something: longer than the front door remembers who
/// a token belongs to.
const GONE_FOR: Duration = Duration::from_secs(12);
/// Nobody waits longer for a refusal.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Within this everybody has ordered again. A payment that was on record when the primary died, and of which
/// the provider never heard, may be tried anew only after the grace of two minutes in which it might.
const RESUMES_WITHIN: Duration = Duration::from_secs(240);
/// How long somebody rests before he asks again.
const REST: Duration = Duration::from_millis(50);
/// The demo's schemas on a server, which `stoa serve` takes over.
const PREFIX: &str = "stoa_demo_";
const DATABASE: &str = "mall";
/// What the settings call the server.
const MAIN: &str = "main";

/// What everybody was told.
#[derive(Default)]
struct Heard {
    killed: Option<Instant>,
    refusals: Vec<(Instant, Duration)>,
    /// Answers that are none: the request before is being worked on, or so it seems.
    in_flight: usize,
    /// Checkouts that were over before their order was placed.
    over: usize,
    /// Pages of the shop that were shown while placing was impossible.
    shown: usize,
}

/// Listens to all answers of a test.
#[derive(Default)]
struct Ear {
    heard: Mutex<Heard>,
    stop: AtomicBool,
}

impl Ear {
    fn with<T>(&self, f: impl FnOnce(&mut Heard) -> T) -> T {
        f(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits for something, unless those who are to bring it about have failed.
    async fn until(&self, what: &str, holds: impl Fn() -> bool) -> Result<()> {
        until(what, || async {
            ensure!(!self.is_over(), "it ended before {what}");
            Ok(holds().then_some(()))
        })
        .await
    }

    async fn until_within(
        &self,
        within: Duration,
        what: &str,
        holds: impl Fn() -> bool,
    ) -> Result<()> {
        let began = Instant::now();
        while !holds() {
            ensure!(!self.is_over(), "it ended before {what}");
            ensure!(began.elapsed() < within, "not within {within:?}: {what}");
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// Asks until there is an answer that is not for later. A refusal has to be a clear one, and to come at
    /// once, and there is none while the primary lives.
    async fn ask<F, Fut>(&self, what: &str, send: F) -> Result<Answer>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Answer>>,
    {
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            let began = Instant::now();
            let answer = send().await.with_context(|| what.to_owned())?;
            if answer.is_refusal(409, "idempotency_in_flight") {
                self.with(|h| h.in_flight += 1);
            } else if answer.status >= 500 {
                self.note(answer, began).with_context(|| what.to_owned())?;
            } else {
                return Ok(answer);
            }
            tokio::time::sleep(REST).await;
        }
        bail!("{what}: refused for {PATIENCE:?}")
    }

    fn note(&self, answer: Answer, began: Instant) -> Result<()> {
        let (took, after) = (began.elapsed(), answer.retry_after());
        let problem = answer.refused(503)?;
        ensure!(problem.retryable && problem.code == "unavailable", "{problem:?}");
        ensure!(after.is_some_and(|s| (1..=10).contains(&s)), "to be asked again after {after:?}");
        ensure!(took < AT_ONCE, "a refusal took {took:?}: {problem:?}");
        let was_killed = self.with(|h| {
            h.refusals.push((Instant::now(), took));
            h.killed.is_some()
        });
        ensure!(was_killed, "refused while all was well: {problem:?}");
        Ok(())
    }

    /// Looks at the shop as somebody who has no session, until it is over.
    async fn look(&self, server: &Server) -> Result<()> {
        let visitor = server.visitor("flora")?;
        let looking = Instant::now();
        while !self.is_over() {
            ensure!(looking.elapsed() < 3 * RESUMES_WITHIN, "it never ends");
            let began = Instant::now();
            let answer = visitor.get("/v1/store/products?limit=5").await?;
            if answer.status == 200 {
                self.with(|h| h.shown += usize::from(h.killed.is_some_and(|k| began > k)));
            } else {
                self.note(answer, began).context("looking at the shop")?;
            }
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }
}

/// What one buyer was told.
#[derive(Default)]
struct Told {
    placed: Vec<(OrderId, Instant)>,
    paid: Vec<OrderId>,
}

struct Buyer<'a> {
    tenant: &'static str,
    shopper: Shopper,
    address: AddressId,
    sku: SkuId,
    ear: &'a Ear,
    told: Mutex<Told>,
    /// What he is at, and since when.
    step: Mutex<(String, Instant)>,
}

impl Buyer<'_> {
    fn told<T>(&self, f: impl FnOnce(&mut Told) -> T) -> T {
        f(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_at(&self, step: impl Into<String>) {
        let now = (step.into(), Instant::now());
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn says(&self) -> String {
        let step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{} is at {} for {:?}", self.tenant, step.0, step.1.elapsed())
    }

    fn has_placed_since(&self, moment: Instant) -> bool {
        self.told(|t| t.placed.iter().any(|(_, at)| *at > moment))
    }

    /// One order after another; the last one is brought to its end.
    async fn live(&self) -> Result<()> {
        for n in 0_usize.. {
            if self.ear.is_over() {
                break;
            }
            self.is_at("an order");
            let order = self.order(n).await.context("an order")?;
            self.told(|t| t.placed.push((order, Instant::now())));
            if n.is_multiple_of(2) {
                self.is_at(format!("the payment of {order}"));
                self.pay(order).await.context("a payment")?;
                self.told(|t| t.paid.push(order));
            }
            self.is_at(format!("the cart without {order}"));
            self.until_cart_is_empty().await?;
        }
        Ok(())
    }

    async fn order(&self, n: usize) -> Result<OrderId> {
        loop {
            if let Some(order) = self.try_to_order(1 + n % 3).await? {
                return Ok(order);
            }
            // Its stock was given back, and then nobody can place it any more.
            self.ear.with(|h| h.over += 1);
        }
    }

    /// Nothing when the checkout was over before the order was placed.
    async fn try_to_order(&self, units: usize) -> Result<Option<OrderId>> {
        let (ear, caller) = (self.ear, &self.shopper.caller);
        let (path, amount) =
            (format!("/v1/store/cart/lines/{}", self.sku), json!({ "quantity": units }));
        let _: CartView = ear.ask("the cart", || caller.put(&path, &amount)).await?.ok()?;
        let nothing = json!({});
        let begun = ear.ask("the checkout", || caller.post("/v1/store/checkout", &nothing)).await?;
        let Checkout { checkout_id, .. } = begun.ok()?;
        let lines = json!({ "lines": [{ "sku_id": self.sku, "quantity": units }] });
        let quote = ear.ask("the quote", || caller.post("/v1/store/quotes", &lines)).await?;
        let Quote { total, .. } = quote.ok()?;
        let body = place_body(checkout_id, self.address, PaymentMethod::Card, total);
        let key = fresh_key()?;
        let placed = ear.ask("placing", || self.shopper.place(&key, &body)).await?;
        if placed.is_refusal(409, "checkout_over") {
            return Ok(None);
        }
        let order: OrderView = placed.ok()?;
        ensure!(order.id == checkout_id, "order {} of the checkout {checkout_id}", order.id);
        Ok(Some(order.id))
    }

    async fn pay(&self, order: OrderId) -> Result<()> {
        let mut key = fresh_key()?;
        loop {
            let answer =
                self.ear.ask("paying", || self.shopper.try_to_pay(order, &key, GOOD_CARD)).await?;
            let mut payment: PaymentView = answer.ok()?;
            let began = Instant::now();
            while payment.state == PaymentState::Pending {
                ensure!(began.elapsed() < RESUMES_WITHIN, "a payment is pending for ever");
                tokio::time::sleep(REST).await;
                payment = self.payment(order, &payment).await?;
            }
            match payment.state {
                PaymentState::Captured => return Ok(()),
                // It was given up, so that another may be tried.
                PaymentState::Failed => key = fresh_key()?,
                other => bail!("a good card led to {other:?}"),
            }
        }
    }

    async fn payment(&self, order: OrderId, payment: &PaymentView) -> Result<PaymentView> {
        let path = format!("/v1/store/orders/{order}/payments");
        let all = self.ear.ask("the payments", || self.shopper.caller.get(&path)).await?;
        let all: OrderPayments = all.ok()?;
        let found = all.payments.into_iter().find(|p| p.id == payment.id);
        found.context("a payment has vanished")
    }

    async fn until_cart_is_empty(&self) -> Result<()> {
        until("what was ordered is out of the cart", || async {
            let cart =
                self.ear.ask("the cart", || self.shopper.caller.get("/v1/store/cart")).await?;
            Ok(cart.ok::<CartView>()?.lines.is_empty().then_some(()))
        })
        .await
    }
}

/// Blocks in a test that has threads to spare.
fn wait<T>(work: impl FnOnce() -> Result<T, servers::Error>) -> Result<T> {
    Ok(tokio::task::block_in_place(work)?)
}

/// A mall on a primary with a synchronous replica.
struct Mall {
    server: Server,
    primary: Postgres,
    replica: Postgres,
}

impl Mall {
    async fn open() -> Result<Self> {
        let primary = wait(|| Postgres::start(&PostgresOptions::default()))?;
        wait(|| primary.ensure_database(DATABASE))?;
        let options = ServerOptions {
            engine: Some("postgres"),
            database_url: Some(primary.url(DATABASE)),
            ..ServerOptions::default()
        };
        let mut server = Server::start(options).await?;
        server.kill()?;
        let replica = ReplicaOptions { synchronous: true, ..ReplicaOptions::default() };
        let replica = wait(|| primary.replica(&replica))?;
        let (first, second) = (primary.url(DATABASE), replica.url(DATABASE));
        server
            .serve(&format!(
                "[order]\nunpaid_orders_max = 1000000\n\
                 [storage]\nengine = \"postgres\"\nprefix = \"{PREFIX}\"\n\
                 [[storage.server]]\nname = \"{MAIN}\"\nurl = \"{first}\"\nreplicas = [\"{second}\"]\n"
            ))
            .await?;
        Ok(Self { server, primary, replica })
    }

    async fn buyers<'a>(&self, ear: &'a Ear) -> Result<Vec<Buyer<'a>>> {
        let mut buyers = Vec::new();
        for tenant in TENANTS {
            let desk = self.server.desk(tenant, "owner").await?;
            let sku = desk.product("failed-over", 700, STOCK).await?;
            for n in 0..BUYERS {
                let shopper = self.server.shopper(tenant, &format!("failed-over-{n}")).await?;
                let address = shopper.add_address().await?;
                let (told, step) = (Mutex::default(), Mutex::new((String::new(), Instant::now())));
                buyers.push(Buyer { tenant, shopper, address, sku, ear, told, step });
            }
        }
        Ok(buyers)
    }
}

/// Kills the primary, looks on for a while, and lets the replica take over; what the command said.
async fn operate(
    primary: &mut Postgres,
    config: &Path,
    ear: &Ear,
    buyers: &[Buyer<'_>],
) -> Result<Value> {
    let have_ordered = || buyers.iter().all(|b| b.told(|t| t.placed.len() >= BEFORE));
    ear.until("everybody has ordered", have_ordered).await?;
    // Before it happens: the first refusal may come while the last of its processes ends.
    let killed = Instant::now();
    ear.with(|h| h.killed = Some(killed));
    wait(|| primary.kill())?;
    ear.until("it is gone for a while", || killed.elapsed() > GONE_FOR).await?;
    let doctor = run(config, ["doctor"]).await?;
    let told = String::from_utf8_lossy(&doctor.stdout);
    ensure!(doctor.status.code() == Some(1), "the doctor finds nothing: {told}");
    let advice = format!("stoa shard failover {MAIN}");
    ensure!(told.contains(&advice), "{told}{}", String::from_utf8_lossy(&doctor.stderr));
    let done = run(config, ["shard", "failover", MAIN]).await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let resumed = Instant::now();
    let waits = || buyers.iter().filter(|b| !b.has_placed_since(resumed));
    let again = ear.until_within(RESUMES_WITHIN, "everybody orders again", || waits().count() == 0);
    let waiting = || waits().map(Buyer::says).collect::<Vec<_>>().join("; ");
    again.await.with_context(waiting)?;
    e2e::note(&format!("everybody had ordered again after {:?}", resumed.elapsed()));
    let again = run(config, ["shard", "failover", MAIN]).await?;
    let said = String::from_utf8_lossy(&again.stderr);
    ensure!(!again.status.success() && said.contains("no replica"), "failed over twice: {said}");
    Ok(serde_json::from_slice(&done.stdout)?)
}

async fn run<const N: usize>(config: &Path, args: [&str; N]) -> Result<Output> {
    let args = args.into_iter().map(Into::into);
    command(args.chain(["--json".into(), "--config".into(), config.as_os_str().to_owned()])).await
}

/// Acknowledged orders and payments are there, each order once, and none that nobody was told of.
fn nothing_is_lost(books: &Books, buyers: &[Buyer<'_>]) -> Result<()> {
    let mut found: BTreeMap<(&str, i64), BTreeSet<i64>> = BTreeMap::new();
    for ((tenant, id), order) in &books.orders {
        found.entry((tenant, order.member)).or_default().insert(*id);
    }
    for buyer in buyers {
        let member = (buyer.tenant, buyer.shopper.id.get());
        let placed: Vec<i64> = buyer.told(|t| t.placed.iter().map(|(id, _)| id.get()).collect());
        let told: BTreeSet<i64> = placed.iter().copied().collect();
        ensure!(told.len() == placed.len(), "{member:?} was told of an order twice: {placed:?}");
        let there = found.get(&member).cloned().unwrap_or_default();
        let (lost, surplus) = (told.difference(&there), there.difference(&told));
        let (lost, surplus): (Vec<_>, Vec<_>) = (lost.collect(), surplus.collect());
        ensure!(lost.is_empty(), "acknowledged and not there: {lost:?} of {member:?}");
        ensure!(surplus.is_empty(), "nobody was told of {surplus:?} of {member:?}");
        for paid in buyer.told(|t| t.paid.clone()) {
            let order = books.orders.get(&(buyer.tenant.to_owned(), paid.get()));
            let order = order.with_context(|| format!("{paid} was paid"))?;
            ensure!(order.paid == order.total, "{paid} was paid, and has {}", order.paid);
        }
    }
    Ok(())
}

/// Waits until nothing is under way, and reads the books of the new primary.
async fn settled(replica: &Postgres, server: &Server) -> Result<Books> {
    let last = Mutex::new(String::new());
    let url = replica.url(DATABASE);
    let look = || async {
        let books = Books::of_server(&url, PREFIX)?;
        *last.lock().unwrap_or_else(PoisonError::into_inner) = invariants::under_way(&books);
        Ok(invariants::is_settled(&books).then_some(books))
    };
    until("everything that was under way has settled", look).await.with_context(|| {
        let last = last.lock().unwrap_or_else(PoisonError::into_inner);
        format!("at last: {last}; {}", server.log())
    })
}

fn tell(ear: &Ear, buyers: &[Buyer<'_>], command: &Value) -> Result<()> {
    let mut placed: Vec<Instant> =
        buyers.iter().flat_map(|b| b.told(|t| t.placed.clone())).map(|(_, at)| at).collect();
    placed.sort();
    let (killed, refused, slowest, rest) = ear.with(|h| {
        let slowest = h.refusals.iter().map(|(_, took)| *took).max();
        let rest = (h.in_flight, h.over, h.shown);
        (h.killed, h.refusals.len(), slowest, rest)
    });
    let killed = killed.context("it was killed")?;
    let gaps = placed.windows(2).filter(|pair| pair[1] > killed);
    let longest = gaps.map(|pair| pair[1].duration_since(pair[0])).max();
    let impossible = longest.context("nobody has ordered since")?;
    // Whose request was cut off waits until it is known that nobody works on it any more.
    let again = |buyer: &Buyer<'_>| {
        let since = |(_, at): &(OrderId, Instant)| at.checked_duration_since(killed);
        buyer.told(|t| t.placed.iter().find_map(since))
    };
    let last = buyers.iter().filter_map(again).max().context("nobody has ordered since")?;
    e2e::note(&format!(
        "failover: placing was impossible for {} ms, of which nobody did anything for {} ms; the command took \
         {} ms; the last one had an order again after {} ms; {} orders, {refused} refusals, the slowest after {:?}; {} times in flight, {} checkouts over, \
         {} pages shown meanwhile",
        impossible.as_millis(),
        GONE_FOR.as_millis(),
        command["took_ms"],
        last.as_millis(),
        placed.len(),
        slowest.context("nobody was refused")?,
        rest.0,
        rest.1,
        rest.2,
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_order_survives_the_primary_and_buying_resumes_by_itself() -> Result<()>
{
    if let [Err(e), _] = servers::installed() {
        e2e::note(&format!("SKIPPED: {e}"));
        return Ok(());
    }
    let mut mall = Mall::open().await?;
    let ear = Ear::default();
    let buyers = mall.buyers(&ear).await?;
    let config = mall.server.config();
    let operating = async {
        let done = operate(&mut mall.primary, &config, &ear, &buyers).await;
        // Whatever happened, the buyers must come to an end.
        ear.stop.store(true, Ordering::SeqCst);
        done
    };
    let living = async {
        let lived = try_join_all(buyers.iter().map(Buyer::live)).await;
        ear.stop.store(true, Ordering::SeqCst);
        lived
    };
    let (done, lived, looked) = join3(operating, living, ear.look(&mall.server)).await;
    lived?;
    looked?;
    tell(&ear, &buyers, &done?)?;
    let books = settled(&mall.replica, &mall.server).await?;
    invariants::check(&books)?;
    nothing_is_lost(&books, &buyers)
}
