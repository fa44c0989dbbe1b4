//! The command line: what `cargo xtask` and each of its commands say about themselves, and the hand-over to them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::test::Engines;
use crate::{bench, ci, fuzz, generate, test, tidy};

/// The one entry for developers of Stoa
///
/// Run `cargo xtask COMMAND --help` for what a command does, how long it takes, and examples.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all tests, then the API fuzz step
    ///
    /// Builds the workspace, runs every Rust test (with cargo-nextest where it is installed, else with cargo test), then
    /// does what `cargo xtask fuzz-api` does. Needs cargo and a C compiler. Python and schemathesis are installed when
    /// they are missing and there is a right and a network to do so; without them the fuzz step makes its own checks only
    /// and says so. The same holds for Chromium, its driver and Chinese fonts (from Debian) and axe-core (from npm), which
    /// the browser tests need; they leave screenshots in target/e2e-artifacts. No server must be running: a PostgreSQL and a
    /// MariaDB of its own are started for the run, on free ports, from Debian's packages (installed when missing).
    ///
    /// After all tests on the embedded engine, those of the services run again on PostgreSQL and on MariaDB; --engine
    /// chooses. With a choice of packages only the embedded engine is tried unless --engine says otherwise.
    ///
    /// Takes about 20 minutes after a fresh clone on two cores, and 8 to 12 minutes when only a few crates have changed.
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --no-fuzz\n  cargo xtask test --no-fuzz -- --package shard\n  cargo xtask test --no-fuzz --engine postgres -- --package order\n  cargo xtask test --no-fuzz -- sh_02        only tests with sh_02 in their name"
    )]
    Test {
        /// Leave the API fuzz step out
        #[arg(long)]
        no_fuzz: bool,
        /// The database engines to test on: all, or only sqlite when packages are chosen
        #[arg(long, value_name = "ENGINE")]
        engine: Option<Engines>,
        /// Passed on to `cargo nextest run` or `cargo test`
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Fuzz every store and admin route of a throwaway demo
    ///
    /// Starts `stoa demo` on a free port with an empty data folder and a tenant of its own, signs in as a member and as an
    /// operator, and lets schemathesis try every operation of /openapi.json below /v1/store and /v1/admin: no 5xx, the
    /// right content type, answers that match their schema. Then looks at every answer itself: each 4xx must be a problem
    /// document, no operation may be left out, and none may have seen only 401. A short list of bad requests (unknown
    /// route, broken JSON, wrong type, huge body, …) is sent as well. Reports and the server's log stay in target/fuzz.
    ///
    /// Takes 1 to 5 minutes after the build. The same seed makes the same requests.
    #[command(
        after_help = "Examples:\n  cargo xtask fuzz-api\n  cargo xtask fuzz-api --seed 7 --max-examples 100 --max-minutes 30\n  cargo xtask fuzz-api --only /v1/store/carts"
    )]
    FuzzApi {
        #[command(flatten)]
        options: fuzz::Options,
    },
    /// Run everything a change must pass
    ///
    /// Format, clippy with warnings denied, tidy, a browser, database servers, build, generated files up to date, all tests
    /// (those of the services on every engine), API fuzz; stops at the first step that fails and ends with a table of
    /// times. Needs no terminal, and 8 GB of free disk: with less it does not begin. Cargo is told to keep nothing for
    /// incremental builds unless CARGO_INCREMENTAL is set. This is what `.ci/run` calls.
    ///
    /// Takes about 30 minutes after a fresh clone on two cores, less with a warm target folder; it stops itself after 85.
    #[command(after_help = "Examples:\n  cargo xtask ci\n  .ci/run")]
    Ci,
    /// Make the committed files that come from code
    ///
    /// docs/openapi.json (from `stoa openapi`), docs/flow.schema.json (from `stoa flow schema`) and
    /// docs/service-graph.txt (who may call whom, from the crates' dependencies). Commit what has changed.
    ///
    /// Takes a second or two after the build of `stoa`.
    #[command(
        name = "gen",
        after_help = "Examples:\n  cargo xtask gen\n  cargo xtask gen --check     fails when a file is not up to date; changes nothing"
    )]
    Generate {
        /// Compare only, and fail at a difference
        #[arg(long)]
        check: bool,
    },
    /// Check the rules of the house
    ///
    /// Each finding names the file, the line, and what to do. The rules are listed in CONTRIBUTING.md; exceptions stand,
    /// with reasons, in xtask/tidy-exceptions.toml. Looks at the files git tracks, as they are on disk.
    ///
    /// Takes a few seconds and builds nothing but this program.
    #[command(
        after_help = "Examples:\n  cargo xtask tidy\n  cargo xtask tidy --all      also new files that git does not track yet"
    )]
    Tidy {
        /// Also look at files that git neither tracks nor ignores
        #[arg(long)]
        all: bool,
    },
    /// Measure under load and write a report
    ///
    /// Builds the release programs when they are not up to date and runs target/release/bench with the arguments given.
    /// The report goes to target/bench/report.md unless --report says otherwise.
    ///
    /// The build takes about 10 minutes on two cores the first time; the scenarios say how long they take in their own
    /// help. With --web it measures pages instead: speed beside a bare handler, and Lighthouse, which is installed from
    /// npm when it is missing.
    #[command(
        after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --web\n  cargo xtask bench --report /tmp/report.md\n  cargo xtask bench -- --help          the options of the scenarios"
    )]
    Bench {
        /// Passed on to the bench program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
}

/// Runs the command of the process's arguments; the code is not zero when anything failed.
pub fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Test { no_fuzz, engine, args } => test::command(&args, engine, no_fuzz),
        Command::FuzzApi { options } => fuzz::command(&options),
        Command::Ci => ci::command(),
        Command::Generate { check } => generate::command(check),
        Command::Tidy { all } => tidy::command(all),
        Command::Bench { args } => bench::command(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_command_teaches_with_a_time_and_examples() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        for command in cli.get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:\n  "), "{} has no examples", command.get_name());
            assert!(
                help.contains("minute") || help.contains("second"),
                "{} does not say how long it takes",
                command.get_name()
            );
        }
    }

    #[test]
    fn arguments_for_others_are_passed_on() {
        let Command::Test { args, no_fuzz, engine: None } =
            Cli::parse_from(["xtask", "test", "--no-fuzz", "--", "--package", "kit"]).command
        else {
            panic!()
        };
        assert_eq!((args, no_fuzz), (vec!["--package".to_owned(), "kit".to_owned()], true));
        let Command::Bench { args } =
            Cli::parse_from(["xtask", "bench", "--quick", "--report", "x"]).command
        else {
            panic!()
        };
        assert_eq!(args, ["--quick", "--report", "x"]);
    }
}
