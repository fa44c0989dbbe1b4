//! Reads of one's own orders, in a store with few orders and in one with very many, in turn and at the same
//! rate: the list of one's orders, and one of them with its lines.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http::{Method, StatusCode};
use kit::id::mix64;
use kit::{Clock as _, Placement, SystemClock};

use crate::args::{Args, Plan};
use crate::databases::Databases;
use crate::drive;
use crate::engine::Engine;
use crate::history::{self, EACH, History};
use crate::load::{self, Load, Window, Work};
use crate::machine;
use crate::own_report::{Report, Side};
use crate::pages::{self, Read};
use crate::part::Part;
use crate::process::Process;
use crate::progress::Progress;
use crate::run;
use crate::sample::OrderSample;
use crate::schedule::Pace;
use crate::seed::{self, Cart};
use crate::shop::{Shop, expect};
use crate::site::Site;
use crate::stats::per_second;
use crate::wire::{Answer, Outgoing};

/// Orders in the small store.
const FEW: u64 = 100_000;
const FEW_QUICK: u64 = 5_000;
const MANY_QUICK: u64 = 100_000;
/// Orders on a page of the list.
const LIMIT: u64 = 20;
const CLIENTS: usize = 16;
/// The rate of the compared windows, in thousandths of what the slower store can do.
const RATE_PERMILLE: u64 = 400;
/// Reads whose pages are counted.
const LOOKED_AT: u64 = 200;
/// What one order takes on the disk at most, in bytes: more would be other rows than were meant.
const ORDER_BYTES_MAX: u64 = 1_600;
/// Left free on the disk in any case.
const FREE_BYTES_MIN: u64 = 8_000_000_000;

/// A store that is ready to be read.
struct Ready {
    site: Site,
    databases: Databases,
    placement: Placement,
    readers: Vec<Cart>,
    /// Each reader's orders, from the oldest.
    orders: Vec<Vec<i64>>,
    count: u64,
    bytes: u64,
    took: Duration,
}

/// Measures one engine.
///
/// # Errors
/// When something could not be measured.
pub fn run(args: &Args, engine: Engine, folder: &Path, progress: &Progress) -> Result<Part> {
    if engine == Engine::Mysql {
        bail!("one's own orders are compared on the embedded engine and on PostgreSQL");
    }
    let (plan, made_at, began) = (args.plan(), SystemClock.now(), progress.elapsed());
    let machine = machine::look();
    let stoa = drive::program(args)?;
    let (few, many) = if plan.quick {
        (FEW_QUICK, MANY_QUICK)
    } else {
        (FEW, args.own_orders_stored.unwrap_or(engine.history()))
    };
    enough_disk(folder, many, progress)?;
    let readers = few / EACH;
    let ready = |name: &str, count| {
        make((args, engine), &stoa, &folder.join(name), (count, readers), progress)
    };
    let stores = [ready("few", few)?, ready("many", many)?];
    progress.say("starting both stores");
    let processes = [stores[0].site.start(&stoa)?, stores[1].site.start(&stoa)?];
    let measured = measure(args, &plan, &stores, &processes, progress);
    let mut sides = measured?;
    for process in processes {
        process.stop()?;
    }
    progress.say("counting the pages that reads touch");
    for (side, store) in sides.iter_mut().zip(&stores) {
        let reads: Vec<Read> = (0..LOOKED_AT).map(|n| store.read(n)).collect();
        let at = (args.tenant.as_str(), store.placement);
        side.touched = Some(pages::touched(&store.databases, at, &reads)?);
    }
    let report = Report {
        engine,
        made_at,
        commit: drive::commit(),
        took_s: (progress.elapsed() - began).as_secs(),
        load_after: machine::load_average(),
        command: drive::command(),
        program: drive::program_text(&stoa),
        tenant: args.tenant.clone(),
        placement: stores[0].placement.to_string(),
        cells: stores[0].placement.cells().count(),
        window_s: plan.window.as_secs(),
        rounds: plan.rounds,
        quick: plan.quick,
        readers,
        each: EACH,
        clients: CLIENTS,
        limit: LIMIT,
        sides,
        machine,
    };
    Ok(report.part())
}

/// Whether so many orders have room, with something left.
fn enough_disk(folder: &Path, orders: u64, progress: &Progress) -> Result<()> {
    let free = machine::free_bytes(folder)?;
    let need = orders * ORDER_BYTES_MAX + FREE_BYTES_MIN;
    let gb = |bytes: u64| bytes / 1_000_000_000;
    progress.note(&format!("{} GB are free on the disk, {} GB are needed", gb(free), gb(need)));
    ensure!(free >= need, "{} GB must be free for {orders} orders, {} GB are", gb(need), gb(free));
    Ok(())
}

