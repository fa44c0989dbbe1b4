//! Where an order's parcels are, and what has not left yet. A piece of the order's page.

use fulfillment_api::{Fulfillment, Shipment};
use maud::{Markup, html};
use order_api::OrderView;
use types::SkuId;
use ui::Words;
use ui::parts::time;

/// The parcels of an order.
#[derive(Debug, Default)]
pub(crate) struct Parcels {
    /// In the order they left.
    shipments: Vec<Shipment>,
    /// What is still to be sent, when something was sent already.
    left: Vec<(SkuId, u32)>,
}

impl Parcels {
    /// What the service says; nothing before shipping has begun.
    pub(crate) fn of(fulfillment: Option<Fulfillment>) -> Self {
        let Some(fulfillment) = fulfillment else { return Self::default() };
        let open = |sku_id, ordered: u32, shipped: u32| {
            Some((sku_id, ordered.saturating_sub(shipped))).filter(|(_, n)| *n > 0)
        };
        let left = match fulfillment.shipments.is_empty() {
            true => Vec::new(),
            false => fulfillment
                .to_ship
                .iter()
                .filter_map(|t| open(t.sku_id, t.ordered, t.shipped))
                .collect(),
        };
        Self { shipments: fulfillment.shipments, left }
    }

    /// Whether any has left.
    pub(crate) fn has_left(&self) -> bool {
        !self.shipments.is_empty()
    }

    /// Whether one is on its way.
    pub(crate) fn are_on_their_way(&self) -> bool {
        self.shipments.iter().any(|s| s.delivered_at.is_none())
    }
}

pub(super) fn parcels(parcels: &Parcels, order: &OrderView, w: &Words) -> Markup {
    let Parcels { shipments, left } = parcels;
    html! {
        @if !shipments.is_empty() {
            section aria-labelledby="parcels" {
                h2 #parcels { (w.parcels) }
                @for (n, shipment) in (1..).zip(shipments) {
                    (parcel(shipment, n, shipments.len(), order, w))
                }
                @if !left.is_empty() {
                    div.parcel {
                        h3 { (w.not_sent_yet) }
                        ul.plain {
                            @for (sku, n) in left { li { (n) " × " (title(order, *sku)) } }
                        }
                    }
                }
            }
        }
    }
}

fn title(order: &OrderView, sku: SkuId) -> &str {
    order.lines.iter().find(|l| l.sku_id == sku).map_or("", |l| l.title.as_str())
}

fn parcel(shipment: &Shipment, n: usize, of: usize, order: &OrderView, w: &Words) -> Markup {
    let (state, tone) = match shipment.delivered_at {
        Some(_) => (w.parcel_arrived, "status good"),
        None => (w.parcel_on_its_way, "status"),
    };
    html! {
        div.parcel {
            h3 { (w.parcel_no(n, of)) " " span class=(tone) { (state) } }
            p {
                strong { (shipment.carrier) } " "
                span.quiet { (w.tracking_number) ": " }
                span.mono { (shipment.tracking_number) }
            }
            ul.plain {
                @for line in &shipment.lines {
                    li { (line.quantity.get()) " × " (title(order, line.sku_id)) }
                }
            }
            ol.steps {
                li { (time(shipment.shipped_at, w.lang)) " " span { (w.shipped_at) } }
                @for event in &shipment.tracking {
                    li {
                        (time(event.at, w.lang)) " "
                        span {
                            (event.description)
                            @if !event.location.is_empty() { " · " (event.location) }
                        }
                    }
                }
                @if let Some(at) = shipment.delivered_at {
                    li { (time(at, w.lang)) " " span { (w.delivered_at) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fulfillment_api::ToShip;
    use types::WarehouseId;

    use super::*;
    use crate::pages::sample;

    #[test]
    fn what_is_left_is_told_once_a_part_has_been_sent() {
        let mut half = sample::fulfillment();
        let sku_id = half.shipments[0].lines[0].sku_id;
        let warehouse_id = WarehouseId::from_i64(1).unwrap();
        half.to_ship = vec![
            ToShip { sku_id, warehouse_id, ordered: 5, shipped: 2 },
            ToShip { sku_id, warehouse_id, ordered: 2, shipped: 2 },
        ];
        let parcels = Parcels::of(Some(half.clone()));
        assert_eq!(parcels.left, [(sku_id, 3)]);
        assert!(parcels.has_left() && !parcels.are_on_their_way());
        half.shipments.clear();
        assert!(Parcels::of(Some(half)).left.is_empty(), "nothing has been sent: no list yet");
        assert!(!Parcels::of(None).has_left());
    }
}
