//! What every page is looked at for: accessibility, width, pictures of it.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::Browser;

/// The widths that pages are looked at in: a telephone, a tablet, a desk's screen.
pub const WIDTHS: [u32; 3] = [360, 768, 1440];

/// The impacts that fail a page.
const BAD: [&str; 2] = ["serious", "critical"];

/// Something that keeps people from using a page.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// The rule of axe-core.
    pub id: String,
    /// How bad it is: `minor` to `critical`.
    #[serde(default)]
    pub impact: Option<String>,
    /// What it is about.
    pub help: String,
    /// Where.
    pub nodes: Vec<Value>,
}

impl Finding {
    /// Whether a page must not have it.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.impact.as_deref().is_some_and(|i| BAD.contains(&i))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.impact.as_deref().unwrap_or("?"), self.help)?;
        for node in &self.nodes {
            write!(f, "\n    {} {}", node["target"], node["html"].as_str().unwrap_or_default())?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Outcome {
    violations: Vec<Finding>,
}

/// Runs the rules over the page and answers with what fails them, places shortened.
const RUN_AXE: &str = r"
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then(
    r => done({ violations: r.violations.map(v => ({ id: v.id, impact: v.impact, help: v.help,
        nodes: v.nodes.slice(0, 5).map(n => ({ target: n.target, html: n.html.slice(0, 200),
            why: n.failureSummary })) })) }),
    e => done({ failed: String(e) }));";

/// What a page consists of.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    /// Where its links lead on this host: paths with queries.
    pub links: Vec<String>,
    /// Where its forms are sent with `POST`.
    pub posts: Vec<String>,
    /// Those of them that lack the token.
    pub bare_posts: Vec<String>,
    /// Styles, scripts and handlers that stand in the page itself.
    pub inline: Vec<String>,
    /// What a browser waits for before it shows anything.
    pub blocking: Vec<String>,
}

/// Fields of a form hide its own properties of the same names: attributes are asked for as the prototype does.
const FACTS: &str = r"
const own = u => u.startsWith(location.origin) ? u.slice(location.origin.length) : null;
const attribute = (e, name) => Element.prototype.getAttribute.call(e, name);
const names = e => Element.prototype.getAttributeNames.call(e);
const shown = e => new XMLSerializer().serializeToString(e).slice(0, 160);
const posts = [...document.forms].filter(f => (attribute(f, 'method') || '').toLowerCase() === 'post');
const action = f => own(new URL(attribute(f, 'action') || location.href, location).href);
const all = [...document.querySelectorAll('*')];
const runs = s => !s.type || /javascript|module/.test(s.type);
return {
    links: [...document.querySelectorAll('a[href]')].map(a => own(a.href)).filter(Boolean),
    posts: posts.map(action).filter(Boolean),
    bare_posts: posts.filter(f => !Element.prototype.querySelector.call(f, 'input[name=csrf][value]')).map(action),
    inline: all.filter(e => names(e).includes('style') || e.tagName === 'STYLE'
        || (e.tagName === 'SCRIPT' && !e.src && runs(e))
        || names(e).some(n => n.startsWith('on') || /^\s*javascript:/i.test(attribute(e, n)))).map(shown),
    blocking: all.filter(e => (e.tagName === 'LINK' && e.rel === 'stylesheet')
        || (e.tagName === 'SCRIPT' && e.src && !e.defer && !e.async && e.type !== 'module')).map(shown),
};";

impl Browser {
    /// What the page consists of.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn facts(&self) -> Result<Facts> {
        Ok(serde_json::from_value(self.ask(FACTS, vec![]).await?)?)
    }

    /// What axe-core finds on the page.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn accessibility(&self, axe: &str) -> Result<Vec<Finding>> {
        self.ask(axe, vec![]).await.context("axe-core cannot be loaded")?;
        let answer = self.ask_later(RUN_AXE, vec![]).await.context("axe-core cannot be run")?;
        let shown = answer.to_string();
        let outcome: Outcome = serde_json::from_value(answer).context(shown)?;
        Ok(outcome.violations)
    }

    /// Keeps a picture of the page in this width.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub async fn keep_picture(&self, folder: &Path, name: &str, width: u32) -> Result<()> {
        self.set_width(width).await?;
        let path = folder.join(format!("{name}-{width}.png"));
        std::fs::write(path, self.picture().await?)?;
        Ok(())
    }

    /// Renders as for somebody who likes it dark, or light.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn set_dark(&self, dark: bool) -> Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.tool("Emulation.setEmulatedMedia", features).await.map(|_| ())
    }
}
