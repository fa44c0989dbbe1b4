//! Reading an order's shipping.

use fulfillment_api::{Error, Fulfillment, Shipment};
use kit::TenantCode;
use rpc::{ActorKind, Ctx, Fault};
use shard::Tx;
use types::{OrderId, ShipmentId};

use super::Service;
use crate::store::{self, FulfillmentRow};

impl Service {
    pub(super) async fn of_order(&self, ctx: &Ctx, order: OrderId) -> Result<Fulfillment, Error> {
        let staff = ctx.actor.may("fulfillment:read");
        if !staff && ctx.actor.kind != ActorKind::User {
            ctx.require("fulfillment:read")?;
        }
        let missing = || Fault::not_found("the shipping of this order");
        let route = self.route(ctx, order.place(), "the shipping of this order").await?;
        let (tenant, actor) = (ctx.tenant.clone(), ctx.actor.id);
        let found = self
            .db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let row = store::load(&tx, &tenant, order).await?;
                    match row.filter(|row| staff || row.member_id.get() == actor) {
                        Some(row) => view(&tx, &tenant, row).await.map(Some),
                        None => Ok::<_, Fault>(None),
                    }
                }
            })
            .await?;
        let mut found = found.ok_or_else(missing)?;
        if !staff {
            // Who of the staff it was is the shop's business.
            for shipment in &mut found.shipments {
                shipment.shipped_by.clear();
                shipment.delivered_by.clear();
            }
        }
        Ok(found)
    }
}

async fn view(tx: &Tx, tenant: &TenantCode, row: FulfillmentRow) -> Result<Fulfillment, Fault> {
    Ok(Fulfillment {
        order_id: row.order_id,
        to_ship: store::lines(tx, tenant, row.order_id).await?,
        shipments: shipments(tx, tenant, row.order_id).await?,
        address: row.address,
        shipped: row.shipped,
        delivered: row.delivered,
    })
}

/// The parcels of an order with all that is known of them.
pub(super) async fn shipments(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Vec<Shipment>, Fault> {
    let parcels = store::shipments(tx, tenant, order).await?;
    let mut tracking = store::tracking(tx, tenant, order).await?;
    let shipment = |(row, lines): (store::ShipmentRow, _)| Shipment {
        tracking: tracking.remove(&row.id).unwrap_or_default(),
        id: row.id,
        order_id: row.order_id,
        carrier: row.carrier,
        tracking_number: row.tracking_number,
        lines,
        shipped_at: row.shipped_at,
        shipped_by: row.shipped_by,
        delivered_at: row.delivered_at,
        delivered_by: row.delivered_by,
    };
    Ok(parcels.into_iter().map(shipment).collect())
}

/// One parcel of an order.
pub(super) async fn shipment(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    id: ShipmentId,
) -> Result<Shipment, Fault> {
    let all = shipments(tx, tenant, order).await?;
    all.into_iter().find(|s| s.id == id).ok_or_else(|| Fault::bug("a parcel is gone"))
}
