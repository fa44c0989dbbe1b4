//! Events and commands of orders, as messages. Topics of events are `order.<what happened>`; a flow's
//! `emit` may name any of [`EVENTS`]. A flow's command actions become messages with the topic
//! `order.command.<name>`, one of [`COMMAND_ACTIONS`]. The payload of all of them is an [`OrderMessage`].

use kit::Money;
use serde::{Deserialize, Serialize};
use types::{Address, MemberId, OrderId};

use crate::view::{LineInput, OrderLine, OrderParcel, PaymentMethod};

/// An order was placed.
pub const CREATED: &str = "order.created";
/// An order is paid.
pub const PAID: &str = "order.paid";
/// The warehouse may ship it: it is paid, or will be in cash.
pub const READY_TO_SHIP: &str = "order.ready_to_ship";
/// All of it is on its way.
pub const SHIPPED: &str = "order.shipped";
/// All of it has arrived.
pub const DELIVERED: &str = "order.delivered";
/// The buyer has it.
pub const RECEIVED: &str = "order.received";
/// It is over, and well.
pub const COMPLETED: &str = "order.completed";
/// It was closed unpaid.
pub const CLOSED: &str = "order.closed";
/// The buyer or the shop cancelled it.
pub const CANCELLED: &str = "order.cancelled";

/// Every event that a flow may emit.
pub const EVENTS: &[&str] =
    &[CREATED, PAID, READY_TO_SHIP, SHIPPED, DELIVERED, RECEIVED, COMPLETED, CLOSED, CANCELLED];

/// The stock comes back. To `inventory`.
pub const ACTION_RELEASE_STOCK: &str = "order.command.release_stock";
/// The stock is gone for good. To `inventory`.
pub const ACTION_SELL_STOCK: &str = "order.command.sell_stock";
/// What was paid goes back. To `payment`.
pub const ACTION_REFUND: &str = "order.command.refund";

/// Command actions a flow may name, with the topic of their message.
pub const COMMAND_ACTIONS: &[(&str, &str)] = &[
    ("release_stock", ACTION_RELEASE_STOCK),
    ("sell_stock", ACTION_SELL_STOCK),
    ("refund", ACTION_REFUND),
];

/// The payload of every event and command of an order: the step it took, and the order itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderMessage {
    /// The operation that was run; `begin` for a new order.
    pub operation: String,
    /// Where the order stood; empty for a new one.
    pub from: String,
    /// Where it stands since.
    pub to: String,
    /// Its version since.
    pub version: i64,
    /// The order.
    pub data: OrderEvent,
}

/// What a message says about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub member_id: MemberId,
    /// How it is to be paid.
    pub payment_method: PaymentMethod,
    /// What is to be paid.
    pub total: Money,
    /// What was paid.
    pub paid: Money,
    /// Lines.
    pub lines: Vec<OrderLine>,
    /// Parcels, one per warehouse.
    pub parcels: Vec<OrderParcel>,
    /// Where it goes.
    pub address: Address,
}

impl OrderEvent {
    /// Sku and units, as a cart or a warehouse counts them.
    pub fn units(&self) -> impl Iterator<Item = LineInput> {
        self.lines.iter().map(|l| LineInput { sku_id: l.sku_id, quantity: l.quantity })
    }
}
