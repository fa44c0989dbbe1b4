//! How many machines for N orders a day: worked out from what one order cost in this run, under
//! assumptions that are written beside the figures. Pure, and in whole numbers; whatever is divided is
//! rounded up, because half a machine is a machine.

use serde::Serialize;

use crate::engine::Engine;
use crate::page::{bullets, para, table};
use crate::stats::thousands;

const DAY_S: u128 = 86_400;
const MICROS: u128 = 1_000_000;
const GB: u64 = 1_000_000_000;
const MB: u64 = 1_000_000;
/// The days of the page.
pub const DAYS: [u64; 5] = [100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// What one order cost in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// On what.
    pub engine: Engine,
    /// CPU of the program per order placed, with the messages it causes, in microseconds.
    pub stoa_cpu_us: u64,
    /// CPU of the database server for it; nothing where the database is in the program.
    pub database_cpu_us: u64,
    /// CPU of the program per product read.
    pub read_cpu_us: u64,
    /// What a completed order keeps in tables and indices.
    pub kept_bytes: u64,
    /// What placing an order writes to the log (embedded: to the disk, checkpoints included).
    pub log_bytes: u64,
    /// Rows of an order that lie in the stock's database, which is one, in thousandths of all its rows.
    pub stock_permille: u64,
    /// Orders a second that were reached, on so many cores that client, program and database shared.
    pub reached: (u64, u64),
}

/// What is assumed besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Assumptions {
    /// The busiest second, in average seconds.
    pub peak: u64,
    /// How busy a core may be in it, in percent.
    pub utilisation_percent: u64,
    /// The whole life of an order (pay, ship, receive, complete), in placings.
    pub life: u64,
    /// Product reads per order.
    pub reads: u64,
    /// Cores of a machine that runs the program.
    pub stoa_cores: u64,
    /// Cores of a database machine.
    pub database_cores: u64,
    /// Databases beside each primary: one confirms every commit, one serves reads.
    pub replicas: u64,
    /// Days that an order stays in its database.
    pub retention_days: u64,
    /// What a database machine's disk may hold.
    pub disk_bytes: u64,
    /// What it may write to its log in a second.
    pub log_bytes_per_second: u64,
    /// Connections that one program keeps to each server.
    pub pool: u64,
    /// Connections that a server takes.
    pub connections: u64,
    /// Logical databases of the orders: they cannot be spread over more servers.
    pub logical_databases: u64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            peak: 10,
            utilisation_percent: 50,
            life: 3,
            reads: 100,
            stoa_cores: 16,
            database_cores: 32,
            replicas: 2,
            retention_days: 400,
            disk_bytes: 4_000 * GB,
            log_bytes_per_second: 200 * MB,
            pool: 8,
            connections: 1_000,
            logical_databases: 32,
        }
    }
}

/// What so many orders a day need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fleet {
    /// Orders a day.
    pub a_day: u64,
    /// In the busiest second.
    pub peak: u64,
    /// Cores of the program.
    pub stoa_cores: u64,
    /// Machines that run it.
    pub stoa_machines: u64,
    /// Cores of the primaries.
    pub database_cores: u64,
    /// Primaries of the orders' databases.
    pub primaries: u64,
    /// Database machines beside them.
    pub replicas: u64,
    /// What each primary stores.
    pub disk_bytes: u64,
    /// What each primary writes to its log in the busiest second.
    pub log_bytes: u64,
    /// Connections to each primary.
    pub connections: u64,
    /// Cores that the stock's one database needs.
    pub stock_cores: u64,
    /// Machines in all.
    pub machines: u64,
    /// What stands in the way.
    pub limits: Vec<&'static str>,
}

