//! The program: settings, wiring, commands; nothing else. A library, so that tests start the same
//! platform as the commands do.

pub mod access;
pub mod commands;
pub mod demo;
pub mod operator;
pub mod options;
pub mod platform;
