//! The load of a growing tenant: orders that come in whether or not those before are answered, each read
//! again at once through another process, and old ones and lists with it. How much of it there is comes from
//! what was measured just before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cart_api::GetContent;
use kit::{Clock as _, Id, Limit, Money, Secret, SystemClock, Timestamp};
use order_api::{Act, Get, List};
use payment_api::{Card, Pay, PaymentState};
use rpc::{Actor, Ctx};
use stoa::platform::Clients;
use tokio::task::JoinSet;
use types::{MemberId, OrderId};

use crate::cells::Mall;
use crate::common::GOOD_CARD;

/// So many order at the same time while it is measured how many can.
const CLIENTS: usize = 16;
/// The first moments do not count: caches are cold, statements unknown.
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(4);
/// Orders that are on their way at most; what is more waits, and its wait counts.
const AT_ONCE_MAX: usize = 64;
/// How often it is looked whether something has come true.
const REST: Duration = Duration::from_millis(20);
/// The longest the whole load may go on.
const LOAD_WITHIN: Duration = Duration::from_secs(480);
/// Every so many orders one is paid, and a member cancels his oldest one that is not.
const PAY_EVERY: usize = 5;
const CANCEL_EVERY: usize = 3;

/// The acknowledged orders by member, and all of them in the order in which they were acknowledged.
#[derive(Default, Clone)]
pub struct Book {
    pub by_member: BTreeMap<i64, BTreeSet<OrderId>>,
    pub all: Vec<(Id, OrderId)>,
    pub cancelled: BTreeSet<OrderId>,
    pub paid: BTreeSet<OrderId>,
    /// How long each took from the moment it was due, by the stage in which it was due.
    took: Vec<(usize, Duration)>,
}

/// What a small machine does is no figure of a large one: each run measures its own.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    orders: u32,
}

impl Capacity {
    /// Half of the orders of a time.
    pub fn half_of(self, time: Duration) -> usize {
        let orders = u128::from(self.orders) * time.as_millis() / (2 * MEASURED.as_millis());
        usize::try_from(orders).unwrap_or(usize::MAX)
    }

    fn half_comes_every(self) -> Duration {
        2 * MEASURED / self.orders
    }

    fn rate(self) -> Rate {
        Rate::of(self.orders, MEASURED)
    }
}

/// Orders a second, in tenths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rate(u128);

impl Rate {
    fn of(orders: u32, time: Duration) -> Self {
        Self(u128::from(orders) * 10_000 / time.as_millis().max(1))
    }

    const fn part(self, of: u128) -> Self {
        Self(self.0 / of)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// What was offered, and what came of it.
#[derive(Debug)]
pub struct Offered {
    capacity: Capacity,
    time: Duration,
    orders: u32,
    stages: Vec<Stage>,
}

/// A part of the course of things.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    time: Duration,
    /// Ascending.
    took: Vec<Duration>,
}

impl Stage {
    fn told(&self) -> String {
        let last = self.took.len().saturating_sub(1);
        let of = |hundredths: usize| {
            let took = self.took.get(last * hundredths / 100);
            took.copied().unwrap_or_default().as_millis()
        };
        let (orders, time) = (self.took.len(), self.time.as_secs_f64());
        let (p50, p99, max) = (of(50), of(99), of(100));
        format!(
            "  {:<20} {time:>5.1} s, {orders:>4} orders, p50 {p50} ms, p99 {p99} ms, max {max} ms\n",
            self.name
        )
    }
}

impl Offered {
    /// For whoever reads the test's output.
    pub fn note(&self, engine: &str) {
        let stages: String = self.stages.iter().map(Stage::told).collect();
        e2e::note(&format!(
            "{engine}: capacity {} orders/s, offered {}, achieved {} over {:.1} s\n{stages}",
            self.capacity.rate(),
            self.capacity.rate().part(2),
            self.achieved(),
            self.time.as_secs_f64(),
        ));
    }

    fn achieved(&self) -> Rate {
        Rate::of(self.orders, self.time)
    }

