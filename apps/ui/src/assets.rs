//! The stylesheet that all tenants share, and the sign of a shop. The stylesheet's address carries a hash
//! of its content, so a browser may keep it for ever.

use std::sync::LazyLock;

use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

use crate::colour::Palette;

/// The stylesheet.
pub const SITE_CSS: &str = include_str!("../assets/site.css");

/// How long a browser may keep what has a hash or a version in its address.
pub const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";

static SITE_CSS_HASH: LazyLock<String> =
    LazyLock::new(|| hex::encode(Sha256::digest(SITE_CSS)).chars().take(16).collect());

/// What the stylesheet's address carries: 16 hexadecimal digits.
#[must_use]
pub fn site_css_hash() -> &'static str {
    &SITE_CSS_HASH
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
    use super::*;

    #[test]
    fn the_hash_is_of_the_content_and_the_sheet_loads_nothing_from_elsewhere() {
        assert_eq!(site_css_hash().len(), 16);
        for foreign in ["http:", "https:", "@import", "url("] {
            assert!(!SITE_CSS.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_sign_is_escaped() {
        let svg = icon("<script>", &Palette::of("#000000", "#000000", "#ffffff")).into_string();
        assert!(svg.contains("&lt;") && svg.contains("#000000"), "{svg}");
    }
}
