//! Colours as `#rrggbb`, mixed in whole numbers. Text that is no colour counts as black.

/// Red, green and blue.
type Rgb = [i64; 3];

fn parse(colour: &str) -> Rgb {
    let digits = colour.strip_prefix('#').unwrap_or(colour);
    let part = |at: usize| {
        digits.get(at..at + 2).and_then(|d| i64::from_str_radix(d, 16).ok()).unwrap_or(0)
    };
    [part(0), part(2), part(4)]
}

fn towards(colour: &str, end: i64, percent: i64) -> String {
    let [r, g, b] = parse(colour).map(|c| c + (end - c) * percent / 100);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// So many percent nearer to white.
pub fn lighter(colour: &str, percent: i64) -> String {
    towards(colour, 255, percent)
}

/// So many percent nearer to black.
pub fn darker(colour: &str, percent: i64) -> String {
    towards(colour, 0, percent)
}

/// How far apart two colours are: 0 to 765.
pub fn distance(one: &str, other: &str) -> i64 {
    let (one, other) = (parse(one), parse(other));
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_mixed_with_white_and_black() {
        assert_eq!(lighter("#000000", 50), "#7f7f7f");
        assert_eq!(lighter("#ff8000", 0), "#ff8000");
        assert_eq!(lighter("#123456", 100), "#ffffff");
        assert_eq!(darker("#ffffff", 100), "#000000");
        assert_eq!(distance("#000000", "#ffffff"), 765);
        assert_eq!(distance("#102030", "#112130"), 2);
        assert_eq!(darker("no colour", 10), "#000000");
    }
}
