//! One browser: what a person can do with it, and what it tells about itself.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use base64::Engine as _;
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};

use super::BrowserOptions;
use super::log::LogLine;
use crate::logs;

/// How long a page may take to show what is waited for, on a machine that runs other tests too.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);
/// How long a script may take that a test asks the page with.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);
/// How often it is looked.
const POLL: Duration = Duration::from_millis(30);
/// What an error shows of a page's text at most, in characters.
const TEXT_CHARS_MAX: usize = 1_500;

/// A browser with a profile of its own. Copies are the same browser.
#[derive(Debug, Clone)]
pub struct Browser {
    pub(super) client: Client,
    who: String,
    pub(super) log: Arc<Mutex<Vec<LogLine>>>,
}

/// A command that the WebDriver crate does not know.
#[derive(Debug)]
pub(super) struct Chrome {
    pub(super) path: &'static str,
    pub(super) body: Value,
}

impl WebDriverCompatibleCommand for Chrome {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> std::result::Result<url::Url, url::ParseError> {
        base.join(&["session/", session.unwrap_or_default(), "/", self.path].concat())
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    pub(crate) async fn start(
        who: &str,
        driver: &str,
        chromium: &Path,
        profile: &Path,
        options: &BrowserOptions,
    ) -> Result<Self> {
        let mut prefs = json!({ "intl.accept_languages": options.language });
        if !options.javascript {
            prefs["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let mut args = vec![format!("--user-data-dir={}", profile.display())];
        args.extend(FLAGS.iter().map(|f| (*f).to_owned()));
        let wanted = json!({
            "goog:chromeOptions": { "binary": chromium, "args": args, "prefs": prefs },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": ANSWERED_WITHIN.as_secs() * 1_000 },
        });
        let Value::Object(wanted) = wanted else { bail!("capabilities are an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(wanted).connect(driver).await?;
        let browser = Self { client, who: who.to_owned(), log: Arc::default() };
        browser.watch_streams().await?;
        Ok(browser)
    }

    /// Whose browser it is.
    #[must_use]
    pub fn who(&self) -> &str {
        &self.who
    }

    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }

    /// Goes to an address and waits until it is shown.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("going to {url}"))
    }

    /// The path and query of the page that is shown.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn path(&self) -> Result<String> {
        let url = self.client.current_url().await?;
        Ok(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
    }

    /// Waits until the address of the page is as wanted.
    ///
    /// # Errors
    /// When it does not come to that, with what is shown instead.
    pub async fn until_path(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let looked = self.until(async || {
            let path = self.path().await?;
            Ok(wanted(&path).then_some(path))
        });
        match looked.await? {
            Some(path) => Ok(path),
            None => bail!("no {what} but {}: {}", self.path().await?, self.shown().await),
        }
    }

    /// Looks until there is something, or the time is over.
    pub(super) async fn until<T>(
        &self,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        self.until_within(SHOWN_WITHIN, look).await
    }

    async fn until_within<T>(
        &self,
        limit: Duration,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let began = Instant::now();
        loop {
            if let Some(seen) = look().await? {
                return Ok(Some(seen));
            }
            if began.elapsed() >= limit {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Does something with the first element that fits, as soon as it can be done.
    async fn with<T>(
        &self,
        css: &str,
        act: impl AsyncFn(&Element) -> std::result::Result<T, CmdError>,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            let tried = match self.client.find(Locator::Css(css)).await {
                Ok(element) => act(&element).await,
                Err(e) => Err(e),
            };
            match tried {
                Ok(done) => return Ok(done),
                Err(e) if is_not_yet(&e) && began.elapsed() < SHOWN_WITHIN => {}
                Err(e) => {
                    let (at, shown) = (self.path().await?, self.shown().await);
                    return Err(anyhow!(e).context(format!("{css} at {at}, which shows: {shown}")));
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Clicks on the first element that fits.
    ///
    /// # Errors
    /// When there is none that can be clicked.
    pub async fn click(&self, css: &str) -> Result<()> {
        self.with(css, async |element| element.click().await).await
    }

    /// Clicks on the first element that fits and waits until that has led to another page, be it the same
    /// address once more.
    ///
    /// # Errors
    /// When there is none, or no other page comes.
    pub async fn follow(&self, css: &str) -> Result<()> {
        let root = self.client.find(Locator::Css("html")).await?;
        self.click(css).await?;
        self.until_gone(&root, css).await
    }

    /// The same where the browser asks once more before it goes on: the answer is yes.
    ///
    /// # Errors
    /// When nobody asks, or no other page comes.
    pub async fn follow_and_confirm(&self, css: &str) -> Result<()> {
        let root = self.client.find(Locator::Css("html")).await?;
        self.click(css).await?;
        self.client.accept_alert().await.with_context(|| format!("{css} is not asked about"))?;
        self.until_gone(&root, css).await
    }

    async fn until_gone(&self, root: &Element, css: &str) -> Result<()> {
        let gone = async || match root.tag_name().await {
            Err(e) if is_gone(&e) => Ok(Some(())),
            Err(e) => Err(e.into()),
            Ok(_) => Ok(None),
        };
        match self.until(gone).await? {
            Some(()) => self.see("body").await,
            None => bail!("{css} led nowhere: {}", self.shown().await),
        }
    }

    /// Chooses a radio button or ticks a box, by its label where the button itself is hidden.
    ///
    /// # Errors
    /// When there is none.
    pub async fn choose(&self, css: &str) -> Result<()> {
        let choose = async |element: &Element| {
            if element.is_selected().await? {
                return Ok(());
            }
            match element.click().await {
                Err(e) if is_not_yet(&e) => {
                    element.find(Locator::XPath("./ancestor::label")).await?.click().await
                }
                clicked => clicked,
            }
        };
        self.with(css, choose).await
    }

    /// Types into a field what it holds then; chooses that value where the field is a list.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        let fill = async |element: &Element| {
            if element.tag_name().await?.eq_ignore_ascii_case("select") {
                return element.select_by_value(text).await;
            }
            element.clear().await?;
            element.send_keys(text).await
        };
        self.with(css, fill).await
    }

    /// Puts a long text into a field, as from the clipboard.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn paste(&self, css: &str, text: &str) -> Result<()> {
        self.see(css).await?;
        let script = "const e = document.querySelector(arguments[0]); e.focus(); e.value = arguments[1]; \
             e.dispatchEvent(new Event('input', { bubbles: true }));";
        self.ask(script, vec![json!(css), json!(text)]).await.map(|_| ())
    }

    /// Chooses a file.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn attach(&self, css: &str, path: &str) -> Result<()> {
        self.with(css, async |element| element.send_keys(path).await).await
    }

    /// What a field holds now, or another property of the first element that fits.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn prop(&self, css: &str, name: &str) -> Result<Option<String>> {
        self.with(css, async |element| element.prop(name).await).await
    }

    /// The visible text of the first element that fits.
    ///
    /// # Errors
    /// When there is none.
    pub async fn text(&self, css: &str) -> Result<String> {
        self.with(css, async |element| element.text().await).await
    }

    /// An attribute of the first element that fits.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn attr(&self, css: &str, name: &str) -> Result<Option<String>> {
        self.with(css, async |element| element.attr(name).await).await
    }

    /// An attribute of every element that fits, now.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn attrs(&self, css: &str, name: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await? {
            found.extend(element.attr(name).await?);
        }
        Ok(found)
    }

