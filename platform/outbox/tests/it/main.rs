//! The promises of the outbox, on real databases. Numbers are those of the platform's acceptance list.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod common;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod ob_02;
#[cfg(test)]
mod ob_03;
#[cfg(test)]
mod ob_04;
#[cfg(test)]
mod ob_05;
#[cfg(test)]
mod ob_06;
#[cfg(test)]
mod ob_08;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sharded;
#[cfg(test)]
mod together;
#[cfg(test)]
mod upkeep;
