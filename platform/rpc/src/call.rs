//! What every call passes, local or remote: the deadline, a span, the counters. And what a mock answers.
//! It must not know how the call is carried out.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::ctx::Ctx;
use crate::fault::{Fault, ServiceError};
use kit::ErrorCode;

/// Carries out one call: refuses it when its deadline has passed, cancels it when the deadline passes.
pub async fn call<T, E: ServiceError>(
    ctx: &Ctx,
    service: &'static str,
    method: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut outcome = Outcome { service, method, code: "cancelled", began: Instant::now() };
    let span = tracing::info_span!(
        "rpc",
        rpc.service = service,
        rpc.method = method,
        request_id = ctx.request_id.as_str()
    );
    let timed = async {
        ctx.check_deadline()?;
        tokio::time::timeout_at(ctx.deadline, work).await.unwrap_or_else(|_| {
            let text = format!("{service}.{method} did not answer in time; it may have been done");
            Err(Fault::new(ErrorCode::DeadlineExceeded, text).into())
        })
    };
    let result = timed.instrument(span).await;
    outcome.code = result.as_ref().map_or_else(|e| e.code().slug(), |_| "ok");
    result
}

/// Counts a call when it is dropped, so that one whose caller went away is counted too.
struct Outcome {
    service: &'static str,
    method: &'static str,
    code: &'static str,
    began: Instant,
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let Self { service, method, code, began } = *self;
        let labels = [("service", service), ("method", method), ("code", code)];
        metrics::counter!("rpc_calls_total", &labels).increment(1);
        metrics::histogram!("rpc_call_seconds", &labels).record(began.elapsed());
    }
}

/// A mock's answer to one method.
pub type Answer<Req, Resp, E> = Box<dyn Fn(&Ctx, Req) -> Result<Resp, E> + Send + Sync>;

/// Gives a mock's answer, or says that it has none.
pub fn answer<Req, Resp, E: ServiceError>(
    answer: Option<&Answer<Req, Resp, E>>,
    service: &'static str,
    method: &'static str,
    ctx: &Ctx,
    req: Req,
) -> Result<Resp, E> {
    match answer {
        Some(answer) => answer(ctx, req),
        None => Err(Fault::new(
            ErrorCode::Internal,
            format!("the mock of {service} has no answer for {method}: give it on_{method}"),
        )
        .into()),
    }
}

/// Compiles only for what can be a request or a response.
pub const fn is_message<T: Serialize + DeserializeOwned + Send + 'static>() {}

/// Compiles only for what can be a service's error.
pub const fn is_service_error<E: ServiceError>() {}

/// What a handle answers that is not bound yet.
#[must_use]
pub fn not_started(service: &str) -> Fault {
    Fault::new(ErrorCode::Unavailable, format!("the service {service} has not started yet"))
}
