//! Tests of the load against a real server on loopback.

use std::sync::mpsc::sync_channel;

use anyhow::ensure;
use http::{HeaderMap, Request};
use tokio::sync::oneshot;

use super::*;
use crate::bare::{Fixed, router};

/// The bare handler with one product, until it is dropped.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let fixed = Fixed::from_answer("7", &HeaderMap::new(), b"a product").unwrap();
                let serve = axum::serve(listener, router(vec![fixed]).unwrap());
                tokio::select! {
                    served = serve => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Reads a product; before the first request it holds everybody up for a while.
struct Reading {
    id: &'static str,
    stall: Duration,
}

impl Work for Reading {
    fn request(&self, n: u64) -> Option<Outgoing> {
        if n == 0 && !self.stall.is_zero() {
            let began = Instant::now();
            while began.elapsed() < self.stall {
                std::thread::park_timeout(self.stall);
            }
        }
        let path = format!("/v1/store/products/{}", self.id);
        Request::get(path).header("host", "x").body(Full::default()).ok()
    }

    fn check(&self, _n: u64, answer: &Answer) -> Result<()> {
        ensure!(answer.status.is_success(), "{}", answer.status);
        ensure!(answer.length == 9, "{} bytes", answer.length);
        Ok(())
    }
}

fn read(clients: usize, pace: Pace, window: Duration, work: &Reading, limit: u64) -> Window {
    let server = Server::start();
    run(&Load { address: server.address, work, clients, pace, window, limit }).unwrap()
}

const PLAIN: Reading = Reading { id: "7", stall: Duration::ZERO };

#[test]
fn busy_clients_stop_at_the_limit_and_every_answer_is_counted() {
    let seen = read(5, Pace::Saturate, Duration::from_secs(30), &PLAIN, 500);
    assert_eq!((seen.begun, seen.good, seen.failed, seen.given_up), (500, 500, 0, 0));
    assert_eq!(seen.latency.count, 500);
    assert!(seen.per_second() > 0 && seen.first_failure.is_none());
}

#[test]
fn busy_clients_stop_at_the_end_of_the_window() {
    let window = Duration::from_millis(200);
    let seen = read(3, Pace::Saturate, window, &PLAIN, u64::MAX);
    assert!(seen.good > 0 && seen.elapsed < Duration::from_secs(20), "{seen:?}");
}

#[test]
fn an_open_loop_sends_what_its_schedule_says_in_the_time_it_says() {
    let seen = read(4, Pace::PerSecond(200), Duration::from_millis(500), &PLAIN, u64::MAX);
    assert_eq!((seen.begun, seen.good), (100, 100));
    assert!(seen.elapsed >= Duration::from_millis(494), "the last is due at 495 ms: {seen:?}");
}

#[test]
fn what_waits_behind_a_late_answer_counts_from_when_it_was_due() {
    let stalled = Reading { id: "7", stall: Duration::from_millis(400) };
    let seen = read(1, Pace::PerSecond(100), Duration::from_millis(500), &stalled, u64::MAX);
    assert_eq!(seen.good, 50, "all are sent, however late");
    assert!(seen.latency.max_us >= 400_000, "{seen:?}");
    assert!(seen.latency.p50_us >= 100_000, "most were due during the stall: {seen:?}");
}

#[test]
fn bad_answers_are_counted_and_the_first_is_told() {
    let missing = Reading { id: "8", ..PLAIN };
    let seen = read(2, Pace::Saturate, Duration::from_secs(30), &missing, 10);
    assert_eq!((seen.good, seen.failed, seen.begun), (0, 10, 10));
    assert!(seen.first_failure.unwrap().contains("404"));
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let server = Server::start();
    let address = server.address;
    drop(server);
    let window = Duration::from_millis(10);
    for pace in [Pace::Saturate, Pace::PerSecond(10)] {
        let load = Load { address, work: &PLAIN, clients: 3, pace, window, limit: 5 };
        assert!(run(&load).unwrap_err().to_string().contains("nobody answers"));
    }
}
