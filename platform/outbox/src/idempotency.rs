//! What a request with an idempotency key was answered, kept in the logical database of its effect.
//!
//! A claim is committed first, so that a second request meanwhile is told that the first is in flight.
//! The answer is written in the effect's own transaction. Only successes are kept: after a failure the
//! claim is given back and the same key may try again. A claim whose holder has vanished is taken over
//! when its lease is over; the old holder's fence then keeps it from completing.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kit::{ErrorCode, TenantCode, Timestamp};
use rpc::{Ctx, Fault, IdempotencyKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shard::{Database, Route, Tx};
use tokio::time::Instant;

use crate::store;

/// The slug when a key comes with another body.
pub const KEY_REUSED: &str = "idempotency_key_reused";
/// The slug when the first request with the key has not been answered yet.
pub const IN_FLIGHT: &str = "idempotency_in_flight";
/// The most bytes of JSON an answer may have.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The most characters of a key, of the route it is for, and of the principal who sent it.
pub const SCOPE_CHARS_MAX: [usize; 3] = [255, 256, 128];
/// How long giving a claim back may take.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

/// The knobs, with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a claim keeps others out when its holder has vanished.
    pub lease: Duration,
    /// How long an answer is replayed.
    pub keep: Duration,
}

impl Default for Options {
    /// 30 s and 24 h.
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), keep: Duration::from_secs(24 * 3_600) }
    }
}

/// The idempotency records of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Idempotency {
    db: Database,
    options: Options,
}

/// What a request finds.
#[derive(Debug)]
pub enum Begun {
    /// It is the first: do the work, then [`Claim::complete`] or [`Claim::release`].
    New(Claim),
    /// It was answered before.
    Replay(Value),
    /// The route takes no key.
    NotRequested,
}

/// An answer, and whether it is one that was given before (`Idempotent-Replayed: true`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// Whether no work was done for it now.
    pub replayed: bool,
}

/// The right to do the work for a key. Cheap to clone into a transaction's body.
#[derive(Debug, Clone)]
pub struct Claim(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    db: Database,
    route: Route,
    key: store::IdemKey,
    fence: i64,
    keep: Duration,
}

impl Idempotency {
    /// The records of a database whose schema has [`crate::MIGRATIONS`].
    #[must_use]
    pub const fn new(db: Database, options: Options) -> Self {
        Self { db, options }
    }

    /// Claims the key of the call, if it has one. `route` is where the effect will be.
    ///
    /// # Errors
    /// [`KEY_REUSED`] when the key came with another body, [`IN_FLIGHT`] when its first request is not
    /// answered yet, `Invalid` when it is none, or a failure of the database.
    pub async fn begin(&self, ctx: &Ctx, route: impl Into<Route>) -> Result<Begun, Fault> {
        let Some(requested) = ctx.idempotency.clone() else { return Ok(Begun::NotRequested) };
        let route = route.into();
        let key = store_key(&ctx.tenant, &ctx.actor.principal(), &requested);
        check(&key)?;
        let new = self.record(requested.body_hash);
        let fence = new.fence;
        let wanted = Arc::new((key.clone(), new));
        let sent = Arc::new(AtomicU32::new(0));
        let (ours, count) = (Arc::clone(&wanted), Arc::clone(&sent));
        // Most keys come once: the first thing tried is to write the record, and only one that is there is
        // read. It may be sent twice, and is then found to be there by ourselves.
        let insert = move |tx: Tx| {
            count.fetch_add(1, Ordering::Relaxed);
            let wanted = Arc::clone(&ours);
            async move { store::idem_insert(&tx, &wanted.0, &wanted.1).await }
        };
        let found = if self.db.tx_one(ctx, route, insert).await? {
            Found::Mine(fence)
        } else {
            let is_sent_twice = sent.load(Ordering::Relaxed) > 1;
            let look = move |tx: Tx| {
                let wanted = Arc::clone(&wanted);
                async move { claim(&tx, &wanted.0, &wanted.1, is_sent_twice).await }
            };
            self.db.tx(ctx, route, look).await?
        };
        match found {
            Found::Mine(fence) => {
                let keep = self.options.keep;
                let held = Held { db: self.db.clone(), route, key, fence, keep };
                Ok(Begun::New(Claim(Some(Arc::new(held)))))
            }
            Found::Answer(text) => {
                serde_json::from_str(&text).map(Begun::Replay).map_err(Fault::internal)
            }
        }
    }

