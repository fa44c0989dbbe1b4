//! Orders on a database server: the program and raw sqlx take turns on the same server. What an order
//! costs there, and so how many machines a day of orders needs, comes from the same windows.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kit::{Clock as _, SystemClock};

use crate::args::{Args, Plan};
use crate::bulk::{self, Stored};
use crate::capacity::Cost;
use crate::databases::{Databases, Server, ServerRaw};
use crate::drive;
use crate::engine::Engine;
use crate::load::{self, Load};
use crate::machine;
use crate::on_server_report::{Level, Report};
use crate::orders::{LEVELS, LOWER_ROUNDS, OPEN_LOOP_PERMILLE, Placed, Store, rates, typical};
use crate::page::Kept;
use crate::part::Part;
use crate::process::Process;
use crate::progress::Progress;
use crate::raw::Source;
use crate::reads::Reads;
use crate::run::{self, Samples};
use crate::sample::{self, OrderSample};
use crate::schedule::Pace;
use crate::seed;
use crate::shop::{Product, Shop};
use crate::site::{CONNECTIONS, Site};
use crate::stats::median;

/// Completed orders that are stored before, to know what one keeps on the disk.
const STORED: u64 = 50_000;
const STORED_QUICK: u64 = 2_000;
const READERS: usize = 32;
/// Windows at the highest level before anything is measured.
pub const WARM_UP_WINDOWS: usize = 4;
/// A program that finds orders it has never seen puts them into the search at once, which is no part of placing.
const INDEXED_WITHIN: Duration = Duration::from_secs(180);

/// What was measured on the server.
struct Figures {
    levels: Vec<Level>,
    read_cpu_us: u64,
    filled_per_second: u64,
    kept: Kept,
    connections: u64,
    rss_anon_kb: u64,
}

/// Measures one engine.
///
/// # Errors
/// When something could not be measured.
pub fn run(args: &Args, engine: Engine, folder: &Path, progress: &Progress) -> Result<Part> {
    let (plan, made_at, began) = (args.plan(), SystemClock.now(), progress.elapsed());
    let machine = machine::look();
    let stoa = drive::program(args)?;
    progress.say(format!("starting {}", engine.title()));
    let site = Site::new(engine, folder.join(engine.word()))?;
    let samples = run::make_samples(&site, &stoa, &args.tenant, progress)?;
    let databases = site.databases()?;
    let Databases::Server(server) = &databases else { bail!("{} is no server", engine.title()) };
    let Samples { products, pairs, .. } = &samples;
    let pairs = seed::in_stock(&databases, &args.tenant, pairs.clone())?;
    let placement = seed::placement(&databases, &args.tenant)?;
    let sample = OrderSample::read(&databases, &samples.placed())?;
    let original = samples.original();
    let carts = seed::members(&databases, placement, &original, &pairs, plan.members, progress)?;
    seed::stock(&databases, &args.tenant)?;
    let stored = if plan.quick { STORED_QUICK } else { STORED };
    let bytes_before = databases.bytes()?;
    let now = SystemClock.now();
    let history =
        Stored { sample: &sample, placement, buyers: &carts, pairs: &pairs, now, count: stored };
    bulk::write(&databases, &history, progress)?;
    let kept_bytes = databases.bytes()?.saturating_sub(bytes_before) / stored;
    progress.say("making the raw writers' tables");
    let tenant = args.tenant.as_str();
    let source =
        Source { databases: &databases, tenant, placement, sample: &sample, pairs: &pairs };
    let mut raw = ServerRaw::create(server, &source, CONNECTIONS)?;
    let orders_before = sample::count_orders(&databases, placement, tenant)?;
    progress.say(format!("starting the store on {}", engine.title()));
    let process = start(&site, &stoa, progress)?;
    let shop = Shop::new(&process, tenant)?;
    let store = Store::new(&process, &shop, &pairs, carts.clone()).on(server);
    let mut sides = Sides { store, raw: &mut raw, server, engine };
    let measured = measure(&mut sides, &shop, products, &plan, progress);
    let placed = sides.store.placed;
    drop(sides);
    let mut figures = measured?;
    progress.say("stopping the store");
    process.stop()?;
    figures.kept = Kept {
        answered: placed + orders_before,
        found: sample::count_orders(&databases, placement, tenant)?,
    };
    let report = Report {
        engine,
        made_at,
        commit: drive::commit(),
        took_s: (progress.elapsed() - began).as_secs(),
        load_after: machine::load_average(),
        command: drive::command(),
        program: drive::program_text(&stoa),
        server: server.describe()?,
        tenant: args.tenant.clone(),
        placement: placement.to_string(),
        window_s: plan.window.as_secs(),
        rounds: plan.rounds,
        quick: plan.quick,
        members: plan.members,
        connections: (CONNECTIONS as u64, figures.connections),
        rows_per_order: sample.counts(),
        cost: cost(engine, &figures, (kept_bytes, sample.stock_permille()), machine.cores),
        filled_per_second: figures.filled_per_second,
        rss_anon_kb: figures.rss_anon_kb,
        kept: figures.kept,
        levels: figures.levels,
        machine,
    };
    Ok(report.part())
}

