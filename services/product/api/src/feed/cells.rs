//! What the text of a cell means. Pure; every refusal is a sentence for a person.

use kit::{Currency, Money};

use super::problem::shown;
use crate::ProductStatus;
use crate::rules::{QUANTITY_MAX, WEIGHT_MAX};

/// What makes a spreadsheet take a cell for a formula, also as wide characters.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// More digits than this a spreadsheet shows, and saves, rounded.
const DIGITS_MAX: usize = 11;

/// Whether a text begins like a formula, after any number of the `'` that say that it is none.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// A text that people wrote, as it is meant: without the `'` that keeps it from being a formula.
pub(crate) fn text(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// The cell of a text that people wrote.
pub(crate) fn of_text(text: &str) -> String {
    let text = text.trim();
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The cell of a merchant's number or barcode: also what a spreadsheet would take for a number and spoil.
pub(crate) fn of_code(code: &str) -> String {
    let spoiled = code.bytes().all(|b| b.is_ascii_digit())
        && (code.starts_with('0') || code.len() > DIGITS_MAX);
    if is_formula(code) || code.starts_with('\'') || spoiled {
        format!("'{code}")
    } else {
        code.to_owned()
    }
}

/// A price in minor units of the currency.
pub(crate) fn price(text: &str, currency: Currency) -> Result<i64, String> {
    Money::parse_major(text, currency).map(Money::amount).map_err(|_| {
        let example = Money::new(1_999, currency).map(Money::to_major).unwrap_or_default();
        format!("{} is not a price in {currency}, such as {example}", shown(text))
    })
}

/// A number of units.
pub(crate) fn quantity(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(n) if (0..=QUANTITY_MAX).contains(&n) => Ok(n),
        Ok(n) if n < 0 => Err(format!("{n} is negative; stock cannot be")),
        _ => Err(format!("{} is not a number of units up to {QUANTITY_MAX}", shown(text))),
    }
}

/// Whole grams; a fraction is rounded.
pub(crate) fn grams(text: &str) -> Result<i64, String> {
    let wrong = || format!("{} is not a weight in grams up to {WEIGHT_MAX}", shown(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.len() <= 18 && s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let rounded_up = i64::from(fraction.bytes().next().is_some_and(|b| b >= b'5'));
    let n = whole.parse::<i64>().map_err(|_| wrong())?.saturating_add(rounded_up);
    if n <= WEIGHT_MAX { Ok(n) } else { Err(wrong()) }
}

/// A place among the pictures, from 1.
pub(crate) fn position(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(n) if n >= 1 => Ok(n),
        _ => Err(format!("{} is not a position, 1 or more", shown(text))),
    }
}

/// `true` or `false`.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{} is neither true nor false", shown(text))),
    }
}

/// Where a product stands, by the columns Status and Published: what is active but not published is off.
pub(crate) fn status(status: &str, published: bool) -> Result<ProductStatus, String> {
    match status.to_ascii_lowercase().as_str() {
        "" | "active" if published => Ok(ProductStatus::OnSale),
        "" | "active" | "archived" | "unlisted" => Ok(ProductStatus::Off),
        "draft" => Ok(ProductStatus::Draft),
        _ => Err(format!("{} is none of active, draft and archived", shown(status))),
    }
}

/// A merchant's number or barcode: spreadsheets put a ' before digits to keep them as text.
pub(crate) fn code(text: &str) -> String {
    text.strip_prefix('\'').unwrap_or(text).trim().to_owned()
}

/// A text on one line: line ends and tabs become spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split(['\r', '\n', '\t'])
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Words between commas, each once.
pub(crate) fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split(',').map(one_line).filter(|t| !t.is_empty()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_follow_the_currency() {
        let read = |text, code: &str| price(text, code.parse().unwrap());
        assert_eq!(read("9.99", "CNY"), Ok(999));
        assert_eq!(read("1200", "JPY"), Ok(1_200));
        assert_eq!(read("1.234", "KWD"), Ok(1_234));
        assert!(read("9.99", "JPY").unwrap_err().contains("JPY"));
        let e = read("9,99", "CNY").unwrap_err();
        assert_eq!(e, "\"9,99\" is not a price in CNY, such as 19.99");
        assert!(read(&"9".repeat(100), "CNY").unwrap_err().contains('…'));
    }

    #[test]
    fn numbers_are_whole_and_bounded() {
        assert_eq!(quantity("0"), Ok(0));
        assert!(quantity("-1").unwrap_err().contains("negative"));
        for bad in ["1.5", "x", "1000000001", "99999999999999999999"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
        assert_eq!((grams("28"), grams("453.59"), grams("0.4")), (Ok(28), Ok(454), Ok(0)));
        for bad in ["", ".5", "-1", "1e3", "10000001", "9999999999999999999999"] {
            assert!(grams(bad).is_err(), "{bad}");
        }
        assert!(position("0").is_err() && position("2") == Ok(2));
    }

    #[test]
    fn a_status_needs_publishing_to_be_on_sale() {
        use ProductStatus::{Draft, Off, OnSale};
        assert_eq!((status("", true), status("", false)), (Ok(OnSale), Ok(Off)));
        assert_eq!((status("Active", true), status("active", false)), (Ok(OnSale), Ok(Off)));
        assert_eq!((status("draft", true), status("archived", true)), (Ok(Draft), Ok(Off)));
        assert!(status("sold", true).is_err());
    }

    #[test]
    fn texts_lose_what_spreadsheets_added() {
        assert_eq!(code("'0123"), "0123");
        assert_eq!(one_line(" a\r\n\tb "), "a b");
        assert_eq!(tags("Gold, Silver,, Gold ,\n"), ["Gold", "Silver"]);
    }
}
