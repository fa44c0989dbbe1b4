//! Both scenarios on the embedded engine, from the stores to the figures: makes the two stores, starts the
//! servers, measures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use kit::{Clock as _, Placement, SystemClock, Timestamp};

use crate::args::{Args, Plan};
use crate::bare::Fixed;
use crate::bulk::{self, Stored};
use crate::capacity::Cost;
use crate::databases::Databases;
use crate::drive;
use crate::engine::Engine;
use crate::machine::{self, Machine};
use crate::orders::{self, Store};
use crate::page::Kept;
use crate::part::Part;
use crate::process::Process;
use crate::progress::Progress;
use crate::raw::{Raw, Source};
use crate::reads::{self, Reads, Side, Sides};
use crate::report::{Report, Sizes};
use crate::sample::{self, OrderSample, Placed};
use crate::seed::{self, Cart, Original};
use crate::shop::{Pair, Product, Shop, Shopper};
use crate::site::Site;
use crate::stats::median;

const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// Everything that stands before the first window.
struct Stage {
    tenant: String,
    folder: PathBuf,
    products: Vec<Product>,
    pairs: Vec<Pair>,
    placement: Placement,
    carts: Vec<Cart>,
    rows_per_order: String,
    /// In both stores before anything was stored: the sample.
    orders_before: u64,
    /// What a stored order takes on the disk.
    kept_bytes: u64,
    stock_permille: u64,
    raw: Raw,
}

impl Stage {
    fn small(&self) -> PathBuf {
        self.folder.join("small")
    }

    fn large(&self) -> PathBuf {
        self.folder.join("large")
    }
}

/// What the samples were made from, on a server that has stopped since.
pub struct Samples {
    /// Products that are read.
    pub products: Vec<Product>,
    /// What is bought.
    pub pairs: Vec<Pair>,
    /// Who has ordered: the order's id, and when it began.
    buyer: (Shopper, i64, Timestamp),
    /// Who has filled a cart: the checkout's id, and when it began.
    filled: (Shopper, i64, Timestamp),
}

impl Samples {
    /// The order.
    #[must_use]
    pub fn placed(&self) -> Placed<'_> {
        let (shopper, order_id, since) = &self.buyer;
        Placed {
            order_id: *order_id,
            member_id: shopper.member_id,
            pair: &self.pairs[0],
            since: *since,
        }
    }

    /// The filled cart.
    #[must_use]
    pub fn original(&self) -> Original<'_> {
        let (shopper, checkout_id, since) = &self.filled;
        Original { shopper, checkout_id: *checkout_id, pair: &self.pairs[0], since: *since }
    }
}

/// Runs everything.
///
/// # Errors
/// When something could not be measured.
pub fn run(args: &Args, folder: &Path, progress: &Progress) -> Result<Part> {
    let (plan, made_at) = (args.plan(), SystemClock.now());
    let machine = machine::look();
    let stoa = drive::program(args)?;
    Ok(measure(args, &plan, made_at, machine, &stoa, folder, progress)?.part())
}

fn measure(
    args: &Args,
    plan: &Plan,
    made_at: Timestamp,
    machine: Machine,
    stoa: &Path,
    folder: &Path,
    progress: &Progress,
) -> Result<Report> {
    let began = progress.elapsed();
    progress.say("the disk's fdatasync rate");
    let disk = || machine::fdatasyncs(folder, plan.window.min(Duration::from_secs(2)));
    let disk_before = disk()?;
    let mut stage = prepare(args, plan, stoa, folder, progress)?;
    progress.say("starting both stores and the bare server");
    let small = Process::stoa(stoa, &stage.small(), None)?;
    let large = Process::stoa(stoa, &stage.large(), None)?;
    let bare = start_bare(&stage)?;
    let shops = [Shop::new(&small, &stage.tenant)?, Shop::new(&large, &stage.tenant)?];
    let side = |process, shop| -> Result<Side<'_>> {
        Ok(Side { process, reads: Reads::new(shop, &stage.products)? })
    };
    let sides = Sides {
        bare: side(&bare, &shops[0])?,
        small: side(&small, &shops[0])?,
        large: side(&large, &shops[1])?,
    };
    let reads = reads::run(&sides, plan.window, plan.rounds, progress)?;
    let store = |process, shop| Store::new(process, shop, &stage.pairs, stage.carts.clone());
    let (small_store, large_store) = (store(&small, &shops[0]), store(&large, &shops[1]));
    let raw = &mut stage.raw;
    let mut in_turn = orders::Sides { small: small_store, large: large_store, raw, folder };
    let orders = orders::run(&mut in_turn, (plan.window, plan.rounds), progress)?;
    let filled_per_second = in_turn.small.filled_per_second();
    let placed = [in_turn.small.placed, in_turn.large.placed];
    let cost = cost(&stage, &reads, &orders, machine.cores);
    let rss_anon_kb = [machine::rss_anon_kb(small.pid())?, machine::rss_anon_kb(large.pid())?];
    let failures = [reads.first_failure.as_deref(), orders.first_failure()];
    for failure in failures.into_iter().flatten() {
        progress.note(&format!("a request failed: {failure}"));
    }
    progress.say("stopping the servers");
    for process in [small, large, bare] {
        process.stop()?;
    }
    progress.say("counting the orders in the files");
    Ok(Report {
        made_at,
        commit: drive::commit(),
        took_s: (progress.elapsed() - began).as_secs(),
        machine,
        load_after: machine::load_average(),
        command: drive::command(),
        program: drive::program_text(stoa),
        sizes: sizes(&stage, plan),
        disk_before,
        reads,
        orders,
        filled_per_second,
        rss_anon_kb,
        kept: kept(&stage, plan, placed)?,
        cost,
    })
}

