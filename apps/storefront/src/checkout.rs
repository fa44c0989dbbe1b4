//! What a checkout's and a card's form say: reading, checking, and the keys that make sending one twice
//! harmless. Pure. Whether an order may be placed is the order service's business.

use kit::{Currency, Money, Secret};
use order_api::PaymentMethod;
use payment_api::Card;
use rpc::IdempotencyKey;
use sha2::{Digest as _, Sha256};
use types::{Address, AddressId, OrderId};
use ui::Words;

use crate::address;
use crate::pages::Errors;
use crate::web::{Failure, Fields};

/// The longest word to the shop, in characters.
pub(crate) const NOTE_CHARS_MAX: u32 = 500;

/// The value of the address choice that means a new one.
pub(crate) const NEW_ADDRESS: &str = "new";

/// The field that names the address that an earlier attempt put into the book.
pub(crate) const KEPT_ADDRESS: &str = "kept_address";

/// Which address an order goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// One of the book.
    Saved(AddressId),
    /// The one that was typed.
    New,
}

/// What the checkout's form says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckoutForm {
    /// Where it goes; none when nothing was chosen.
    pub(crate) to: Option<Where>,
    /// The new address as it was typed.
    pub(crate) address: Address,
    /// The address of the book that was put there by an earlier attempt of this checkout. A new one takes its
    /// place.
    pub(crate) kept: Option<AddressId>,
    /// How it is paid; none when nothing was chosen.
    pub(crate) payment_method: Option<PaymentMethod>,
    /// A word to the shop.
    pub(crate) note: String,
}

impl CheckoutForm {
    /// A form that nothing was typed into.
    pub(crate) fn fresh(currency: Currency) -> Self {
        Self {
            to: None,
            address: address::fresh(currency),
            kept: None,
            payment_method: Some(PaymentMethod::Card),
            note: String::new(),
        }
    }

    pub(crate) fn read(fields: &Fields) -> Self {
        let to = match fields.text("address") {
            NEW_ADDRESS => Some(Where::New),
            id => id.parse().ok().map(Where::Saved),
        };
        let payment_method = match fields.text("payment_method") {
            "card" => Some(PaymentMethod::Card),
            "cash_on_delivery" => Some(PaymentMethod::CashOnDelivery),
            _ => None,
        };
        let (address, note) = (address::read(fields), fields.text("note").to_owned());
        let kept = fields.text(KEPT_ADDRESS).parse().ok();
        Self { to, address, kept, payment_method, note }
    }

    /// What is wrong with it, by field.
    pub(crate) fn problems(&self, w: &Words) -> Errors {
        let mut errors = Errors::default();
        if self.to.is_none() {
            errors.add("address", w.choose_address);
        }
        if self.to == Some(Where::New) {
            address::check(&self.address, &mut errors, w);
        }
        if self.payment_method.is_none() {
            errors.add("payment_method", w.choose_payment);
        }
        if self.note.chars().count() > NOTE_CHARS_MAX as usize {
            errors.add("note", w.too_long);
        }
        errors
    }

    /// The key of placing this order: the checkout and everything that makes a different order of it. A
    /// second click and a second tab have the same key; a changed form has another one.
    pub(crate) fn key(&self, checkout: OrderId, total: Money) -> IdempotencyKey {
        let mut said = vec![total.amount().to_string(), total.currency().code().to_owned()];
        match self.to {
            Some(Where::Saved(id)) => said.push(id.to_string()),
            Some(Where::New) => {
                said.extend(
                    address::typed(&self.address).iter().map(|(_, value, _)| (*value).to_owned()),
                );
            }
            None => {}
        }
        said.push(self.payment_method.map_or("", method_name).to_owned());
        said.push(self.note.clone());
        let body_hash = digest(&said);
        let key = ["checkout-", &checkout.to_string(), "-", &body_hash[..16]].concat();
        IdempotencyKey { key, route: "POST /checkout".to_owned(), body_hash }
    }
}

/// The name of a way to pay, as the form has it.
pub(crate) const fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "card",
        PaymentMethod::CashOnDelivery => "cash_on_delivery",
    }
}

