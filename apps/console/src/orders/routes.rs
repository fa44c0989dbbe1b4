//! The addresses of orders.

use std::fmt;

use kit::Cursor;
use types::{MemberId, OrderId, PaymentId, ShipmentId};
use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/orders";
    pub(crate) const ORDER: &str = "/console/orders/{id}";
    pub(crate) const EVENTS: &str = "/console/orders/{id}/events";
    pub(crate) const ACTIONS: &str = "/console/orders/{id}/actions";
    pub(crate) const PARCELS: &str = "/console/orders/{id}/parcels";
    pub(crate) const TRACKING: &str = "/console/orders/{id}/parcels/{parcel}/tracking";
    pub(crate) const DELIVERY: &str = "/console/orders/{id}/parcels/{parcel}/delivery";
    pub(crate) const CASH: &str = "/console/orders/{id}/cash";
    pub(crate) const REFUNDS: &str = "/console/orders/{id}/payments/{payment}/refunds";
}

/// What a list of orders is narrowed to, as the address has it: what makes no sense is shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// An order's id, or words of its lines and recipient.
    pub(crate) text: String,
    /// Only with this status.
    pub(crate) status: String,
    /// `card` or `cash_on_delivery`.
    pub(crate) method: String,
    /// The first day, such as `2026-03-31`.
    pub(crate) from: String,
    /// The last day.
    pub(crate) to: String,
    /// Only of this member.
    pub(crate) member: Option<MemberId>,
}

impl Filter {
    /// Whether it narrows at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An address of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The list.
    List {
        /// What it is narrowed to.
        filter: Filter,
        /// Where it goes on.
        cursor: Option<Cursor>,
    },
    /// An order.
    Order(OrderId),
    /// An order after something was done to it.
    Done {
        /// Which.
        id: OrderId,
        /// What was done.
        what: Done,
    },
    /// Tells of changes of an order.
    Events(OrderId),
    /// Where an order is moved.
    Actions(OrderId),
    /// Where parcels are sent.
    Parcels(OrderId),
    /// Where it is said where a parcel is.
    Tracking(OrderId, ShipmentId),
    /// Where it is said that a parcel has arrived.
    Delivery(OrderId, ShipmentId),
    /// Where cash is booked.
    Cash(OrderId),
    /// Where a payment is given back.
    Refunds(OrderId, PaymentId),
}

/// What was done to an order, to be confirmed on its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was moved.
    Moved,
    /// A parcel has left.
    Shipped,
    /// Where a parcel is was added.
    Tracked,
    /// A parcel has arrived.
    Delivered,
    /// Cash was booked.
    Collected,
    /// Money goes back.
    Refunded,
    /// The form was sent before, and that is still being dealt with.
    Underway,
}

impl Done {
    const ALL: [Self; 7] = [
        Self::Moved,
        Self::Shipped,
        Self::Tracked,
        Self::Delivered,
        Self::Collected,
        Self::Refunded,
        Self::Underway,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Shipped => "shipped",
            Self::Tracked => "tracked",
            Self::Delivered => "delivered",
            Self::Collected => "collected",
            Self::Refunded => "refunded",
            Self::Underway => "underway",
        }
    }

    /// Reads what an address says.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

impl Route {
    /// The whole list.
    pub(crate) fn list() -> Self {
        Self::List { filter: Filter::default(), cursor: None }
    }

    /// All orders of a member.
    pub(crate) fn of_member(member: MemberId) -> Self {
        let filter = Filter { member: Some(member), ..Filter::default() };
        Self::List { filter, cursor: None }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List { filter, cursor } => {
                url.path(pattern::LIST)?;
                let texts = [
                    ("q", &filter.text),
                    ("status", &filter.status),
                    ("method", &filter.method),
                    ("from", &filter.from),
                    ("to", &filter.to),
                ];
                for (name, text) in texts {
                    url.query(name, Some(text).filter(|t| !t.is_empty()))?;
                }
                url.query("member", filter.member)?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Order(id) => url.filled(pattern::ORDER, &[&id.to_string()]),
            Self::Done { id, what } => {
                url.filled(pattern::ORDER, &[&id.to_string()])?;
                url.query("done", Some(what.name()))
            }
            Self::Events(id) => url.filled(pattern::EVENTS, &[&id.to_string()]),
            Self::Actions(id) => url.filled(pattern::ACTIONS, &[&id.to_string()]),
            Self::Parcels(id) => url.filled(pattern::PARCELS, &[&id.to_string()]),
            Self::Tracking(id, parcel) => {
                url.filled(pattern::TRACKING, &[&id.to_string(), &parcel.to_string()])
            }
            Self::Delivery(id, parcel) => {
                url.filled(pattern::DELIVERY, &[&id.to_string(), &parcel.to_string()])
            }
            Self::Cash(id) => url.filled(pattern::CASH, &[&id.to_string()]),
            Self::Refunds(id, payment) => {
                url.filled(pattern::REFUNDS, &[&id.to_string(), &payment.to_string()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_kept_in_the_address_and_only_what_it_has() {
        assert_eq!(Route::list().to_string(), "/console/orders");
        let filter = Filter {
            text: "red rose".to_owned(),
            status: "PAID".to_owned(),
            from: "2026-01-01".to_owned(),
            member: Some(MemberId::from_i64(7).unwrap()),
            ..Filter::default()
        };
        let list = Route::List { filter, cursor: None };
        let address = "/console/orders?q=red%20rose&status=PAID&from=2026-01-01&member=7";
        assert_eq!(list.to_string(), address);
        for what in Done::ALL {
            assert_eq!(Done::of(what.name()), Some(what));
        }
        assert_eq!(Done::of("<x>"), None);
    }
}
