//! What the rules look at: the files, the crates, the exceptions. Reading them is here; judging them is not.

use anyhow::{Context as _, Result};

use super::exceptions::Exceptions;
use super::source::Source;
use crate::workspace::{Crate, Workspace};

/// Everything the rules need, in memory.
pub struct Tree {
    /// Tracked files, sorted by path.
    pub files: Vec<File>,
    /// The crates of the workspace.
    pub crates: Vec<Crate>,
    /// The content of `tidy-exceptions.toml`.
    pub exceptions: Exceptions,
    /// The text of ARCHITECTURE.md, when there is one.
    pub architecture: Option<String>,
}

/// One file.
pub struct File {
    /// Path relative to the root, with `/`.
    pub path: String,
    /// Its content; empty for what is not UTF-8.
    pub text: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The parsed code when it is Rust: or why it does not parse, with the line.
    pub rust: Option<std::result::Result<Source, (usize, String)>>,
}

impl File {
    fn new(path: &str, content: &[u8]) -> Self {
        let text = std::str::from_utf8(content).unwrap_or_default().to_owned();
        let rust = path.ends_with(".rs").then(|| Source::parse(path, &text));
        Self { path: path.to_owned(), bytes: content.len() as u64, text, rust }
    }

    /// The parsed code, when it is Rust that parses.
    pub fn source(&self) -> Option<&Source> {
        self.rust.as_ref().and_then(|parsed| parsed.as_ref().ok())
    }

    /// The line (from 1) where a line beginning with this text stands, or 1.
    pub fn line_of(&self, start: &str) -> usize {
        self.text.lines().position(|line| line.starts_with(start)).map_or(1, |index| index + 1)
    }
}

impl Tree {
    /// Reads the repository.
    ///
    /// # Errors
    /// Without git, or when the list of exceptions is broken.
    pub fn load(workspace: &Workspace, untracked: bool) -> Result<Self> {
        let mut files = Vec::new();
        for path in workspace.files(untracked)? {
            let full = workspace.root.join(&path);
            // Deleted but still in the index, a link, or a folder: nothing to judge.
            if full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                files.push(File::new(
                    &path,
                    &std::fs::read(&full).with_context(|| format!("cannot read {path}"))?,
                ));
            }
        }
        let read =
            |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.clone());
        let exceptions = Exceptions::parse(&read(super::exceptions::FILE).unwrap_or_default())?;
        let architecture = read("ARCHITECTURE.md");
        Ok(Self { files, crates: workspace.crates.clone(), exceptions, architecture })
    }

    /// The parsed Rust files below a folder (`platform/`), or all for `""`.
    pub fn sources<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a File, &'a Source)> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(folder))
            .filter_map(|file| Some((file, file.source()?)))
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of these files, for tests.
    pub fn sample(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new(path, text.as_bytes())).collect();
        Self { files, crates: Vec::new(), exceptions: Exceptions::default(), architecture: None }
    }

    /// The same with exceptions.
    pub fn with_exceptions(mut self, text: &str) -> Self {
        self.exceptions = Exceptions::parse(text).unwrap();
        self
    }
}
