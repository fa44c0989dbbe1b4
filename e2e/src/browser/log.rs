//! The browser's log: what it tells of pages that did something wrong.

use std::sync::PoisonError;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::session::{Browser, Chrome};

/// A line of the browser's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// How bad it is, such as `SEVERE`.
    pub level: String,
    /// What happened; begins with the address it happened at.
    pub message: String,
    /// Who says so, such as `network` or `security`.
    #[serde(default)]
    pub source: String,
}

impl LogLine {
    /// Whether a page did something wrong. That an address answers with an error is the test's business,
    /// unless it is a file that pages are made of.
    fn is_complaint(&self) -> bool {
        let bad = matches!(self.level.as_str(), "SEVERE" | "WARNING");
        let of_a_file = ["/assets/", "/media/"].iter().any(|p| self.message.contains(p));
        bad && (self.source != "network" || of_a_file)
    }
}

impl Browser {
    /// Everything that stands in the browser's log since it was opened.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn log(&self) -> Result<Vec<LogLine>> {
        let asked = Chrome { path: "se/log", body: json!({ "type": "browser" }) };
        let new: Vec<LogLine> = serde_json::from_value(self.client.issue_cmd(asked).await?)?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend(new);
        Ok(log.clone())
    }

    /// What pages did wrong, as the browser sees it: scripts that failed, policies that were broken, files
    /// that are missing.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn complaints(&self) -> Result<Vec<LogLine>> {
        Ok(self.log().await?.into_iter().filter(LogLine::is_complaint).collect())
    }
}
