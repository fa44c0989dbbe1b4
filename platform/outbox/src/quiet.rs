//! Whether everything that was said of a thing has been heard. Whoever moves a thing to another database
//! asks this first: its later messages are put there, and must not overtake the earlier ones here.

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::Tx;

/// Whether no message of this aggregate waits in the logical database of this transaction. Timers do not
/// count: they keep no order.
///
/// # Errors
/// Whatever the database refuses.
pub async fn is_quiet(tx: &Tx, tenant: &TenantCode, kind: &str, id: i64) -> Result<bool, Fault> {
    let waiting = Query::select()
        .column("seq")
        .from("outbox")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("aggregate_type").eq(kind))
        .and_where(Expr::col("aggregate_id").eq(id))
        .and_where(Expr::col("blocking").eq(true))
        .limit(1)
        .to_owned();
    Ok(tx.one(&waiting).await?.is_none())
}
