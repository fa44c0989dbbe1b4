//! The addresses of members.

use std::fmt;

use kit::Cursor;
use types::{MemberId, OrderId};
use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/members";
    pub(crate) const MEMBER: &str = "/console/members/{id}";
    /// Served by the orders' own area.
    pub(super) const ORDER: &str = "/console/orders/{id}";
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The list.
    List {
        /// Only whoever has exactly this login.
        login: Option<String>,
        /// Where it goes on.
        cursor: Option<Cursor>,
    },
    /// One member.
    Member {
        /// Who.
        id: MemberId,
        /// Where the list of their orders goes on.
        cursor: Option<Cursor>,
    },
    /// One of their orders.
    Order {
        /// Which.
        id: OrderId,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List { login, cursor } => {
                url.path(pattern::LIST)?;
                url.query("login", login.as_ref())?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Member { id, cursor } => {
                url.filled(pattern::MEMBER, &[&id.to_string()])?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Order { id } => url.filled(pattern::ORDER, &[&id.to_string()]),
        }
    }
}
