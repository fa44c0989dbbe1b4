//! The command line. It decides nothing but what the words mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::engine::Engine;

const ABOUT: &str =
    "Measures product reads and orders of the release program over HTTP on this machine";
const LONG_ABOUT: &str = "\
Measures product reads and orders of the release program over HTTP on this machine, in one run, and \
writes a report with the machine's own limits beside each figure.

It starts everything itself on loopback, in a folder of its own, and ends and removes it afterwards: \
two `stoa demo` servers (a small store, and the same with many orders in it), a bare axum handler that \
answers the same bytes as a product read, and a raw SQLite writer that writes the same rows as an order. \
Members and carts are written into the stopped server's files as copies of ones made through the API.

With --engine it measures orders on PostgreSQL or MariaDB instead, on a server of its own beside raw sqlx \
that writes the same rows; with --own-orders reads of one's own orders in a store of 10,000,000 (PostgreSQL: \
1,000,000) beside one of 100,000. Each is a part of the report and replaces the part of its name.";
const AFTER: &str = "\
Examples:
  cargo xtask bench                     the whole measurement, about five minutes on two cores
  cargo xtask bench --quick             all engines and parts, to see that they work; the figures mean little
  cargo xtask bench --engine postgres   orders on PostgreSQL, about four minutes; likewise mysql
  cargo xtask bench --own-orders        10,000,000 orders: about ten minutes, and 20 GB of disk meanwhile
  cargo xtask bench --web               pages: speed and Lighthouse, about seven minutes; at the end of the report
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
    /// Measure orders on this engine; without it the embedded one, and with --quick all of them.
    #[arg(long, value_enum)]
    pub engine: Option<Engine>,
    /// Measure reads of one's own orders instead, in a small store and a large one.
    #[arg(long, conflicts_with = "web")]
    pub own_orders: bool,
    /// Orders in the large store of --own-orders; 10,000,000, or 1,000,000 on PostgreSQL.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100_000..=20_000_000))]
    pub own_orders_stored: Option<u64>,
    /// Measure pages instead: their speed, and what Lighthouse says of them.
    #[arg(long)]
    pub web: bool,
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

/// A part of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Product reads and orders on the embedded engine.
    Embedded,
    /// Orders on a database server.
    Server(Engine),
    /// Reads of one's own orders.
    OwnOrders(Engine),
}

impl Args {
    /// What is to be measured.
    #[must_use]
    pub fn parts(&self) -> Vec<What> {
        let of = |engine: Engine| match engine {
            Engine::Sqlite => What::Embedded,
            server => What::Server(server),
        };
        match (self.engine, self.own_orders) {
            (engine, true) => vec![What::OwnOrders(engine.unwrap_or(Engine::Sqlite))],
            (Some(engine), false) => vec![of(engine)],
            (None, false) if self.quick => {
                let orders = [Engine::Sqlite, Engine::Postgres, Engine::Mysql].map(of);
                let own = [Engine::Sqlite, Engine::Postgres].map(What::OwnOrders);
                orders.into_iter().chain(own).collect()
            }
            (None, false) => vec![What::Embedded],
        }
    }

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
    fn a_quick_run_has_every_part_unless_one_is_named() {
        let parts = |args: &[&str]| Args::parse_from(["bench"].iter().chain(args)).parts();
        assert_eq!(parts(&[]), [What::Embedded]);
        assert_eq!(parts(&["--quick"]).len(), 5);
        assert_eq!(parts(&["--quick", "--engine", "mysql"]), [What::Server(Engine::Mysql)]);
        assert_eq!(parts(&["--engine", "sqlite"]), [What::Embedded]);
        let own = parts(&["--engine", "postgres", "--own-orders"]);
        assert_eq!(own, [What::OwnOrders(Engine::Postgres)]);
        assert!(Args::try_parse_from(["bench", "--own-orders", "--web"]).is_err());
    }

    #[test]
    fn a_quick_run_is_smaller_whatever_else_is_said() {
        let plan = Args::parse_from(["bench", "--quick", "--seconds", "20"]).plan();
        assert_eq!(plan.window, Duration::from_secs(1));
        assert!(plan.orders_stored <= 20_000 && plan.members <= 6_000);
        assert!(Args::try_parse_from(["bench", "--seconds", "0"]).is_err());
    }
}
