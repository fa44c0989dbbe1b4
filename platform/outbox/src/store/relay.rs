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
//!
//! All aggregates of a claim are asked about, taken and settled together (`ranges`). That changes nothing of
//! the above: their messages are locked before the one statement that asks about all of them, and whoever
//! fetches back has changed, and so waited for, every message of its runs before it asks what waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kit::Timestamp;
use rpc::Fault;
use sea_query::{
    Cond, Expr, ExprTrait as _, LockBehavior, LockType, Order, Query, SelectStatement,
    UpdateStatement,
};
use shard::Tx;

use super::outbox::{Aggregate, COLUMNS, Key, Row, State};
use super::ranges::{Range, TOGETHER_MAX, first_not_done, pending_in};

/// A message behind one that was not delivered is looked at again after this long, should nobody have
/// fetched it back.
const PARK: Duration = Duration::from_secs(60);
/// The same for a message of which another transaction is about to know more, and how soon a relay looks
/// again that found only rows which others have locked.
const SOON: Duration = Duration::from_millis(20);
/// Waiting messages of one aggregate that are fetched back together.
const BACK_MAX: usize = 16;
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
    /// Some of what is due waits for an earlier message that is not done.
    pub(crate) behind: bool,
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
        } else {
            runs.push(vec![row]);
        }
    }
    let mut not_done = first_not_done(tx, waiting.keys(), wanted.run_max).await?;
    let mut behind = Vec::new();
    for (aggregate, mut rows) in waiting {
        let first = not_done.remove(&aggregate).unwrap_or_default();
        let run: Vec<Row> = first.iter().map_while(|seq| rows.remove(seq)).collect();
        if !run.is_empty() {
            runs.push(run);
        }
        if !rows.is_empty() {
            behind.push(Behind { aggregate, first: first.first().copied(), rows });
        }
    }
    let runs = take_all(tx, runs, wanted, lease_until).await?;
    set_behind_aside(tx, &behind, &runs, wanted).await?;
    Ok(Claimed { lease_until, runs, more, behind: !behind.is_empty() })
}

/// Messages of an aggregate that have to wait, and the number of the first that is not done.
struct Behind {
    aggregate: Aggregate,
    first: Option<i64>,
    rows: BTreeMap<i64, Row>,
}

/// Sets aside what waits: for long where this transaction has the lock of what is in the way.
async fn set_behind_aside(
    tx: &Tx,
    behind: &[Behind],
    runs: &[Vec<Row>],
    wanted: &Claim,
) -> Result<(), Fault> {
    let immediate = runs.iter().flat_map(|run| run.first()).filter(|row| is_immediate(row));
    let taken: BTreeSet<&Aggregate> = immediate.map(|row| &row.key.aggregate).collect();
    let (mut long, mut soon) = (Vec::new(), Vec::new());
    for Behind { aggregate, first, rows } in behind {
        let is_held = taken.contains(aggregate) || holds_up(tx, aggregate, *first).await?;
        let ranges = rows.keys().map(|seq| range(aggregate, *seq, *seq));
        if is_held { long.extend(ranges) } else { soon.extend(ranges) }
    }
    set_aside(tx, &long, tx.now().plus(wanted.park)).await?;
    set_aside(tx, &soon, tx.now().plus(SOON)).await
}

fn is_immediate(row: &Row) -> bool {
    row.message.deliver_at.is_none()
}

/// Immediate messages of an aggregate.
fn range(aggregate: &Aggregate, first: i64, last: i64) -> Range<'_> {
    Range { aggregate, first, last, immediate: true, owner: None }
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

/// Whether a message is still not done, and stays so until this transaction ends; `false` also when
/// another transaction has locked it.
async fn holds_up(tx: &Tx, aggregate: &Aggregate, seq: Option<i64>) -> Result<bool, Fault> {
    let Some(seq) = seq else { return Ok(false) };
    let select = Query::select()
        .column("seq")
        .from("outbox")
        .cond_where(aggregate.is().add(Expr::col("seq").eq(seq)))
        .and_where(Expr::col("blocking").eq(true))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    Ok(tx.one(&select).await?.is_some())
}

