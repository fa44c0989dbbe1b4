//! Tests of the wiring and the commands: what only shows when everything is together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands;
mod engines;
mod failover;
mod moving;
mod restore;
mod shard;
mod wiring;
