//! Lighthouse, as a program of its own: runs it on a page and reads its scores. `cargo xtask bench --web`
//! installs it and names it in the environment; nothing is installed here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::progress::Progress;
use crate::stats::median;

/// Runs of which the median is taken.
pub const RUNS: usize = 5;
/// What is scored, as Lighthouse names it.
pub const CATEGORIES: [&str; 4] = ["performance", "accessibility", "best-practices", "seo"];
/// Headless, and talking to nobody but us.
const FLAGS: &str = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic \
     --no-first-run --disable-background-networking --disable-component-update --disable-sync \
     '--host-resolver-rules=MAP *.localhost 127.0.0.1'";
/// What an error shows of what it said, in characters.
const SAID_CHARS_MAX: usize = 2_000;

/// Where it is.
#[derive(Debug)]
pub struct Lighthouse {
    node: PathBuf,
    script: PathBuf,
    chromium: PathBuf,
}

/// Scores of a page, from 0 to 100.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scores {
    /// The page.
    pub name: &'static str,
    /// By category, run by run.
    pub runs: Vec<[u64; CATEGORIES.len()]>,
    /// Audits that cost points in the last run.
    pub lost: Vec<String>,
}

impl Scores {
    /// The median of a category.
    pub fn median(&self, category: usize) -> u64 {
        median(&self.all(category))
    }

    /// All scores of a category.
    pub fn all(&self, category: usize) -> Vec<u64> {
        self.runs.iter().map(|run| run[category]).collect()
    }
}

impl Lighthouse {
    /// As `cargo xtask bench --web` names it.
    ///
    /// # Errors
    /// When it is not named.
    pub fn from_environment() -> Result<Self> {
        let named = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.with_context(|| format!("{name} is not set: run `cargo xtask bench --web`"))
        };
        Ok(Self {
            node: named("STOA_NODE")?,
            script: named("STOA_LIGHTHOUSE")?,
            chromium: named("STOA_CHROMIUM")?,
        })
    }

    /// Scores a page, run by run.
    ///
    /// # Errors
    /// When it does not run to its end.
    pub fn run(
        &self,
        name: &'static str,
        url: &str,
        runs: usize,
        folder: &Path,
        progress: &Progress,
    ) -> Result<Scores> {
        let mut scores = Scores { name, ..Scores::default() };
        for run in 1..=runs {
            progress.say(format!("{name}: Lighthouse, run {run} of {runs}"));
            let report = self.once(url, &folder.join(format!("lighthouse-{name}-{run}.json")))?;
            scores.runs.push(read(&report)?);
            scores.lost = lost(&report);
        }
        Ok(scores)
    }

    fn once(&self, url: &str, output: &Path) -> Result<Value> {
        let mut command = Command::new(&self.node);
        command.arg(&self.script).arg(url).env("CHROME_PATH", &self.chromium);
        command.args(["--quiet", "--output=json", "--max-wait-for-load=60000"]);
        command.arg(format!("--only-categories={}", CATEGORIES.join(",")));
        command.arg(format!("--output-path={}", output.display()));
        command.arg(format!("--chrome-flags={FLAGS}"));
        let ended = command.stdin(Stdio::null()).output().context("cannot start node")?;
        let said = String::from_utf8_lossy(&ended.stderr);
        let said: String = said.chars().take(SAID_CHARS_MAX).collect();
        ensure!(ended.status.success(), "Lighthouse failed at {url}: {}\n{said}", ended.status);
        let text = std::fs::read(output).context("Lighthouse wrote no report")?;
        let report: Value = serde_json::from_slice(&text)?;
        let error = &report["runtimeError"]["message"];
        ensure!(!error.is_string(), "Lighthouse could not look at {url}: {error}");
        Ok(report)
    }
}

/// The scores of a report.
fn read(report: &Value) -> Result<[u64; CATEGORIES.len()]> {
    let mut scores = [0; CATEGORIES.len()];
    for (score, category) in scores.iter_mut().zip(CATEGORIES) {
        let found = &report["categories"][category]["score"];
        *score = hundredths(&found.to_string())
            .with_context(|| format!("Lighthouse gives no score for {category}: {found}"))?;
    }
    Ok(scores)
}

/// What cost points: audits that are not perfect and have a weight.
fn lost(report: &Value) -> Vec<String> {
    let mut lost = Vec::new();
    for category in CATEGORIES {
        let refs = report["categories"][category]["auditRefs"].as_array();
        for audit in refs.into_iter().flatten().filter(|r| r["weight"] != 0) {
            let Some(id) = audit["id"].as_str() else { continue };
            let found = &report["audits"][id];
            match hundredths(&found["score"].to_string()) {
                None | Some(100) => {}
                Some(score) => {
                    let value = found["displayValue"].as_str().unwrap_or_default();
                    lost.push(format!("{id} {score} {value}").trim_end().to_owned());
                }
            }
        }
    }
    lost
}

/// `0.98` as 98; `None` of anything but a number from 0 to 1.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let mut digits = part.bytes().chain(*b"00").take(2);
    let (tens, ones) = (digits.next()?, digits.next()?);
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let score =
        whole.parse::<u64>().ok()? * 100 + u64::from(tens - b'0') * 10 + u64::from(ones - b'0');
    (score <= 100).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scores_are_read_without_arithmetic_on_fractions() {
        for (text, score) in [("1", 100), ("0.98", 98), ("0.9", 90), ("0", 0), ("0.995", 99)] {
            assert_eq!(hundredths(text), Some(score), "{text}");
        }
        for text in ["null", "2", "-1", "0.x"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }

    #[test]
    fn a_report_tells_scores_and_what_cost_points() {
        let category = |score: f64| {
            json!({ "score": score, "auditRefs": [
            { "id": "slow", "weight": 25 }, { "id": "fine", "weight": 10 }, { "id": "free", "weight": 0 }] })
        };
        let report = json!({
            "categories": { "performance": category(0.97), "accessibility": { "score": 1 },
                "best-practices": { "score": 1 }, "seo": { "score": 0.92 } },
            "audits": { "slow": { "score": 0.4, "displayValue": "2.1 s" }, "fine": { "score": 1 }, "free": { "score": 0 } } });
        assert_eq!(read(&report).unwrap(), [97, 100, 100, 92]);
        assert_eq!(lost(&report), ["slow 40 2.1 s"]);
        assert!(read(&json!({})).is_err());
    }
}
