//! The message table as relays see it: claiming what is due under a lease, settling what was claimed.
//!
//! A lease moves `next_at` to its end, so that one index holds exactly what may be claimed, and a lease
//! that ran out is due again by itself. Nothing is found by a position: a message whose transaction ends
//! late is due like any other.
//!
//! Several relays of several processes may claim at once. Each locks the rows that it looks at and passes
//! over those that another has locked, so a claim never waits. The order of an aggregate does not rest on
//! `next_at`: a claim asks which of its messages are not done, in a statement of its own, because a locking
//! read may be ahead of everything else that its statement sees. A message that waits for an earlier one is
//! set aside, and whoever is done with that fetches it back. So that neither misses the other, a message is
//! set aside for long only by a claim that holds the lock of the one in its way, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kit::Timestamp;
use rpc::Fault;
use sea_query::{
    Cond, Condition, Expr, ExprTrait as _, LockBehavior, LockType, Order, Query, SelectStatement,
    UpdateStatement,
};
use shard::Tx;

use super::outbox::{Aggregate, COLUMNS, Key, Row, State};

/// A message behind one that was not delivered is looked at again after this long, should nobody have
/// fetched it back.
const PARK: Duration = Duration::from_secs(60);
/// The same for a message of which another transaction is about to know more, and how soon a relay looks
/// again that found only rows which others have locked.
const SOON: Duration = Duration::from_millis(20);
/// Waiting messages of one aggregate that are fetched back together.
const BACK_MAX: u64 = 16;
/// The most bytes kept of an error.
const ERROR_BYTES_MAX: usize = 1_000;

/// What a relay asks for.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Names this claim and no other.
    pub(crate) owner: Arc<str>,
    pub(crate) lease: Duration,
    /// Messages in all.
    pub(crate) rows_max: usize,
    /// Messages of one aggregate.
    pub(crate) run_max: usize,
    /// When to look again at a message that waits for an earlier one.
    pub(crate) park: Duration,
}

/// What it got: runs of messages of one aggregate in their order; a timer is a run of its own.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) lease_until: Timestamp,
    pub(crate) runs: Vec<Vec<Row>>,
    /// There may be more that is due.
    pub(crate) more: bool,
}

/// What became of a claimed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Retry {
        after: Duration,
        error: String,
    },
    Dead {
        error: String,
    },
    /// It was not tried; `behind` says that an earlier one of its aggregate is in its way.
    Untouched {
        behind: bool,
    },
}

/// One claimed message and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) key: Key,
    pub(crate) immediate: bool,
    /// Deliveries so far, this one included.
    pub(crate) attempts: u32,
    pub(crate) outcome: Outcome,
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) owner: Arc<str>,
    pub(crate) items: Vec<Item>,
}

/// Leases what is due.
pub(crate) async fn claim(tx: &Tx, source: &str, wanted: &Claim) -> Result<Claimed, Fault> {
    let now = tx.now();
    let lease_until = now.plus(wanted.lease);
    let found = tx.all(&due(now, wanted.rows_max)).await?;
    let more = found.len() >= wanted.rows_max;
    let mut runs = Vec::new();
    let mut waiting: BTreeMap<Aggregate, BTreeMap<i64, Row>> = BTreeMap::new();
    for row in &found {
        let row = Row::read(row, source)?;
        if row.message.deliver_at.is_none() {
            waiting.entry(row.key.aggregate.clone()).or_default().insert(row.key.seq, row);
        } else if take(tx, std::slice::from_ref(&row), wanted, lease_until).await? {
            runs.push(vec![row]);
        }
    }
    for (aggregate, mut rows) in waiting {
        let first = not_done(tx, &aggregate, wanted.run_max as u64).await?;
        let mut run: Vec<Row> = first.iter().map_while(|seq| rows.remove(seq)).collect();
        if !run.is_empty() && !take(tx, &run, wanted, lease_until).await? {
            run.clear();
        }
        if !rows.is_empty() {
            let is_held = !run.is_empty() || holds_up(tx, &aggregate, first.first()).await?;
            let until = now.plus(if is_held { wanted.park } else { SOON });
            for row in rows.values() {
                set_aside(tx, row, until).await?;
            }
        }
        if !run.is_empty() {
            runs.push(run);
        }
    }
    Ok(Claimed { lease_until, runs, more })
}

