//! `stoa demo`: three shops in one process, with nothing to install. The same platform as `serve`, on
//! loopback, with a catalogue and printed logins, on files or on a database server. What is there already
//! is kept.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use kit::Secret;
use serde::Serialize;
use shard::Engine;
use tokio::net::TcpListener;

use crate::commands::Out;
use crate::commands::serve::{serve, start, stop_signal};
use crate::demo::{SeedOptions, Seeded, seed};
use crate::engine::{self, Home};
use crate::options::PlatformOptions;
use crate::platform::Platform;

const EXAMPLES: &str = "\
On PostgreSQL or MySQL the demo starts a server of its own from the installed programs (on Debian: apt-get
install postgresql, or mariadb-server), on a free port of 127.0.0.1. Its files are in the data folder; it loses
nothing when anything is killed, and ends with the demo. A data folder stays on the engine it began with.

Examples:
  stoa demo                                  embedded, nothing to install
  stoa demo --engine postgres                the same shops on PostgreSQL
  stoa demo --engine mysql --reset           on MariaDB or MySQL, beginning anew
  stoa demo --data ./d2 --database-url postgres://stoa:secret@db:5432/mall
                                             on a server that runs already";

/// What `stoa demo` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where the data is kept.
    #[arg(long, value_name = "DIR", default_value = "./stoa-data")]
    data: PathBuf,
    /// What holds the databases: sqlite, postgres or mysql. Without it, what the data folder is on;
    /// sqlite when it is new.
    #[arg(long)]
    engine: Option<Engine>,
    /// A database server that runs already, instead of one of the demo's own. Its schemas begin with
    /// `stoa_demo_`.
    #[arg(
        long,
        value_name = "URL",
        env = "STOA_DATABASE_URL",
        hide_env_values = true,
        value_parser = secret
    )]
    database_url: Option<Secret<String>>,
    /// Throws the data away first.
    #[arg(long)]
    reset: bool,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// After how long an unpaid order closes by itself (ISO 8601); for flows published at the first start.
    #[arg(long, value_name = "DURATION", default_value = "PT30M")]
    close_after: String,
    /// Writes addresses and logins into this file (JSON) when ready; for scripts.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Adds the tenant `fuzz`, for tests that send nonsense.
    #[arg(long)]
    with_fuzz_tenant: bool,
    /// Orders that one member may leave unpaid at a time.
    #[arg(long, default_value_t = 10, hide = true)]
    unpaid_orders_max: u32,
    /// How long stock is held for an order that is being placed, in milliseconds.
    #[arg(long, default_value_t = 120_000, hide = true)]
    reservation_ms: u64,
    /// What is logged: warn, info, or finer such as "info,shard=debug".
    #[arg(long, default_value = "warn")]
    log: String,
    /// Logs as JSON.
    #[arg(long)]
    log_json: bool,
}

/// What scripts read.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    base_url: String,
    pid: u32,
    engine: &'static str,
    tenants: Vec<ReadyTenant>,
    logins: &'a [crate::demo::Login],
}

#[derive(Debug, Serialize)]
struct ReadyTenant {
    code: String,
    host: String,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let format =
        if args.log_json { telemetry::logs::Format::Json } else { telemetry::logs::Format::Text };
    telemetry::logs::init(format, &args.log)?;
    let metrics = telemetry::metrics::install()?;
    if args.reset {
        anyhow::ensure!(
            args.database_url.is_none(),
            "--reset does not touch a server that you have named; drop its schemas `{}*` yourself",
            engine::DEMO_PREFIX
        );
        reset(&args.data)?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("port {} is in use; choose another with --port, or 0 for a free one", args.port)
    })?;
    let (folder, engine, url) = (args.data.clone(), args.engine, args.database_url.clone());
    let home = tokio::task::spawn_blocking(move || Home::of_demo(&folder, engine, url)).await??;
    let served = run_on(&home, &args, listener, metrics, began, out).await;
    home.close().await?;
    served
}

