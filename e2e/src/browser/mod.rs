//! People who use a browser: headless Chromium over WebDriver. What is clicked and typed here is what a
//! person clicks and types; nothing knows the program's inside. Waiting is for a condition, until a
//! deadline. When a test fails, what its browsers showed is kept.

mod audit;
mod console;
mod driver;
mod keys;
mod live;
mod log;
mod plain;
mod session;
mod shop;
mod tools;

pub use audit::{Facts, Finding, WIDTHS};
pub use console::Console;
pub use keys::Key;
pub use log::LogLine;
pub use plain::{Plain, Seen, is_protected};
pub use session::Browser;
pub use shop::{PayBy, Shop};
pub use tools::Tools;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use driver::Driver;

/// What one whole scenario may take at most, so that what it showed is kept before the runner ends it.
const SCENARIO_MAX: Duration = Duration::from_secs(540);

/// What a browser is started with.
#[derive(Debug, Clone)]
pub struct BrowserOptions {
    /// Whether pages may run scripts.
    pub javascript: bool,
    /// The languages that it asks for, as in `Accept-Language`.
    pub language: &'static str,
}

impl Default for BrowserOptions {
    fn default() -> Self {
        Self { javascript: true, language: "en" }
    }
}

/// The browsers of one test.
#[derive(Debug)]
pub struct Browsers {
    tools: Tools,
    driver: Driver,
    artifacts: PathBuf,
    open: Mutex<Vec<Browser>>,
    axe: Option<String>,
}

impl Browsers {
    /// Opens one more browser, with a profile of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn open(&self, who: &str, options: &BrowserOptions) -> Result<Browser> {
        let profile = self.driver.folder.path().join(who);
        ensure!(!profile.exists(), "{who} has a browser already");
        let browser =
            Browser::start(who, &self.driver.url, &self.tools.chromium, &profile, options)
                .await
                .context("a browser does not start")?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(browser.clone());
        Ok(browser)
    }

    /// The text of axe-core, where it is installed.
    #[must_use]
    pub fn axe(&self) -> Option<&str> {
        self.axe.as_deref()
    }

    /// The folder for what this test leaves to be looked at.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn artifacts(&self) -> Result<&PathBuf> {
        std::fs::create_dir_all(&self.artifacts)?;
        Ok(&self.artifacts)
    }

    fn all(&self) -> Vec<Browser> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs a scenario with browsers, or nothing at all on a machine without one. A page that complains in
/// the browser's log fails it. When it fails, what every browser showed is kept in the artifact folder.
/// What the scenario answers, such as its server, lives until the browsers have been asked for complaints:
/// pictures that are still on their way would complain of a server that has gone.
///
/// # Errors
/// What the scenario found.
pub async fn with_browsers<F, T>(test: &str, scenario: F) -> Result<()>
where
    F: AsyncFnOnce(&Browsers) -> Result<T>,
{
    let Some(tools) = Tools::find()? else { return Ok(()) };
    let driver = Driver::start(&tools).await?;
    let artifacts = tools.artifacts.join(test);
    if artifacts.exists() {
        std::fs::remove_dir_all(&artifacts)?;
    }
    let axe = tools.axe()?;
    let browsers = Browsers { tools, driver, artifacts, open: Mutex::default(), axe };
    // It stays until the end, and its servers with it, also when its time is over.
    let mut running = std::pin::pin!(scenario(&browsers));
    let ran = match tokio::time::timeout(SCENARIO_MAX, running.as_mut()).await {
        Ok(ran) => ran,
        Err(_) => {
            let logs = crate::logs::tails();
            Err(anyhow::anyhow!("the scenario was not over within {SCENARIO_MAX:?}{logs}"))
        }
    };
    let ran = match ran {
        Ok(kept) => {
            let told = silent(&browsers).await;
            drop(kept);
            told
        }
        Err(e) => Err(e),
    };
    let open = browsers.all();
    if ran.is_err() {
        for browser in &open {
            let kept = browser.keep_failure(&browsers.artifacts).await;
            crate::note(&match kept {
                Ok(path) => format!("kept: {}", path.display()),
                Err(e) => format!("nothing could be kept of {}: {e:#}", browser.who()),
            });
        }
    }
    for browser in open {
        // Its driver ends it anyway.
        let _ = browser.close().await;
    }
    ran
}

/// No page complained: no error of a script, no broken policy, nothing missing.
async fn silent(browsers: &Browsers) -> Result<()> {
    for browser in browsers.all() {
        let complaints = browser.complaints().await?;
        if !complaints.is_empty() {
            bail!("the browser of {} complains: {complaints:#?}", browser.who());
        }
    }
    Ok(())
}
