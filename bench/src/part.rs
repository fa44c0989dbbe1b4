//! A report in parts: each is measured by a run of its own, and replaces the one of the same name in the
//! file. Text only.

use std::path::Path;

use anyhow::{Context as _, Result};

/// One part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Markdown; its first line is `# Name: verdict`.
    pub text: String,
    /// Every figure.
    pub json: serde_json::Value,
    /// Whether every bound holds.
    pub holds: bool,
}

/// The report with a part put in: in place of the one of the same name, or at the end.
#[must_use]
pub fn merged(report: &str, part: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in report.lines() {
        if line.starts_with("# ") || parts.is_empty() {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    let own = name(part);
    match parts.iter_mut().find(|p| name(p) == own) {
        Some(before) => part.clone_into(before),
        None => parts.push(part.to_owned()),
    }
    let mut text = String::new();
    for part in parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(part);
    }
    text.push('\n');
    text
}

/// What stands in the heading before the verdict.
fn name(part: &str) -> &str {
    let heading = part.lines().next().unwrap_or_default();
    heading.split(':').next().unwrap_or_default().trim()
}

/// Puts a part into the report's file.
///
/// # Errors
/// When the file cannot be written.
pub fn put(report: &Path, part: &str) -> Result<()> {
    let before = std::fs::read_to_string(report).unwrap_or_default();
    std::fs::write(report, merged(&before, part))
        .with_context(|| format!("cannot write {}", report.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_replaces_the_one_of_its_name_and_leaves_the_others() {
        let report = merged("", "# Bench report: good\n\n## Bounds\nold");
        let report = merged(&report, "# Orders on PostgreSQL: good\nfirst");
        let report = merged(&report, "# Pages: good\nthird");
        let report = merged(&report, "# Orders on PostgreSQL: bad\nsecond\n");
        assert_eq!(
            report,
            "# Bench report: good\n\n## Bounds\nold\n\n# Orders on PostgreSQL: bad\nsecond\n\n# Pages: good\nthird\n"
        );
        assert_eq!(merged(&report, "# Pages: good\nthird"), report);
    }
}
