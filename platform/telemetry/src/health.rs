//! Liveness and readiness. A check says whether one part can do its work now; it must be cheap and must
//! not repair anything.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// The longest one check may take; one that takes longer has failed.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

type Outcome = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Outcome + Send + Sync>;

/// The named readiness checks of a process. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    checks: Mutex<BTreeMap<&'static str, Check>>,
    draining: AtomicBool,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The check's name.
    pub name: &'static str,
    /// Whether the part can do its work.
    pub ok: bool,
    /// Why not; for logs and the command line, not for the public answer.
    #[serde(skip)]
    pub detail: Option<String>,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `ready`, `not_ready` or `draining`.
    pub status: &'static str,
    /// One result per check, by name.
    pub checks: Vec<CheckResult>,
}

impl Report {
    /// Whether requests may be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

impl Health {
    /// No checks: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, or replaces the one of the same name.
    pub fn add<M, F>(&self, name: &'static str, check: M)
    where
        M: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.0.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(name, check);
    }

    /// From now on not ready, so that balancers send no more requests while the process stops.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    /// Runs all checks.
    pub async fn report(&self) -> Report {
        let checks = self.0.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut results = Vec::with_capacity(checks.len());
        for (name, check) in checks {
            let detail = match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
                Ok(Ok(())) => None,
                Ok(Err(why)) => Some(why),
                Err(_) => Some("the check took too long".to_owned()),
            };
            results.push(CheckResult { name, ok: detail.is_none(), detail });
        }
        let status = if self.0.draining.load(Ordering::SeqCst) {
            "draining"
        } else if results.iter().all(|r| r.ok) {
            "ready"
        } else {
            "not_ready"
        };
        Report { status, checks: results }
    }
}

/// `GET /healthz`: the process answers. `GET /readyz`: 200 when all checks hold, else 503.
pub fn health_router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(serde_json::json!({ "status": "live" })) }))
        .route("/readyz", get(readyz))
        .with_state(health)
}

async fn readyz(State(health): State<Health>) -> Response {
    let report = health.report().await;
    for failed in report.checks.iter().filter(|c| !c.ok) {
        tracing::warn!(
            check = failed.name,
            error = failed.detail.as_deref().unwrap_or_default(),
            "a readiness check failed"
        );
    }
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(health: &Health) -> (StatusCode, serde_json::Value) {
        let answer = readyz(State(health.clone())).await;
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_failing_or_hanging_check_makes_the_process_unready() {
        let health = Health::new();
        health.add("disk", || async { Ok(()) });
        assert_eq!(ask(&health).await.0, StatusCode::OK);
        health.add("database", || async { Err("password=hunter2 refused".to_owned()) });
        let (status, body) = ask(&health).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["status"], "not_ready");
        assert_eq!(body["checks"][0], serde_json::json!({ "name": "database", "ok": false }));
        assert!(!body.to_string().contains("hunter2"));
        health.add("database", || async {
            std::future::pending::<()>().await;
            Ok(())
        });
        assert_eq!(ask(&health).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn a_draining_process_is_not_ready() {
        let health = Health::new();
        health.drain();
        let (status, body) = ask(&health).await;
        assert_eq!((status.as_u16(), body["status"].as_str()), (503, Some("draining")));
    }
}
