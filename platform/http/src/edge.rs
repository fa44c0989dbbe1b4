//! What stands around every handler: a time limit and a net under panics. The bus uses it; tests of
//! single routes use [`serve_as`] instead of a bus.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use kit::ErrorCode;
use rpc::Ctx;
use tokio::time::Instant;

use crate::problem::{Problem, seal};

/// Runs a handler: a panic becomes a 500, passing the deadline a 504. The outcome of a request that ran
/// out of time may be unknown, and the answer says so.
pub async fn guarded(deadline: Instant, handler: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout_at(deadline, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            metrics::counter!("http_panics_total").increment(1);
            let cause = format!("panicked: {}", panic_text(panic.as_ref()));
            Problem::new(ErrorCode::Internal, "something went wrong on our side")
                .because(cause)
                .into_response()
        }
        Err(_) => Problem::new(
            ErrorCode::DeadlineExceeded,
            "the request ran out of time; whether it took effect is not known",
        )
        .into_response(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Serves every request of a router in this context: for tests of routes without a bus in front.
pub fn serve_as(router: Router, ctx: Ctx) -> Router {
    router.layer(from_fn_with_state(ctx, with_ctx))
}

async fn with_ctx(State(ctx): State<Ctx>, mut request: Request, next: Next) -> Response {
    let (deadline, request_id) = (ctx.deadline, ctx.request_id.clone());
    request.extensions_mut().insert(ctx);
    seal(guarded(deadline, next.run(request)).await, &request_id)
}
