//! What others may see of the service `fulfillment`: what is to be shipped of an order, in which
//! parcels it went, and where they are.

use kit::{ErrorCode, Timestamp};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{Address, OrderId, Quantity, ShipmentId, SkuId, WarehouseId};
use utoipa::ToSchema;

/// Units of a sku.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// The sku.
    pub sku_id: SkuId,
    /// How many.
    pub quantity: Quantity,
}

/// What is to be shipped of a sku from a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToShip {
    /// The sku.
    pub sku_id: SkuId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Units ordered.
    pub ordered: u32,
    /// Units shipped.
    pub shipped: u32,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    /// The id.
    pub id: ShipmentId,
    /// The order.
    pub order_id: OrderId,
    /// The carrier's name.
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
    /// What is in it.
    pub lines: Vec<Units>,
    /// Where it was, oldest first.
    pub tracking: Vec<TrackingEvent>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// Who sent it: `operator:ID`. Empty where the caller has no right to know.
    #[serde(default)]
    pub shipped_by: String,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// Who said that it has arrived. Empty before, and where the caller has no right to know.
    #[serde(default)]
    pub delivered_by: String,
}

/// Where a parcel was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrackingEvent {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub location: String,
    /// What happened.
    pub description: String,
}

/// How the shipping of an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fulfillment {
    /// The order.
    pub order_id: OrderId,
    /// What is to be shipped.
    pub to_ship: Vec<ToShip>,
    /// Parcels.
    pub shipments: Vec<Shipment>,
    /// Where they go.
    pub address: Address,
    /// Whether everything has left.
    pub shipped: bool,
    /// Whether everything has arrived.
    pub delivered: bool,
}

/// Which order's shipping: of the member who signed in, or any for `fulfillment:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForOrder {
    /// The order.
    pub order_id: OrderId,
}

/// Ships an order or a part of it. Needs `fulfillment:ship`. With an idempotency key in the call, repeating it
/// gives the same parcel; without one, a number that is used already is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ship {
    /// The order.
    pub order_id: OrderId,
    /// What is in the parcel; all that is left without.
    pub lines: Option<Vec<Units>>,
    /// From which warehouse; without, from those that have something left of it.
    #[serde(default)]
    pub warehouse_id: Option<WarehouseId>,
    /// The carrier's name.
    pub carrier: String,
    /// The carrier's number for it; unique per carrier and order.
    pub tracking_number: String,
}

/// Adds to a parcel's tracking. Needs `fulfillment:ship`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Track {
    /// The parcel.
    pub shipment_id: ShipmentId,
    /// Where.
    pub location: String,
    /// What happened.
    pub description: String,
    /// When; now without.
    pub at: Option<Timestamp>,
}

/// A parcel has arrived. Needs `fulfillment:ship`. Repeating it changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deliver {
    /// The parcel.
    pub shipment_id: ShipmentId,
}

/// Shipping.
#[rpc::service(name = "fulfillment")]
pub trait Fulfill: Send + Sync + 'static {
    /// How the shipping of an order stands.
    async fn for_order(&self, ctx: &Ctx, req: ForOrder) -> Result<Fulfillment, Error>;
    /// Ships.
    async fn ship(&self, ctx: &Ctx, req: Ship) -> Result<Shipment, Error>;
    /// Adds to a parcel's tracking.
    async fn track(&self, ctx: &Ctx, req: Track) -> Result<Shipment, Error>;
    /// A parcel has arrived.
    async fn deliver(&self, ctx: &Ctx, req: Deliver) -> Result<Shipment, Error>;
}

/// Topic: a part of an order has left; the payload is [`FulfillmentEvent`].
pub const PARTLY_SHIPPED: &str = "fulfillment.partly_shipped";
/// Topic: all of an order has left; the payload is [`FulfillmentEvent`].
pub const SHIPPED: &str = "fulfillment.shipped";
/// Topic: all of an order has arrived; the payload is [`FulfillmentEvent`].
pub const DELIVERED: &str = "fulfillment.delivered";

/// What a message about shipping says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfillmentEvent {
    /// The order.
    pub order_id: OrderId,
    /// The parcel it is about.
    pub shipment_id: ShipmentId,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// The order may not be shipped now.
    #[error("this order may not be shipped now; it is {0}")]
    NotShippable(String),
    /// More than what is left of a sku.
    #[error("only {left} of sku {sku_id} are left to ship")]
    TooMany {
        /// The sku.
        sku_id: SkuId,
        /// Units left.
        left: u32,
    },
    /// The tracking number was used for another parcel of this order.
    #[error("this tracking number is used already")]
    TrackingTaken,
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotShippable(_) | Self::TooMany { .. } | Self::TrackingTaken => {
                ErrorCode::Conflict
            }
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::NotShippable(_) => "not_shippable",
            Self::TooMany { .. } => "too_many_units",
            Self::TrackingTaken => "tracking_taken",
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug)
    }
}
