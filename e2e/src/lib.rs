//! What whole-life tests are written with: a running `stoa` program, and the people who use it over
//! HTTP. Nothing here reaches into the program; what a test sees, a client sees.

pub mod browser;
pub mod client;
pub mod desk;
pub mod logs;
pub mod server;
pub mod shopper;
pub mod wait;

pub use client::{Answer, Caller, ProblemDocument};
pub use desk::{Desk, Levels};
pub use server::{Server, ServerOptions};
pub use shopper::Shopper;
pub use wait::until;

/// A timeout for things that a healthy program does at once, on a machine that runs other tests too.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// Tells whoever watches the tests something that is measured but not judged.
pub fn note(text: &str) {
    use std::io::Write as _;
    // Nothing depends on whether it can be shown.
    let _ = writeln!(std::io::stderr(), "{text}");
}
