//! Turns the events of services into notes for open pages. It reads who changed and nothing else, and
//! never fails: a message that it does not understand is no reason to deliver it again.

use fulfillment_api::FulfillmentEvent;
use order_api::OrderMessage;
use outbox::{Consumer, Message};
use payment_api::PaymentEvent;
use types::OrderId;

use crate::live::{Hub, Key};

/// The consumers that feed a hub. One set per process: they keep no state but the hub's.
#[must_use]
pub fn consumers(hub: &Hub) -> Vec<Consumer> {
    let orders = order_api::ALL_EVENTS.iter().map(|t| (*t).to_owned()).collect();
    let money = [payment_api::CAPTURED, payment_api::REFUNDED].map(str::to_owned).to_vec();
    let parcels =
        [fulfillment_api::PARTLY_SHIPPED, fulfillment_api::SHIPPED, fulfillment_api::DELIVERED];
    vec![
        of_orders("web.live.order", orders, hub, |m| {
            Some(m.json::<OrderMessage>().ok()?.data.order_id)
        }),
        of_orders("web.live.payment", money, hub, |m| {
            Some(m.json::<PaymentEvent>().ok()?.order_id)
        }),
        of_orders("web.live.parcel", parcels.map(str::to_owned).to_vec(), hub, |m| {
            Some(m.json::<FulfillmentEvent>().ok()?.order_id)
        }),
    ]
}

fn of_orders(
    name: &'static str,
    topics: Vec<String>,
    hub: &Hub,
    order: fn(&Message) -> Option<OrderId>,
) -> Consumer {
    let hub = hub.clone();
    Consumer::from_fn(name, topics, move |ctx, message| {
        if let Some(id) = order(&message) {
            hub.tell(&ctx.tenant, Key::Order(id));
            hub.tell(&ctx.tenant, Key::Orders);
        }
        std::future::ready(Ok(()))
    })
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::live::Options;

    #[test]
    fn only_what_a_page_waits_for_is_listened_to() {
        let hub = Hub::new(Options::default(), CancellationToken::new());
        let names: Vec<&str> = consumers(&hub).iter().map(Consumer::name).collect();
        assert_eq!(names, ["web.live.order", "web.live.payment", "web.live.parcel"]);
    }
}
