//! Tests of the part: verdicts at the very edge of each bound, and what the text says.

use super::*;
use crate::stats::Summary;

fn windows(per_second: &[u64]) -> Vec<Placed> {
    let one = |n: &u64| Placed {
        per_second: *n,
        latency: Summary { count: 9, p50_us: 1_500, p99_us: 9_000, max_us: 12_000 },
        cpu_us: 830,
        database_cpu_us: 1_210,
        log_bytes: 12_345,
        settled_ms: 120,
        failed: 0,
        first_failure: None,
    };
    per_second.iter().map(one).collect()
}

fn report(engine: Engine) -> Report {
    let level = |clients, stoa: &[u64], raw: &[u64]| Level {
        clients,
        stoa: windows(stoa),
        raw: raw.to_vec(),
        open_loop: windows(&[200]).remove(0),
        open_loop_per_second: 210,
    };
    Report {
        engine,
        made_at: Timestamp::from_millis(1_795_000_000_000),
        commit: "abc123".into(),
        took_s: 90,
        machine: Machine {
            cores: 2,
            cpu: "Test".into(),
            memory_mb: 24_000,
            kernel: "6.1".into(),
            load_average: "0.1 0.2 0.3".into(),
        },
        load_after: "3.0 2.0 1.0".into(),
        command: "cargo xtask bench --engine postgres".into(),
        program: "target/release/stoa".into(),
        server: "PostgreSQL 15.1, fsync=on".into(),
        tenant: "outlet".into(),
        placement: "(4,8,4,0)".into(),
        window_s: 5,
        rounds: 3,
        quick: false,
        members: 12_000,
        connections: (32, 70),
        rows_per_order: "1 orders, 2 order_lines".into(),
        levels: vec![
            level(8, &[150], &[500]),
            level(32, &[240], &[800]),
            level(128, &[300, 250, 320], &[1_000, 990, 1_010]),
        ],
        filled_per_second: 900,
        rss_anon_kb: 100_000,
        kept: Kept { answered: 7, found: 7 },
        cost: Cost {
            engine,
            stoa_cpu_us: 830,
            database_cpu_us: 1_210,
            read_cpu_us: 50,
            kept_bytes: 2_000,
            log_bytes: 12_345,
            stock_permille: 400,
            reached: (300, 2),
        },
    }
}

#[test]
fn a_server_at_the_very_edge_of_every_bound_passes_and_one_step_past_fails() {
    for engine in [Engine::Postgres, Engine::Mysql] {
        assert!(report(engine).part().holds);
        for level in 0..3 {
            let mut less = report(engine);
            less.levels[level].raw = vec![1_004];
            let failed: Vec<Check> = less.checks().into_iter().filter(|c| !c.holds).collect();
            assert_eq!(failed.len(), 1);
            let clients = less.levels[level].clients;
            assert!(failed[0].what.contains(&format!("{clients} clients")), "{failed:?}");
        }
        let mut lost = report(engine);
        lost.kept.found -= 1;
        assert!(!lost.part().holds);
        let mut refused = report(engine);
        refused.levels[0].open_loop.failed = 1;
        refused.levels[0].open_loop.first_failure = Some("sold out".into());
        let part = refused.part();
        assert!(!part.holds && part.text.contains("sold out"));
    }
}

#[test]
fn what_was_not_measured_on_a_server_does_not_pass() {
    let mut nothing = report(Engine::Postgres);
    nothing.levels[2].raw.clear();
    assert!(!nothing.part().holds);
}

#[test]
fn the_part_has_its_figures_and_the_page_about_machines() {
    let text = report(Engine::Postgres).markdown();
    for part in [
        "# Orders on PostgreSQL: every bound holds",
        "30.0 %",
        "0.83 ms",
        "1.21 ms",
        "12,345 B",
        "PostgreSQL 15.1, fsync=on",
        "How many machines for N orders a day",
        "1,000,000,000",
        "8 connections",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}
