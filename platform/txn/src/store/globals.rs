//! The table of global transactions.

use kit::{TenantCode, Timestamp};
use rpc::{Fault, Xid};
use sea_query::{Expr, ExprTrait as _, LockBehavior, LockType, Order, Query, SelectStatement};
use shard::{Tx, padded};

use crate::model::{Branch, Decision, Status, XidParts};

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
        let tenant: String = row.get("tenant")?;
        Ok(Self {
            xid: Xid(row.get("xid")?),
            status: read_status(row)?,
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

/// Reads and locks those of several that nobody else has locked, each as far as it can be read.
pub(crate) async fn lock_free(
    tx: &Tx,
    xids: &[Xid],
) -> Result<Vec<(Xid, Result<Row, Fault>)>, Fault> {
    let mut select = select();
    select
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .order_by("xid", Order::Asc)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let read = |row: &shard::Row| Ok((Xid(row.get("xid")?), Row::read(row)));
    tx.all(&select).await?.iter().map(read).collect()
}

/// Reads one.
pub(crate) async fn find(tx: &Tx, xid: &Xid) -> Result<Option<Row>, Fault> {
    let mut select = select();
    select.and_where(Expr::col("xid").eq(xid.0.as_str()));
    tx.one(&select).await?.as_ref().map(Row::read).transpose()
}

/// How those of several stand that there are, and whether their timeouts have decided.
pub(crate) async fn standing(tx: &Tx, xids: &[Xid]) -> Result<Vec<(Xid, Status, bool)>, Fault> {
    let select = Query::select()
        .columns(["xid", "status", "timed_out"])
        .from(TABLE)
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .to_owned();
    let read =
        |row: &shard::Row| Ok((Xid(row.get("xid")?), read_status(row)?, row.get("timed_out")?));
    tx.all(&select).await?.iter().map(read).collect()
}

fn read_status(row: &shard::Row) -> Result<Status, Fault> {
    let status: i64 = row.get("status")?;
    let unknown = || Fault::bug(format!("a transaction has the status {status}"));
    Status::from_number(status).ok_or_else(unknown)
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

/// Says when somebody should look again at those of several that are open.
pub(crate) async fn look_again(tx: &Tx, xids: &[Xid], next_at: Timestamp) -> Result<(), Fault> {
    let update = Query::update()
        .table(TABLE)
        .value("next_at", next_at.micros())
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// The ids of a selection: a row that cannot be read must not keep the others from being found.
async fn ids(tx: &Tx, select: &SelectStatement) -> Result<Vec<Xid>, Fault> {
    tx.all(select).await?.iter().map(|row| row.get("xid").map(Xid)).collect()
}

fn numbers(which: impl Fn(Status) -> bool) -> Vec<i64> {
    Status::ALL.into_iter().filter(|s| which(*s)).map(Status::number).collect()
}

/// Those that somebody should look at by now, the longest overdue first.
pub(crate) async fn due(tx: &Tx, limit: u64) -> Result<Vec<Xid>, Fault> {
    let mut select = Query::select().column("xid").from(TABLE).to_owned();
    select
        .and_where(Expr::col("next_at").lte(tx.now().micros()))
        .and_where(Expr::col("status").is_in(numbers(|s| s == Status::Begin || s.is_driven())))
        .order_by("next_at", Order::Asc)
        .limit(limit);
    ids(tx, &select).await
}

/// Those that were to be told of their commit and may not have been, because a process died.
pub(crate) async fn untold(tx: &Tx, limit: u64) -> Result<Vec<Xid>, Fault> {
    let mut select = Query::select().column("xid").from(TABLE).to_owned();
    let untold = numbers(|s| s.is_driven() && s.decision() == Some(Decision::Commit));
    select.and_where(Expr::col("status").is_in(untold)).order_by("xid", Order::Asc).limit(limit);
    ids(tx, &select).await
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
    select
        .and_where(Expr::col("next_at").lte(before.micros()))
        .and_where(Expr::col("deadline").lte(before.micros()))
        .and_where(Expr::col("status").is_in(numbers(Status::is_final)))
}

/// Some of those that have ended and whose time was over before `before`.
pub(crate) async fn ended(tx: &Tx, before: Timestamp, limit: u64) -> Result<Vec<Xid>, Fault> {
    let mut select = Query::select().column("xid").from(TABLE).to_owned();
    has_ended(&mut select, before).limit(limit);
    ids(tx, &select).await
}

/// Forgets those of several that have ended.
pub(crate) async fn forget(tx: &Tx, xids: &[Xid]) -> Result<(), Fault> {
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("xid").is_in(padded(texts(xids))))
        .and_where(Expr::col("status").is_in(numbers(Status::is_final)))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

/// How many wait for an operator.
pub(crate) async fn parked(tx: &Tx) -> Result<u64, Fault> {
    let select = Query::select()
        .expr_as(Expr::col("xid").count(), "n")
        .from(TABLE)
        .and_where(Expr::col("next_at").eq(Timestamp::from_micros(i64::MAX).micros()))
        .and_where(Expr::col("status").is_in(numbers(Status::is_parked)))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}