/// Pending messages whose time has come and that no other transaction has locked.
fn due(now: Timestamp, rows_max: usize) -> SelectStatement {
    Query::select()
        .columns(COLUMNS)
        .from("outbox")
        .and_where(Expr::col("state").eq(State::Pending.number()))
        .and_where(Expr::col("next_at").lte(now.micros()))
        .order_by("next_at", Order::Asc)
        .limit(rows_max as u64)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned()
}

/// The numbers of the first immediate messages of an aggregate that are not done.
async fn not_done(tx: &Tx, aggregate: &Aggregate, max: u64) -> Result<Vec<i64>, Fault> {
    let select = Query::select()
        .column("seq")
        .from("outbox")
        .cond_where(aggregate.is().add(Expr::col("blocking").eq(true)))
        .order_by("seq", Order::Asc)
        .limit(max)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| row.get("seq")).collect()
}

/// Whether a message is still not done, and stays so until this transaction ends; `false` also when
/// another transaction has locked it.
async fn holds_up(tx: &Tx, aggregate: &Aggregate, seq: Option<&i64>) -> Result<bool, Fault> {
    let Some(seq) = seq else { return Ok(false) };
    let select = Query::select()
        .column("seq")
        .from("outbox")
        .cond_where(aggregate.is().add(Expr::col("seq").eq(*seq)))
        .and_where(Expr::col("blocking").eq(true))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    Ok(tx.one(&select).await?.is_some())
}

/// Looks at a message again later. This transaction has it locked.
async fn set_aside(tx: &Tx, row: &Row, until: Timestamp) -> Result<(), Fault> {
    let update = Query::update()
        .table("outbox")
        .value("next_at", until.micros())
        .value("lease_owner", Option::<String>::None)
        .value("lease_until", Option::<i64>::None)
        .cond_where(row.key.is().add(Expr::col("state").eq(State::Pending.number())))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Leases a run: one timer, or messages of an aggregate between which there is none that is not done. This
/// transaction has them locked; `false` when they are not as they were read all the same.
async fn take(tx: &Tx, run: &[Row], claim: &Claim, until: Timestamp) -> Result<bool, Fault> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(false) };
    let update = Query::update()
        .table("outbox")
        .value("next_at", until.micros())
        .value("lease_owner", claim.owner.as_ref())
        .value("lease_until", until.micros())
        .cond_where(between(&first.key, last.key.seq, first.message.deliver_at.is_none()))
        .to_owned();
    Ok(tx.exec(&update).await? == run.len() as u64)
}

/// Pending messages of an aggregate from one to another, all timers or none.
fn between(first: &Key, last: i64, immediate: bool) -> Condition {
    first
        .aggregate
        .is()
        .add(Expr::col("seq").gte(first.seq))
        .add(Expr::col("seq").lte(last))
        .add(Expr::col("blocking").eq(immediate))
        .add(Expr::col("state").eq(State::Pending.number()))
}

/// Records what became of a run; how many of its messages this owner had lost by then.
pub(crate) async fn settle(tx: &Tx, run: &Settled) -> Result<usize, Fault> {
    let lost = match run.items.as_slice() {
        [first, .., last] if run.items.iter().all(|item| item.outcome == Outcome::Done) => {
            let done = all_done(tx.now(), &run.owner, first, last);
            run.items.len().saturating_sub(usize::try_from(tx.exec(&done).await?).unwrap_or(0))
        }
        items => {
            let mut lost = 0;
            for item in items {
                lost += usize::from(tx.exec(&settling(tx.now(), &run.owner, item)).await? == 0);
            }
            lost
        }
    };
    if let Some(last) = run.items.last()
        && lost == 0
        && last.immediate
        && last.outcome == Outcome::Done
    {
        unpark(tx, &last.key.aggregate).await?;
    }
    Ok(lost)
}

