//! Money: whole minor units of one currency, checked, never a float. Amounts stay within what JSON
//! numbers carry exactly (2^53 − 1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount, in minor units: 2^53 − 1.
pub const AMOUNT_MAX: i64 = 9_007_199_254_740_991;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the point: 2 for CNY, 0 for JPY.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// Not an ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters of ISO 4217, such as CNY")]
pub struct InvalidCurrency;

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(s).map(Self).ok_or(InvalidCurrency)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount of money. May be negative (a refund in a ledger).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// Why a calculation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Past 2^53 − 1 minor units.
    #[error("the amount is out of range")]
    OutOfRange,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// Nothing to allocate by.
    #[error("the weights to allocate by are empty or sum to zero")]
    NoWeights,
    /// Not a decimal number of this currency.
    #[error("not an amount of this currency")]
    Unparsable,
}

impl Money {
    /// An amount in minor units.
    ///
    /// # Errors
    /// When it is out of range.
    pub const fn new(amount: i64, currency: Currency) -> Result<Self, MoneyError> {
        if amount < -AMOUNT_MAX || amount > AMOUNT_MAX {
            return Err(MoneyError::OutOfRange);
        }
        Ok(Self { amount, currency })
    }

    /// Nothing, of a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// Minor units.
    #[must_use]
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// Of two currencies, or out of range.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let sum = self.amount.checked_add(other.amount).ok_or(MoneyError::OutOfRange)?;
        Self::new(sum, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// As [`Money::plus`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(Self { amount: -other.amount, currency: other.currency })
    }

    /// So many times this.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn times(self, n: i64) -> Result<Self, MoneyError> {
        Self::new(self.amount.checked_mul(n).ok_or(MoneyError::OutOfRange)?, self.currency)
    }

    /// Splits the amount by weights so that the parts sum to it exactly: every part gets its share
    /// rounded down, and what is left goes one unit each to the largest remainders (Hamilton's method;
    /// the earlier part wins a tie).
    ///
    /// # Errors
    /// When the weights are empty or sum to zero.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
        if total == 0 {
            return Err(MoneyError::NoWeights);
        }
        let magnitude = u128::from(self.amount.unsigned_abs());
        let mut parts: Vec<(usize, u128, u128)> = weights
            .iter()
            .enumerate()
            .map(|(i, w)| {
                let product = magnitude * u128::from(*w);
                (i, product / total, product % total)
            })
            .collect();
        let given: u128 = parts.iter().map(|p| p.1).sum();
        let left = usize::try_from(magnitude - given).map_err(|_| MoneyError::OutOfRange)?;
        parts.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)));
        for part in parts.iter_mut().take(left) {
            part.1 += 1;
        }
        parts.sort_by_key(|p| p.0);
        let sign = if self.amount < 0 { -1 } else { 1 };
        parts
            .into_iter()
            .map(|(_, n, _)| {
                let n = i64::try_from(n).map_err(|_| MoneyError::OutOfRange)?;
                Self::new(sign * n, self.currency)
            })
            .collect()
    }

    /// Reads a decimal number of major units, such as `9.99`: digits, at most one point, no more digits
    /// after it than the currency has (further zeros are fine), no sign, no separators.
    ///
    /// # Errors
    /// When it is anything else, or out of range.
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let exponent = currency.exponent() as usize;
        if whole.is_empty()
            || whole.len() > 16
            || fraction.len() > 16
            || !digits(whole)
            || !digits(fraction)
        {
            return Err(MoneyError::Unparsable);
        }
        if text.ends_with('.') || fraction.bytes().skip(exponent).any(|b| b != b'0') {
            return Err(MoneyError::Unparsable);
        }
        let mut minor: i64 = whole.parse().map_err(|_| MoneyError::Unparsable)?;
        let mut cents = fraction.bytes().take(exponent).map(|b| i64::from(b - b'0'));
        for _ in 0..exponent {
            minor = minor
                .checked_mul(10)
                .and_then(|m| m.checked_add(cents.next().unwrap_or(0)))
                .ok_or(MoneyError::OutOfRange)?;
        }
        Self::new(minor, currency)
    }

    /// Major units as plain digits, such as `129.00`.
    #[must_use]
    pub fn to_major(self) -> String {
        let exponent = self.currency.exponent();
        let scale = 10_u64.pow(exponent);
        let magnitude = self.amount.unsigned_abs();
        let sign = if self.amount < 0 { "-" } else { "" };
        if exponent == 0 {
            return format!("{sign}{magnitude}");
        }
        format!(
            "{sign}{}.{:0width$}",
            magnitude / scale,
            magnitude % scale,
            width = exponent as usize
        )
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            amount: i64,
            currency: Currency,
        }
        let w = Wire::deserialize(d)?;
        Self::new(w.amount, w.currency).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cny(n: i64) -> Money {
        Money::new(n, "CNY".parse().unwrap()).unwrap()
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let read = |s: &str| Money::parse_major(s, "CNY".parse().unwrap()).map(Money::amount);
        assert_eq!(read("9.99"), Ok(999));
        assert_eq!(read("50"), Ok(5_000));
        assert_eq!(read("0.5"), Ok(50));
        assert_eq!(read("1.500"), Ok(150));
        for bad in
            ["", ".", "1.", ".5", "-1", "1,000", "1.999", "1e3", " 1", "abc", "99999999999999999"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Money::parse_major("120", "JPY".parse().unwrap()).unwrap().amount(), 120);
    }

    #[test]
    fn two_currencies_do_not_add() {
        let usd = Money::new(1, "USD".parse().unwrap()).unwrap();
        assert!(matches!(cny(1).plus(usd), Err(MoneyError::CurrencyMismatch(..))));
    }

    #[test]
    fn the_wire_form_is_amount_and_currency() {
        assert_eq!(
            serde_json::to_string(&cny(12_900)).unwrap(),
            r#"{"amount":12900,"currency":"CNY"}"#
        );
        assert!(
            serde_json::from_str::<Money>(r#"{"amount":9007199254740992,"currency":"CNY"}"#)
                .is_err()
        );
        assert_eq!(cny(-5).to_major(), "-0.05");
    }

    proptest! {
        #[test]
        fn allocation_loses_and_invents_nothing(
            amount in -AMOUNT_MAX..=AMOUNT_MAX,
            weights in prop::collection::vec(0u64..1_000_000, 1..40),
        ) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let parts = cny(amount).allocate(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(|m| m.amount()).sum::<i64>(), amount);
            let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
            for (part, w) in parts.iter().zip(&weights) {
                let exact = u128::from(amount.unsigned_abs()) * u128::from(*w) / total;
                let got = u128::from(part.amount().unsigned_abs());
                prop_assert!(got == exact || got == exact + 1);
                prop_assert!(*w > 0 || got <= 1);
            }
        }

        #[test]
        fn major_units_round_trip(amount in 0..=AMOUNT_MAX) {
            let m = cny(amount);
            prop_assert_eq!(Money::parse_major(&m.to_major(), m.currency()).unwrap(), m);
        }
    }
}
