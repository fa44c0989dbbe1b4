//! The load: clients with a connection each, spread over a few threads, that send either as fast as they
//! get answers or on a schedule. Latencies of a schedule count from when a request was due. It must not
//! know what is asked; a [`Work`] does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use futures::future::join_all;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::Semaphore;

use crate::schedule::{Arrivals, Pace};
use crate::stats::{Latencies, Summary, per_second};
use crate::wire::{self, Answer, Driver, Outgoing};

/// The finest step of a schedule: due requests are let go this often at most.
const TICK: Duration = Duration::from_micros(200);
/// A schedule's requests that have not begun this long after its end are given up and counted.
const LATE_MAX: Duration = Duration::from_secs(10);

/// What is asked.
pub trait Work: Sync {
    /// The `n`th request (from 0); `None` when there is no more.
    fn request(&self, n: u64) -> Option<Outgoing>;
    /// Whether bodies are needed.
    fn keeps_bodies(&self) -> bool {
        false
    }
    /// Looks at an answer; says what is wrong with it.
    ///
    /// # Errors
    /// What is wrong: it is counted, and the first one is told.
    fn check(&self, n: u64, answer: &Answer) -> Result<()>;
}

/// A window of load.
pub struct Load<'a> {
    /// Where to.
    pub address: SocketAddr,
    /// What.
    pub work: &'a dyn Work,
    /// Connections; as many requests are under way at most.
    pub clients: usize,
    /// How fast.
    pub pace: Pace,
    /// How long new requests are sent.
    pub window: Duration,
    /// The most requests.
    pub limit: u64,
}

/// What a window gave.
#[derive(Debug, Clone)]
pub struct Window {
    /// Requests that were begun; those numbered from here on were not.
    pub begun: u64,
    /// Good answers.
    pub good: u64,
    /// Bad answers, and requests without one.
    pub failed: u64,
    /// Requests of the schedule that were never begun because the server was too far behind.
    pub given_up: u64,
    /// From the start to the last answer.
    pub elapsed: Duration,
    /// Latencies of good answers.
    pub latency: Summary,
    /// What was wrong first.
    pub first_failure: Option<String>,
}

impl Window {
    /// Good answers a second.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        per_second(self.good, self.elapsed)
    }
}

/// As many threads as there are cores, so that the client is not what limits the faster server.
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8)
}

struct Shared<'a> {
    load: &'a Load<'a>,
    arrivals: Option<Arrivals>,
    next: AtomicU64,
    gate: Semaphore,
    ready: Barrier,
    start: OnceLock<Instant>,
    failure: Mutex<Option<String>>,
}

struct Tally {
    latencies: Latencies,
    good: u64,
    failed: u64,
    given_up: u64,
    last: Instant,
}

/// Runs a window of load. Blocks until the last answer.
///
/// # Errors
/// When the clients cannot connect.
pub fn run(load: &Load<'_>) -> Result<Window> {
    let threads = threads().min(load.clients.max(1));
    let arrivals = match load.pace {
        Pace::Saturate => None,
        Pace::PerSecond(n) => Some(Arrivals::new(n, load.window, load.limit)),
    };
    let shared = Shared {
        load,
        arrivals,
        next: AtomicU64::new(0),
        gate: Semaphore::new(0),
        ready: Barrier::new(threads + usize::from(arrivals.is_some())),
        start: OnceLock::new(),
        failure: Mutex::new(None),
    };
    let tallies: Vec<Result<Tally>> = std::thread::scope(|scope| {
        let share = |i: usize| load.clients / threads + usize::from(i < load.clients % threads);
        let clients: Vec<_> = (0..threads)
            .map(|i| {
                let (shared, n) = (&shared, share(i));
                scope.spawn(move || thread(shared, n))
            })
            .collect();
        if let Some(arrivals) = arrivals {
            release(&shared, arrivals);
        }
        let join = |c: std::thread::ScopedJoinHandle<'_, _>| c.join();
        clients
            .into_iter()
            .map(|c| join(c).unwrap_or_else(|_| Err(anyhow!("a client panicked"))))
            .collect()
    });
    summarise(&shared, tallies)
}

