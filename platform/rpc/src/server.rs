//! The callee's side of the wire: routes that rebuild the context, run the call and answer, and the
//! server that lets in only who knows the shared secret. It must not know any service.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kit::{ErrorCode, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::ctx::{Ctx, DEADLINE_MAX, Session};
use crate::fault::{Fault, ServiceError};
use crate::secret::{InvalidSecret, authorization, is_carried};
use crate::wire::{self, ErrorBody, REQUEST_MAX};

/// Calls that one server carries out at the same time; more are told to come back.
const IN_FLIGHT_MAX: usize = 1024;
/// How long a server that shuts down waits for the calls it has: no call is longer.
const DRAIN_MAX: Duration = DEADLINE_MAX;

/// The routes of one service, while they are put together.
pub struct Routes {
    service: &'static str,
    router: Router,
    hops: Arc<AtomicU64>,
}

impl Routes {
    /// No routes yet.
    pub fn new(service: &'static str) -> Self {
        Self { service, router: Router::new(), hops: Arc::default() }
    }

    /// Adds `POST /rpc/SERVICE/METHOD`.
    #[must_use]
    pub fn method<C, Req, Resp, E, F, Fut>(
        mut self,
        method: &'static str,
        client: &C,
        call: F,
    ) -> Self
    where
        C: Clone + Send + Sync + 'static,
        Req: DeserializeOwned + Send + 'static,
        Resp: Serialize,
        E: ServiceError,
        F: Fn(C, Ctx, Req) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Resp, E>> + Send + 'static,
    {
        let (service, hops, client) = (self.service, self.hops.clone(), client.clone());
        let handler = move |request: Request| {
            let client = client.clone();
            let salt = salt(service, method) ^ hops.fetch_add(1, Ordering::Relaxed);
            respond(service, method, salt, request, move |ctx, req| call(client, ctx, req))
        };
        self.router = self.router.route(&format!("/rpc/{service}/{method}"), post(handler));
        self
    }

    /// The router.
    pub fn into_router(self) -> Router {
        self.router
    }
}

