//! The checkout in one page: where it goes, how it is paid, what it costs.

use maud::{Markup, html};
use member_api::SavedAddress;
use order_api::{PaymentMethod, Quote};
use types::OrderId;
use ui::layout::csrf_field;
use ui::parts::{self, Tone, notice};
use ui::{Head, Route, Shell, Words, document};

use super::Errors;
use super::address::{address_fields, address_text, described};
use super::card::{Breakdown, breakdown, order_lines};
use crate::checkout::{
    CheckoutForm, KEPT_ADDRESS, NEW_ADDRESS, NOTE_CHARS_MAX, Where, method_name,
};

/// The checkout.
pub(crate) struct CheckoutPage {
    pub(crate) shell: Shell,
    pub(crate) checkout_id: OrderId,
    pub(crate) quote: Quote,
    /// The book, the default first.
    pub(crate) addresses: Vec<SavedAddress>,
    /// What was typed.
    pub(crate) form: CheckoutForm,
    pub(crate) errors: Errors,
    /// Why the order was not placed.
    pub(crate) trouble: Option<Trouble>,
}

/// Why an order was not placed.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Fields are wrong.
    Entries,
    /// The total is another one now.
    PriceChanged,
    /// The cart was changed.
    CheckoutOver,
    /// There is not enough: product, wanted, available.
    SoldOut(Vec<(String, i64, i64)>),
    /// Products that are no longer sold.
    Gone(Vec<String>),
    /// Too many unpaid orders.
    TooManyUnpaid(u32),
    /// The address book is full.
    AddressBookFull,
    /// Something else, in the service's words.
    Other(String),
}

pub(crate) fn render_checkout(page: &CheckoutPage) -> Markup {
    let CheckoutPage { shell, quote, trouble, .. } = page;
    let w = shell.words();
    let sum = Breakdown {
        subtotal: quote.subtotal,
        adjustments: &quote.adjustments,
        shipping: quote.shipping,
        total: quote.total,
    };
    let main = html! {
        p.crumbs { a href=(Route::Cart) { (w.back_to_cart) } }
        h1 { (w.checkout) }
        @if let Some(trouble) = trouble { (told(trouble, &page.errors, w)) }
        form.checkout method="post" action=(Route::Checkout) {
            (csrf_field(shell))
            input type="hidden" name="checkout_id" value=(page.checkout_id);
            input type="hidden" name="expected_total" value=(quote.total.amount());
            @if let Some(kept) = page.form.kept {
                input type="hidden" name=(KEPT_ADDRESS) value=(kept);
            }
            div {
                (address(page))
                (delivery(page))
                (payment(page))
                (note(page))
            }
            section.summary aria-labelledby="your-order" {
                h2 #your-order { (w.your_order) }
                (order_lines(&quote.lines, w))
                (breakdown(&sum, w))
                button type="submit" { (w.place_order) }
            }
        }
    };
    document(shell, &Head { title: w.checkout, ..Head::default() }, &main)
}

fn told(trouble: &Trouble, errors: &Errors, w: &Words) -> Markup {
    let to_cart = html! { p { a href=(Route::Cart) { (w.change_cart) } } };
    let content = match trouble {
        Trouble::Entries => html! {
            p { (w.look_below) }
            ul {
                @for (name, label) in labels(w) {
                    @if errors.of(name).is_some() { li { a href={ "#f-" (name) } { (label) } } }
                }
            }
        },
        Trouble::PriceChanged => html! { p { (w.price_changed) } },
        Trouble::CheckoutOver => html! { p { (w.checkout_over) } },
        Trouble::SoldOut(lines) => html! {
            p { (w.sold_out_lines) }
            ul {
                @for (title, wanted, available) in lines {
                    li { (title) " — " (w.wanted_available(*wanted, *available)) }
                }
            }
            (to_cart)
        },
        Trouble::Gone(titles) => html! {
            p { (w.order_line_gone) }
            ul { @for title in titles { li { (title) } } }
            (to_cart)
        },
        Trouble::TooManyUnpaid(n) => html! {
            p { (w.too_many_unpaid(*n)) }
            p { a href=(Route::Orders { cursor: None }) { (w.my_orders) } }
        },
        Trouble::AddressBookFull => html! { p { (w.too_many_addresses) } },
        Trouble::Other(text) => html! { p { (text) } },
    };
    notice(Tone::Bad, &content)
}

/// What the fields that can be wrong are called, from the top to the bottom.
fn labels(w: &Words) -> Vec<(&'static str, &'static str)> {
    let address = ["name", "phone", "country", "region", "city", "street", "postal_code"];
    let address = address.map(|name| (name, described(name, w).0));
    let rest = [("payment_method", w.how_to_pay), ("note", w.note_to_shop)];
    [("address", w.where_to)].into_iter().chain(address).chain(rest).collect()
}

