//! An order: how it stands, what can be done, what is in it, where its parcels are, how it came here.

use fulfillment_api::{Fulfillment, Shipment};
use maud::{Markup, html};
use order_api::{HistoryEntry, OrderView, PaymentMethod};
use payment_api::RefundView;
use types::SkuId;
use ui::layout::csrf_field;
use ui::parts::{Tone, notice, price, time};
use ui::{Head, Route, Shell, Words, document};

use super::card::{Breakdown, breakdown, order_lines};
use super::checkout::address_text;

/// Seconds after which the page looks again while a payment is being processed.
pub(crate) const REFRESH_S: u32 = 2;

/// An order.
pub(crate) struct OrderPage {
    pub(crate) shell: Shell,
    pub(crate) order: OrderView,
    pub(crate) history: Vec<HistoryEntry>,
    /// Parcels, once shipping has begun.
    pub(crate) fulfillment: Option<Fulfillment>,
    pub(crate) refunds: Vec<RefundView>,
    /// Whether it can be paid by card now.
    pub(crate) can_pay: bool,
    /// Whether a payment is under way that the order has not heard of.
    pub(crate) processing: bool,
    /// Why the last operation was not run.
    pub(crate) trouble: Option<OrderTrouble>,
}

/// Why an operation was not run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OrderTrouble {
    /// The order has moved meanwhile.
    Stale,
    /// It is not possible now.
    NotAllowed,
}

pub(crate) fn render_order(page: &OrderPage) -> Markup {
    let OrderPage { shell, order, .. } = page;
    let w = shell.words();
    let title = w.order_no(&order.id.to_string());
    let sum = Breakdown {
        subtotal: order.subtotal,
        adjustments: &order.adjustments,
        shipping: order.shipping,
        total: order.total,
    };
    let main = html! {
        p.crumbs { a href=(Route::Orders { cursor: None }) { (w.my_orders) } }
        h1 { (title) }
        (notices(page))
        p.status-line {
            span.status { (w.status(&order.status, &order.status_label)) }
            " " span.quiet { (w.placed_at) " " (time(order.created_at, w.lang)) }
        }
        (actions(page))
        div.order {
            section aria-labelledby="items" {
                h2 #items { (w.items) }
                (order_lines(&order.lines, w))
                (breakdown(&sum, w))
                (money_back(page))
            }
            div {
                @if let Some(f) = &page.fulfillment { (parcels(f, order, w)) }
                (facts(order, w))
                (steps(&page.history, w))
            }
        }
    };
    // only while it is being processed: an open page must not ask for ever
    let to = Route::Order { id: order.id };
    let refresh = page.processing.then_some((REFRESH_S, to));
    document(shell, &Head { title: &title, refresh }, &main)
}

fn notices(page: &OrderPage) -> Markup {
    let w = page.shell.words();
    html! {
        @match page.trouble {
            Some(OrderTrouble::Stale) => { (notice(Tone::Bad, &html! { p { (w.order_stale) } })) }
            Some(OrderTrouble::NotAllowed) => {
                (notice(Tone::Bad, &html! { p { (w.order_not_allowed) } }))
            }
            None => {}
        }
        @if page.processing {
            (notice(Tone::Info, &html! { p { (w.payment_processing) } }))
        } @else if page.can_pay {
            (notice(Tone::Info, &html! { p { (w.waits_for_payment) } }))
        }
    }
}

fn actions(page: &OrderPage) -> Markup {
    let (shell, order) = (&page.shell, &page.order);
    let w = shell.words();
    html! {
        @if page.can_pay || !order.available_actions.is_empty() {
            div.actions role="group" aria-label=(w.what_you_can_do) {
                @if page.can_pay {
                    a.button href=(Route::OrderPay { id: order.id }) { (w.pay_now) }
                }
                @for action in &order.available_actions {
                    @let operation = action.operation.clone();
                    form method="post" action=(Route::OrderAction { id: order.id, operation }) {
                        (csrf_field(shell))
                        input type="hidden" name="version" value=(order.version);
                        button.quiet type="submit" {
                            (w.operation(&action.operation, &action.label))
                        }
                    }
                }
            }
        }
    }
}

