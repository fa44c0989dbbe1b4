//! The handle that services hold: puts messages and wakes whoever relays them. It delivers nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::{Id, Place};
use rpc::{Ctx, Fault};
use shard::{Database, Tx};
use tokio::sync::watch;

use crate::message::{Headers, MessageId, NewMessage};
use crate::store::{self, Insert, Key, State};

/// A message behind an unfinished one is looked at again after this long, should nobody have woken it.
pub(crate) const PARK: Duration = Duration::from_secs(60);

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
    /// has the aggregate's row locked, or inserts it; that makes the numbers ascend.
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
        let last = store::last_seq(tx, &aggregate).await?;
        let seq = last.map_or(now.micros(), |last| now.micros().max(last.saturating_add(1)));
        let immediate = message.deliver_at.is_none();
        let behind =
            immediate && last.is_some() && store::first_blocking(tx, &aggregate).await?.is_some();
        let key = Key { aggregate, seq };
        let place = self.place(tx, message.aggregate_id);
        let headers = Headers { trace: ctx.trace.to_string(), request_id: ctx.request_id.clone() };
        let next_at = match message.deliver_at {
            Some(at) => at,
            None if behind => now.plus(PARK),
            None => now,
        };
        let insert = Insert {
            key: &key,
            place,
            topic: &message.topic,
            payload: &message.payload,
            headers: serde_json::to_string(&headers).map_err(Fault::internal)?,
            xid: ctx.xid.as_ref().map(|x| x.0.clone()),
            state: if ctx.xid.is_some() { State::Undecided } else { State::Pending },
            next_at,
            deliver_at: message.deliver_at,
            created_at: now,
        };
        store::insert(tx, insert).await?;
        if !behind {
            let outbox = self.clone();
            let routed = tx.place();
            tx.after_commit(move || outbox.wake_for(routed, place));
        }
        Ok(key.into_id())
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
