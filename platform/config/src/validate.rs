//! Checks of settings beyond their types. All problems are collected, so that one run shows them all.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// Settings that can tell what is wrong with them.
pub trait Validate {
    /// Reports every problem; keys are relative to this section.
    fn validate(&self, problems: &mut Problems);
}

impl Validate for toml::Table {
    fn validate(&self, _: &mut Problems) {}
}

/// Collects problems with their keys.
#[derive(Debug, Default)]
pub struct Problems {
    section: String,
    found: Vec<(String, String)>,
}

impl Problems {
    /// Reports a problem of `key` in this section.
    pub fn add(&mut self, key: &str, detail: impl Into<String>) {
        let key = match (self.section.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.section.clone(),
            (false, false) => format!("{}.{key}", self.section),
        };
        self.found.push((key, detail.into()));
    }

    /// Reports `detail` unless `holds`.
    pub fn require(&mut self, holds: bool, key: &str, detail: impl Into<String>) {
        if !holds {
            self.add(key, detail);
        }
    }

    /// Reports a value that is out of range.
    pub fn range<T: PartialOrd + Display>(
        &mut self,
        key: &str,
        value: T,
        allowed: RangeInclusive<T>,
    ) {
        if !allowed.contains(&value) {
            let (min, max) = (allowed.start(), allowed.end());
            self.add(key, format!("{value} is not allowed; it must be between {min} and {max}"));
        }
    }

    /// Validates a section inside this one.
    pub fn section(&mut self, key: &str, inner: &impl Validate) {
        let outer = self.section.len();
        if outer > 0 {
            self.section.push('.');
        }
        self.section.push_str(key);
        inner.validate(self);
        self.section.truncate(outer);
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Pairs of key and detail.
    pub fn into_found(self) -> Vec<(String, String)> {
        self.found
    }
}
