//! The message table as operators see it: lists, totals, retrying and discarding.

use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, Func, Order, Query, Value};
use serde::{Deserialize, Serialize};
use shard::Tx;

use super::outbox::{COLUMNS, Key, Row, State};

/// Which messages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<State>,
    pub(crate) tenant: Option<TenantCode>,
    pub(crate) topic: Option<String>,
    pub(crate) due: Option<bool>,
}

impl Filter {
    fn matches(&self, now: Timestamp) -> Condition {
        let equal = |column: &'static str, value: Option<Value>| {
            value.map(|value| Expr::col(column).eq(Expr::val(value)))
        };
        let timer = Expr::col("deliver_at");
        let due = self.due.map(|due| match due {
            true => Cond::any().add(timer.clone().is_null()).add(timer.lte(now.micros())),
            false => Cond::all().add(timer.gt(now.micros())),
        });
        Cond::all()
            .add_option(due)
            .add_option(equal("state", self.state.map(|s| s.number().into())))
            .add_option(equal("tenant", self.tenant.as_ref().map(|t| t.as_str().into())))
            .add_option(equal("topic", self.topic.as_ref().map(Into::into)))
    }
}

/// Where a list goes on: the columns it is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) next_at: i64,
    pub(crate) tenant: String,
    pub(crate) kind: String,
    pub(crate) id: i64,
    pub(crate) seq: i64,
}

const ORDER: [&str; 5] = ["next_at", "tenant", "aggregate_type", "aggregate_id", "seq"];

impl Position {
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            next_at: row.next_at.micros(),
            tenant: row.key.aggregate.tenant.to_string(),
            kind: row.key.aggregate.kind.clone(),
            id: row.key.aggregate.id,
            seq: row.key.seq,
        }
    }

    /// `(a, b, …) > (x, y, …)` in a form that every engine has.
    fn after(&self) -> Condition {
        let values: [Value; 5] = [
            self.next_at.into(),
            self.tenant.as_str().into(),
            self.kind.as_str().into(),
            self.id.into(),
            self.seq.into(),
        ];
        ORDER.iter().zip(values).rev().fold(Cond::any(), |rest, (column, value)| {
            let here = Expr::col(*column);
            let tie = Cond::all().add(here.clone().eq(Expr::val(value.clone()))).add(rest);
            Cond::any().add(here.gt(Expr::val(value))).add(tie)
        })
    }
}

/// Messages by when they are due (or have been done or dead since).
pub(crate) async fn list(
    tx: &Tx,
    source: &str,
    filter: &Filter,
    after: Option<&Position>,
    max: usize,
) -> Result<Vec<Row>, Fault> {
    let mut select = Query::select();
    select
        .columns(COLUMNS)
        .from("outbox")
        .cond_where(filter.matches(tx.now()).add_option(after.map(Position::after)))
        .limit(max as u64);
    for column in ORDER {
        select.order_by(column, Order::Asc);
    }
    tx.all(&select).await?.iter().map(|row| Row::read(row, source)).collect()
}

/// One message.
pub(crate) async fn find(tx: &Tx, source: &str, key: &Key) -> Result<Option<Row>, Fault> {
    let select = Query::select().columns(COLUMNS).from("outbox").cond_where(key.is()).to_owned();
    tx.one(&select).await?.map(|row| Row::read(&row, source)).transpose()
}

/// Keys of dead messages, the oldest first.
pub(crate) async fn dead_keys(
    tx: &Tx,
    source: &str,
    filter: &Filter,
    max: usize,
) -> Result<Vec<Key>, Fault> {
    let dead = Filter { state: Some(State::Dead), ..filter.clone() };
    Ok(list(tx, source, &dead, None, max).await?.into_iter().map(|row| row.key).collect())
}

/// Makes a dead message pending again, as if it had never been tried.
pub(crate) async fn revive(tx: &Tx, key: &Key) -> Result<bool, Fault> {
    let update = Query::update()
        .table("outbox")
        .value("state", State::Pending.number())
        .value("attempts", 0_i64)
        .value("next_at", tx.now().micros())
        .value("lease_owner", Option::<String>::None)
        .value("lease_until", Option::<i64>::None)
        .cond_where(key.is().add(Expr::col("state").eq(State::Dead.number())))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}

/// Ends a message that is dead, or pending and not being delivered right now.
pub(crate) async fn discard(tx: &Tx, key: &Key, why: &str) -> Result<bool, Fault> {
    let now = tx.now().micros();
    let pending = Cond::all()
        .add(Expr::col("state").eq(State::Pending.number()))
        .add(Expr::col("lease_owner").is_null());
    let may = Cond::any().add(Expr::col("state").eq(State::Dead.number())).add(pending);
    let update = Query::update()
        .table("outbox")
        .value("state", State::Done.number())
        .value("blocking", false)
        .value("next_at", now)
        .value("done_at", now)
        .value("last_error", why)
        .cond_where(key.is().add(may))
        .to_owned();
    let gone = tx.exec(&update).await? > 0;
    if gone {
        super::unpark(tx, &key.aggregate).await?;
    }
    Ok(gone)
}

/// Totals of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) pending: u64,
    pub(crate) oldest_pending: Option<Timestamp>,
    pub(crate) delayed: u64,
    pub(crate) dead: u64,
}

/// Counts what is not done, timers that are not due apart.
pub(crate) async fn totals(tx: &Tx, tenant: Option<&TenantCode>) -> Result<Totals, Fault> {
    let pending = count(tx, tenant, State::Pending, Some(true)).await?;
    Ok(Totals {
        pending: pending.0,
        oldest_pending: pending.1,
        delayed: count(tx, tenant, State::Pending, Some(false)).await?.0,
        dead: count(tx, tenant, State::Dead, None).await?.0,
    })
}

async fn count(
    tx: &Tx,
    tenant: Option<&TenantCode>,
    state: State,
    due: Option<bool>,
) -> Result<(u64, Option<Timestamp>), Fault> {
    let filter = Filter { state: Some(state), tenant: tenant.cloned(), topic: None, due };
    let since = Func::coalesce([Expr::col("deliver_at"), Expr::col("created_at")]);
    let select = Query::select()
        .expr_as(Expr::col("state").count(), "n")
        .expr_as(Func::min(since), "since")
        .from("outbox")
        .cond_where(filter.matches(tx.now()))
        .to_owned();
    match tx.one(&select).await? {
        Some(row) => Ok((row.get("n")?, row.get("since")?)),
        None => Ok((0, None)),
    }
}
