//! What an operator sees of an outbox and may do: list, retry, discard, count. Whoever calls this has
//! checked that the operator may.

use std::time::Duration;

use kit::{Cursor, Limit, Page, Place, TenantCode, Timestamp};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use shard::Route;

use crate::message::{MessageId, is_name};
use crate::outbox::Outbox;
use crate::store::{self, Key, Position, Row};

/// Messages retried in one transaction.
const RETRY_BATCH: usize = 200;
/// The most bytes of the reason why a message was discarded.
const REASON_BYTES_MAX: usize = 4_000;

/// The operator's view of one outbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin(Outbox);

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not delivered yet, a timer, or between two attempts.
    Pending,
    /// Delivered or discarded; forgotten after a while.
    Done,
    /// Given up: waits for an operator.
    Dead,
    /// Its global transaction has not ended.
    Undecided,
}

impl From<store::State> for State {
    fn from(s: store::State) -> Self {
        match s {
            store::State::Pending => Self::Pending,
            store::State::Done => Self::Done,
            store::State::Dead => Self::Dead,
            store::State::Undecided => Self::Undecided,
        }
    }
}

impl From<State> for store::State {
    fn from(s: State) -> Self {
        match s {
            State::Pending => Self::Pending,
            State::Done => Self::Done,
            State::Dead => Self::Dead,
            State::Undecided => Self::Undecided,
        }
    }
}

/// Which messages; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// Of this tenant.
    pub tenant: Option<TenantCode>,
    /// With this topic.
    pub topic: Option<String>,
    /// `true`: without the timers whose time has not come; `false`: only those.
    pub due: Option<bool>,
}

impl From<Filter> for store::Filter {
    fn from(f: Filter) -> Self {
        Self { state: f.state.map(Into::into), tenant: f.tenant, topic: f.topic, due: f.due }
    }
}

/// A message as an operator sees it. The payload is left out: it may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The logical database.
    pub database: String,
    /// Its id, unique within tenant and database.
    pub id: MessageId,
    /// Its tenant.
    pub tenant: TenantCode,
    /// Its topic.
    pub topic: String,
    /// The cell of the transaction that put it.
    pub place: Place,
    /// How it stands.
    pub state: State,
    /// Deliveries that have failed or succeeded.
    pub attempts: u32,
    /// Pending: when it is due, or when its lease is over. Done and dead: since when.
    pub next_at: Timestamp,
    /// For a timer: when it is due.
    pub deliver_at: Option<Timestamp>,
    /// When it was put.
    pub created_at: Timestamp,
    /// The request that put it.
    pub request_id: String,
    /// Why the last delivery failed.
    pub last_error: Option<String>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            database: row.message.source,
            id: row.message.id,
            tenant: row.message.tenant,
            topic: row.message.topic,
            place: row.message.place,
            state: row.state.into(),
            attempts: row.attempts,
            next_at: row.next_at,
            deliver_at: row.message.deliver_at,
            created_at: row.message.created_at,
            request_id: row.message.request_id,
            last_error: row.last_error,
        }
    }
}

/// How much is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Due and not done, those between two attempts included.
    pub pending: u64,
    /// How long the oldest of them has been due, in milliseconds.
    pub oldest_pending_ms: u64,
    /// Since when the oldest of them has been due.
    pub oldest_pending_at: Option<Timestamp>,
    /// Timers that are not due yet.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
}

#[derive(Serialize, Deserialize)]
struct After(u8, Position);

impl Admin {
    /// The operator's view of an outbox. Pass the handle that the service puts with, so that a retry wakes
    /// its relays.
    #[must_use]
    pub const fn new(outbox: Outbox) -> Self {
        Self(outbox)
    }

