//! One entry for developers: `cargo xtask test|fuzz-api|ci|gen|tidy|bench`.
//!
//! Every command is a module; the pure parts (the tidy rules, the reading of reports, the service graph) take data and
//! return data, so they are tested without a build or a server. Nothing here is part of the product, and no crate may
//! depend on it.

#[macro_use]
mod ui;

mod bench;
mod ci;
mod cli;
mod disk;
mod fuzz;
mod generate;
mod http;
mod process;
mod setup;
mod stoa;
mod test;
mod tidy;
mod workspace;

pub use cli::main;
