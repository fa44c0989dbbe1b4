//! From the command line to the report: which parts are measured, each in a folder of its own, and where
//! their texts go.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::args::{Args, What};
use crate::part::{self, Part};
use crate::progress::Progress;
use crate::{on_server, own, run};

/// Measures what was asked for; whether every bound holds.
///
/// # Errors
/// When something could not be measured.
pub fn all(args: &Args) -> Result<bool> {
    let progress = Progress::new();
    let parent = parent_of(&args.report);
    std::fs::create_dir_all(&parent)?;
    let (mut holds, mut jsons) = (true, Vec::new());
    for what in args.parts() {
        let folder = tempfile::Builder::new().prefix("data-").tempdir_in(&parent)?;
        let measured = one(args, what, folder.path(), &progress);
        keep_or_remove(folder, args.keep_data, &progress)?;
        let Part { text, json, holds: all_hold } = measured?;
        part::put(&args.report, &text)?;
        holds &= all_hold;
        jsons.push(json);
        progress.note(&format!("the report is in {}", args.report.display()));
        // If nobody can read it here, it stands in the file.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    progress.finish();
    if let Some(path) = &args.json {
        std::fs::create_dir_all(parent_of(path))?;
        let json = if jsons.len() == 1 { jsons.remove(0) } else { jsons.into() };
        std::fs::write(path, serde_json::to_string_pretty(&json)?)?;
    }
    Ok(holds)
}

fn one(args: &Args, what: What, folder: &Path, progress: &Progress) -> Result<Part> {
    match what {
        What::Embedded => run::run(args, folder, progress),
        What::Server(engine) => on_server::run(args, engine, folder, progress),
        What::OwnOrders(engine) => own::run(args, engine, folder, progress),
    }
}

/// The program under test: the one named, or the one beside this.
///
/// # Errors
/// When it is not there.
pub fn program(args: &Args) -> Result<PathBuf> {
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
#[must_use]
pub fn program_text(stoa: &Path) -> String {
    let mut last: Vec<_> = stoa.components().rev().take(3).collect();
    last.reverse();
    last.iter().collect::<PathBuf>().display().to_string()
}

/// The folder of a file.
#[must_use]
pub fn parent_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Removes a folder of data, or says where it stays.
///
/// # Errors
/// When it cannot be removed.
pub fn keep_or_remove(folder: TempDir, keep: bool, progress: &Progress) -> Result<()> {
    if keep {
        progress.note(&format!("data and logs are in {}", folder.keep().display()));
        return Ok(());
    }
    folder.close().context("the data folder cannot be removed")
}

/// The commit that is checked out, with `+` when files differ from it.
#[must_use]
pub fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let Some(id) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.trim().is_empty());
    format!("{}{}", id.trim(), if changed { "+" } else { "" })
}

/// How to repeat this run.
#[must_use]
pub fn command() -> String {
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
