//! Tests of the arithmetic: figures that can be worked out by hand.

use super::*;

fn cost(engine: Engine) -> Cost {
    Cost {
        engine,
        stoa_cpu_us: 1_000,
        database_cpu_us: 2_000,
        read_cpu_us: 50,
        kept_bytes: 1_000,
        log_bytes: 10_000,
        stock_permille: 250,
        reached: (500, 2),
    }
}

fn simple() -> Assumptions {
    Assumptions {
        peak: 10,
        utilisation_percent: 50,
        life: 2,
        reads: 100,
        stoa_cores: 10,
        database_cores: 20,
        replicas: 2,
        retention_days: 100,
        disk_bytes: 1_000 * GB,
        log_bytes_per_second: 100 * MB,
        pool: 4,
        connections: 500,
        logical_databases: 32,
    }
}

#[test]
fn a_day_that_can_be_worked_out_by_hand_comes_out_so() {
    // 8,640,000 a day are 100 a second, 1,000 in the busiest one.
    let f = fleet(&cost(Engine::Postgres), &simple(), 8_640_000);
    assert_eq!(f.peak, 1_000);
    // 1,000 x (2 x 1 ms + 100 x 0.05 ms) = 7 cores, busy for half of the time: 14.
    assert_eq!((f.stoa_cores, f.stoa_machines), (14, 2));
    // 1,000 x 2 x 2 ms = 4 cores, so 8: one machine by CPU and by the 20 MB of log a second.
    assert_eq!((f.database_cores, f.primaries, f.replicas), (8, 1, 2));
    // 8.64 GB a day for 100 days.
    assert_eq!((f.disk_bytes, f.log_bytes), (864 * GB, 20 * MB));
    assert_eq!((f.connections, f.stock_cores, f.machines), (8, 2, 5));
    assert!(f.limits.is_empty());
}

#[test]
fn the_scarcest_of_cpu_disk_and_log_decides_how_many_primaries() {
    let a_day = 8_640_000;
    let by_disk =
        fleet(&cost(Engine::Mysql), &Assumptions { disk_bytes: 100 * GB, ..simple() }, a_day);
    assert_eq!((by_disk.primaries, by_disk.disk_bytes), (9, 96 * GB));
    let on = Assumptions { log_bytes_per_second: 7 * MB, ..simple() };
    assert_eq!(fleet(&cost(Engine::Mysql), &on, a_day).primaries, 3);
    let on = Assumptions { database_cores: 3, ..simple() };
    assert_eq!(fleet(&cost(Engine::Mysql), &on, a_day).primaries, 3);
}

#[test]
fn what_is_divided_is_rounded_up_and_nothing_needs_less_than_a_machine() {
    let f = fleet(&cost(Engine::Postgres), &simple(), 1);
    assert_eq!((f.peak, f.stoa_cores, f.database_cores), (1, 1, 1));
    assert_eq!((f.stoa_machines, f.primaries, f.machines), (2, 1, 5));
    let f = fleet(&cost(Engine::Postgres), &simple(), 8_641);
    assert_eq!(f.peak, 2, "one order more than one a second");
}

#[test]
fn what_does_not_fit_is_said_and_not_hidden() {
    let all = fleet(&cost(Engine::Postgres), &simple(), 1_000_000_000);
    assert_eq!(all.limits.len(), 3, "{all:?}");
    assert!(all.primaries > 32 && all.stock_cores > 20 && all.connections > 500);
    let small = fleet(&cost(Engine::Sqlite), &simple(), 100_000);
    assert_eq!((small.machines, small.primaries, small.limits.len()), (1, 0, 0));
    let large = fleet(&cost(Engine::Sqlite), &simple(), 100_000_000);
    assert_eq!(large.limits, ["more than one machine does: take servers"]);
}

#[test]
fn the_largest_day_and_the_dearest_order_do_not_overflow() {
    let dear = Cost { stoa_cpu_us: u64::MAX, kept_bytes: u64::MAX, ..cost(Engine::Postgres) };
    let f = fleet(&dear, &simple(), u64::MAX);
    assert_eq!(f.stoa_cores, u64::MAX);
    assert!(f.disk_bytes > 0);
}

#[test]
fn the_page_has_every_day_what_was_measured_and_what_is_assumed() {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::Mysql] {
        let mut text = String::new();
        page(&mut text, &cost(engine), &Assumptions::default());
        for part in
            ["| 100,000 |", "| 1,000,000,000 |", engine.title(), "1,000 µs", "Assumed", "25.0 %"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        let bars: std::collections::BTreeSet<usize> =
            text.lines().filter(|l| l.starts_with("| ")).map(|l| l.matches('|').count()).collect();
        assert_eq!(bars.len(), 1, "a table that is not whole");
    }
}
