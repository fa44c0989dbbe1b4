//! The report: figures beside the machine's limits, bounds and verdicts, as Markdown and as JSON. Pure:
//! it is handed everything, the date too.

use kit::Timestamp;
use serde::Serialize;

use crate::capacity::{self, Assumptions, Cost};
use crate::engine::Engine;
use crate::machine::Machine;
use crate::orders::{self, LEVELS, Level, Placed, rates, typical};
use crate::page::{Check, Kept, at_least, bullets, checks_table, megabytes, para, table};
use crate::part::Part;
use crate::raw;
use crate::reads::{self, Measured};
use crate::stats::{difference_permille, list, median, millis, percent, permille, thousands};

/// Product reads, of the bare handler's, in thousandths.
const READS_MIN: u64 = 200;
/// Between the small and the large store, in thousandths.
const DIFFERENCE_MAX: u64 = 350;
/// Anonymous memory, in kB of 1,024 bytes: 200 MB.
const RSS_KB_MAX: u64 = 200_000_000 / 1_024;

/// Everything that was measured, and under what conditions.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
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
    /// The sizes.
    pub sizes: Sizes,
    /// The program under test.
    pub program: String,
    /// Confirmed appends of 4 KiB a second before everything.
    pub disk_before: u64,
    /// Product reads.
    pub reads: reads::Figures,
    /// Orders.
    pub orders: orders::Figures,
    /// Carts filled a second on the small store.
    pub filled_per_second: u64,
    /// Anonymous memory of both stores after everything, in kB: small, large.
    pub rss_anon_kb: [u64; 2],
    /// Orders answered and orders found, with those stored before: small, large.
    pub kept: [Kept; 2],
    /// What one order cost.
    pub cost: Cost,
}

/// How much of everything.
#[derive(Debug, Clone, Serialize)]
pub struct Sizes {
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
    /// Orders in the large store before the run.
    pub orders_stored: u64,
    /// Members with carts.
    pub members: u64,
    /// Products that are read, and their mean length in bytes.
    pub products: (usize, usize),
    /// The rows of an order.
    pub rows_per_order: String,
}