/// Tells apart the spans that different methods make of one caller's span (FNV-1a, 64 bits).
pub(crate) fn salt(service: &str, method: &str) -> u64 {
    service.bytes().chain(*b"/").chain(method.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

async fn respond<Req, Resp, E, Fut>(
    service: &'static str,
    method: &'static str,
    salt: u64,
    request: Request,
    call: impl FnOnce(Ctx, Req) -> Fut,
) -> Response
where
    Req: DeserializeOwned,
    Resp: Serialize,
    E: ServiceError,
    Fut: Future<Output = Result<Resp, E>>,
{
    let (ctx, req) = match accept(service, method, salt, request).await {
        Ok(accepted) => accepted,
        Err(fault) => return refuse(fault),
    };
    let request_id = ctx.request_id.clone();
    let session = ctx.session.clone();
    let known = session.tokens();
    let mut response = match call(ctx, req).await {
        Ok(resp) => match serde_json::to_vec(&resp) {
            Ok(body) => answer(StatusCode::OK, body),
            Err(e) => failure(service, method, &request_id, E::from(Fault::internal(e))),
        },
        Err(error) => failure(service, method, &request_id, error),
    };
    match written(&session, &known) {
        Ok(Some(tokens)) => {
            response.headers_mut().insert(wire::SESSION, tokens);
        }
        Ok(None) => {}
        Err(fault) => tracing::error!(
            rpc.service = service,
            rpc.method = method,
            request_id,
            cause = fault.chain(),
            "read-your-writes tokens were lost on the way back"
        ),
    }
    response
}

/// The context and the request, or why the service need not be asked.
async fn accept<Req: DeserializeOwned>(
    service: &str,
    method: &str,
    salt: u64,
    request: Request,
) -> Result<(Ctx, Req), Fault> {
    let (parts, body) = request.into_parts();
    let ctx = wire::read(&parts.headers, salt)?;
    ctx.check_deadline()?;
    let body = tokio::time::timeout_at(ctx.deadline, Limited::new(body, REQUEST_MAX).collect())
        .await
        .map_err(|_| Fault::new(ErrorCode::DeadlineExceeded, "the request did not arrive in time"))?
        .map_err(|e| {
            if e.is::<LengthLimitError>() {
                return wire::too_large();
            }
            Fault::new(ErrorCode::Invalid, "the request broke off")
        })?;
    // What the parser says may repeat a value of the request, so only the place is told.
    let req = serde_json::from_slice(&body.to_bytes()).map_err(|e| {
        let (kind, line, column) = (e.classify(), e.line(), e.column());
        let text = format!(
            "the request of {service}.{method}: {kind:?} error, line {line}, column {column}"
        );
        Fault::new(ErrorCode::Invalid, text)
    })?;
    Ok((ctx, req))
}

/// The tokens that the call added, as a header. Only those: sending a token back that the caller had
/// could undo a newer one that he got from a call beside this one.
fn written(
    session: &Session,
    known: &BTreeMap<String, String>,
) -> Result<Option<HeaderValue>, Fault> {
    let mut tokens = session.tokens();
    tokens.retain(|database, token| known.get(database) != Some(token));
    if tokens.is_empty() { Ok(None) } else { wire::write_tokens(&tokens).map(Some) }
}

/// A service's error. Its internal cause stays here, in the log.
fn failure<E: ServiceError>(
    service: &'static str,
    method: &'static str,
    request_id: &str,
    error: E,
) -> Response {
    let code = error.code();
    if matches!(code, ErrorCode::Internal) {
        let mut cause = error.to_string();
        let mut next = error.source();
        while let Some(e) = next {
            cause.push_str(": ");
            cause.push_str(&e.to_string());
            next = e.source();
        }
        tracing::error!(
            rpc.service = service,
            rpc.method = method,
            request_id,
            cause,
            "a call failed"
        );
    }
    let own = serde_json::to_value(&error).ok();
    error_answer(code, &ErrorBody { error: own, fault: error.into_fault() })
}

/// An answer of the router itself: the service was not asked.
fn refuse(fault: Fault) -> Response {
    error_answer(fault.code, &ErrorBody { error: None, fault })
}

fn error_answer(code: ErrorCode, body: &ErrorBody) -> Response {
    let status =
        StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(status, serde_json::to_vec(body).unwrap_or_default());
    response.headers_mut().insert(wire::ERROR, HeaderValue::from_static("1"));
    response
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Who may come in, and how many at the same time.
struct Gate {
    authorization: HeaderValue,
    in_flight: Semaphore,
}

impl Gate {
    fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        if is_carried(headers, &self.authorization) {
            return Ok(());
        }
        Err(Fault::new(ErrorCode::Unauthenticated, "this port is for the platform's own services"))
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if let Err(fault) = gate.check(request.headers()) {
        return refuse(fault);
    }
    let Ok(_permit) = gate.in_flight.try_acquire() else {
        return refuse(Fault::new(ErrorCode::Unavailable, "too many calls at the same time"));
    };
    next.run(request).await
}

/// One router of many services' routers, which lets in only who knows `secret`.
///
/// # Errors
/// [`InvalidSecret`].
///
/// # Panics
/// When two services have the same name; that is a mistake in the wiring.
pub fn protect(
    routers: impl IntoIterator<Item = Router>,
    secret: &Secret<String>,
) -> Result<Router, InvalidSecret> {
    protect_at_most(IN_FLIGHT_MAX, routers, secret)
}

fn protect_at_most(
    in_flight: usize,
    routers: impl IntoIterator<Item = Router>,
    secret: &Secret<String>,
) -> Result<Router, InvalidSecret> {
    let in_flight = Semaphore::new(in_flight);
    let gate = Gate { authorization: authorization(secret)?, in_flight };
    let all = routers.into_iter().fold(Router::new(), Router::merge);
    Ok(all
        .fallback(|| async { refuse(Fault::not_found("this service or method")) })
        .method_not_allowed_fallback(|| async {
            refuse(Fault::new(ErrorCode::MethodNotAllowed, "services are called with POST"))
        })
        .layer(middleware::from_fn_with_state(Arc::new(gate), pass)))
}

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The secret is too weak.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// The socket failed.
    #[error("the rpc port failed")]
    Io(#[from] std::io::Error),
}

/// Serves routers on a port for other processes of the same installation, until `shutdown` is done and
/// the calls that run are answered, or have run for the longest time that a call may.
///
/// # Errors
/// [`ServeError`].
///
/// # Panics
/// As [`protect`].
pub async fn serve(
    listener: TcpListener,
    routers: impl IntoIterator<Item = Router>,
    secret: &Secret<String>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let router = protect(routers, secret)?;
    // Without it, Nagle's algorithm and delayed acknowledgements cost 40 ms a call.
    let listener = listener.tap_io(|socket| {
        if let Err(e) = socket.set_nodelay(true) {
            tracing::debug!(error = %e, "a connection went away");
        }
    });
    let (stopping, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // Nobody waits for it when the server is gone already.
        let _ = stopping.send(());
    });
    let overdue = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        ended = async { server.await } => Ok(ended?),
        () = overdue => {
            tracing::warn!("calls were cut off: they ran longer than any call may");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;
    use crate::ctx::TraceId;
    use crate::remote::Endpoint;

    #[tokio::test]
    async fn a_busy_server_says_so_instead_of_queueing() {
        let secret = Secret::new("0123456789abcdef".to_owned());
        let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let routes = Routes::new("door").method(
            "hold",
            &(begun.clone(), finish.clone()),
            |(begun, finish): (Arc<Notify>, Arc<Notify>), _ctx, (): ()| async move {
                begun.notify_one();
                finish.notified().await;
                Ok::<(), Fault>(())
            },
        );
        let router = protect_at_most(1, [routes.into_router()], &secret).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });

        let endpoint = Endpoint::new(&address, &secret).unwrap();
        let within = Duration::from_secs(20);
        let ctx = Ctx::system("flora".parse().unwrap(), "test", within, TraceId::from_random(1, 1));
        let hold = || endpoint.call::<(), (), Fault>(&ctx, "door", "hold", ());
        let second = async {
            begun.notified().await;
            let refused = hold().await;
            finish.notify_one();
            refused
        };
        let both = async { tokio::join!(hold(), second) };
        let (first, second) = tokio::time::timeout(within, both).await.unwrap();
        assert_eq!(first, Ok(()));
        assert_eq!(second.unwrap_err().code, ErrorCode::Unavailable);
        finish.notify_one();
        assert_eq!(hold().await, Ok(()), "the place is free again");
    }
}
