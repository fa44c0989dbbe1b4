//! `cargo xtask bench`: builds the release programs and runs the load scenarios of the crate `bench`; what a
//! part needs besides is installed when it is missing: database servers, Lighthouse.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{self, Deadline};
use crate::setup::{databases, web};
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
    let lighthouse = if args.iter().any(|arg| arg == "--web") {
        Some(web::lighthouse(&workspace, deadline)?)
    } else {
        None
    };
    if needs_servers(args) {
        databases::install(deadline)?;
    }
    let args = with_report(args, &report.to_string_lossy());
    if let Some(folder) = report.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut command = Command::new(program);
    command.current_dir(&workspace.root).args(args);
    if let Some(lighthouse) = &lighthouse {
        lighthouse.tell(&mut command);
    }
    process::run(&mut command, deadline)
}

/// Whether a database server is measured. The program says what else the words mean.
fn needs_servers(args: &[String]) -> bool {
    let named =
        |name: &str| args.iter().any(|arg| arg == name || arg == &format!("--engine={name}"));
    let is_all = args.iter().any(|arg| arg == "--quick")
        && !args.iter().any(|arg| arg == "--web" || arg.starts_with("--engine"));
    named("postgres") || named("mysql") || is_all
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
    fn servers_are_installed_for_the_parts_that_measure_them_only() {
        let needs = |args: &[&str]| {
            needs_servers(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
        };
        assert!(needs(&["--engine", "postgres"]) && needs(&["--engine=mysql"]));
        assert!(needs(&["--quick"]));
        assert!(!needs(&[]) && !needs(&["--own-orders"]) && !needs(&["--quick", "--web"]));
        assert!(!needs(&["--quick", "--engine", "sqlite"]));
    }

    #[test]
    fn a_chosen_report_is_kept_and_a_missing_one_added() {
        assert_eq!(with_report(&["quick".into()], "r.md"), ["quick", "--report", "r.md"]);
        assert_eq!(with_report(&["--report=x".into()], "r.md"), ["--report=x"]);
    }
}
