//! The part of the report about reads of one's own orders: a small store beside a large one. Pure.

use kit::Timestamp;
use serde::Serialize;

use crate::engine::Engine;
use crate::load::Window;
use crate::machine::Machine;
use crate::page::{Check, bullets, checks_table, para, table};
use crate::pages::Touched;
use crate::part::Part;
use crate::stats::{Summary, list, median, millis, permille, thousands};

/// The large store's p50, of the small one's, in thousandths.
const P50_MAX: u64 = 1_500;
/// The same of the p99.
const P99_MAX: u64 = 3_000;
/// Pages: a tree that has grown by a level adds one page to each walk down, which no index can save. So
/// many levels more per walk are let pass.
const LEVELS_MAX: u64 = 1;

/// One store.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    /// Orders in it.
    pub orders: u64,
    /// What they take on the disk.
    pub bytes: u64,
    /// How long writing them took, in seconds.
    pub took_s: u64,
    /// Reads a second, saturated.
    pub capacity: u64,
    /// The rate of the compared windows.
    pub rate: u64,
    /// Their latencies.
    pub latencies: Vec<Summary>,
    /// Bad answers in all windows.
    pub failed: u64,
    /// The first one.
    pub first_failure: Option<String>,
    /// Pages per read.
    pub touched: Option<Touched>,
}

impl Side {
    /// Counts what failed.
    pub fn see(&mut self, window: &Window) {
        self.failed += window.failed + window.given_up;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&window.first_failure);
        }
    }

    fn p50s(&self) -> Vec<u64> {
        self.latencies.iter().map(|l| l.p50_us).collect()
    }

    fn p99s(&self) -> Vec<u64> {
        self.latencies.iter().map(|l| l.p99_us).collect()
    }
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
    /// The tenant.
    pub tenant: String,
    /// Where its orders lie.
    pub placement: String,
    /// Over how many cells.
    pub cells: usize,
    /// A window in seconds.
    pub window_s: u64,
    /// Windows of a median.
    pub rounds: usize,
    /// Whether it was a trial.
    pub quick: bool,
    /// Members who read.
    pub readers: u64,
    /// Orders of every member.
    pub each: u64,
    /// Clients.
    pub clients: usize,
    /// Orders on a page.
    pub limit: u64,
    /// The small store, the large store.
    pub sides: Vec<Side>,
}

impl Report {
    /// As a part of the whole report.
    #[must_use]
    pub fn part(&self) -> Part {
        let checks = self.checks();
        let json = serde_json::json!({ "report": self, "checks": checks });
        Part {
            text: self.markdown(),
            json,
            holds: !checks.is_empty() && checks.iter().all(|c| c.holds),
        }
    }

