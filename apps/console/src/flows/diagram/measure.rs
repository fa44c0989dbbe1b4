//! How wide a text will be, roughly and rather too wide: the server has no fonts. Whole numbers only.

/// Characters of these blocks are as wide as they are high.
const fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x1100..=0x115f | 0x2e80..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xffe6 | 0x1f000..)
}

/// A character's width in hundredths of the text's size.
const fn width_of(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' '
        | '(' | ')' => 38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 95,
        'A'..='Z' => 74,
        c if is_wide(c) => 104,
        _ => 60,
    }
}

/// The width of a text in pixels, at a text size in pixels.
pub(crate) fn width(text: &str, size: i32) -> i32 {
    let sum = text.chars().map(width_of).fold(0, i32::saturating_add);
    sum.saturating_mul(size) / 100 + 1
}

/// Cuts a text so that it fits, with `…` for what is gone.
pub(crate) fn fit(text: &str, size: i32, most: i32) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept, size) + width("…", size) > most {
            kept.pop();
            break;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// Breaks a text into up to two lines that fit.
pub(crate) fn wrap(text: &str, size: i32, most: i32) -> Vec<String> {
    if width(text, size) <= most {
        return vec![text.to_owned()];
    }
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if width(&text[..at], size) > most {
            break;
        }
        // at a blank, or between two characters that need none
        if c == ' ' || is_wide(c) {
            end = at;
        }
    }
    if end == 0 {
        return vec![fit(text, size, most)];
    }
    vec![text[..end].trim_end().to_owned(), fit(text[end..].trim_start(), size, most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_where_it_may_be_and_cut_where_it_must() {
        assert_eq!(wrap("Paid", 14, 150), ["Paid"]);
        let two = wrap("Confirmed, cash on delivery", 14, 150);
        assert_eq!(two, ["Confirmed, cash on", "delivery"]);
        let chinese = wrap("已确认，货到付款，等待仓库发货", 14, 150);
        assert_eq!(chinese.concat(), "已确认，货到付款，等待仓库发货");
        assert_eq!(chinese.len(), 2);
        let cut = wrap(&"x".repeat(100), 14, 150);
        assert!(cut.len() == 1 && cut[0].ends_with('…') && width(&cut[0], 14) <= 150);
        assert!(wrap(&"word ".repeat(50), 14, 150)[1].ends_with('…'));
        assert_eq!(fit("", 14, 10), "");
    }
}
