//! Where commands print: lines for people, or one JSON value for machines. Colours only on a terminal.

use std::io::{self, Write};

use serde::Serialize;

/// The output of a command.
pub struct Out {
    to: Box<dyn Write + Send>,
    json: bool,
    colours: bool,
}

impl Out {
    /// An output.
    #[must_use]
    pub fn new(to: Box<dyn Write + Send>, json: bool, colours: bool) -> Self {
        Self { to, json, colours }
    }

    /// Whether machines read it.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people; nothing when machines read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(self.to, "{}", text.as_ref())?;
        self.to.flush()
    }

    /// A value for machines; nothing when people read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn value(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            serde_json::to_writer_pretty(&mut self.to, value)?;
            writeln!(self.to)?;
            self.to.flush()?;
        }
        Ok(())
    }

    /// A text as it is, whoever reads.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn raw(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{text}")?;
        self.to.flush()
    }

    /// The text in bold, on a terminal.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.coloured("1", text)
    }

    /// The text in green, on a terminal.
    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.coloured("32", text)
    }

    /// The text in red, on a terminal.
    #[must_use]
    pub fn bad(&self, text: &str) -> String {
        self.coloured("31", text)
    }

    fn coloured(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
