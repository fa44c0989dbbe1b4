//! The promises of the outbox in both of its forms, inside one process and over a broker, and what only a
//! broker can do to them. Numbers are those of the platform's acceptance list.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
#[path = "../../../outbox/tests/it/common.rs"]
#[expect(dead_code, reason = "the helpers of the outbox's own tests; some are for those only")]
mod common;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod ob_05;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod ways;
