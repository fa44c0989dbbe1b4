//! Rules of single texts: lengths, control characters, addresses, names for the address bar. Pure.

use types::{Slug, Texts};

use super::{DESCRIPTION_MAX, TAGS_IN_HTML_MAX, URL_MAX};

/// What is wrong with a text of one line, if anything. Lengths are counted in characters.
#[must_use]
pub fn line_problem(text: &str, min: usize, max: usize) -> Option<String> {
    let length = text.chars().count();
    if length > max {
        return Some(format!("has {length} characters; the most is {max}"));
    }
    if text.trim().chars().count() < min {
        return Some("must not be empty".to_owned());
    }
    control_problem(text, |_| false)
}

/// What is wrong with a description, which may be HTML, if anything.
#[must_use]
pub fn html_problem(text: &str) -> Option<String> {
    let (length, tags) = (text.chars().count(), text.bytes().filter(|b| *b == b'<').count());
    if length > DESCRIPTION_MAX {
        return Some(format!("has {length} characters; the most is {DESCRIPTION_MAX}"));
    }
    if tags > TAGS_IN_HTML_MAX {
        return Some(format!("has {tags} tags; the most is {TAGS_IN_HTML_MAX}"));
    }
    control_problem(text, |c| matches!(c, '\n' | '\r' | '\t'))
}

fn control_problem(text: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    let bad = text.chars().find(|c| c.is_control() && !allowed(*c))?;
    Some(format!("contains the control character U+{:04X}", u32::from(bad)))
}

/// What is wrong with a text in several languages, each one line.
#[must_use]
pub fn texts_problem(texts: &Texts, min: usize, max: usize) -> Option<String> {
    texts.all().iter().find_map(|(locale, text)| {
        line_problem(text, min, max).map(|problem| format!("{locale}: {problem}"))
    })
}

/// What is wrong with the address of a picture, if anything: it must be `https://…`, so that no page
/// mixes in what was not encrypted, or `/media/ID`.
#[must_use]
pub fn url_problem(url: &str) -> Option<String> {
    let length = url.chars().count();
    if length > URL_MAX {
        return Some(format!("has {length} characters; the most is {URL_MAX}"));
    }
    if let Some(id) = url.strip_prefix("/media/") {
        let is_id = id.parse::<types::ImageId>().is_ok();
        return (!is_id).then(|| "is not the address of a kept picture".to_owned());
    }
    let Some(rest) = url.strip_prefix("https://") else {
        return Some("must begin with https:// or /media/".to_owned());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') || host.starts_with([':', '.']) {
        return Some("names no host".to_owned());
    }
    let odd = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    rest.chars()
        .find(|c| odd(*c))
        .map(|c| format!("contains {c:?}, which an address cannot hold; write it percent-encoded"))
}

/// What is wrong with a channel's code, if anything.
#[must_use]
pub fn channel_problem(code: &str) -> Option<String> {
    let fits = (1..=super::CHANNEL_MAX).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!fits).then(|| "must be 1 to 32 lower-case letters, digits and dashes".to_owned())
}

/// A name as it stands in an address bar: lower case, letters and digits of any script, everything else
/// a single dash. Nothing when no letter is left.
#[must_use]
pub fn slugify(name: &str) -> Option<Slug> {
    const CHARACTERS_MAX: usize = 100;
    let mut slug = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in name.chars().flat_map(char::to_lowercase) {
        // What lower-casing leaves upper-case, and marks that join letters, are not of a slug.
        if !c.is_alphanumeric() || c.is_uppercase() {
            gap = true;
            continue;
        }
        let needed = if gap && length > 0 { 2 } else { 1 };
        if length + needed > CHARACTERS_MAX {
            break;
        }
        if gap && length > 0 {
            slug.push('-');
        }
        slug.push(c);
        length += needed;
        gap = false;
    }
    slug.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_becomes_a_slug() {
        let slug = |s: &str| slugify(s).map(|s| s.to_string());
        assert_eq!(slug("Home & Garden").as_deref(), Some("home-garden"));
        assert_eq!(slug("  Été 2025!  ").as_deref(), Some("été-2025"));
        assert_eq!(slug("花 / 草").as_deref(), Some("花-草"));
        assert_eq!(slug(" -- "), None);
    }

    #[test]
    fn an_address_is_encrypted_or_ours() {
        for good in ["https://a.b/c.png?v=1", "/media/123", "https://例え.jp/あ.png"] {
            assert_eq!(url_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "http://a.b/c",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://a b/c",
            "https://a.b/\"onload=",
            "/media/x",
            "/media/1/../2",
            "//a.b/c",
            "https://u@h/x",
            "data:image/png;base64,AA",
            "/media/-1",
        ] {
            assert!(url_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn lengths_count_characters_and_control_characters_are_refused() {
        assert_eq!(line_problem("玫瑰玫瑰", 1, 4), None);
        assert!(line_problem("玫瑰玫瑰玫", 1, 4).is_some());
        assert!(line_problem("  ", 1, 4).is_some());
        assert!(line_problem("a\nb", 0, 4).is_some());
        assert!(line_problem("a\u{0}b", 0, 4).is_some());
        assert_eq!(html_problem("a\r\n\tb"), None);
        assert!(html_problem("a\u{7}b").is_some());
        assert!(html_problem(&"<b>".repeat(TAGS_IN_HTML_MAX + 1)).is_some());
        assert!(html_problem(&"x".repeat(DESCRIPTION_MAX + 1)).is_some());
    }

    proptest! {
        #[test]
        fn whatever_the_name_a_slug_is_a_slug(name in "\\PC{0,150}") {
            if let Some(slug) = slugify(&name) {
                prop_assert!(slug.as_str().parse::<Slug>().is_ok());
            } else {
                prop_assert!(!name.chars().any(|c| c.is_ascii_alphanumeric()));
            }
        }
    }
}