    /// Messages, file by file, the longest due first.
    ///
    /// # Errors
    /// When the cursor is not one of this list, the topic is none, or the database fails.
    pub async fn list(
        &self,
        ctx: &Ctx,
        filter: Filter,
        cursor: Option<&Cursor>,
        limit: Limit,
    ) -> Result<Page<Entry>, Fault> {
        let after: Option<After> = cursor
            .map(Cursor::decode)
            .transpose()
            .map_err(|e| Fault::invalid("cursor", e.to_string()))?;
        let filter = checked(filter)?;
        let wanted = limit.as_usize() + 1;
        let first = after.as_ref().map_or(0, |after| after.0);
        let database = self.0.database();
        let mut found: Vec<(u8, Row)> = Vec::new();
        for db in database.databases().into_iter().filter(|db| *db >= first) {
            let position =
                after.as_ref().filter(|after| after.0 == db).map(|after| after.1.clone());
            let (filter, source, max) = (filter.clone(), database.name(), wanted - found.len());
            let rows = database.read(ctx, Route::Db(db), move |tx| {
                let (filter, position) = (filter.clone(), position.clone());
                async move { store::list(&tx, source, &filter, position.as_ref(), max).await }
            });
            found.extend(rows.await?.into_iter().map(|row| (db, row)));
            if found.len() >= wanted {
                break;
            }
        }
        let page = Page::from_overfetch(found, limit, |(db, row)| After(*db, Position::of(row)));
        Ok(page.map(|(_, row)| row.into()))
    }

    /// One message.
    ///
    /// # Errors
    /// `NotFound`, or a failure of the database.
    pub async fn get(
        &self,
        ctx: &Ctx,
        tenant: &TenantCode,
        id: &MessageId,
    ) -> Result<Entry, Fault> {
        self.locate(ctx, &Key::new(tenant.clone(), id)).await.map(|(_, row)| row.into())
    }

    /// One message with its payload, as JSON. A payload may hold personal data: whoever calls this has
    /// checked that the operator may see that, too.
    ///
    /// # Errors
    /// `NotFound`, or a failure of the database.
    pub async fn get_with_payload(
        &self,
        ctx: &Ctx,
        tenant: &TenantCode,
        id: &MessageId,
    ) -> Result<(Entry, String), Fault> {
        let (_, mut row) = self.locate(ctx, &Key::new(tenant.clone(), id)).await?;
        let payload = std::mem::take(&mut row.message.payload);
        Ok((row.into(), payload))
    }

    /// Tries a dead message again, as if it had never been tried.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when it is not dead, or a failure of the database.
    pub async fn retry(&self, ctx: &Ctx, tenant: &TenantCode, id: &MessageId) -> Result<(), Fault> {
        let key = Key::new(tenant.clone(), id);
        let (db, _) = self.locate(ctx, &key).await?;
        if self.revive(ctx, db, vec![key]).await? == 0 {
            return Err(not_now("only a dead message can be retried"));
        }
        tracing::info!(%tenant, message.id = %id, by = ctx.actor.principal(), "a dead message is tried again");
        Ok(())
    }

    /// Tries all dead messages again, or those of a tenant or topic; how many. One that dies
    /// anew while this runs may be tried once more; it ends all the same.
    ///
    /// # Errors
    /// When the topic is none, or a failure of the database; what was retried until then stays retried.
    pub async fn retry_all(&self, ctx: &Ctx, filter: Filter) -> Result<u64, Fault> {
        let filter = checked(filter)?;
        let database = self.0.database();
        let mut retried = 0;
        for db in database.databases() {
            let dead = self.total(ctx, db, filter.tenant.clone()).await?.dead;
            let mut left = dead;
            while left > 0 {
                let (filter, source) = (filter.clone(), database.name());
                let keys = database.read(ctx, Route::Db(db), move |tx| {
                    let filter = filter.clone();
                    async move { store::dead_keys(&tx, source, &filter, RETRY_BATCH).await }
                });
                let keys = keys.await?;
                if keys.is_empty() {
                    break;
                }
                left = left.saturating_sub(keys.len() as u64);
                retried += self.revive(ctx, db, keys).await?;
            }
        }
        tracing::info!(
            database = database.name(),
            retried,
            by = ctx.actor.principal(),
            "dead messages are tried again"
        );
        Ok(retried)
    }

