//! Pages in a browser's terms: how fast they are beside a bare handler that answers the same bytes, and what
//! Lighthouse says. Its report is a part of its own at the end of the report's file.

mod lighthouse;
mod report;
mod speed;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use kit::{Clock as _, SystemClock};

use crate::args::Args;
use crate::machine;
use crate::process::Process;
use crate::progress::Progress;
use crate::shop::Shop;
use crate::{drive, part};
use lighthouse::Lighthouse;
use report::Report;

/// Measures pages; whether every bound holds.
///
/// # Errors
/// When something could not be measured.
pub fn run(args: &Args) -> Result<bool> {
    let (plan, made_at) = (args.plan(), SystemClock.now());
    let machine = machine::look();
    let progress = Progress::new();
    let stoa = drive::program(args)?;
    let lighthouse = Lighthouse::from_environment()?;
    let parent = drive::parent_of(&args.report);
    std::fs::create_dir_all(&parent)?;
    let folder = tempfile::Builder::new().prefix("web-").tempdir_in(&parent)?;
    let measured = measure(args, &stoa, &lighthouse, folder.path(), &progress);
    drive::keep_or_remove(folder, args.keep_data, &progress)?;
    let (speed, scores) = measured?;
    progress.finish();
    let report = Report {
        made_at,
        commit: drive::commit(),
        took_s: progress.elapsed().as_secs(),
        machine,
        load_after: machine::load_average(),
        command: drive::command(),
        program: drive::program_text(&stoa),
        tenant: args.tenant.clone(),
        window_s: plan.window.as_secs(),
        rounds: plan.rounds,
        quick: plan.quick,
        speed,
        scores,
    };
    let text = report.markdown();
    part::put(&args.report, &text)?;
    if let Some(json) = &args.json {
        std::fs::create_dir_all(drive::parent_of(json))?;
        std::fs::write(json, report.json()?)?;
    }
    progress.note(&format!("the report is at the end of {}", args.report.display()));
    // If nobody can read it here, it stands in the file.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(report.holds())
}

fn measure(
    args: &Args,
    stoa: &Path,
    lighthouse: &Lighthouse,
    folder: &Path,
    progress: &Progress,
) -> Result<(Vec<speed::Figures>, Vec<lighthouse::Scores>)> {
    let plan = args.plan();
    progress.say("starting the demo");
    let server = Process::stoa(stoa, &folder.join("shop"), None)?;
    let shop = Shop::new(&server, &args.tenant)?;
    let pages = speed::pages(&shop)?;
    let bare = speed::start_bare(&pages, folder)?;
    let mut figures = Vec::new();
    for page in &pages {
        let sides = speed::Sides { page, server: &server, bare: &bare };
        figures.push(speed::run(&sides, plan.window, plan.rounds, progress)?);
    }
    bare.stop()?;
    let mut scores = Vec::new();
    for page in pages.iter().filter(|p| p.is_scored) {
        let url = format!("http://{}{}", server.host(&args.tenant)?, page.paths[0]);
        let runs = if plan.quick { 1 } else { lighthouse::RUNS };
        scores.push(lighthouse.run(page.name, &url, runs, folder, progress)?);
    }
    server.stop()?;
    Ok((figures, scores))
}
