//! The command line. It decides nothing but what the words mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

const ABOUT: &str =
    "Measures product reads and orders of the release program over HTTP on this machine";
const LONG_ABOUT: &str = "\
Measures product reads and orders of the release program over HTTP on this machine, in one run, and \
writes a report with the machine's own limits beside each figure.

It starts everything itself on loopback, in a folder of its own, and ends and removes it afterwards: \
two `stoa demo` servers (a small store, and the same with many orders in it), a bare axum handler that \
answers the same bytes as a product read, and a raw SQLite writer that writes the same rows as an order. \
Members and carts are written into the stopped server's files as copies of ones made through the API.";
const AFTER: &str = "\
Examples:
  cargo xtask bench                     the whole measurement, about five minutes on two cores
  cargo xtask bench --quick             a minute, to see that it works; its figures mean little
  cargo xtask bench --seconds 10        longer windows on a noisy machine
  cargo xtask bench --keep-data         leaves the data and the servers' logs for a look

The exit code is 0 when every bound holds, 1 when one does not, 2 when something could not be measured.
Nothing else should run on the machine meanwhile: the report tells the load average before it began.";

/// What was asked for.
#[derive(Debug, Parser)]
#[command(name = "bench", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
pub struct Args {
    /// A part of the measurement that runs as a process of its own.
    #[command(subcommand)]
    pub part: Option<Part>,
    /// Where the Markdown report is written; the data folder is made beside it.
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.md")]
    pub report: PathBuf,
    /// Also write every figure as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// How long one window of load lasts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub seconds: u64,
    /// Short windows, few of them, few stored orders: to try whether it works.
    #[arg(long)]
    pub quick: bool,
    /// Orders in the large store.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=5_000_000))]
    pub orders_stored: u64,
    /// Members with a filled cart in each store: as many orders can be placed in one window.
    #[arg(long, value_name = "N", default_value_t = 12_000, value_parser = clap::value_parser!(u64).range(500..=200_000))]
    pub members: u64,
    /// The program under test; without it the `stoa` beside this program.
    #[arg(long, value_name = "PATH")]
    pub stoa: Option<PathBuf>,
    /// The demo tenant that is measured.
    #[arg(long, value_name = "CODE", default_value = "outlet")]
    pub tenant: String,
    /// Keep databases and logs when it is done.
    #[arg(long)]
    pub keep_data: bool,
}

/// A part of the measurement that runs as a process of its own.
#[derive(Debug, Subcommand)]
pub enum Part {
    /// Serves fixed answers until its standard input ends.
    #[command(hide = true)]
    BareServer(BareServer),
}

/// What the bare server is told.
#[derive(Debug, Clone, ClapArgs)]
pub struct BareServer {
    /// The answers, as JSON.
    #[arg(long, value_name = "FILE")]
    pub answers: PathBuf,
    /// Gets the address once it listens.
    #[arg(long, value_name = "FILE")]
    pub ready_file: PathBuf,
}

/// The sizes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// One window of load.
    pub window: Duration,
    /// Windows of which the median is taken.
    pub rounds: usize,
    /// Orders in the large store.
    pub orders_stored: u64,
    /// Members with a cart.
    pub members: u64,
    /// Whether it is a trial.
    pub quick: bool,
}

impl Args {
    /// The sizes.
    #[must_use]
    pub fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                window: Duration::from_secs(1),
                rounds: 3,
                orders_stored: self.orders_stored.min(20_000),
                members: self.members.min(6_000),
                quick: true,
            };
        }
        Plan {
            window: Duration::from_secs(self.seconds),
            rounds: 5,
            orders_stored: self.orders_stored,
            members: self.members,
            quick: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound_and_its_defaults_are_the_issue_s() {
        Args::command().debug_assert();
        let plan = Args::parse_from(["bench"]).plan();
        assert_eq!((plan.rounds, plan.orders_stored, plan.quick), (5, 1_000_000, false));
    }

    #[test]
    fn a_quick_run_is_smaller_whatever_else_is_said() {
        let plan = Args::parse_from(["bench", "--quick", "--seconds", "20"]).plan();
        assert_eq!(plan.window, Duration::from_secs(1));
        assert!(plan.orders_stored <= 20_000 && plan.members <= 6_000);
        assert!(Args::try_parse_from(["bench", "--seconds", "0"]).is_err());
    }
}
