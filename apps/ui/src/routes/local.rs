//! Paths on this host, as they come with a request. What could lead elsewhere is none.

use std::fmt;

use types::Locale;

use super::Route;

/// The parameter of the query that asks for a language.
pub const LANGUAGE_PARAM: &str = "lang";

/// A path on this host that a browser may be sent back to. Never another host, whatever was put into
/// the address bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local(String);

/// The longest path that is sent back to, in bytes.
const LOCAL_LENGTH_MAX: usize = 2_000;

impl Local {
    /// Reads a path with its query, as it stands in a request. `None` when it could lead elsewhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let safe = text.starts_with('/')
            && !text.starts_with("//")
            && text.len() <= LOCAL_LENGTH_MAX
            // a backslash is a slash to browsers
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        safe.then(|| Self(text.to_owned()))
    }

    /// The raw value of a parameter of the query.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, query) = self.0.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The same page in a language that its address names, for crawlers and for those who share links.
    #[must_use]
    pub fn in_language(&self, locale: &Locale) -> Self {
        let (path, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let is_other =
            |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(LANGUAGE_PARAM);
        let mut text = path.to_owned();
        for pair in query.split('&').filter(is_other) {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(pair);
        }
        let mark = if text.contains('?') { '&' } else { '?' };
        Self(format!("{text}{mark}{LANGUAGE_PARAM}={locale}"))
    }

    /// A path that an application's own typed route has printed.
    #[must_use]
    pub fn own(path: String) -> Self {
        Self(path)
    }
}

impl From<&Route> for Local {
    fn from(route: &Route) -> Self {
        Self::own(route.to_string())
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_an_address_in_every_language() {
        let zh = "zh-CN".parse().unwrap();
        for (at, in_zh) in [
            ("/", "/?lang=zh-CN"),
            ("/p/rose?sku=7", "/p/rose?sku=7&lang=zh-CN"),
            ("/p/rose?lang=en&sku=7", "/p/rose?sku=7&lang=zh-CN"),
        ] {
            assert_eq!(Local::parse(at).unwrap().in_language(&zh).to_string(), in_zh);
        }
    }

    #[test]
    fn a_way_back_never_leads_to_another_host() {
        for good in ["/", "/cart?x=%2F%2Fa", "/p/%E7"] {
            assert_eq!(Local::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "cart", "//evil.test", "/\\evil.test", "https://evil.test", "/a b", "/a\r\nb"]
        {
            assert_eq!(Local::parse(bad), None, "{bad}");
        }
        assert_eq!(Local::parse(&["/", &"a".repeat(2_000)].concat()), None);
    }
}
