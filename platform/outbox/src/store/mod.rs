//! All SQL of this crate, by table. Rows in, rows out; what they mean is decided elsewhere.

mod admin;
mod idempotency;
mod inbox;
mod outbox;
mod position;
mod purge;
mod ranges;
mod relay;

pub(crate) use admin::{Filter, Position, Totals, dead_keys, discard, find, list, revive, totals};
pub(crate) use idempotency::{
    IdemKey, IdemRecord, idem_complete, idem_find, idem_insert, idem_release, idem_take_over,
};
pub(crate) use inbox::inbox_insert;
pub(crate) use outbox::{
    Aggregate, Insert, Key, Row, State, insert, insert_all, last_seq, last_seqs,
};
pub(crate) use position::{positions, read_positions};
pub(crate) use purge::{Counts, Purged, counts, is_any_old, purge};
pub(crate) use relay::{
    Claim, Claimed, Item, Outcome, Settled, claim, look_again, next_due, settle, unpark,
};
