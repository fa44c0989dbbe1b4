//! Which language a reader gets: what they chose, else what their browser asks for, else the shop's
//! first. The shop's languages are the tenant's; the words of the pages exist in the languages of [`Lang`].

use types::Locale;

/// A language that the words of the pages exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// Its tag of BCP 47, which also names the folder of its files.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The language of the words for a locale; English when there are none in its own.
    #[must_use]
    pub fn of(locale: &Locale) -> Self {
        if locale.language() == "zh" { Self::ZhCn } else { Self::En }
    }
}

/// Who reads a page: the locale for the shop's own texts, and the language of the words around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// One of the tenant's locales.
    pub locale: Locale,
    /// The words' language.
    pub lang: Lang,
}

/// As many parts of an `Accept-Language` header are looked at.
const PARTS_MAX: usize = 20;

impl Reader {
    /// A reader of a locale.
    #[must_use]
    pub fn of(locale: Locale) -> Self {
        Self { lang: Lang::of(&locale), locale }
    }

    /// Chooses among a shop's locales, of which the first is its own. `None` when it has none.
    #[must_use]
    pub fn choose(locales: &[Locale], chosen: Option<&str>, accept_language: &str) -> Option<Self> {
        let exact = |tag: &str| locales.iter().find(|l| l.as_str().eq_ignore_ascii_case(tag));
        let near = |tag: &str| {
            let language = tag.split('-').next().unwrap_or(tag);
            locales.iter().find(|l| l.language().eq_ignore_ascii_case(language))
        };
        let wished = || accepted(accept_language).into_iter().find_map(|t| exact(t).or(near(t)));
        let locale = chosen.and_then(exact).or_else(wished).or_else(|| locales.first());
        locale.cloned().map(Self::of)
    }
}

/// The tags of an `Accept-Language` header, best first; refused ones are left out.
fn accepted(header: &str) -> Vec<&str> {
    let mut tags: Vec<(&str, u32)> = header
        .split(',')
        .take(PARTS_MAX)
        .filter_map(|part| {
            let mut pieces = part.split(';');
            let tag = pieces.next()?.trim();
            let weight = pieces.find_map(|p| p.trim().strip_prefix("q=")).map_or(1_000, weight);
            (!tag.is_empty() && weight > 0).then_some((tag, weight))
        })
        .collect();
    // stable: of equal weight, the earlier one is wanted more
    tags.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    tags.into_iter().map(|(tag, _)| tag).collect()
}

/// `0.8` in thousandths.
fn weight(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths = digits.parse::<u32>().unwrap_or(0);
    if whole == "1" { 1_000 } else { thousandths }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(chosen: Option<&str>, accept: &str) -> String {
        let locales: Vec<Locale> = ["zh-CN", "en"].iter().map(|l| l.parse().unwrap()).collect();
        Reader::choose(&locales, chosen, accept).unwrap().locale.to_string()
    }

    #[test]
    fn what_was_chosen_wins_then_what_the_browser_asks_for_then_the_shops_own() {
        assert_eq!(choose(Some("en"), "zh-CN"), "en");
        assert_eq!(choose(None, "en-GB,en;q=0.9,zh;q=0.8"), "en");
        assert_eq!(choose(None, "fr, zh-TW;q=0.5, en;q=0.1"), "zh-CN");
        assert_eq!(choose(None, "en;q=0, fr"), "zh-CN");
        assert_eq!(choose(None, ""), "zh-CN");
        assert_eq!(
            choose(Some("fr"), "en"),
            "en",
            "a language the shop does not have is not chosen"
        );
    }

    #[test]
    fn a_locale_without_words_of_its_own_gets_english_words_and_its_own_texts() {
        let reader = Reader::choose(&["de".parse().unwrap()], None, "").unwrap();
        assert_eq!(Reader::choose(&[], None, "en"), None);
        assert_eq!((reader.locale.as_str(), reader.lang), ("de", Lang::En));
        assert_eq!(Lang::of(&"zh-TW".parse().unwrap()), Lang::ZhCn);
    }
}
