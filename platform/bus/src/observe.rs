//! One log line and a few numbers per request, by route template. No query, no body, no address of a
//! person: only what says how the system does.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use kit::TenantCode;
use metrics::{Counter, Gauge, Histogram};

/// What stands for the template where no route matched.
pub(crate) const UNMATCHED: &str = "unmatched";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The numbers of one route. Registered once, so that a request only adds to them.
struct RouteStats {
    answered: [Counter; CLASSES.len()],
    seconds: Histogram,
}

impl RouteStats {
    fn register(method: &'static str, route: &str) -> Self {
        let route: Arc<str> = route.into();
        let answered = CLASSES.map(|class| {
            let route = Arc::clone(&route);
            metrics::counter!("http_requests_total", "method" => method, "route" => route, "status" => class)
        });
        let seconds =
            metrics::histogram!("http_request_seconds", "method" => method, "route" => route);
        Self { answered, seconds }
    }
}

/// The routes of one method.
type OfMethod = HashMap<Box<str>, Arc<RouteStats>>;

/// Writes down what was answered.
pub(crate) struct Observer {
    /// By method, then route template. Bounded: there are as many as routes.
    routes: RwLock<HashMap<&'static str, OfMethod>>,
    in_flight: Gauge,
}

/// What is told of one request.
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    pub(crate) tenant: Option<&'a TenantCode>,
    pub(crate) request_id: &'a str,
    /// Health checks and scrapes: not worth a line.
    pub(crate) is_quiet: bool,
}

impl Observer {
    pub(crate) fn new() -> Self {
        Self { routes: RwLock::default(), in_flight: metrics::gauge!("http_requests_in_flight") }
    }

    /// Counts a request as running until dropped, however it ends.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.increment(1);
        InFlight(&self.in_flight)
    }

    pub(crate) fn record(&self, what: &Answered<'_>) {
        let stats = self.stats(name(what.method), what.route);
        let class = usize::from(what.status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = stats.answered.get(class) {
            counter.increment(1);
        }
        stats.seconds.record(what.took.as_secs_f64());
        if what.is_quiet {
            return;
        }
        tracing::info!(
            target: "bus::access",
            method = name(what.method),
            route = what.route,
            status = what.status.as_u16(),
            duration_ms = u64::try_from(what.took.as_millis()).unwrap_or(u64::MAX),
            tenant = what.tenant.map_or("-", TenantCode::as_str),
            request_id = what.request_id,
            "a request was answered"
        );
    }

    fn stats(&self, method: &'static str, route: &str) -> Arc<RouteStats> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = known.get(method).and_then(|m| m.get(route)) {
            return Arc::clone(stats);
        }
        drop(known);
        let mut known = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let of_method = known.entry(method).or_default();
        let stats = of_method
            .entry(route.into())
            .or_insert_with(|| Arc::new(RouteStats::register(method, route)));
        Arc::clone(stats)
    }
}

pub(crate) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// A client may invent methods; their names must not become labels.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
