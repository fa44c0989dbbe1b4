//! The list of exceptions, `xtask/tidy-exceptions.toml`: lengths that may only shrink, and single places with a reason.
//! An entry that is not needed any more is itself a finding.

use std::cell::Cell;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Finding;
use super::tree::Tree;

/// Where the list stands.
pub const FILE: &str = "xtask/tidy-exceptions.toml";

/// The rules that can be excepted by an `[[allow]]`.
const ALLOWABLE: &[&str] = &["sleep", "shop-word"];

/// The list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Files and functions over the limit.
    #[serde(default)]
    pub length: Vec<Length>,
    /// Single places where a rule does not hold.
    #[serde(default)]
    pub allow: Vec<Allow>,
}

/// A file or function that is longer than allowed; it may only shrink.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// `path` or `path::function` or `path::Type::method`.
    pub of: String,
    /// Its present length.
    pub lines: usize,
}

/// A place where a rule does not hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    rule: String,
    /// A file, or a folder that ends in `/`.
    file: String,
    /// For `shop-word`: the identifier. Empty: any.
    #[serde(default)]
    word: String,
    reason: String,
    #[serde(skip)]
    used: Cell<bool>,
}

impl Exceptions {
    /// Reads the list.
    ///
    /// # Errors
    /// When it is not TOML of this shape.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).with_context(|| format!("{FILE} is broken"))
    }

    /// Whether a rule does not hold for a word in a file; remembers that the entry was needed.
    pub fn allows(&self, rule: &str, file: &str, word: &str) -> bool {
        let covers = |path: &str| path == file || (path.ends_with('/') && file.starts_with(path));
        let entry = self.allow.iter().find(|entry| {
            entry.rule == rule
                && covers(&entry.file)
                && (entry.word.is_empty() || entry.word == word)
        });
        if let Some(entry) = entry {
            entry.used.set(true);
        }
        entry.is_some()
    }
}

/// Entries that say nothing, or are not needed. Must run after the rules that use them.
pub fn unused(tree: &Tree) -> Vec<Finding> {
    let line = |text: &str| {
        let list = tree.files.iter().find(|file| file.path == FILE);
        list.and_then(|file| file.text.lines().position(|line| line.contains(text)))
            .map_or(1, |index| index + 1)
    };
    let mut found = Vec::new();
    for entry in &tree.exceptions.allow {
        let complain = |what: String| Finding::new("exceptions", FILE, line(&entry.file), what);
        if !ALLOWABLE.contains(&entry.rule.as_str()) {
            found.push(complain(format!(
                "no exception can be made from the rule `{}`; only from {}",
                entry.rule,
                ALLOWABLE.join(", ")
            )));
        } else if entry.reason.trim().is_empty() {
            found.push(complain(format!("the exception for {} has no reason", entry.file)));
        } else if !entry.used.get() {
            found.push(complain(format!(
                "the exception from `{}` for {} is not needed: remove it",
                entry.rule, entry.file
            )));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_not_needed_or_has_no_reason_is_found() {
        let text = "[[allow]]\nrule = 'sleep'\nfile = 'a/'\nreason = 'r'\n[[allow]]\nrule = 'sleep'\nfile = 'b.rs'\nreason = ' '\n[[allow]]\nrule = 'sql'\nfile = 'c'\nreason = 'r'\n";
        let tree = Tree::sample(&[]).with_exceptions(text);
        let found = unused(&tree);
        assert!(
            found[0].message.contains("not needed")
                && found[1].message.contains("no reason")
                && found[2].message.contains("no exception")
        );
        assert!(tree.exceptions.allows("sleep", "a/b/c.rs", ""));
        assert_eq!(unused(&tree).len(), 2);
    }

    #[test]
    fn a_broken_list_is_refused() {
        assert!(Exceptions::parse("[[allow]]\nrule = 'x'\n").is_err());
        assert!(Exceptions::parse("[[other]]\n").is_err());
    }
}
