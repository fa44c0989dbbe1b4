//! The program: settings, wiring, commands; nothing else. A library, so that tests start the same
//! platform as the commands do.

pub mod access;
pub mod backup;
pub mod commands;
pub mod demo;
pub mod engine;
pub mod growth;
mod letters;
pub mod operator;
pub mod options;
pub mod platform;
