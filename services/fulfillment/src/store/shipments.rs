//! Statements on parcels and where they were.

use std::collections::BTreeMap;

use fulfillment_api::{TrackingEvent, Units};
use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Row, Tx};
use types::{OrderId, Quantity, ShipmentId, SkuId};

use crate::model::Part;

/// A parcel as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentRow {
    pub id: ShipmentId,
    pub order_id: OrderId,
    pub carrier: String,
    pub tracking_number: String,
    pub shipped_at: Timestamp,
    /// The principal who sent it.
    pub shipped_by: String,
    pub delivered_at: Option<Timestamp>,
    /// The principal who said that it has arrived; empty before.
    pub delivered_by: String,
}

const COLUMNS: [&str; 8] = [
    "id",
    "order_id",
    "carrier",
    "tracking_number",
    "shipped_at",
    "shipped_by",
    "delivered_at",
    "delivered_by",
];

/// Adds a parcel with what is in it; `false` when its number is taken, and then nothing has changed.
pub async fn insert_shipment(
    tx: &Tx,
    tenant: &TenantCode,
    row: &ShipmentRow,
    parts: &[Part],
) -> Result<bool, Fault> {
    let mut columns = vec!["tenant"];
    columns.extend(COLUMNS);
    let insert = Query::insert()
        .into_table(tx.table("shipments")?)
        .columns(columns)
        .values_panic([
            tenant.as_str().into(),
            row.id.get().into(),
            row.order_id.get().into(),
            row.carrier.clone().into(),
            row.tracking_number.clone().into(),
            row.shipped_at.micros().into(),
            row.shipped_by.clone().into(),
            row.delivered_at.map(Timestamp::micros).into(),
            row.delivered_by.clone().into(),
        ])
        .to_owned();
    if !tx.insert_unique(&insert).await? {
        return Ok(false);
    }
    let mut insert = Query::insert()
        .into_table(tx.table("shipment_lines")?)
        .columns(["tenant", "order_id", "shipment_id", "sku_id", "warehouse_id", "quantity"])
        .to_owned();
    for part in parts {
        insert.values_panic([
            tenant.as_str().into(),
            row.order_id.get().into(),
            row.id.get().into(),
            part.sku_id.get().into(),
            part.warehouse_id.get().into(),
            i64::from(part.quantity).into(),
        ]);
    }
    tx.exec(&insert).await?;
    Ok(true)
}

/// One parcel.
pub async fn load_shipment(
    tx: &Tx,
    tenant: &TenantCode,
    id: ShipmentId,
) -> Result<Option<ShipmentRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("shipments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// The parcels of an order, oldest first, each with what is in it.
pub async fn shipments(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Vec<(ShipmentRow, Vec<Units>)>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("shipments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .order_by("id", Order::Asc)
        .to_owned();
    let rows: Vec<ShipmentRow> =
        tx.all(&select).await?.iter().map(read).collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut contents = contents(tx, tenant, order).await?;
    rows.into_iter()
        .map(|row| {
            let content = contents.remove(&row.id).unwrap_or_default();
            let units = |(sku_id, n)| {
                let quantity = Quantity::try_from(n).map_err(Fault::internal)?;
                Ok::<_, Fault>(Units { sku_id, quantity })
            };
            Ok((row, content.into_iter().map(units).collect::<Result<_, _>>()?))
        })
        .collect()
}

/// Sku and units per parcel; from which warehouses they came does not matter here.
async fn contents(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<BTreeMap<ShipmentId, BTreeMap<SkuId, i64>>, Fault> {
    let select = Query::select()
        .columns(["shipment_id", "sku_id", "quantity"])
        .from(tx.table("shipment_lines")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    let mut contents: BTreeMap<ShipmentId, BTreeMap<SkuId, i64>> = BTreeMap::new();
    for row in tx.all(&select).await? {
        let (shipment, sku) = (ShipmentId(row.get("shipment_id")?), SkuId(row.get("sku_id")?));
        let n: i64 = row.get("quantity")?;
        *contents.entry(shipment).or_default().entry(sku).or_default() += n;
    }
    Ok(contents)
}

/// Where the parcels of an order were, by parcel, oldest first.
pub async fn tracking(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<BTreeMap<ShipmentId, Vec<TrackingEvent>>, Fault> {
    let select = Query::select()
        .columns(["shipment_id", "at", "location", "description"])
        .from(tx.table("shipment_tracking")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .order_by("at", Order::Asc)
        .order_by("seq", Order::Asc)
        .to_owned();
    let mut events: BTreeMap<ShipmentId, Vec<TrackingEvent>> = BTreeMap::new();
    for row in tx.all(&select).await? {
        let event = TrackingEvent {
            at: row.get("at")?,
            location: row.get("location")?,
            description: row.get("description")?,
        };
        events.entry(ShipmentId(row.get("shipment_id")?)).or_default().push(event);
    }
    Ok(events)
}

/// Adds where a parcel was.
pub async fn add_tracking(
    tx: &Tx,
    tenant: &TenantCode,
    row: &ShipmentRow,
    seq: usize,
    event: &TrackingEvent,
) -> Result<(), Fault> {
    let seq = i64::try_from(seq).map_err(Fault::internal)?;
    let insert = Query::insert()
        .into_table(tx.table("shipment_tracking")?)
        .columns(["tenant", "order_id", "shipment_id", "seq", "at", "location", "description"])
        .values_panic([
            tenant.as_str().into(),
            row.order_id.get().into(),
            row.id.get().into(),
            seq.into(),
            event.at.micros().into(),
            event.location.clone().into(),
            event.description.clone().into(),
        ])
        .to_owned();
    tx.exec(&insert).await.map(|_| ())
}

/// A parcel has arrived, as `by` says; `false` when that was known.
pub async fn mark_delivered(
    tx: &Tx,
    tenant: &TenantCode,
    id: ShipmentId,
    by: &str,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("shipments")?)
        .value("delivered_at", tx.now().micros())
        .value("delivered_by", by)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("delivered_at").is_null())
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

fn read(row: &Row) -> Result<ShipmentRow, Fault> {
    Ok(ShipmentRow {
        id: ShipmentId(row.get("id")?),
        order_id: OrderId(row.get("order_id")?),
        carrier: row.get("carrier")?,
        tracking_number: row.get("tracking_number")?,
        shipped_at: row.get("shipped_at")?,
        shipped_by: row.get("shipped_by")?,
        delivered_at: row.get("delivered_at")?,
        delivered_by: row.get("delivered_by")?,
    })
}