    /// A claim that begins now.
    fn record(&self, body_hash: String) -> store::IdemRecord {
        let now = self.db.clock().now();
        // A claim that is never completed is worth nothing once its lease is over; keep it a while longer
        // all the same, because the same key with another body is still a mistake worth telling.
        let lease_until = now.plus(self.options.lease);
        let expires_at = lease_until.plus(self.options.lease);
        store::IdemRecord { body_hash, fence: now.micros(), lease_until, answer: None, expires_at }
    }

    /// Runs `work` unless its answer is known: claims the key, gives the claim back when `work` fails.
    /// `work` must call [`Claim::complete`] in the transaction of its effect; without a key that does
    /// nothing.
    ///
    /// # Errors
    /// As [`Idempotency::begin`], and whatever `work` returns.
    pub async fn run<T, E, F, Fut>(
        &self,
        ctx: &Ctx,
        route: impl Into<Route>,
        work: F,
    ) -> Result<Answered<T>, E>
    where
        T: DeserializeOwned,
        E: From<Fault>,
        F: FnOnce(Claim) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let claim = match self.begin(ctx, route).await? {
            Begun::New(claim) => claim,
            Begun::NotRequested => Claim(None),
            Begun::Replay(value) => return replayed(value),
        };
        settle(ctx, claim.clone(), work(claim).await).await
    }
}

fn replayed<T: DeserializeOwned, E: From<Fault>>(value: Value) -> Result<Answered<T>, E> {
    let answer = serde_json::from_value(value).map_err(Fault::internal)?;
    Ok(Answered { answer, replayed: true })
}

/// Gives the claim back when the work has failed.
async fn settle<T, E>(ctx: &Ctx, claim: Claim, result: Result<T, E>) -> Result<Answered<T>, E> {
    match result {
        Ok(answer) => Ok(Answered { answer, replayed: false }),
        Err(e) => {
            if let Err(fault) = claim.release(ctx).await {
                // Its lease ends by itself.
                tracing::warn!(error = ?fault, "an idempotency claim could not be given back");
            }
            Err(e)
        }
    }
}

impl Claim {
    /// Records the answer in the effect's own transaction.
    ///
    /// # Errors
    /// [`IN_FLIGHT`] when the claim was lost to another request: the transaction must then roll back.
    pub async fn complete(&self, tx: &Tx, answer: &impl Serialize) -> Result<(), Fault> {
        let Some(held) = &self.0 else { return Ok(()) };
        let text = serde_json::to_string(answer).map_err(Fault::internal)?;
        if text.len() > ANSWER_BYTES_MAX {
            return Err(Fault::bug(format!(
                "an answer of {} bytes is too long to keep",
                text.len()
            )));
        }
        let until = tx.now().plus(held.keep);
        if store::idem_complete(tx, &held.key, held.fence, text, until).await? {
            Ok(())
        } else {
            Err(in_flight())
        }
    }

    /// Gives the claim back after a failure, so that the key can be tried again at once. Does nothing
    /// when the effect was committed after all, or the claim was lost.
    ///
    /// # Errors
    /// When the database fails; the lease then ends by itself.
    pub async fn release(&self, ctx: &Ctx) -> Result<(), Fault> {
        let Some(held) = self.0.clone() else { return Ok(()) };
        // The call may have failed because its time is over; giving back takes its own.
        let ctx = Ctx { deadline: Instant::now() + RELEASE_WITHIN, ..ctx.clone() };
        let (db, route) = (held.db.clone(), held.route);
        db.tx(&ctx, route, move |tx| {
            let held = Arc::clone(&held);
            async move { store::idem_release(&tx, &held.key, held.fence).await }
        })
        .await
    }
}

