//! The program's entry: reads the command line, runs one command, says what went wrong.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use stoa::commands::{Cli, Out};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&anyhow::anyhow!("the runtime cannot start: {e}")),
    };
    let colours = std::io::stdout().is_terminal();
    let mut out = Out::new(Box::new(std::io::stdout()), cli.json, colours);
    match runtime.block_on(cli.run(&mut out)) {
        Ok(code) => code,
        Err(e) => fail(&e),
    }
}

/// The error with its causes, and exit code 1. Nothing is left to do when even this cannot be written.
fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}