    /// Whether something fits, now.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn has(&self, css: &str) -> Result<bool> {
        Ok(!self.client.find_all(Locator::Css(css)).await?.is_empty())
    }

    /// Whether something comes to fit in a while: of what may have to be looked at anew instead.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn comes(&self, css: &str, within: Duration) -> Result<bool> {
        let look = async || Ok(self.has(css).await?.then_some(()));
        Ok(self.until_within(within, look).await?.is_some())
    }

    /// Waits until something fits.
    ///
    /// # Errors
    /// When nothing does.
    pub async fn see(&self, css: &str) -> Result<()> {
        self.with(css, async |_| Ok(())).await
    }

    /// Waits until the first element that fits shows this text.
    ///
    /// # Errors
    /// When it does not, with what it shows.
    pub async fn until_text(&self, css: &str, wanted: &str) -> Result<()> {
        let look = async || Ok(self.text(css).await?.contains(wanted).then_some(()));
        match self.until(look).await? {
            Some(()) => Ok(()),
            None => bail!("{css} does not say {wanted:?}: {}", self.shown().await),
        }
    }

    /// Asks the page something; the test's question is not subject to the page's policy.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn ask(&self, script: &str, args: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(script, args).await?)
    }

    /// Asks the page something that takes a while; the last argument of the script takes the answer.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn ask_later(&self, script: &str, args: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute_async(script, args).await?)
    }

    /// A cookie's value.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn cookie(&self, name: &str) -> Result<Option<String>> {
        let cookies = self.client.get_all_cookies().await?;
        Ok(cookies.into_iter().find(|c| c.name() == name).map(|c| c.value().to_owned()))
    }

    /// All cookies that the page shown is sent with: names and values.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn cookies(&self) -> Result<Vec<(String, String)>> {
        let cookies = self.client.get_all_cookies().await?;
        Ok(cookies.into_iter().map(|c| (c.name().to_owned(), c.value().to_owned())).collect())
    }

    /// A command of the developer tools.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn tool(&self, command: &str, params: Value) -> Result<Value> {
        let body = json!({ "cmd": command, "params": params });
        let sent = Chrome { path: "goog/cdp/execute", body };
        self.client.issue_cmd(sent).await.with_context(|| command.to_owned())
    }

    /// Makes the window as wide as a telephone or a desk's screen.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn set_width(&self, width: u32) -> Result<()> {
        let height = if width < 1_000 { 780 } else { 900 };
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tool("Emulation.setDeviceMetricsOverride", size).await.map(|_| ())
    }

    /// A picture of the whole page, as PNG.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        let metrics = self.tool("Page.getLayoutMetrics", json!({})).await?;
        let size = &metrics["cssContentSize"];
        let clip =
            json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.tool("Page.captureScreenshot", params).await?;
        let data = answer["data"].as_str().context("a picture has data")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(data)?)
    }

    /// Keeps what is shown: picture, source, log.
    pub(crate) async fn keep_failure(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let picture = folder.join([&self.who, ".png"].concat());
        let source =
            ["<!-- ", &self.path().await?, " -->\n", &self.client.source().await?].concat();
        std::fs::write(folder.join([&self.who, ".html"].concat()), source)?;
        let log = format!("{:#?}\n", self.log().await?);
        std::fs::write(folder.join([&self.who, ".log.txt"].concat()), log)?;
        std::fs::write(&picture, self.picture().await?)?;
        Ok(picture)
    }

    /// The page's text as far as an error shows it, and how the server's log ends.
    async fn shown(&self) -> String {
        let text = match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(e) => e.to_string(),
        };
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        [text, logs::tails()].concat()
    }

    /// That nothing of the page is cut off or has to be scrolled for sideways.
    ///
    /// # Errors
    /// When it is wider than the window, with what sticks out.
    pub async fn fits_its_window(&self) -> Result<()> {
        let wide = self.ask(TOO_WIDE, vec![]).await?;
        ensure!(wide.is_null(), "{} is wider than its window: {wide}", self.path().await?);
        Ok(())
    }
}

/// Headless, without a sandbox (tests run as root in containers), and talking to nobody but us. What moves
/// does not: a click waits for no animation.
const FLAGS: [&str; 13] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
    "--window-size=1440,900",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
];

/// `null`, or what makes the page wider than its window.
const TOO_WIDE: &str = r"
const page = document.documentElement, width = page.clientWidth;
if (page.scrollWidth <= width) return null;
const scrolls = e => e && e !== document.body && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
const out = [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
return { width, scrollWidth: page.scrollWidth, out: out.slice(0, 5).map(e => e.outerHTML.slice(0, 160)) };";

/// Whether the element belongs to a page that is shown no more. Just when pages change, the driver has
/// words of its own for it.
fn is_gone(error: &CmdError) -> bool {
    error.is_stale_element_reference()
        || error.is_no_such_element()
        || matches!(error, CmdError::Standard(e) if e.message.contains("does not belong to the document"))
}

/// Whether the page may still be on its way to what is wanted.
fn is_not_yet(error: &CmdError) -> bool {
    is_gone(error)
        || error.is_element_not_interactable()
        || matches!(error, CmdError::Standard(e) if e.error == ErrorStatus::ElementClickIntercepted)
}
