//! Orders: the list over all members, and one order with all that is known of it and all that can be done.

mod act;
mod forms;
mod history;
mod list;
mod money;
mod order;
mod parcels;
pub(crate) mod routes;
mod show;
mod words;

#[cfg(test)]
mod sample;

use crate::guard::{Access, Pages};
use routes::pattern;
pub(crate) use words::Words;

const READ: Access = Access::May("orders:read");
const SHIP: Access = Access::May("fulfillment:ship");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::LIST, READ, list::show)
        .get(pattern::ORDER, READ, show::show)
        .get(pattern::EVENTS, READ, show::events)
        // who may move an order says its flow, by role; the service asks it
        .post(pattern::ACTIONS, Access::SignedIn, act::operate)
        .post(pattern::PARCELS, SHIP, act::ship)
        .post(pattern::TRACKING, SHIP, act::track)
        .post(pattern::DELIVERY, SHIP, act::deliver)
        .post(pattern::CASH, Access::May("payments:collect"), act::collect)
        .post(pattern::REFUNDS, Access::May("payments:refund"), act::refund)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_orders", list::render_orders),
        rendered("render_order", order::render_order),
    ]
}