/// Looks at messages again later. This transaction has them locked.
async fn set_aside(tx: &Tx, ranges: &[Range<'_>], until: Timestamp) -> Result<(), Fault> {
    for some in ranges.chunks(TOGETHER_MAX) {
        let update = Query::update()
            .table("outbox")
            .value("next_at", until.micros())
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .cond_where(pending_in(some))
            .to_owned();
        tx.exec(&update).await?;
    }
    Ok(())
}

/// Leases runs: one timer, or messages of an aggregate between which there is none that is not done. This
/// transaction has them locked; those are left out that are not as they were read all the same.
async fn take_all(
    tx: &Tx,
    runs: Vec<Vec<Row>>,
    claim: &Claim,
    until: Timestamp,
) -> Result<Vec<Vec<Row>>, Fault> {
    let mut taken = Vec::with_capacity(runs.len());
    let mut runs = runs.into_iter();
    loop {
        let some: Vec<_> = runs.by_ref().take(TOGETHER_MAX).collect();
        if some.is_empty() {
            return Ok(taken);
        }
        if take(tx, &some, claim, until).await? {
            taken.extend(some);
            continue;
        }
        // Taking them again changes nothing but tells which.
        for run in some {
            if take(tx, std::slice::from_ref(&run), claim, until).await? {
                taken.push(run);
            }
        }
    }
}

async fn take(tx: &Tx, runs: &[Vec<Row>], claim: &Claim, until: Timestamp) -> Result<bool, Fault> {
    let ends = runs.iter().filter_map(|run| run.first().zip(run.last()));
    let ranges: Vec<_> = ends
        .map(|(first, last)| Range {
            immediate: is_immediate(first),
            ..range(&first.key.aggregate, first.key.seq, last.key.seq)
        })
        .collect();
    let update = Query::update()
        .table("outbox")
        .value("next_at", until.micros())
        .value("lease_owner", claim.owner.as_ref())
        .value("lease_until", until.micros())
        .cond_where(pending_in(&ranges))
        .to_owned();
    let rows: usize = runs.iter().map(Vec::len).sum();
    Ok(tx.exec(&update).await? == rows as u64)
}

/// Records what became of runs; how many of their messages their owners had lost by then.
pub(crate) async fn settle(tx: &Tx, runs: &[Settled]) -> Result<usize, Fault> {
    let is_done = |run: &&Settled| run.items.iter().all(|item| item.outcome == Outcome::Done);
    let (done, others): (Vec<&Settled>, Vec<&Settled>) = runs.iter().partition(is_done);
    let mut lost = settle_done(tx, &done).await?;
    for run in others {
        for item in &run.items {
            lost += usize::from(tx.exec(&settling(tx.now(), &run.owner, item)).await? == 0);
        }
    }
    let last = done.iter().filter_map(|run| run.items.last()).filter(|item| item.immediate);
    let aggregates: BTreeSet<&Aggregate> = last.map(|item| &item.key.aggregate).collect();
    // Also behind those that were lost: what is fetched back in vain is set aside again, and what another
    // relay has tried meanwhile is not fetched back.
    unpark_all(tx, aggregates).await?;
    Ok(lost)
}

/// Whole runs are delivered; how many messages were lost.
async fn settle_done(tx: &Tx, runs: &[&Settled]) -> Result<usize, Fault> {
    let mut lost = 0;
    for some in runs.chunks(TOGETHER_MAX) {
        let ends =
            some.iter().filter_map(|run| run.items.first().zip(run.items.last()).zip(Some(run)));
        let ranges: Vec<_> = ends
            .map(|((first, last), run)| Range {
                immediate: first.immediate,
                owner: Some(run.owner.as_ref()),
                ..range(&first.key.aggregate, first.key.seq, last.key.seq)
            })
            .collect();
        if ranges.is_empty() {
            continue;
        }
        let rows: usize = some.iter().map(|run| run.items.len()).sum();
        let changed = tx.exec(&all_done(tx.now(), &ranges)).await?;
        lost += rows.saturating_sub(usize::try_from(changed).unwrap_or(0));
    }
    Ok(lost)
}

fn all_done(now: Timestamp, ranges: &[Range<'_>]) -> UpdateStatement {
    Query::update()
        .table("outbox")
        .value("state", State::Done.number())
        .value("blocking", false)
        .value("attempts", Expr::col("attempts").add(1))
        .value("done_at", now.micros())
        .value("next_at", now.micros())
        .value("lease_owner", Option::<String>::None)
        .value("lease_until", Option::<i64>::None)
        .cond_where(pending_in(ranges))
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

/// Fetches the first messages of an aggregate that are not done back, if they merely waited: one that was tried
/// already waits for its own time.
pub(crate) async fn unpark(tx: &Tx, aggregate: &Aggregate) -> Result<(), Fault> {
    unpark_all(tx, [aggregate]).await
}

async fn unpark_all<'a>(
    tx: &Tx,
    aggregates: impl IntoIterator<Item = &'a Aggregate>,
) -> Result<(), Fault> {
    let waiting = first_not_done(tx, aggregates, BACK_MAX).await?;
    let ends = waiting.iter().filter_map(|(a, seqs)| Some((a, *seqs.first()?, *seqs.last()?)));
    let ranges: Vec<_> = ends.map(|(a, first, last)| range(a, first, last)).collect();
    let now = tx.now().micros();
    for some in ranges.chunks(TOGETHER_MAX) {
        let update = Query::update()
            .table("outbox")
            .value("next_at", now)
            .cond_where(pending_in(some))
            .and_where(Expr::col("lease_owner").is_null())
            .and_where(Expr::col("next_at").gt(now))
            .and_where(Expr::col("attempts").eq(0))
            .to_owned();
        tx.exec(&update).await?;
    }
    Ok(())
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
