//! Events and commands of orders, as messages. Topics of events are `order.<what happened>`; a flow's
//! `emit` may name any of [`EVENTS`]. A flow's command actions become messages with the topic
//! `order.command.<name>`, one of [`COMMAND_ACTIONS`]. The payload of all of them is an [`OrderMessage`].

use kit::{Money, Timestamp};
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

/// An order was changed by a step that emits none of [`EVENTS`], or by money that moved nothing
/// ([`OPERATION_MONEY`]). Sent by the service itself; a flow cannot name it.
pub const CHANGED: &str = "order.changed";

/// What to listen to in order to follow every change of every order, whatever a tenant's flow emits: each
/// change sends at least one of these. Several may tell of the same version, and a later one supersedes
/// all that an earlier one said.
pub const ALL_EVENTS: &[&str] = &[
    CREATED,
    PAID,
    READY_TO_SHIP,
    SHIPPED,
    DELIVERED,
    RECEIVED,
    COMPLETED,
    CLOSED,
    CANCELLED,
    CHANGED,
];

/// The operation of a message about money that arrived or went back without moving the order; its `from`
/// and `to` are the same.
pub const OPERATION_MONEY: &str = "money";

/// The operation of what is no step but how an order stands, in answers of `scan`; its `from` and `to` are the
/// same. No message has it.
pub const OPERATION_SCAN: &str = "scan";

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
    /// What was paid and not refunded: captured − refunded.
    pub paid: Money,
    /// All that was ever paid. `None` in messages of older versions.
    #[serde(default)]
    pub captured: Option<Money>,
    /// All that went back. `None` in messages of older versions.
    #[serde(default)]
    pub refunded: Option<Money>,
    /// The status in words. Empty in messages of older versions, as the next ones are zero.
    #[serde(default)]
    pub status_label: String,
    /// Whether its flow ends there.
    #[serde(default)]
    pub is_final: bool,
    /// The version of the flow it began with and stays on.
    #[serde(default)]
    pub flow_version: u32,
    /// The sales channel.
    #[serde(default)]
    pub channel: String,
    /// When it was placed.
    #[serde(default)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Timestamp,
    /// Lines. Only the first one has its picture, so that the largest order fits into a message.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_are_those_of_flows_and_the_change_that_no_flow_names() {
        assert_eq!(ALL_EVENTS[..EVENTS.len()], *EVENTS);
        assert_eq!(ALL_EVENTS[EVENTS.len()..], [CHANGED]);
    }

    #[test]
    fn a_message_of_an_older_version_is_still_read() {
        let old = serde_json::json!({
            "operation": "begin", "from": "", "to": "PENDING_PAYMENT", "version": 1,
            "data": {
                "order_id": "1", "member_id": "7", "payment_method": "card",
                "total": { "amount": 900, "currency": "CNY" },
                "paid": { "amount": 0, "currency": "CNY" },
                "lines": [], "parcels": [],
                "address": {
                    "name": "A", "phone": "12345", "country": "CN", "city": "S", "street": "1"
                },
            },
        });
        let read: OrderMessage = serde_json::from_value(old).unwrap();
        assert_eq!((read.data.captured, read.data.status_label.as_str()), (None, ""));
        assert_eq!(read.data.created_at, Timestamp::default());
    }
}
