//! State machines and triggers as tenant data: a JSON document that is validated, published in versions
//! and run with compare-and-set. It must not know what the things are that move through a flow.
//!
//! Pure part: [`document`] (shape), [`schema`], [`validate`](mod@validate) (document and [`kind`] in,
//! [`CheckedFlow`] or problems out), [`machine`] (what an operation does).

pub mod document;
mod duration;
mod graph;
mod guard;
mod json;
pub mod kind;
pub mod machine;
mod problem;
pub mod schema;
pub mod validate;

pub use document::{DOCUMENT_BYTES_MAX, Document, SYSTEM};
pub use duration::AFTER_MAX;
pub use guard::{EXPRESSION_BYTES_MAX, VARIABLE_BYTES_MAX, VARIABLE_VALUES_MAX};
pub use kind::{ActionKind, FlowKind};
pub use machine::{Action, CheckedFlow, Decision, EntryTrigger, Refusal};
pub use problem::{PROBLEMS_MAX, Problem};
pub use validate::{validate, validate_document};