fn summarise(shared: &Shared<'_>, tallies: Vec<Result<Tally>>) -> Result<Window> {
    let tallies = tallies.into_iter().collect::<Result<Vec<_>>>()?;
    let start = *shared.start.get().context("the window never began")?;
    let mut latencies = Latencies::new()?;
    let mut window = Window {
        begun: 0,
        good: 0,
        failed: 0,
        given_up: 0,
        elapsed: Duration::ZERO,
        latency: Summary::default(),
        first_failure: None,
    };
    for tally in tallies {
        latencies.add(&tally.latencies)?;
        window.good += tally.good;
        window.failed += tally.failed;
        window.given_up += tally.given_up;
        window.elapsed = window.elapsed.max(tally.last.saturating_duration_since(start));
    }
    window.begun = window.good + window.failed;
    window.latency = latencies.summary();
    window.first_failure = shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(window)
}

/// Lets the schedule's requests go when they are due. On a thread of its own, because the runtime's
/// timers are a millisecond coarse.
fn release(shared: &Shared<'_>, arrivals: Arrivals) {
    shared.ready.wait();
    let start = *shared.start.get_or_init(Instant::now);
    let mut released = 0;
    while released < arrivals.total() {
        let due = arrivals.due_by(start.elapsed());
        if due > released {
            shared.gate.add_permits(usize::try_from(due - released).unwrap_or(0));
            released = due;
        }
        let next = arrivals.due(released).saturating_sub(start.elapsed());
        std::thread::sleep(next.max(TICK));
    }
    // Everybody who still waits finds that nothing is left.
    shared.gate.add_permits(shared.load.clients);
}

fn thread(shared: &Shared<'_>, clients: usize) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let connected = runtime.as_ref().map_err(|e| anyhow!("no runtime: {e}")).and_then(|runtime| {
        let connect = (0..clients).map(|_| wire::connect(shared.load.address));
        runtime.block_on(join_all(connect)).into_iter().collect::<Result<Vec<_>>>()
    });
    // Also after a failure: the others wait here.
    shared.ready.wait();
    let (connections, runtime) = (connected?, runtime?);
    let start = *shared.start.get_or_init(Instant::now);
    let mut sum =
        Tally { latencies: Latencies::new()?, good: 0, failed: 0, given_up: 0, last: start };
    let clients =
        connections.into_iter().map(|(sender, driver)| client(shared, sender, driver, start));
    for tally in runtime.block_on(join_all(clients)) {
        let tally = tally?;
        sum.latencies.add(&tally.latencies)?;
        sum.good += tally.good;
        sum.failed += tally.failed;
        sum.given_up += tally.given_up;
        sum.last = sum.last.max(tally.last);
    }
    Ok(sum)
}

async fn client(
    shared: &Shared<'_>,
    mut sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    start: Instant,
) -> Result<Tally> {
    let mut tally =
        Tally { latencies: Latencies::new()?, good: 0, failed: 0, given_up: 0, last: start };
    let ended = tokio::select! {
        biased;
        () = ask(shared, &mut sender, start, &mut tally) => None,
        ended = driver => Some(ended),
    };
    if let Some(ended) = ended {
        // The request that was under way has no answer.
        tally.failed += 1;
        shared.failed(format!("a connection ended: {ended:?}"));
    }
    Ok(tally)
}

async fn ask(
    shared: &Shared<'_>,
    sender: &mut SendRequest<Full<Bytes>>,
    start: Instant,
    tally: &mut Tally,
) {
    let work = shared.load.work;
    while let Some(n) = shared.take(start).await {
        let due = shared.arrivals.map(|a| start + a.due(n));
        if due.is_some_and(|due| due.elapsed() > LATE_MAX) {
            tally.given_up += 1;
            continue;
        }
        let Some(request) = work.request(n) else { return };
        let from = due.unwrap_or_else(Instant::now);
        let answered = wire::send(sender, request, work.keeps_bodies()).await;
        tally.last = Instant::now();
        match answered.and_then(|answer| work.check(n, &answer)) {
            Ok(()) => {
                tally.good += 1;
                tally.latencies.record(tally.last.saturating_duration_since(from));
            }
            Err(e) => {
                tally.failed += 1;
                shared.failed(format!("{e:#}"));
                if sender.is_closed() {
                    return;
                }
            }
        }
    }
}

impl Shared<'_> {
    /// The number of the next request, once it may be sent.
    async fn take(&self, start: Instant) -> Option<u64> {
        let Some(arrivals) = self.arrivals else {
            let open = start.elapsed() < self.load.window;
            let n = if open { self.next.fetch_add(1, Ordering::Relaxed) } else { u64::MAX };
            return (n < self.load.limit).then_some(n);
        };
        self.gate.acquire().await.ok()?.forget();
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        (n < arrivals.total()).then_some(n)
    }

    fn failed(&self, why: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
