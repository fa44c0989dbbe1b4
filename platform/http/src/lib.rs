//! What every HTTP route shares: problem documents, request context, access rules, paging, idempotency
//! keys, limits.
//!
//! A service's `http.rs` builds an [`Api`] out of handlers and rules; the bus mounts the result and puts
//! a `Ctx` into every request. Nothing here decides what a route does, who a caller is, or what is stored.

pub mod access;
pub mod api;
pub mod edge;
pub mod extract;
pub mod idempotency;
pub mod openapi;
pub mod problem;
pub mod respond;

pub use access::{Access, RouteRule};
pub use api::Api;
pub use extract::{IfMatch, Json, Paging, Path, Query, RawBody, ReqCtx};
pub use problem::{Problem, ProblemBody};
pub use respond::{Created, ETag, Listing, Replayed};
pub use utoipa_axum::routes;

/// The largest request body unless a route says otherwise, in bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;
