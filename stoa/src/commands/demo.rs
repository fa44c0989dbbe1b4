//! `stoa demo`: three shops in one process, with nothing to install. The same platform as `serve`, on
//! loopback, with a catalogue and printed logins. What is there already is kept.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::commands::Out;
use crate::commands::serve::{serve, start, stop_signal};
use crate::demo::{SeedOptions, Seeded, seed};
use crate::options::PlatformOptions;
use crate::platform::Platform;

/// What `stoa demo` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the data is kept.
    #[arg(long, value_name = "DIR", default_value = "./stoa-data")]
    data: PathBuf,
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
        reset(&args.data)?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("port {} is in use; choose another with --port, or 0 for a free one", args.port)
    })?;
    let port = listener.local_addr()?.port();
    let platform = start(options(&args), Some(metrics)).await?;
    let seeded = fill(&platform, &args, out).await?;
    let ready = ready(port, &seeded);
    announce(&ready, began.elapsed(), &args.data, out)?;
    if let Some(file) = &args.ready_file {
        // Renamed into place, so that a script never reads half of it.
        let beside = file.with_extension("tmp");
        std::fs::write(&beside, serde_json::to_vec_pretty(&ready)?)?;
        std::fs::rename(&beside, file)?;
    }
    let limits = bus::ServeOptions::default();
    serve(platform, &args.data, listener, limits, stop_signal()?).await
}

fn options(args: &Args) -> PlatformOptions {
    let mut options = PlatformOptions::in_folder(&args.data);
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
    let is_ours = folder.join(shard::shards::LOCK_FILE).is_file();
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

fn ready(port: u16, seeded: &Seeded) -> Ready<'_> {
    let tenants = seeded
        .tenants
        .iter()
        .map(|t| ReadyTenant { code: t.code.to_string(), host: format!("{}:{port}", t.host) })
        .collect();
    Ready {
        base_url: format!("http://127.0.0.1:{port}"),
        pid: std::process::id(),
        tenants,
        logins: &seeded.logins,
    }
}

fn announce(ready: &Ready<'_>, took: Duration, folder: &Path, out: &mut Out) -> anyhow::Result<()> {
    out.value(ready)?;
    out.line("")?;
    for tenant in &ready.tenants {
        out.line(format!("  {:<8} http://{}", out.bold(&tenant.code), tenant.host))?;
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
    out.line(format!(
        "  ready after {} ms; data in {}; Ctrl-C stops, nothing is lost",
        took.as_millis(),
        folder.display()
    ))?;
    Ok(())
}
