//! `cargo xtask fuzz-api`: hits every store and admin route of a throwaway demo with generated requests, and looks at
//! every answer. schemathesis makes the requests and checks them against the document; [`record`] reads what it saw.

mod demo;
mod document;
mod manners;
mod record;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{self, Deadline, End};
use crate::stoa::Stoa;
use crate::workspace::Workspace;
use crate::{setup, ui};
use demo::{Demo, Kind};
use record::Record;

/// What schemathesis looks for in every answer.
const CHECKS: &str = "not_a_server_error,content_type_conformance,response_schema_conformance";
/// A request that hangs this long is a failure.
const REQUEST_SECONDS_MAX: u8 = 20;

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where the generated requests begin; the same seed makes the same requests
    #[arg(long, default_value_t = 20_250_101)]
    seed: u64,
    /// Most requests for one operation
    #[arg(long, default_value_t = 20)]
    max_examples: u32,
    /// Most time for the whole step, after the build, in minutes
    #[arg(long, default_value_t = 5)]
    max_minutes: u64,
    /// Try only operations whose path begins with this
    #[arg(long, default_value = "/v1/", value_name = "PATH")]
    only: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 20_250_101, max_examples: 20, max_minutes: 5, only: "/v1/".to_owned() }
    }
}

/// What to do when schemathesis is missing and cannot be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make our own checks only, and say so.
    FallBack,
    /// Fail.
    Fail,
}

/// The command.
///
/// # Errors
/// When the build fails or any answer is wrong.
pub fn command(options: &Options) -> Result<()> {
    let workspace = Workspace::open()?;
    let build = Deadline::after(Duration::from_secs(60 * 60));
    process::run(&mut workspace.cargo(&["build", "--workspace", "--bins"]), build)?;
    let note = run(&workspace, options, Missing::Fail, build)?;
    say!("api fuzz: {note}");
    Ok(())
}

/// The step of `test` and `ci`, with the `stoa` that is already built. Returns a note for the summary.
///
/// # Errors
/// When any answer is wrong, or when schemathesis is missing and that matters.
pub fn after_build(workspace: &Workspace, missing: Missing, deadline: Deadline) -> Result<String> {
    run(workspace, &Options::default(), missing, deadline)
}

fn run(
    workspace: &Workspace,
    options: &Options,
    missing: Missing,
    deadline: Deadline,
) -> Result<String> {
    let stoa = Stoa::built(workspace);
    if !stoa.has(&["demo"]) {
        let note = "skipped: `stoa --help` does not list `demo`";
        say!("{note}");
        return Ok(note.to_owned());
    }
    let schemathesis = match setup::schemathesis(workspace, deadline) {
        Ok(program) => Some(program),
        Err(error) if missing == Missing::FallBack => {
            say!(
                "schemathesis is not available: {error:#}\nThe routes are NOT fuzzed; only the short list of bad requests is sent."
            );
            None
        }
        Err(error) => return Err(error),
    };
    let folder = workspace.target.join("fuzz");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let demo = Demo::start(&stoa, &folder)?;
    let deadline = deadline.earlier(Deadline::after(Duration::from_secs(60 * options.max_minutes)));
    let seen = Attack { demo: &demo, schemathesis, folder: &folder, options, deadline }.all();
    demo.stop()?;
    let Seen { faults, note } = seen?;
    if faults.is_empty() {
        return Ok(note);
    }
    for fault in &faults {
        say!("FAULT {fault}");
    }
    bail!(
        "{} faults in the API (seed {}; reports and the server's log: {})",
        faults.len(),
        options.seed,
        folder.display()
    )
}

/// The outcome of an attack.
struct Seen {
    faults: Vec<String>,
    note: String,
}

/// Everything that is sent to one running demo.
struct Attack<'a> {
    demo: &'a Demo,
    schemathesis: Option<PathBuf>,
    folder: &'a Path,
    options: &'a Options,
    deadline: Deadline,
}

