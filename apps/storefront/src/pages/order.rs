//! An order: how it stands, what can be done, what is in it, where its parcels are, how it came here.
//! What somebody else changes stands in parts with `data-live-part`, which an open page fetches again.

use maud::{Markup, html};
use order_api::{HistoryEntry, OrderView, PaymentMethod};
use payment_api::{PaymentState, PaymentView, RefundView};
use ui::layout::csrf_field;
use ui::parts::{Tone, crumbs, notice, price, time};
use ui::{Head, Route, Shell, Words, document};

use super::address::address_text;
use super::card::{Breakdown, breakdown, order_lines};
use super::parcels::{Parcels, parcels};
use crate::next::{Next, NextStep};

/// Seconds after which the page looks again while a payment is being processed, where no script does.
pub(crate) const REFRESH_S: u32 = 2;

/// The operation that ends an order for good.
const CANCEL: &str = "cancel";

/// An order.
pub(crate) struct OrderPage {
    pub(crate) shell: Shell,
    pub(crate) order: OrderView,
    pub(crate) history: Vec<HistoryEntry>,
    /// Parcels, and what has not left yet.
    pub(crate) parcels: Parcels,
    /// Attempts to pay, oldest first.
    pub(crate) payments: Vec<PaymentView>,
    pub(crate) refunds: Vec<RefundView>,
    /// What happens next.
    pub(crate) next: Next,
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
    let to = Route::Order { id: order.id };
    let sum = Breakdown {
        subtotal: order.subtotal,
        adjustments: &order.adjustments,
        shipping: order.shipping,
        total: order.total,
    };
    let above = [(w.my_orders.to_owned(), Route::Orders { cursor: None })];
    let main = html! {
        (crumbs(w.you_are_here, &above, &title))
        h1 { (title) }
        (troubles(page))
        (standing(page))
        div.order {
            section aria-labelledby="items" {
                h2 #items { (w.items) }
                (order_lines(&order.lines, w))
                (breakdown(&sum, w))
                div #order-money data-live-part { (money(page)) }
            }
            div {
                div #order-parcels data-live-part { (parcels(&page.parcels, order, w)) }
                (facts(page))
                div #order-history data-live-part { (steps(&page.history, w)) }
            }
        }
        @if page.next.waits {
            noscript { p { a.button.quiet href=(to) { (w.look_again) } } }
        }
    };
    // only while it is being processed: an open page must not ask for ever
    let is_processing = page.next.step == NextStep::Processing;
    let refresh = is_processing.then_some((REFRESH_S, to));
    let live = page.next.waits.then(|| Route::OrderEvents { id: order.id }.to_string());
    document(shell, &Head { title: &title, refresh, live, ..Head::default() }, &main)
}

fn troubles(page: &OrderPage) -> Markup {
    let w = page.shell.words();
    html! {
        @match page.trouble {
            Some(OrderTrouble::Stale) => { (notice(Tone::Bad, &html! { p { (w.order_stale) } })) }
            Some(OrderTrouble::NotAllowed) => {
                (notice(Tone::Bad, &html! { p { (w.order_not_allowed) } }))
            }
            None => {}
        }
    }
}

/// Status, what happens next, and what can be done.
fn standing(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.shell.words());
    let status = w.status(&order.status, &order.status_label);
    html! {
        div.standing #order-status data-live-part data-live-announce=(status) {
            p.status-line {
                span.status { (status) }
                " " span.quiet { (w.placed_at) " " (time(order.created_at, w.lang)) }
            }
            @if let Some(text) = page.next.words(order, w) {
                (notice(Tone::Info, &html! {
                    @if page.next.is_new {
                        p { strong { (w.thank_you) } }
                        p { (w.thanks_number(&order.id.to_string())) }
                    }
                    p { (text) }
                }))
            }
            (actions(page))
        }
    }
}

