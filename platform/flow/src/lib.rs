//! State machines and triggers as tenant data: a JSON document that is validated, published in versions
//! and run with compare-and-set. It must not know what the things are that move through a flow.
//!
//! Pure part: [`document`] (shape), [`schema`], [`validate`](mod@validate) (document and [`kind`] in,
//! [`CheckedFlow`] or problems out), [`machine`] (what an operation does).
//! With a database: [`Registry`] keeps what tenants publish; [`Runner`] moves things.
//!
//! What an owner of things does:
//! 1. At start it registers its [`FlowKind`] and makes a [`Runner`]. Its migrations have a
//!    [`history_table!`].
//! 2. To make a thing it asks [`Registry::active`], keeps the version in the thing's row, inserts the row
//!    with `init_status` and calls [`Runner::begin`], all in one transaction.
//! 3. To move a thing it reads its row, asks [`Registry::get`] for the pinned version *before* the
//!    transaction, reads the row again inside it, calls [`Runner::operate`] and runs the local actions of
//!    the answer. Any error rolls back.
//! 4. Its consumer of [`execute::trigger_topic`] reads a [`TriggerDue`] and calls [`Runner::fire`] in the
//!    same way.

pub mod document;
mod duration;
pub mod execute;
mod graph;
mod guard;
mod json;
pub mod kind;
pub mod machine;
mod problem;
pub mod registry;
pub mod schema;
pub mod store;
pub mod trigger;
pub mod validate;

pub use document::{DOCUMENT_BYTES_MAX, Document, SYSTEM};
pub use duration::AFTER_MAX;
pub use execute::{Applied, Ask, Entity, Error, Runner, Transitioned, TriggerDue};
pub use guard::{EXPRESSION_BYTES_MAX, VARIABLE_BYTES_MAX, VARIABLE_VALUES_MAX};
pub use kind::{ActionKind, FlowKind};
pub use machine::{Action, CheckedFlow, Decision, EntryTrigger, Refusal};
pub use problem::{PROBLEMS_MAX, Problem};
pub use registry::Registry;
pub use store::{HistoryRow, Published, Tables, history};
pub use trigger::Fired;
pub use validate::{validate, validate_document};
