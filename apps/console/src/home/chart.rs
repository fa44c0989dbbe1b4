//! Charts as SVG, drawn on the server: bars over time and bars by name. Whole numbers only. A chart says
//! nothing that the table below it does not say, so it is one picture with a name to who cannot see it.

use maud::{Markup, html};

/// A value with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What it is called.
    pub(crate) name: String,
    /// How much it is; not negative.
    pub(crate) value: u64,
    /// The value in words.
    pub(crate) text: String,
}

const WIDTH: u64 = 420;
const HEIGHT: u64 = 150;
/// Room above the highest bar for its value.
const HEAD: u64 = 20;
/// Room under the bars for names.
const FOOT: u64 = 22;
/// Names under the bars: no more, so that they do not run into each other.
const NAMES_MAX: usize = 6;

/// The least of 1, 2 and 5 times a power of ten that is not below a value: the top of the scale.
fn top(max: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            if let Some(top) = step.checked_mul(factor).filter(|t| *t >= max) {
                return top.max(1);
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => return u64::MAX,
        }
    }
}

/// `value / of` of a length.
fn part(value: u64, of: u64, length: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(length) / u128::from(of.max(1));
    u64::try_from(scaled).unwrap_or(length).min(length)
}

/// Bars side by side, in their sequence.
pub(crate) fn columns(title: &str, bars: &[Bar]) -> Markup {
    let highest = bars.iter().max_by_key(|b| b.value).filter(|b| b.value > 0);
    let max = highest.map_or(0, |b| b.value);
    let top = top(max);
    let count = u64::try_from(bars.len()).unwrap_or(1).max(1);
    let every = bars.len().div_ceil(NAMES_MAX).max(1);
    let left = |n: usize| part(u64::try_from(n).unwrap_or(0), count, WIDTH);
    let width = (WIDTH / count).saturating_sub(2).max(1);
    html! {
        svg.chart role="img" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) }
            xmlns="http://www.w3.org/2000/svg" {
            line.axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @if let Some(highest) = highest {
                @let y = HEIGHT - part(max, top, HEIGHT - HEAD);
                line.grid x1="0" y1=(y) x2=(WIDTH) y2=(y) {}
                text.name x=(WIDTH) y=(y - 5) text-anchor="end" { (highest.text) }
            }
            @for (n, bar) in bars.iter().enumerate() {
                @let height = part(bar.value, top, HEIGHT - HEAD);
                @if bar.value > 0 {
                    rect.bar x=(left(n) + 1) y=(HEIGHT - height.max(2)) width=(width) height=(height.max(2)) rx="2" {
                        title { (bar.name) ": " (bar.text) }
                    }
                }
                @if n % every == 0 {
                    text.name x=(left(n)) y=(HEIGHT + FOOT - 6) { (bar.name) }
                }
            }
        }
    }
}

/// Bars under each other, with names and values beside them.
pub(crate) fn rows(title: &str, bars: &[Bar]) -> Markup {
    let max = bars.iter().map(|b| b.value).max().unwrap_or(0);
    html! {
        ul.bars aria-label=(title) {
            @for bar in bars {
                li {
                    span.bars-name { (bar.name) }
                    svg.meter aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none"
                        xmlns="http://www.w3.org/2000/svg" {
                        rect.bar width=(part(bar.value, max, 100)) height="8" {}
                    }
                    span.bars-value { (bar.text) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (max, expected) in
            [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (499, 500), (501, 1_000)]
        {
            assert_eq!(top(max), expected, "{max}");
        }
    }

    proptest! {
        #[test]
        fn no_bar_leaves_the_picture(values in prop::collection::vec(any::<u64>(), 0..200)) {
            let bars: Vec<Bar> = values
                .iter()
                .map(|v| Bar { name: "<n>".to_owned(), value: *v, text: v.to_string() })
                .collect();
            let svg = columns("<t>", &bars).into_string();
            prop_assert!(!svg.contains("<n>") && !svg.contains("<t>"));
            for rect in svg.split("<rect").skip(1) {
                let number = |name: &str| -> u64 {
                    let (_, rest) = rect.split_once(&format!(" {name}=\"")).unwrap();
                    rest.split_once('"').unwrap().0.parse().unwrap()
                };
                prop_assert!(number("y") + number("height") <= HEIGHT);
                prop_assert!(number("x") + number("width") <= WIDTH + 2);
            }
            for value in values {
                prop_assert!(top(value) >= value && part(value, top(value), 100) <= 100);
            }
        }
    }
}
