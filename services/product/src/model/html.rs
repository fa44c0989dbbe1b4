//! Cleans the HTML of descriptions. Done when a description is saved: the tables hold nothing else, so a
//! page may print what it reads. Parsing and printing is the business of the crate `ammonia`; this says
//! what may stay.

use std::collections::HashSet;
use std::sync::LazyLock;

use types::Texts;

/// Where a link of a description may lead.
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::default();
    builder
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    builder
});

/// The same text with everything left out that a browser would run, load from elsewhere by itself (apart
/// from pictures) or style the page with. Cleaning twice changes nothing.
#[must_use]
pub fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

/// Cleans a text in all its languages.
#[must_use]
pub fn clean_texts(texts: &Texts) -> Texts {
    let cleaned = texts.all().iter().map(|(l, t)| (l.clone(), clean(t))).collect();
    // The languages are the same as before, so there is one at least.
    Texts::new(cleaned).unwrap_or_else(|_| texts.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_merchants_write_stays() {
        let html =
            "<p>Sterling silver, 14 inches</p>\n<ul>\n<li>Boho &amp; <b>chic</b></li>\n</ul>";
        assert_eq!(clean(html), html);
        assert_eq!(clean("plain, 12\" long"), "plain, 12\" long");
    }

    #[test]
    fn what_a_browser_would_run_goes() {
        for (dirty, wanted) in [
            ("a<script>alert(1)</script>b", "ab"),
            ("<img src=x onerror=alert(1)>", "<img src=\"x\">"),
            ("<p style=\"position:fixed\" onclick='x()'>a</p>", "<p>a</p>"),
            ("<iframe src=https://a></iframe>b", "b"),
            ("<style>*{}</style>c", "c"),
            ("<svg onload=alert(1)>d</svg>", "d"),
            (
                "<a href=\"javascript:alert(1)\">e</a>",
                "<a rel=\"noopener noreferrer nofollow\">e</a>",
            ),
            ("<form action=/x><input name=p></form>f", "f"),
            ("<b>g", "<b>g</b>"),
        ] {
            assert_eq!(clean(dirty), wanted, "{dirty}");
        }
    }

    #[test]
    fn deep_nesting_is_cleaned_in_time() {
        let deep = "<div>".repeat(product_api::rules::TAGS_IN_HTML_MAX);
        assert!(clean(&deep).ends_with("</div>"));
    }

    proptest! {
        #[test]
        fn cleaning_is_final(html in "[ -~é<>&\"'/=]{0,200}") {
            let once = clean(&html);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert!(!once.to_lowercase().contains("<script"));
        }
    }
}
