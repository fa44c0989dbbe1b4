//! Placing orders. Carts are filled before a window and not timed with it; what is timed is the request
//! that places the order. After a window the server is left alone until it has delivered the messages that
//! the orders caused, and the CPU it used for them counts.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use crate::databases::Server;
use crate::load::{self, Load, Window};
use crate::machine::{cpu_ms, fdatasyncs, wait_until_idle, written_bytes};
use crate::placing::{FillStep, Filling, Placing};
use crate::process::Process;
use crate::progress::Progress;
use crate::raw::Raw;
use crate::schedule::Pace;
use crate::seed::Cart;
use crate::shop::{Pair, Shop};
use crate::stats::{Summary, median, per_second};

/// Clients of the three levels; the last is the one that is compared.
pub const LEVELS: [usize; 3] = [8, 32, 128];
/// Windows of the levels that are not compared.
pub const LOWER_ROUNDS: usize = 3;
/// Clients that fill carts.
const FILLERS: usize = 32;
const FILL_WITHIN: Duration = Duration::from_secs(180);
const SETTLE_WITHIN: Duration = Duration::from_secs(60);
/// Carts are prepared for so many orders a second before anything was measured.
const FIRST_GUESS: u64 = 3_000;
/// An open loop's rate, in thousandths of what was reached.
pub const OPEN_LOOP_PERMILLE: u64 = 700;
/// How long the disk alone is measured in each round.
const DISK_WINDOW: Duration = Duration::from_millis(500);

/// A store under load: its server, and its members with their carts.
pub struct Store<'a> {
    process: &'a Process,
    shop: &'a Shop,
    pairs: &'a [Pair],
    carts: Vec<Cart>,
    ready: VecDeque<usize>,
    spent: VecDeque<usize>,
    /// Carts that were filled during the run, and how long that took.
    pub filled: (u64, Duration),
    /// The last rate seen, to know how many carts a window needs.
    best: u64,
    /// Orders that were placed here.
    pub placed: u64,
    /// Orders that were refused, got no answer, or were never sent.
    refused: u64,
    /// The server that holds its databases, if one does.
    server: Option<&'a Server>,
}

/// What program and database had used at some time.
#[derive(Debug, Clone, Copy)]
struct Spent {
    cpu_ms: u64,
    database_cpu_ms: u64,
    log_bytes: u64,
}

/// One window of placing orders.
#[derive(Debug, Clone, Serialize)]
pub struct Placed {
    /// Orders a second.
    pub per_second: u64,
    /// Latencies: of a schedule from when an order was due, else from when it was sent.
    pub latency: Summary,
    /// CPU of the server in microseconds per order, with the messages it caused.
    pub cpu_us: u64,
    /// CPU of the database server in microseconds per order; 0 where there is none.
    pub database_cpu_us: u64,
    /// Bytes per order that the database server wrote to its log; without one, that the program wrote to
    /// the disk.
    pub log_bytes: u64,
    /// How long the server went on delivering messages after the last order, in milliseconds.
    pub settled_ms: u64,
    /// Orders that were refused or got no answer.
    pub failed: u64,
    /// The first of these.
    pub first_failure: Option<String>,
}

/// What was measured with so many clients.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    /// Clients.
    pub clients: usize,
    /// The small store, saturated.
    pub small: Vec<Placed>,
    /// The small store, on a schedule.
    pub open_loop: Placed,
    /// The schedule's rate.
    pub open_loop_per_second: u64,
}

/// What was measured of orders.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// By number of clients.
    pub levels: Vec<Level>,
    /// The large store with the most clients.
    pub large: Vec<Placed>,
    /// Raw SQLite in turn with these.
    pub raw: Vec<u64>,
    /// Confirmed appends of 4 KiB a second, in turn with these.
    pub fdatasyncs: Vec<u64>,
}

impl Figures {
    /// Orders that were refused or got no answer, in all windows.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.windows().map(|w| w.failed).sum()
    }

    /// The first of these.
    #[must_use]
    pub fn first_failure(&self) -> Option<&str> {
        self.windows().find_map(|w| w.first_failure.as_deref())
    }

    fn windows(&self) -> impl Iterator<Item = &Placed> {
        let levels = self.levels.iter().flat_map(|l| l.small.iter().chain([&l.open_loop]));
        levels.chain(&self.large)
    }
}

/// The rates of some windows.
#[must_use]
pub fn rates(windows: &[Placed]) -> Vec<u64> {
    windows.iter().map(|w| w.per_second).collect()
}

/// The window whose rate is the median one.
#[must_use]
pub fn typical(windows: &[Placed]) -> Option<&Placed> {
    let middle = median(&rates(windows));
    windows.iter().min_by_key(|w| w.per_second.abs_diff(middle))
}

