//! Runs of messages of many aggregates in one statement: a cycle of a relay costs the same few round trips
//! for one aggregate as for all it found. What may be done with which run is decided in `relay`.

use std::collections::BTreeMap;

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query};
use shard::Tx;

use super::outbox::{Aggregate, State};

/// Runs in one statement, and aggregates in one look.
pub(super) const TOGETHER_MAX: usize = 64;

/// Messages of one aggregate from one number to another, all timers or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) aggregate: &'a Aggregate,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) immediate: bool,
    /// Only what is leased to this claim.
    pub(super) owner: Option<&'a str>,
}

impl Range<'_> {
    fn is(&self) -> Condition {
        let all = self
            .aggregate
            .is()
            .add(Expr::col("seq").gte(self.first))
            .add(Expr::col("seq").lte(self.last))
            .add(Expr::col("blocking").eq(self.immediate));
        match self.owner {
            Some(owner) => all.add(Expr::col("lease_owner").eq(owner)),
            None => all,
        }
    }
}

/// Pending messages in one of these ranges; at most [`TOGETHER_MAX`] of them, each with an owner or none.
pub(super) fn pending_in(ranges: &[Range<'_>]) -> Condition {
    let any = padded(ranges).fold(Cond::any(), |any, range| any.add(range.is()));
    // A sum, so that no engine looks for them in the index of what is due: every timer is in that.
    let state = Expr::col("state").add(0_i64);
    Cond::all().add(any).add(state.eq(State::Pending.number()))
}

/// The last one again until there are 1, 2, 4, 8 …: a server prepares few texts then.
fn padded<T>(some: &[T]) -> impl Iterator<Item = &T> {
    let more = some.len().next_power_of_two() - some.len();
    some.iter().chain(some.last().into_iter().cycle().take(more))
}

/// The numbers of the first immediate messages that are not done of each of some aggregates, at most `max` of
/// each; an aggregate of which all are done has none.
pub(super) async fn first_not_done<'a>(
    tx: &Tx,
    aggregates: impl IntoIterator<Item = &'a Aggregate>,
    max: usize,
) -> Result<BTreeMap<Aggregate, Vec<i64>>, Fault> {
    let mut kinds: BTreeMap<(&TenantCode, &str), Vec<&Aggregate>> = BTreeMap::new();
    for aggregate in aggregates {
        kinds.entry((&aggregate.tenant, &aggregate.kind)).or_default().push(aggregate);
    }
    let mut found = BTreeMap::new();
    for all in kinds.into_values() {
        for some in all.chunks(TOGETHER_MAX) {
            look(tx, some, max, &mut found).await?;
        }
    }
    Ok(found)
}

/// Looks at aggregates of one tenant and kind, which ascend. There may be any number of messages behind one
/// that is stuck: no more are read than some of each, and what that did not reach is asked one by one.
async fn look(
    tx: &Tx,
    some: &[&Aggregate],
    max: usize,
    found: &mut BTreeMap<Aggregate, Vec<i64>>,
) -> Result<(), Fault> {
    let mut missed = some;
    if let [first, _, ..] = some {
        let limit = some.len() * 2 + max;
        let select = Query::select()
            .columns(["aggregate_id", "seq"])
            .from("outbox")
            .and_where(Expr::col("tenant").eq(first.tenant.as_str()))
            .and_where(Expr::col("aggregate_type").eq(first.kind.as_str()))
            .and_where(Expr::col("aggregate_id").is_in(padded(some).map(|a| a.id)))
            .and_where(Expr::col("blocking").eq(true))
            .order_by("aggregate_id", Order::Asc)
            .order_by("seq", Order::Asc)
            .limit(limit as u64)
            .to_owned();
        let rows = tx.all(&select).await?;
        let mut by_id: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in &rows {
            by_id.entry(row.get("aggregate_id")?).or_default().push(row.get("seq")?);
        }
        // Of the last one there may be more, and of those after it.
        let reached = match by_id.last_key_value() {
            Some((last, _)) if rows.len() >= limit => some.partition_point(|a| a.id < *last),
            _ => some.len(),
        };
        let (seen, rest) = some.split_at(reached);
        for aggregate in seen {
            let mut seqs = by_id.remove(&aggregate.id).unwrap_or_default();
            seqs.truncate(max);
            found.insert((*aggregate).clone(), seqs);
        }
        missed = rest;
    }
    for aggregate in missed {
        found.insert((*aggregate).clone(), not_done(tx, aggregate, max as u64).await?);
    }
    Ok(())
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
