//! The outbox over RabbitMQ: what a relay publishes is confirmed by the broker, what a consumer takes comes
//! from queues of its own, in order per aggregate, at least once; the inbox makes its effect happen once.
//!
//! - [`Broker::start`] connects, declares what there must be, and works for the consumers it is given.
//! - [`Broker::publisher`] is what a [`outbox::Relay`] delivers to.
//! - [`Broker::dead_letters`] shows what a consumer could not do, and has it done again or thrown away.
//!
//! Every consumer has a fixed number of quorum queues, the same for all; an aggregate hashes onto one of
//! them, and a queue has one active consumer at a time. Beside them it has one queue of dead letters. A dead
//! letter holds up its aggregate and nothing else: what comes behind it is put behind it.
//!
//! This crate keeps nothing on disk, knows no topic and no consumer by name, and does not decide what a
//! message means. What the broker does not have is in the outbox.

mod broker;
mod consume;
mod dead;
mod error;
mod link;
mod names;
mod options;
mod publish;
mod reading;
mod topology;
mod wire;

pub use broker::Broker;
pub use dead::{DeadLetter, DeadLetters};
pub use error::Error;
pub use options::Options;

/// To be added to the filter of whatever writes logs: the library writes whole messages there, those that
/// nobody wants, and they may tell of people.
pub const LOG_FILTER: &str = "lapin::returned_messages=off";
