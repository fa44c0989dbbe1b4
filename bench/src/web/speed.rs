//! How fast pages are: what they can do at most, and, at half of that, how long they take beside a bare
//! handler that answers the same bytes at the same rate.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::bare::Fixed;
use crate::load::{self, Load, Window, Work};
use crate::machine::cpu_ms;
use crate::process::Process;
use crate::progress::Progress;
use crate::schedule::Pace;
use crate::shop::{Shop, expect};
use crate::stats::median;
use crate::wire::{self, Answer, Outgoing};

/// Clients that are tried for the one that gets most out of the pages.
const RAMP: [usize; 3] = [4, 16, 64];
/// Connections of an open loop.
const OPEN_LOOP_CLIENTS: usize = 64;
/// The open loop's rate, in thousandths of what the pages can do.
const OPEN_LOOP_PERMILLE: u64 = 500;
/// Products that are looked at in turn, at most.
const PRODUCTS_MAX: usize = 20;

/// A kind of page.
pub struct Page {
    /// What it is called.
    pub name: &'static str,
    /// Where such pages are.
    pub paths: Vec<String>,
    /// Whether Lighthouse looks at the first of them.
    pub is_scored: bool,
    requests: Vec<Outgoing>,
    answers: Vec<(HeaderMap, bytes::Bytes)>,
}

impl Page {
    fn new(shop: &Shop, name: &'static str, paths: Vec<String>, is_scored: bool) -> Result<Self> {
        let (mut requests, mut answers) = (Vec::new(), Vec::new());
        for path in &paths {
            let request = shop.request(Method::GET, path, None, None)?;
            let answer = wire::call(shop.address, request.clone())?;
            expect(&answer, &[StatusCode::OK]).with_context(|| path.clone())?;
            requests.push(request);
            answers.push((answer.headers, answer.body));
        }
        Ok(Self { name, paths, is_scored, requests, answers })
    }

    /// How many bytes of HTML on average.
    fn mean_bytes(&self) -> usize {
        let all: usize = self.answers.iter().map(|(_, body)| body.len()).sum();
        all.checked_div(self.answers.len()).unwrap_or(0)
    }

    /// What the bare handler calls the `n`th answer.
    fn id(&self, n: usize) -> String {
        format!("{}-{n}", self.name)
    }
}

/// The pages that are measured: home, list, products.
///
/// # Errors
/// When one of them is not answered.
pub fn pages(shop: &Shop) -> Result<Vec<Page>> {
    let slug = |p: &crate::shop::Product| -> Result<String> {
        let product: serde_json::Value = serde_json::from_slice(&p.body)?;
        Ok(format!("/p/{}", product["slug"].as_str().context("a product has a slug")?))
    };
    let products = shop.products()?;
    let products = products.iter().take(PRODUCTS_MAX).map(slug).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        Page::new(shop, "home", vec!["/".to_owned()], true)?,
        Page::new(shop, "list", vec!["/products".to_owned()], false)?,
        Page::new(shop, "product", products, true)?,
    ])
}

/// Starts the bare handler with the bytes and headers of all pages.
///
/// # Errors
/// When it does not become ready.
pub fn start_bare(pages: &[Page], folder: &Path) -> Result<Process> {
    let mut fixed = Vec::new();
    for page in pages {
        for (n, (headers, body)) in page.answers.iter().enumerate() {
            fixed.push(Fixed::from_answer(&page.id(n), headers, body)?);
        }
    }
    let path = folder.join("bare-answers.json");
    std::fs::write(&path, serde_json::to_vec(&fixed)?)?;
    Process::bare(&path)
}

/// Requests for the pages of a kind, in turn.
struct Visits {
    requests: Vec<Outgoing>,
    lengths: Vec<u64>,
}

impl Visits {
    fn of(page: &Page) -> Self {
        let lengths = page.answers.iter().map(|(_, body)| body.len() as u64).collect();
        Self { requests: page.requests.clone(), lengths }
    }

    /// The same bytes from the bare handler.
    fn of_bare(page: &Page) -> Result<Self> {
        let lengths = page.answers.iter().map(|(_, body)| body.len() as u64).collect();
        let request = |n| {
            let path = crate::bare::ROUTE.replace("{id}", &page.id(n));
            let request = http::Request::builder().uri(path).header("host", "bare");
            Ok(request.body(http_body_util::Full::default())?)
        };
        let requests = (0..page.answers.len()).map(request).collect::<Result<_>>()?;
        Ok(Self { requests, lengths })
    }

    fn index(&self, n: u64) -> usize {
        usize::try_from(n).unwrap_or(0) % self.requests.len().max(1)
    }
}

impl Work for Visits {
    fn request(&self, n: u64) -> Option<Outgoing> {
        self.requests.get(self.index(n)).cloned()
    }

    fn check(&self, n: u64, answer: &Answer) -> Result<()> {
        expect(answer, &[StatusCode::OK])?;
        let expected = self.lengths[self.index(n)];
        ensure!(answer.length == expected, "{} bytes, not {expected}", answer.length);
        Ok(())
    }
}

