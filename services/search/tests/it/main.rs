//! Searching through its trait, in the process and over the wire; what feeds it; routes; how fast it is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catch_up;
mod contract;
mod feed;
mod orders;
mod races;
mod routes;
mod schema;
mod speed;
mod world;
