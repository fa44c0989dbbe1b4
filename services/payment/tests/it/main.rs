//! The promises of the service `payment`: through its trait, in the process and over the wire, and at its
//! routes. Orders are a mock that does with money what the service `order` does.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod money;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod world;
