//! What is wrong with a form, by the name of its field. It must not know any form.

use std::collections::BTreeMap;

/// What is wrong, by field. The first thing said about a field stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Errors(BTreeMap<String, String>);

impl Errors {
    /// What is wrong with a field.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Says what is wrong with a field, in the reader's language.
    pub(crate) fn add(&mut self, name: impl Into<String>, what: impl Into<String>) {
        self.0.entry(name.into()).or_insert_with(|| what.into());
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
impl Errors {
    /// One mistake, for samples.
    pub(crate) fn one(name: &str, what: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), what.to_owned())]))
    }
}
