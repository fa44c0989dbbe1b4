//! Where the programs that browser tests need are. It installs nothing: `cargo xtask test` does that and
//! names what it found in the environment; without it the usual places are looked at.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// The WebDriver server of Chromium.
const CHROMEDRIVER: &str = "STOA_CHROMEDRIVER";
/// The browser.
const CHROMIUM: &str = "STOA_CHROMIUM";
/// The file `axe.min.js` of axe-core.
const AXE_JS: &str = "STOA_AXE_JS";
/// The folder for screenshots.
const ARTIFACTS: &str = "STOA_ARTIFACTS";
/// Where xtask puts axe-core, below the target folder.
const AXE_BELOW_TARGET: &str = "tools/web/axe/node_modules/axe-core/axe.min.js";

/// The programs, and the folder for what tests leave to be looked at.
#[derive(Debug, Clone)]
pub struct Tools {
    pub(crate) chromedriver: PathBuf,
    pub(crate) chromium: PathBuf,
    pub(crate) artifacts: PathBuf,
    axe: Option<PathBuf>,
}

impl Tools {
    /// What is there; `None`, and a word about it, on a machine without a browser. A program that the
    /// environment names must be there.
    ///
    /// # Errors
    /// When something is named that does not exist.
    pub fn find() -> Result<Option<Self>> {
        let target = target()?;
        let chromedriver = named(CHROMEDRIVER)?.or_else(|| on_path(&["chromedriver"]));
        let chromium = named(CHROMIUM)?
            .or_else(|| on_path(&["chromium", "chromium-browser", "google-chrome"]));
        let (Some(chromedriver), Some(chromium)) = (chromedriver, chromium) else {
            crate::note(
                "SKIPPED: there is no chromium or no chromedriver on this machine; `cargo xtask test` installs them",
            );
            return Ok(None);
        };
        let beside = target.join(AXE_BELOW_TARGET);
        let axe = named(AXE_JS)?.or_else(|| beside.is_file().then_some(beside));
        let artifacts = env::var_os(ARTIFACTS).map(PathBuf::from);
        let artifacts = artifacts.unwrap_or_else(|| target.join("e2e-artifacts"));
        Ok(Some(Self { chromedriver, chromium, artifacts, axe }))
    }

    /// The text of axe-core; `None`, and a word about it, where it is not installed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn axe(&self) -> Result<Option<String>> {
        let Some(path) = &self.axe else {
            crate::note("SKIPPED: axe-core is not installed; `cargo xtask test` installs it");
            return Ok(None);
        };
        let text = std::fs::read_to_string(path);
        Ok(Some(text.with_context(|| format!("cannot read {}", path.display()))?))
    }
}

/// The file that a variable of the environment names.
fn named(variable: &str) -> Result<Option<PathBuf>> {
    let Some(path) = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    ensure!(path.is_file(), "{variable} names {}, which is not there", path.display());
    Ok(Some(path))
}

/// The first of some programs in the folders where programs are looked for.
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&folders).collect();
    names.iter().flat_map(|n| folders.iter().map(move |f| f.join(n))).find(|p| p.is_file())
}

/// Cargo's target folder: the test's program stands in `target/<profile>/deps`.
fn target() -> Result<PathBuf> {
    let test = env::current_exe()?;
    let target = test.ancestors().nth(3).map(Path::to_path_buf);
    target.context("the test does not stand in a target folder")
}
