//! All SQL of this crate, by table. Rows in, rows out; what they mean is decided elsewhere.

mod idempotency;
mod inbox;
mod outbox;

pub(crate) use idempotency::{
    IdemKey, IdemRecord, idem_complete, idem_find, idem_insert, idem_release, idem_take_over,
};
pub(crate) use inbox::inbox_insert;
pub(crate) use outbox::{Aggregate, Insert, Key, State, first_blocking, insert, last_seq};
