//! Orders as others see them, and what may be asked of the service.

use kit::{Cursor, Limit, Money, Place as Cell, Timestamp};
use serde::{Deserialize, Serialize};
use types::{Address, AddressId, MemberId, OrderId, Quantity, SkuId, SpuId, WarehouseId};
use utoipa::ToSchema;

/// How an order is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// By card, before it is shipped.
    Card,
    /// In cash, to whoever delivers it.
    CashOnDelivery,
}

/// Mints an order id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mint {
    /// For whom.
    pub member_id: MemberId,
}

/// A line to quote or to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineInput {
    /// The sku.
    pub sku_id: SkuId,
    /// How many.
    pub quantity: Quantity,
}

/// Asks what lines cost.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteLines {
    /// 1 to 100; lines of one sku are summed.
    #[schema(min_items = 1, max_items = 100)]
    pub lines: Vec<LineInput>,
    /// The sales channel; `web` without.
    #[serde(default)]
    #[schema(max_length = 32)]
    pub channel: Option<String>,
}

/// What lines cost, tax included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// Lines, summed per sku.
    pub lines: Vec<OrderLine>,
    /// Sum of the lines.
    pub subtotal: Money,
    /// What promotions change; none until promotions exist.
    pub adjustments: Vec<Adjustment>,
    /// Shipping.
    pub shipping: Money,
    /// What is to be paid.
    pub total: Money,
}

/// What a promotion changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Adjustment {
    /// Why.
    pub label: String,
    /// Negative for a discount.
    pub amount: Money,
}

/// A line of an order: a snapshot, whatever becomes of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// Counts from 1 within the order.
    pub line_no: u32,
    /// The sku.
    pub sku_id: SkuId,
    /// Its product.
    pub spu_id: SpuId,
    /// The product's name.
    pub title: String,
    /// Chosen values.
    pub variant: String,
    /// The merchant's own number.
    pub code: String,
    /// A picture's address.
    pub image_url: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// Price of one.
    pub price: Money,
    /// Price of all.
    pub total: Money,
}

/// Places the order of a checkout.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = PlaceOrder)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// From `POST /v1/store/checkout`; becomes the order's id.
    pub checkout_id: OrderId,
    /// From the member's address book.
    pub address_id: AddressId,
    /// How it is to be paid.
    pub payment_method: PaymentMethod,
    /// The total that the buyer saw; another one is refused with `price_changed`.
    pub expected_total: Money,
    /// A word to the shop.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
    /// The sales channel; `web` without.
    #[serde(default)]
    #[schema(max_length = 32)]
    pub channel: Option<String>,
}

/// Which order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Get {
    /// The id.
    pub order_id: OrderId,
}

/// Which orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Brief {
    /// At most 200.
    pub order_ids: Vec<OrderId>,
}

/// Some of all orders of the tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scan {
    /// Where to go on; the beginning without. A page may be empty and have one still.
    pub cursor: Option<Cursor>,
    /// How many at most; more than 50 never come at once, so that the largest orders fit into an answer.
    pub limit: Limit,
}

