//! The message table as writers see it: keys, numbers, inserting.

use std::collections::{BTreeMap, BTreeSet};

use kit::{Place, TenantCode, Timestamp};
use rpc::{Fault, TraceId};
use sea_query::{
    Cond, Condition, Expr, ExprTrait as _, Func, InsertStatement, Order, Query, SimpleExpr,
};
use shard::{Tx, padded};

use crate::message::{Headers, Message, MessageId};

/// Aggregates in one look for numbers.
const LOOKS_MAX: usize = 16;

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Done,
    Dead,
    /// Its global transaction has not ended; nobody may see it yet.
    Undecided,
}

impl State {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Done => 1,
            Self::Dead => 2,
            Self::Undecided => 3,
        }
    }

    pub(crate) fn from_number(n: i64) -> Result<Self, Fault> {
        match n {
            0 => Ok(Self::Pending),
            1 => Ok(Self::Done),
            2 => Ok(Self::Dead),
            3 => Ok(Self::Undecided),
            other => Err(Fault::bug(format!("a message has the state {other}"))),
        }
    }
}

/// What messages are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Aggregate {
    pub(crate) tenant: TenantCode,
    pub(crate) kind: String,
    pub(crate) id: i64,
}

/// A message's primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) aggregate: Aggregate,
    pub(crate) seq: i64,
}

impl Aggregate {
    pub(super) fn is(&self) -> Condition {
        Cond::all()
            .add(Expr::col("tenant").eq(self.tenant.as_str()))
            .add(Expr::col("aggregate_type").eq(self.kind.as_str()))
            .add(Expr::col("aggregate_id").eq(self.id))
    }
}

impl Key {
    pub(crate) fn new(tenant: TenantCode, id: &MessageId) -> Self {
        let aggregate = Aggregate { tenant, kind: id.aggregate_type.clone(), id: id.aggregate_id };
        Self { aggregate, seq: id.seq }
    }

    pub(super) fn is(&self) -> Condition {
        self.aggregate.is().add(Expr::col("seq").eq(self.seq))
    }

    pub(crate) fn into_id(self) -> MessageId {
        let Aggregate { kind, id, .. } = self.aggregate;
        MessageId { aggregate_type: kind, aggregate_id: id, seq: self.seq }
    }
}

/// A message as it is inserted.
pub(crate) struct Insert<'a> {
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) headers: String,
    pub(crate) xid: Option<String>,
    pub(crate) state: State,
    pub(crate) next_at: Timestamp,
    pub(crate) deliver_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

/// The highest number of an aggregate.
pub(crate) async fn last_seq(tx: &Tx, aggregate: &Aggregate) -> Result<Option<i64>, Fault> {
    let select = Query::select()
        .column("seq")
        .from("outbox")
        .cond_where(aggregate.is())
        .order_by("seq", Order::Desc)
        .limit(1)
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("seq")).transpose()
}

/// The highest number of each of several aggregates. One look per aggregate into the primary key, all in one
/// statement: a grouped maximum would read every message that is still kept.
pub(crate) async fn last_seqs(
    tx: &Tx,
    aggregates: &BTreeSet<Aggregate>,
) -> Result<BTreeMap<Aggregate, Option<i64>>, Fault> {
    let all: Vec<_> = aggregates.iter().collect();
    let mut found = BTreeMap::new();
    for some in all.chunks(LOOKS_MAX) {
        let mut select = Query::select();
        for (n, aggregate) in padded(some).into_iter().enumerate() {
            let one = Query::select()
                .expr(Func::max(Expr::col("seq")))
                .from("outbox")
                .cond_where(aggregate.is())
                .to_owned();
            select.expr_as(SimpleExpr::from(one), format!("last_{n}"));
        }
        let row = tx.one(&select).await?.ok_or_else(|| Fault::bug("a look found no row"))?;
        for (n, aggregate) in some.iter().enumerate() {
            found.insert((*aggregate).clone(), row.get(&format!("last_{n}"))?);
        }
    }
    Ok(found)
}

/// Writes a message; `false` when its number is taken.
pub(crate) async fn insert(tx: &Tx, m: &Insert<'_>) -> Result<bool, Fault> {
    tx.insert_unique(&inserting(std::slice::from_ref(m))).await
}

/// Writes messages; a number that is taken is a failure of the transaction.
pub(crate) async fn insert_all(tx: &Tx, messages: &[Insert<'_>]) -> Result<(), Fault> {
    tx.exec(&inserting(messages)).await.map(|_| ())
}

fn inserting(messages: &[Insert<'_>]) -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table("outbox").columns([
        "tenant",
        "aggregate_type",
        "aggregate_id",
        "seq",
        "cell_db",
        "cell_table",
        "topic",
        "payload",
        "headers",
        "xid",
        "state",
        "blocking",
        "attempts",
        "next_at",
        "deliver_at",
        "created_at",
    ]);
    for m in messages {
        insert.values_panic([
            m.key.aggregate.tenant.as_str().into(),
            m.key.aggregate.kind.as_str().into(),
            m.key.aggregate.id.into(),
            m.key.seq.into(),
            m.place.db.into(),
            m.place.table.into(),
            m.topic.into(),
            m.payload.into(),
            m.headers.as_str().into(),
            m.xid.clone().into(),
            m.state.number().into(),
            m.deliver_at.is_none().into(),
            0_i64.into(),
            m.next_at.micros().into(),
            m.deliver_at.map(Timestamp::micros).into(),
            m.created_at.micros().into(),
        ]);
    }
    insert
}

/// A message as it is read.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) state: State,
    pub(crate) attempts: u32,
    pub(crate) next_at: Timestamp,
    pub(crate) message: Message,
    pub(crate) last_error: Option<String>,
}

/// The columns that [`Row::read`] wants.
pub(super) const COLUMNS: [&str; 15] = [
    "tenant",
    "aggregate_type",
    "aggregate_id",
    "seq",
    "cell_db",
    "cell_table",
    "topic",
    "payload",
    "headers",
    "state",
    "attempts",
    "next_at",
    "deliver_at",
    "created_at",
    "last_error",
];

impl Row {
    pub(super) fn read(row: &shard::Row, source: &str) -> Result<Self, Fault> {
        let tenant: String = row.get("tenant")?;
        let tenant: TenantCode = tenant.parse().map_err(Fault::internal)?;
        let id = MessageId {
            aggregate_type: row.get("aggregate_type")?,
            aggregate_id: row.get("aggregate_id")?,
            seq: row.get("seq")?,
        };
        // A row whose headers cannot be read must not hold up the others.
        let headers: Headers = serde_json::from_str(&row.get::<String>("headers")?)
            .unwrap_or_else(|_| Headers { trace: String::new(), request_id: String::new() });
        let attempts: u32 = row.get("attempts")?;
        Ok(Self {
            key: Key::new(tenant.clone(), &id),
            state: State::from_number(row.get("state")?)?,
            attempts,
            next_at: row.get("next_at")?,
            last_error: row.get("last_error")?,
            message: Message {
                source: source.to_owned(),
                id,
                tenant,
                topic: row.get("topic")?,
                place: Place { db: row.get("cell_db")?, table: row.get("cell_table")? },
                payload: row.get("payload")?,
                trace: TraceId::parse(&headers.trace).unwrap_or_else(|| TraceId::from_random(1, 1)),
                request_id: headers.request_id,
                attempt: attempts.saturating_add(1),
                created_at: row.get("created_at")?,
                deliver_at: row.get("deliver_at")?,
            },
        })
    }
}
