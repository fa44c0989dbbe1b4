//! Tests of the report: verdicts at the very edge of each bound, and what the text says.

use super::*;
use crate::stats::Summary;

fn windows(per_second: &[u64]) -> Vec<Placed> {
    let one = |n: &u64| Placed {
        per_second: *n,
        latency: Summary { count: 9, p50_us: 1_500, p99_us: 9_000, max_us: 12_000 },
        cpu_us: 830,
        database_cpu_us: 0,
        log_bytes: 12_345,
        settled_ms: 120,
        failed: 0,
        first_failure: None,
    };
    per_second.iter().map(one).collect()
}

fn level(clients: usize, per_second: &[u64]) -> Level {
    let open_loop = windows(&[per_second[0]]).remove(0);
    Level { clients, small: windows(per_second), open_loop, open_loop_per_second: 700 }
}

fn measured(per_second: &[u64]) -> Measured {
    Measured { per_second: per_second.to_vec(), cpu_us: vec![20] }
}

fn report() -> Report {
    Report {
        made_at: Timestamp::from_millis(1_795_000_000_000),
        commit: "abc123".into(),
        took_s: 500,
        machine: Machine {
            cores: 2,
            cpu: "Test".into(),
            memory_mb: 24_000,
            kernel: "6.1".into(),
            load_average: "0.1 0.2 0.3".into(),
        },
        load_after: "3.0 2.0 1.0".into(),
        command: "cargo xtask bench".into(),
        sizes: Sizes {
            tenant: "outlet".into(),
            placement: "(4,8,4,0)".into(),
            window_s: 3,
            rounds: 5,
            quick: false,
            orders_stored: 1_000_000,
            members: 12_000,
            products: (50, 1_511),
            rows_per_order: "1 orders, 2 order_lines".into(),
        },
        program: "target/release/stoa".into(),
        disk_before: 2_345,
        reads: reads::Figures {
            clients: 64,
            ramp: vec![(64, 20_000, 100_000)],
            bare: measured(&[100_000, 90_000, 110_000]),
            small: measured(&[20_000, 19_000, 21_000]),
            large: measured(&[13_000, 12_000, 14_000]),
            ..reads::Figures::default()
        },
        orders: orders::Figures {
            levels: vec![level(8, &[500]), level(32, &[900]), level(128, &[2_000, 2_400, 1_900])],
            large: windows(&[1_300, 1_290, 1_400]),
            raw: vec![20_000, 19_000, 21_000],
            fdatasyncs: vec![2_000, 2_100, 1_900],
        },
        filled_per_second: 1_200,
        rss_anon_kb: [100_000, RSS_KB_MAX],
        kept: [Kept { answered: 7, found: 7 }, Kept { answered: 1_000_009, found: 1_000_009 }],
        cost: Cost {
            engine: Engine::Sqlite,
            stoa_cpu_us: 830,
            database_cpu_us: 0,
            read_cpu_us: 50,
            kept_bytes: 2_000,
            log_bytes: 12_345,
            stock_permille: 400,
            reached: (1_000, 2),
        },
    }
}

#[test]
fn a_report_at_the_very_edge_of_every_bound_passes() {
    let report = report();
    for check in report.checks() {
        assert!(check.holds, "{check:?}");
    }
    assert!(report.holds());
    assert!(report.markdown().contains("every bound holds"));
}

#[test]
fn one_step_past_each_bound_fails_that_bound_alone() {
    let fails = |change: fn(&mut Report)| {
        let mut report = report();
        change(&mut report);
        assert!(!report.holds() && report.markdown().contains("**FAIL**"));
        let failed: Vec<String> =
            report.checks().into_iter().filter(|c| !c.holds).map(|c| c.what).collect();
        failed.join("; ")
    };
    assert_eq!(fails(|r| r.reads.bare.per_second = vec![100_600]), "(a) product reads");
    assert_eq!(fails(|r| r.orders.raw = vec![20_500]), "(b) orders, 128 clients");
    assert!(fails(|r| r.reads.large.per_second = vec![12_900]).starts_with("(c) product reads"));
    assert!(fails(|r| r.orders.large = windows(&[1_290])).starts_with("(c) orders"));
    assert!(fails(|r| r.rss_anon_kb[0] = RSS_KB_MAX + 1).starts_with("(d)"));
    assert_eq!(fails(|r| r.reads.failed = 1), "requests that failed");
    assert!(fails(|r| r.kept[1].found -= 1).starts_with("orders in the files"));
    assert!(fails(|r| r.kept[0].found += 1).starts_with("orders in the files"));
}

#[test]
fn what_was_not_measured_does_not_pass() {
    let mut report = report();
    report.reads = reads::Figures::default();
    report.orders.levels.clear();
    report.rss_anon_kb = [0, 0];
    let holding: Vec<String> =
        report.checks().into_iter().filter(|c| c.holds).map(|c| c.what).collect();
    assert_eq!(holding, ["orders in the files of both stores", "requests that failed"]);
}

#[test]
fn the_text_has_every_figure_and_every_table_is_whole() {
    let text = report().markdown();
    for part in [
        "2,000",
        "100,000/s (bare axum handler, same bytes)",
        "20.0 %",
        "10.0 %",
        "How many machines",
        "35.0 % apart",
        "0.83 ms",
        "1.50 ms",
        "abc123",
        "cargo xtask bench",
        "0.1 0.2 0.3",
        "outlet",
        "1,000,000",
        "1,200 carts/s",
        "confirmed 2,345/s",
        "target/release/stoa demo",
        "64: 20,000 and 100,000",
        "2026-11-1",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let mut columns = 0;
    for line in text.lines().filter(|l| l.starts_with('|')) {
        let bars = line.matches('|').count();
        if line.starts_with("|---") {
            assert_eq!(bars, columns, "{line}");
        }
        columns = bars;
    }
    assert!(!text.contains("trial"));
    let quick = Report { sizes: Sizes { quick: true, ..report().sizes }, ..report() };
    assert!(quick.markdown().contains("This was a trial"));
}

#[test]
fn the_json_has_figures_and_verdicts() {
    let json: serde_json::Value = report().part().json;
    assert_eq!(json["report"]["orders"]["raw"][0], 20_000);
    assert_eq!(json["checks"][0]["holds"], true);
}