impl<'a> Store<'a> {
    /// A store whose carts are all filled.
    #[must_use]
    pub fn new(process: &'a Process, shop: &'a Shop, pairs: &'a [Pair], carts: Vec<Cart>) -> Self {
        let (ready, filled) = ((0..carts.len()).collect(), (0, Duration::ZERO));
        let spent = VecDeque::new();
        Self {
            process,
            shop,
            pairs,
            carts,
            ready,
            spent,
            filled,
            best: FIRST_GUESS,
            placed: 0,
            refused: 0,
            server: None,
        }
    }

    /// The same on a database server, whose CPU and log count too.
    #[must_use]
    pub fn on(self, server: &'a Server) -> Self {
        Self { server: Some(server), ..self }
    }

    /// The program.
    #[must_use]
    pub fn process(&self) -> &'a Process {
        self.process
    }

    fn spent(&self) -> Result<Spent> {
        let pid = self.process.pid();
        let cpu_ms = cpu_ms(pid)?;
        Ok(match self.server {
            Some(server) => {
                let used = server.used()?;
                Spent { cpu_ms, database_cpu_ms: used.cpu_ms, log_bytes: used.log_bytes }
            }
            None => Spent { cpu_ms, database_cpu_ms: 0, log_bytes: written_bytes(pid)? },
        })
    }

    /// Places orders for a window, on carts that it fills before.
    ///
    /// # Errors
    /// When a cart cannot be filled, or no order is placed.
    pub fn window(&mut self, clients: usize, pace: Pace, window: Duration) -> Result<Placed> {
        let rate = match pace {
            Pace::Saturate => self.best + self.best / 4,
            Pace::PerSecond(n) => n,
        };
        let need = u64::try_from(window.as_millis())? * rate / 1_000;
        self.fill(usize::try_from(need)? + clients)?;
        let batch: Vec<usize> = self.ready.iter().copied().collect();
        let work =
            Placing { shop: self.shop, carts: &self.carts, pairs: self.pairs, batch: &batch };
        let before = self.spent()?;
        let limit = batch.len() as u64;
        let address = self.process.address;
        let seen = load::run(&Load { address, work: &work, clients, pace, window, limit })?;
        let settled = wait_until_idle(self.process.pid(), SETTLE_WITHIN)?;
        let spent = self.spent()?.since(before);
        self.forget(usize::try_from(seen.begun + seen.given_up)?);
        self.placed += seen.good;
        self.refused += seen.failed + seen.given_up;
        if pace == Pace::Saturate {
            self.best = seen.per_second().max(100);
        }
        placed(&seen, spent, settled)
    }

    /// These carts have been used.
    fn forget(&mut self, used: usize) {
        let used = used.min(self.ready.len());
        self.spent.extend(self.ready.drain(..used));
    }

    /// Fills carts until so many are ready, or all.
    fn fill(&mut self, need: usize) -> Result<()> {
        let missing = need.saturating_sub(self.ready.len()).min(self.spent.len());
        let batch: Vec<usize> = self.spent.drain(..missing).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let begun: Vec<AtomicI64> = batch.iter().map(|_| AtomicI64::new(0)).collect();
        for step in [FillStep::Line(0), FillStep::Line(1), FillStep::Checkout(&begun)] {
            let placing =
                Placing { shop: self.shop, carts: &self.carts, pairs: self.pairs, batch: &batch };
            let work = Filling { on: placing, step, may_go_on: self.refused > 0 };
            let load = Load {
                address: self.process.address,
                work: &work,
                clients: FILLERS,
                pace: Pace::Saturate,
                window: FILL_WITHIN,
                limit: batch.len() as u64,
            };
            let seen = load::run(&load)?;
            if seen.good != batch.len() as u64 {
                let why = seen.first_failure.unwrap_or_else(|| "it took too long".to_owned());
                bail!(
                    "{} of {} carts could not be filled: {why}",
                    batch.len() as u64 - seen.good,
                    batch.len()
                );
            }
        }
        for (cart, checkout_id) in batch.iter().zip(&begun) {
            self.carts[*cart].checkout_id = checkout_id.load(Ordering::Relaxed);
        }
        self.filled.0 += batch.len() as u64;
        self.filled.1 += began.elapsed();
        self.ready.extend(batch);
        wait_until_idle(self.process.pid(), SETTLE_WITHIN)?;
        Ok(())
    }

    /// Carts filled a second, with two lines each and a checkout.
    #[must_use]
    pub fn filled_per_second(&self) -> u64 {
        per_second(self.filled.0, self.filled.1)
    }
}

impl Spent {
    fn since(self, before: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.saturating_sub(before.cpu_ms),
            database_cpu_ms: self.database_cpu_ms.saturating_sub(before.database_cpu_ms),
            log_bytes: self.log_bytes.saturating_sub(before.log_bytes),
        }
    }
}

