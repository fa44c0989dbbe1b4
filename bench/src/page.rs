//! What all parts of the report are written with: bounds with their verdicts, tables, paragraphs. Pure.

use std::fmt::Write as _;

use serde::Serialize;

use crate::stats::{percent, permille, thousands};

/// Orders that should be in a store's files, and those that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Stored before the run, or answered as placed.
    pub answered: u64,
    /// Counted in the files after the server had stopped.
    pub found: u64,
}

/// A bound and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is bounded.
    pub what: String,
    /// What was measured.
    pub figure: String,
    /// The machine's own limit, or what it is compared with.
    pub beside: String,
    /// Their relation.
    pub ratio: String,
    /// What is required.
    pub required: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Kept {
    /// An order that got no answer may be there all the same; one that was answered must be.
    #[must_use]
    pub const fn holds(&self, failed: u64) -> bool {
        self.found == self.answered || (failed > 0 && self.found > self.answered)
    }

    /// As a bound.
    #[must_use]
    pub fn check(&self, what: &str, failed: u64) -> Check {
        Check {
            what: what.to_owned(),
            figure: thousands(self.found),
            beside: format!("{} stored before or answered as placed", thousands(self.answered)),
            ratio: String::new(),
            required: "the same".to_owned(),
            holds: self.holds(failed),
        }
    }
}

impl Check {
    /// No request may fail.
    #[must_use]
    pub fn none_failed(failed: u64) -> Self {
        Self {
            what: "requests that failed".to_owned(),
            figure: thousands(failed),
            beside: String::new(),
            ratio: String::new(),
            required: "none".to_owned(),
            holds: failed == 0,
        }
    }
}

/// A rate that must reach so many thousandths of a limit.
#[must_use]
pub fn at_least(what: &str, figure: u64, beside: &str, limit: u64, required: u64) -> Check {
    let ratio = permille(figure, limit);
    Check {
        what: what.to_owned(),
        figure: format!("{}/s", thousands(figure)),
        beside: format!("{}/s ({beside})", thousands(limit)),
        ratio: percent(ratio),
        required: format!("at least {}", percent(required)),
        holds: limit > 0 && ratio >= required,
    }
}

/// Kilobytes of 1,024 bytes as megabytes.
#[must_use]
pub fn megabytes(kb: u64) -> String {
    format!("{} MB", thousands(kb * 1_024 / 1_000_000))
}

/// The bounds with their verdicts.
pub fn checks_table(out: &mut String, checks: Vec<Check>) {
    para(out, "## Bounds\n");
    let row = |c: Check| {
        let verdict = if c.holds { "PASS" } else { "**FAIL**" };
        vec![c.what, c.figure, c.beside, c.ratio, c.required, verdict.to_owned()]
    };
    let head = ["bound", "measured", "beside", "ratio", "required", "verdict"];
    table(out, &head, checks.into_iter().map(row));
}

/// A paragraph, or a heading.
pub fn para(out: &mut String, text: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// A list.
pub fn bullets(out: &mut String, items: &[String]) {
    for item in items {
        para(out, &format!("- {item}"));
    }
    para(out, "");
}

/// A table.
pub fn table(out: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    para(out, &format!("| {} |", head.join(" | ")));
    para(out, &format!("|{}", "---|".repeat(head.len())));
    for row in rows {
        para(out, &format!("| {} |", row.join(" | ")));
    }
    para(out, "");
}
