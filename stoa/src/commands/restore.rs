//! `stoa restore`: checks a backup, and makes a data folder of it. Nothing is written before every checksum
//! is right, and the folder appears whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use indicatif::HumanBytes;
use kit::Secret;

use crate::backup::postgres::{self, POSTGRES};
use crate::backup::{EMBEDDED, Manifest, Restored, into_folder, into_server};
use crate::commands::Out;
use crate::commands::backup::{bar, show};

const AFTER: &str = "\
What is restored is the state of the moment at which the backup was made: what a power failure would have left
then. Messages that were under way are delivered, and orders that were being placed are settled, when the
platform starts. What was done after that moment is not in it: orders and payments since then, and passwords
and sessions that were changed or ended since then. Compare payments with what the payment provider has
booked. Do not run the restored folder and the old one as the same shops.";

/// What `stoa restore` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// The folder of a backup.
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// The new data folder. It must not be there yet, or be empty.
    #[arg(long, value_name = "DIR", default_value = "./stoa-data", env = "STOA_DATA")]
    data: PathBuf,
    /// The PostgreSQL database to restore into, when the backup is of one, instead of a data folder. It has
    /// to be there, and none of the platform's schemas in it.
    #[arg(long, value_name = "URL", value_parser = secret)]
    database_url: Option<Secret<String>>,
    /// Throws away the data that is there, once the backup is ready to take its place.
    #[arg(long)]
    reset: bool,
    /// Only checks the backup: that every file is there and unchanged, and sound as a database.
    #[arg(long, conflicts_with = "reset")]
    check: bool,
}

pub(super) async fn run(args: Args, out: &mut Out) -> anyhow::Result<ExitCode> {
    let bar = bar(out);
    let shown = bar.clone();
    let mut watch = move |progress| {
        show(&shown, progress);
        true
    };
    let from = args.from.clone();
    if args.check {
        let checking = move || check(&from, &mut watch);
        let checked = tokio::task::spawn_blocking(checking).await?;
        bar.finish_and_clear();
        let checked = checked?;
        if checked.engine == POSTGRES {
            for copied in &checked.files {
                postgres::check(args.from.join(&copied.file)).await?;
            }
        }
        return tell_checked(&checked, &args.from, out);
    }
    let (restored, to) = match &args.database_url {
        Some(url) => {
            let to = crate::engine::place_of(url);
            let replaces = |schemas: &[String]| {
                bar.suspend(|| tell_replaced(schemas, &to, out)).map_err(Into::into)
            };
            (into_server(&from, url, args.reset, replaces, watch).await, to)
        }
        None => {
            let restored = into_folder(&from, &args.data, args.reset, &mut watch).await;
            (restored, args.data.display().to_string())
        }
    };
    bar.finish_and_clear();
    tell(&restored?, &to, out)
}

#[expect(clippy::unnecessary_wraps, reason = "what clap wants of a parser")]
fn secret(text: &str) -> Result<Secret<String>, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

fn check(from: &Path, watch: crate::backup::Watch<'_>) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(from)?;
    manifest.verify(from, watch)?;
    let embedded = manifest.files.iter().filter(|_| manifest.engine == EMBEDDED);
    for copied in embedded {
        let verdict = shard::backup::check_file(&from.join(&copied.file));
        let verdict = verdict.with_context(|| format!("{} cannot be used", from.display()))?;
        // Its checksum is right, so it was broken when it was copied.
        ensure!(verdict == "ok", "{}: it is broken: {verdict}", copied.file);
    }
    Ok(manifest)
}

fn tell_checked(manifest: &Manifest, from: &Path, out: &mut Out) -> anyhow::Result<ExitCode> {
    out.value(manifest)?;
    let (good, size) = (out.good("✓"), HumanBytes(manifest.bytes()));
    let (from, files, at) = (from.display(), manifest.files.len(), manifest.taken_at);
    out.line(format!("{good} {from} is a whole backup of {at}: {files} files, {size}"))?;
    Ok(ExitCode::SUCCESS)
}

/// What goes, before it goes.
fn tell_replaced(schemas: &[String], to: &str, out: &mut Out) -> io::Result<()> {
    if schemas.is_empty() {
        return Ok(());
    }
    let (n, all) = (schemas.len(), schemas.join(", "));
    out.line(format!("replacing {n} schemas of {to}, with all that is in them: {all}"))
}

fn tell(restored: &Restored, to: &str, out: &mut Out) -> anyhow::Result<ExitCode> {
    out.value(restored)?;
    let (good, size) = (out.good("✓"), HumanBytes(restored.bytes));
    out.line(format!("{good} {} files, {size}, are restored into {to}", restored.files))?;
    out.line(format!("  the data is of {}", restored.taken_at))?;
    let messages = restored.messages;
    out.line(format!(
        "  at the next start {} messages are delivered, and those of {} delayed ones that are overdue",
        messages.undelivered, messages.delayed
    ))?;
    out.line(
        "  next: start the platform on it, look at it with `stoa doctor`, and compare payments since that \
         moment with the payment provider's books",
    )?;
    Ok(ExitCode::SUCCESS)
}