    /// The load was the one that was meant. A machine that does other things as well may be slower now than
    /// when it was measured, but not by this much.
    pub fn was_kept_up(&self) -> Result<()> {
        let wanted = self.capacity.rate().part(4);
        ensure!(self.achieved() >= wanted, "the load was not kept up: {self:?}");
        Ok(())
    }
}

pub struct Load {
    pub mall: Mall,
    total: Money,
    pub members: Vec<Id>,
    /// Who orders nothing right now; those who have waited longest first.
    idle: Mutex<VecDeque<Id>>,
    book: Mutex<Book>,
    over: AtomicBool,
    /// What has begun, and when.
    stages: Mutex<Vec<(&'static str, Instant)>>,
    pub reads: AtomicUsize,
    pub lists: AtomicUsize,
    pub deadline: Timestamp,
}

impl Load {
    pub async fn new(mall: Mall, members: Vec<Id>) -> Result<Self> {
        ensure!(members.len() > AT_ONCE_MAX + CLIENTS, "a member orders one thing at a time");
        Ok(Self {
            total: mall.total().await?,
            mall,
            idle: Mutex::new(members.iter().copied().collect()),
            members,
            book: Mutex::default(),
            over: AtomicBool::new(false),
            stages: Mutex::default(),
            reads: AtomicUsize::new(0),
            lists: AtomicUsize::new(0),
            deadline: SystemClock.now().plus(LOAD_WITHIN),
        })
    }

