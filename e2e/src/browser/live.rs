//! Whether a page hears of changes already. It opens its stream of them when it is shown; of what changed
//! between the two it does not hear, which is its right: such notes are comfort only. Who wants to see a page
//! follow what happens waits for its stream first.

use anyhow::{Result, bail};
use serde_json::json;

use super::session::Browser;
use crate::logs;

/// Runs before the scripts of every page, and leaves a mark when a stream is open.
const WATCH: &str = r"{
const Plain = window.EventSource;
if (Plain) window.EventSource = class extends Plain {
    constructor(...of) {
        super(...of);
        this.addEventListener('open', () => { window.stoaTestListens = true; });
    }
};
}";

impl Browser {
    /// From now on it can be told of every page whether it listens.
    pub(super) async fn watch_streams(&self) -> Result<()> {
        let source = json!({ "source": WATCH });
        self.tool("Page.addScriptToEvaluateOnNewDocument", source).await.map(|_| ())
    }

    /// Waits until the page that is shown hears of changes.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn until_listening(&self) -> Result<()> {
        let look = async || {
            let listens = self.ask("return window.stoaTestListens === true", vec![]).await?;
            Ok((listens == true).then_some(()))
        };
        match self.until(look).await? {
            Some(()) => Ok(()),
            None => bail!("{} does not listen{}", self.path().await?, logs::tails()),
        }
    }
}
