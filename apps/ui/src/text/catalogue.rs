//! The texts of one language, read from Fluent files: fixed words, sentences with arguments, tables.
//! It must not fail: what is missing shows as its name, and the test that [`crate::words!`] writes tells.

use std::collections::BTreeMap;

pub use fluent_bundle::FluentValue as Value;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use crate::lang::Lang;

/// The texts of one language.
pub struct Catalogue {
    bundle: FluentBundle<FluentResource>,
}

impl Catalogue {
    /// Reads files. What is not Fluent is passed over.
    #[must_use]
    pub fn read(lang: Lang, sources: &[&str]) -> Self {
        let locale = lang.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        // the pages isolate by markup; the marks would get into titles and attributes
        bundle.set_use_isolating(false);
        for source in sources {
            let read = FluentResource::try_new((*source).to_owned());
            let resource = read.unwrap_or_else(|(readable, _)| readable);
            bundle.add_resource_overriding(resource);
        }
        Self { bundle }
    }

    /// A text without arguments. It is kept for as long as the program runs: to be asked for once.
    #[must_use]
    pub fn word(&self, id: &str) -> &'static str {
        self.sentence(id, &[]).leak()
    }

    /// A text with its arguments filled in; plurals follow the rules of the language.
    #[must_use]
    pub fn sentence(&self, id: &str, args: &[(&'static str, Value<'_>)]) -> String {
        let message = self.bundle.get_message(id);
        let Some(pattern) = message.and_then(|m| m.value()) else { return id.to_owned() };
        let args: FluentArgs<'_> = args.iter().cloned().collect();
        // a fault shows in the text as `{$name}`
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }

    /// The attributes of a message, by name. They are kept as those of [`Self::word`].
    #[must_use]
    pub fn table(&self, id: &str) -> Table {
        let message = self.bundle.get_message(id);
        let attributes = message.into_iter().flat_map(|m| m.attributes().collect::<Vec<_>>());
        let texts = attributes.map(|a| {
            let text = self.bundle.format_pattern(a.value(), None, &mut Vec::new());
            (a.id().to_owned(), &*text.into_owned().leak())
        });
        Table(texts.collect())
    }
}

/// Texts by names that are known at run time only, such as those of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table(BTreeMap<String, &'static str>);

impl Table {
    /// The text of a name, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_follow_the_language_and_what_is_missing_shows_its_name() {
        let source = "files = { $n ->\n    [one] { $n } file\n   *[other] { $n } files\n}\n\
                      days =\n    .MON = Monday\n";
        let en = Catalogue::read(Lang::En, &[source, "? broken\nok = Fine\n"]);
        let files = |n: i64| en.sentence("files", &[("n", n.into())]);
        assert_eq!((files(1), files(1_000)), ("1 file".to_owned(), "1000 files".to_owned()));
        assert_eq!(en.sentence("gone", &[]), "gone");
        assert_eq!(en.word("ok"), "Fine");
        let days = en.table("days");
        assert_eq!((days.get("MON"), days.get("mon")), (Some("Monday"), None));
        assert_eq!(en.table("gone").get("x"), None);
    }
}
