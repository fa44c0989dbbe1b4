//! The promises of the service `messages`: through its trait, in the process and over the wire, and at its
//! routes.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod world;