impl Report {
    /// All bounds.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mid = |side: &Measured| median(&side.per_second);
        let (bare, read_small, read_large) =
            (mid(&self.reads.bare), mid(&self.reads.small), mid(&self.reads.large));
        let most = self.orders.levels.last().map_or(&[][..], |l| &l.small);
        let (small, large) = (median(&rates(most)), median(&rates(&self.orders.large)));
        let raw = median(&self.orders.raw);
        let failed = self.reads.failed + self.orders.failed();
        let clients = LEVELS[LEVELS.len() - 1];
        let stored = thousands(self.sizes.orders_stored);
        vec![
            at_least(
                "(a) product reads",
                read_small,
                "bare axum handler, same bytes",
                bare,
                READS_MIN,
            ),
            at_least(
                &format!("(b) orders, {clients} clients"),
                small,
                "raw rusqlite, same rows",
                raw,
                Engine::Sqlite.orders_min(),
            ),
            within(&format!("(c) product reads, {stored} orders stored"), read_large, read_small),
            within(&format!("(c) orders, {clients} clients, {stored} orders stored"), large, small),
            self.memory(),
            self.kept(failed),
            Check::none_failed(failed),
        ]
    }

    fn kept(&self, failed: u64) -> Check {
        let sum = |f: fn(&Kept) -> u64| self.kept.iter().map(f).sum();
        let both = Kept { answered: sum(|k| k.answered), found: sum(|k| k.found) };
        let holds = self.kept.iter().all(|k| k.holds(failed));
        Check { holds, ..both.check("orders in the files of both stores", failed) }
    }

    fn memory(&self) -> Check {
        let most = self.rss_anon_kb.into_iter().max().unwrap_or(0);
        Check {
            what: "(d) anonymous memory after it (RssAnon, the larger of both)".to_owned(),
            figure: megabytes(most),
            beside: format!("{} of memory", megabytes(self.machine.memory_mb * 1_024)),
            ratio: String::new(),
            required: "at most 200 MB".to_owned(),
            holds: (1..=RSS_KB_MAX).contains(&most),
        }
    }

    /// Whether every bound holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks().iter().all(|c| c.holds)
    }

    /// As a part of the whole report.
    #[must_use]
    pub fn part(&self) -> Part {
        let json = serde_json::json!({ "report": self, "checks": self.checks() });
        Part { text: self.markdown(), json, holds: self.holds() }
    }

    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        self.head(&mut out);
        checks_table(&mut out, self.checks());
        self.machine_limits(&mut out);
        self.reads_table(&mut out);
        self.orders_table(&mut out);
        self.stored_table(&mut out);
        capacity::page(&mut out, &self.cost, &Assumptions::default());
        self.how(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let verdict = if self.holds() { "every bound holds" } else { "**a bound does not hold**" };
        let trial = if self.sizes.quick {
            "\n> This was a trial (`--quick`): short windows and few stored orders. Its figures mean little.\n"
        } else {
            ""
        };
        let Machine { cores, cpu, memory_mb, kernel, load_average } = &self.machine;
        para(out, &format!("# Bench report: {verdict}\n{trial}"));
        bullets(
            out,
            &[
                format!("{} · commit `{}` · took {} s", self.made_at, self.commit, self.took_s),
                format!(
                    "{cores} cores, {cpu}, {memory_mb} MB, Linux {kernel}; client, servers and raw writers share them"
                ),
                format!("load average before: {load_average}; after: {}", self.load_after),
                format!("repeat: `{}`", self.command),
            ],
        );
    }

    fn machine_limits(&self, out: &mut String) {
        para(out, "## The machine's own limits\n");
        let rounds = self.sizes.rounds;
        table(
            out,
            &["limit", "a second", "windows"],
            [
                vec![
                    "fdatasync after a 4 KiB append, in the data folder".into(),
                    thousands(median(&self.orders.fdatasyncs)),
                    list(&self.orders.fdatasyncs),
                ],
                vec![
                    "bare axum handler, same bytes and headers as the product reads".into(),
                    thousands(median(&self.reads.bare.per_second)),
                    list(&self.reads.bare.per_second),
                ],
                vec![
                    format!(
                        "raw rusqlite, {} files, {} orders per commit",
                        raw::FILES,
                        raw::PER_COMMIT
                    ),
                    thousands(median(&self.orders.raw)),
                    list(&self.orders.raw),
                ],
            ],
        );
        para(
            out,
            &format!(
                "Medians of {rounds}. The disk and the raw writer were measured in turn with the orders; before \
             everything the disk confirmed {}/s. The raw writer's rows per order, the same that an order leaves in \
             Stoa's files: {}; two stock rows are updated. It has Stoa's schema, indices and pragmas (WAL, \
             `synchronous=FULL`), reads nothing and checks nothing.\n",
                thousands(self.disk_before),
                self.sizes.rows_per_order
            ),
        );
    }

    fn reads_table(&self, out: &mut String) {
        let reads = &self.reads;
        para(out, "## Product reads\n");
        let bare = median(&reads.bare.per_second);
        let side = |name: &str, side: &Measured| {
            let middle = median(&side.per_second);
            vec![
                name.to_owned(),
                thousands(middle),
                percent(permille(middle, bare)),
                format!("{} µs", median(&side.cpu_us)),
                list(&side.per_second),
            ]
        };
        table(
            out,
            &[
                "`GET /v1/store/products/{id}`",
                "requests/s",
                "of bare",
                "server CPU per request",
                "windows",
            ],
            [
                side("bare axum handler", &reads.bare),
                side("Stoa", &reads.small),
                side("Stoa, orders stored", &reads.large),
            ],
        );
        let step = |(clients, stoa, bare): &(usize, u64, u64)| {
            format!("{clients}: {} and {}", thousands(*stoa), thousands(*bare))
        };
        let ramp = reads.ramp.iter().map(step);
        para(
            out,
            &format!(
                "{} clients, saturated, the three in turn; what Stoa and the bare handler did with other numbers of \
             clients: {}. {} products in turn, {} bytes on \
             average. The client takes the same CPU from every side, which flatters the slower one: the server's own \
             CPU per request does not have that flaw. Open loop on Stoa at {}/s (70 % of its capacity): p50 {}, p99 {}, \
             longest {}, from when each request was due.\n",
                reads.clients,
                ramp.collect::<Vec<_>>().join(", "),
                self.sizes.products.0,
                self.sizes.products.1,
                thousands(reads.open_loop_per_second),
                millis(reads.open_loop.p50_us),
                millis(reads.open_loop.p99_us),
                millis(reads.open_loop.max_us),
            ),
        );
    }

    fn orders_table(&self, out: &mut String) {
        para(out, "## Orders placed\n");
        let raw = median(&self.orders.raw);
        let row = |level: &Level| {
            let middle = median(&rates(&level.small));
            let (typical, open) = (typical(&level.small), &level.open_loop.latency);
            let of = |f: fn(&Placed) -> String| typical.map_or_else(String::new, f);
            vec![
                level.clients.to_string(),
                thousands(middle),
                percent(permille(middle, raw)),
                of(|w| millis(w.latency.p50_us)),
                of(|w| millis(w.latency.p99_us)),
                of(|w| millis(w.cpu_us)),
                format!("{}/s", thousands(level.open_loop_per_second)),
                millis(open.p50_us),
                millis(open.p99_us),
                list(&rates(&level.small)),
            ]
        };
        let head = [
            "clients",
            "orders/s",
            "of raw",
            "p50",
            "p99",
            "CPU per order",
            "open loop at",
            "p50",
            "p99",
            "windows",
        ];
        table(out, &head, self.orders.levels.iter().map(row));
        let settled = self.orders.levels.iter().flat_map(|l| &l.small).map(|w| w.settled_ms).max();
        para(
            out,
            &format!(
                "`POST /v1/store/orders`, two lines each, answered after every commit is durable. The first p50 and p99 are \
             with all clients busy (the median window); the second are an open loop at 70 % of that rate, from when \
             each order was due. CPU per order is the server's, with the messages an order causes, until it is idle \
             again (at most {} ms after a window). Carts are filled before a window and not timed with it: two lines and \
             a checkout at {} carts/s with 32 clients.\n",
                settled.unwrap_or(0),
                thousands(self.filled_per_second),
            ),
        );
    }

    fn stored_table(&self, out: &mut String) {
        para(out, &format!("## With {} orders stored\n", thousands(self.sizes.orders_stored)));
        let most = self.orders.levels.last().map_or(&[][..], |l| &l.small);
        let row = |name: &str, small: &[u64], large: &[u64]| {
            let (a, b) = (median(small), median(large));
            vec![
                name.to_owned(),
                thousands(a),
                thousands(b),
                percent(difference_permille(a, b)),
                list(small),
                list(large),
            ]
        };
        let (small, large) = (rates(most), rates(&self.orders.large));
        let clients = LEVELS[LEVELS.len() - 1];
        table(
            out,
            &[
                "a second",
                "small store",
                "large store",
                "difference",
                "small, windows",
                "large, windows",
            ],
            [
                row("product reads", &self.reads.small.per_second, &self.reads.large.per_second),
                row(&format!("orders, {clients} clients"), &small, &large),
            ],
        );
        para(
            out,
            &format!(
                "Two data folders, two servers, loaded in turn. RssAnon after everything: {} (small), {} (large).\n",
                megabytes(self.rss_anon_kb[0]),
                megabytes(self.rss_anon_kb[1]),
            ),
        );
    }

    fn how(&self, out: &mut String) {
        let Sizes { tenant, placement, window_s, rounds, members, orders_stored, .. } = &self.sizes;
        let program = &self.program;
        para(out, "## How it was measured\n");
        bullets(out, &[
            format!("`{program} demo`, tenant `{tenant}` with placement {placement}, over HTTP/1.1 on loopback with kept-alive connections and TCP_NODELAY; windows of {window_s} s, medians of {rounds} where sides are compared (3 at the lower levels)."),
            format!("{members} members with sessions, addresses and filled carts are copies of one who registered through the API, written into the stopped server's files; so is the stock. Members buy in turn; the quota of unpaid orders is raised to 100,000 and unpaid orders close after 12 h, so that neither interferes."),
            format!("{} stored orders are copies of one that was placed through the API: completed, with lines, five steps of history, reservation and ledger, spread over the cells by the placement formula and over ten months; their messages and idempotency records are gone, as housekeeping would have it. One in four belongs to a member who buys during the run.", thousands(*orders_stored)),
            "Latencies are kept to three digits (HdrHistogram). An open loop's arrivals are evenly spaced and wait for nobody; what is late counts from when it was due, in steps of 0.2 ms.".to_owned(),
        ]);
    }
}

fn within(what: &str, large: u64, small: u64) -> Check {
    let difference = difference_permille(small, large);
    Check {
        what: what.to_owned(),
        figure: format!("{}/s", thousands(large)),
        beside: format!("{}/s (few orders stored)", thousands(small)),
        ratio: format!("{} apart", percent(difference)),
        required: format!("within {}", percent(DIFFERENCE_MAX)),
        holds: small > 0 && large > 0 && difference <= DIFFERENCE_MAX,
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