/// A kind of page on the server, and beside it.
pub struct Sides<'a> {
    /// The pages.
    pub page: &'a Page,
    /// The server.
    pub server: &'a Process,
    /// The bare handler.
    pub bare: &'a Process,
}

/// What was measured of a side at the open loop's rate.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    /// Half of the answers took no longer, in microseconds, window by window.
    pub p50_us: Vec<u64>,
    /// 99 of 100 took no longer, in microseconds, window by window.
    pub p99_us: Vec<u64>,
    /// CPU of the server in microseconds per answer, window by window.
    pub cpu_us: Vec<u64>,
}

impl Side {
    /// The medians: p50, p99, CPU.
    pub fn medians(&self) -> (u64, u64, u64) {
        (median(&self.p50_us), median(&self.p99_us), median(&self.cpu_us))
    }
}

/// What was measured of a kind of page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// What it is called.
    pub name: &'static str,
    /// Bytes of HTML on average.
    pub bytes: usize,
    /// The ramp: clients, and pages a second.
    pub ramp: Vec<(usize, u64)>,
    /// The most pages a second, with the best number of clients.
    pub capacity: u64,
    /// What the bare handler does at most, with as many clients.
    pub bare_capacity: u64,
    /// CPU per page when the server is saturated, in microseconds.
    pub cpu_us: u64,
    /// The open loop's rate.
    pub rate: u64,
    /// The pages at that rate.
    pub page: Side,
    /// The bare handler at that rate.
    pub bare: Side,
    /// The bare handler at half of its own capacity: as busy as the pages are.
    pub bare_busy: Side,
    /// That rate.
    pub bare_rate: u64,
    /// Bad answers in all windows.
    pub failed: u64,
    /// The first one.
    pub first_failure: Option<String>,
}

impl Figures {
    fn see(&mut self, window: &Window) {
        self.failed += window.failed + window.given_up;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&window.first_failure);
        }
    }
}

/// Measures one kind of page.
///
/// # Errors
/// When a server cannot be reached.
pub fn run(
    sides: &Sides<'_>,
    window: Duration,
    rounds: usize,
    progress: &Progress,
) -> Result<Figures> {
    let page = sides.page;
    let (visits, bare) = (Visits::of(page), Visits::of_bare(page)?);
    let mut figures = Figures { name: page.name, bytes: page.mean_bytes(), ..Figures::default() };
    for clients in RAMP {
        progress.say(format!("{}: finding the capacity, {clients} clients", page.name));
        let (seen, cpu_us) = one(sides.server, &visits, clients, Pace::Saturate, window)?;
        figures.see(&seen);
        if seen.per_second() > figures.capacity {
            (figures.capacity, figures.cpu_us) = (seen.per_second(), cpu_us);
        }
        figures.ramp.push((clients, seen.per_second()));
        let seen = one(sides.bare, &bare, clients, Pace::Saturate, window / 3)?.0;
        figures.see(&seen);
        figures.bare_capacity = figures.bare_capacity.max(seen.per_second());
    }
    figures.rate = (figures.capacity * OPEN_LOOP_PERMILLE / 1_000).max(1);
    figures.bare_rate = (figures.bare_capacity * OPEN_LOOP_PERMILLE / 1_000).max(1);
    for round in 1..=rounds {
        progress.say(format!("{}: at {}/s, round {round} of {rounds}", page.name, figures.rate));
        // Each begins in turn, so that none always comes after the same other.
        for turn in 0..3 {
            let (process, work, rate) = match (round + turn) % 3 {
                0 => (sides.server, &visits, figures.rate),
                1 => (sides.bare, &bare, figures.rate),
                _ => (sides.bare, &bare, figures.bare_rate),
            };
            let pace = Pace::PerSecond(rate);
            let (seen, cpu_us) = one(process, work, OPEN_LOOP_CLIENTS, pace, window)?;
            figures.see(&seen);
            let side = match (round + turn) % 3 {
                0 => &mut figures.page,
                1 => &mut figures.bare,
                _ => &mut figures.bare_busy,
            };
            side.p50_us.push(seen.latency.p50_us);
            side.p99_us.push(seen.latency.p99_us);
            side.cpu_us.push(cpu_us);
        }
    }
    if let Some(failure) = &figures.first_failure {
        progress.note(&format!("{}: a request failed: {failure}", page.name));
    }
    Ok(figures)
}

fn one(
    process: &Process,
    work: &Visits,
    clients: usize,
    pace: Pace,
    window: Duration,
) -> Result<(Window, u64)> {
    let before = cpu_ms(process.pid())?;
    let load = Load { address: process.address, work, clients, pace, window, limit: u64::MAX };
    let seen = load::run(&load)?;
    let spent_us = (cpu_ms(process.pid())? - before) * 1_000;
    let per_answer = spent_us.checked_div(seen.good).unwrap_or(0);
    Ok((seen, per_answer))
}
