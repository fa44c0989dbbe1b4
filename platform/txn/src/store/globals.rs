//! The table of global transactions.

use kit::{TenantCode, Timestamp};
use rpc::{Fault, Xid};
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Tx, padded};

use crate::model::{Branch, Status, XidParts};

/// A global transaction as the table has it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) xid: Xid,
    pub(crate) status: Status,
    pub(crate) timed_out: bool,
    pub(crate) tenant: TenantCode,
    pub(crate) request_id: String,
    pub(crate) branches: Vec<Branch>,
    pub(crate) attempts: u32,
    pub(crate) deadline: Timestamp,
    pub(crate) next_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    pub(crate) note: Option<String>,
}

const TABLE: &str = "txn_globals";
const COLUMNS: [&str; 11] = [
    "xid",
    "status",
    "timed_out",
    "tenant",
    "request_id",
    "branches",
    "attempts",
    "deadline",
    "next_at",
    "changed_at",
    "note",
];

impl Row {
    fn read(row: &shard::Row) -> Result<Self, Fault> {
        let status: i64 = row.get("status")?;
        let status = Status::from_number(status)
            .ok_or_else(|| Fault::bug(format!("a transaction has the status {status}")))?;
        let tenant: String = row.get("tenant")?;
        Ok(Self {
            xid: Xid(row.get("xid")?),
            status,
            timed_out: row.get("timed_out")?,
            tenant: tenant.parse().map_err(Fault::internal)?,
            request_id: row.get("request_id")?,
            branches: serde_json::from_str(&row.get::<String>("branches")?)
                .map_err(Fault::internal)?,
            attempts: row.get("attempts")?,
            deadline: row.get("deadline")?,
            next_at: row.get("next_at")?,
            changed_at: row.get("changed_at")?,
            note: row.get("note")?,
        })
    }

    /// When it began, as its id says.
    pub(crate) fn begun(&self) -> Timestamp {
        XidParts::of(&self.xid).map_or(self.deadline, |parts| parts.begun)
    }
}

fn select() -> SelectStatement {
    Query::select().columns(COLUMNS).from(TABLE).to_owned()
}

