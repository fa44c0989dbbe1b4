//! Reads the durations of triggers. Only units of fixed length are allowed, so that a timer means the
//! same at every time of year; it must not look at a clock or a calendar.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::temporal::SpanParser;

/// The longest trigger: 400 days.
pub const AFTER_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// An ISO 8601 duration such as `PT30M`, `P7D` or `PT0.5S`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if !text.starts_with('P') {
        return Err(format!("`{text}` is not an ISO 8601 duration such as PT30M or P7D"));
    }
    let span = SpanParser::new()
        .parse_span(text)
        .map_err(|e| format!("`{text}` is not an ISO 8601 duration such as PT30M or P7D: {e}"))?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(format!("`{text}` counts in years or months, which have no fixed length"));
    }
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|e| format!("`{text}` is too long: {e}"))?;
    match Duration::try_from(length) {
        Ok(length) if length > Duration::ZERO && length <= AFTER_MAX => Ok(length),
        Ok(Duration::ZERO) => Err(format!("`{text}` is no time at all")),
        Ok(_) => Err(format!("`{text}` is longer than 400 days")),
        Err(_) => Err(format!("`{text}` is negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_fixed_length_are_read_exactly() {
        for (text, seconds) in [
            ("PT30M", 1800),
            ("P7D", 604_800),
            ("P1W", 604_800),
            ("P1DT2H3M4S", 93_784),
            ("P400D", 34_560_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("PT0.25S"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "30M",
            "30 minutes",
            "-PT5M",
            "+PT5M",
            "PT-5M",
            "PT0S",
            "P0D",
            "P1M",
            "P1Y",
            "P401D",
            "PT9999999H",
            "P1D ",
            "PT1M\n",
        ] {
            assert!(parse(text).is_err(), "{text:?} gave {:?}", parse(text));
        }
    }
}