fn money_back(page: &OrderPage) -> Markup {
    let w = page.shell.words();
    html! {
        dl.breakdown {
            @if page.order.paid.amount() > 0 {
                div { dt { (w.paid) } dd { (price(page.order.paid)) } }
            }
            @for refund in page.refunds.iter().filter(|r| r.done) {
                div { dt { (w.refunded) } dd { (price(refund.amount)) } }
            }
        }
    }
}

fn parcels(f: &Fulfillment, order: &OrderView, w: &Words) -> Markup {
    html! {
        @if !f.shipments.is_empty() {
            section aria-labelledby="parcels" {
                h2 #parcels { (w.parcels) }
                @for shipment in &f.shipments { (parcel(shipment, order, w)) }
            }
        }
    }
}

fn parcel(shipment: &Shipment, order: &OrderView, w: &Words) -> Markup {
    let title =
        |sku: SkuId| order.lines.iter().find(|l| l.sku_id == sku).map_or("", |l| l.title.as_str());
    html! {
        div.parcel {
            p {
                strong { (shipment.carrier) } " "
                span.vh { (w.tracking_number) ": " } (shipment.tracking_number)
            }
            ul.plain {
                @for line in &shipment.lines {
                    li { (line.quantity.get()) " × " (title(line.sku_id)) }
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

fn facts(order: &OrderView, w: &Words) -> Markup {
    let method = match order.payment_method {
        PaymentMethod::Card => w.pay_by_card,
        PaymentMethod::CashOnDelivery => w.cash_on_delivery,
    };
    html! {
        section.details {
            h2 { (w.delivery_and_payment) }
            dl {
                div { dt { (w.address) } dd { (address_text(&order.address)) } }
                div { dt { (w.payment) } dd { (method) } }
                @if !order.note.is_empty() {
                    div { dt { (w.note_to_shop) } dd.note { (order.note) } }
                }
            }
        }
    }
}

fn steps(history: &[HistoryEntry], w: &Words) -> Markup {
    let by = |who: &str| match who {
        "buyer" => w.by_buyer.to_owned(),
        "system" => w.by_system.to_owned(),
        who if who.starts_with("staff") => w.by_staff.to_owned(),
        who => who.to_owned(),
    };
    html! {
        @if !history.is_empty() {
            section aria-labelledby="history" {
                h2 #history { (w.history) }
                ol.steps {
                    @for step in history {
                        li {
                            (time(step.at, w.lang)) " "
                            span { (w.status(&step.to, "")) " (" (by(&step.by)) ")" }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for OrderPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str| Self {
            shell: sample::shell(locale),
            order: sample::order(),
            history: sample::history(),
            fulfillment: None,
            refunds: vec![],
            can_pay: true,
            processing: false,
            trouble: None,
        };
        let processing = Self { can_pay: false, processing: true, ..page("en") };
        let mut shipped = page("zh-CN");
        shipped.can_pay = false;
        shipped.order.status = "SHIPPED".into();
        shipped.order.status_label = "On its way".into();
        shipped.order.payment_method = PaymentMethod::CashOnDelivery;
        shipped.order.paid = shipped.order.total;
        shipped.fulfillment = Some(sample::fulfillment());
        shipped.refunds = vec![sample::refund()];
        let stale = Self { trouble: Some(OrderTrouble::Stale), ..page("en") };
        let mut plain = Self { trouble: Some(OrderTrouble::NotAllowed), ..page("en") };
        plain.can_pay = false;
        plain.order.available_actions.clear();
        plain.history.clear();
        plain.order.note.clear();
        vec![page("en"), processing, shipped, stale, plain]
    }
}
