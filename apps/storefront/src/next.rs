//! What happens next with an order, as its page tells it, and whether an open page has something to wait
//! for. Pure.

use std::time::Duration;

use kit::Timestamp;
use order_api::{OrderView, PaymentMethod};
use ui::Words;
use ui::format;

/// How long an order's page says thanks for it.
const NEW_FOR: Duration = Duration::from_secs(30 * 60);

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// What.
    pub(crate) step: NextStep,
    /// Whether the order was placed just now.
    pub(crate) is_new: bool,
    /// Whether something may still change without the reader.
    pub(crate) waits: bool,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// The buyer pays by card.
    Pay,
    /// A payment is under way that the order has not heard of.
    Processing,
    /// The shop packs it.
    Packing,
    /// A parcel is on its way.
    Sent,
    /// Nothing: it has arrived, or it ended.
    Over,
}

/// What of an order decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Whether it can be paid by card now.
    pub(crate) can_pay: bool,
    /// Whether a payment is under way that the order has not heard of.
    pub(crate) processing: bool,
    /// Whether a parcel has left.
    pub(crate) has_left: bool,
    /// Whether a parcel is on its way.
    pub(crate) on_its_way: bool,
    /// Whether a refund is under way.
    pub(crate) refunding: bool,
    /// When the page is made.
    pub(crate) now: Timestamp,
}

impl Next {
    pub(crate) fn of(order: &OrderView, facts: Facts) -> Self {
        let step = if facts.processing {
            NextStep::Processing
        } else if facts.can_pay {
            NextStep::Pay
        } else if order.is_final {
            NextStep::Over
        } else if facts.on_its_way {
            NextStep::Sent
        } else if facts.has_left {
            NextStep::Over
        } else if is_settled(order) {
            NextStep::Packing
        } else {
            NextStep::Over
        };
        let is_new = !order.is_final && facts.now.since(order.created_at) < NEW_FOR;
        let waits = !order.is_final || facts.processing || facts.refunding;
        Self { step, is_new, waits }
    }

    /// In words; none when there is nothing to say.
    pub(crate) fn words(&self, order: &OrderView, w: &Words) -> Option<String> {
        let is_cash = order.payment_method == PaymentMethod::CashOnDelivery;
        Some(match self.step {
            NextStep::Pay => w.waits_for_payment.to_owned(),
            NextStep::Processing => w.payment_processing.to_owned(),
            NextStep::Packing if is_cash => w.next_packing_cash(&format::money(order.total)),
            NextStep::Packing => w.next_packing.to_owned(),
            NextStep::Sent => w.next_sent.to_owned(),
            NextStep::Over => return None,
        })
    }
}

/// Whether the shop has no reason to wait for the buyer.
fn is_settled(order: &OrderView) -> bool {
    order.payment_method == PaymentMethod::CashOnDelivery
        || order.paid.amount() >= order.total.amount()
}

#[cfg(test)]
mod tests {
    use kit::Money;
    use ui::Lang;

    use super::*;
    use crate::pages::sample;

    const NOTHING: Facts = Facts {
        can_pay: false,
        processing: false,
        has_left: false,
        on_its_way: false,
        refunding: false,
        now: sample::AT,
    };

    #[test]
    fn the_next_step_is_the_one_that_something_waits_for() {
        let unpaid = sample::order();
        let paid = OrderView { paid: unpaid.total, ..unpaid.clone() };
        let cash = OrderView { payment_method: PaymentMethod::CashOnDelivery, ..unpaid.clone() };
        let step = |order: &OrderView, facts| Next::of(order, facts).step;
        assert_eq!(step(&unpaid, Facts { can_pay: true, ..NOTHING }), NextStep::Pay);
        assert_eq!(step(&unpaid, Facts { processing: true, ..NOTHING }), NextStep::Processing);
        assert_eq!(step(&unpaid, NOTHING), NextStep::Over, "what it waits for is not known");
        assert_eq!(
            (step(&paid, NOTHING), step(&cash, NOTHING)),
            (NextStep::Packing, NextStep::Packing)
        );
        let sent = Facts { has_left: true, on_its_way: true, ..NOTHING };
        assert_eq!(step(&paid, sent), NextStep::Sent);
        assert_eq!(step(&paid, Facts { on_its_way: false, ..sent }), NextStep::Over);
        let over = OrderView { is_final: true, ..paid.clone() };
        assert_eq!(step(&over, sent), NextStep::Over);
    }

    #[test]
    fn a_page_waits_while_something_may_change_and_thanks_for_half_an_hour() {
        let order = sample::order();
        let over = OrderView { is_final: true, ..order.clone() };
        assert!(Next::of(&order, NOTHING).waits && Next::of(&order, NOTHING).is_new);
        assert!(!Next::of(&over, NOTHING).waits && !Next::of(&over, NOTHING).is_new);
        assert!(Next::of(&over, Facts { refunding: true, ..NOTHING }).waits);
        let later = Facts { now: sample::AT.plus(NEW_FOR), ..NOTHING };
        assert!(!Next::of(&order, later).is_new);
    }

    #[test]
    fn who_pays_in_cash_is_told_how_much() {
        let order = OrderView {
            payment_method: PaymentMethod::CashOnDelivery,
            total: Money::new(27_000, "CNY".parse().unwrap()).unwrap(),
            ..sample::order()
        };
        for lang in Lang::ALL {
            let text = Next::of(&order, NOTHING).words(&order, Words::of(lang)).unwrap();
            assert!(text.contains("¥270.00"), "{text}");
        }
    }
}
