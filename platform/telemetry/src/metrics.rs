//! Metrics for Prometheus. One recorder per process; handles to it can be had any number of times, so
//! that several platforms can run in one test process. It must not define metrics of its own.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tasks::{TaskKind, Tasks};

/// Bounds of the buckets of every histogram whose name ends with `_seconds`.
pub const SECONDS_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];

/// Bounds of the buckets of every other histogram: sizes and counts.
pub const SIZE_BUCKETS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 1048576.0,
];

/// How often samples are folded into their buckets, so that they do not pile up when nobody scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

const UPKEEP: TaskKind = TaskKind::new("telemetry.metrics_upkeep");

/// Metrics could not be set up.
#[derive(Debug, Clone, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub struct Error(String);

/// Reads what was measured. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

static INSTALLED: OnceLock<Result<Metrics, Error>> = OnceLock::new();

/// Sets the process's recorder, or hands out the one that is already set by this function.
///
/// # Errors
/// When somebody else set a recorder.
pub fn install() -> Result<Metrics, Error> {
    INSTALLED.get_or_init(build).clone()
}

fn build() -> Result<Metrics, Error> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(SIZE_BUCKETS)
        .and_then(|b| {
            b.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)
        })
        .map_err(|e| Error(e.to_string()))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|e| Error(e.to_string()))?;
    Ok(Metrics(handle))
}

impl Metrics {
    /// Everything measured so far, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }

    /// Starts the task that keeps memory bounded when nobody scrapes.
    pub fn spawn_upkeep(&self, tasks: &Tasks) {
        let handle = self.0.clone();
        tasks.spawn(UPKEEP, async move { Err::<(), _>(upkeep(handle).await) });
    }
}

/// Never ends by itself.
async fn upkeep(handle: PrometheusHandle) -> Infallible {
    let mut every = tokio::time::interval(UPKEEP_EVERY);
    loop {
        every.tick().await;
        handle.run_upkeep();
    }
}

/// `GET /metrics`.
pub fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let text = metrics.render();
            async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_platforms_in_one_process_share_one_recorder() {
        let (a, b) = (install().unwrap(), install().unwrap());
        metrics::counter!("telemetry_test_total", "kind" => "x").increment(2);
        metrics::histogram!("telemetry_test_seconds").record(0.003);
        for m in [a, b] {
            let text = m.render();
            assert!(text.contains("telemetry_test_total{kind=\"x\"} 2"), "{text}");
            assert!(text.contains("telemetry_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        }
    }
}
