//! One service, three kinds of handle: what a caller may rely on whichever he holds, and what only the
//! wire can break. The tests must not look inside the crate.
//!
//! `cfg(test)` on the modules tells clippy that helpers are test code too.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod greeter;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hops;
#[cfg(test)]
mod observed;
#[cfg(test)]
mod wire;