    pub fn book<T>(&self, f: impl FnOnce(&mut Book) -> T) -> T {
        f(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn idle<T>(&self, f: impl FnOnce(&mut VecDeque<Id>) -> T) -> T {
        f(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// From here on it is another stage.
    pub fn stage(&self, name: &'static str) {
        self.stages(|stages| stages.push((name, Instant::now())));
    }

    fn stages<T>(&self, f: impl FnOnce(&mut Vec<(&'static str, Instant)>) -> T) -> T {
        f(&mut self.stages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stages until now, with what was due in each.
    fn told(&self) -> Vec<Stage> {
        let took = self.book(|b| b.took.clone());
        let began = self.stages(|stages| stages.clone());
        let ends = began.iter().skip(1).map(|(_, began)| *began).chain([Instant::now()]);
        let stages = began.iter().zip(ends).enumerate().map(|(n, ((name, began), end))| {
            let own = took.iter().filter(|(stage, _)| *stage == n + 1);
            let mut took: Vec<Duration> = own.map(|(_, took)| *took).collect();
            took.sort_unstable();
            Stage { name, time: end.duration_since(*began), took }
        });
        stages.collect()
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub fn orders(&self) -> usize {
        self.book(|b| b.all.len())
    }

    pub fn buyer(&self, member: Id) -> Result<Ctx> {
        Ok(Ctx { actor: Actor::user(member.get()), ..self.mall.system()? })
    }

    /// The processes' handles.
    pub fn processes(&self) -> Vec<&Clients> {
        [&self.mall.platform].into_iter().chain(&self.mall.others).map(|p| &p.clients).collect()
    }

    /// The process of the `n`th request, and another one where there is one.
    fn two(&self, n: usize) -> (&Clients, &Clients) {
        let all = self.processes();
        (all[n % all.len()], all[(n + 1) % all.len()])
    }

    /// Waits until a condition holds while the load goes on.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        while !holds(self) {
            ensure!(!self.is_over(), "the load ended before {what}");
            ensure!(SystemClock.now() < self.deadline, "{what} does not happen");
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// One order, from the moment it is due. It counts once it was acknowledged, and is found from then on.
    async fn unit(self: Arc<Self>, n: usize, due: Instant) -> Result<()> {
        let member = self.idle(VecDeque::pop_front).context("everybody orders already")?;
        let (here, there) = self.two(n);
        let stage = self.stages(|stages| stages.len());
        self.until_cart_is_empty(here, member).await?;
        let id = self.mall.order_at(here, member, self.total).await.context("an order failed")?;
        self.book(|b| {
            b.by_member.entry(member.get()).or_default().insert(id);
            b.all.push((member, id));
            b.took.push((stage, due.elapsed()));
        });
        self.found(there, member, id).await?;
        if n.is_multiple_of(PAY_EVERY) {
            self.pay(there, member, id).await.context("a payment failed")?;
        } else if n.is_multiple_of(CANCEL_EVERY) {
            self.cancel_oldest(there, member).await.context("a cancellation failed")?;
        }
        let random = usize::try_from(kit::id::mix64(u64::try_from(n)?) >> 1)?;
        let old = self.book(|b| b.all.get(random % b.all.len()).copied());
        let (whose, old) = old.context("there is an order by now")?;
        self.found(here, whose, old).await?;
        self.list(there, self.members[random % self.members.len()]).await?;
        self.idle(|idle| idle.push_back(member));
        Ok(())
    }

    /// The order before has to leave the cart first: its message may be on its way still.
    async fn until_cart_is_empty(&self, here: &Clients, member: Id) -> Result<()> {
        let (system, member_id) = (self.mall.system()?, MemberId(member));
        loop {
            let content = here.cart.get_content(&system, GetContent { member_id }).await?;
            if content.lines.is_empty() {
                return Ok(());
            }
            ensure!(SystemClock.now() < self.deadline, "what was ordered stays in the cart");
            tokio::time::sleep(REST).await;
        }
    }

    pub async fn found(&self, here: &Clients, member: Id, id: OrderId) -> Result<String> {
        let found = here.order.get(&self.buyer(member)?, Get { order_id: id }).await;
        let found = found.with_context(|| format!("order {id} of {member} is not found"))?;
        ensure!(found.id == id && found.member_id.get() == member.get());
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(found.status)
    }

    async fn pay(&self, here: &Clients, member: Id, order_id: OrderId) -> Result<()> {
        let secret = |text: &str| Secret::new(text.to_owned());
        let card = Card { number: secret(GOOD_CARD), expiry: "12/30".into(), cvc: secret("123") };
        let paid = here.payment.pay(&self.buyer(member)?, Pay { order_id, card }).await?;
        ensure!(paid.state == PaymentState::Captured, "{paid:?}");
        self.book(|b| b.paid.insert(order_id));
        Ok(())
    }

    /// An old order is moved along its flow, wherever it lies by now.
    async fn cancel_oldest(&self, here: &Clients, member: Id) -> Result<()> {
        let oldest = self.book(|b| {
            let own = b.by_member.get(&member.get())?;
            let is_open = |id: &&OrderId| !b.cancelled.contains(id) && !b.paid.contains(id);
            own.iter().find(is_open).copied()
        });
        let Some(order_id) = oldest else { return Ok(()) };
        let act = Act {
            order_id,
            operation: "cancel".to_owned(),
            request_id: "cancel".to_owned(),
            note: String::new(),
            expected_version: None,
        };
        let cancelled = here.order.act(&self.buyer(member)?, act).await?;
        ensure!(cancelled.status == "CANCELLED", "cancelling led to {}", cancelled.status);
        self.book(|b| b.cancelled.insert(order_id));
        Ok(())
    }

    /// What was acknowledged before a list was asked for is in it, once.
    pub async fn list(&self, here: &Clients, member: Id) -> Result<()> {
        let known = self.book(|b| b.by_member.get(&member.get()).cloned().unwrap_or_default());
        let listed = listed(here, &self.buyer(member)?).await.context("a list failed")?;
        let set: BTreeSet<OrderId> = listed.iter().copied().collect();
        ensure!(set.len() == listed.len(), "the list of {member} has an order twice: {listed:?}");
        ensure!(listed.is_sorted_by(|a, b| a > b), "the list of {member} is not newest first");
        let missing: Vec<_> = known.difference(&set).collect();
        ensure!(missing.is_empty(), "the list of {member} misses {missing:?}");
        self.lists.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn listed(here: &Clients, buyer: &Ctx) -> Result<Vec<OrderId>> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let list = List { member_id: None, status: None, cursor, limit: Limit::new(10)? };
        let page = here.order.list(buyer, list).await?;
        ids.extend(page.items.into_iter().map(|o| o.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

/// How many orders there are in [`MEASURED`] when everybody orders again as soon as he is answered.
pub async fn capacity(load: &Arc<Load>) -> Result<Capacity> {
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut clients = JoinSet::<Result<()>>::new();
    for _ in 0..CLIENTS {
        let (load, next) = (Arc::clone(load), Arc::clone(&next));
        clients.spawn(async move {
            while began.elapsed() < WARM_UP + MEASURED {
                let n = next.fetch_add(1, Ordering::SeqCst);
                Arc::clone(&load).unit(n, Instant::now()).await?;
            }
            Ok(())
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let before = load.orders();
    tokio::time::sleep(MEASURED.saturating_sub(began.elapsed().saturating_sub(WARM_UP))).await;
    let orders = u32::try_from(load.orders() - before)?;
    while let Some(client) = clients.join_next().await {
        client??;
    }
    ensure!(orders > 0, "nobody got an order in {MEASURED:?}");
    Ok(Capacity { orders })
}

/// Orders come at half of the capacity until the load is over. When one is due does not depend on whether
/// those before are answered; how long it took counts from there.
pub async fn offer(load: &Arc<Load>, capacity: Capacity) -> Result<Offered> {
    let (every, before, began) = (capacity.half_comes_every(), load.orders(), Instant::now());
    let mut under_way = JoinSet::new();
    let mut due = began;
    for n in before.. {
        if load.is_over() {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        while let Some(answered) = under_way.try_join_next() {
            answered??;
        }
        if under_way.len() == AT_ONCE_MAX
            && let Some(answered) = under_way.join_next().await
        {
            answered??;
        }
        under_way.spawn(Arc::clone(load).unit(n, due));
        due += every;
    }
    while let Some(answered) = under_way.join_next().await {
        answered??;
    }
    let orders = u32::try_from(load.orders() - before)?;
    Ok(Offered { capacity, time: began.elapsed(), orders, stages: load.told() })
}
