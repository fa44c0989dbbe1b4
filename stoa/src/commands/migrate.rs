//! `stoa migrate`: brings all databases up to date before a new version of the program starts, or tells
//! what they lack.

use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use kit::{SharedClock, SharedEntropy, SystemClock, SystemEntropy};
use serde::Serialize;
use shard::{Backend, Pending};

use crate::access::explain;
use crate::commands::{DataArgs, Out};
use crate::engine::Home;
use crate::options::{PlatformOptions, Settings};
use crate::platform::migrate;

/// So many missing migrations are shown one by one.
const SHOWN_MAX: usize = 20;

const HELP: &str = "\
A new version is brought in without closing the shops: run the new program's `stoa migrate` while the old
one serves, then replace the processes one after another. The old program runs on the new schema; what is not
needed any more goes in a later version. Each database is migrated under a lock, and running the command again
goes on where it stopped. On database servers the program need not be stopped; embedded databases belong to one
process, so stop it first.

Examples:
  stoa migrate --config stoa.toml            everything that is missing
  stoa migrate --config stoa.toml --check    what is missing; exit code 1 when something is
  stoa migrate --data ./stoa-data            the embedded databases of a folder";

/// What `stoa migrate` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    #[command(flatten)]
    at: DataArgs,
    /// Only tells what is missing.
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Step<'a> {
    database: &'a str,
    table: Option<u8>,
    owner: &'a str,
    version: u32,
    name: &'a str,
}

#[derive(Serialize)]
struct Report<'a> {
    missing: Vec<Step<'a>>,
    ran: Vec<Step<'a>>,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let (mut options, home) = match &args.at.config {
        Some(file) => {
            let settings = Settings::load(Some(file.clone()))?;
            settings.remember()?;
            (settings.platform(), None)
        }
        None => {
            let folder = args.at.data.clone();
            let mut options = PlatformOptions::in_folder(&folder);
            let home = tokio::task::spawn_blocking(move || Home::of_folder(&folder)).await??;
            options.shards.backend = home.backend();
            (options, Some(home))
        }
    };
    // The folder belongs to the program that serves; what is on servers is migrated beside it.
    let beside = tempfile::tempdir()?;
    if home.is_none() && matches!(options.shards.backend, Backend::Servers(_)) {
        beside.path().clone_into(&mut options.shards.folder);
    }
    let clock: SharedClock = Arc::new(SystemClock);
    let entropy: SharedEntropy = Arc::new(SystemEntropy);
    let code = if args.check {
        check(&options, &clock, &entropy, out).await
    } else {
        migrate(&options, &clock, &entropy, out).await
    };
    if let Some(home) = home {
        home.close().await?;
    }
    code
}

async fn check(
    options: &PlatformOptions,
    clock: &SharedClock,
    entropy: &SharedEntropy,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let missing = migrate::pending(options, clock, entropy).await.map_err(explain)?;
    out.value(&Report { missing: steps(&missing), ran: Vec::new() })?;
    if missing.is_empty() {
        out.line(format!("{} the databases are up to date", out.good("✓")))?;
        return Ok(ExitCode::SUCCESS);
    }
    list(&missing, out)?;
    out.line(format!(
        "{} {} migrations are missing; `stoa migrate` runs them",
        out.bad("✗"),
        missing.len()
    ))?;
    Ok(ExitCode::FAILURE)
}

async fn migrate(
    options: &PlatformOptions,
    clock: &SharedClock,
    entropy: &SharedEntropy,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(0);
    if out.is_json() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let watch = move |done: usize, of: usize, next: &str| {
        shown.set_length(of as u64);
        shown.set_position(done as u64);
        shown.set_message(next.to_owned());
    };
    let ran = migrate::migrate(options, clock, entropy, &watch).await;
    bar.finish_and_clear();
    let ran = ran.map_err(explain)?;
    out.value(&Report { missing: Vec::new(), ran: steps(&ran) })?;
    list(&ran, out)?;
    let mark = out.good("✓");
    out.line(format!("{mark} the databases are up to date; {} migrations ran", ran.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn list(steps: &[Pending], out: &mut Out) -> anyhow::Result<()> {
    for step in steps.iter().take(SHOWN_MAX) {
        let table = step.table.map_or_else(String::new, |t| format!(", table {t:02}"));
        let (database, owner) = (&step.database, step.owner);
        out.line(format!("  {database}{table}: {} `{}` of {owner}", step.version, step.name))?;
    }
    if steps.len() > SHOWN_MAX {
        out.line(format!("  and {} more (--json lists all)", steps.len() - SHOWN_MAX))?;
    }
    Ok(())
}

fn steps(all: &[Pending]) -> Vec<Step<'_>> {
    fn step(pending: &Pending) -> Step<'_> {
        let Pending { database, table, owner, version, name } = pending;
        Step { database, table: *table, owner, version: *version, name }
    }
    all.iter().map(step).collect()
}
