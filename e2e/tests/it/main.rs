//! Whole lives over HTTP against the real program, and the few tests that need a platform in process.

mod backup;
mod bad_flows;
mod books;
mod broker;
mod browser;
mod cells;
mod closing;
mod common;
mod demo;
mod failover;
mod finding;
mod flows;
mod growth;
mod invariants;
mod kill;
mod life;
mod moving;
mod once;
mod race;
mod safety;
mod shipping;
mod tenants;
mod weight;
