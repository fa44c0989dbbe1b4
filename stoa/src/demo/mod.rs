//! What `stoa demo` shows: three shops written for this project, their pictures and flows, and the
//! seeding that brings them into a fresh platform. It must not start services or read settings; it is
//! handed a running platform.

mod catalogue;
mod flows;
mod pictures;
mod seed;

pub use flows::{AFTER_SALE_FLOW, order_flow};
pub use seed::{Login, SeedError, SeedOptions, Seeded, SeededTenant, seed};

/// The password of every login of the demo. Fixed, because the demo listens on the loopback only and
/// prints it.
pub const DEMO_PASSWORD: &str = "demo-password";