fn actions(page: &OrderPage) -> Markup {
    let (shell, order) = (&page.shell, &page.order);
    let w = shell.words();
    let can_pay = page.next.step == NextStep::Pay;
    html! {
        @if can_pay || !order.available_actions.is_empty() {
            div.actions role="group" aria-label=(w.what_you_can_do) {
                @if can_pay {
                    a.button href=(Route::OrderPay { id: order.id }) { (w.pay_now) }
                }
                @for action in &order.available_actions {
                    @let operation = action.operation.clone();
                    form method="post" action=(Route::OrderAction { id: order.id, operation }) {
                        (csrf_field(shell))
                        input type="hidden" name="version" value=(order.version);
                        // it cannot be taken back
                        button.quiet type="submit"
                            data-confirm=[(action.operation == CANCEL).then_some(w.cancel_order_sure)] {
                            (w.operation(&action.operation, &action.label))
                        }
                    }
                }
            }
        }
    }
}

/// What was paid and given back.
fn money(page: &OrderPage) -> Markup {
    let w = page.shell.words();
    html! {
        dl.breakdown {
            @if page.order.paid.amount() > 0 {
                div { dt { (w.paid) } dd { (price(page.order.paid)) } }
            }
            @for refund in page.refunds.iter().filter(|r| r.done) {
                div { dt { (w.refunded) } dd { (price(refund.amount)) } }
            }
            @for refund in page.refunds.iter().filter(|r| !r.done) {
                div { dt { (w.refund_under_way) } dd { (price(refund.amount)) } }
            }
        }
        @if !page.payments.is_empty() {
            ul.attempts aria-label=(w.payments) {
                @for payment in &page.payments { li { (attempt(payment, w)) } }
            }
        }
    }
}

fn attempt(payment: &PaymentView, w: &Words) -> Markup {
    let (state, tone) = match payment.state {
        PaymentState::Pending => (w.payment_pending, "warn"),
        PaymentState::Captured => (w.paid, "good"),
        PaymentState::Declined => (w.payment_declined_short, "bad"),
        PaymentState::Failed => (w.payment_failed_short, "bad"),
    };
    let card = payment.card_last4.as_deref().map(|last| {
        w.card_ending(&capitalised(payment.card_brand.as_deref().unwrap_or_default()), last)
    });
    html! {
        span class={ "status " (tone) } { (state) } " "
        @if let Some(card) = card { (card) " " }
        span.quiet { (time(payment.created_at, w.lang)) }
        @if payment.state == PaymentState::Declined {
            " " span.quiet {
                (w.decline_reason(payment.decline_reason.as_deref().unwrap_or_default()))
            }
        }
    }
}

/// `visa` → `Visa`.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn facts(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.shell.words());
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
                            span {
                                (w.status(&step.to, &step.to_label))
                                " " span.quiet { "(" (by(&step.by)) ")" }
                            }
                            // what the platform notes for itself is not for readers
                            @if !step.note.is_empty() && step.by != "system" {
                                p.note { (step.note) }
                            }
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
        let page = |locale: &str, step| Self {
            shell: sample::shell(locale),
            order: sample::order(),
            history: sample::history(),
            parcels: Parcels::default(),
            payments: vec![],
            refunds: vec![],
            next: Next { step, is_new: true, waits: true },
            trouble: None,
        };
        let mut declined = page("en", NextStep::Pay);
        declined.payments =
            [PaymentState::Declined, PaymentState::Failed].map(sample::payment).into();
        let mut processing = page("en", NextStep::Processing);
        processing.payments = vec![sample::payment(PaymentState::Pending)];
        let mut shipped = page("zh-CN", NextStep::Sent);
        shipped.order.status = "SHIPPED".into();
        shipped.order.status_label = "On its way".into();
        shipped.order.payment_method = PaymentMethod::CashOnDelivery;
        shipped.order.paid = shipped.order.total;
        shipped.parcels = Parcels::of(Some(sample::fulfillment()));
        shipped.payments = vec![sample::payment(PaymentState::Captured)];
        shipped.refunds = vec![sample::refund(), RefundView { done: false, ..sample::refund() }];
        let mut cash = page("en", NextStep::Packing);
        cash.order.payment_method = PaymentMethod::CashOnDelivery;
        let stale = Self { trouble: Some(OrderTrouble::Stale), ..page("en", NextStep::Packing) };
        let mut plain = page("en", NextStep::Over);
        plain.trouble = Some(OrderTrouble::NotAllowed);
        plain.next = Next { step: NextStep::Over, is_new: false, waits: false };
        plain.order.available_actions.clear();
        plain.history.clear();
        plain.order.note.clear();
        vec![page("zh-CN", NextStep::Pay), declined, processing, shipped, cash, stale, plain]
    }
}
