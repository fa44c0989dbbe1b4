//! The promises of the service `fulfillment`: through its trait, in the process and over the wire, and at
//! its routes. Orders are a mock.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod fl_08;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod step;
#[cfg(test)]
mod world;
