//! `cargo xtask bench`: builds the release programs and runs the load scenarios of the crate `bench`.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{self, Deadline};
use crate::workspace::Workspace;

/// A whole measurement may not take longer.
const BENCH_TIME_MAX: Duration = Duration::from_secs(4 * 60 * 60);

/// The command.
///
/// # Errors
/// When the build fails, when there is no bench program, or when it fails.
pub fn command(args: &[String]) -> Result<()> {
    let workspace = Workspace::open()?;
    let deadline = Deadline::after(BENCH_TIME_MAX);
    process::run(&mut workspace.cargo(&["build", "--release", "--workspace"]), deadline)?;
    let program = workspace.target.join("release/bench");
    if !program.exists() {
        bail!("the crate `bench` has no program yet ({} is missing)", program.display());
    }
    let report = workspace.target.join("bench/report.md");
    let args = with_report(args, &report.to_string_lossy());
    if let Some(folder) = report.parent() {
        std::fs::create_dir_all(folder)?;
    }
    process::run(Command::new(program).current_dir(&workspace.root).args(args), deadline)
}

/// The arguments with a place for the report, unless the caller has chosen one.
fn with_report(args: &[String], default: &str) -> Vec<String> {
    let mut args = args.to_vec();
    if !args.iter().any(|arg| arg == "--report" || arg.starts_with("--report=")) {
        args.extend(["--report".to_owned(), default.to_owned()]);
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_report_is_kept_and_a_missing_one_added() {
        assert_eq!(with_report(&["quick".into()], "r.md"), ["quick", "--report", "r.md"]);
        assert_eq!(with_report(&["--report=x".into()], "r.md"), ["--report=x"]);
    }
}
