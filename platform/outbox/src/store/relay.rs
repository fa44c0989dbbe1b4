//! The message table as relays see it: claiming what is due under a lease, settling what was claimed.
//!
//! A lease moves `next_at` to its end, so that one index holds exactly what may be claimed, and a lease
//! that ran out is due again by itself. The order of an aggregate does not rest on `next_at`: a claim
//! looks for an earlier message that is not done.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kit::Timestamp;
use rpc::Fault;
use sea_query::{Cond, Expr, ExprTrait as _, Order, Query, SelectStatement, UpdateStatement};
use shard::Tx;

use super::outbox::{Aggregate, COLUMNS, Key, Row, State};
use crate::outbox::PARK;

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
    let (mut heads, mut behind) = (Vec::new(), Vec::new());
    for row in &found {
        let waits: bool = row.get("behind")?;
        let row = Row::read(row, source)?;
        if waits { &mut behind } else { &mut heads }.push(row);
    }
    let mut taken: HashSet<Key> = HashSet::new();
    let mut runs = Vec::new();
    for head in heads {
        if take(tx, &head, wanted, lease_until).await? {
            taken.insert(head.key.clone());
            runs.push(vec![head]);
        }
    }
    let mut room = wanted.rows_max.saturating_sub(taken.len());
    for run in &mut runs {
        let Some(head) = run.first().filter(|r| r.message.deliver_at.is_none()) else { continue };
        let run_room = room.min(wanted.run_max.saturating_sub(1));
        if run_room == 0 {
            continue;
        }
        for follower in followers(tx, source, &head.key, run_room).await? {
            let free = follower.lease_until.is_none_or(|until| until <= now);
            if follower.state != State::Pending
                || !free
                || !take(tx, &follower, wanted, lease_until).await?
            {
                break;
            }
            taken.insert(follower.key.clone());
            run.push(follower);
            room -= 1;
        }
    }
    for row in behind.iter().filter(|row| !taken.contains(&row.key)) {
        let mut update = unchanged(row);
        update
            .value("next_at", now.plus(wanted.park).micros())
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None);
        tx.exec(&update).await?;
    }
    Ok(Claimed { lease_until, runs, more })
}

/// Pending messages whose time has come, each with whether an earlier one of its aggregate is not done.
fn due(now: Timestamp, rows_max: usize) -> SelectStatement {
    let earlier = Query::select()
        .expr(Expr::val(1))
        .from_as("outbox", "e")
        .and_where(Expr::col(("o", "deliver_at")).is_null())
        .and_where(Expr::col(("e", "tenant")).equals(("o", "tenant")))
        .and_where(Expr::col(("e", "aggregate_type")).equals(("o", "aggregate_type")))
        .and_where(Expr::col(("e", "aggregate_id")).equals(("o", "aggregate_id")))
        .and_where(Expr::col(("e", "blocking")).eq(true))
        .and_where(Expr::col(("e", "seq")).lt(Expr::col(("o", "seq"))))
        .to_owned();
    Query::select()
        .columns(COLUMNS.map(|column| ("o", column)))
        .expr_as(Expr::exists(earlier), "behind")
        .from_as("outbox", "o")
        .and_where(Expr::col(("o", "state")).eq(State::Pending.number()))
        .and_where(Expr::col(("o", "next_at")).lte(now.micros()))
        .order_by(("o", "next_at"), Order::Asc)
        .limit(rows_max as u64)
        .to_owned()
}

/// The immediate messages after this one that are not done.
async fn followers(tx: &Tx, source: &str, head: &Key, max: usize) -> Result<Vec<Row>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from("outbox")
        .cond_where(
            head.aggregate
                .is()
                .add(Expr::col("blocking").eq(true))
                .add(Expr::col("seq").gt(head.seq)),
        )
        .order_by("seq", Order::Asc)
        .limit(max as u64)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| Row::read(row, source)).collect()
}

/// An update of a message that nobody else has claimed since it was read.
fn unchanged(row: &Row) -> UpdateStatement {
    Query::update()
        .table("outbox")
        .cond_where(
            row.key
                .is()
                .add(Expr::col("state").eq(State::Pending.number()))
                .add(Expr::col("next_at").eq(row.next_at.micros())),
        )
        .to_owned()
}

async fn take(tx: &Tx, row: &Row, claim: &Claim, until: Timestamp) -> Result<bool, Fault> {
    let mut update = unchanged(row);
    update
        .value("next_at", until.micros())
        .value("lease_owner", claim.owner.as_ref())
        .value("lease_until", until.micros());
    Ok(tx.exec(&update).await? > 0)
}

/// Records what became of a run; how many of its messages this owner had lost by then.
pub(crate) async fn settle(tx: &Tx, run: &Settled) -> Result<usize, Fault> {
    let mut lost = 0;
    for item in &run.items {
        if tx.exec(&settling(tx.now(), &run.owner, item)).await? == 0 {
            lost += 1;
        }
    }
    if let Some(last) = run.items.last()
        && lost == 0
        && last.immediate
        && last.outcome == Outcome::Done
    {
        unpark(tx, &last.key.aggregate).await?;
    }
    Ok(lost)
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

fn shortened(error: &str) -> &str {
    let mut end = error.len().min(ERROR_BYTES_MAX);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}

/// Makes the first message of an aggregate that is not done due at once, if it merely waited.
pub(crate) async fn unpark(tx: &Tx, aggregate: &Aggregate) -> Result<(), Fault> {
    let Some(seq) = super::first_blocking(tx, aggregate).await? else { return Ok(()) };
    let now = tx.now().micros();
    let update = Query::update()
        .table("outbox")
        .value("next_at", now)
        .cond_where(
            aggregate
                .is()
                .add(Expr::col("seq").eq(seq))
                .add(Expr::col("state").eq(State::Pending.number()))
                .add(Expr::col("lease_owner").is_null())
                .add(Expr::col("next_at").gt(now)),
        )
        .to_owned();
    tx.exec(&update).await.map(|_| ())
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