impl Attack<'_> {
    fn all(&self) -> Result<Seen> {
        let document = self.demo.document()?;
        let mut faults = manners::check(self.demo, &document)?;
        say!("bad requests: {} faults", faults.len());
        let Some(program) = &self.schemathesis else {
            return Ok(Seen {
                faults,
                note: "bad requests only: schemathesis could not be installed".to_owned(),
            });
        };
        let (mut operations, mut requests) = (0, 0);
        for kind in [Kind::Member, Kind::Staff] {
            // What ends the session comes last, or everything after it would see 401 only.
            for ending in [false, true] {
                let wanted = |method: &str, path: &str| {
                    path.starts_with(kind.prefix())
                        && path.starts_with(&self.options.only)
                        && document::ends_session(method, path) == ending
                };
                let (part, labels) = document::slice(&document, wanted);
                if labels.is_empty() {
                    continue;
                }
                let name = format!("{}{}", kind.word(), if ending { "-sign-out" } else { "" });
                ui::head(&format!(
                    "api fuzz: {name}, {} operations, seed {}",
                    labels.len(),
                    self.options.seed
                ));
                let record = self.fuzz(program, kind, &name, &part, &mut faults)?;
                faults.extend(record.faults(&labels));
                operations += labels.len();
                requests += record.requests();
            }
        }
        if operations == 0 {
            faults.push(format!("the document lists no operation below {}", self.options.only));
        }
        Ok(Seen {
            faults,
            note: format!(
                "{operations} operations, {requests} requests, seed {}",
                self.options.seed
            ),
        })
    }

    /// One run of schemathesis over a part of the document.
    fn fuzz(
        &self,
        program: &Path,
        kind: Kind,
        name: &str,
        part: &Value,
        faults: &mut Vec<String>,
    ) -> Result<Record> {
        let token = self.demo.sign_in(kind)?;
        let document = self.folder.join(format!("{name}.openapi.json"));
        let report = self.folder.join(format!("{name}.ndjson"));
        std::fs::write(&document, serde_json::to_vec_pretty(part)?)
            .with_context(|| format!("cannot write {}", document.display()))?;
        // An old report must not stand in for one that was never written.
        let _there_was_none = std::fs::remove_file(&report);
        let mut command = Command::new(program);
        command
            .current_dir(self.folder)
            .arg("run")
            .arg(&document)
            .args(self.arguments(&token))
            .arg(&report);
        let mut child = command
            .stdin(std::process::Stdio::null())
            .spawn()
            .context("cannot start schemathesis")?;
        match process::wait(&mut child, self.deadline)? {
            End::Exited(status) if status.success() => {}
            End::Exited(status) => faults.push(format!("schemathesis found failures in the {name} routes, see above ({status})")),
            End::TimedOut => faults.push(format!(
                "the time for the API fuzz step ({} min) was over during the {name} routes: not every operation was tried",
                self.options.max_minutes
            )),
        }
        record::read_file(&report)
    }

    /// The arguments of schemathesis; the path of the report comes last.
    fn arguments(&self, token: &str) -> Vec<String> {
        let options = self.options;
        let fixed = "--phases examples,fuzzing --workers 1 --no-color --no-shrink --warnings off --suppress-health-check all \
                     --generation-database none --generation-with-security-parameters false --report ndjson";
        let mut words: Vec<String> = fixed.split_whitespace().map(str::to_owned).collect();
        words.extend([
            "--url".to_owned(),
            self.demo.base_url.clone(),
            "--checks".to_owned(),
            CHECKS.to_owned(),
        ]);
        words.extend([
            "--max-examples".to_owned(),
            options.max_examples.to_string(),
            "--seed".to_owned(),
            options.seed.to_string(),
        ]);
        words.extend(["--request-timeout".to_owned(), REQUEST_SECONDS_MAX.to_string()]);
        words.extend(["--header".to_owned(), format!("Host: {}", self.demo.host)]);
        words.extend(["--header".to_owned(), format!("Authorization: Bearer {token}")]);
        words.push("--report-ndjson-path".to_owned());
        words
    }
}
