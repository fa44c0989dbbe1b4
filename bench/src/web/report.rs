//! The part of the report about pages: bounds, verdicts, tables. Pure: it is handed everything.

use kit::Timestamp;
use serde::Serialize;

use super::lighthouse::{CATEGORIES, Scores};
use super::speed::Figures;
use crate::machine::Machine;
use crate::page::{Check, bullets, para, table};
use crate::stats::{list, millis, thousands};

/// The p99 of a page, of the bare handler's, at most, in tenths.
const P99_RATIO_MAX_TENTHS: u64 = 30;
/// The most bytes of a page's HTML.
const HTML_MAX: usize = 60 * 1_024;
/// The least score.
const SCORE_MIN: u64 = 95;
/// What this part begins with.
const HEADING: &str = "# Pages: ";

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
    /// The program under test.
    pub program: String,
    /// The tenant.
    pub tenant: String,
    /// A window in seconds.
    pub window_s: u64,
    /// Windows of a median.
    pub rounds: usize,
    /// Whether it was a trial.
    pub quick: bool,
    /// The speed of pages.
    pub speed: Vec<Figures>,
    /// What Lighthouse says.
    pub scores: Vec<Scores>,
}

impl Report {
    /// All bounds.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut checks: Vec<Check> = self.speed.iter().map(tail).collect();
        checks.extend(self.speed.iter().map(weight));
        for scores in &self.scores {
            for (n, category) in CATEGORIES.iter().enumerate() {
                let score = scores.median(n);
                checks.push(Check {
                    what: format!("Lighthouse, {}: {category}", scores.name),
                    figure: score.to_string(),
                    beside: list(&scores.all(n)),
                    ratio: String::new(),
                    required: format!("at least {SCORE_MIN}"),
                    holds: score >= SCORE_MIN,
                });
            }
        }
        let failed = self.speed.iter().map(|f| f.failed).sum();
        checks.push(Check {
            what: "pages that failed".to_owned(),
            figure: thousands(failed),
            beside: String::new(),
            ratio: String::new(),
            required: "none".to_owned(),
            holds: failed == 0,
        });
        checks
    }

    /// Whether every bound holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks().iter().all(|c| c.holds)
    }

    /// The report as JSON: every figure, and the verdicts.
    ///
    /// # Errors
    /// Never; the types are plain.
    pub fn json(&self) -> serde_json::Result<String> {
        let checks = self.checks();
        serde_json::to_string_pretty(&serde_json::json!({ "report": self, "checks": checks }))
    }

    /// The part as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let verdict = if self.holds() { "every bound holds" } else { "**a bound does not hold**" };
        para(&mut out, &format!("{HEADING}{verdict}\n"));
        if self.quick {
            para(&mut out, "> This was a trial (`--quick`). Its figures mean little.\n");
        }
        let Machine { cores, cpu, memory_mb, kernel, load_average } = &self.machine;
        bullets(
            &mut out,
            &[
                format!("{} · commit `{}` · took {} s", self.made_at, self.commit, self.took_s),
                format!(
                    "{cores} cores, {cpu}, {memory_mb} MB, Linux {kernel}; client and servers share them"
                ),
                format!("load average before: {load_average}; after: {}", self.load_after),
                format!("repeat: `{}`", self.command),
            ],
        );
        let row = |c: Check| {
            let verdict = if c.holds { "PASS" } else { "**FAIL**" };
            vec![c.what, c.figure, c.beside, c.ratio, c.required, verdict.to_owned()]
        };
        let head = ["bound", "measured", "beside", "ratio", "required", "verdict"];
        table(&mut out, &head, self.checks().into_iter().map(row));
        self.speed_table(&mut out);
        self.lost(&mut out);
        out
    }

    fn speed_table(&self, out: &mut String) {
        para(out, "## Speed of pages\n");
        let head = [
            "page",
            "HTML",
            "capacity",
            "CPU per page",
            "bare capacity",
            "open loop at",
            "p50",
            "p99",
            "CPU per page",
            "bare p50",
            "bare p99",
            "bare CPU",
            "p99, windows",
            "bare p99, windows",
            "bare at half of its own",
            "its p99, windows",
        ];
        let row = |f: &Figures| {
            let ((p50, p99, cpu), (bare_p50, bare_p99, bare_cpu)) =
                (f.page.medians(), f.bare.medians());
            vec![
                f.name.to_owned(),
                format!("{} B", thousands(f.bytes as u64)),
                format!("{}/s", thousands(f.capacity)),
                millis(f.cpu_us),
                format!("{}/s", thousands(f.bare_capacity)),
                format!("{}/s", thousands(f.rate)),
                millis(p50),
                millis(p99),
                millis(cpu),
                millis(bare_p50),
                millis(bare_p99),
                millis(bare_cpu),
                windows(&f.page.p99_us),
                windows(&f.bare.p99_us),
                format!("{}/s", thousands(f.bare_rate)),
                windows(&f.bare_busy.p99_us),
            ]
        };
        table(out, &head, self.speed.iter().map(row));
        let Self { program, tenant, window_s, rounds, .. } = self;
        para(
            out,
            &format!(
                "`{program} demo`, tenant `{tenant}`, as a visitor without cookies, HTTP/1.1 on loopback with kept-alive \
                 connections. The capacity is the best of {} clients, each as fast as it gets answers, for {window_s} s. Then \
                 half of it as an open loop of evenly spaced arrivals, the page and a bare axum handler with the same bytes and \
                 headers in turn at the same rate, and the latter also at half of what itself can do: medians of {rounds} windows of {window_s} s; latencies count from when a \
                 request was due. CPU is the server's own.\n",
                self.speed.first().map_or_else(String::new, |f| {
                    f.ramp.iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>().join(", ")
                }),
            ),
        );
    }

    fn lost(&self, out: &mut String) {
        for scores in self.scores.iter().filter(|s| !s.lost.is_empty()) {
            let lost = scores.lost.join("; ");
            let text = format!("Lighthouse, {}: what cost points: {lost}.\n", scores.name);
            para(out, &text);
        }
    }
}

