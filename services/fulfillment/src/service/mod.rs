//! Implements the trait: one file per group of operations. Load, decide (model), save with the outbox,
//! commit. Every change of an order's shipping takes its turn on the order's row first.

mod read;
mod ship;
mod track;

use fulfillment_api::{
    Deliver, Error, ForOrder, Fulfill, Fulfillment, FulfillmentEvent, Ship, Shipment, Track,
};
use order_api::{Brief, OrderBrief, OrderClient};
use outbox::{Idempotency, NewMessage, Outbox};
use rpc::{Ctx, Fault};
use shard::{Database, Ids, Route, Tx};
use types::{OrderId, ShipmentId};

use crate::Options;

/// What staff need to ship.
const MAY_SHIP: &str = "fulfillment:ship";
/// Messages about an order's parcels are messages about the order: they arrive one after the other.
const AGGREGATE: &str = "order";

/// The service.
pub struct Service {
    pub(crate) db: Database,
    pub(crate) outbox: Outbox,
    pub(crate) ids: Ids,
    pub(crate) idempotency: Idempotency,
    pub(crate) orders: OrderClient,
    pub(crate) options: Options,
}

impl Service {
    /// The place of an id, if this service can have it at all: ids come from clients, and cells from other
    /// processes, too.
    async fn route(&self, ctx: &Ctx, place: kit::Place, what: &str) -> Result<Route, Fault> {
        let is_there = self.db.find_cell(ctx, place).await?;
        if is_there { Ok(place.into()) } else { Err(Fault::not_found(what)) }
    }

    /// How an order stands, whoever asks.
    async fn order(&self, ctx: &Ctx, id: OrderId) -> Result<OrderBrief, Fault> {
        let system = ctx.as_system("fulfillment");
        let found = self.orders.brief(&system, Brief { order_ids: vec![id] }).await;
        let found = found.map_err(rpc::ServiceError::into_fault)?;
        found.into_iter().find(|o| o.id == id).ok_or_else(|| Fault::not_found("this order"))
    }
}

async fn tell(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    topic: &'static str,
    order_id: OrderId,
    shipment_id: ShipmentId,
) -> Result<(), Fault> {
    let event = FulfillmentEvent { order_id, shipment_id };
    let message = NewMessage::new(topic, AGGREGATE, order_id.get(), &event)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}

#[rpc::async_trait]
impl Fulfill for Service {
    async fn for_order(&self, ctx: &Ctx, req: ForOrder) -> Result<Fulfillment, Error> {
        self.of_order(ctx, req.order_id).await
    }

    async fn ship(&self, ctx: &Ctx, req: Ship) -> Result<Shipment, Error> {
        self.ship_parcel(ctx, req).await
    }

    async fn track(&self, ctx: &Ctx, req: Track) -> Result<Shipment, Error> {
        self.track_parcel(ctx, req).await
    }

    async fn deliver(&self, ctx: &Ctx, req: Deliver) -> Result<Shipment, Error> {
        self.deliver_parcel(ctx, req).await
    }
}