/// Works it out.
#[must_use]
pub fn fleet(cost: &Cost, on: &Assumptions, a_day: u64) -> Fleet {
    let peak = up(u128::from(a_day) * u128::from(on.peak), DAY_S);
    let cores = |us_per_order: u128| {
        let busy = us_per_order.saturating_mul(peak.into()).saturating_mul(100);
        up(busy, MICROS * u128::from(on.utilisation_percent.max(1)))
    };
    let of_life = |us: u64| u128::from(us) * u128::from(on.life);
    let reads = u128::from(cost.read_cpu_us) * u128::from(on.reads);
    let stoa_cores = cores(of_life(cost.stoa_cpu_us) + reads);
    let database_cores = cores(of_life(cost.database_cpu_us));
    let stored_a_day = u128::from(cost.kept_bytes) * u128::from(a_day);
    let stored = stored_a_day.saturating_mul(on.retention_days.into());
    let log = of_life(cost.log_bytes).saturating_mul(peak.into());
    if !cost.engine.is_server() {
        let mut limits = Vec::new();
        let fits = stoa_cores <= on.stoa_cores && stored <= u128::from(on.disk_bytes);
        let writes = log <= u128::from(on.log_bytes_per_second);
        if !fits || !writes {
            limits.push("more than one machine does: take servers");
        }
        return Fleet {
            a_day,
            peak,
            stoa_cores,
            stoa_machines: 1,
            database_cores: 0,
            primaries: 0,
            replicas: 0,
            disk_bytes: clamp(stored),
            log_bytes: clamp(log),
            connections: 0,
            stock_cores: 0,
            machines: 1,
            limits,
        };
    }
    // Two at least: one may be away.
    let stoa_machines = stoa_cores.div_ceil(on.stoa_cores.max(1)).max(2);
    let primaries = database_cores
        .div_ceil(on.database_cores.max(1))
        .max(up(stored, on.disk_bytes.into()))
        .max(up(log, on.log_bytes_per_second.into()))
        .max(1);
    let stock_cores = up(u128::from(database_cores) * u128::from(cost.stock_permille), 1_000);
    let connections = stoa_machines.saturating_mul(on.pool);
    let limits = limits(on, primaries, stock_cores, connections);
    let replicas = primaries.saturating_mul(on.replicas);
    Fleet {
        a_day,
        peak,
        stoa_cores,
        stoa_machines,
        database_cores,
        primaries,
        replicas,
        disk_bytes: up(stored, primaries.into()),
        log_bytes: up(log, primaries.into()),
        connections,
        stock_cores,
        machines: stoa_machines.saturating_add(primaries).saturating_add(replicas),
        limits,
    }
}

/// What stands in the way of servers.
fn limits(
    on: &Assumptions,
    primaries: u64,
    stock_cores: u64,
    connections: u64,
) -> Vec<&'static str> {
    let mut limits = Vec::new();
    if primaries > on.logical_databases {
        limits.push("more servers than the 32 logical databases: larger database machines, or less retention");
    }
    if stock_cores > on.database_cores {
        limits
            .push("the stock's one database does not fit on a machine: spread it by tenant first");
    }
    if connections > on.connections {
        limits.push("more connections than a server takes: a pooler in front, or each program on some databases only");
    }
    limits
}

/// The page.
pub fn page(out: &mut String, cost: &Cost, on: &Assumptions) {
    let engine = cost.engine;
    para(out, &format!("## How many machines for N orders a day, on {}\n", engine.title()));
    let fleets = DAYS.map(|day| fleet(cost, on, day));
    if engine.is_server() {
        servers(out, &fleets);
    } else {
        embedded(out, &fleets);
    }
    measured(out, cost);
    assumed(out, engine, on);
}

fn servers(out: &mut String, fleets: &[Fleet]) {
    let head = [
        "orders a day",
        "busiest second",
        "Stoa cores",
        "Stoa machines",
        "database cores",
        "primaries",
        "replicas",
        "machines",
        "stored per primary",
        "log per primary",
        "connections per primary",
        "cores of the stock's database",
        "in the way",
    ];
    let row = |f: &Fleet| {
        vec![
            thousands(f.a_day),
            format!("{}/s", thousands(f.peak)),
            thousands(f.stoa_cores),
            thousands(f.stoa_machines),
            thousands(f.database_cores),
            thousands(f.primaries),
            thousands(f.replicas),
            thousands(f.machines),
            gigabytes(f.disk_bytes),
            format!("{}/s", megabytes(f.log_bytes)),
            thousands(f.connections),
            thousands(f.stock_cores),
            in_the_way(f),
        ]
    };
    table(out, &head, fleets.iter().map(row));
}

