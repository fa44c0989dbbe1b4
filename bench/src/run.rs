//! One run from start to report: makes the two stores, starts the servers, measures, writes down.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kit::{Clock as _, Placement, SystemClock, Timestamp};
use tempfile::TempDir;

use crate::args::{Args, Plan};
use crate::bare::Fixed;
use crate::bulk::{self, Stored};
use crate::machine::{self, Machine};
use crate::orders::{self, Store};
use crate::process::Process;
use crate::progress::Progress;
use crate::raw::{Raw, Source};
use crate::reads::{self, Reads, Side, Sides};
use crate::report::{Kept, Report, Sizes};
use crate::sample::{self, OrderSample, Placed};
use crate::seed::{self, Cart, Original};
use crate::shop::{Pair, Product, Shop};

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
struct Samples {
    products: Vec<Product>,
    pairs: Vec<Pair>,
    buyer: (crate::shop::Shopper, i64, Timestamp),
    filled: (crate::shop::Shopper, i64, Timestamp),
}

/// Runs everything; whether every bound holds.
///
/// # Errors
/// When something could not be measured.
pub fn run(args: &Args) -> Result<bool> {
    let (plan, made_at) = (args.plan(), SystemClock.now());
    let machine = machine::look();
    let progress = Progress::new();
    let stoa = program(args)?;
    let parent = parent_of(&args.report);
    std::fs::create_dir_all(&parent)?;
    let folder = tempfile::Builder::new().prefix("data-").tempdir_in(&parent)?;
    let measured = measure(args, &plan, made_at, machine, &stoa, folder.path(), &progress);
    keep_or_remove(folder, args.keep_data, &progress)?;
    progress.finish();
    let report = measured?;
    let text = report.markdown();
    std::fs::write(&args.report, &text)
        .with_context(|| format!("cannot write {}", args.report.display()))?;
    if let Some(json) = &args.json {
        std::fs::create_dir_all(parent_of(json))?;
        std::fs::write(json, report.json()?)?;
    }
    progress.note(&format!("the report is in {}", args.report.display()));
    // If nobody can read it here, it stands in the file.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(report.holds())
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
    progress.say("the disk's fdatasync rate");
    let disk = || machine::fdatasyncs(folder, plan.window.min(Duration::from_secs(2)));
    let disk_before = disk()?;
    let mut stage = prepare(args, plan, stoa, folder, progress)?;
    progress.say("starting both stores and the bare server");
    let small = Process::stoa(stoa, &stage.small())?;
    let large = Process::stoa(stoa, &stage.large())?;
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
        commit: commit(),
        took_s: progress.elapsed().as_secs(),
        machine,
        load_after: machine::load_average(),
        command: command(),
        program: program_text(stoa),
        sizes: sizes(&stage, plan),
        disk_before,
        reads,
        orders,
        filled_per_second,
        rss_anon_kb,
        kept: kept(&stage, plan, placed)?,
    })
}

/// What was answered as placed, and what the stopped servers' files hold: small, large.
fn kept(stage: &Stage, plan: &Plan, placed: [u64; 2]) -> Result<[Kept; 2]> {
    let count = |data: &Path| sample::count_orders(data, stage.placement, &stage.tenant);
    let small = Kept { answered: placed[0] + stage.orders_before, found: count(&stage.small())? };
    let stored = plan.orders_stored + stage.orders_before;
    let large = Kept { answered: placed[1] + stored, found: count(&stage.large())? };
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
    let samples = make_samples(stoa, &small, &args.tenant, progress)?;
    let Samples { products, pairs, buyer, filled } = samples;
    let placement = seed::placement(&small, &args.tenant)?;
    let placed =
        Placed { order_id: buyer.1, member_id: buyer.0.member_id, pair: &pairs[0], since: buyer.2 };
    let sample = OrderSample::read(&small, &placed)?;
    let original =
        Original { shopper: &filled.0, checkout_id: filled.1, pair: &pairs[0], since: filled.2 };
    let carts = seed::members(&small, placement, &original, &pairs, plan.members, progress)?;
    seed::stock(&small, &args.tenant)?;
    progress.say("copying the small store");
    copy_folder(&small, &large)?;
    let (count, now) = (plan.orders_stored, SystemClock.now());
    let stored = Stored { sample: &sample, placement, buyers: &carts, pairs: &pairs, now, count };
    bulk::write(&large, &stored, progress)?;
    let source =
        Source { data: &small, tenant: &args.tenant, placement, sample: &sample, pairs: &pairs };
    let raw = Raw::create(&folder.join("raw"), &source)?;
    let rows_per_order = sample.counts();
    let orders_before = sample::count_orders(&small, placement, &args.tenant)?;
    let (tenant, folder) = (args.tenant.clone(), folder.to_owned());
    Ok(Stage {
        tenant,
        folder,
        products,
        pairs,
        placement,
        carts,
        rows_per_order,
        orders_before,
        raw,
    })
}

/// Starts a server for the first time; one member orders, another only fills the cart.
fn make_samples(stoa: &Path, data: &Path, tenant: &str, progress: &Progress) -> Result<Samples> {
    progress.say("starting the demo for the first time");
    let server = Process::stoa(stoa, data)?;
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

/// The program under test: the one named, or the one beside this.
fn program(args: &Args) -> Result<PathBuf> {
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("stoa"));
    let program = args.stoa.clone().map_or_else(beside, Ok)?;
    ensure!(
        program.is_file(),
        "{} is missing: build it (cargo build --release -p stoa), or name one with --stoa",
        program.display()
    );
    Ok(program.canonicalize()?)
}

/// The program under test without the folders that are this machine's own.
fn program_text(stoa: &Path) -> String {
    let mut last: Vec<_> = stoa.components().rev().take(3).collect();
    last.reverse();
    last.iter().collect::<PathBuf>().display().to_string()
}

fn parent_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
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

fn keep_or_remove(folder: TempDir, keep: bool, progress: &Progress) -> Result<()> {
    if keep {
        progress.note(&format!("data and logs are in {}", folder.keep().display()));
        return Ok(());
    }
    folder.close().context("the data folder cannot be removed")
}

/// The commit that is checked out, with `+` when files differ from it.
fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let Some(id) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.trim().is_empty());
    format!("{}{}", id.trim(), if changed { "+" } else { "" })
}

/// How to repeat this run.
fn command() -> String {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut text = "cargo xtask bench".to_owned();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--report" {
            rest.next();
        } else if !arg.starts_with("--report=") {
            text.push(' ');
            text.push_str(arg);
        }
    }
    text
}
