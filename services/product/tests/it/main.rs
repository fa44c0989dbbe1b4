//! The promises of the service `product`: through its trait, in the process and over the wire, at its
//! routes, and through whole files. The tests must not look at tables.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod files;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod media;
#[cfg(test)]
mod races;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod world;