    /// All bounds.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let [few, many] = self.sides.as_slice() else { return Vec::new() };
        let mut checks = vec![
            times("p50", (&few.p50s(), &many.p50s()), P50_MAX, few.orders),
            times("p99", (&few.p99s(), &many.p99s()), P99_MAX, few.orders),
        ];
        if let (Some(few), Some(many)) = (&few.touched, &many.touched) {
            // The index, and every order found by it.
            checks.push(walks("list", few.list_hundredths, many.list_hundredths, self.limit + 2));
            // The order by its key and its row, the lines by theirs.
            checks.push(walks("one order", few.one_hundredths, many.one_hundredths, 5));
            checks.push(Check {
                what: "rows are found by an index, and nothing is sorted".to_owned(),
                figure: many.by_index.to_string(),
                beside: String::new(),
                ratio: String::new(),
                required: "true".to_owned(),
                holds: few.by_index && many.by_index,
            });
        }
        checks.push(Check::none_failed(few.failed + many.failed));
        checks
    }

    /// The part as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let checks = self.checks();
        let holds = !checks.is_empty() && checks.iter().all(|c| c.holds);
        let verdict = if holds { "every bound holds" } else { "**a bound does not hold**" };
        let trial = if self.quick {
            "\n> This was a trial (`--quick`): short windows and fewer orders. Its figures mean little.\n"
        } else {
            ""
        };
        let title = self.engine.title();
        para(&mut out, &format!("# One's own orders on {title}: {verdict}\n{trial}"));
        self.head(&mut out);
        checks_table(&mut out, checks);
        self.tables(&mut out);
        for side in &self.sides {
            if let Some(why) = &side.first_failure {
                para(&mut out, &format!("The first read that failed: {why}\n"));
            }
        }
        self.how(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let Machine { cores, cpu, memory_mb, kernel, load_average } = &self.machine;
        bullets(
            out,
            &[
                format!("{} · commit `{}` · took {} s", self.made_at, self.commit, self.took_s),
                format!("{cores} cores, {cpu}, {memory_mb} MB, Linux {kernel}"),
                format!("load average before: {load_average}; after: {}", self.load_after),
                format!("repeat: `{}`", self.command),
            ],
        );
    }

    fn tables(&self, out: &mut String) {
        para(out, "## Reads\n");
        let row = |side: &Side| {
            vec![
                thousands(side.orders),
                millis(median(&side.p50s())),
                millis(median(&side.p99s())),
                format!("{}/s", thousands(side.rate)),
                format!("{}/s", thousands(side.capacity)),
                list(&side.p50s()),
                list(&side.p99s()),
            ]
        };
        let head = ["orders", "p50", "p99", "at", "saturated", "p50s, µs", "p99s, µs"];
        table(out, &head, self.sides.iter().map(row));
        para(out, "## Pages and bytes\n");
        let row = |side: &Side| {
            let of = |f: fn(&Touched) -> u64| side.touched.as_ref().map_or(0, f);
            vec![
                thousands(side.orders),
                hundredths(of(|t| t.list_hundredths)),
                hundredths(of(|t| t.one_hundredths)),
                format!("{} MB", thousands(side.bytes / 1_000_000)),
                thousands(side.bytes.checked_div(side.orders).unwrap_or(0)),
                format!("{} s", side.took_s),
            ]
        };
        let head = [
            "orders",
            "pages per list",
            "pages per order with its lines",
            "on the disk",
            "bytes per order",
            "written in",
        ];
        table(out, &head, self.sides.iter().map(row));
        let plans = self.sides.last().and_then(|s| s.touched.as_ref()).map(|t| t.plans.as_slice());
        let plans: Vec<String> =
            plans.unwrap_or_default().iter().map(|p| format!("`{p}`")).collect();
        bullets(out, &plans);
    }

    fn how(&self, out: &mut String) {
        let Self { program, tenant, placement, cells, window_s, rounds, .. } = self;
        let Self { readers, each, clients, limit, .. } = self;
        let pages = if self.engine.is_server() {
            "EXPLAIN (ANALYZE, BUFFERS): pages found in its cache or read"
        } else {
            "what the kernel counts as read with a page cache that is empty before each statement, so the different \
             pages that it needs"
        };
        para(out, "## How it was measured\n");
        bullets(
            out,
            &[
                format!(
                    "`{program} demo`, tenant `{tenant}` with placement {placement}: {cells} cells. Two stores with a \
                     server each, read in turn at the same rate, an open loop with {clients} clients; windows of \
                     {window_s} s, medians of {rounds}, after two windows that warm up. Half of the reads are the list \
                     (`GET /v1/store/orders?limit={limit}`), half one order with its lines."
                ),
                format!(
                    "Every member of both stores has {each} orders, evenly over ten months; {readers} of them read, each \
                     as often as any other. So a read means the same work in both, and the large store has more \
                     members, larger tables and deeper trees."
                ),
                "Orders are copies of one that was placed through the API: completed, with their lines and the first \
                 step of their history, in every column as the program writes it."
                    .to_owned(),
                format!(
                    "Pages are counted over 200 of the same reads while the server is stopped: {pages}. A tree that has \
                     grown by a level adds a page to each walk down it; so much is let pass, and no more."
                ),
            ],
        );
    }
}