fn tail(figures: &Figures) -> Check {
    let (page, bare) = (figures.page.medians().1, figures.bare.medians().1);
    let busy = figures.bare_busy.medians().1;
    let times = |of: u64| {
        let tenths = (page * 10).checked_div(of);
        tenths.map_or_else(|| "?".to_owned(), |t| format!("{}.{} ×", t / 10, t % 10))
    };
    Check {
        what: format!("p99 of {} at half of its capacity", figures.name),
        figure: millis(page),
        beside: format!(
            "{} (bare axum handler, same bytes and rate); {} (the same at half of its own capacity)",
            millis(bare),
            millis(busy)
        ),
        ratio: format!("{}; {}", times(bare), times(busy)),
        required: format!("at most {} ×", P99_RATIO_MAX_TENTHS / 10),
        holds: page > 0 && page * 10 <= bare * P99_RATIO_MAX_TENTHS,
    }
}

fn weight(figures: &Figures) -> Check {
    Check {
        what: format!("HTML of {}", figures.name),
        figure: format!("{} B", thousands(figures.bytes as u64)),
        beside: String::new(),
        ratio: String::new(),
        required: format!("at most {} B", thousands(HTML_MAX as u64)),
        holds: (1..=HTML_MAX).contains(&figures.bytes),
    }
}

fn windows(us: &[u64]) -> String {
    us.iter().map(|v| millis(*v)).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::speed::Side;

    fn figures(page_us: u64, bare_us: u64) -> Figures {
        let side = |us| Side { p50_us: vec![1], p99_us: vec![us], cpu_us: vec![1] };
        Figures {
            name: "home",
            bytes: 9_000,
            page: side(page_us),
            bare: side(bare_us),
            bare_busy: side(3_000),
            ..Figures::default()
        }
    }

    #[test]
    fn a_tail_of_three_times_the_bare_one_holds_and_more_does_not() {
        assert!(tail(&figures(3_000, 1_000)).holds);
        assert_eq!(tail(&figures(3_000, 1_000)).ratio, "3.0 ×; 1.0 ×");
        assert!(!tail(&figures(3_001, 1_000)).holds);
        assert!(!tail(&figures(0, 0)).holds, "nothing was measured");
    }

    #[test]
    fn a_heavy_page_does_not_hold() {
        assert!(weight(&figures(1, 1)).holds);
        assert!(!weight(&Figures { bytes: HTML_MAX + 1, ..figures(1, 1) }).holds);
    }
}
