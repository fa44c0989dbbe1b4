//! Statements on refunds.

use kit::{Money, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Row, Tx};
use types::{OrderId, PaymentId, RefundId};

use super::money;

/// A refund as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub cause: String,
    pub amount: Money,
    pub reason: String,
    pub done: bool,
    /// The principal who gave it back.
    pub actor: String,
    pub created_at: Timestamp,
}

const COLUMNS: [&str; 10] = [
    "id",
    "payment_id",
    "order_id",
    "cause",
    "currency",
    "amount",
    "reason",
    "done",
    "actor",
    "created_at",
];

/// Adds a refund; `false` when its payment has one for this cause already.
pub async fn insert_refund(tx: &Tx, tenant: &TenantCode, row: &RefundRow) -> Result<bool, Fault> {
    let mut columns = vec!["tenant", "updated_at"];
    columns.extend(COLUMNS);
    let insert = Query::insert()
        .into_table(tx.table("refunds")?)
        .columns(columns)
        .values_panic([
            tenant.as_str().into(),
            tx.now().micros().into(),
            row.id.get().into(),
            row.payment_id.get().into(),
            row.order_id.get().into(),
            row.cause.clone().into(),
            row.amount.currency().code().into(),
            row.amount.amount().into(),
            row.reason.clone().into(),
            row.done.into(),
            row.actor.clone().into(),
            row.created_at.micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// One refund.
pub async fn load_refund(
    tx: &Tx,
    tenant: &TenantCode,
    id: RefundId,
) -> Result<Option<RefundRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("refunds")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// The refunds of an order, oldest first.
pub async fn refunds_of_order(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Vec<RefundRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("refunds")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .order_by("id", Order::Asc)
        .to_owned();
    tx.all(&select).await?.iter().map(read).collect()
}

/// How many refunds an order has had.
pub async fn count_refunds(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<u32, Fault> {
    let select = Query::select()
        .expr_as(Expr::col("id").count(), "n")
        .from(tx.table("refunds")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}

/// The provider has confirmed it; `false` when that was known.
pub async fn mark_done(tx: &Tx, tenant: &TenantCode, id: RefundId) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("refunds")?)
        .value("done", true)
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("done").eq(false))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

fn read(row: &Row) -> Result<RefundRow, Fault> {
    Ok(RefundRow {
        id: RefundId(row.get("id")?),
        payment_id: PaymentId(row.get("payment_id")?),
        order_id: OrderId(row.get("order_id")?),
        cause: row.get("cause")?,
        amount: money(row, "amount")?,
        reason: row.get("reason")?,
        done: row.get("done")?,
        actor: row.get("actor")?,
        created_at: row.get("created_at")?,
    })
}
