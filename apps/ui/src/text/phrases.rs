//! Sentences that need more than their words: a time, or the name of a cause. Markup escapes what they return.

use kit::Timestamp;

use super::Words;
use crate::format;

impl Words {
    /// Too many failures to sign in.
    #[must_use]
    pub fn locked_out(&self, until: Timestamp) -> String {
        self.locked_until(&format::date_time(until, self.lang))
    }

    /// Why a provider declined, in words; its own word when it is not known.
    #[must_use]
    pub fn decline_reason(&self, reason: &str) -> String {
        let reason = if reason.is_empty() { "card_declined" } else { reason };
        self.decline_reasons.get(reason).unwrap_or(reason).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn an_unknown_reason_is_shown_and_no_reason_is_the_banks() {
        let en = Words::of(Lang::En);
        assert_eq!(en.decline_reason("expired_card"), "The card has expired.");
        assert_eq!(en.decline_reason("stolen"), "stolen");
        assert_eq!(en.decline_reason(""), en.decline_reason("card_declined"));
        let at = Timestamp::from_micros(1_763_690_000_123_456);
        assert!(en.locked_out(at).contains("21 Nov 2025, 01:53 UTC"));
    }
}
