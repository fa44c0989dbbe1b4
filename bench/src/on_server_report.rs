//! The part of the report about orders on a database server: figures beside raw sqlx, bounds, and the page
//! about machines. Pure.

use kit::Timestamp;
use serde::Serialize;

use crate::capacity::{self, Assumptions, Cost};
use crate::engine::Engine;
use crate::machine::Machine;
use crate::on_server::WARM_UP_WINDOWS;
use crate::orders::{Placed, rates, typical};
use crate::page::{Check, Kept, at_least, bullets, checks_table, megabytes, para, table};
use crate::part::Part;
use crate::stats::{list, median, millis, percent, permille, thousands};

/// With so many clients.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    /// Clients.
    pub clients: usize,
    /// The program, saturated.
    pub stoa: Vec<Placed>,
    /// Raw sqlx in turn with it.
    pub raw: Vec<u64>,
    /// The program, on a schedule.
    pub open_loop: Placed,
    /// The schedule's rate.
    pub open_loop_per_second: u64,
}

/// Everything that was measured, and under what conditions.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The engine.
    pub engine: Engine,
    /// When it began.
    pub made_at: Timestamp,
    /// The commit, with `+` when files differed from it.
    pub commit: String,
    /// How long it took, in seconds.
    pub took_s: u64,
    /// The machine.
    pub machine: Machine,
    /// The load average after the run.
    pub load_after: String,
    /// The command line.
    pub command: String,
    /// The program under test.
    pub program: String,
    /// The server's version and settings.
    pub server: String,
    /// The tenant.
    pub tenant: String,
    /// Where its orders lie.
    pub placement: String,
    /// A window in seconds.
    pub window_s: u64,
    /// Windows of a median.
    pub rounds: usize,
    /// Whether it was a trial.
    pub quick: bool,
    /// Members with carts.
    pub members: u64,
    /// Connections of the program at most, and all that were seen.
    pub connections: (u64, u64),
    /// The rows of an order.
    pub rows_per_order: String,
    /// By number of clients.
    pub levels: Vec<Level>,
    /// Carts filled a second.
    pub filled_per_second: u64,
    /// Anonymous memory of the program after everything, in kB.
    pub rss_anon_kb: u64,
    /// Orders answered and orders found.
    pub kept: Kept,
    /// What one order cost.
    pub cost: Cost,
}

impl Report {
    /// As a part of the whole report.
    #[must_use]
    pub fn part(&self) -> Part {
        let checks = self.checks();
        let json = serde_json::json!({ "report": self, "checks": checks });
        Part { text: self.markdown(), json, holds: checks.iter().all(|c| c.holds) }
    }

