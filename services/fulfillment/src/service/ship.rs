//! What is to be shipped, and shipping it. Units are taken by conditional updates in sorted order, so that
//! no two parcels ever take the same one.

use std::sync::Arc;

use fulfillment_api::{Error, PARTLY_SHIPPED, SHIPPED, Ship, Shipment};
use kit::ErrorCode;
use order_api::OrderMessage;
use outbox::{Message, Outbox, inbox};
use rpc::{Ctx, Fault};
use shard::Tx;
use types::ShipmentId;

use super::{MAY_SHIP, Service, read, tell};
use crate::model;
use crate::store::{self, FulfillmentRow, ShipmentRow};

const CARRIER_CHARS_MAX: usize = 64;
const NUMBER_CHARS_MAX: usize = 64;

impl Service {
    /// The warehouse may ship an order: what is to be shipped is written down, once.
    pub(crate) async fn create(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Message,
        order: OrderMessage,
    ) -> Result<(), Fault> {
        let order = order.data;
        let route = self.route(order.order_id.place(), "this order")?;
        let lines = model::to_ship(&order.parcels);
        if lines.is_empty() {
            return Err(Fault::invalid("/data/parcels", "an order without parcels"));
        }
        let row = FulfillmentRow {
            order_id: order.order_id,
            member_id: order.member_id,
            address: order.address,
            shipped: false,
            delivered: false,
        };
        let ctx_in = ctx.clone();
        let all = Arc::new((message, row, lines));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, all) = (ctx_in.clone(), Arc::clone(&all));
                async move {
                    let (message, row, lines) = all.as_ref();
                    if !inbox::once(&tx, &ctx, consumer, message).await? {
                        return Ok(());
                    }
                    // A flow may pass this step twice; what is to be shipped stays what it was.
                    if store::insert(&tx, &ctx.tenant, row).await? {
                        store::insert_lines(&tx, &ctx.tenant, row.order_id, lines).await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    pub(super) async fn ship_parcel(&self, ctx: &Ctx, req: Ship) -> Result<Shipment, Error> {
        ctx.require(MAY_SHIP)?;
        let carrier = model::checked_text("/carrier", &req.carrier, 1, CARRIER_CHARS_MAX)?;
        let number =
            model::checked_text("/tracking_number", &req.tracking_number, 1, NUMBER_CHARS_MAX)?;
        if req.lines.as_ref().is_some_and(|l| l.is_empty() || l.len() > model::LINES_MAX) {
            let text = format!("1 to {} lines", model::LINES_MAX);
            return Err(Fault::invalid("/lines", text).into());
        }
        let route = self.route(req.order_id.place(), "this order")?;
        let order = self.order(ctx, req.order_id).await?;
        if !order.shippable {
            return Err(Error::NotShippable(order.status));
        }
        let row = ShipmentRow {
            id: ShipmentId(self.ids.mint(ctx, req.order_id.place()).await?),
            order_id: req.order_id,
            carrier,
            tracking_number: number,
            shipped_at: self.db.clock().now(),
            delivered_at: None,
        };
        let (ctx_in, outbox, max) = (ctx.clone(), self.outbox.clone(), self.options.shipments_max);
        let all = Arc::new((row, req, order.status));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox, all) = (ctx_in.clone(), outbox.clone(), Arc::clone(&all));
                async move {
                    let (row, req, status) = all.as_ref();
                    // The order may be ahead of its message to us.
                    if !store::take_turn(&tx, &ctx.tenant, row.order_id).await? {
                        return Err(Error::NotShippable(status.clone()));
                    }
                    ship_in(&tx, &ctx, &outbox, row, req, max).await
                }
            })
            .await
    }
}

async fn ship_in(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    row: &ShipmentRow,
    req: &Ship,
    shipments_max: usize,
) -> Result<Shipment, Error> {
    let (tenant, order) = (&ctx.tenant, row.order_id);
    let earlier = store::shipments(tx, tenant, order).await?;
    let same =
        |s: &ShipmentRow| (&s.carrier, &s.tracking_number) == (&row.carrier, &row.tracking_number);
    if earlier.iter().any(|(s, _)| same(s)) {
        return Err(Error::TrackingTaken);
    }
    if earlier.len() >= shipments_max {
        let text = format!("an order has {shipments_max} parcels at most");
        return Err(Fault::new(ErrorCode::Conflict, text).with_slug("too_many_parcels").into());
    }
    let lines = store::lines(tx, tenant, order).await?;
    let parts = model::pick(&lines, req.lines.as_deref(), req.warehouse_id)?;
    if !store::insert_shipment(tx, tenant, row, &parts).await? {
        return Err(Error::TrackingTaken);
    }
    for part in &parts {
        if !store::ship_part(tx, tenant, order, *part).await? {
            let text = "another parcel took some of it meanwhile";
            return Err(Fault::new(ErrorCode::Conflict, text).into());
        }
    }
    let left: u32 = lines.iter().map(model::left).sum();
    let taken: u32 = parts.iter().map(|p| p.quantity).sum();
    if left == taken {
        store::set_marks(tx, tenant, order, true, false).await?;
        tell(tx, ctx, outbox, SHIPPED, order, row.id).await?;
    } else {
        tell(tx, ctx, outbox, PARTLY_SHIPPED, order, row.id).await?;
    }
    Ok(read::shipment(tx, tenant, order, row.id).await?)
}
