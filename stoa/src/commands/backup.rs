//! `stoa backup`: copies all databases as they are at one moment. A running platform makes the copy itself;
//! of a folder on which nothing runs this command makes it, whatever version of the program made the data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kit::{SharedClock, SystemClock, TenantCode};
use shard::Backend;

use crate::access::Access;
use crate::backup::{BackupEnd, Manifest, Progress, postgres, prepare, write};
use crate::commands::{DataArgs, Out, failed};
use crate::engine::Home;
use crate::operator::{BeginBackup, FollowBackup};
use crate::options::Settings;

const WITHIN: Duration = Duration::from_secs(30);
/// How often a running platform is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// How often a server that has the folder is looked for; the looking takes half a second.
const REACH_TRIES: u32 = 10;

/// What `stoa backup` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder that is not there yet, or empty. It will hold one file per database and manifest.json, which
    /// is written last: a folder without it is no backup.
    #[arg(value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let to = std::path::absolute(&args.to)?;
    let bar = bar(out);
    let manifest = of_platform(&args.data, &to, &bar).await;
    bar.finish_and_clear();
    let manifest = manifest?;
    tell(&manifest, &to, out)?;
    Ok(ExitCode::SUCCESS)
}

async fn of_platform(at: &DataArgs, to: &Path, bar: &ProgressBar) -> anyhow::Result<Manifest> {
    let settings = match &at.config {
        Some(file) => Some(Settings::load(Some(file.clone()))?),
        None => None,
    };
    let data = settings.as_ref().map_or(&at.data, |s| &s.server.data).clone();
    ensure!(data.is_dir(), "{} is no folder; give the data folder with --data", data.display());
    for _ in 0..REACH_TRIES {
        if let Some(access) = Access::to_server(&data).await? {
            return through_server(&access, to.to_path_buf(), bar).await;
        }
        // A server that begins has the folder before it can be reached.
        let folder = data.clone();
        if tokio::task::spawn_blocking(move || shard::backup::claim(&folder)).await?.is_ok() {
            break;
        }
    }
    if let Some(settings) = settings {
        return of_backend(settings.platform().shards.backend, data, to, bar).await;
    }
    let folder = data.clone();
    let home = tokio::task::spawn_blocking(move || Home::of_folder(&folder)).await??;
    let made = of_backend(home.backend(), data, to, bar).await;
    home.close().await?;
    made
}

async fn of_backend(
    backend: Backend,
    data: PathBuf,
    to: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<Manifest> {
    let Backend::Servers(servers) = backend else {
        return of_folder(data, to.to_path_buf(), bar.clone()).await;
    };
    let clock: SharedClock = Arc::new(SystemClock);
    prepare(to)?;
    let bar = bar.clone();
    let watch = move |progress| {
        show(&bar, progress);
        true
    };
    postgres::dump(&servers, to, &clock, watch).await.context("there is no backup")
}

async fn through_server(
    access: &Access,
    folder: PathBuf,
    bar: &ProgressBar,
) -> anyhow::Result<Manifest> {
    let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
    access.operator.backup(&ctx, BeginBackup { folder }).await.map_err(failed)?;
    loop {
        let ctx = access.ctx(TenantCode::platform(), WITHIN)?;
        let status = access.operator.backup_status(&ctx, FollowBackup {}).await.map_err(failed);
        let status = status.context("the server was lost; there is no backup")?;
        show(bar, status.progress);
        match status.end {
            None => tokio::time::sleep(LOOK).await,
            Some(BackupEnd::Done(manifest)) => return Ok(manifest),
            Some(BackupEnd::Failed(why)) => bail!("{why}\nthere is no backup"),
        }
    }
}

async fn of_folder(data: PathBuf, to: PathBuf, bar: ProgressBar) -> anyhow::Result<Manifest> {
    let work = move || {
        let clock: SharedClock = Arc::new(SystemClock);
        let cut = shard::backup::of_folder(&data, &clock)?;
        prepare(&to)?;
        write(cut, &to, &mut |progress| {
            show(&bar, progress);
            true
        })
    };
    tokio::task::spawn_blocking(work).await?.context("there is no backup")
}

fn tell(manifest: &Manifest, to: &Path, out: &mut Out) -> anyhow::Result<()> {
    out.value(manifest)?;
    let messages = manifest.messages();
    let (good, size) = (out.good("✓"), HumanBytes(manifest.bytes()));
    let (files, to) = (manifest.files.len(), to.display());
    out.line(format!("{good} {files} files, {size}, as of {}, in {to}", manifest.taken_at))?;
    if manifest.paused_us > 0 {
        out.line(format!("  writers were held for {} µs", manifest.paused_us))?;
    }
    out.line(format!(
        "  {} messages are to be delivered, {} are delayed, {} dead",
        messages.undelivered, messages.delayed, messages.dead
    ))?;
    out.line(format!("  check it with `stoa restore {to} --check`"))?;
    Ok(())
}

/// A bar on a terminal; nothing anywhere else.
pub(super) fn bar(out: &Out) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if out.is_json() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template = "{msg} {bar:40} {bytes}/{total_bytes} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

pub(super) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.bytes);
    bar.set_position(progress.bytes_done);
    bar.set_message(format!("{}/{} files", progress.files_done, progress.files));
}
