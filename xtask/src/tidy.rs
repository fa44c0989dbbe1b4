//! `cargo xtask tidy`: the rules of the house that the compiler and clippy cannot check. It also runs as a test of this
//! crate. Each rule is a module with a pure function from the [`tree::Tree`] to findings; only [`tree`] reads files.

mod exceptions;
mod layers;
mod length;
mod manifest;
mod map;
mod sleep;
mod source;
mod sql;
mod text;
mod tree;
mod words;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use tree::Tree;

/// Something that breaks a rule, where it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path relative to the root.
    file: String,
    /// Line, from 1.
    line: usize,
    /// The rule's name.
    rule: &'static str,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(rule: &'static str, file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.file, self.line, self.rule, self.message)
    }
}

/// The command.
///
/// # Errors
/// When a rule is broken.
pub fn command(all: bool) -> Result<()> {
    let note = check(&Workspace::open()?, all)?;
    say!("tidy: {note}");
    Ok(())
}

/// The step of `ci`.
///
/// # Errors
/// When a rule is broken.
pub fn step(workspace: &Workspace) -> Result<String> {
    check(workspace, false)
}

fn check(workspace: &Workspace, untracked: bool) -> Result<String> {
    let tree = Tree::load(workspace, untracked)?;
    if tree.architecture.is_none() {
        say!("tidy: ARCHITECTURE.md is missing; its code map is not checked");
    }
    let findings = findings(&tree);
    for finding in &findings {
        say!("{finding}");
    }
    if findings.is_empty() {
        return Ok(format!("{} files, no finding", tree.files.len()));
    }
    bail!("{} findings; the rules stand in CONTRIBUTING.md", findings.len())
}

/// Every rule over a tree, in the order of files.
fn findings(tree: &Tree) -> Vec<Finding> {
    let rules: &[fn(&Tree) -> Vec<Finding>] = &[
        text::opens_with_purpose,
        text::size_and_paths,
        text::parses,
        length::check,
        layers::check,
        words::check,
        manifest::check,
        sql::check,
        sleep::check,
        map::check,
        exceptions::unused,
    ];
    let mut found: Vec<Finding> = rules.iter().flat_map(|rule| rule(tree)).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let workspace = Workspace::open().unwrap();
        if !workspace.root.join(".git").exists() {
            return; // an unpacked archive: nothing says which files are ours
        }
        let found: Vec<String> = findings(&Tree::load(&workspace, false).unwrap())
            .iter()
            .map(Finding::to_string)
            .collect();
        assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    }

    #[test]
    fn a_finding_is_printed_as_an_editor_can_follow_it() {
        assert_eq!(
            Finding::new("sql", "a/b.rs", 3, "move it").to_string(),
            "a/b.rs:3: [sql] move it"
        );
    }
}
