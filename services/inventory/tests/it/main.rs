//! Stock through its trait, in the process and over the wire; races, expiry, messages, routes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod availability;
mod contract;
mod expiry;
mod imports;
mod messages;
mod races;
mod routes;
mod world;
