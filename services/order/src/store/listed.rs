//! A member's list. Only what a list shows, so that the embedded engine answers it from the index alone
//! (`orders_listed`): a member's orders lie apart in the table, and each would be a walk down the tree.

use kit::{Money, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order as Sort, Query};
use shard::{Row, Tx};
use types::{MemberId, OrderId};

/// What a list shows of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    pub id: OrderId,
    pub status: String,
    pub flow_version: u32,
    pub total: Money,
    pub title: String,
    pub image_url: Option<String>,
    pub units: i64,
    pub created_at: Timestamp,
}

/// The index has no others: one more here, and every order of a page is looked up in the table.
const COLUMNS: [&str; 9] = [
    "id",
    "status",
    "flow_version",
    "currency",
    "total",
    "title",
    "image_url",
    "units",
    "created_at",
];

/// A member's orders in this cell, newest first, before an id.
pub async fn of_member(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    status: Option<&str>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<ListedRow>, Fault> {
    let mut select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(member.get()))
        .order_by("id", Sort::Desc)
        .limit(limit)
        .to_owned();
    if let Some(status) = status {
        select.and_where(Expr::col("status").eq(status));
    }
    if let Some(before) = before {
        select.and_where(Expr::col("id").lt(before));
    }
    tx.all(&select).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<ListedRow, Fault> {
    let currency = row.get::<String>("currency")?.parse().map_err(Fault::internal)?;
    Ok(ListedRow {
        id: OrderId(row.get("id")?),
        status: row.get("status")?,
        flow_version: row.get("flow_version")?,
        total: Money::new(row.get("total")?, currency).map_err(Fault::internal)?,
        title: row.get("title")?,
        image_url: row.get("image_url")?,
        units: row.get("units")?,
        created_at: row.get("created_at")?,
    })
}
