//! A tenant grows while its members go on shopping. In process, as `cells` is: many members are needed, and on
//! database servers two processes' platforms, each with a map of its own. The load goes through the services'
//! handles, which everything else goes through too.

mod load;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::until;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kit::id::EPOCH_MS;
use kit::{Clock as _, Id, Place, Placement, PlacementState, Placements, SystemClock, Timestamp};
use order_api::{Cells, Drain, Stage};
use payment_api::ForOrder;
use rpc::ServiceError as _;
use stoa::growth::{
    Begin, BeginDrain, DrainSome, EndDrain, GetStanding, Growth as _, Local, PlanFor,
};
use tenant_api::Settle;
use tenant_api::growth::{SKEW_MAX, lead};
use types::OrderId;

use self::load::{Capacity, Load, capacity, offer};
use crate::cells::Mall;

/// Members that order, each one thing at a time.
const MEMBERS: usize = 480;
/// Orders of this time, at half of the capacity, lie before, between and after the growths at least.
const PHASE: Duration = Duration::from_secs(3);
/// However slow or fast the machine.
const PHASE_ORDERS: (usize, usize) = (30, 300);
/// Orders that are looked at at the same time in the end.
const LOOKS: usize = 8;
/// A drain that has orders left rests so long until messages about them are delivered.
const REST: Duration = Duration::from_millis(20);

/// What becomes of the tenant under load.
#[derive(Clone, Copy)]
struct Course {
    engine: Option<&'static str>,
    processes: usize,
    /// Each with the share of the members who stay.
    steps: &'static [(&'static str, (u64, u64))],
    drains: bool,
    /// The longest a transaction may take: a version takes effect that much later.
    longest_tx: Duration,
}

/// A tenant that is being grown by one process, and drained by whichever is not dead.
struct Growing<'a> {
    load: &'a Load,
    phase: usize,
    by: Vec<Local>,
}

impl<'a> Growing<'a> {
    fn new(load: &'a Load, capacity: Capacity) -> Self {
        let (least, most) = PHASE_ORDERS;
        let phase = capacity.half_of(PHASE).clamp(least, most);
        let platforms = [&load.mall.platform].into_iter().chain(&load.mall.others);
        Self { load, phase, by: platforms.map(stoa::access::growing).collect() }
    }

    fn first(&self) -> &Local {
        &self.by[0]
    }

    /// Another process than the first, where there is one.
    fn last(&self) -> &Local {
        &self.by[self.by.len() - 1]
    }

    async fn more_orders(&self, what: &str) -> Result<()> {
        let orders = self.load.orders();
        self.load.until(what, |l| l.orders() >= orders + self.phase).await
    }

    /// Grows the tenant step by step; each says what share of the members is to stay.
    async fn grow(&self, steps: &[(&str, (u64, u64))]) -> Result<()> {
        self.load.stage("before");
        self.more_orders("the first orders").await?;
        for (text, stays) in steps {
            let placement: Placement = text.parse().map_err(anyhow::Error::msg)?;
            let ctx = self.load.mall.system()?;
            self.load.stage("cells are made");
            let plan = self.first().plan(&ctx, PlanFor { placement }).await?;
            ensure!((plan.stays.of, plan.stays.all) == *stays, "{}", plan.stays);
            let begun = self.first().begin(&ctx, Begin { placement }).await?;
            let again = self.first().begin(&ctx, Begin { placement }).await?;
            ensure!(again.repeated && again.effective_from == begun.effective_from);
            self.load.stage("until it is known");
            let from = begun.effective_from;
            let is_known = |_: &Load| SystemClock.now() >= from.plus(SKEW_MAX);
            self.load.until("the cutover", is_known).await?;
            self.load.stage("in effect");
            self.more_orders("orders in the new cells").await?;
        }
        Ok(())
    }

