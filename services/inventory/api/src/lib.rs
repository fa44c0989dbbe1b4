//! What others may see of the service `inventory`: stock by sku and warehouse, and the four verbs that
//! move it for an order: reserve, bind, sell, release.
//!
//! `available + reserved + sold` of a sku changes by adjustments only, and none of the three is ever
//! negative. All four verbs are keyed by the order's id and may be repeated.

use kit::{Cursor, ErrorCode, FieldError, Limit, Page, Timestamp};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{ImportId, OrderId, Quantity, SkuId, WarehouseId};
use utoipa::ToSchema;

/// As many units as shoppers are told of.
pub const SHOWN_MAX: i64 = 99;

/// A place that holds stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warehouse {
    /// The id.
    pub id: WarehouseId,
    /// Short name, unique in the tenant.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Lower ships first.
    pub priority: i32,
}

/// A warehouse to add. Needs `stock:write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWarehouse {
    /// Short name: 1 to 32 of letters, digits, dash, underscore.
    #[schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9_-]+$")]
    pub code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Lower ships first.
    #[serde(default)]
    pub priority: i32,
}

/// Asks for all warehouses (at most 50), by priority and code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListWarehouses {}

/// A sku's stock. Whoever may not `stock:read` sees only up to [`SHOWN_MAX`] of what is available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkuStock {
    /// The sku.
    pub sku_id: SkuId,
    /// What can be ordered, over all warehouses.
    pub available: i64,
    /// What orders hold that are not paid yet.
    pub reserved: i64,
    /// What was sold.
    pub sold: i64,
    /// Warehouse by warehouse, by priority.
    pub warehouses: Vec<WarehouseStock>,
}

/// A sku's stock in one warehouse, over its buckets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseStock {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// What can be ordered.
    pub available: i64,
    /// What orders hold.
    pub reserved: i64,
    /// What was sold.
    pub sold: i64,
}

/// Asks for the stock of some skus, in their order; one without stock rows has zeros.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetStock {
    /// At most 200.
    pub sku_ids: Vec<SkuId>,
}

/// Asks for the stock of the tenant's skus, by id. Needs `stock:read`. A sku that nobody ever stocked is
/// not among them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListStock {
    /// Only skus that were stocked in this warehouse; `below` then counts what is there.
    pub warehouse_id: Option<WarehouseId>,
    /// Only skus of which fewer units than this are available, 1 to 1,000,000,000.
    pub below: Option<i64>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// Changes what is available. Needs `stock:write` and an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// The sku.
    pub sku_id: SkuId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Units to add; negative to take away, never below zero.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    pub delta: i64,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// Sets what is available; nothing where it is that already. Some skus after the others: when it fails, some
/// are set. Repeating it brings back what was sold meanwhile; see [`SetImported`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAvailable {
    /// The warehouse; the first by priority without.
    pub warehouse_id: Option<WarehouseId>,
    /// Sku and units; at most 200.
    pub levels: Vec<(SkuId, i64)>,
    /// Why.
    pub reason: String,
}

/// Sets what is available from a part of an import, once: what is set already of the part is passed over
/// when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetImported {
    /// The import.
    pub import_id: ImportId,
    /// Which part of it.
    pub part: u32,
    /// The levels, the same in the same order whenever the part comes.
    pub set: SetAvailable,
}

/// What a line of an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wanted {
    /// The sku.
    pub sku_id: SkuId,
    /// How many.
    pub quantity: Quantity,
}

/// Takes stock for an order, for a while. Lines of one sku are summed. All or nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reserve {
    /// The order; repeating it gives the same answer.
    pub order_id: OrderId,
    /// At most 200.
    pub lines: Vec<Wanted>,
}

/// What one warehouse ships of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parcel {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Its lines.
    pub lines: Vec<Wanted>,
}

/// What was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For which order.
    pub order_id: OrderId,
    /// Where it stands.
    pub state: ReservationState,
    /// One per warehouse: the first by priority that holds the whole order, else split.
    pub parcels: Vec<Parcel>,
    /// When it ends, while it is not bound.
    pub expires_at: Option<Timestamp>,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Taken; given back by itself when it is not bound in time.
    Reserved,
    /// The order exists; only pay, close and cancel move it.
    Bound,
    /// Paid, or delivered against cash.
    Sold,
    /// Given back.
    Released,
}

/// Which order's reservation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ForOrder {
    /// The order.
    pub order_id: OrderId,
}

/// One change of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// When.
    pub at: Timestamp,
    /// The sku.
    pub sku_id: SkuId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// `adjust`, `set`, `reserve`, `sell` or `release`.
    pub kind: String,
    /// Change of available.
    pub available: i64,
    /// Change of reserved.
    pub reserved: i64,
    /// Change of sold.
    pub sold: i64,
    /// For which order.
    pub order_id: Option<OrderId>,
    /// Why.
    pub reason: String,
    /// Who: `operator:9`, `system:order`.
    pub by: String,
}

