//! The load scenarios and the report of `cargo xtask bench`: the release program is measured over HTTP on
//! this machine, beside the machine's own limits. It sees the program only from outside: its commands,
//! its API, and its files while it is stopped.

mod args;
mod bare;
mod bulk;
mod capacity;
mod databases;
mod drive;
mod engine;
mod history;
mod load;
mod machine;
mod on_server;
mod on_server_report;
mod orders;
mod own;
mod own_report;
mod page;
mod pages;
mod part;
mod placing;
mod process;
mod progress;
mod raw;
mod reads;
mod report;
mod rows;
mod run;
mod sample;
mod schedule;
mod seed;
mod shop;
mod site;
mod stats;
#[cfg(test)]
mod stores_tests;
mod web;
mod wire;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program. 0: every bound holds; 1: one does not; 2: something could not be measured.
#[must_use]
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    let done = match &args.part {
        Some(args::Part::BareServer(bare)) => bare::run(bare).map(|()| true),
        None if args.web => web::run(&args),
        None => drive::all(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            // If nobody can read it, the exit code still says so.
            let _ = writeln!(std::io::stderr(), "bench: {e:#}");
            ExitCode::from(2)
        }
    }
}
