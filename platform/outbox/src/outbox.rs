//! The handle that services hold: puts messages and wakes whoever relays them. It delivers nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use kit::{ErrorCode, Id, Place};
use rpc::{Ctx, Fault};
use shard::{Database, Tx};
use tokio::sync::watch;

use crate::message::{Headers, MessageId, NewMessage};
use crate::store::{self, Insert, Key, State};

/// How often a number is looked for: each time somebody else has got one.
const TRIES_MAX: u32 = 64;
/// Messages in one statement: how many texts of it a server may have to prepare.
const ROWS_MAX: usize = 32;

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
        let mut insert = self.prepare(tx, ctx, &message)?;
        let mut tries = 0;
        loop {
            let last = store::last_seq(tx, &insert.key.aggregate).await?;
            insert.key.seq = number_after(tx, last);
            if store::insert(tx, &insert).await? {
                break;
            }
            // Only where the caller has not locked the aggregate can its number be taken by now.
            tries += 1;
            if tries == TRIES_MAX {
                return Err(too_many());
            }
        }
        self.wake_after(tx, std::slice::from_ref(&insert));
        Ok(insert.key.into_id())
    }

    /// [`Outbox::put`] for several messages in their order, of one aggregate or of several, in two round
    /// trips. That the caller has every aggregate's row locked, or has inserted it, is no advice here: where
    /// it is not so and somebody else puts a message of the same aggregate at this moment, the numbers meet
    /// and the whole transaction fails, because no engine can say which of several rows were there already.
    ///
    /// # Errors
    /// As [`Outbox::put`]; `Unavailable` when a number is taken.
    pub async fn put_all(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        mut messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageId>, Fault> {
        if messages.len() < 2 {
            return match messages.pop() {
                Some(message) => Ok(vec![self.put(tx, ctx, message).await?]),
                None => Ok(Vec::new()),
            };
        }
        let mut inserts = self.prepare_all(tx, ctx, &messages)?;
        let aggregates: BTreeSet<_> = inserts.iter().map(|i| i.key.aggregate.clone()).collect();
        let mut last = store::last_seqs(tx, &aggregates).await?;
        for insert in &mut inserts {
            let last = last.entry(insert.key.aggregate.clone()).or_default();
            insert.key.seq = number_after(tx, *last);
            *last = Some(insert.key.seq);
        }
        self.insert_all(tx, inserts).await
    }

    /// [`Outbox::put_all`] for aggregates whose own rows the caller has inserted in this very transaction, in
    /// one round trip: nobody else can have put messages of them, so their numbers need not be looked for.
    /// All messages that an aggregate gets in this transaction before [`Outbox::put`] is called for it go
    /// into one call: a second one would give the same numbers again.
    ///
    /// # Errors
    /// As [`Outbox::put`]; `Unavailable` when a number is taken, and so the aggregate was not new.
    pub async fn put_first(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageId>, Fault> {
        let mut inserts = self.prepare_all(tx, ctx, &messages)?;
        let mut last = BTreeMap::new();
        for insert in &mut inserts {
            let last = last.entry(insert.key.aggregate.clone()).or_insert(None);
            insert.key.seq = number_after(tx, *last);
            *last = Some(insert.key.seq);
        }
        self.insert_all(tx, inserts).await
    }

    async fn insert_all(&self, tx: &Tx, inserts: Vec<Insert<'_>>) -> Result<Vec<MessageId>, Fault> {
        for some in inserts.chunks(ROWS_MAX) {
            // The primary key is what protects the numbers; a row that is there already ends it all.
            store::insert_all(tx, some).await.map_err(|fault| match fault.code {
                ErrorCode::Conflict => too_many().because(fault),
                _ => fault,
            })?;
        }
        self.wake_after(tx, &inserts);
        Ok(inserts.into_iter().map(|insert| insert.key.into_id()).collect())
    }

    fn prepare_all<'m>(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        messages: &'m [NewMessage],
    ) -> Result<Vec<Insert<'m>>, Fault> {
        messages.iter().map(|message| self.prepare(tx, ctx, message)).collect()
    }

    /// The row of a message, without its number.
    fn prepare<'m>(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        message: &'m NewMessage,
    ) -> Result<Insert<'m>, Fault> {
        let now = tx.now();
        let aggregate = store::Aggregate {
            tenant: ctx.tenant.clone(),
            kind: message.aggregate_type.clone().into_owned(),
            id: message.aggregate_id,
        };
        let headers = Headers { trace: ctx.trace.to_string(), request_id: ctx.request_id.clone() };
        Ok(Insert {
            key: Key { aggregate, seq: 0 },
            place: self.place(tx, message.aggregate_id),
            topic: &message.topic,
            payload: &message.payload,
            headers: serde_json::to_string(&headers).map_err(Fault::internal)?,
            xid: ctx.xid.as_ref().map(|x| x.0.clone()),
            state: if ctx.xid.is_some() { State::Undecided } else { State::Pending },
            // Also behind an unfinished one: whether that is so can only be told when this has committed.
            next_at: message.deliver_at.unwrap_or(now),
            deliver_at: message.deliver_at,
            created_at: now,
        })
    }

    /// Rings once per logical database when the messages are there to be seen.
    fn wake_after(&self, tx: &Tx, inserts: &[Insert<'_>]) {
        let mut dbs: BTreeSet<u8> = inserts.iter().map(|insert| insert.place.db).collect();
        if dbs.is_empty() {
            return;
        }
        dbs.insert(tx.place().db);
        let outbox = self.clone();
        tx.after_commit(move || dbs.iter().for_each(|db| outbox.wake(*db)));
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

/// A number behind the last one, and by the time where it can be.
fn number_after(tx: &Tx, last: Option<i64>) -> i64 {
    let now = tx.now().micros();
    last.map_or(now, |last| now.max(last.saturating_add(1)))
}

fn too_many() -> Fault {
    Fault::new(ErrorCode::Unavailable, "too many messages at once; try again")
}