/// There is one way that parcels go; what it costs stands before it is paid.
fn delivery(page: &CheckoutPage) -> Markup {
    let (w, shipping) = (page.shell.words(), page.quote.shipping);
    html! {
        section.panel aria-labelledby="delivery" {
            h2 #delivery { (w.delivery) }
            p.row {
                (parts::symbol("truck"))
                span { (w.standard_delivery) }
                strong {
                    @if shipping.amount() == 0 { (w.shipping_free) }
                    @else { (parts::price(shipping)) }
                }
            }
            p.hint { (w.delivery_hint) }
        }
    }
}

/// The book's addresses, and a new one. Without JavaScript its fields always stand there; the stylesheet
/// hides them while an address of the book is chosen, where the browser can.
fn address(page: &CheckoutPage) -> Markup {
    let (w, form) = (page.shell.words(), &page.form);
    let first = page.addresses.first().map(|a| Where::Saved(a.id));
    let chosen = form.to.or(first).unwrap_or(Where::New);
    html! {
        fieldset.choice #f-address tabindex="-1" {
            legend { (w.where_to) }
            @if let Some(error) = page.errors.of("address") { p.error { (error) } }
            @if page.addresses.is_empty() {
                input type="hidden" name="address" value=(NEW_ADDRESS);
            } @else {
                @for saved in &page.addresses {
                    label.option {
                        input type="radio" name="address" value=(saved.id)
                            checked[chosen == Where::Saved(saved.id)];
                        span { (address_text(&saved.address)) }
                    }
                }
                label.option {
                    input type="radio" name="address" value=(NEW_ADDRESS)
                        checked[chosen == Where::New];
                    span { (w.new_address) }
                }
            }
            div.new-address {
                // hidden fields must not hold up a browser's own check
                (address_fields(&form.address, &page.errors, page.addresses.is_empty(), w))
                p.hint { (w.new_address_kept) }
            }
            @if !page.addresses.is_empty() {
                p.small { a href=(Route::Addresses { done: None }) { (w.edit_addresses) } }
            }
        }
    }
}

fn payment(page: &CheckoutPage) -> Markup {
    let w = page.shell.words();
    let ways = [
        (PaymentMethod::Card, w.pay_by_card, w.pay_by_card_hint),
        (PaymentMethod::CashOnDelivery, w.cash_on_delivery, w.cash_hint),
    ];
    html! {
        fieldset.choice #f-payment_method tabindex="-1" {
            legend { (w.how_to_pay) }
            @if let Some(error) = page.errors.of("payment_method") { p.error { (error) } }
            @for (method, label, hint) in ways {
                label.option {
                    input type="radio" name="payment_method" value=(method_name(method))
                        checked[page.form.payment_method == Some(method)] required;
                    span { (label) span.hint { (hint) } }
                }
            }
        }
    }
}

fn note(page: &CheckoutPage) -> Markup {
    let (w, error) = (page.shell.words(), page.errors.of("note"));
    html! {
        div.field {
            label for="f-note" { (w.note_to_shop) " (" (w.optional) ")" }
            textarea #f-note name="note" rows="3" maxlength=(NOTE_CHARS_MAX)
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[error.map(|_| "f-note-error")] { (page.form.note) }
            @if let Some(error) = error { p.error #f-note-error { (error) } }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for CheckoutPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, trouble: Option<Trouble>| {
            let quote = sample::quote();
            let form = CheckoutForm::fresh(quote.total.currency());
            let checkout_id = OrderId::from_i64(5).unwrap();
            let (shell, addresses) = (sample::shell(locale), sample::addresses());
            let errors = Errors::default();
            Self { shell, checkout_id, quote, addresses, form, errors, trouble }
        };
        let mut first = page("zh-CN", None);
        first.addresses.clear();
        let mut wrong = page("en", Some(Trouble::Entries));
        wrong.form.to = Some(Where::New);
        wrong.form.note = "<i>".into();
        for name in ["address", "city", "payment_method", "note"] {
            wrong.errors.add(name, "<wrong>");
        }
        let troubles = [
            Trouble::PriceChanged,
            Trouble::CheckoutOver,
            Trouble::SoldOut(vec![("<Rose>".into(), 3, 1)]),
            Trouble::Gone(vec!["<Rose>".into()]),
            Trouble::TooManyUnpaid(10),
            Trouble::AddressBookFull,
            Trouble::Other("<other>".into()),
        ];
        let troubles = troubles.into_iter().map(|t| page("en", Some(t)));
        [page("en", None), first, wrong].into_iter().chain(troubles).collect()
    }
}
