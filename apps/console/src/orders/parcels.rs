//! What is to be shipped, packing a parcel, where parcels are.

use std::collections::BTreeMap;

use fulfillment_api::{Fulfillment, Shipment};
use maud::{Markup, html};
use types::{SkuId, WarehouseId};
use ui::forms::choice;
use ui::layout::once_field;
use ui::parts::{Field, field, time};

use super::forms::{ShipForm, left, take_name};
use super::order::OrderPage;
use super::routes::Route;
use crate::layout::csrf_field;

/// Units of a sku that have left.
pub(super) fn shipped(fulfillment: &Fulfillment, sku: SkuId) -> u32 {
    fulfillment.to_ship.iter().filter(|l| l.sku_id == sku).map(|l| l.shipped).sum()
}

/// The panel.
pub(super) fn panel(page: &OrderPage) -> Markup {
    let w = page.words();
    let may_ship = page.shell.may("fulfillment:ship");
    html! {
        h2 { (w.parcels) }
        @match &page.fulfillment {
            None => { p.quiet { (w.parcels_none) } }
            Some(fulfillment) => {
                @if fulfillment.shipments.is_empty() { p.quiet { (w.parcels_none) } }
                @for shipment in &fulfillment.shipments { (parcel(page, shipment, may_ship)) }
                @let left = left(fulfillment);
                @if !left.is_empty() && !page.order.is_final {
                    h3 { (w.to_ship) }
                    @if may_ship && page.shippable {
                        (ship_form(page, fulfillment, &left))
                    } @else {
                        ul.plain {
                            @for (sku, n) in &left {
                                li { (n) " × " (page.title(*sku)) }
                            }
                        }
                        @if may_ship { p.quiet { (w.not_shippable) } }
                    }
                }
            }
        }
    }
}

fn ship_form(page: &OrderPage, f: &Fulfillment, left: &BTreeMap<SkuId, u32>) -> Markup {
    let (w, form) = (page.words(), &page.ship);
    let error = |name: &str| form.errors.of(name);
    html! {
        form.stack method="post" action=(Route::Parcels(page.order.id)) data-typed[*form != ShipForm::default()] {
            (csrf_field(&page.shell))
            (once_field("key", &page.token))
            p.quiet { (w.to_ship_hint) }
            @if let Some(error) = error("lines") { p.error role="alert" { (error) } }
            // in the sequence of the order's lines
            @for sku in page.order.lines.iter().map(|l| l.sku_id) {
                @if let Some(left) = left.get(&sku) {
                    @let name = take_name(sku);
                    @let all = left.to_string();
                    (field(&Field {
                        name: &name, label: &page.title(sku), inputmode: "numeric", length_max: 5,
                        value: form.takes.get(&sku).map_or(&all, |t| t),
                        hint: &w.left((*left).into()), error: error(&name), ..Field::default()
                    }))
                }
            }
            (warehouse(page, f))
            (field(&Field {
                name: "carrier", label: w.carrier, value: &form.carrier, required: true, length_max: 64,
                error: error("carrier"), ..Field::default()
            }))
            (field(&Field {
                name: "tracking_number", label: w.tracking_number, value: &form.number,
                required: true, length_max: 64, error: error("tracking_number"), ..Field::default()
            }))
            div.row { button type="submit" { (w.ship) } }
        }
    }
}

/// Where to take it from, when there is more than one place.
fn warehouse(page: &OrderPage, f: &Fulfillment) -> Markup {
    let w = page.words();
    let open = f.to_ship.iter().filter(|l| l.ordered > l.shipped).map(|l| l.warehouse_id);
    let mut ids: Vec<WarehouseId> = open.collect();
    ids.sort();
    ids.dedup();
    if ids.len() < 2 {
        return html! {};
    }
    let values: Vec<(String, String)> = ids
        .into_iter()
        .map(|id| {
            let name = page.warehouses.get(&id).cloned();
            (id.to_string(), name.unwrap_or_else(|| id.to_string()))
        })
        .collect();
    let named = values.iter().map(|(id, name)| (id.as_str(), name.as_str()));
    let choices = std::iter::once(("", w.any_warehouse)).chain(named);
    choice("warehouse", w.warehouse, &page.ship.warehouse, choices)
}

fn parcel(page: &OrderPage, shipment: &Shipment, may_ship: bool) -> Markup {
    let (w, lang) = (page.words(), page.shell.reader.lang);
    html! {
        div.parcel {
            p.row {
                strong { (shipment.carrier) } " " code { (shipment.tracking_number) }
                @if shipment.delivered_at.is_some() { span.tag.good { (w.arrived) } }
                @else { span.tag.busy { (w.on_its_way) } }
            }
            ul.plain {
                @for line in &shipment.lines {
                    li { (line.quantity.get()) " × " (page.title(line.sku_id)) }
                }
            }
            ol.steps {
                li { (time(shipment.shipped_at, lang)) " " span { (w.left_shop) (by(page, &shipment.shipped_by)) } }
                @for event in &shipment.tracking {
                    li {
                        (time(event.at, lang)) " "
                        span {
                            (event.description)
                            @if !event.location.is_empty() { " · " (event.location) }
                        }
                    }
                }
                @if let Some(at) = shipment.delivered_at {
                    li { (time(at, lang)) " " span { (w.arrived) (by(page, &shipment.delivered_by)) } }
                }
            }
            @if may_ship && shipment.delivered_at.is_none() { (parcel_forms(page, shipment)) }
        }
    }
}

/// Who it was, where that is known.
fn by(page: &OrderPage, actor: &str) -> Markup {
    html! { @if !actor.is_empty() { span.quiet { " · " (page.who(actor)) } } }
}

fn parcel_forms(page: &OrderPage, shipment: &Shipment) -> Markup {
    let w = page.words();
    let typed = page.track.as_ref().filter(|t| t.parcel == shipment.id);
    let error = |name: &str| typed.and_then(|t| t.errors.of(name));
    let of = shipment.id.to_string();
    html! {
        details open[typed.is_some()] {
            summary { (w.track) }
            form.stack method="post" action=(Route::Tracking(page.order.id, shipment.id)) data-typed[typed.is_some()] {
                (csrf_field(&page.shell))
                (field(&Field {
                    name: "description", of: &of, label: w.what_happened, required: true, length_max: 500,
                    value: typed.map_or("", |t| &t.description), error: error("description"),
                    ..Field::default()
                }))
                (field(&Field {
                    name: "location", of: &of, label: w.location, length_max: 200,
                    value: typed.map_or("", |t| &t.location), error: error("location"),
                    ..Field::default()
                }))
                div.row { button.quiet type="submit" { (w.add_tracking) } }
            }
        }
        form.row method="post" action=(Route::Delivery(page.order.id, shipment.id)) {
            (csrf_field(&page.shell))
            button.quiet type="submit" data-confirm=(w.delivered_confirm) { (w.mark_delivered) }
        }
    }
}