/// The program, once it has put the stored orders into the search.
fn start(site: &Site, stoa: &Path, progress: &Progress) -> Result<Process> {
    let process = site.start(stoa)?;
    progress.say("waiting until the stored orders are in the search");
    let took = machine::wait_until_idle(process.pid(), INDEXED_WITHIN)?;
    progress.note(&format!("it took {} s", took.as_secs()));
    Ok(process)
}

struct Sides<'a, 'b> {
    store: Store<'a>,
    raw: &'b mut ServerRaw,
    server: &'b Server,
    engine: Engine,
}

fn measure(
    sides: &mut Sides<'_, '_>,
    shop: &Shop,
    products: &[Product],
    plan: &Plan,
    progress: &Progress,
) -> Result<Figures> {
    let title = sides.engine.title();
    progress.say(format!("{title}: warming up"));
    // each connection plans each statement of each logical database once
    for _ in 0..WARM_UP_WINDOWS {
        sides.store.window(LEVELS[LEVELS.len() - 1], Pace::Saturate, plan.window)?;
    }
    sides.raw.run(CONNECTIONS, plan.window)?;
    let (mut levels, mut connections) = (Vec::new(), 0);
    for clients in LEVELS {
        let rounds = if clients == LEVELS[LEVELS.len() - 1] {
            plan.rounds
        } else {
            plan.rounds.min(LOWER_ROUNDS)
        };
        let (mut stoa, mut raw) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            let say = |what: &str| {
                progress
                    .say(format!("{title}, {clients} clients: round {round} of {rounds}, {what}"));
            };
            for turn in 0..2 {
                if (round + turn) % 2 == 1 {
                    say("orders");
                    stoa.push(sides.store.window(clients, Pace::Saturate, plan.window)?);
                } else {
                    say("raw");
                    raw.push(sides.raw.run(clients.min(CONNECTIONS), plan.window)?);
                }
            }
            connections = connections.max(sides.server.used()?.connections);
        }
        progress.say(format!("{title}, {clients} clients: open loop"));
        let rate = (median(&rates(&stoa)) * OPEN_LOOP_PERMILLE / 1_000).max(1);
        let open_loop = sides.store.window(clients, Pace::PerSecond(rate), plan.window)?;
        levels.push(Level { clients, stoa, raw, open_loop, open_loop_per_second: rate });
    }
    progress.say(format!("{title}: product reads"));
    let read_cpu_us = product_reads(sides.store.process(), shop, products, plan.window)?;
    let rss_anon_kb = machine::rss_anon_kb(sides.store.process().pid())?;
    let filled_per_second = sides.store.filled_per_second();
    let kept = Kept { answered: 0, found: 0 };
    Ok(Figures { levels, read_cpu_us, filled_per_second, kept, connections, rss_anon_kb })
}

/// CPU of the program per product read.
pub fn product_reads(
    process: &Process,
    shop: &Shop,
    products: &[Product],
    window: Duration,
) -> Result<u64> {
    let reads = Reads::new(shop, products)?;
    let before = machine::cpu_ms(process.pid())?;
    let (address, pace) = (process.address, Pace::Saturate);
    let load = Load { address, work: &reads, clients: READERS, pace, window, limit: u64::MAX };
    let seen = load::run(&load)?;
    if let Some(why) = seen.first_failure {
        bail!("a product read failed: {why}");
    }
    let spent_us = (machine::cpu_ms(process.pid())? - before) * 1_000;
    spent_us.checked_div(seen.good).context("no product was read")
}

fn cost(
    engine: Engine,
    figures: &Figures,
    (kept_bytes, stock_permille): (u64, u64),
    cores: usize,
) -> Cost {
    let most = figures.levels.last().map_or(&[][..], |l| &l.stoa);
    let of = |f: fn(&Placed) -> u64| typical(most).map_or(0, f);
    Cost {
        engine,
        stoa_cpu_us: of(|w| w.cpu_us),
        database_cpu_us: of(|w| w.database_cpu_us),
        read_cpu_us: figures.read_cpu_us,
        kept_bytes,
        log_bytes: of(|w| w.log_bytes),
        stock_permille,
        reached: (median(&rates(most)), cores as u64),
    }
}
