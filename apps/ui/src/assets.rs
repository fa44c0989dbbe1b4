//! What browsers load besides pages: the stylesheet, the script, the sign of a shop. Addresses carry a hash
//! of the content, so a browser may keep it for ever.

use std::sync::LazyLock;

use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

use crate::colour::Palette;
use crate::theme::Theme;

/// Tokens, text, buttons, forms, notices, tables: an application's own rules come after these.
pub const BASE_CSS: &str = include_str!("../assets/base.css");

/// The shop's own rules.
const SHOP_CSS: &str = include_str!("../assets/shop.css");

/// The rules of its lists of products.
const LISTS_CSS: &str = include_str!("../assets/lists.css");

/// The script of all pages. No page needs it.
pub const SITE_JS: &str = include_str!("../assets/site.js");

/// How long a browser may keep what has a hash or a version in its address.
pub const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";

static SITE_CSS_HASH: LazyLock<String> = LazyLock::new(|| hash(&[BASE_CSS, SHOP_CSS, LISTS_CSS]));
static SITE_JS_HASH: LazyLock<String> = LazyLock::new(|| hash(&[SITE_JS]));

/// What an address carries of a content: 16 hexadecimal digits.
#[must_use]
pub fn hash(parts: &[&str]) -> String {
    let mut sum = Sha256::new();
    parts.iter().for_each(|part| sum.update(part));
    hex::encode(sum.finalize()).chars().take(16).collect()
}

/// The version of a shop's stylesheet: of its rules and, with a shop, of its look.
#[must_use]
pub fn site_css_version(tenant: Option<i64>) -> String {
    match tenant {
        Some(version) => format!("{}-{version}", *SITE_CSS_HASH),
        None => SITE_CSS_HASH.clone(),
    }
}

/// A shop's stylesheet: one answer, so that a page waits for nothing else.
#[must_use]
pub fn site_css(theme: Option<&Theme>) -> String {
    // the last rule wins
    [BASE_CSS, SHOP_CSS, LISTS_CSS, &theme.map(Theme::stylesheet).unwrap_or_default()].concat()
}

/// The version of [`SITE_JS`].
#[must_use]
pub fn site_js_version() -> &'static str {
    &SITE_JS_HASH
}

/// A shop's sign for the browser's tab: its first letter on its colour.
#[must_use]
pub fn icon(name: &str, palette: &Palette) -> Markup {
    let letter = name.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" {
            rect width="32" height="32" rx="7" fill=(palette.primary) {}
            text x="16" y="22.5" text-anchor="middle" font-family="sans-serif" font-size="19"
                font-weight="700" fill=(palette.primary.ink()) { (letter) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_version_is_of_the_content_and_of_the_shop() {
        assert_eq!(site_css_version(None).len(), 16);
        assert_eq!(site_css_version(Some(7)), format!("{}-7", site_css_version(None)));
        assert_ne!(hash(&["a"]), hash(&["b"]));
        assert_eq!(site_js_version(), hash(&[SITE_JS]));
    }

    #[test]
    fn neither_sheet_nor_script_loads_anything_from_elsewhere() {
        for foreign in ["http:", "https:", "@import", "url("] {
            assert!(!site_css(None).contains(foreign), "{foreign}");
        }
        for foreign in ["http:", "https:", "eval(", "innerHTML", "document.write", "import "] {
            assert!(!SITE_JS.contains(foreign), "{foreign}");
        }
        assert!(SITE_JS.len() < 8_000, "the script is small");
    }

    #[test]
    fn the_script_is_javascript() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/site.js");
        // looked at where there is node; browsers run it in the end-to-end tests
        if let Ok(checked) = Command::new("node").args(["--check", file]).output() {
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(checked.status.success(), "{said}");
        }
    }

    #[test]
    fn the_shops_look_comes_last() {
        let theme = Theme::plain(Palette::of("#123456", "#000000", "#ffffff"));
        let sheet = site_css(Some(&theme));
        assert!(sheet.starts_with(BASE_CSS) && sheet.ends_with(&theme.stylesheet()));
        assert!(sheet.rfind("--primary: #123456").unwrap() > sheet.find("--primary:").unwrap());
    }

    #[test]
    fn a_sign_is_escaped() {
        let svg = icon("<script>", &Palette::of("#000000", "#000000", "#ffffff")).into_string();
        assert!(svg.contains("&lt;") && svg.contains("#000000"), "{svg}");
    }
}