/// What was answered as placed, and what the stopped servers' files hold: small, large.
fn kept(stage: &Stage, plan: &Plan, placed: [u64; 2]) -> Result<[Kept; 2]> {
    let count = |data: PathBuf| {
        sample::count_orders(&Databases::Files(data), stage.placement, &stage.tenant)
    };
    let small = Kept { answered: placed[0] + stage.orders_before, found: count(stage.small())? };
    let stored = plan.orders_stored + stage.orders_before;
    let large = Kept { answered: placed[1] + stored, found: count(stage.large())? };
    Ok([small, large])
}

/// Makes both stores: samples through the API, copies into the stopped server's files.
fn prepare(
    args: &Args,
    plan: &Plan,
    stoa: &Path,
    folder: &Path,
    progress: &Progress,
) -> Result<Stage> {
    let (small, large) = (folder.join("small"), folder.join("large"));
    let site = Site::new(Engine::Sqlite, small.clone())?;
    let samples = make_samples(&site, stoa, &args.tenant, progress)?;
    let files = site.databases()?;
    let pairs = seed::in_stock(&files, &args.tenant, samples.pairs.clone())?;
    let placement = seed::placement(&files, &args.tenant)?;
    let sample = OrderSample::read(&files, &samples.placed())?;
    let original = samples.original();
    let carts = seed::members(&files, placement, &original, &pairs, plan.members, progress)?;
    seed::stock(&files, &args.tenant)?;
    progress.say("copying the small store");
    copy_folder(&small, &large)?;
    let (count, now) = (plan.orders_stored, SystemClock.now());
    let stored = Stored { sample: &sample, placement, buyers: &carts, pairs: &pairs, now, count };
    let copies = Databases::Files(large);
    bulk::write(&copies, &stored, progress)?;
    let kept_bytes = copies.bytes()?.saturating_sub(files.bytes()?) / count.max(1);
    let (databases, tenant) = (&files, args.tenant.as_str());
    let source = Source { databases, tenant, placement, sample: &sample, pairs: &pairs };
    let raw = Raw::create(&folder.join("raw"), &source)?;
    let rows_per_order = sample.counts();
    let orders_before = sample::count_orders(&files, placement, &args.tenant)?;
    Ok(Stage {
        tenant: args.tenant.clone(),
        folder: folder.to_owned(),
        products: samples.products,
        stock_permille: sample.stock_permille(),
        pairs,
        placement,
        carts,
        rows_per_order,
        orders_before,
        kept_bytes,
        raw,
    })
}

/// Starts a server for the first time; one member orders, another only fills the cart.
///
/// # Errors
/// When the shop refuses.
pub fn make_samples(
    site: &Site,
    stoa: &Path,
    tenant: &str,
    progress: &Progress,
) -> Result<Samples> {
    progress.say("starting the demo for the first time");
    let server = site.start(stoa)?;
    progress.say("samples: an order and a filled cart, through the API");
    let shop = Shop::new(&server, tenant)?;
    let products = shop.products()?;
    let pairs = shop.pairs(&products)?;
    let begun = |login: &str| -> Result<_> {
        // Ids are minted by another process on the same clock, to the millisecond.
        let since = Timestamp::from_millis(SystemClock.now().millis());
        let shopper = shop.register(login)?;
        let checkout_id = shop.fill_cart(&shopper, &pairs[0])?;
        Ok((shopper, checkout_id, since))
    };
    let buyer = begun("bench-buyer@example.test")?;
    shop.place_now(&buyer.0, buyer.1, &pairs[0])?;
    machine::wait_until_idle(server.pid(), SETTLE_WITHIN)?;
    let filled = begun("bench-filled@example.test")?;
    machine::wait_until_idle(server.pid(), SETTLE_WITHIN)?;
    server.stop()?;
    Ok(Samples { products, pairs, buyer, filled })
}

fn cost(stage: &Stage, reads: &reads::Figures, orders: &orders::Figures, cores: usize) -> Cost {
    let most = orders.levels.last().map_or(&[][..], |l| &l.small);
    let of = |f: fn(&orders::Placed) -> u64| orders::typical(most).map_or(0, f);
    Cost {
        engine: Engine::Sqlite,
        stoa_cpu_us: of(|w| w.cpu_us),
        database_cpu_us: 0,
        read_cpu_us: median(&reads.small.cpu_us),
        kept_bytes: stage.kept_bytes,
        log_bytes: of(|w| w.log_bytes),
        stock_permille: stage.stock_permille,
        reached: (median(&orders::rates(most)), cores as u64),
    }
}

fn start_bare(stage: &Stage) -> Result<Process> {
    let fixed = |p: &Product| Fixed::from_answer(&p.id, &p.headers, &p.body);
    let answers: Vec<Fixed> = stage.products.iter().map(fixed).collect::<Result<_>>()?;
    let path = stage.folder.join("bare-answers.json");
    std::fs::write(&path, serde_json::to_vec(&answers)?)?;
    Process::bare(&path)
}

fn sizes(stage: &Stage, plan: &Plan) -> Sizes {
    let bytes: usize = stage.products.iter().map(|p| p.body.len()).sum();
    let mean = bytes.checked_div(stage.products.len()).unwrap_or(0);
    Sizes {
        tenant: stage.tenant.clone(),
        placement: stage.placement.to_string(),
        window_s: plan.window.as_secs(),
        rounds: plan.rounds,
        quick: plan.quick,
        orders_stored: plan.orders_stored,
        members: plan.members,
        products: (stage.products.len(), mean),
        rows_per_order: stage.rows_per_order.clone(),
    }
}

/// Copies the files of a folder; there are no folders in it.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        ensure!(entry.file_type()?.is_file(), "{} is not a file", entry.path().display());
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