/// SHA-256 over texts with their lengths, so that no two lists are the same text.
fn digest(said: &[String]) -> String {
    let mut hash = Sha256::new();
    for text in said {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

/// What a card's form says.
pub(crate) struct CardForm {
    /// The card.
    pub(crate) card: Card,
    /// What is wrong with it, by field.
    pub(crate) errors: Errors,
}

impl CardForm {
    pub(crate) fn read(fields: &Fields, w: &Words) -> Self {
        let number: String = fields.raw("number").chars().filter(|c| !" -".contains(*c)).collect();
        let expiry: String = fields.raw("expiry").chars().filter(|c| *c != ' ').collect();
        let cvc = fields.text("cvc").to_owned();
        let mut errors = Errors::default();
        if !is_digits(&number, 12, 19) {
            errors.add("number", w.bad_card_number);
        }
        if !is_expiry(&expiry) {
            errors.add("expiry", w.bad_card_expiry);
        }
        if !is_digits(&cvc, 3, 4) {
            errors.add("cvc", w.bad_card_cvc);
        }
        let card = Card { number: Secret::new(number), expiry, cvc: Secret::new(cvc) };
        Self { card, errors }
    }
}

fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_expiry(text: &str) -> bool {
    text.split_once('/').is_some_and(|(month, year)| {
        is_digits(month, 2, 2) && is_digits(year, 2, 2) && ("01"..="12").contains(&month)
    })
}

/// The key of paying: the random token of the form that was shown. Sending the form twice pays once. The
/// card is left out of the hash: the hash of a card number gives the number away.
pub(crate) fn pay_key(order: OrderId, form_token: &str) -> Result<IdempotencyKey, Failure> {
    if !::web::csrf::is_token(form_token) {
        return Err(Failure::bad_request("the form's token is not one of ours"));
    }
    Ok(IdempotencyKey {
        key: ["pay-", form_token].concat(),
        route: "POST /orders/{id}/pay".to_owned(),
        body_hash: digest(&[order.to_string(), form_token.to_owned()]),
    })
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    fn total(amount: i64) -> Money {
        Money::new(amount, "CNY".parse().unwrap()).unwrap()
    }

    fn id(n: i64) -> OrderId {
        OrderId::from_i64(n).unwrap()
    }

    const GOOD: &[u8] = b"address=new&name=Li&phone=123&country=cn&city=Xi&street=A+1\
        &payment_method=card&note=hi";

    #[test]
    fn a_good_form_is_read_and_a_bad_one_tells_every_field() {
        let w = Words::of(Lang::En);
        let form = CheckoutForm::read(&Fields::parse(GOOD));
        assert_eq!((form.to, form.address.country.as_str()), (Some(Where::New), "CN"));
        assert!(form.problems(w).is_empty());
        let bad = b"address=new&name=&phone=1&country=C1&city=Xi&street=A&payment_method=gold";
        let errors = CheckoutForm::read(&Fields::parse(bad)).problems(w);
        let wrong: Vec<&str> = errors.0.keys().map(String::as_str).collect();
        assert_eq!(wrong, ["country", "name", "payment_method", "phone"]);
        assert_eq!(errors.of("name"), Some(w.fill_this));
        let none = CheckoutForm::read(&Fields::default()).problems(w);
        assert_eq!(none.of("address"), Some(w.choose_address));
        let saved = CheckoutForm::read(&Fields::parse(b"address=5&payment_method=card"));
        assert!(saved.problems(w).is_empty(), "the empty new address does not matter");
    }

    #[test]
    fn the_same_form_has_the_same_key_and_any_change_another() {
        let key = |form: &[u8], checkout, amount| {
            CheckoutForm::read(&Fields::parse(form)).key(id(checkout), total(amount))
        };
        let first = key(GOOD, 5, 100);
        assert_eq!(key(GOOD, 5, 100), first);
        assert!(first.key.starts_with("checkout-5-") && first.key.len() < 255);
        let keys = [
            key(GOOD, 6, 100),
            key(GOOD, 5, 101),
            key(&[GOOD, b"!"].concat(), 5, 100),
            key(b"address=7&payment_method=card&note=hi", 5, 100),
            key(b"address=8&payment_method=card&note=hi", 5, 100),
        ];
        let distinct: std::collections::BTreeSet<&str> =
            keys.iter().map(|k| k.key.as_str()).chain([first.key.as_str()]).collect();
        assert_eq!(distinct.len(), 6);
    }

    #[test]
    fn a_card_is_checked_by_shape_only_and_its_key_says_nothing_of_it() {
        let w = Words::of(Lang::En);
        let form = b"number=4242+4242-4242+4242&expiry=08+/+29&cvc=123";
        let read = CardForm::read(&Fields::parse(form), w);
        assert!(read.errors.is_empty());
        assert_eq!(read.card.number.expose(), "4242424242424242");
        assert_eq!(read.card.expiry, "08/29");
        for bad in ["number=1&expiry=13/29&cvc=12", "number=4242x&expiry=0829&cvc=abc", ""] {
            let errors = CardForm::read(&Fields::parse(bad.as_bytes()), w).errors;
            assert_eq!(errors.0.len(), 3, "{bad}");
        }
        let token = "0123456789abcdef0123456789abcdef";
        assert_eq!(pay_key(id(5), token).unwrap(), pay_key(id(5), token).unwrap());
        assert!(pay_key(id(5), "x").is_err());
    }
}
