//! What is to be shipped, and shipping it. Units are taken by conditional updates in sorted order, so that
//! no two parcels ever take the same one.

use std::sync::Arc;

use fulfillment_api::{Error, PARTLY_SHIPPED, SHIPPED, Ship, Shipment};
use kit::{ErrorCode, TenantCode};
use order_api::{BeginShipping, OrderMessage};
use outbox::idempotency::Claim;
use outbox::{Message, Outbox, inbox};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::ShipmentId;

use super::{MAY_SHIP, Service, read, tell};
use crate::model::{self, Part};
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
        let route = self.route(ctx, order.order_id.place(), "this order").await?;
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
        let tracking_number =
            model::checked_text("/tracking_number", &req.tracking_number, 1, NUMBER_CHARS_MAX)?;
        if req.lines.as_ref().is_some_and(|l| l.is_empty() || l.len() > model::LINES_MAX) {
            let text = format!("1 to {} lines", model::LINES_MAX);
            return Err(Fault::invalid("/lines", text).into());
        }
        let route = self.route(ctx, req.order_id.place(), "this order").await?;
        let req = Arc::new(Ship { carrier, tracking_number, ..req });
        let work = |claim| self.ship_new(ctx, Arc::clone(&req), route, claim);
        let answered = self.idempotency.run(ctx, route, work).await?;
        if !answered.replayed {
            return Ok(answered.answer);
        }
        ctx.session.mark_replayed();
        // It may have been tracked or have arrived since.
        let (tenant, known) = (ctx.tenant.clone(), Arc::new(answered.answer));
        self.db
            .read(ctx, route, move |tx| {
                let (tenant, known) = (tenant.clone(), Arc::clone(&known));
                async move {
                    let all = read::shipments(&tx, &tenant, known.order_id).await?;
                    let now = all.into_iter().find(|s| s.id == known.id);
                    // A replica may not have it yet.
                    Ok(now.unwrap_or_else(|| (*known).clone()))
                }
            })
            .await
    }

    /// What cannot leave changes nothing, here or in the order. Then the order takes its step, if its flow
    /// has one: from there it cannot be cancelled. Then the parcel is written down. A crash in between
    /// leaves an order that waits for its parcel; shipping it again goes on from there.
    async fn ship_new(
        &self,
        ctx: &Ctx,
        req: Arc<Ship>,
        route: Route,
        claim: Claim,
    ) -> Result<Shipment, Error> {
        let (tenant, wanted, max) =
            (ctx.tenant.clone(), Arc::clone(&req), self.options.shipments_max);
        let known = self
            .db
            .read(ctx, route, move |tx| {
                let (tenant, wanted) = (tenant.clone(), Arc::clone(&wanted));
                async move {
                    if store::load(&tx, &tenant, wanted.order_id).await?.is_none() {
                        return Ok(false);
                    }
                    contents(&tx, &tenant, &wanted, max).await.map(|_| true)
                }
            })
            .await?;
        if !known {
            // The order may be ahead of its message to us.
            return Err(Error::NotShippable(self.order(ctx, req.order_id).await?.status));
        }
        let begin = BeginShipping { order_id: req.order_id };
        let order = self.orders.begin_shipping(ctx, begin).await;
        let order = order.map_err(rpc::ServiceError::into_fault)?;
        if !order.shippable {
            return Err(Error::NotShippable(order.status));
        }
        let row = ShipmentRow {
            id: ShipmentId(self.ids.mint(ctx, req.order_id.place()).await?),
            order_id: req.order_id,
            carrier: req.carrier.clone(),
            tracking_number: req.tracking_number.clone(),
            shipped_at: self.db.clock().now(),
            shipped_by: ctx.actor.principal(),
            delivered_at: None,
            delivered_by: String::new(),
        };
        let (ctx_in, outbox, all) = (ctx.clone(), self.outbox.clone(), Arc::new((row, req)));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox) = (ctx_in.clone(), outbox.clone());
                let (all, claim) = (Arc::clone(&all), claim.clone());
                async move {
                    let (row, req) = all.as_ref();
                    if !store::take_turn(&tx, &ctx.tenant, row.order_id).await? {
                        return Err(Fault::bug("the shipping of an order is gone").into());
                    }
                    let sent = ship_in(&tx, &ctx, &outbox, row, req, max).await?;
                    claim.complete(&tx, &sent).await?;
                    Ok(sent)
                }
            })
            .await
    }
}

/// What a parcel takes, and what is left before it leaves.
async fn contents(
    tx: &Tx,
    tenant: &TenantCode,
    req: &Ship,
    shipments_max: usize,
) -> Result<(Vec<Part>, u32), Error> {
    let earlier = store::shipments(tx, tenant, req.order_id).await?;
    let same =
        |s: &ShipmentRow| (&s.carrier, &s.tracking_number) == (&req.carrier, &req.tracking_number);
    if earlier.iter().any(|(s, _)| same(s)) {
        return Err(Error::TrackingTaken);
    }
    if earlier.len() >= shipments_max {
        let text = format!("an order has {shipments_max} parcels at most");
        return Err(Fault::new(ErrorCode::Conflict, text).with_slug("too_many_parcels").into());
    }
    let lines = store::lines(tx, tenant, req.order_id).await?;
    let parts = model::pick(&lines, req.lines.as_deref(), req.warehouse_id)?;
    Ok((parts, lines.iter().map(model::left).sum()))
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
    let (parts, left) = contents(tx, tenant, req, shipments_max).await?;
    if !store::insert_shipment(tx, tenant, row, &parts).await? {
        return Err(Error::TrackingTaken);
    }
    for part in &parts {
        if !store::ship_part(tx, tenant, order, *part).await? {
            let text = "another parcel took some of it meanwhile";
            return Err(Fault::new(ErrorCode::Conflict, text).into());
        }
    }
    let taken: u32 = parts.iter().map(|p| p.quantity).sum();
    if left == taken {
        store::set_marks(tx, tenant, order, true, false).await?;
        tell(tx, ctx, outbox, SHIPPED, order, row.id).await?;
    } else {
        tell(tx, ctx, outbox, PARTLY_SHIPPED, order, row.id).await?;
    }
    Ok(read::shipment(tx, tenant, order, row.id).await?)
}
