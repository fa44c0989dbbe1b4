//! `cargo xtask ci`: everything a change must pass, in the order that finds mistakes soonest.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process::{self, Deadline};
use crate::setup::broker::Broker;
use crate::setup::databases::{self, Databases};
use crate::setup::web;
use crate::test::{Engines, Run};
use crate::workspace::Workspace;
use crate::{disk, fuzz, generate, stoa, tidy, ui};

/// The whole run may not take longer; the machine that runs it stops it at 90 minutes.
const CI_TIME_MAX: Duration = Duration::from_secs(85 * 60);

/// A step: its name, and what it does; the text it returns stands in the closing table.
type Step = (&'static str, fn(&Workspace, Deadline) -> Result<String>);

const STEPS: &[Step] = &[
    ("format", |workspace, deadline| run(workspace, &["fmt", "--all", "--check"], deadline)),
    ("clippy", |workspace, deadline| {
        run(
            workspace,
            &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            deadline,
        )
    }),
    ("tidy", |workspace, _| tidy::step(workspace)),
    ("browser", |workspace, deadline| Ok(web::browser(workspace, deadline)?.version())),
    ("databases", |_, deadline| databases::install(deadline)),
    ("build", |workspace, deadline| stoa::build_all(workspace, deadline).map(|()| String::new())),
    ("generated files", |workspace, _| generate::after_build(workspace, generate::Mode::Check)),
    ("tests", |workspace, deadline| {
        let browser = web::browser(workspace, deadline)?;
        let databases = Databases::start(workspace, deadline)?;
        let broker = Broker::start(deadline)?;
        let run = Run {
            workspace,
            args: &[],
            engines: Engines::All,
            browser: Some(&browser),
            databases: Some(&databases),
            broker: Some(&broker),
        };
        run.tests(deadline)
            .with_context(|| format!("browsers' last pages: {}", browser.artifacts().display()))
    }),
    ("api fuzz", |workspace, deadline| fuzz::after_build(workspace, fuzz::Missing::Fail, deadline)),
];

/// The command.
///
/// # Errors
/// At the first step that fails.
pub fn command() -> Result<()> {
    let workspace = Workspace::open()?.built_once();
    let deadline = Deadline::after(CI_TIME_MAX);
    say!("{}", disk::state(&workspace.target)?);
    disk::ensure_room(&workspace.target)?;
    let all = Instant::now();
    let mut rows = vec![vec!["step".to_owned(), "time".to_owned(), "result".to_owned()]];
    let mut failure = None;
    for (name, step) in STEPS {
        if failure.is_some() {
            rows.push(vec![(*name).to_owned(), "-".to_owned(), "not run".to_owned()]);
            continue;
        }
        ui::head(name);
        let started = Instant::now();
        let result = step(&workspace, deadline);
        let note = match &result {
            Ok(note) if note.is_empty() => "ok".to_owned(),
            Ok(note) => format!("ok: {note}"),
            Err(_) => "FAILED".to_owned(),
        };
        rows.push(vec![(*name).to_owned(), ui::human(started.elapsed()), note]);
        failure = result.err().map(|error| error.context(format!("step `{name}` failed")));
    }
    rows.push(vec![
        "all".to_owned(),
        ui::human(all.elapsed()),
        if failure.is_none() { "ok" } else { "FAILED" }.to_owned(),
    ]);
    ui::head("summary");
    say!("{}", ui::table(&rows).trim_end());
    if let Ok(state) = disk::state(&workspace.target) {
        say!("{state}");
    }
    failure.map_or(Ok(()), Err)
}

fn run(workspace: &Workspace, args: &[&str], deadline: Deadline) -> Result<String> {
    process::run(&mut workspace.cargo(args), deadline)
        .context("run the command above to see it alone")?;
    Ok(String::new())
}
