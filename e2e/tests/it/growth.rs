//! A tenant grows while its members go on shopping. In process, as `cells` is: many members are needed.
//! The load goes through the services' handles, which everything else goes through too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use kit::id::EPOCH_MS;
use kit::{Clock as _, Id, Limit, Money, Place, Placement, Placements, SystemClock, Timestamp};
use order_api::{Act, Cells, Get, List};
use rpc::{Actor, Ctx};
use stoa::growth::{
    Begin, BeginDrain, DrainSome, EndDrain, GetStanding, Growth as _, Local, PlanFor,
};
use stoa::options::PlatformOptions;
use tenant_api::growth::SKEW_MAX;
use types::OrderId;

use crate::cells::Mall;

/// Members that order, list and read at once.
const WRITERS: usize = 8;
const READERS: usize = 4;
/// Members of one writer, which orders for them in turn.
const MEMBERS_EACH: usize = 24;
/// A writer rests so long between two orders, so that readers get their turn on a small machine.
const REST: Duration = Duration::from_millis(20);
/// So many orders lie before, between and after the growths at least.
const ORDERS: usize = 150;
/// The longest the whole load may go on, and the most orders it may make.
const LOAD_WITHIN: Duration = Duration::from_secs(480);
const ORDERS_MAX: usize = 9_000;

/// Every so many orders a member cancels his oldest one.
const CANCEL_EVERY: usize = 3;

/// The acknowledged orders by member, and all of them in the order in which they were acknowledged.
#[derive(Default)]
struct Book {
    by_member: BTreeMap<i64, BTreeSet<OrderId>>,
    all: Vec<(Id, OrderId)>,
    cancelled: BTreeSet<OrderId>,
}

struct Load<'a> {
    mall: &'a Mall,
    total: Money,
    members: Vec<Id>,
    book: Mutex<Book>,
    over: AtomicBool,
    reads: AtomicUsize,
    lists: AtomicUsize,
    deadline: Timestamp,
}

