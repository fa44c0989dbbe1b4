//! Messages that are written in the same transaction as the change they tell of, delivered at least
//! once and in order per aggregate, with effects that happen once.
//!
//! - A service holds one [`Outbox`] and calls [`Outbox::put`] inside its transactions. A message with
//!   `deliver_at` is a timer.
//! - A [`Relay`] per service hands what is due to a [`Deliver`], in one process the [`Router`], which
//!   calls the [`Consumer`]s of the topic.
//! - A consumer calls [`inbox::once`] in the transaction of its effect.
//! - [`Idempotency`] keeps what a request with an idempotency key was answered.
//! - [`Admin`] shows what is stuck and lets an operator retry or discard it.
//!
//! The tables of [`MIGRATIONS`] stand once in every logical database. This crate knows no topic and no
//! consumer by name, and it does not decide what a message means.

pub mod admin;
pub mod backoff;
pub mod deliver;
pub mod idempotency;
pub mod inbox;
pub mod message;
mod outbox;
pub mod position;
pub mod quiet;
pub mod relay;
mod store;

pub use admin::Admin;
pub use deliver::{Consume, ConsumeError, Consumer, Deliver, Delivered, Router};
pub use idempotency::Idempotency;
pub use message::{Message, MessageId, NewMessage};
pub use outbox::Outbox;
pub use position::Position;
pub use relay::Relay;

use shard::{Migration, MigrationSet};

/// The tables of this crate; put the set into the schema of every logical database that sends, consumes
/// or records idempotency keys.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "outbox",
    common: &[
        Migration {
            version: 1,
            name: "outbox",
            sql: include_str!("../migrations/0001_outbox.sql"),
        },
        Migration { version: 2, name: "inbox", sql: include_str!("../migrations/0002_inbox.sql") },
        Migration {
            version: 3,
            name: "idempotency",
            sql: include_str!("../migrations/0003_idempotency.sql"),
        },
    ],
    cells: &[],
};