/// How an order stands, for other services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBrief {
    /// The id.
    pub id: OrderId,
    /// Whose.
    pub member_id: MemberId,
    /// Where it stands in its flow.
    pub status: String,
    /// Whether its flow ends there.
    pub is_final: bool,
    /// Whether the system may take a payment for it now.
    pub payable: bool,
    /// Whether a parcel of it may leave now.
    pub shippable: bool,
    /// Whether it still needs its stock: neither closed nor cancelled.
    pub holds_stock: bool,
    /// How it is to be paid.
    pub payment_method: PaymentMethod,
    /// What is to be paid.
    pub total: Money,
    /// What has been paid and not been refunded.
    pub paid: Money,
    /// Counts its changes.
    pub version: i64,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    /// The id.
    pub id: OrderId,
    /// Whose.
    pub member_id: MemberId,
    /// Where it stands in its flow.
    pub status: String,
    /// The status in words.
    pub status_label: String,
    /// Whether its flow ends there.
    pub is_final: bool,
    /// The version of the flow it began with and stays on.
    pub flow_version: u32,
    /// Counts its changes; `ETag`.
    pub version: i64,
    /// Operations that the caller may run now.
    pub available_actions: Vec<AvailableAction>,
    /// How it is to be paid.
    pub payment_method: PaymentMethod,
    /// The sales channel.
    pub channel: String,
    /// Lines.
    pub lines: Vec<OrderLine>,
    /// Sum of the lines.
    pub subtotal: Money,
    /// What promotions changed.
    pub adjustments: Vec<Adjustment>,
    /// Shipping.
    pub shipping: Money,
    /// What is to be paid.
    pub total: Money,
    /// What has been paid and not been refunded.
    pub paid: Money,
    /// Where it goes.
    pub address: Address,
    /// A word to the shop.
    pub note: String,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An operation that may be run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AvailableAction {
    /// For `POST …/orders/{id}/actions/{operation}`.
    pub operation: String,
    /// In words.
    pub label: String,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSummary {
    /// The id.
    pub id: OrderId,
    /// Where it stands.
    pub status: String,
    /// The status in words.
    pub status_label: String,
    /// The first line's name.
    pub title: String,
    /// A picture's address.
    pub image_url: Option<String>,
    /// Units over all lines.
    pub units: u32,
    /// What is to be paid.
    pub total: Money,
    /// When it was placed.
    pub created_at: Timestamp,
}

/// Asks for a member's orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List {
    /// Whose; one's own without.
    pub member_id: Option<MemberId>,
    /// Only with this status.
    pub status: Option<String>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// Moves an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// Which.
    pub order_id: OrderId,
    /// The operation, as its flow names it.
    pub operation: String,
    /// The version the caller saw, if that matters.
    pub expected_version: Option<i64>,
    /// Repeating an operation with the same id gives the same answer. Unique per order.
    pub request_id: String,
    /// A word about it.
    pub note: String,
}

/// The warehouse is about to send a parcel of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginShipping {
    /// Which.
    pub order_id: OrderId,
}

/// One step of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// The order's version after it.
    pub version: i64,
    /// The operation; `begin` for the first.
    pub operation: String,
    /// The operation in words; empty where the flow has none for it.
    #[serde(default)]
    pub operation_label: String,
    /// Where it stood; empty for the first.
    pub from: String,
    /// Where it stands since.
    pub to: String,
    /// That status in words.
    #[serde(default)]
    pub to_label: String,
    /// As what: `buyer`, `staff`, `staff.warehouse` or `system`.
    pub by: String,
    /// Who it was: `user:ID` a member, `operator:ID` somebody of the staff or a program of theirs,
    /// `system:PART` the platform. Empty where the caller has no right to know: a shopper is told his own.
    #[serde(default)]
    pub actor: String,
    /// A word about it.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// Asks where orders lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cells {}

/// Asks where orders lie that are not older.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CellsSince {
    /// Minted then or later.
    pub made_from: Timestamp,
}

/// A cell with the tenant's orders in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CellCount {
    /// The cell.
    pub place: Cell,
    /// Orders of the tenant in it.
    pub orders: i64,
}

/// Asks for the flows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListFlows {}

/// Asks for one flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetFlow {
    /// `order` or `after_sale`.
    pub code: String,
    /// The active one without.
    pub version: Option<u32>,
}

/// A published flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowInfo {
    /// `order` or `after_sale`.
    pub code: String,
    /// Its version.
    pub version: u32,
    /// Whether new orders take it.
    pub active: bool,
    /// When it was published.
    pub published_at: Timestamp,
}

/// A published flow with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowDocument {
    /// Which.
    pub info: FlowInfo,
    /// The document.
    #[schema(value_type = Object)]
    pub document: serde_json::Value,
}

/// A flow document to check or to publish.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishFlow {
    /// The document's text.
    pub document: String,
    /// Only check it.
    pub dry_run: bool,
}

/// What one warehouse ships of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderParcel {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Sku and units.
    pub lines: Vec<LineInput>,
}
