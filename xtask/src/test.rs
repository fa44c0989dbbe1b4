//! `cargo xtask test`: all Rust tests, then the API fuzz step.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{self, Deadline};
use crate::workspace::Workspace;
use crate::{fuzz, stoa, ui};

/// A whole test run may not take longer.
const TEST_TIME_MAX: Duration = Duration::from_secs(85 * 60);

/// The command.
///
/// # Errors
/// When anything does not build or any test fails.
pub fn command(args: &[String], no_fuzz: bool) -> Result<()> {
    let workspace = Workspace::open()?;
    let deadline = Deadline::after(TEST_TIME_MAX);
    let started = Instant::now();
    if !(no_fuzz && names_packages(args)) {
        ui::head("build");
        stoa::build_all(&workspace, deadline)?;
    }
    ui::head("tests");
    let tested = rust_tests(&workspace, args, deadline);
    let rust_time = started.elapsed();
    let fuzzed = if no_fuzz {
        Ok("not run (--no-fuzz)".to_owned())
    } else {
        ui::head("api fuzz");
        fuzz::after_build(&workspace, fuzz::Missing::FallBack, deadline)
    };
    ui::head("summary");
    say!(
        "tests {} in {} · api fuzz: {}",
        verdict(&tested),
        ui::human(rust_time),
        fuzzed.as_ref().map_or("FAILED", String::as_str)
    );
    tested.and(fuzzed).map(|_| ())
}

fn verdict(result: &Result<()>) -> &'static str {
    if result.is_ok() { "passed" } else { "FAILED" }
}

/// Every Rust test of the workspace, or of the packages that the arguments name; with nextest where it is installed.
///
/// # Errors
/// When a test fails.
pub fn rust_tests(workspace: &Workspace, args: &[String], deadline: Deadline) -> Result<()> {
    let mut command = if process::succeeds(&mut workspace.cargo(&["nextest", "--version"])) {
        workspace.cargo(&["nextest", "run"])
    } else {
        say!(
            "cargo-nextest is not installed: using `cargo test`, which is slower but covers the same"
        );
        // Documentation examples are left out: nextest does not run them either.
        workspace.cargo(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
    };
    if !names_packages(args) {
        command.arg("--workspace");
    }
    process::run(command.args(args), deadline)
}

/// Whether the caller has chosen packages; cargo would ignore the choice beside `--workspace`.
fn names_packages(args: &[String]) -> bool {
    args.iter()
        .any(|arg| arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_packages_is_seen() {
        let chosen = |args: &[&str]| {
            names_packages(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
        };
        assert!(
            chosen(&["--package", "kit"])
                && chosen(&["-p", "kit"])
                && chosen(&["-pkit"])
                && chosen(&["--package=kit"])
        );
        assert!(!chosen(&[]) && !chosen(&["sh_02", "--no-capture"]));
    }
}
