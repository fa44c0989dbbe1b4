//! Integration tests of the flow crate: bad documents, golden flows, the model checker, and execution
//! against real databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_documents;
mod execution;
mod golden;
mod model;
mod registry;
mod schema;
mod world;
