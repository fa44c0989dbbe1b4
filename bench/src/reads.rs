//! Product reads: the bare handler, the small and the large store take turns under the same load.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::StatusCode;
use serde::Serialize;

use crate::load::{self, Load, Window, Work};
use crate::machine::cpu_ms;
use crate::process::Process;
use crate::progress::Progress;
use crate::schedule::Pace;
use crate::shop::{Product, Shop, expect};
use crate::stats::{Summary, median};
use crate::wire::{Answer, Outgoing};

/// Clients that are tried for the one that gets most out of the store.
const RAMP: [usize; 4] = [8, 32, 64, 128];
/// The open loop's rate, in thousandths of what the store can do.
const OPEN_LOOP_PERMILLE: u64 = 700;

/// Reads of some products in turn.
pub struct Reads {
    requests: Vec<Outgoing>,
    lengths: Vec<u64>,
}

impl Reads {
    /// Of these.
    ///
    /// # Errors
    /// When an id cannot be in a path.
    pub fn new(shop: &Shop, products: &[Product]) -> Result<Self> {
        let requests = products.iter().map(|p| shop.read_product(&p.id)).collect::<Result<_>>()?;
        let lengths = products.iter().map(|p| p.body.len() as u64).collect();
        Ok(Self { requests, lengths })
    }

    fn index(&self, n: u64) -> usize {
        usize::try_from(n).unwrap_or(0) % self.requests.len()
    }
}

impl Work for Reads {
    fn request(&self, n: u64) -> Option<Outgoing> {
        self.requests.get(self.index(n)).cloned()
    }

    fn check(&self, n: u64, answer: &Answer) -> Result<()> {
        expect(answer, &[StatusCode::OK])?;
        anyhow::ensure!(
            answer.length == self.lengths[self.index(n)],
            "a product of another length"
        );
        Ok(())
    }
}

/// A server that is read from.
pub struct Side<'a> {
    /// The process.
    pub process: &'a Process,
    /// What is asked of it.
    pub reads: Reads,
}

/// What was measured of one side.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Measured {
    /// Requests a second, window by window.
    pub per_second: Vec<u64>,
    /// CPU of the server in microseconds per request, window by window.
    pub cpu_us: Vec<u64>,
}

/// What was measured of reads.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Clients in the windows that are compared.
    pub clients: usize,
    /// The ramp: clients, and requests a second of the small store and of the bare handler.
    pub ramp: Vec<(usize, u64, u64)>,
    /// The bare handler.
    pub bare: Measured,
    /// The small store.
    pub small: Measured,
    /// The large store.
    pub large: Measured,
    /// The open loop's rate.
    pub open_loop_per_second: u64,
    /// Latencies on the small store's open loop.
    pub open_loop: Summary,
    /// Bad answers in all windows.
    pub failed: u64,
    /// The first one.
    pub first_failure: Option<String>,
}

impl Figures {
    const SIDES: [&'static str; 3] = ["bare", "small", "large"];

    fn see(&mut self, window: &Window) {
        self.failed += window.failed + window.given_up;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&window.first_failure);
        }
    }
}

/// The three sides.
pub struct Sides<'a> {
    /// The bare handler.
    pub bare: Side<'a>,
    /// The small store.
    pub small: Side<'a>,
    /// The large store.
    pub large: Side<'a>,
}

/// Measures.
///
/// # Errors
/// When a server cannot be reached.
pub fn run(
    sides: &Sides<'_>,
    window: Duration,
    rounds: usize,
    progress: &Progress,
) -> Result<Figures> {
    let mut figures = Figures::default();
    ramp(sides, window / 3, &mut figures, progress)?;
    let clients = figures.clients;
    for round in 1..=rounds {
        // Each begins in turn, so that none always comes after the same other.
        for turn in 0..Figures::SIDES.len() {
            let name = Figures::SIDES[(round + turn) % Figures::SIDES.len()];
            progress.say(format!("product reads: round {round} of {rounds}, {name}"));
            let (side, _) = pick(sides, &mut figures, name);
            let (seen, cpu_us) = side_window(side, clients, Pace::Saturate, window)?;
            figures.see(&seen);
            let measured = pick(sides, &mut figures, name).1;
            measured.per_second.push(seen.per_second());
            measured.cpu_us.push(cpu_us);
        }
    }
    progress.say("product reads: open loop");
    let rate = median(&figures.small.per_second) * OPEN_LOOP_PERMILLE / 1_000;
    let seen = side_window(&sides.small, clients.max(64), Pace::PerSecond(rate), window)?.0;
    figures.see(&seen);
    figures.open_loop_per_second = rate;
    figures.open_loop = seen.latency;
    Ok(figures)
}

/// Finds how many clients get most out of the store; also warms all sides up.
fn ramp(
    sides: &Sides<'_>,
    window: Duration,
    figures: &mut Figures,
    progress: &Progress,
) -> Result<()> {
    for clients in RAMP {
        progress.say(format!("product reads: finding the capacity, {clients} clients"));
        let mut rates = [0; 3];
        for (side, rate) in [&sides.small, &sides.bare, &sides.large].into_iter().zip(&mut rates) {
            let seen = side_window(side, clients, Pace::Saturate, window)?.0;
            figures.see(&seen);
            *rate = seen.per_second();
        }
        figures.ramp.push((clients, rates[0], rates[1]));
    }
    let best = figures.ramp.iter().max_by_key(|(_, per_second, _)| *per_second);
    figures.clients = best.context("no clients were tried")?.0;
    Ok(())
}

fn pick<'s, 'f>(
    sides: &'s Sides<'_>,
    figures: &'f mut Figures,
    name: &str,
) -> (&'s Side<'s>, &'f mut Measured) {
    match name {
        "bare" => (&sides.bare, &mut figures.bare),
        "small" => (&sides.small, &mut figures.small),
        _ => (&sides.large, &mut figures.large),
    }
}

fn side_window(
    side: &Side<'_>,
    clients: usize,
    pace: Pace,
    window: Duration,
) -> Result<(Window, u64)> {
    let before = cpu_ms(side.process.pid())?;
    let load = Load {
        address: side.process.address,
        work: &side.reads,
        clients,
        pace,
        window,
        limit: u64::MAX,
    };
    let seen = load::run(&load)?;
    let spent_us = (cpu_ms(side.process.pid())? - before) * 1_000;
    let per_request = spent_us.checked_div(seen.good).unwrap_or(0);
    Ok((seen, per_request))
}
