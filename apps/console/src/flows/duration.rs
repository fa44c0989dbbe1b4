//! Times of triggers in words. A flow writes them as ISO 8601: `PT30M`, `P7D`.

use super::words::Words;

/// The time in words, or as it is written when it is none that words are made for.
pub(crate) fn in_words(after: &str, w: &Words) -> String {
    let parts = parts(after).unwrap_or_default();
    if parts.is_empty() {
        return after.to_owned();
    }
    let words = parts.into_iter().map(|(unit, n)| match unit {
        'W' => w.weeks(n),
        'D' => w.days(n),
        'H' => w.hours(n),
        'M' => w.minutes(n),
        _ => w.seconds(n),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The units with their numbers. `None` when it is no duration in whole units of fixed length.
fn parts(after: &str) -> Option<Vec<(char, u64)>> {
    let rest = after.strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let mut parts = Vec::new();
    for (text, units) in [(days, "WD"), (clock, "HMS")] {
        let mut number = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() {
                number.push(c);
            } else {
                let unit = units.contains(c).then_some(c)?;
                parts.push((unit, number.parse().ok()?));
                number.clear();
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    #[test]
    fn times_are_told_in_words_of_the_language() {
        let (en, zh) = (Words::of(Lang::En), Words::of(Lang::ZhCn));
        assert_eq!(in_words("PT30M", en), "30 minutes");
        assert_eq!(in_words("P7D", zh), "7 天");
        assert_eq!(in_words("P1DT1H", en), "1 day 1 hour");
        assert_eq!(in_words("P2W", en), "2 weeks");
        for strange in ["PT0.5S", "P1Y", "soon", "P", "PT5", "P\u{661}D"] {
            assert_eq!(in_words(strange, en), strange);
        }
    }
}