/// The platform on its databases, until it is told to stop.
async fn run_on(
    home: &Home,
    args: &Args,
    listener: TcpListener,
    metrics: telemetry::Metrics,
    began: Instant,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let port = listener.local_addr()?.port();
    let platform = start(options(args, home), Some(metrics)).await?;
    let seeded = fill(&platform, args, out).await?;
    let ready = ready(port, home, &seeded);
    announce(&ready, began.elapsed(), home, args, out)?;
    if let Some(file) = &args.ready_file {
        // Renamed into place, so that a script never reads half of it.
        let beside = file.with_extension("tmp");
        std::fs::write(&beside, serde_json::to_vec_pretty(&ready)?)?;
        std::fs::rename(&beside, file)?;
    }
    let limits = bus::ServeOptions::default();
    serve(platform, &args.data, listener, limits, stop_signal()?).await
}

fn secret(text: &str) -> Result<Secret<String>, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

fn options(args: &Args, home: &Home) -> PlatformOptions {
    let mut options = PlatformOptions::in_folder(&args.data);
    options.shards.backend = home.backend();
    options.bus.bare_hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    options.order.unpaid_orders_max = args.unpaid_orders_max;
    options.inventory.hold = Duration::from_millis(args.reservation_ms);
    options
}

/// Removes a data folder, and nothing that does not look like one.
fn reset(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let is_ours = [shard::shards::LOCK_FILE, engine::NOTE_FILE]
        .iter()
        .any(|file| folder.join(file).is_file());
    let is_empty = std::fs::read_dir(folder)?.next().is_none();
    anyhow::ensure!(
        is_ours || is_empty,
        "{} does not look like a data folder of stoa; remove it yourself if you mean it",
        folder.display()
    );
    let lock = std::fs::File::options().write(true).open(folder.join(shard::shards::LOCK_FILE));
    if let Ok(lock) = lock {
        anyhow::ensure!(
            lock.try_lock().is_ok(),
            "{} is in use by another stoa process; stop it first",
            folder.display()
        );
    }
    engine::end_leftovers(folder)?;
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("{} cannot be removed", folder.display()))
}

async fn fill(platform: &Platform, args: &Args, out: &mut Out) -> anyhow::Result<Seeded> {
    let bar = ProgressBar::new(0);
    if out.is_json() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message("filling the shops");
    let options = SeedOptions {
        close_after: args.close_after.clone(),
        with_fuzz_tenant: args.with_fuzz_tenant,
    };
    let progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let seeded = seed(platform, &options, &progress).await?;
    bar.finish_and_clear();
    Ok(seeded)
}

fn ready<'a>(port: u16, home: &Home, seeded: &'a Seeded) -> Ready<'a> {
    let tenants = seeded
        .tenants
        .iter()
        .map(|t| ReadyTenant { code: t.code.to_string(), host: format!("{}:{port}", t.host) })
        .collect();
    Ready {
        base_url: format!("http://127.0.0.1:{port}"),
        pid: std::process::id(),
        engine: home.backend().engine().name(),
        tenants,
        logins: &seeded.logins,
    }
}

fn announce(
    ready: &Ready<'_>,
    took: Duration,
    home: &Home,
    args: &Args,
    out: &mut Out,
) -> anyhow::Result<()> {
    out.value(ready)?;
    out.line("")?;
    for tenant in &ready.tenants {
        let (code, host) = (out.bold(&tenant.code), &tenant.host);
        let shop = format!("http://{host}");
        out.line(format!("  {code:<8} {shop:<32} console: {shop}/console"))?;
    }
    out.line("")?;
    out.line(format!("  {:<8} {:<9} {:<18} {:<28} password", "tenant", "kind", "role", "login"))?;
    for login in ready.logins {
        out.line(format!(
            "  {:<8} {:<9} {:<18} {:<28} {}",
            login.tenant, login.kind, login.role, login.login, login.password
        ))?;
    }
    out.line("")?;
    out.line(
        "  test cards: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined (12/30, 123)",
    )?;
    out.line(format!("  databases: {}", home.told()))?;
    out.line(format!(
        "  ready after {} ms; data in {}; Ctrl-C stops, nothing is lost",
        took.as_millis(),
        args.data.display()
    ))?;
    Ok(())
}
