//! Starts real servers from the installed programs and does to them what tests and the demo do.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod mariadb;
#[cfg(test)]
mod orphan;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod rabbitmq;
