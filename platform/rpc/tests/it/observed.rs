//! What an operator sees of a call: a span in the log, a count and a time in the metrics, and the
//! internal cause of a failure that went over the wire.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::greeter::{Events, GreeterClient, Hello, Polite};
use crate::harness::{full_ctx, remote, soon};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_log_line_of_a_callee_carries_service_method_and_request() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (_server, client, _events) = remote().await;
    client.stumble(&full_ctx(Duration::from_secs(20)), ()).await.unwrap_err();
    let text = lines.text();
    let cause =
        text.lines().find(|l| l.contains("hunter2")).expect("the cause is logged at the callee");
    for part in ["greeter", "stumble", "req-1"] {
        assert!(cause.contains(part), "{part}: {cause}");
    }
    assert!(!text.contains("a-secret-for-tests-only"));
}

/// Counts what is registered; one registration is one use here.
#[derive(Default)]
struct Counted(Arc<Mutex<Vec<String>>>);

struct Line(String, Arc<Mutex<Vec<String>>>);

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.1.lock().unwrap().push(format!("{} {value}", self.0));
    }

    fn absolute(&self, _value: u64) {}
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
        let line = Line(format!("{} {}", key.name(), labels.join(".")), self.0.clone());
        Counter::from_arc(Arc::new(line))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.lock().unwrap().push(key.name().to_owned());
        Histogram::noop()
    }
}

#[tokio::test]
async fn calls_are_counted_by_service_method_and_code_even_when_the_caller_goes_away() {
    let recorder = Counted::default();
    let lines = recorder.0.clone();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = GreeterClient::local(Polite::new(Arc::<Events>::default()));
    let ctx = full_ctx(Duration::from_secs(20));
    client.hello(&ctx, Hello { name: "you".to_owned() }).await.unwrap();
    client.hello(&ctx, Hello { name: "nobody".to_owned() }).await.unwrap_err();
    let gone = soon("one of them", async {
        tokio::select! {
            biased;
            _ = client.nap(&ctx, ()) => false,
            () = std::future::ready(()) => true,
        }
    });
    assert!(gone.await);
    let seen = lines.lock().unwrap().clone();
    for want in [
        "rpc_calls_total greeter.hello.ok 1",
        "rpc_calls_total greeter.hello.not_found 1",
        "rpc_calls_total greeter.nap.cancelled 1",
        "rpc_call_seconds",
    ] {
        assert!(seen.iter().any(|line| line == want), "{want}: {seen:?}");
    }
}
