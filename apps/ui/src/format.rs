//! How money, times and numbers look. One function each; templates must not format by themselves.

use jiff::tz::TimeZone;
use kit::{Money, Timestamp};

use crate::lang::Lang;

/// Signs of currencies that need no explanation in a shop that has one currency.
const SIGNS: &[(&str, &str)] = &[
    ("CNY", "¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("USD", "$"),
];

/// An amount with its currency: `¥1,299.00`, `-$5.00`, `CHF 12.50`.
#[must_use]
pub fn money(amount: Money) -> String {
    let major = amount.to_major();
    let (sign, digits) = major.strip_prefix('-').map_or(("", major.as_str()), |d| ("-", d));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    let code = amount.currency().code();
    let name = SIGNS
        .iter()
        .find(|(c, _)| *c == code)
        .map_or_else(|| format!("{code}\u{a0}"), |(_, s)| (*s).to_owned());
    format!("{sign}{name}{}{point}{fraction}", grouped(whole))
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people, to the minute. UTC, because a tenant has no time zone yet.
#[must_use]
pub fn date_time(at: Timestamp, lang: Lang) -> String {
    utc(
        at,
        match lang {
            Lang::En => "%-d %b %Y, %H:%M UTC",
            Lang::ZhCn => "%Y年%-m月%-d日 %H:%M UTC",
        },
    )
}

/// A day, without its year: for charts.
#[must_use]
pub fn day(at: Timestamp, lang: Lang) -> String {
    utc(
        at,
        match lang {
            Lang::En => "%-d %b",
            Lang::ZhCn => "%-m月%-d日",
        },
    )
}

/// An hour of a day: for charts.
#[must_use]
pub fn hour(at: Timestamp) -> String {
    utc(at, "%H:%M")
}

fn utc(at: Timestamp, pattern: &str) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).map_or_else(
        |_| at.to_string(),
        |t| t.to_zoned(TimeZone::UTC).strftime(pattern).to_string(),
    )
}

/// A weight in grams for people: `350 g`, `1.2 kg`.
#[must_use]
pub fn weight(grams: i64) -> String {
    match grams {
        ..1_000 => format!("{grams} g"),
        _ if grams % 1_000 < 100 => format!("{} kg", grouped(&(grams / 1_000).to_string())),
        _ => format!("{}.{} kg", grouped(&(grams / 1_000).to_string()), grams % 1_000 / 100),
    }
}

/// Elements that do not part words.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "code", "em", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u",
];

/// The text of cleaned HTML on one line, cut after `max` characters. It is text again: to be escaped.
#[must_use]
pub fn plain(html: &str, max: usize) -> String {
    let mut text = String::new();
    for (i, piece) in html.split('<').enumerate() {
        // what follows a `<` is a tag up to its `>`
        let (tag, words) =
            if i == 0 { ("", piece) } else { piece.split_once('>').unwrap_or_default() };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if !INLINE.contains(&name) {
            text.push(' ');
        }
        text.push_str(words);
    }
    for (entity, character) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= max {
        return text;
    }
    let cut: String = text.chars().take(max.saturating_sub(1)).collect();
    [cut.trim_end(), "…"].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(amount: i64, currency: &str) -> String {
        money(Money::new(amount, currency.parse().unwrap()).unwrap())
    }

    #[test]
    fn money_has_a_sign_groups_and_the_digits_of_its_currency() {
        assert_eq!(of(129_900, "CNY"), "¥1,299.00");
        assert_eq!(of(-500, "USD"), "-$5.00");
        assert_eq!(of(1_234_567, "JPY"), "¥1,234,567");
        assert_eq!(of(1_250, "CHF"), "CHF\u{a0}12.50");
        assert_eq!(of(0, "EUR"), "€0.00");
    }

    #[test]
    fn a_time_is_told_in_the_readers_way() {
        let at = Timestamp::from_micros(1_763_690_000_123_456);
        assert_eq!(date_time(at, Lang::En), "21 Nov 2025, 01:53 UTC");
        assert_eq!(date_time(at, Lang::ZhCn), "2025年11月21日 01:53 UTC");
        assert_eq!((day(at, Lang::En), day(at, Lang::ZhCn)), ("21 Nov".into(), "11月21日".into()));
        assert_eq!(hour(at), "01:53");
    }

    #[test]
    fn a_weight_is_told_in_a_unit_that_suits_it() {
        assert_eq!([350, 1_000, 1_250, 12_040].map(weight), ["350 g", "1 kg", "1.2 kg", "12 kg"]);
    }

    #[test]
    fn of_html_only_the_text_is_left() {
        let html = "<p>Smells of <b class=\"x\">summer</b>&amp;<br/>rain.</p><p>&lt;b&gt;</p>";
        assert_eq!(plain(html, 100), "Smells of summer& rain. <b>");
        assert_eq!(plain(html, 11), "Smells of…");
        assert_eq!(plain("夏天的味道", 3), "夏天…");
        assert_eq!(plain("a < b", 9), "a");
    }

    proptest! {
        #[test]
        fn grouping_only_adds_commas(amount in 0..=kit::money::AMOUNT_MAX) {
            let m = Money::new(amount, "JPY".parse().unwrap()).unwrap();
            prop_assert_eq!(money(m).replace(['¥', ','], ""), amount.to_string());
        }
    }
}