/// A latency that may be so many thousandths of the small store's.
fn times(what: &str, (few, many): (&[u64], &[u64]), max: u64, orders: u64) -> Check {
    let (few, many) = (median(few), median(many));
    let ratio = permille(many, few);
    Check {
        what: format!("{what} of reads of one's own orders"),
        figure: millis(many),
        beside: format!("{} with {} orders", millis(few), thousands(orders)),
        ratio: format!("{}.{:02} x", ratio / 1_000, ratio % 1_000 / 10),
        required: format!("at most {}.{} x", max / 1_000, max % 1_000 / 100),
        holds: few > 0 && many > 0 && ratio <= max,
    }
}

/// Pages that may be more by one level for each walk down a tree.
fn walks(what: &str, few: u64, many: u64, walks: u64) -> Check {
    let more = walks * LEVELS_MAX * 100;
    Check {
        what: format!("pages per read, {what}"),
        figure: hundredths(many),
        beside: hundredths(few),
        ratio: format!("{} more", hundredths(many.saturating_sub(few))),
        required: format!("the same, or {} more: one level in {walks} walks", hundredths(more)),
        holds: few > 0 && many <= few + more,
    }
}

fn hundredths(n: u64) -> String {
    format!("{}.{:02}", thousands(n / 100), n % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(orders: u64, p50_us: u64, p99_us: u64, list_hundredths: u64) -> Side {
        let latency = Summary { count: 9, p50_us, p99_us, max_us: p99_us };
        let touched = Touched {
            list_hundredths,
            one_hundredths: 900,
            plans: vec!["SEARCH orders_03 USING INDEX x".into()],
            by_index: true,
        };
        let (bytes, touched) = (orders * 1_000, Some(touched));
        let (rate, latencies) = (400, vec![latency; 3]);
        Side { orders, bytes, rate, latencies, touched, ..Side::default() }
    }

    fn report() -> Report {
        Report {
            engine: Engine::Sqlite,
            made_at: Timestamp::from_millis(1_795_000_000_000),
            commit: "abc123".into(),
            took_s: 9,
            machine: crate::machine::look(),
            load_after: String::new(),
            command: "cargo xtask bench --own-orders".into(),
            program: "stoa".into(),
            tenant: "outlet".into(),
            placement: "(4,8,4,0)".into(),
            cells: 32,
            window_s: 5,
            rounds: 3,
            quick: false,
            readers: 4_000,
            each: 25,
            clients: 16,
            limit: 20,
            sides: vec![side(100_000, 1_000, 2_000, 4_000), side(10_000_000, 1_500, 6_000, 6_200)],
        }
    }

    #[test]
    fn the_very_edge_of_every_bound_passes_and_one_step_past_fails_that_bound_alone() {
        assert!(report().part().holds, "{:?}", report().checks());
        let fails = |change: fn(&mut Side)| {
            let mut report = report();
            change(&mut report.sides[1]);
            let failed: Vec<String> =
                report.checks().into_iter().filter(|c| !c.holds).map(|c| c.what).collect();
            failed.join("; ")
        };
        let slower = |s: &mut Side| s.latencies.iter_mut().for_each(|l| l.p50_us = 1_502);
        assert!(fails(slower).starts_with("p50"));
        let tail = |s: &mut Side| s.latencies.iter_mut().for_each(|l| l.p99_us = 6_003);
        assert!(fails(tail).starts_with("p99"));
        let pages = |s: &mut Side| {
            s.touched = s.touched.clone().map(|t| Touched { list_hundredths: 6_201, ..t });
        };
        assert!(fails(pages).starts_with("pages per read, list"));
        let scan = |s: &mut Side| {
            s.touched = s.touched.clone().map(|t| Touched { by_index: false, ..t });
        };
        assert!(fails(scan).starts_with("rows are found"));
        assert!(fails(|s| s.failed = 1).starts_with("requests that failed"));
    }

    #[test]
    fn a_side_that_was_not_measured_does_not_pass() {
        let mut nothing = report();
        nothing.sides[1].latencies.clear();
        assert!(!nothing.part().holds);
        nothing.sides.clear();
        assert!(nothing.markdown().contains("does not hold"));
    }

    #[test]
    fn the_text_has_both_stores() {
        let text = report().markdown();
        for part in
            ["10,000,000", "1.50 x", "3.00 x", "62.00", "10,000 MB", "USING INDEX", "32 cells"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}