/// A whole run of immediate messages is delivered.
fn all_done(now: Timestamp, owner: &str, first: &Item, last: &Item) -> UpdateStatement {
    Query::update()
        .table("outbox")
        .value("state", State::Done.number())
        .value("blocking", false)
        .value("attempts", Expr::col("attempts").add(1))
        .value("done_at", now.micros())
        .value("next_at", now.micros())
        .value("lease_owner", Option::<String>::None)
        .value("lease_until", Option::<i64>::None)
        .cond_where(between(&first.key, last.key.seq, true))
        .and_where(Expr::col("lease_owner").eq(owner))
        .to_owned()
}

fn settling(now: Timestamp, owner: &str, item: &Item) -> UpdateStatement {
    let mut update = Query::update()
        .table("outbox")
        .value("lease_owner", Option::<String>::None)
        .value("lease_until", Option::<i64>::None)
        .cond_where(
            item.key
                .is()
                .add(Expr::col("state").eq(State::Pending.number()))
                .add(Expr::col("lease_owner").eq(owner)),
        )
        .to_owned();
    let next_at = match &item.outcome {
        Outcome::Done => {
            update
                .value("state", State::Done.number())
                .value("blocking", false)
                .value("attempts", item.attempts)
                .value("done_at", now.micros());
            now
        }
        Outcome::Retry { after, error } => {
            update.value("attempts", item.attempts).value("last_error", shortened(error));
            now.plus(*after)
        }
        Outcome::Dead { error } => {
            update
                .value("state", State::Dead.number())
                .value("attempts", item.attempts)
                .value("last_error", shortened(error));
            now
        }
        Outcome::Untouched { behind: true } => now.plus(PARK),
        Outcome::Untouched { behind: false } => now,
    };
    update.value("next_at", next_at.micros());
    update
}

/// What is kept of an error. It may quote what came from outside, and not every engine keeps a text with a
/// NUL in it: the error of one message must not hold up all others.
fn shortened(error: &str) -> String {
    let mut end = error.len().min(ERROR_BYTES_MAX);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    error[..end].replace('\0', "\u{fffd}")
}

/// Fetches the first messages of an aggregate that are not done back, if they merely waited.
pub(crate) async fn unpark(tx: &Tx, aggregate: &Aggregate) -> Result<(), Fault> {
    let waiting = not_done(tx, aggregate, BACK_MAX).await?;
    let Some(last) = waiting.last() else { return Ok(()) };
    let now = tx.now().micros();
    let update = Query::update()
        .table("outbox")
        .value("next_at", now)
        .cond_where(
            aggregate
                .is()
                .add(Expr::col("blocking").eq(true))
                .add(Expr::col("seq").lte(*last))
                .add(Expr::col("state").eq(State::Pending.number()))
                .add(Expr::col("lease_owner").is_null())
                .add(Expr::col("next_at").gt(now)),
        )
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// When to look for messages again, after a claim or without one. What is due already although a claim
/// found nothing is locked by another relay.
pub(crate) async fn look_again(
    tx: &Tx,
    claimed: Option<&Claimed>,
) -> Result<Option<Timestamp>, Fault> {
    let now = tx.now();
    let due = next_due(tx).await?;
    let in_vain = claimed.is_some_and(|claimed| claimed.runs.is_empty() && !claimed.more);
    Ok(due.map(|due| if in_vain && due <= now { now.plus(SOON) } else { due }))
}

/// When the next message may be claimed.
pub(crate) async fn next_due(tx: &Tx) -> Result<Option<Timestamp>, Fault> {
    let select = Query::select()
        .column("next_at")
        .from("outbox")
        .cond_where(Cond::all().add(Expr::col("state").eq(State::Pending.number())))
        .order_by("next_at", Order::Asc)
        .limit(1)
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("next_at")).transpose()
}