/// Inserts one; `false` when it is there already.
pub(crate) async fn insert(tx: &Tx, row: &Row) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(COLUMNS)
        .values_panic([
            row.xid.0.as_str().into(),
            row.status.number().into(),
            row.timed_out.into(),
            row.tenant.as_str().into(),
            row.request_id.as_str().into(),
            branches(row)?.into(),
            i64::from(row.attempts).into(),
            row.deadline.micros().into(),
            row.next_at.micros().into(),
            row.changed_at.micros().into(),
            row.note.clone().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

fn branches(row: &Row) -> Result<String, Fault> {
    serde_json::to_string(&row.branches).map_err(Fault::internal)
}

/// Reads one and keeps everybody else from changing it until this transaction ends.
pub(crate) async fn lock(tx: &Tx, xid: &Xid) -> Result<Option<Row>, Fault> {
    let mut select = select();
    select.and_where(Expr::col("xid").eq(xid.0.as_str())).lock_exclusive();
    tx.one(&select).await?.as_ref().map(Row::read).transpose()
}

/// Reads one.
pub(crate) async fn find(tx: &Tx, xid: &Xid) -> Result<Option<Row>, Fault> {
    let mut select = select();
    select.and_where(Expr::col("xid").eq(xid.0.as_str()));
    tx.one(&select).await?.as_ref().map(Row::read).transpose()
}

/// Reads those of several that there are.
pub(crate) async fn find_all(tx: &Tx, xids: &[Xid]) -> Result<Vec<Row>, Fault> {
    let mut select = select();
    select.and_where(Expr::col("xid").is_in(padded(texts(xids))));
    tx.all(&select).await?.iter().map(Row::read).collect()
}

fn texts(xids: &[Xid]) -> Vec<String> {
    xids.iter().map(|x| x.0.clone()).collect()
}

/// Writes what may change of one that was locked with the status `was`.
pub(crate) async fn put(tx: &Tx, was: Status, row: &Row) -> Result<(), Fault> {
    let to = row.status;
    if was != to && !was.may_become(to) && !was.may_resolve_to(to) {
        return Err(Fault::bug(format!("{} cannot become {to:?} from {was:?}", row.xid.0)));
    }
    let update = Query::update()
        .table(TABLE)
        .value("status", row.status.number())
        .value("timed_out", row.timed_out)
        .value("branches", branches(row)?)
        .value("attempts", i64::from(row.attempts))
        .value("next_at", row.next_at.micros())
        .value("changed_at", row.changed_at.micros())
        .value("note", row.note.clone())
        .and_where(Expr::col("xid").eq(row.xid.0.as_str()))
        .and_where(Expr::col("status").eq(was.number()))
        .to_owned();
    match tx.exec(&update).await? {
        1 => Ok(()),
        n => Err(Fault::bug(format!("{n} rows instead of the locked one of {}", row.xid.0))),
    }
}

/// What a batch of transactions moves to.
pub(crate) struct Move {
    pub(crate) to: Status,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) note: Option<String>,
}

/// Moves those of several to a status that may get there.
pub(crate) async fn move_all(tx: &Tx, xids: &[Xid], to: Move) -> Result<(), Fault> {
    let mut update = Query::update();
    update
        .table(TABLE)
        .value("status", to.to.number())
        .value("changed_at", tx.now().micros())
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .and_where(Expr::col("status").is_in(Status::sources(to.to).map(Status::number)));
    if let Some(next_at) = to.next_at {
        update
            .value("next_at", next_at.micros())
            .value("attempts", Expr::col("attempts").add(1_i64));
    }
    if let Some(note) = to.note {
        update.value("note", note);
    }
    tx.exec(&update).await.map(|_| ())
}

/// Those that somebody should look at by now, the longest overdue first.
pub(crate) async fn due(tx: &Tx, limit: u64) -> Result<Vec<Row>, Fault> {
    let open = Status::ALL.into_iter().filter(|s| *s == Status::Begin || s.is_driven());
    let mut select = select();
    select
        .and_where(Expr::col("next_at").lte(tx.now().micros()))
        .and_where(Expr::col("status").is_in(open.map(Status::number)))
        .order_by("next_at", Order::Asc)
        .limit(limit);
    tx.all(&select).await?.iter().map(Row::read).collect()
}

/// Those that were to be told of their commit and may not have been, because a process died.
pub(crate) async fn untold(tx: &Tx, limit: u64) -> Result<Vec<Row>, Fault> {
    let mut select = select();
    let untold = [Status::Committing.number(), Status::CommitRetrying.number()];
    select.and_where(Expr::col("status").is_in(untold)).order_by("xid", Order::Asc).limit(limit);
    tx.all(&select).await?.iter().map(Row::read).collect()
}

/// Those in one of these statuses, all when none is named, by their ids.
pub(crate) async fn list(
    tx: &Tx,
    statuses: &[Status],
    after: Option<&Xid>,
    limit: u64,
) -> Result<Vec<Row>, Fault> {
    let mut select = select();
    select.order_by("xid", Order::Asc).limit(limit);
    if !statuses.is_empty() {
        select.and_where(Expr::col("status").is_in(statuses.iter().map(|s| s.number())));
    }
    if let Some(after) = after {
        select.and_where(Expr::col("xid").gt(after.0.as_str()));
    }
    tx.all(&select).await?.iter().map(Row::read).collect()
}

fn has_ended(select: &mut SelectStatement, before: Timestamp) -> &mut SelectStatement {
    let ended = [Status::Committed.number(), Status::RolledBack.number()];
    select
        .and_where(Expr::col("next_at").lte(before.micros()))
        .and_where(Expr::col("deadline").lte(before.micros()))
        .and_where(Expr::col("status").is_in(ended))
}

/// Some of those that have ended and whose time was over before `before`.
pub(crate) async fn ended(tx: &Tx, before: Timestamp, limit: u64) -> Result<Vec<Xid>, Fault> {
    let mut select = Query::select().column("xid").from(TABLE).to_owned();
    has_ended(&mut select, before).limit(limit);
    tx.all(&select).await?.iter().map(|row| row.get("xid").map(Xid)).collect()
}

/// Forgets those of several that have ended.
pub(crate) async fn forget(tx: &Tx, xids: &[Xid]) -> Result<(), Fault> {
    let ended = [Status::Committed.number(), Status::RolledBack.number()];
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .and_where(Expr::col("status").is_in(ended))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// How many wait for an operator.
pub(crate) async fn parked(tx: &Tx) -> Result<u64, Fault> {
    let parked = [Status::CommitFailed.number(), Status::RollbackFailed.number()];
    let select = Query::select()
        .expr_as(Expr::col("xid").count(), "n")
        .from(TABLE)
        .and_where(Expr::col("next_at").eq(Timestamp::from_micros(i64::MAX).micros()))
        .and_where(Expr::col("status").is_in(parked))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}