fn store_key(tenant: &TenantCode, principal: &str, key: &IdempotencyKey) -> store::IdemKey {
    store::IdemKey {
        tenant: tenant.clone(),
        principal: principal.to_owned(),
        route: key.route.clone(),
        key: key.key.clone(),
    }
}

/// What comes over the bus is well-formed; this keeps what another caller sends out of the table's keys.
fn check(key: &store::IdemKey) -> Result<(), Fault> {
    let parts = [&key.key, &key.route, &key.principal];
    let fits = |(part, max): (&&String, usize)| {
        (1..=max).contains(&part.chars().count()) && !part.chars().any(char::is_control)
    };
    if parts.iter().zip(SCOPE_CHARS_MAX).all(fits) {
        return Ok(());
    }
    Err(Fault::invalid("Idempotency-Key", "1 to 255 characters, without control characters"))
}

enum Found {
    Mine(i64),
    Answer(String),
}

/// What a record of a key means for a request that comes now. Pure.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The record is worth nothing any more: take it over.
    TakeOver,
    Reused,
    InFlight,
    Replay,
}

fn judge(record: &store::IdemRecord, body_hash: &str, now: Timestamp) -> Verdict {
    if record.expires_at <= now {
        Verdict::TakeOver
    } else if record.body_hash != body_hash {
        Verdict::Reused
    } else if record.answer.is_some() {
        Verdict::Replay
    } else if record.lease_until > now {
        Verdict::InFlight
    } else {
        Verdict::TakeOver
    }
}

/// What to do about a key that is taken.
async fn claim(
    tx: &Tx,
    key: &store::IdemKey,
    new: &store::IdemRecord,
    is_sent_twice: bool,
) -> Result<Found, Fault> {
    // Gone again by now: its holder has just given it back.
    let Some(record) = store::idem_find(tx, key).await? else { return Err(in_flight()) };
    // Should it be another's of the same microsecond after all: only one of both can complete it.
    if is_sent_twice && record == *new {
        return Ok(Found::Mine(new.fence));
    }
    match judge(&record, &new.body_hash, tx.now()) {
        Verdict::Reused => Err(Fault::new(
            ErrorCode::Unprocessable,
            "this idempotency key was used with another request body",
        )
        .with_slug(KEY_REUSED)),
        Verdict::InFlight => Err(in_flight()),
        Verdict::Replay => Ok(Found::Answer(record.answer.unwrap_or_default())),
        Verdict::TakeOver => {
            let fence = new.fence.max(record.fence.saturating_add(1));
            let new = store::IdemRecord { fence, ..new.clone() };
            match store::idem_take_over(tx, key, record.fence, &new).await? {
                true => Ok(Found::Mine(fence)),
                false => Err(in_flight()),
            }
        }
    }
}

fn in_flight() -> Fault {
    let text = "a request with this idempotency key is being worked on; try again shortly";
    Fault::new(ErrorCode::Conflict, text).with_slug(IN_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> store::IdemRecord {
        store::IdemRecord {
            body_hash: "a".to_owned(),
            fence: 1,
            lease_until: Timestamp::from_micros(100),
            answer: None,
            expires_at: Timestamp::from_micros(200),
        }
    }

    #[test]
    fn a_claim_keeps_others_out_until_its_lease_is_over() {
        let at = Timestamp::from_micros;
        assert_eq!(judge(&record(), "a", at(99)), Verdict::InFlight);
        assert_eq!(judge(&record(), "b", at(99)), Verdict::Reused);
        assert_eq!(judge(&record(), "a", at(100)), Verdict::TakeOver);
        assert_eq!(judge(&record(), "b", at(100)), Verdict::Reused);
        assert_eq!(judge(&record(), "b", at(200)), Verdict::TakeOver);
    }

    #[test]
    fn an_answer_is_replayed_until_it_expires() {
        let done = store::IdemRecord { answer: Some("1".to_owned()), ..record() };
        let at = Timestamp::from_micros;
        assert_eq!(judge(&done, "a", at(199)), Verdict::Replay);
        assert_eq!(judge(&done, "b", at(199)), Verdict::Reused);
        assert_eq!(judge(&done, "a", at(200)), Verdict::TakeOver);
    }
}
