//! Runs of messages of many aggregates in one statement, so that a cycle of a relay costs few round trips for
//! all it found: one for every 64 runs that are taken, done or set aside, one for every 32 aggregates that are
//! asked about, whose tenants may differ, or 64 where many are of one tenant and kind. One each is for messages
//! that failed, and for aggregates in whose way another relay's message is. What may be done with which run is
//! decided in `relay`.

use std::collections::{BTreeMap, BTreeSet};

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query, SelectStatement, UnionType};
use shard::{Tx, padded};

use super::outbox::{Aggregate, State};

/// Runs in one statement, and aggregates of one tenant and kind in one look.
pub(super) const TOGETHER_MAX: usize = 64;
/// Aggregates of any tenant and kind in one look.
const EACH_MAX: usize = 32;
/// With fewer of one tenant and kind they are looked at together with those of others.
const MANY: usize = 8;

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
    let any = padded(ranges).into_iter().fold(Cond::any(), |any, range| any.add(range.is()));
    // A sum, so that no engine looks for them in the index of what is due: every timer is in that.
    let state = Expr::col("state").add(0_i64);
    Cond::all().add(any).add(state.eq(State::Pending.number()))
}

/// The numbers of the first immediate messages that are not done of each of some aggregates, at most `max` of
/// each; an aggregate of which all are done has none.
pub(super) async fn first_not_done<'a>(
    tx: &Tx,
    aggregates: impl IntoIterator<Item = &'a Aggregate>,
    max: usize,
) -> Result<Found, Fault> {
    let mut kinds: BTreeMap<(&TenantCode, &str), Vec<&Aggregate>> = BTreeMap::new();
    for aggregate in aggregates {
        kinds.entry((&aggregate.tenant, &aggregate.kind)).or_default().push(aggregate);
    }
    let (mut found, mut few) = (BTreeMap::new(), Vec::new());
    for all in kinds.into_values() {
        if all.len() < MANY {
            few.extend(all);
            continue;
        }
        for some in all.chunks(TOGETHER_MAX) {
            few.extend(look(tx, some, max, &mut found).await?);
        }
    }
    for some in few.chunks(EACH_MAX) {
        look_at_each(tx, some, max, &mut found).await?;
    }
    Ok(found)
}

type Found = BTreeMap<Aggregate, Vec<i64>>;

/// Looks at aggregates of one tenant and kind, which ascend. There may be any number of messages behind one
/// that is stuck: no more are read than some of each, and what that did not reach is given back.
async fn look<'a>(
    tx: &Tx,
    some: &[&'a Aggregate],
    max: usize,
    found: &mut Found,
) -> Result<Vec<&'a Aggregate>, Fault> {
    let Some(first) = some.first() else { return Ok(Vec::new()) };
    let limit = some.len() * 2 + max;
    let select = Query::select()
        .columns(["aggregate_id", "seq"])
        .from("outbox")
        .and_where(Expr::col("tenant").eq(first.tenant.as_str()))
        .and_where(Expr::col("aggregate_type").eq(first.kind.as_str()))
        .and_where(Expr::col("aggregate_id").is_in(padded(some.iter().map(|a| a.id))))
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
    let (seen, missed) = some.split_at(reached);
    for aggregate in seen {
        let mut seqs = by_id.remove(&aggregate.id).unwrap_or_default();
        seqs.truncate(max);
        found.insert((*aggregate).clone(), seqs);
    }
    Ok(missed.to_vec())
}

/// Looks at aggregates of any tenants and kinds: one look into the index for each, all in one statement, so that
/// no more is read than is wanted.
async fn look_at_each(
    tx: &Tx,
    some: &[&Aggregate],
    max: usize,
    found: &mut Found,
) -> Result<(), Fault> {
    // Of one that is there several times the same is found several times.
    let mut looks = padded(some).into_iter().map(|aggregate| first_of(aggregate, max as u64));
    let Some(mut select) = looks.next() else { return Ok(()) };
    for look in looks {
        select.union(UnionType::All, look);
    }
    let mut seqs: BTreeMap<Aggregate, BTreeSet<i64>> = BTreeMap::new();
    for row in &tx.all(&select).await? {
        let tenant: String = row.get("tenant")?;
        let tenant = tenant.parse().map_err(Fault::internal)?;
        let aggregate =
            Aggregate { tenant, kind: row.get("aggregate_type")?, id: row.get("aggregate_id")? };
        seqs.entry(aggregate).or_default().insert(row.get("seq")?);
    }
    for aggregate in some {
        let seqs = seqs.remove(*aggregate).unwrap_or_default().into_iter().collect();
        found.insert((*aggregate).clone(), seqs);
    }
    Ok(())
}

/// The first immediate messages of an aggregate that are not done. A part of a union has no limit of its own on
/// every engine, so it stands in brackets.
fn first_of(aggregate: &Aggregate, max: u64) -> SelectStatement {
    let columns = ["tenant", "aggregate_type", "aggregate_id", "seq"];
    let first = Query::select()
        .columns(columns)
        .from("outbox")
        .cond_where(aggregate.is().add(Expr::col("blocking").eq(true)))
        .order_by("seq", Order::Asc)
        .limit(max)
        .to_owned();
    Query::select().columns(columns).from_subquery(first, "one").to_owned()
}