/// Asks for the changes of a sku, newest first. Needs `stock:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ledger {
    /// The sku.
    pub sku_id: SkuId,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// Stock.
#[rpc::service(name = "inventory")]
pub trait Inventory: Send + Sync + 'static {
    /// Adds a warehouse.
    async fn add_warehouse(&self, ctx: &Ctx, req: NewWarehouse) -> Result<Warehouse, Error>;
    /// All warehouses. Needs `stock:read`.
    async fn list_warehouses(
        &self,
        ctx: &Ctx,
        req: ListWarehouses,
    ) -> Result<Vec<Warehouse>, Error>;
    /// Stock of some skus.
    async fn get_stock(&self, ctx: &Ctx, req: GetStock) -> Result<Vec<SkuStock>, Error>;
    /// Stock of the tenant's skus, or of those that run low.
    async fn list_stock(&self, ctx: &Ctx, req: ListStock) -> Result<Page<SkuStock>, Error>;
    /// Changes what is available.
    async fn adjust(&self, ctx: &Ctx, req: Adjust) -> Result<SkuStock, Error>;
    /// Sets what is available. Only the system may.
    async fn set_available(&self, ctx: &Ctx, req: SetAvailable) -> Result<(), Error>;
    /// Sets what is available from a part of an import, once. Only the system may.
    async fn set_imported(&self, ctx: &Ctx, req: SetImported) -> Result<(), Error>;
    /// Takes stock for an order, for two minutes. Only the system may, as for the next three. Repeated
    /// with other lines it is a `WrongState`, after a release `ReservationOver`.
    async fn reserve(&self, ctx: &Ctx, req: Reserve) -> Result<Reservation, Error>;
    /// The order exists: the reservation no longer ends by itself.
    async fn bind(&self, ctx: &Ctx, req: ForOrder) -> Result<(), Error>;
    /// The stock is gone for good.
    async fn sell(&self, ctx: &Ctx, req: ForOrder) -> Result<Reservation, Error>;
    /// The stock comes back. Fine when nothing was reserved.
    async fn release(&self, ctx: &Ctx, req: ForOrder) -> Result<(), Error>;
    /// What an order holds. Needs `stock:read`.
    async fn get_reservation(&self, ctx: &Ctx, req: ForOrder) -> Result<Reservation, Error>;
    /// Changes of a sku's stock.
    async fn ledger(&self, ctx: &Ctx, req: Ledger) -> Result<Page<LedgerEntry>, Error>;
}

/// Topic: a sku has begun or ceased to be available, over all warehouses; the payload is
/// [`AvailabilityChanged`]. Those of one sku come in the order of the changes.
pub const AVAILABILITY_CHANGED: &str = "inventory.availability_changed";

/// Whether a sku can be had since the change that this tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityChanged {
    /// The sku.
    pub sku_id: SkuId,
    /// Whether any of it is available.
    pub available: bool,
}

/// A sku of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The sku.
    pub sku_id: SkuId,
    /// How many were wanted, over all lines.
    pub wanted: i64,
    /// How many there are.
    pub available: i64,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// Not enough of some skus; nothing was reserved.
    #[error("not enough in stock")]
    SoldOut(Vec<Shortage>),
    /// The adjustment would make it negative.
    #[error("only {available} are available")]
    WouldBeNegative {
        /// How many there are.
        available: i64,
    },
    /// The reservation has ended or was given back; the order must not stand.
    #[error("the reservation is over")]
    ReservationOver,
    /// The verb does not fit where the reservation stands (release after sell, sell after release).
    #[error("the reservation is {0:?} already")]
    WrongState(ReservationState),
    /// The warehouse code is taken.
    #[error("this warehouse code is taken")]
    CodeTaken,
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SoldOut(_)
            | Self::WouldBeNegative { .. }
            | Self::ReservationOver
            | Self::WrongState(_)
            | Self::CodeTaken => ErrorCode::Conflict,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let (slug, fields) = match &self {
            Self::SoldOut(short) => ("sold_out", short.iter().map(Shortage::to_field).collect()),
            Self::WouldBeNegative { .. } => ("would_be_negative", Vec::new()),
            Self::ReservationOver => ("reservation_over", Vec::new()),
            Self::WrongState(_) => ("wrong_reservation_state", Vec::new()),
            Self::CodeTaken => ("code_taken", Vec::new()),
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug).with_fields(fields)
    }
}

impl Shortage {
    /// As a field of a problem document.
    #[must_use]
    pub fn to_field(&self) -> FieldError {
        let detail = format!("{} wanted, {} available", self.wanted, self.available);
        FieldError::new(format!("/lines/{}", self.sku_id), detail)
    }
}
