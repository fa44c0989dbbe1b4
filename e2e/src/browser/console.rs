//! Somebody of the staff in a browser. Things are found by what they are for (a form's address, a field's
//! name), not by how they look.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use types::OrderId;

use super::session::Browser;
use crate::wait::until;

/// How long somebody waits for a page to learn of a change before he opens it anew.
const LEARNS_WITHIN: Duration = Duration::from_secs(10);

/// A tenant's console in a browser.
#[derive(Debug, Clone)]
pub struct Console {
    /// The browser it is shown in.
    pub browser: Browser,
    origin: String,
}

impl Console {
    /// The console of the shop at this address, `http://host:port`.
    #[must_use]
    pub fn new(browser: &Browser, origin: &str) -> Self {
        Self { browser: browser.clone(), origin: origin.to_owned() }
    }

    /// Goes to a path.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.browser.goto(&[&self.origin, path].concat()).await
    }

    /// Signs in, and is at the dashboard then.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(&self, (login, password): (&str, &str)) -> Result<()> {
        self.open("/console").await?;
        let at = |p: &str| p.starts_with("/console/sign-in");
        self.browser.until_path("signing in", at).await?;
        let field = |name: &str| format!("main form[action^='/console/sign-in'] [name={name}]");
        self.browser.fill(&field("login"), login).await?;
        self.browser.fill(&field("password"), password).await?;
        self.browser.follow("main form[action^='/console/sign-in'] [type=submit]").await?;
        self.browser.until_path("dashboard", |p| p == "/console").await.map(|_| ())
    }

    /// Signs out.
    ///
    /// # Errors
    /// When there is no button for it.
    pub async fn sign_out(&self) -> Result<()> {
        self.browser.follow("form[action='/console/sign-out'] [type=submit]").await
    }

    /// Goes to an order and waits until it can be shipped from its page.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn open_shippable(&self, id: OrderId) -> Result<()> {
        let pack = "main form[action$='/actions'] [name=operation][value=pack]";
        let number = format!("{} [name=tracking_number]", parcel_form(id));
        let either = [pack, ", ", &number].concat();
        let path = format!("/console/orders/{id}");
        // The page learns by itself that the warehouse knows the order, unless that comes about just when
        // the page is drawn and does not listen yet.
        until(&format!("order {id} can be shipped"), || async {
            self.open(&path).await?;
            Ok(self.browser.comes(&either, LEARNS_WITHIN).await?.then_some(()))
        })
        .await?;
        if self.browser.has(pack).await? {
            self.browser.follow(pack).await?;
        }
        self.browser.see(&number).await
    }

    /// Ships all that is left of the order that is shown.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ship(&self, id: OrderId, carrier: &str, number: &str) -> Result<()> {
        let form = parcel_form(id);
        self.browser.fill(&format!("{form} [name=carrier]"), carrier).await?;
        self.browser.fill(&format!("{form} [name=tracking_number]"), number).await?;
        self.browser.follow(&format!("{form} [type=submit]")).await?;
        self.browser.until_text("main", number).await
    }

    /// Moves the order that is shown.
    ///
    /// # Errors
    /// When it is not offered.
    pub async fn act(&self, operation: &str) -> Result<()> {
        let button = format!("main form[action$='/actions'] [name=operation][value={operation}]");
        self.browser.follow(&button).await
    }

    /// Opens the editor of the flow of orders; the document that stands in it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn edit_flow(&self) -> Result<Value> {
        self.open("/console/flows/order/edit").await?;
        let shown = self.browser.prop(DOCUMENT, "value").await?.context("the editor is empty")?;
        serde_json::from_str(&shown).context("the editor shows no JSON")
    }

    /// Puts a text into the editor and presses one of its buttons: `check`, `diff`.
    ///
    /// # Errors
    /// When there is no such button.
    pub async fn send_flow(&self, text: &str, button: &str) -> Result<()> {
        self.browser.paste(DOCUMENT, text).await?;
        self.browser.follow(&format!("main form [name=do][value={button}]")).await
    }

    /// Puts a text into the editor, publishes it, and says yes when asked.
    ///
    /// # Errors
    /// When nobody asks, or it is refused.
    pub async fn publish_flow(&self, text: &str) -> Result<()> {
        self.browser.paste(DOCUMENT, text).await?;
        self.browser.follow_and_confirm("main form [name=do][value=publish]").await?;
        self.browser.until_path("published flow", |p| !p.contains("/edit")).await.map(|_| ())
    }

    /// Uploads a file of products and waits for its report.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn upload(&self, file: &Path) -> Result<()> {
        self.open("/console/products/import").await?;
        let path = file.to_str().context("the file's path is no text")?;
        self.browser.attach("main form [type=file]", path).await?;
        self.browser.follow("main form[enctype] [type=submit]").await?;
        let job =
            |p: &str| p.strip_prefix("/console/products/import/").is_some_and(|j| !j.is_empty());
        self.browser.until_path("import", job).await?;
        // While it is checked, there is nothing but progress.
        self.browser.see("main form").await
    }

    /// Whether what was uploaded can be taken over, as a whole or in part.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn can_apply(&self) -> Result<bool> {
        self.browser.has(APPLY).await
    }

    /// Takes over what was uploaded, and waits until that is done.
    ///
    /// # Errors
    /// When it is not.
    pub async fn apply(&self) -> Result<()> {
        self.browser.follow(APPLY).await?;
        self.browser.see("main a[href='/console/products/import']").await
    }
}

/// The field with a flow's JSON.
const DOCUMENT: &str = "main form [name=document]";
/// Takes over what was uploaded.
const APPLY: &str = "main form[action$='/apply'] [type=submit]";

fn parcel_form(id: OrderId) -> String {
    format!("main form[action='/console/orders/{id}/parcels']")
}
