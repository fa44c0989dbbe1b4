//! Calls between services: a [`Ctx`] that travels with every call, a [`Fault`] that every error can be,
//! and the [`service`] macro that turns a trait into a handle which may be local, remote or a mock.
//!
//! Callers hold the handle and cannot tell which it is. What cannot cross a wire does not cross a
//! trait: no transaction, no closure, no borrowed row. `tests/it/greeter.rs` is the worked example.

mod call;
pub mod ctx;
pub mod fault;
mod remote;
mod secret;
mod server;
mod wire;

pub use async_trait::async_trait;
pub use ctx::{Actor, ActorKind, Ctx, IdempotencyKey, Session, TraceId, Xid};
pub use fault::{Fault, ServiceError};
pub use remote::{Endpoint, EndpointError};
/// Turns a trait into a service.
///
/// ```
/// # #[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
/// # pub enum Error { #[error("{0}")] Fault(#[from] rpc::Fault) }
/// # impl rpc::ServiceError for Error {
/// #     fn into_fault(self) -> rpc::Fault { let Self::Fault(f) = self; f }
/// #     fn code(&self) -> kit::ErrorCode { let Self::Fault(f) = self; f.code }
/// # }
/// use rpc::Ctx;
/// use serde::{Deserialize, Serialize};
///
/// /// Whom to greet.
/// #[derive(Debug, Serialize, Deserialize)]
/// pub struct Hello {
///     /// The name.
///     pub name: String,
/// }
///
/// /// Greets.
/// #[rpc::service(name = "greeter")]
/// pub trait Greeter: Send + Sync + 'static {
///     /// Says hello.
///     async fn hello(&self, ctx: &Ctx, req: Hello) -> Result<String, Error>;
/// }
///
/// struct Polite;
///
/// #[rpc::async_trait]
/// impl Greeter for Polite {
///     async fn hello(&self, _ctx: &Ctx, req: Hello) -> Result<String, Error> {
///         Ok(format!("Good day, {}", req.name))
///     }
/// }
///
/// let local: GreeterClient = GreeterClient::local(Polite);
/// let mock = GreeterClient::mock(GreeterMock::new().on_hello(|_ctx, req| Ok(req.name)));
/// let routes = greeter_router(local.clone()); // for rpc::serve
/// # let _ = (mock, routes);
/// ```
///
/// Every method has the shape `async fn name(&self, ctx: &Ctx, req: Req) -> Result<Resp, Error>`; `Req`
/// and `Resp` are serde types, and all methods share one `Error`, a [`ServiceError`]. From a trait `X`
/// come
/// - `X`, object safe; an implementation is written with `#[rpc::async_trait] impl X for …`;
/// - `XClient`, the handle: `local`, `from_arc`, `remote`, `mock`, and a method for each of the trait's. A
///   call whose deadline has passed is refused, and one that runs past it is cancelled; each call has a
///   tracing span `rpc` and is counted and timed;
/// - `XMock`, made of closures;
/// - `x_router(XClient)`, which serves `POST /rpc/NAME/METHOD` to remote handles.
///
/// To change a method in a way that old callers would not understand, add a new one, and keep the old
/// one as a method with a default body that calls it.
pub use rpc_macros::service;
pub use secret::InvalidSecret;
pub use server::{ServeError, protect, serve};

/// What generated code needs. Not for people: it changes together with the macro.
#[doc(hidden)]
pub mod __private {
    pub use axum::Router;

    pub use crate::call::{Answer, answer, call, is_message, is_service_error, not_started};
    pub use crate::server::Routes;
}
