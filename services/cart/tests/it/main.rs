//! Carts through their trait, in the process and over the wire; races, ageing, messages, routes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ages;
mod contract;
mod messages;
mod races;
mod routes;
mod schema;
mod world;