    /// Moves all orders to the cells of the newest version. Whoever does it dies at every step of it, and
    /// another goes on: where there are several processes, another one.
    async fn drain(&self) -> Result<()> {
        let mall = &self.load.mall;
        self.load.stage("the drain begins");
        // He dies between closing the old version and raising the fences.
        let close = Settle { version: 1, to: PlacementState::ReadOnly };
        mall.platform.clients.tenant.settle(&mall.system()?, close).await?;
        self.more_orders("orders while the drain has half begun").await?;
        let begun = self.last().begin_drain(&mall.system()?, BeginDrain {}).await?;
        ensure!(begun.older == [1], "{begun:?}");
        self.load.until("that all know", |_| SystemClock.now() >= begun.ready_at).await?;
        self.load.stage("orders move");
        let mut open = begun.cells.clone();
        let mut moved = 0;
        for (cell, stage) in open.iter().zip(STAGES.iter().cycle()) {
            if let Some(stage) = stage {
                self.die_at(*cell, *stage).await?;
            }
        }
        while let Some(cell) = open.first().copied() {
            ensure!(SystemClock.now() < self.load.deadline, "the drain does not end");
            let drained = self.last().drain_some(&mall.system()?, DrainSome { cell }).await?;
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
        self.first().end_drain(&mall.system()?, EndDrain {}).await?;
        let again = self.last().end_drain(&mall.system()?, EndDrain {}).await?;
        ensure!(again.versions[0].state == PlacementState::Retired, "{again:?}");
        self.load.stage("drained");
        self.more_orders("orders after the drain").await
    }

    /// The first process dies at a stage of moving some orders of a cell, and another one completes it. Until
    /// then nobody changes them, so it is done at once, as the command is to be repeated.
    async fn die_at(&self, cell: Place, stage: Stage) -> Result<()> {
        let (mall, drain) = (&self.load.mall, Drain { cell, stop_after: Some(stage) });
        let died = mall.platform.clients.order.drain(&mall.system()?, drain).await;
        let slug = died.err().context("it went on")?.into_fault();
        ensure!(slug.slug() == "drill", "{slug:?}");
        self.last().drain_some(&mall.system()?, DrainSome { cell }).await?;
        Ok(())
    }
}

/// Every stage, and a cell at which nobody dies.
const STAGES: [Option<Stage>; 4] =
    [Some(Stage::Frozen), Some(Stage::Copied), Some(Stage::Verified), None];

/// The whole test.
async fn under_load(course: Course) -> Result<()> {
    let engine = course.engine.map_or_else(e2e::server::engine, str::to_owned);
    let began = Instant::now();
    let mall = Mall::open_on(&engine, course.processes, |options| {
        options.order.unpaid_orders_max = 1_000_000;
        options.shards.statement_timeout = course.longest_tx;
        options.tenant.growth_lead = lead(course.longest_tx);
    })
    .await?;
    let ids = (1..).filter_map(|n| Id::compose(EPOCH_MS + n * 7_919, Place::ZERO, 1, 0));
    let members: Vec<Id> = ids.take(MEMBERS).collect();
    mall.settle(&members).await?;
    e2e::note(&format!(
        "{engine}: {} processes ready after {:?}",
        course.processes,
        began.elapsed()
    ));
    let load = Arc::new(Load::new(mall, members).await?);
    let capacity = capacity(&load).await?;
    let growing = Growing::new(&load, capacity);
    let course_of_things = async {
        let mut grown = growing.grow(course.steps).await;
        if course.drains && grown.is_ok() {
            grown = growing.drain().await;
        }
        load.end();
        grown
    };
    // The first that fails ends the test.
    let (offered, ()) = tokio::try_join!(offer(&load, capacity), course_of_things)?;
    offered.note(&engine);
    every_order_is_found_once(&growing, course).await?;
    offered.was_kept_up()?;
    drop(growing);
    Arc::into_inner(load).context("nobody orders any more")?.mall.stop().await;
    Ok(())
}

/// When all is quiet: everything is where its id says, by the version that was in effect, and nowhere else.
async fn every_order_is_found_once(growing: &Growing<'_>, course: Course) -> Result<()> {
    let load = growing.load;
    let mall = &load.mall;
    // each request has its own time: there are thousands of reads between them
    let book = load.book(|b| b.clone());
    for here in load.processes() {
        every_member_finds_his_orders(load, here, &book).await?;
        let cells = here.order.cells(&mall.system()?, Cells {}).await?;
        let rows: i64 = cells.iter().map(|c| c.orders).sum();
        ensure!(rows == i64::try_from(book.all.len())?, "{rows} rows of {}", book.all.len());
    }
    let all = &book.all;
    let standing = growing.first().standing(&mall.system()?, GetStanding {}).await?;
    let placements =
        mall.platform.clients.tenant.get(&mall.system()?, tenant_api::Get {}).await?.placements;
    let mut by_version = BTreeMap::<u32, usize>::new();
    for (member, id) in all {
        *by_version.entry(version_of(&placements, *member, *id)?).or_default() += 1;
    }
    let versions = course.steps.len() + 1;
    ensure!(by_version.len() == versions, "orders by version: {by_version:?}");
    let fewest = by_version.values().min().copied().unwrap_or_default();
    ensure!(fewest >= growing.phase / 2, "orders by version: {by_version:?}");
    let told: Vec<_> = standing.versions.iter().map(|v| v.in_effect).collect();
    ensure!(told.len() == versions && told.iter().rposition(|is| *is) == Some(versions - 1));
    let epoch = u32::try_from(versions)?;
    ensure!(standing.fences.iter().all(|f| f.epoch == epoch), "{:?}", standing.fences);
    if course.drains {
        let homes = placements.versions().last().context("a version")?;
        let mut wanted = BTreeMap::<Place, i64>::new();
        for (member, _) in all {
            *wanted.entry(homes.cell(member.get())).or_default() += 1;
        }
        let cells = mall.platform.clients.order.cells(&mall.system()?, Cells {}).await?;
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

/// Through one process: every order as it was left, every list, and the money of those that were paid.
async fn every_member_finds_his_orders(
    load: &Load,
    here: &stoa::platform::Clients,
    book: &load::Book,
) -> Result<()> {
    let lists = load.members.iter().map(|member| load.list(here, *member));
    stream::iter(lists).buffer_unordered(LOOKS).try_collect::<Vec<()>>().await?;
    let orders = book.all.iter().map(|(member, id)| async move {
        let (paid, cancelled) = (book.paid.contains(id), book.cancelled.contains(id));
        if paid {
            // The order hears of its money by a message.
            let what = format!("order {id} is paid");
            until(&what, || async {
                Ok((load.found(here, *member, *id).await? == "PAID").then_some(()))
            })
            .await?;
            let money = ForOrder { order_id: *id };
            let money = here.payment.for_order(&load.buyer(*member)?, money).await?;
            ensure!(money.payments.len() == 1 && money.balance.amount() > 0, "{money:?}");
            return Ok(());
        }
        let status = load.found(here, *member, *id).await?;
        ensure!((status == "CANCELLED") == cancelled, "order {id} is {status}");
        Ok(())
    });
    stream::iter(orders).buffer_unordered(LOOKS).try_collect::<Vec<()>>().await?;
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

/// On the engine that the run is about.
const HERE: Course = Course {
    engine: None,
    processes: 1,
    steps: TWICE,
    drains: false,
    longest_tx: Duration::from_secs(5),
};

#[tokio::test(flavor = "multi_thread")]
async fn sh_05_a_tenant_grows_under_load_and_every_order_is_found_at_every_instant() -> Result<()> {
    under_load(HERE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_07_orders_move_under_load_and_every_order_is_found_at_every_instant() -> Result<()> {
    under_load(Course { steps: &TWICE[..1], drains: true, ..HERE }).await
}

/// Both at once: a server takes its time to start. With the program's own limits: making cells slows it down.
const ON_SERVER: Course = Course {
    processes: 2,
    steps: &[TWICE[0]],
    drains: true,
    longest_tx: Duration::from_secs(10),
    ..HERE
};

#[tokio::test(flavor = "multi_thread")]
async fn sh_05_sh_07_on_postgres_a_tenant_grows_and_its_orders_move_under_load() -> Result<()> {
    match servers::installed() {
        [Ok(_), _] => under_load(Course { engine: Some("postgres"), ..ON_SERVER }).await,
        [Err(e), _] => {
            e2e::note(&format!("SKIPPED: {e}"));
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sh_05_sh_07_on_mysql_a_tenant_grows_and_its_orders_move_under_load() -> Result<()> {
    match servers::installed() {
        [_, Ok(_)] => under_load(Course { engine: Some("mysql"), ..ON_SERVER }).await,
        [_, Err(e)] => {
            e2e::note(&format!("SKIPPED: {e}"));
            Ok(())
        }
    }
}