fn embedded(out: &mut String, fleets: &[Fleet]) {
    let head =
        ["orders a day", "busiest second", "cores", "machines", "stored", "written", "in the way"];
    let row = |f: &Fleet| {
        vec![
            thousands(f.a_day),
            format!("{}/s", thousands(f.peak)),
            thousands(f.stoa_cores),
            thousands(f.machines),
            gigabytes(f.disk_bytes),
            format!("{}/s", megabytes(f.log_bytes)),
            in_the_way(f),
        ]
    };
    table(out, &head, fleets.iter().map(row));
}

fn in_the_way(f: &Fleet) -> String {
    if f.limits.is_empty() { "nothing".to_owned() } else { f.limits.join("; ") }
}

fn measured(out: &mut String, cost: &Cost) {
    let (rate, cores) = cost.reached;
    let database = if cost.engine.is_server() {
        format!(", {} µs of the database's", thousands(cost.database_cpu_us))
    } else {
        String::new()
    };
    para(out, "Measured in this run, per order placed:\n");
    bullets(
        out,
        &[
            format!(
                "{} µs of Stoa's CPU{database}, with the messages it causes; {} orders a second were reached on {cores} \
                 cores that client, program and database shared",
                thousands(cost.stoa_cpu_us),
                thousands(rate),
            ),
            format!(
                "{} bytes in tables and indices once it is completed; {} bytes written to the {}",
                thousands(cost.kept_bytes),
                thousands(cost.log_bytes),
                if cost.engine.is_server() { "log" } else { "disk, log and checkpoints together" },
            ),
            format!("{} µs of Stoa's CPU per product read", thousands(cost.read_cpu_us)),
            format!(
                "{}.{} % of its rows lie in the stock's database",
                cost.stock_permille / 10,
                cost.stock_permille % 10
            ),
        ],
    );
}

fn assumed(out: &mut String, engine: Engine, on: &Assumptions) {
    para(out, "Assumed, and to be replaced by what is known of a shop:\n");
    let mut items = vec![
        format!(
            "the busiest second has {} times the orders of an average one; in it a core is busy for {} % at most",
            on.peak, on.utilisation_percent
        ),
        format!(
            "the whole life of an order costs {} times its placing, in CPU and in log; {} product reads come with it",
            on.life, on.reads
        ),
        "a core does what one of this machine's does, and more cores do as much more: nothing here was measured on \
         more than one machine"
            .to_owned(),
        format!(
            "orders stay in their database for {} days; a database disk holds {} and takes {}/s of log",
            on.retention_days,
            gigabytes(on.disk_bytes),
            megabytes(on.log_bytes_per_second)
        ),
        format!("machines have {} cores for Stoa", on.stoa_cores),
    ];
    if engine.is_server() {
        items.extend([
            format!(
                "a database machine has {} cores; each primary has {} more beside it: one confirms every commit, one \
                 serves reads",
                on.database_cores, on.replicas
            ),
            format!(
                "each Stoa machine keeps {} connections to each server, which takes {}",
                on.pool,
                thousands(on.connections)
            ),
            format!(
                "orders spread evenly over {} logical databases; the stock's database is one, and its share of the CPU \
                 is its share of the rows",
                on.logical_databases
            ),
        ]);
    } else {
        items.push("the embedded engine is one machine without a replica".to_owned());
    }
    bullets(out, &items);
}

/// Divided and rounded up.
fn up(a: u128, by: u128) -> u64 {
    clamp(a.div_ceil(by.max(1)))
}

fn clamp(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn gigabytes(bytes: u64) -> String {
    format!("{} GB", thousands(bytes.div_ceil(GB)))
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", thousands(bytes.div_ceil(MB)))
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
