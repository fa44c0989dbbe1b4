//! The money of an order: attempts to pay, refunds, giving back, booking cash.

use kit::Money;
use maud::{Markup, html};
use payment_api::{OrderPayments, PaymentState, PaymentView};
use ui::layout::once_field;
use ui::parts::{Field, field, price, time};

use super::order::OrderPage;
use super::routes::Route;
use super::words::Words;
use crate::layout::csrf_field;

/// What has gone back, or is on its way back; nothing when nothing is.
pub(super) fn refunded(payments: &OrderPayments) -> Option<Money> {
    let mut amounts = payments.refunds.iter().map(|r| r.amount);
    let first = amounts.next()?;
    amounts.try_fold(first, |sum, more| sum.plus(more).ok())
}

/// What is left of a payment to give back, refunds that are on their way counted.
pub(super) fn left(payment: &PaymentView, payments: &OrderPayments) -> Option<Money> {
    if payment.state != PaymentState::Captured {
        return None;
    }
    let of_it = payments.refunds.iter().filter(|r| r.payment_id == payment.id);
    let back: i64 = of_it.map(|r| r.amount.amount()).sum();
    let left = Money::new(payment.amount.amount() - back, payment.amount.currency()).ok()?;
    Some(left).filter(|m| m.amount() > 0)
}

/// The panel.
pub(super) fn panel(page: &OrderPage) -> Markup {
    let w = page.words();
    let Some(payments) = &page.payments else { return html! {} };
    html! {
        h2 { (w.payments) }
        @if payments.payments.is_empty() {
            p.quiet { (w.payments_none) }
        } @else {
            (attempts(page, payments))
        }
        @if page.shell.may("payments:refund") {
            @for payment in &payments.payments {
                @if let Some(left) = left(payment, payments) { (refund_form(page, payment, left)) }
            }
        }
        @if !payments.refunds.is_empty() {
            h3 { (w.refunds) }
            (refunds(page, payments))
        }
        @if page.collectable && page.shell.may("payments:collect") { (cash_form(page)) }
    }
}

fn attempts(page: &OrderPage, payments: &OrderPayments) -> Markup {
    let (w, lang) = (page.words(), page.shell.reader.lang);
    html! {
        div.table tabindex="0" role="region" aria-label=(w.payments) {
            table {
                thead { tr {
                    th scope="col" { (w.provider) }
                    th scope="col" { (w.state) }
                    th.number scope="col" { (w.amount) }
                    th.number scope="col" { (w.refunded) }
                    th scope="col" { (w.when) }
                    th scope="col" { (w.who) }
                } }
                tbody {
                    @for payment in &payments.payments {
                        tr {
                            td { (provider(payment, w)) }
                            td {
                                (state(payment.state, w))
                                @if let Some(why) = &payment.decline_reason { br; span.quiet { (why) } }
                            }
                            td.number { (price(payment.amount)) }
                            td.number { (price(payment.refunded)) }
                            td { (time(payment.created_at, lang)) }
                            td { (page.who(&payment.actor)) }
                        }
                    }
                }
            }
        }
    }
}

fn provider(payment: &PaymentView, w: &Words) -> Markup {
    let name = match payment.provider.as_str() {
        "test_card" => w.provider_test_card,
        "cash_on_delivery" => w.provider_cash,
        other => other,
    };
    let card = payment.card_brand.as_deref().zip(payment.card_last4.as_deref());
    html! {
        (name)
        @if let Some((brand, last)) = card { br; span.quiet { (w.card_ending(brand, last)) } }
        @if let Some(reference) = &payment.provider_reference { br; code { (reference) } }
    }
}

fn state(state: PaymentState, w: &Words) -> Markup {
    let (class, text) = match state {
        PaymentState::Pending => ("tag busy", w.state_pending),
        PaymentState::Captured => ("tag good", w.state_captured),
        PaymentState::Declined => ("tag bad", w.state_declined),
        PaymentState::Failed => ("tag bad", w.state_failed),
    };
    html! { span class=(class) { (text) } }
}

fn refund_form(page: &OrderPage, payment: &PaymentView, left: Money) -> Markup {
    let w = page.words();
    let typed = page.refund.as_ref().filter(|r| r.payment == payment.id);
    let whole = left.to_major();
    let error = |name: &str| typed.and_then(|t| t.errors.of(name));
    let of = payment.id.to_string();
    html! {
        details open[typed.is_some()] {
            summary { (w.refund) " · " (price(payment.amount)) }
            form.stack method="post" action=(Route::Refunds(page.order.id, payment.id)) data-typed[typed.is_some()] {
                (csrf_field(&page.shell))
                (once_field("key", &page.token))
                (field(&Field {
                    name: "amount", of: &of, label: w.refund_amount, inputmode: "decimal",
                    value: typed.map_or(&whole, |t| &t.amount), required: true, length_max: 20,
                    error: error("amount"), ..Field::default()
                }))
                (field(&Field {
                    name: "reason", of: &of, label: w.refund_reason, required: true, length_max: 500,
                    value: typed.map_or("", |t| &t.reason), error: error("reason"), ..Field::default()
                }))
                button.danger type="submit" data-confirm=(w.refund_confirm) { (w.refund) }
            }
        }
    }
}

fn refunds(page: &OrderPage, payments: &OrderPayments) -> Markup {
    let (w, lang) = (page.words(), page.shell.reader.lang);
    html! {
        div.table tabindex="0" role="region" aria-label=(w.refunds) {
            table {
                thead { tr {
                    th.number scope="col" { (w.amount) }
                    th scope="col" { (w.reason) }
                    th scope="col" { (w.state) }
                    th scope="col" { (w.when) }
                    th scope="col" { (w.who) }
                } }
                tbody {
                    @for refund in &payments.refunds {
                        tr {
                            td.number { (price(refund.amount)) }
                            td { (refund.reason) }
                            td {
                                @if refund.done { span.tag.good { (w.refund_done) } }
                                @else { span.tag.busy { (w.refund_open) } }
                            }
                            td { (time(refund.created_at, lang)) }
                            td { (page.who(&refund.actor)) }
                        }
                    }
                }
            }
        }
    }
}

fn cash_form(page: &OrderPage) -> Markup {
    let w = page.words();
    html! {
        form.row method="post" action=(Route::Cash(page.order.id)) {
            (csrf_field(&page.shell))
            (once_field("key", &page.token))
            input type="hidden" name="amount" value=(page.order.total.amount());
            span { (w.collect_hint) " " strong { (price(page.order.total)) } }
            button type="submit" { (w.collect_cash) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_is_left_to_refund_counts_what_is_on_its_way() {
        let mut payments = sample::payments();
        let of = |p: &OrderPayments| {
            p.payments.iter().map(|a| left(a, p).map(Money::amount)).collect::<Vec<_>>()
        };
        assert_eq!(of(&payments), [None, Some(26_000)]);
        payments.refunds[0].done = false;
        payments.payments[1].refunded = sample::cny(0);
        assert_eq!(of(&payments), [None, Some(26_000)]);
        payments.refunds[0].amount = sample::cny(27_000);
        assert_eq!(of(&payments), [None, None]);
        assert_eq!(refunded(&payments).map(Money::amount), Some(27_000));
    }
}
