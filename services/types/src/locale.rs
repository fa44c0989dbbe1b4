//! Languages, and texts that exist in several of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// A language tag of two or three letters, optionally with a region: `en`, `zh-CN`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale(String);

/// Not a language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a locale is a language tag such as en or zh-CN")]
pub struct InvalidLocale;

impl Locale {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without its region.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl FromStr for Locale {
    type Err = InvalidLocale;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (language, region) = s.split_once('-').map_or((s, None), |(l, r)| (l, Some(r)));
        let language_ok =
            (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
        let region_ok =
            region.is_none_or(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_uppercase()));
        if language_ok && region_ok { Ok(Self(s.to_owned())) } else { Err(InvalidLocale) }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Locale {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^[a-z]{2,3}(-[A-Z]{2})?$"))
            .into()
    }
}

impl utoipa::ToSchema for Locale {}

/// A text in one or more languages; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<Locale, String>);

/// A text that exists in no language, or in too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text needs 1 to 20 languages")]
pub struct InvalidTexts;

impl Texts {
    /// The most languages of one text.
    pub const LOCALES_MAX: usize = 20;

    /// A text in one language.
    #[must_use]
    pub fn one(locale: Locale, text: impl Into<String>) -> Self {
        Self(BTreeMap::from([(locale, text.into())]))
    }

    /// A text in several languages.
    ///
    /// # Errors
    /// When there is none, or more than [`Texts::LOCALES_MAX`].
    pub fn new(texts: BTreeMap<Locale, String>) -> Result<Self, InvalidTexts> {
        if texts.is_empty() || texts.len() > Self::LOCALES_MAX {
            return Err(InvalidTexts);
        }
        Ok(Self(texts))
    }

    /// The text for a reader: in the exact locale, else in its language, else in the first there is.
    #[must_use]
    pub fn get(&self, wanted: &Locale) -> &str {
        let same_language =
            || self.0.iter().find(|(l, _)| l.language() == wanted.language()).map(|(_, t)| t);
        self.0
            .get(wanted)
            .or_else(same_language)
            .or_else(|| self.0.values().next())
            .map_or("", String::as_str)
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> &BTreeMap<Locale, String> {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(BTreeMap::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Texts {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(
                ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)),
            ))
            .description(Some("Texts by language tag."))
            .into()
    }
}

impl utoipa::ToSchema for Texts {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_nearest_language() {
        let texts: Texts = serde_json::from_str(r#"{"en":"Rose","zh-CN":"玫瑰"}"#).unwrap();
        let get = |l: &str| texts.get(&l.parse().unwrap()).to_owned();
        assert_eq!(
            (get("zh-CN"), get("zh-TW"), get("en-GB"), get("fr")),
            ("玫瑰".into(), "玫瑰".into(), "Rose".into(), "Rose".into())
        );
        assert!(serde_json::from_str::<Texts>("{}").is_err());
    }
}
