//! The promises of the service `tenant`: through its trait, in the process and over the wire, and at its
//! routes. The tests must not look at tables.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod world;
