//! Finding orders of all members, and the figures of a dashboard.

use kit::{Cursor, Limit, Money, Timestamp};
use serde::{Deserialize, Serialize};
use types::{MemberId, OrderId};
use utoipa::ToSchema;

/// The most days of one [`OrderStats`].
pub const STATS_DAYS_MAX: u32 = 31;

/// Asks for orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct FindOrders {
    /// An order's id, or words of its lines, codes and recipient that all have to be there, the last as
    /// a beginning; everything when empty. At most [`crate::TEXT_MAX`] characters.
    pub text: String,
    /// Only with this status.
    pub status: Option<String>,
    /// Only of this member.
    pub member_id: Option<MemberId>,
    /// Only paid this way: `card` or `cash_on_delivery`.
    pub payment_method: Option<String>,
    /// Only placed at this time or later.
    pub from: Option<Timestamp>,
    /// Only placed before this time.
    pub to: Option<Timestamp>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// An order that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderHit {
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
    /// The version of the flow it is on.
    pub flow_version: u32,
    /// `card` or `cash_on_delivery`.
    pub payment_method: String,
    /// The first line's name.
    pub title: String,
    /// A picture's address.
    pub image_url: Option<String>,
    /// Units over all lines.
    pub units: u32,
    /// What is to be paid.
    pub total: Money,
    /// What has been paid and not been refunded.
    pub paid: Money,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderResults {
    /// The orders, newest first.
    pub items: Vec<OrderHit>,
    /// Where the next page begins; none on the last.
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
}

/// Asks for the figures of the orders that were placed in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStats {
    /// From here.
    pub from: Timestamp,
    /// Up to here, without it; at most [`STATS_DAYS_MAX`] days later.
    pub to: Timestamp,
}

/// Figures of some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderFigures {
    /// Orders that were placed.
    pub orders: u64,
    /// What has been paid for them and not been refunded.
    pub revenue: Money,
    /// The same by hour of placing, oldest first; hours without orders are left out.
    pub by_hour: Vec<HourFigures>,
    /// Where these orders stand now, most first.
    pub by_status: Vec<StatusCount>,
}

/// Figures of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HourFigures {
    /// When it begins, in UTC.
    pub hour: Timestamp,
    /// Orders that were placed in it.
    pub orders: u64,
    /// What has been paid for them and not been refunded.
    pub revenue: Money,
}

/// Orders with a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusCount {
    /// The status.
    pub status: String,
    /// In words.
    pub status_label: String,
    /// Whether a flow ends there.
    pub is_final: bool,
    /// How many.
    pub orders: u64,
}

/// Asks how many orders are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct FlowUsage {}

/// Running orders of a version of their flow with a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowCount {
    /// The version.
    pub flow_version: u32,
    /// The status.
    pub status: String,
    /// In words.
    pub status_label: String,
    /// How many.
    pub orders: u64,
}
