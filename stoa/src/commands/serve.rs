//! `stoa serve`: the platform with a settings file, until it is told to stop.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kit::{SystemClock, SystemEntropy};
use tasks::Tasks;
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::access;
use crate::commands::Out;
use crate::options::{PlatformOptions, Settings};
use crate::platform::{Platform, Start};

/// How long background work may go on after the front door has closed.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What `stoa serve` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file (TOML). Without one the defaults hold; see --print-defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints all settings with their defaults and meaning, and ends.
    #[arg(long)]
    print_defaults: bool,
    /// Checks the settings, and ends.
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    if args.print_defaults {
        out.raw(crate::options::DEFAULTS)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::load(args.config)?;
    if args.check {
        out.line("the settings are valid")?;
        return Ok(ExitCode::SUCCESS);
    }
    let filter = format!("{},{}", settings.log.filter, broker::LOG_FILTER);
    telemetry::logs::init(settings.log.format.parse()?, &filter)?;
    let metrics = telemetry::metrics::install()?;
    settings.remember()?;
    let listener = TcpListener::bind(&settings.server.listen)
        .await
        .with_context(|| format!("{} cannot be listened on", settings.server.listen))?;
    let platform = start(settings.platform(), Some(metrics)).await?;
    let limits = bus::ServeOptions {
        connections_max: settings.server.connections_max,
        drain: settings.server.drain.get(),
        ..bus::ServeOptions::default()
    };
    // As it is, and not as it was asked for: port 0 stands for any.
    tracing::info!(server.listen = %listener.local_addr()?, "the platform is ready");
    serve(platform, &settings.server.data, listener, limits, stop_signal()?).await
}

/// Starts the platform of a process that serves.
pub(super) async fn start(
    options: PlatformOptions,
    metrics: Option<Metrics>,
) -> anyhow::Result<Platform> {
    let tasks = Tasks::new();
    if let Some(metrics) = &metrics {
        metrics.spawn_upkeep(&tasks);
    }
    let start = Start {
        options,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        tasks,
        metrics,
    };
    Platform::start(start).await.map_err(access::explain)
}

/// Serves until the signal, then drains.
pub(super) async fn serve(
    platform: Platform,
    folder: &Path,
    listener: TcpListener,
    limits: bus::ServeOptions,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    let endpoint = access::open_endpoint(&platform, folder).await?;
    let router = platform.bus.router();
    let health = platform.health.clone();
    let stopping = async move {
        stop.await;
        health.drain();
        tracing::info!("stopping: open requests may finish");
    };
    bus::serve(listener, router, limits, &platform.tasks, stopping).await?;
    platform.stop(STOP_WITHIN).await;
    // Nobody answers there any more; a leftover file is recognised all the same.
    let _ = std::fs::remove_file(endpoint);
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM or SIGINT.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
