//! Paying an order by card. Number and security code are never shown again.

use kit::Money;
use maud::{Markup, html};
use types::OrderId;
use ui::layout::csrf_field;
use ui::parts::{Field, Tone, field, notice, price};
use ui::{Head, Route, Shell, document};

use super::Errors;

/// Paying by card.
pub(crate) struct PayPage {
    pub(crate) shell: Shell,
    pub(crate) order_id: OrderId,
    pub(crate) total: Money,
    /// Random; makes sending this form twice harmless.
    pub(crate) form_token: String,
    /// What was typed: the only part of a card that is shown again.
    pub(crate) expiry: String,
    pub(crate) errors: Errors,
    /// Why it was not paid.
    pub(crate) problem: Option<String>,
}

pub(crate) fn render_pay(page: &PayPage) -> Markup {
    let PayPage { shell, order_id, total, form_token, expiry, errors, problem } = page;
    let w = shell.words();
    let main = html! {
        p.crumbs { a href=(Route::Order { id: *order_id }) { (w.order_no(&order_id.to_string())) } }
        div.narrow {
            h1 { (w.card_payment) }
            p { (w.order_is_kept) }
            p.cost.large { (price(*total)) }
            @if let Some(problem) = problem {
                (notice(Tone::Bad, &html! { p { (problem) } }))
            } @else if !errors.is_empty() {
                (notice(Tone::Bad, &html! { p { (w.look_below) } }))
            }
            form method="post" action=(Route::OrderPay { id: *order_id }) {
                (csrf_field(shell))
                input type="hidden" name="form_token" value=(form_token);
                (field(&Field {
                    name: "number", label: w.card_number, autocomplete: "cc-number",
                    inputmode: "numeric", error: errors.of("number"), required: true,
                    length_max: 23, ..Field::default()
                }))
                (field(&Field {
                    name: "expiry", label: w.card_expiry, value: expiry, autocomplete: "cc-exp",
                    error: errors.of("expiry"), required: true, length_max: 7, ..Field::default()
                }))
                (field(&Field {
                    name: "cvc", label: w.card_cvc, autocomplete: "cc-csc",
                    inputmode: "numeric", error: errors.of("cvc"), required: true, length_max: 4,
                    ..Field::default()
                }))
                button type="submit" { (w.pay_now) }
                p.small.quiet { (w.card_never_kept) }
            }
        }
    };
    document(shell, &Head { title: w.card_payment, ..Head::default() }, &main)
}

#[cfg(test)]
impl super::sample::Samples for PayPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, expiry: &str, problem: Option<&str>| Self {
            shell: sample::shell(locale),
            order_id: OrderId::from_i64(5).unwrap(),
            total: sample::cny(12_900),
            form_token: "0".repeat(32),
            expiry: expiry.to_owned(),
            errors: Errors::default(),
            problem: problem.map(str::to_owned),
        };
        let mut wrong = page("en", "\"99/99", None);
        for name in ["number", "expiry", "cvc"] {
            wrong.errors.add(name, "wrong");
        }
        vec![page("en", "", None), wrong, page("zh-CN", "08/29", Some("no <money>"))]
    }
}