/// Makes a store: samples through the API, readers and orders written while the server is stopped.
fn make(
    (args, engine): (&Args, Engine),
    stoa: &Path,
    data: &Path,
    (count, readers): (u64, u64),
    progress: &Progress,
) -> Result<Ready> {
    let tenant = args.tenant.as_str();
    let site = Site::new(engine, data.to_owned())?;
    let samples = run::make_samples(&site, stoa, tenant, progress)?;
    let databases = site.databases()?;
    let pairs = seed::in_stock(&databases, tenant, samples.pairs.clone())?;
    let placement = seed::placement(&databases, tenant)?;
    let sample = OrderSample::read(&databases, &samples.placed())?;
    let original = samples.original();
    let readers = seed::members(&databases, placement, &original, &pairs, readers, progress)?;
    let bytes_before = databases.bytes()?;
    let (now, began) = (SystemClock.now(), Instant::now());
    let history =
        History { sample: &sample, placement, readers: &readers, pairs: &pairs, now, count };
    history::write(&databases, &history, progress)?;
    if engine.is_server() {
        progress.say("bringing the server's statistics up to date");
        let mut names: Vec<String> = placement.cells().map(crate::sample::order_database).collect();
        names.dedup();
        let Databases::Server(server) = &databases else { bail!("no server") };
        names.iter().try_for_each(|name| server.tidy(name))?;
    }
    let took = began.elapsed();
    let orders = (0..readers.len()).map(|reader| {
        let of = |k| history.order_of_reader(reader, k).context("no id for an order");
        (0..EACH).map(of).collect()
    });
    let orders = orders.collect::<Result<_>>()?;
    let bytes = databases.bytes()?.saturating_sub(bytes_before);
    progress.note(&format!(
        "{count} orders were written in {} s ({} a second), {} bytes each",
        took.as_secs(),
        per_second(count, took),
        bytes / count
    ));
    Ok(Ready { site, databases, placement, readers, orders, count, bytes, took })
}

impl Ready {
    /// The `n`th read: any reader, any of his orders.
    fn pick(&self, n: u64) -> Option<(usize, i64)> {
        let random = mix64(n);
        let reader = usize::try_from(random >> 16).ok()?.checked_rem(self.readers.len())?;
        let orders = self.orders.get(reader)?;
        let order =
            orders.get(usize::try_from(random & 0xffff).ok()?.checked_rem(orders.len())?)?;
        Some((reader, *order))
    }

    fn read(&self, n: u64) -> Read {
        let (reader, order_id) = self.pick(n).unwrap_or((0, 0));
        Read { member_id: self.readers[reader].member_id, order_id }
    }
}

/// The requests: every other one is a list.
struct Own<'a> {
    shop: &'a Shop,
    store: &'a Ready,
    /// Windows do not ask the same in the same sequence.
    salt: u64,
}

impl Own<'_> {
    fn number(&self, n: u64) -> u64 {
        self.salt * 1_000_000_000 + n
    }
}

impl Work for Own<'_> {
    fn request(&self, n: u64) -> Option<Outgoing> {
        let (reader, order) = self.store.pick(self.number(n))?;
        let path = if n.is_multiple_of(2) {
            format!("/v1/store/orders?limit={LIMIT}")
        } else {
            format!("/v1/store/orders/{order}")
        };
        let bearer = Some(&self.store.readers[reader].bearer);
        self.shop.request(Method::GET, &path, bearer, None).ok()
    }

    fn check(&self, _n: u64, answer: &Answer) -> Result<()> {
        expect(answer, &[StatusCode::OK])
    }
}

fn measure(
    args: &Args,
    plan: &Plan,
    stores: &[Ready; 2],
    processes: &[Process; 2],
    progress: &Progress,
) -> Result<Vec<Side>> {
    let shops = [Shop::new(&processes[0], &args.tenant)?, Shop::new(&processes[1], &args.tenant)?];
    let mut salt = 0;
    let mut window = |side: usize, pace: Pace, window: Duration| -> Result<Window> {
        salt += 1;
        let work = Own { shop: &shops[side], store: &stores[side], salt };
        let address = processes[side].address;
        load::run(&Load { address, work: &work, clients: CLIENTS, pace, window, limit: u64::MAX })
    };
    let mut sides: Vec<Side> = stores.iter().map(Side::of).collect();
    for (n, side) in sides.iter_mut().enumerate() {
        progress.say(format!("reads of one's own orders: {} orders, warming up", side.orders));
        whole_pages(&shops[n], &stores[n])?;
        side.see(&window(n, Pace::Saturate, plan.window)?);
        let capacity = window(n, Pace::Saturate, plan.window)?;
        side.see(&capacity);
        side.capacity = capacity.per_second();
    }
    let slower = sides.iter().map(|s| s.capacity).min().unwrap_or(0);
    let rate = (slower * RATE_PERMILLE / 1_000).max(1);
    for round in 1..=plan.rounds {
        for turn in 0..2 {
            let n = (round + turn) % 2;
            progress.say(format!(
                "reads of one's own orders: round {round} of {}, {} orders",
                plan.rounds, sides[n].orders
            ));
            let seen = window(n, Pace::PerSecond(rate), plan.window)?;
            sides[n].see(&seen);
            sides[n].rate = rate;
            sides[n].latencies.push(seen.latency);
        }
    }
    Ok(sides)
}

impl Side {
    fn of(store: &Ready) -> Self {
        Self {
            orders: store.count,
            bytes: store.bytes,
            took_s: store.took.as_secs(),
            ..Self::default()
        }
    }
}

/// A reader sees as many of his orders as there are on a page: both stores do the same work.
fn whole_pages(shop: &Shop, store: &Ready) -> Result<()> {
    let path = format!("/v1/store/orders?limit={LIMIT}");
    for n in 0..20 {
        let Some((reader, _)) = store.pick(n) else { continue };
        let bearer = Some(&store.readers[reader].bearer);
        let answer =
            crate::wire::call(shop.address, shop.request(Method::GET, &path, bearer, None)?)?;
        expect(&answer, &[StatusCode::OK])?;
        let page: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let seen = page["items"].as_array().map_or(0, Vec::len) as u64;
        ensure!(seen == LIMIT, "a reader sees {seen} orders on a page of {LIMIT}");
    }
    Ok(())
}
