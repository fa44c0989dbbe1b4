//! Calls between services: a [`Ctx`] that travels with every call, a [`Fault`] that every error can be,
//! and the [`service`] macro that turns a trait into a handle which may be local, remote or a mock.
//!
//! Callers hold the handle and cannot tell which it is. What cannot cross a wire does not cross a
//! trait: no transaction, no closure, no borrowed row.

pub mod ctx;
pub mod fault;

pub use ctx::{Actor, ActorKind, Ctx, IdempotencyKey, Session, TraceId, Xid};
pub use fault::{Fault, ServiceError};
