//! The table of leases: who runs a timer. A fence counts the owners, so that one who was away for too long finds
//! himself replaced in the very transaction in which he would act.

use kit::Timestamp;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use shard::Tx;

const TABLE: &str = "txn_leases";

/// A lease that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence(pub(crate) i64);

fn select(name: &str) -> SelectStatement {
    Query::select()
        .columns(["owner", "fence", "until_at"])
        .from(TABLE)
        .and_where(Expr::col("name").eq(name))
        .to_owned()
}

/// Takes or renews a lease; `None` while another has it.
pub(crate) async fn take(
    tx: &Tx,
    name: &str,
    owner: &str,
    until: Timestamp,
) -> Result<Option<Fence>, Fault> {
    let mut own = select(name);
    let Some(row) = tx.one(own.lock_exclusive()).await? else {
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(["name", "owner", "fence", "until_at"])
            .values_panic([name.into(), owner.into(), 1_i64.into(), until.micros().into()])
            .to_owned();
        return Ok(tx.insert_unique(&insert).await?.then_some(Fence(1)));
    };
    let (holder, fence): (String, i64) = (row.get("owner")?, row.get("fence")?);
    let is_over = row.get::<Timestamp>("until_at")? <= tx.now();
    if holder != owner && !is_over {
        return Ok(None);
    }
    // one's own that ran out is a new one: what was begun under it may not go on
    let fence = if holder == owner && !is_over { fence } else { fence + 1 };
    let update = Query::update()
        .table(TABLE)
        .value("owner", owner)
        .value("fence", fence)
        .value("until_at", until.micros())
        .and_where(Expr::col("name").eq(name))
        .to_owned();
    tx.exec(&update).await?;
    Ok(Some(Fence(fence)))
}

/// Whether a lease still holds; if so, nobody else gets it before this transaction ends.
pub(crate) async fn holds(tx: &Tx, name: &str, fence: Fence) -> Result<bool, Fault> {
    let mut own = select(name);
    let Some(row) = tx.one(own.lock_shared()).await? else { return Ok(false) };
    Ok(row.get::<i64>("fence")? == fence.0 && row.get::<Timestamp>("until_at")? > tx.now())
}