    /// Ends a dead or waiting message without delivering it; later ones of its aggregate go on. The reason
    /// is kept with the message as long as that is, and logged.
    ///
    /// # Errors
    /// `Invalid` when the reason is too long or has control characters, `NotFound`, `Conflict` when it is
    /// done or being delivered right now, or a failure of the database.
    pub async fn discard(
        &self,
        ctx: &Ctx,
        tenant: &TenantCode,
        id: &MessageId,
        reason: Option<&str>,
    ) -> Result<(), Fault> {
        check_reason(reason.unwrap_or_default())?;
        let key = Key::new(tenant.clone(), id);
        let (db, row) = self.locate(ctx, &key).await?;
        let by = ctx.actor.principal();
        let why = match reason {
            Some(reason) => format!("discarded by {by}: {reason}"),
            None => format!("discarded by {by}"),
        };
        let gone = self.0.database().tx(ctx, Route::Db(db), move |tx| {
            let (key, why) = (key.clone(), why.clone());
            async move { store::discard(&tx, &key, &why).await }
        });
        if !gone.await? {
            return Err(not_now("the message is done, or is being delivered right now"));
        }
        self.0.wake(db);
        let (topic, failed) = (row.message.topic.as_str(), row.last_error.as_deref());
        tracing::warn!(%tenant, message.id = %id, topic, by, reason, failed, "a message was discarded");
        Ok(())
    }

    /// How much is there, of one tenant or in all.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn stats(&self, ctx: &Ctx, tenant: Option<&TenantCode>) -> Result<Stats, Fault> {
        let mut stats = Stats::default();
        let database = self.0.database();
        let mut oldest: Option<Timestamp> = None;
        for db in database.databases() {
            let totals = self.total(ctx, db, tenant.cloned()).await?;
            stats.pending += totals.pending;
            stats.delayed += totals.delayed;
            stats.dead += totals.dead;
            oldest = oldest.into_iter().chain(totals.oldest_pending).min();
        }
        stats.oldest_pending_at = oldest;
        let age = oldest.map_or(Duration::ZERO, |at| database.clock().now().since(at));
        stats.oldest_pending_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Ok(stats)
    }

    async fn total(
        &self,
        ctx: &Ctx,
        db: u8,
        tenant: Option<TenantCode>,
    ) -> Result<store::Totals, Fault> {
        let body = move |tx| {
            let tenant = tenant.clone();
            async move { store::totals(&tx, tenant.as_ref()).await }
        };
        self.0.database().read(ctx, Route::Db(db), body).await
    }

    async fn revive(&self, ctx: &Ctx, db: u8, mut keys: Vec<Key>) -> Result<u64, Fault> {
        keys.sort();
        let revived = self.0.database().tx(ctx, Route::Db(db), move |tx| {
            let keys = keys.clone();
            async move {
                let mut revived = 0;
                // In one order, so that two operators who do the same do not lock each other out.
                for key in &keys {
                    revived += u64::from(store::revive(&tx, key).await?);
                }
                Ok::<_, Fault>(revived)
            }
        });
        let revived = revived.await?;
        self.0.wake(db);
        Ok(revived)
    }

    /// The file that has the message.
    async fn locate(&self, ctx: &Ctx, key: &Key) -> Result<(u8, Row), Fault> {
        let database = self.0.database();
        for db in database.databases() {
            let (key, source) = (key.clone(), database.name());
            let row = database.read(ctx, Route::Db(db), move |tx| {
                let key = key.clone();
                async move { store::find(&tx, source, &key).await }
            });
            if let Some(row) = row.await? {
                return Ok((db, row));
            }
        }
        Err(Fault::not_found("the message"))
    }
}

/// A filter by something that no message can have is a mistake, and not every engine can be asked for it.
fn checked(filter: Filter) -> Result<store::Filter, Fault> {
    if filter.topic.as_deref().is_some_and(|topic| !is_name(topic)) {
        return Err(Fault::invalid("topic", "no topic"));
    }
    Ok(filter.into())
}

fn check_reason(reason: &str) -> Result<(), Fault> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if reason.len() > REASON_BYTES_MAX || reason.chars().any(control) {
        let text = format!("at most {REASON_BYTES_MAX} bytes, without control characters");
        return Err(Fault::invalid("/reason", text));
    }
    Ok(())
}

fn not_now(why: &str) -> Fault {
    Fault::new(kit::ErrorCode::Conflict, why)
}
