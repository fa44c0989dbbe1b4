//! Where parcels are, and that they have arrived.

use std::sync::Arc;
use std::time::Duration;

use fulfillment_api::{DELIVERED, Deliver, Error, Shipment, Track, TrackingEvent};
use kit::{ErrorCode, Timestamp};
use outbox::Outbox;
use rpc::{Ctx, Fault};
use shard::Tx;
use types::ShipmentId;

use super::{MAY_SHIP, Service, read, tell};
use crate::model;
use crate::store::{self, ShipmentRow};

const LOCATION_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 500;
/// How far a carrier's clock may be ahead of ours.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Nothing was shipped before 2000-01-01.
const EARLIEST: Timestamp = Timestamp::from_millis(946_684_800_000);

impl Service {
    pub(super) async fn track_parcel(&self, ctx: &Ctx, req: Track) -> Result<Shipment, Error> {
        ctx.require(MAY_SHIP)?;
        let location = model::checked_text("/location", &req.location, 0, LOCATION_CHARS_MAX)?;
        let description =
            model::checked_text("/description", &req.description, 1, DESCRIPTION_CHARS_MAX)?;
        let now = self.db.clock().now();
        let at = req.at.unwrap_or(now);
        if at < EARLIEST || at > now.plus(AHEAD_MAX) {
            return Err(Fault::invalid("/at", "between the year 2000 and tomorrow").into());
        }
        let route = self.route(ctx, req.shipment_id.place(), "this parcel").await?;
        let event = Arc::new(TrackingEvent { at, location, description });
        let (ctx_in, id, max) = (ctx.clone(), req.shipment_id, self.options.tracking_max);
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, event) = (ctx_in.clone(), Arc::clone(&event));
                async move {
                    let parcel = with_turn(&tx, &ctx, id).await?;
                    let known = store::tracking(&tx, &ctx.tenant, parcel.order_id).await?;
                    if known.values().map(Vec::len).sum::<usize>() >= max {
                        let text = format!("an order has {max} tracking events at most");
                        let fault = Fault::new(ErrorCode::Conflict, text);
                        return Err(fault.with_slug("too_many_events").into());
                    }
                    let seq = known.get(&id).map_or(0, Vec::len) + 1;
                    store::add_tracking(&tx, &ctx.tenant, &parcel, seq, &event).await?;
                    Ok(read::shipment(&tx, &ctx.tenant, parcel.order_id, id).await?)
                }
            })
            .await
    }

    pub(super) async fn deliver_parcel(&self, ctx: &Ctx, req: Deliver) -> Result<Shipment, Error> {
        ctx.require(MAY_SHIP)?;
        let route = self.route(ctx, req.shipment_id.place(), "this parcel").await?;
        let (ctx_in, outbox, id) = (ctx.clone(), self.outbox.clone(), req.shipment_id);
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox) = (ctx_in.clone(), outbox.clone());
                async move {
                    let parcel = with_turn(&tx, &ctx, id).await?;
                    let by = ctx.actor.principal();
                    if store::mark_delivered(&tx, &ctx.tenant, id, &by).await? {
                        arrived(&tx, &ctx, &outbox, &parcel).await?;
                    }
                    Ok(read::shipment(&tx, &ctx.tenant, parcel.order_id, id).await?)
                }
            })
            .await
    }
}

/// A parcel whose order waits for this transaction.
async fn with_turn(tx: &Tx, ctx: &Ctx, id: ShipmentId) -> Result<ShipmentRow, Fault> {
    let parcel = store::load_shipment(tx, &ctx.tenant, id).await?;
    let parcel = parcel.ok_or_else(|| Fault::not_found("this parcel"))?;
    if store::take_turn(tx, &ctx.tenant, parcel.order_id).await? {
        return Ok(parcel);
    }
    Err(Fault::bug("a parcel without its order"))
}

/// When it was the last one of an order that has left whole, the order has arrived.
async fn arrived(tx: &Tx, ctx: &Ctx, outbox: &Outbox, parcel: &ShipmentRow) -> Result<(), Fault> {
    let order = parcel.order_id;
    let row = store::load(tx, &ctx.tenant, order).await?;
    let row = row.ok_or_else(|| Fault::bug("a parcel without its order"))?;
    let all = store::shipments(tx, &ctx.tenant, order).await?;
    if !row.shipped || row.delivered || all.iter().any(|(s, _)| s.delivered_at.is_none()) {
        return Ok(());
    }
    store::set_marks(tx, &ctx.tenant, order, true, true).await?;
    tell(tx, ctx, outbox, DELIVERED, order, parcel.id).await
}