fn placed(seen: &Window, spent: Spent, settled: Duration) -> Result<Placed> {
    if seen.good == 0 {
        bail!(
            "no order was placed: {}",
            seen.first_failure.as_deref().unwrap_or("no carts were left")
        );
    }
    Ok(Placed {
        per_second: seen.per_second(),
        latency: seen.latency,
        cpu_us: spent.cpu_ms * 1_000 / seen.good,
        database_cpu_us: spent.database_cpu_ms * 1_000 / seen.good,
        log_bytes: spent.log_bytes / seen.good,
        settled_ms: u64::try_from(settled.as_millis())?,
        failed: seen.failed + seen.given_up,
        first_failure: seen.first_failure.clone(),
    })
}

/// What is loaded in turn.
pub struct Sides<'a, 'b> {
    /// The small store.
    pub small: Store<'a>,
    /// The large store.
    pub large: Store<'a>,
    /// The raw writer.
    pub raw: &'b mut Raw,
    /// Where the disk is asked.
    pub folder: &'b Path,
}

/// Measures.
///
/// # Errors
/// When a server cannot be reached or a cart cannot be filled.
pub fn run(
    sides: &mut Sides<'_, '_>,
    (window, rounds): (Duration, usize),
    progress: &Progress,
) -> Result<Figures> {
    let (large, raw, fdatasyncs) = (Vec::new(), Vec::new(), Vec::new());
    let mut figures = Figures { levels: Vec::new(), large, raw, fdatasyncs };
    for clients in LEVELS {
        let windows = if clients == LEVELS[LEVELS.len() - 1] {
            // The lower levels have warmed up the small store.
            progress.say(format!("orders, {clients} clients: warming up the large store"));
            sides.large.window(clients, Pace::Saturate, window / 2)?;
            compare(sides, &mut figures, (window, rounds), progress)?
        } else {
            let rounds = rounds.min(LOWER_ROUNDS);
            let mut windows = Vec::new();
            for round in 1..=rounds {
                progress.say(format!("orders, {clients} clients: round {round} of {rounds}"));
                windows.push(sides.small.window(clients, Pace::Saturate, window)?);
            }
            windows
        };
        progress.say(format!("orders, {clients} clients: open loop"));
        let rate = (median(&rates(&windows)) * OPEN_LOOP_PERMILLE / 1_000).max(1);
        let open_loop = sides.small.window(clients, Pace::PerSecond(rate), window)?;
        let level = Level { clients, small: windows, open_loop, open_loop_per_second: rate };
        figures.levels.push(level);
    }
    Ok(figures)
}

/// The level that is compared: both stores, raw and the disk in turn. Yields the small store's windows.
fn compare(
    sides: &mut Sides<'_, '_>,
    figures: &mut Figures,
    (window, rounds): (Duration, usize),
    progress: &Progress,
) -> Result<Vec<Placed>> {
    let clients = LEVELS[LEVELS.len() - 1];
    let mut windows = Vec::new();
    for round in 1..=rounds {
        let say = |what: &str| {
            progress.say(format!("orders, {clients} clients: round {round} of {rounds}, {what}"));
        };
        // Each begins in turn, so that none always comes after the other.
        for turn in 0..2 {
            if (round + turn) % 2 == 1 {
                say("small");
                windows.push(sides.small.window(clients, Pace::Saturate, window)?);
            } else {
                say("large");
                figures.large.push(sides.large.window(clients, Pace::Saturate, window)?);
            }
        }
        say("raw SQLite, and the disk");
        figures.raw.push(sides.raw.run(window)?);
        figures.fdatasyncs.push(fdatasyncs(sides.folder, DISK_WINDOW)?);
    }
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(per_second: u64) -> Placed {
        Placed {
            per_second,
            latency: Summary { p50_us: per_second, ..Summary::default() },
            cpu_us: 0,
            database_cpu_us: 0,
            log_bytes: 0,
            settled_ms: 0,
            failed: 1,
            first_failure: (per_second == 3).then(|| "sold out".to_owned()),
        }
    }

    #[test]
    fn the_typical_window_is_the_one_of_the_median_rate() {
        let windows = [window(900), window(3), window(1_000)];
        assert_eq!(typical(&windows).unwrap().latency.p50_us, 900);
        assert!(typical(&[]).is_none());
    }

    #[test]
    fn failures_of_all_windows_are_counted_and_the_first_is_told() {
        let level = Level {
            clients: 8,
            small: vec![window(1), window(3)],
            open_loop: window(2),
            open_loop_per_second: 2,
        };
        let (large, raw) = (vec![window(4)], vec![9]);
        let figures = Figures { levels: vec![level], large, raw, fdatasyncs: Vec::new() };
        assert_eq!((figures.failed(), figures.first_failure()), (4, Some("sold out")));
    }
}