    /// All bounds.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let title = self.engine.title();
        let mut checks: Vec<Check> = self
            .levels
            .iter()
            .map(|level| {
                at_least(
                    &format!("orders on {title}, {} clients", level.clients),
                    median(&rates(&level.stoa)),
                    &format!("raw sqlx, same rows, {} connections", self.raw_connections(level)),
                    median(&level.raw),
                    self.engine.orders_min(),
                )
            })
            .collect();
        let failed = self.failed();
        checks.push(self.kept.check(&format!("orders in {title}"), failed));
        checks.push(Check::none_failed(failed));
        checks
    }

    fn raw_connections(&self, level: &Level) -> u64 {
        (level.clients as u64).min(self.connections.0)
    }

    fn failed(&self) -> u64 {
        let windows = self.levels.iter().flat_map(|l| l.stoa.iter().chain([&l.open_loop]));
        windows.map(|w| w.failed).sum()
    }

    fn first_failure(&self) -> Option<&str> {
        let mut windows = self.levels.iter().flat_map(|l| l.stoa.iter().chain([&l.open_loop]));
        windows.find_map(|w| w.first_failure.as_deref())
    }

    /// The part as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let (title, checks) = (self.engine.title(), self.checks());
        let holds = checks.iter().all(|c| c.holds);
        let verdict = if holds { "every bound holds" } else { "**a bound does not hold**" };
        let trial = if self.quick {
            "\n> This was a trial (`--quick`): short windows and few stored orders. Its figures mean little.\n"
        } else {
            ""
        };
        para(&mut out, &format!("# Orders on {title}: {verdict}\n{trial}"));
        self.head(&mut out);
        checks_table(&mut out, checks);
        self.table(&mut out);
        if let Some(why) = self.first_failure() {
            para(&mut out, &format!("The first request that failed: {why}\n"));
        }
        capacity::page(&mut out, &self.cost, &Assumptions::default());
        self.how(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let Machine { cores, cpu, memory_mb, kernel, load_average } = &self.machine;
        bullets(
            out,
            &[
                format!("{} · commit `{}` · took {} s", self.made_at, self.commit, self.took_s),
                format!(
                    "{cores} cores, {cpu}, {memory_mb} MB, Linux {kernel}; client, program, database and raw writers \
                     share them"
                ),
                self.server.clone(),
                format!("load average before: {load_average}; after: {}", self.load_after),
                format!("repeat: `{}`", self.command),
            ],
        );
    }

    fn table(&self, out: &mut String) {
        let head = [
            "clients",
            "orders/s",
            "raw/s",
            "of raw",
            "p50",
            "p99",
            "CPU per order, Stoa",
            "CPU per order, database",
            "log per order",
            "open loop at",
            "p50",
            "p99",
            "windows",
            "raw windows",
        ];
        let row = |level: &Level| {
            let (middle, raw) = (median(&rates(&level.stoa)), median(&level.raw));
            let typical = typical(&level.stoa);
            let of = |f: fn(&Placed) -> String| typical.map_or_else(String::new, f);
            vec![
                level.clients.to_string(),
                thousands(middle),
                thousands(raw),
                percent(permille(middle, raw)),
                of(|w| millis(w.latency.p50_us)),
                of(|w| millis(w.latency.p99_us)),
                of(|w| millis(w.cpu_us)),
                of(|w| millis(w.database_cpu_us)),
                of(|w| format!("{} B", thousands(w.log_bytes))),
                format!("{}/s", thousands(level.open_loop_per_second)),
                millis(level.open_loop.latency.p50_us),
                millis(level.open_loop.latency.p99_us),
                list(&rates(&level.stoa)),
                list(&level.raw),
            ]
        };
        para(out, "## Orders placed\n");
        table(out, &head, self.levels.iter().map(row));
    }

    fn how(&self, out: &mut String) {
        let Self { program, tenant, placement, window_s, rounds, members, .. } = self;
        para(out, "## How it was measured\n");
        bullets(
            out,
            &[
                format!(
                    "`{program} demo` on a server that was started for it and forces every commit to the disk; tenant \
                     `{tenant}` with placement {placement}, with the connections that a demo takes ({} were open on the server, \
                     the raw writers' and those that look included); windows of {window_s} s, medians of {rounds} at 128 \
                     clients, of 3 below, after {WARM_UP_WINDOWS} that warm up: each connection plans each statement \
                     of each logical database once.",
                    self.connections.1
                ),
                format!(
                    "Raw sqlx writes the same rows per order ({}; two stock rows are updated, last) into copies of the \
                     program's own tables on the same server, statement by statement, in one transaction per order, in \
                     turn with the program. It has as many connections as there are clients, and no more than {}. \
                     It reads nothing and checks nothing.",
                    self.rows_per_order, self.connections.0
                ),
                format!(
                    "{members} members with filled carts are copies of one who registered through the API; carts are \
                     filled before a window and not timed with it ({} a second with 32 clients). CPU and log per order \
                     count until the messages of the window's orders are delivered.",
                    thousands(self.filled_per_second)
                ),
                format!(
                    "RssAnon of the program after everything: {}.",
                    megabytes(self.rss_anon_kb)
                ),
            ],
        );
    }
}

#[cfg(test)]
#[path = "on_server_report_tests.rs"]
mod tests;
