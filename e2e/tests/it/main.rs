//! Whole lives over HTTP against the real program, and the few tests that need a platform in process.

mod bad_flows;
mod cells;
mod closing;
mod common;
mod demo;
mod flows;
mod kill;
mod life;
mod once;
mod race;
mod tenants;