impl Load<'_> {
    fn book<T>(&self, f: impl FnOnce(&mut Book) -> T) -> T {
        f(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn orders(&self) -> usize {
        self.book(|b| b.all.len())
    }

    fn buyer(&self, member: Id) -> Result<Ctx> {
        Ok(Ctx { actor: Actor::user(member.get()), ..self.mall.system()? })
    }

    /// Orders for some members in turn until the load is over. An order counts once it was acknowledged.
    async fn write(&self, members: &[Id]) -> Result<()> {
        for member in members.iter().cycle() {
            if self.is_over() {
                break;
            }
            let in_time = self.orders() < ORDERS_MAX && SystemClock.now() < self.deadline;
            ensure!(in_time, "the growth takes too long");
            let id = self.mall.order(*member, self.total).await.context("an order failed")?;
            self.book(|b| {
                b.by_member.entry(member.get()).or_default().insert(id);
                b.all.push((*member, id));
            });
            if self.orders().is_multiple_of(CANCEL_EVERY) {
                self.cancel_oldest(*member).await.context("a cancellation failed")?;
            }
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// An old order is moved along its flow, wherever it lies by now.
    async fn cancel_oldest(&self, member: Id) -> Result<()> {
        let oldest = self.book(|b| {
            let own = b.by_member.get(&member.get())?;
            own.iter().find(|id| !b.cancelled.contains(id)).copied()
        });
        let Some(order_id) = oldest else { return Ok(()) };
        let act = Act {
            order_id,
            operation: "cancel".to_owned(),
            request_id: "cancel".to_owned(),
            note: String::new(),
            expected_version: None,
        };
        let orders = &self.mall.platform.clients.order;
        let cancelled = orders.act(&self.buyer(member)?, act).await?;
        ensure!(cancelled.status == "CANCELLED", "cancelling led to {}", cancelled.status);
        self.book(|b| b.cancelled.insert(order_id));
        Ok(())
    }

    /// Reads acknowledged orders and lists until the load is over; what was acknowledged before is there.
    async fn read(&self, seed: usize) -> Result<()> {
        let mut n = seed;
        while !self.is_over() && SystemClock.now() < self.deadline {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let picked = self.book(|b| b.all.get((n >> 33) % b.all.len().max(1)).copied());
            let Some((member, id)) = picked else {
                tokio::time::sleep(REST).await;
                continue;
            };
            let (orders, buyer) = (&self.mall.platform.clients.order, self.buyer(member)?);
            let found = orders.get(&buyer, Get { order_id: id }).await;
            let found = found.with_context(|| format!("order {id} of {member} is not found"))?;
            ensure!(found.id == id && found.member_id.get() == member.get());
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.list(self.members[(n >> 17) % self.members.len()]).await?;
        }
        Ok(())
    }

    async fn list(&self, member: Id) -> Result<()> {
        let known = self.book(|b| b.by_member.get(&member.get()).cloned().unwrap_or_default());
        let listed = listed(self.mall, &self.buyer(member)?).await.context("a list failed")?;
        let set: BTreeSet<OrderId> = listed.iter().copied().collect();
        ensure!(set.len() == listed.len(), "the list of {member} has an order twice: {listed:?}");
        ensure!(listed.is_sorted_by(|a, b| a > b), "the list of {member} is not newest first");
        let missing: Vec<_> = known.difference(&set).collect();
        ensure!(missing.is_empty(), "the list of {member} misses {missing:?}");
        self.lists.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Waits until a condition holds while the load goes on.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        while !holds(self) {
            ensure!(!self.is_over(), "the load ended before {what}");
            ensure!(SystemClock.now() < self.deadline, "{what} does not happen");
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// Grows the tenant step by step; each says what share of the members is to stay.
    async fn grow(&self, growth: &Local, steps: &[(&str, (u64, u64))]) -> Result<()> {
        self.until("the first orders", |l| l.orders() >= ORDERS).await?;
        for (text, stays) in steps {
            let placement: Placement = text.parse().map_err(anyhow::Error::msg)?;
            let ctx = self.mall.system()?;
            let plan = growth.plan(&ctx, PlanFor { placement }).await?;
            ensure!((plan.stays.of, plan.stays.all) == *stays, "{}", plan.stays);
            let begun = growth.begin(&ctx, Begin { placement }).await?;
            let again = growth.begin(&ctx, Begin { placement }).await?;
            ensure!(again.repeated && again.effective_from == begun.effective_from);
            let from = begun.effective_from;
            self.until("the cutover", |_| SystemClock.now() >= from.plus(SKEW_MAX)).await?;
            let orders = self.orders();
            self.until("orders in the new cells", |l| l.orders() >= orders + ORDERS).await?;
        }
        Ok(())
    }

    /// Moves all orders to the cells of the newest version.
    async fn drain(&self, growth: &Local) -> Result<()> {
        let begun = growth.begin_drain(&self.mall.system()?, BeginDrain {}).await?;
        self.until("that all know", |_| SystemClock.now() >= begun.ready_at).await?;
        let mut open = begun.cells.clone();
        let mut moved = 0;
        while let Some(cell) = open.first().copied() {
            ensure!(SystemClock.now() < self.deadline, "the drain does not end");
            let drained = growth.drain_some(&self.mall.system()?, DrainSome { cell }).await?;
            if drained.done {
                moved += drained.moved;
                open.retain(|c| *c != cell);
            } else if drained.pass_over {
                // Some wait for their messages; another cell's turn.
                open.rotate_left(1);
                tokio::time::sleep(REST).await;
            }
        }
        ensure!(moved > 0, "nothing has moved");
        growth.end_drain(&self.mall.system()?, EndDrain {}).await?;
        let orders = self.orders();
        self.until("orders after the drain", |l| l.orders() >= orders + ORDERS).await
    }
}

async fn listed(mall: &Mall, buyer: &Ctx) -> Result<Vec<OrderId>> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let list = List { member_id: None, status: None, cursor, limit: Limit::new(10)? };
        let page = mall.platform.clients.order.list(buyer, list).await?;
        ids.extend(page.items.into_iter().map(|o| o.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

/// What becomes of the tenant under load.
#[derive(Clone, Copy)]
struct Course {
    steps: &'static [(&'static str, (u64, u64))],
    drains: bool,
}

/// The whole test, on whatever engine the options name.
async fn under_load(course: Course, change: impl FnOnce(&mut PlatformOptions)) -> Result<()> {
    let mall = Mall::open(|options| {
        options.order.unpaid_orders_max = 1_000_000;
        change(options);
    })
    .await?;
    let ids = (1..).filter_map(|n| Id::compose(EPOCH_MS + n * 7_919, Place::ZERO, 1, 0));
    let members: Vec<Id> = ids.take(WRITERS * MEMBERS_EACH).collect();
    mall.settle(&members).await?;
    let load = Load {
        total: mall.total().await?,
        mall: &mall,
        members,
        book: Mutex::default(),
        over: AtomicBool::new(false),
        reads: AtomicUsize::new(0),
        lists: AtomicUsize::new(0),
        deadline: SystemClock.now().plus(LOAD_WITHIN),
    };
    let growth = stoa::access::growing(&mall.platform);
    let writers = load.members.chunks(MEMBERS_EACH).map(|some| load.write(some));
    let readers = (0..READERS).map(|n| load.read(n));
    let growing = async {
        let mut grown = load.grow(&growth, course.steps).await;
        if course.drains && grown.is_ok() {
            grown = load.drain(&growth).await;
        }
        load.over.store(true, Ordering::SeqCst);
        grown
    };
    // The first that fails ends the test.
    tokio::try_join!(try_join_all(writers), try_join_all(readers), growing)?;
    every_order_is_found_once(&load, &growth, course).await?;
    mall.platform.stop(Duration::from_secs(10)).await;
    Ok(())
}

/// When all is quiet: everything is where its id says, by the version that was in effect, and nowhere else.
async fn every_order_is_found_once(load: &Load<'_>, growth: &Local, course: Course) -> Result<()> {
    let (mall, ctx) = (load.mall, load.mall.system()?);
    for member in &load.members {
        load.list(*member).await?;
    }
    let all = load.book(|b| b.all.clone());
    let cancelled = load.book(|b| b.cancelled.clone());
    for (member, id) in &all {
        let buyer = load.buyer(*member)?;
        let got = mall.platform.clients.order.get(&buyer, Get { order_id: *id }).await?;
        ensure!(got.id == *id && (got.status == "CANCELLED") == cancelled.contains(id));
    }
    let cells = mall.platform.clients.order.cells(&ctx, Cells {}).await?;
    let rows: i64 = cells.iter().map(|c| c.orders).sum();
    ensure!(rows == i64::try_from(all.len())?, "{rows} rows of {} orders", all.len());
    let standing = growth.standing(&ctx, GetStanding {}).await?;
    let placements = mall.platform.clients.tenant.get(&ctx, tenant_api::Get {}).await?.placements;
    let mut by_version = BTreeMap::<u32, u64>::new();
    for (member, id) in &all {
        *by_version.entry(version_of(&placements, *member, *id)?).or_default() += 1;
    }
    let versions = course.steps.len() + 1;
    ensure!(by_version.len() == versions, "orders by version: {by_version:?}");
    ensure!(by_version.values().all(|n| *n >= 100), "orders by version: {by_version:?}");
    let told: Vec<_> = standing.versions.iter().map(|v| v.in_effect).collect();
    ensure!(told.len() == versions && told.iter().rposition(|is| *is) == Some(versions - 1));
    let epoch = u32::try_from(versions)?;
    ensure!(standing.fences.iter().all(|f| f.epoch == epoch), "{:?}", standing.fences);
    if course.drains {
        let homes = placements.versions().last().context("a version")?;
        let mut wanted = BTreeMap::<Place, i64>::new();
        for (member, _) in &all {
            *wanted.entry(homes.cell(member.get())).or_default() += 1;
        }
        let found = cells.iter().filter(|c| c.orders > 0).map(|c| (c.place, c.orders));
        ensure!(found.collect::<BTreeMap<_, _>>() == wanted, "each lies in its member's cell");
        ensure!(load.members.iter().all(|m| placements.homes(m.get()).len() == 1));
    }
    ensure!(standing.orders == u64::try_from(all.len())?);
    ensure!(standing.versions.iter().map(|v| v.orders).sum::<u64>() == standing.orders);
    let (reads, lists) = (load.reads.load(Ordering::SeqCst), load.lists.load(Ordering::SeqCst));
    ensure!(reads >= 100 && lists >= 100, "only {reads} reads and {lists} lists");
    Ok(())
}

/// The version by which an order lies where it lies: the one in effect when its id was minted, or just before,
/// for the id is minted a moment after its place was chosen.
fn version_of(placements: &Placements, member: Id, id: OrderId) -> Result<u32> {
    let at: Timestamp = id.0.made_at();
    let all = || placements.versions().iter().rev();
    let in_effect = |t: Timestamp| all().find(move |v| v.effective_from <= t);
    let mut versions = [at, at.minus(SKEW_MAX)].into_iter().filter_map(in_effect);
    let version = versions.find(|v| v.cell(member.get()) == id.place());
    let homes = || format!("order {id} lies at {}, not at {member}'s home", id.place());
    Ok(version.with_context(homes)?.version)
}

/// The databases are doubled in place, and then all are others: nobody stays.
const TWICE: &[(&str, (u64, u64))] = &[("8,8,4,0", (1, 2)), ("8,8,12,0", (0, 1))];

#[tokio::test(flavor = "multi_thread")]
async fn sh_05_a_tenant_grows_under_load_and_every_order_is_found_at_every_instant() -> Result<()> {
    under_load(Course { steps: TWICE, drains: false }, |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_07_orders_move_under_load_and_every_order_is_found_at_every_instant() -> Result<()> {
    under_load(Course { steps: &TWICE[..1], drains: true }, |_| {}).await
}
