//! Contract tests of the service `order`, through its trait, in process and over the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod contract;
mod drain;
mod growth;
mod live;
mod money;
mod placing;
mod race;
mod shipping;
mod told;
mod world;
