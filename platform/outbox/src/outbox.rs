//! The handle that services hold: puts messages and wakes whoever relays them. It delivers nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kit::{ErrorCode, Id, Place};
use rpc::{Ctx, Fault};
use shard::{Database, Tx};
use tokio::sync::watch;

use crate::message::{Headers, MessageId, NewMessage};
use crate::store::{self, Insert, Key, State};

/// How often a number is looked for: each time somebody else has got one.
const TRIES_MAX: u32 = 64;

/// The outbox of one database. Cheap to clone; make one at start and share it, because a put wakes the
/// relays that were started from the same handle.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    db: Database,
    // One bell per logical database; they count rings.
    bells: Mutex<BTreeMap<u8, watch::Sender<u64>>>,
    new_file: watch::Sender<u64>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox({})", self.0.db.name())
    }
}

impl Outbox {
    /// The outbox of a database whose schema has [`crate::MIGRATIONS`].
    #[must_use]
    pub fn new(db: Database) -> Self {
        let new_file = watch::Sender::new(0);
        Self(Arc::new(Inner { db, bells: Mutex::default(), new_file }))
    }

    /// The database it belongs to.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.db
    }

    /// Writes a message in the caller's transaction: it exists if and only if that commits. The caller
    /// has the aggregate's row locked, or inserts it: then no other transaction puts messages of this
    /// aggregate before this one has ended, and their numbers ascend in the order of the commits.
    ///
    /// # Errors
    /// Whatever the database refuses; the transaction should then end.
    pub async fn put(&self, tx: &Tx, ctx: &Ctx, message: NewMessage) -> Result<MessageId, Fault> {
        let now = tx.now();
        let aggregate = store::Aggregate {
            tenant: ctx.tenant.clone(),
            kind: message.aggregate_type.clone().into_owned(),
            id: message.aggregate_id,
        };
        let place = self.place(tx, message.aggregate_id);
        let headers = Headers { trace: ctx.trace.to_string(), request_id: ctx.request_id.clone() };
        let mut insert = Insert {
            key: Key { aggregate, seq: 0 },
            place,
            topic: &message.topic,
            payload: &message.payload,
            headers: serde_json::to_string(&headers).map_err(Fault::internal)?,
            xid: ctx.xid.as_ref().map(|x| x.0.clone()),
            state: if ctx.xid.is_some() { State::Undecided } else { State::Pending },
            // Also behind an unfinished one: whether that is so can only be told when this has committed.
            next_at: message.deliver_at.unwrap_or(now),
            deliver_at: message.deliver_at,
            created_at: now,
        };
        let mut tries = 0;
        loop {
            let last = store::last_seq(tx, &insert.key.aggregate).await?;
            insert.key.seq =
                last.map_or(now.micros(), |last| now.micros().max(last.saturating_add(1)));
            if store::insert(tx, &insert).await? {
                break;
            }
            // Only where the caller has not locked the aggregate can its number be taken by now.
            tries += 1;
            if tries == TRIES_MAX {
                return Err(Fault::new(
                    ErrorCode::Unavailable,
                    "too many messages at once; try again",
                ));
            }
        }
        let outbox = self.clone();
        let routed = tx.place();
        tx.after_commit(move || outbox.wake_for(routed, place));
        Ok(insert.key.into_id())
    }

    /// The cell that the message is recorded with. A transaction that was routed to a whole logical
    /// database has none; then the aggregate's id says it.
    fn place(&self, tx: &Tx, aggregate_id: i64) -> Place {
        let routed = tx.place();
        if routed != Place::ZERO || !self.0.db.is_sharded() {
            return routed;
        }
        let own = Id::from_i64(aggregate_id).map_or(Place::ZERO, Id::place);
        if self.0.db.has_cell(own) { own } else { routed }
    }

    fn wake_for(&self, routed: Place, place: Place) {
        self.wake(routed.db);
        if place.db != routed.db {
            self.wake(place.db);
        }
    }

    /// Tells the relays that something may be due in a logical database.
    pub(crate) fn wake(&self, db: u8) {
        let mut bells = self.0.bells.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        bells
            .entry(db)
            .or_insert_with(|| {
                is_new = true;
                watch::Sender::new(0)
            })
            .send_modify(|n| *n += 1);
        drop(bells);
        if is_new {
            self.0.new_file.send_modify(|n| *n += 1);
        }
    }

    /// Rings when something may be due in a logical database.
    pub(crate) fn bell(&self, db: u8) -> watch::Receiver<u64> {
        let mut bells = self.0.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(db).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Rings when a message was put into a logical database that nobody listened to yet.
    pub(crate) fn new_file(&self) -> watch::Receiver<u64> {
        self.0.new_file.subscribe()
    }
}
