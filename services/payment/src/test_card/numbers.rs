//! What the simulator does with which card number. Pure. Numbers that are not listed are declined, so
//! that nobody's real card seems to pay.

use kit::Timestamp;

use crate::model::CheckedCard;

/// What becomes of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Captured at once.
    Capture,
    /// Declined at once, for this reason.
    Decline(&'static str),
    /// Answered as pending; the outcome comes by callback.
    Later {
        /// `captured`, or why it is declined.
        outcome: &'static str,
        /// Whether it takes the long delay.
        slow: bool,
    },
    /// Captured, but the answer is lost.
    CaptureUnheard,
    /// Never arrives.
    Lost,
}

/// Digits of a number and what it does.
const NUMBERS: &[(&str, Behaviour)] = &[
    ("4242424242424242", Behaviour::Capture),
    ("5555555555554444", Behaviour::Capture),
    ("4000000000000002", Behaviour::Decline("card_declined")),
    ("4000000000009995", Behaviour::Decline("insufficient_funds")),
    ("4000000000000069", Behaviour::Decline("expired_card")),
    ("4000000000000127", Behaviour::Decline("incorrect_cvc")),
    ("4000000000003220", Behaviour::Later { outcome: "captured", slow: false }),
    ("4000000000009979", Behaviour::Later { outcome: "card_declined", slow: false }),
    ("4000000000000077", Behaviour::Later { outcome: "captured", slow: true }),
    ("4000000000000341", Behaviour::CaptureUnheard),
    ("4000000000000119", Behaviour::Lost),
];

/// What becomes of a charge of this card now.
pub(super) fn behaviour(card: &CheckedCard, now: Timestamp) -> Behaviour {
    if card.is_expired(now) {
        return Behaviour::Decline("expired_card");
    }
    let digits = card.number.expose().as_str();
    let known = NUMBERS.iter().find(|(number, _)| *number == digits);
    known.map_or(Behaviour::Decline("not_a_test_card"), |(_, behaviour)| *behaviour)
}

#[cfg(test)]
mod tests {
    use kit::Secret;
    use payment_api::Card;

    use super::*;

    fn card(number: &str, expiry: &str) -> CheckedCard {
        let secret = |s: &str| Secret::new(s.to_owned());
        let card = Card { number: secret(number), expiry: expiry.to_owned(), cvc: secret("123") };
        CheckedCard::parse(&card).unwrap()
    }

    #[test]
    fn every_listed_number_is_a_card_number_and_does_what_is_listed() {
        let now = Timestamp::from_millis(1_748_736_000_000);
        for (number, does) in NUMBERS {
            assert_eq!(behaviour(&card(number, "12/30"), now), *does, "{number}");
        }
        let other = behaviour(&card("4111111111111111", "12/30"), now);
        assert_eq!(other, Behaviour::Decline("not_a_test_card"));
    }

    #[test]
    fn an_expired_card_is_declined_whatever_its_number() {
        let now = Timestamp::from_millis(1_748_736_000_000);
        let declined = Behaviour::Decline("expired_card");
        assert_eq!(behaviour(&card("4242424242424242", "05/25"), now), declined);
    }
}
