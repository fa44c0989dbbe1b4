//! Connections: limits, idle heads, draining.

use std::time::Duration;

use bus::{Options, ServeOptions};
use tasks::{TaskKind, Tasks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::demo::{Demo, WAIT};

const CALL: TaskKind = TaskKind::new("test.call").finishing();

#[tokio::test]
async fn stopping_lets_an_open_request_finish_and_takes_no_new_one() {
    let demo = Demo::start().await;
    let request = demo.get("/held");
    let (said, mut hear) = tokio::sync::mpsc::channel(1);
    Tasks::new().spawn(CALL, async move {
        let text = request.send().await.map(|a| a.text())?.await?;
        said.send(text).await.ok();
        Ok::<_, reqwest::Error>(())
    });
    timeout(WAIT, demo.gate.entered.notified()).await.unwrap();
    demo.stop.cancel();
    timeout(WAIT, async { while TcpStream::connect(demo.addr).await.is_ok() {} }).await.unwrap();
    assert!(!demo.stopped.is_cancelled(), "it waits for the open request");
    demo.gate.release.notify_one();
    assert_eq!(timeout(WAIT, hear.recv()).await.unwrap().unwrap(), "released");
    timeout(WAIT, demo.stopped.cancelled()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_outlives_the_drain_time_does_not_hold_the_server() {
    let serve = ServeOptions { drain: Duration::from_millis(20), ..ServeOptions::default() };
    let demo = Demo::with(Options::default(), serve).await;
    let request = demo.get("/held");
    Tasks::new().spawn(CALL, async move { request.send().await.map(drop) });
    timeout(WAIT, demo.gate.entered.notified()).await.unwrap();
    demo.tasks.cancel();
    timeout(WAIT, demo.stopped.cancelled()).await.unwrap();
    let report = demo.tasks.shutdown(Duration::from_millis(1)).await;
    assert_eq!(report.dropped.get("bus.connection"), Some(&1));
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let serve = ServeOptions { head_timeout: Duration::from_millis(50), ..ServeOptions::default() };
    let demo = Demo::with(Options::default(), serve).await;
    let mut slow = TcpStream::connect(demo.addr).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: flora.localhost\r\n").await.unwrap();
    let mut rest = Vec::new();
    timeout(WAIT, slow.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_free_place() {
    let serve = ServeOptions { connections_max: 1, ..ServeOptions::default() };
    let demo = Demo::with(Options::default(), serve).await;
    let ask = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = TcpStream::connect(demo.addr).await.unwrap();
    first.write_all(ask).await.unwrap();
    let mut buf = [0; 15];
    timeout(WAIT, first.read_exact(&mut buf)).await.unwrap().unwrap();
    assert_eq!(&buf, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(demo.addr).await.unwrap();
    second.write_all(ask).await.unwrap();
    let early = timeout(Duration::from_millis(50), second.read_exact(&mut buf)).await;
    assert!(early.is_err(), "the second waits while the first is open");
    drop(first);
    timeout(WAIT, second.read_exact(&mut buf)).await.unwrap().unwrap();
    assert_eq!(&buf, b"HTTP/1.1 200 OK");
}
