//! Forgetting what is no longer needed, a batch at a time, and counting what is there.

use kit::Timestamp;
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query};
use shard::Tx;

use super::outbox::State;

/// What is forgotten: by a column of time in some table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purged {
    DoneMessages,
    InboxRows,
    IdempotencyKeys,
}

impl Purged {
    pub(crate) const ALL: [Self; 3] = [Self::DoneMessages, Self::InboxRows, Self::IdempotencyKeys];

    const fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::DoneMessages => ("outbox", "next_at"),
            Self::InboxRows => ("inbox", "done_at"),
            Self::IdempotencyKeys => ("idempotency", "expires_at"),
        }
    }

    fn before(self, cutoff: i64) -> Condition {
        let old = Cond::all().add(Expr::col(self.table().1).lte(cutoff));
        match self {
            Self::DoneMessages => old.add(Expr::col("state").eq(State::Done.number())),
            Self::InboxRows | Self::IdempotencyKeys => old,
        }
    }
}

/// Whether there is something to forget.
pub(crate) async fn is_any_old(tx: &Tx, what: Purged, cutoff: Timestamp) -> Result<bool, Fault> {
    let (table, column) = what.table();
    let select = Query::select()
        .column(column)
        .from(table)
        .cond_where(what.before(cutoff.micros()))
        .order_by(column, Order::Asc)
        .limit(1)
        .to_owned();
    Ok(tx.one(&select).await?.is_some())
}

/// Deletes about `batch` of the oldest rows up to `cutoff`; whether there may be more.
pub(crate) async fn purge(
    tx: &Tx,
    what: Purged,
    cutoff: Timestamp,
    batch: u64,
) -> Result<bool, Fault> {
    let (table, column) = what.table();
    // The time of the last row of the batch: a delete with a limit is not portable.
    let last = Query::select()
        .column(column)
        .from(table)
        .cond_where(what.before(cutoff.micros()))
        .order_by(column, Order::Asc)
        .limit(1)
        .offset(batch.saturating_sub(1))
        .to_owned();
    let last: Option<i64> = tx.one(&last).await?.map(|row| row.get(column)).transpose()?;
    let until = last.unwrap_or(cutoff.micros());
    let delete = Query::delete().from_table(table).cond_where(what.before(until)).to_owned();
    tx.exec(&delete).await?;
    Ok(last.is_some())
}

/// How many messages are there, timers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) pending: u64,
    pub(crate) dead: u64,
    pub(crate) next_due: Option<Timestamp>,
}

/// Counts over the index alone.
pub(crate) async fn counts(tx: &Tx) -> Result<Counts, Fault> {
    let mut counts = Counts { next_due: super::next_due(tx).await?, ..Counts::default() };
    for (state, count) in [(State::Pending, &mut counts.pending), (State::Dead, &mut counts.dead)] {
        let select = Query::select()
            .expr_as(Expr::col("state").count(), "n")
            .from("outbox")
            .and_where(Expr::col("state").eq(state.number()))
            .to_owned();
        if let Some(row) = tx.one(&select).await? {
            *count = row.get("n")?;
        }
    }
    Ok(counts)
}
