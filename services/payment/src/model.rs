//! The rules of payments: what a card must look like, which news moves an attempt where, how much is left
//! to refund, whether an order is paid. Pure: no async, no IO.

use kit::{FieldError, Money, Secret, Timestamp};
use payment_api::{Card, PaymentState};
use rpc::Fault;

use crate::provider::Outcome;

/// What cash handed over at the door is called where cards name their provider.
pub const CASH: &str = "cash_on_delivery";

/// Why an attempt failed that the provider has never heard of.
pub const NEVER_ARRIVED: &str = "never_reached_the_provider";

/// A card that has the form of one. Its number goes to the provider and nowhere else.
#[derive(Debug, Clone)]
pub struct CheckedCard {
    /// Digits only.
    pub number: Secret<String>,
    /// 1 to 12.
    pub month: u8,
    /// Such as 2031.
    pub year: u16,
    /// 3 or 4 digits.
    pub cvc: Secret<String>,
    /// Such as `visa`; `other` when its first digits say nothing.
    pub brand: &'static str,
    /// The last four digits, which may be kept and shown.
    pub last4: String,
}

impl CheckedCard {
    /// Checks the form of a card; whether it can pay is the provider's word.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(card: &Card) -> Result<Self, Fault> {
        let mut problems = Vec::new();
        let number: String = card.number.expose().chars().filter(|c| *c != ' ').collect();
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        if !digits || !(12..=19).contains(&number.len()) || card.number.expose().len() > 40 {
            problems.push(FieldError::new("/card/number", "12 to 19 digits"));
        } else if !luhn(&number) {
            problems.push(FieldError::new("/card/number", "not a card number: a digit is wrong"));
        }
        let expiry = expiry(&card.expiry);
        if expiry.is_none() {
            problems.push(FieldError::new("/card/expiry", "month and year as MM/YY"));
        }
        let cvc = card.cvc.expose();
        if !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|b| b.is_ascii_digit()) {
            problems.push(FieldError::new("/card/cvc", "3 or 4 digits"));
        }
        let Some((month, year)) = expiry.filter(|_| problems.is_empty()) else {
            let text = "this is not a card";
            return Err(Fault::new(kit::ErrorCode::Invalid, text)
                .with_slug("invalid_card")
                .with_fields(problems));
        };
        let last4 = number[number.len() - 4..].to_owned();
        let (brand, cvc) = (brand(&number), card.cvc.clone());
        Ok(Self { number: Secret::new(number), month, year, cvc, brand, last4 })
    }

    /// Whether its last month is over, by UTC.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let Ok(now) = jiff::Timestamp::from_microsecond(now.micros()) else { return true };
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let this_month = (i32::from(today.year()), i32::from(today.month()));
        (i32::from(self.year), i32::from(self.month)) < this_month
    }
}

/// Luhn's check digit (Hans Peter Luhn, 1954): catches one wrong digit and most swaps.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let n = u32::from(b - b'0') << (i % 2);
            if n > 9 { n - 9 } else { n }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn expiry(text: &str) -> Option<(u8, u16)> {
    let (month, year) = text.split_once('/')?;
    let two = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
    if !two(month) || !two(year) {
        return None;
    }
    let (month, year): (u8, u16) = (month.parse().ok()?, year.parse().ok()?);
    (1..=12).contains(&month).then_some((month, 2000 + year))
}

fn brand(digits: &str) -> &'static str {
    match digits.as_bytes() {
        [b'4', ..] => "visa",
        [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        [b'6', b'2', ..] => "unionpay",
        [b'3', b'5', ..] => "jcb",
        _ => "other",
    }
}

/// The longest reference of a provider, in characters.
pub const REFERENCE_CHARS_MAX: usize = 255;
/// The longest reason of a provider, in characters.
const DECLINE_REASON_CHARS_MAX: usize = 500;

/// What is known of an attempt since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The provider has said something.
    Outcome(Outcome),
    /// The provider has never heard of it, and had time enough to.
    NeverArrived,
}

/// A change of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it stands then.
    pub to: PaymentState,
    /// The provider's reference, when the news has one.
    pub reference: Option<String>,
    /// Why it was declined or failed.
    pub reason: Option<String>,
}

