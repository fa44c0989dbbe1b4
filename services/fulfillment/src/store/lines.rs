//! Statements on what is to be shipped.

use fulfillment_api::ToShip;
use kit::TenantCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Row, Tx};
use types::{Address, MemberId, OrderId, SkuId, WarehouseId};

use crate::model::Part;

/// The shipping of an order as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfillmentRow {
    pub order_id: OrderId,
    pub member_id: MemberId,
    pub address: Address,
    pub shipped: bool,
    pub delivered: bool,
}

/// Adds the shipping of an order; `false` when it is there already.
pub async fn insert(tx: &Tx, tenant: &TenantCode, row: &FulfillmentRow) -> Result<bool, Fault> {
    let address = serde_json::to_string(&row.address).map_err(Fault::internal)?;
    let insert = Query::insert()
        .into_table(tx.table("fulfillments")?)
        .columns([
            "tenant",
            "order_id",
            "member_id",
            "address",
            "shipped",
            "delivered",
            "version",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            row.order_id.get().into(),
            row.member_id.get().into(),
            address.into(),
            row.shipped.into(),
            row.delivered.into(),
            1.into(),
            tx.now().micros().into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Adds the lines of a new one.
pub async fn insert_lines(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    lines: &[ToShip],
) -> Result<(), Fault> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert()
        .into_table(tx.table("fulfillment_lines")?)
        .columns(["tenant", "order_id", "sku_id", "warehouse_id", "ordered", "shipped"])
        .to_owned();
    for line in lines {
        insert.values_panic([
            tenant.as_str().into(),
            order.get().into(),
            line.sku_id.get().into(),
            line.warehouse_id.get().into(),
            i64::from(line.ordered).into(),
            i64::from(line.shipped).into(),
        ]);
    }
    tx.exec(&insert).await.map(|_| ())
}

/// The shipping of an order.
pub async fn load(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Option<FulfillmentRow>, Fault> {
    let select = Query::select()
        .columns(["order_id", "member_id", "address", "shipped", "delivered"])
        .from(tx.table("fulfillments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// Makes other changes of this order wait until this transaction ends; `false` when there is no such
/// order.
pub async fn take_turn(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("fulfillments")?)
        .value("version", Expr::col("version").add(1))
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// What is to be shipped of an order, by sku and warehouse.
pub async fn lines(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<Vec<ToShip>, Fault> {
    let select = Query::select()
        .columns(["sku_id", "warehouse_id", "ordered", "shipped"])
        .from(tx.table("fulfillment_lines")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .order_by("sku_id", Order::Asc)
        .order_by("warehouse_id", Order::Asc)
        .to_owned();
    tx.all(&select).await?.iter().map(read_line).collect()
}

/// A part of a line leaves; `false` when less is left.
pub async fn ship_part(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    part: Part,
) -> Result<bool, Fault> {
    let shipped = Expr::col("shipped").add(i64::from(part.quantity));
    let update = Query::update()
        .table(tx.table("fulfillment_lines")?)
        .value("shipped", shipped.clone())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .and_where(Expr::col("sku_id").eq(part.sku_id.get()))
        .and_where(Expr::col("warehouse_id").eq(part.warehouse_id.get()))
        .and_where(shipped.lte(Expr::col("ordered")))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// Sets what follows from lines and parcels.
pub async fn set_marks(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    shipped: bool,
    delivered: bool,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("fulfillments")?)
        .value("shipped", shipped)
        .value("delivered", delivered)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

fn read(row: &Row) -> Result<FulfillmentRow, Fault> {
    let address: String = row.get("address")?;
    Ok(FulfillmentRow {
        order_id: OrderId(row.get("order_id")?),
        member_id: MemberId(row.get("member_id")?),
        address: serde_json::from_str(&address).map_err(Fault::internal)?,
        shipped: row.get("shipped")?,
        delivered: row.get("delivered")?,
    })
}

fn read_line(row: &Row) -> Result<ToShip, Fault> {
    Ok(ToShip {
        sku_id: SkuId(row.get("sku_id")?),
        warehouse_id: WarehouseId(row.get("warehouse_id")?),
        ordered: row.get("ordered")?,
        shipped: row.get("shipped")?,
    })
}