/// Whether the texts of a provider's answer can be kept: a reference stands in a key, and no engine has to
/// take control characters.
#[must_use]
pub fn is_sound(outcome: &Outcome) -> bool {
    let fits = |text: &str, max: usize| {
        (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    match outcome {
        Outcome::Captured { reference } | Outcome::Pending { reference } => {
            fits(reference, REFERENCE_CHARS_MAX)
        }
        Outcome::Declined { reason, reference } => {
            fits(reason, DECLINE_REASON_CHARS_MAX)
                && reference.as_ref().is_none_or(|r| fits(r, REFERENCE_CHARS_MAX))
        }
    }
}

/// Where news moves an attempt; `None` when it says nothing new. Money that has arrived is booked
/// whatever was said before; everything else only decides an open attempt.
#[must_use]
pub fn step(from: PaymentState, news: &News) -> Option<Step> {
    use PaymentState::{Captured, Declined, Failed, Pending};
    let (to, reference, reason) = match news {
        News::Outcome(Outcome::Captured { reference }) => (Captured, Some(reference.clone()), None),
        News::Outcome(Outcome::Declined { reason, reference }) => {
            (Declined, reference.clone(), Some(reason.clone()))
        }
        News::Outcome(Outcome::Pending { reference }) => (Pending, Some(reference.clone()), None),
        News::NeverArrived => (Failed, None, Some(NEVER_ARRIVED.to_owned())),
    };
    let moves = match to {
        Captured => from != Captured,
        Declined | Failed | Pending => from == Pending,
    };
    moves.then_some(Step { to, reference, reason })
}

/// What is left of a payment to give back.
#[must_use]
pub const fn left(state: PaymentState, amount: i64, refunding: i64) -> i64 {
    match state {
        PaymentState::Captured => amount - refunding,
        PaymentState::Pending | PaymentState::Declined | PaymentState::Failed => 0,
    }
}

/// Whether a captured payment still pays its order: it was not given back whole.
#[must_use]
pub const fn pays(state: PaymentState, amount: i64, refunding: i64) -> bool {
    matches!(state, PaymentState::Captured) && (amount == 0 || refunding < amount)
}

/// Checks an amount that somebody wants back.
///
/// # Errors
/// When it is of another currency, or not more than nothing.
pub fn check_refund(amount: Money, of: Money) -> Result<(), Fault> {
    if amount.currency() != of.currency() {
        let text = format!("the payment was made in {}", of.currency());
        return Err(Fault::invalid("/amount/currency", text));
    }
    if amount.amount() <= 0 {
        return Err(Fault::invalid("/amount/amount", "more than nothing"));
    }
    Ok(())
}

/// Checks a text that people write.
///
/// # Errors
/// When it is empty, too long, or has control characters.
pub fn check_text(pointer: &str, text: &str, max: usize) -> Result<(), Fault> {
    let control = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if text.trim().is_empty() || text.chars().count() > max || control {
        let detail = format!("1 to {max} characters, without control characters");
        return Err(Fault::invalid(pointer, detail));
    }
    Ok(())
}

/// A state as a table has it.
#[must_use]
pub const fn state_name(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Pending => "pending",
        PaymentState::Captured => "captured",
        PaymentState::Declined => "declined",
        PaymentState::Failed => "failed",
    }
}

/// A state out of a table.
#[must_use]
pub fn state_from_name(name: &str) -> Option<PaymentState> {
    use PaymentState::{Captured, Declined, Failed, Pending};
    [Pending, Captured, Declined, Failed].into_iter().find(|s| state_name(*s) == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn card(number: &str, expiry: &str, cvc: &str) -> Card {
        let secret = |s: &str| Secret::new(s.to_owned());
        Card { number: secret(number), expiry: expiry.to_owned(), cvc: secret(cvc) }
    }

    fn pointers(card: &Card) -> Vec<String> {
        CheckedCard::parse(card).unwrap_err().fields.into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn a_card_is_checked_field_by_field_and_never_shown() {
        let good = CheckedCard::parse(&card("4242 4242 4242 4242", "12/30", "123")).unwrap();
        assert_eq!((good.last4.as_str(), good.brand), ("4242", "visa"));
        assert_eq!((good.month, good.year), (12, 2030));
        assert!(!format!("{good:?}").contains("42424242"));
        assert_eq!(pointers(&card("4242 4242 4242 4241", "12/30", "123")), ["/card/number"]);
        assert_eq!(
            pointers(&card("x", "13/30", "12")),
            ["/card/number", "/card/expiry", "/card/cvc"]
        );
        for bad in ["", "1/30", "01/2030", "0130", "00/30", "é1/30", "+1/30"] {
            assert_eq!(pointers(&card("4242424242424242", bad, "123")), ["/card/expiry"], "{bad}");
        }
        for bad in ["", "4242", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", &"4".repeat(20), &" ".repeat(99)]
        {
            assert_eq!(pointers(&card(bad, "12/30", "123")), ["/card/number"], "{bad}");
        }
    }

    #[test]
    fn a_card_is_good_until_the_end_of_its_month() {
        let now: Timestamp = serde_json::from_str("\"2025-06-30T23:59:59Z\"").unwrap();
        let parse = |expiry: &str| CheckedCard::parse(&card("4242424242424242", expiry, "123"));
        assert!(!parse("06/25").unwrap().is_expired(now));
        assert!(parse("05/25").unwrap().is_expired(now));
        assert!(parse("12/24").unwrap().is_expired(now));
        assert!(!parse("01/26").unwrap().is_expired(now));
    }

    #[test]
    fn money_that_arrived_is_booked_whatever_was_said_before() {
        use PaymentState::{Captured, Declined, Failed, Pending};
        let captured = News::Outcome(Outcome::Captured { reference: "r".into() });
        for from in [Pending, Declined, Failed] {
            assert_eq!(step(from, &captured).unwrap().to, Captured);
        }
        assert_eq!(step(Captured, &captured), None);
        let declined = News::Outcome(Outcome::Declined { reason: "no".into(), reference: None });
        let pending = News::Outcome(Outcome::Pending { reference: "r".into() });
        for news in [declined, pending, News::NeverArrived] {
            for from in [Captured, Declined, Failed] {
                assert_eq!(step(from, &news), None, "{from:?} {news:?}");
            }
            assert!(step(Pending, &news).is_some());
        }
    }

    proptest! {
        #[test]
        fn luhn_catches_any_one_wrong_digit(
            digits in prop::collection::vec(0u8..10, 11..18), at in 0usize..11, by in 1u8..10,
        ) {
            let text = |d: &[u8]| d.iter().map(|n| char::from(b'0' + n)).collect::<String>();
            let mut digits = digits;
            digits.push(0);
            let last = digits.len() - 1;
            let check = (0..10).find(|n| { digits[last] = *n; luhn(&text(&digits)) }).unwrap();
            digits[last] = check;
            prop_assert!(luhn(&text(&digits)));
            digits[at] = (digits[at] + by) % 10;
            prop_assert!(!luhn(&text(&digits)));
        }
    }
}
