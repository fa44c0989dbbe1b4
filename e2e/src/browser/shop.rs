//! A shopper in a browser. Things are found by what they are for (a form's address, a field's name), not
//! by how they look.

use anyhow::{Context as _, Result, bail};
use types::OrderId;

use super::session::Browser;
use crate::client::Caller;
use crate::wait::until;

/// What everybody here signs in with.
pub const PASSWORD: &str = crate::shopper::PASSWORD;

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayBy {
    /// By card, on the next page.
    Card,
    /// To whoever brings the parcel.
    Cash,
}

impl PayBy {
    const fn value(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Cash => "cash_on_delivery",
        }
    }
}

/// A shop in a browser.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The browser it is shown in.
    pub browser: Browser,
    origin: String,
}

impl Shop {
    /// A shop at its address, `http://host:port`.
    #[must_use]
    pub fn new(browser: &Browser, origin: &str) -> Self {
        Self { browser: browser.clone(), origin: origin.to_owned() }
    }

    /// Goes to a path of the shop.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.browser.goto(&[&self.origin, path].concat()).await
    }

    /// Registers, and is signed in by that.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn register(&self, name: &str) -> Result<()> {
        self.open("/register").await?;
        self.fill_register(name).await
    }

    /// Fills the form in that a visitor meets on the way, and sends it.
    async fn fill_register(&self, name: &str) -> Result<()> {
        let field = |name: &str| format!("form[action^='/register'] [name={name}]");
        self.browser.fill(&field("login"), &format!("{name}@example.com")).await?;
        self.browser.fill(&field("name"), name).await?;
        self.browser.fill(&field("password"), PASSWORD).await?;
        self.browser.follow("form[action^='/register'] [type=submit]").await?;
        self.browser.until_path("way out of registering", |p| !p.starts_with("/register")).await?;
        Ok(())
    }

    /// Signs in with what somebody registered with.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(&self, name: &str) -> Result<()> {
        self.open("/sign-in").await?;
        let field = |name: &str| format!("main form[action^='/sign-in'] [name={name}]");
        self.browser.fill(&field("login"), &format!("{name}@example.com")).await?;
        self.browser.fill(&field("password"), PASSWORD).await?;
        self.browser.follow("main form[action^='/sign-in'] [type=submit]").await?;
        self.browser.until_path("way out of signing in", |p| !p.starts_with("/sign-in")).await?;
        Ok(())
    }

    /// Looks around from the first page until something can be bought, and stays at it.
    ///
    /// # Errors
    /// When nothing can be.
    pub async fn browse(&self) -> Result<()> {
        self.open("/").await?;
        self.browser.follow("a[href^='/products']").await?;
        self.browser.until_path("list of products", |p| p.starts_with("/products")).await?;
        let products = self.listed().await?;
        for (n, product) in products.iter().enumerate() {
            if n == 0 {
                self.browser.follow(&format!("main a[href='{product}']")).await?;
                self.browser.until_path("product", |p| p.starts_with("/p/")).await?;
            } else {
                self.open(product).await?;
            }
            if self.browser.has(ADD).await? {
                return Ok(());
            }
        }
        bail!("nothing can be bought")
    }

    /// The addresses of the products in the list that is shown. Lists follow the catalogue a moment later:
    /// while there is nothing in it, it is opened anew.
    async fn listed(&self) -> Result<Vec<String>> {
        let list = self.browser.path().await?;
        until("the list shows products", || async {
            let products = self.browser.attrs("main a[href^='/p/']", "href").await?;
            if products.is_empty() {
                self.open(&list).await?;
            }
            Ok((!products.is_empty()).then_some(products))
        })
        .await
    }

    /// Puts what is shown into the cart and goes there.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn add(&self, units: u32) -> Result<()> {
        let quantity = "main form[action='/cart/lines'] [name=quantity]";
        if units != 1 {
            self.browser.fill(quantity, &units.to_string()).await?;
        }
        self.browser.follow(ADD).await?;
        self.open_cart().await
    }

    /// Waits until the cart holds something.
    async fn open_cart(&self) -> Result<()> {
        if !self.browser.path().await?.starts_with("/cart") {
            self.open("/cart").await?;
        }
        self.browser.see("main [href='/checkout']").await
    }

    /// From the cart to the checkout; registers on the way when nobody is signed in.
    ///
    /// # Errors
    /// When it does not lead there.
    pub async fn to_checkout(&self, name: &str) -> Result<()> {
        self.browser.follow("main [href='/checkout']").await?;
        let to = |p: &str| p.starts_with("/checkout") || p.starts_with("/sign-in");
        if self.browser.until_path("checkout", to).await?.starts_with("/sign-in") {
            self.browser.follow("main a[href^='/register']").await?;
            self.browser.until_path("registering", |p| p.starts_with("/register")).await?;
            self.fill_register(name).await?;
            self.browser.until_path("checkout", |p| p.starts_with("/checkout")).await?;
        }
        Ok(())
    }

    /// Fills the checkout in: a new address, a way to pay.
    ///
    /// # Errors
    /// When a field is missing.
    pub async fn fill_checkout(&self, pay_by: PayBy) -> Result<()> {
        if self.browser.has(&in_checkout("[type=radio][name=address][value=new]")).await? {
            self.browser.choose(&in_checkout("[name=address][value=new]")).await?;
        }
        for (name, text) in ADDRESS {
            self.browser.fill(&in_checkout(&format!("[name={name}]")), text).await?;
        }
        let way = format!("[name=payment_method][value={}]", pay_by.value());
        self.browser.choose(&in_checkout(&way)).await
    }

    /// Presses the button that places the order.
    ///
    /// # Errors
    /// When there is none.
    pub async fn press_place(&self) -> Result<()> {
        self.browser.follow(&in_checkout("[type=submit]:not([name=change])")).await
    }

    /// Places the order and waits for where that leads.
    ///
    /// # Errors
    /// When it is not placed.
    pub async fn place(&self) -> Result<OrderId> {
        self.press_place().await?;
        let path =
            self.browser.until_path("order", |p| order_in(p).is_some() && !p.contains("placing"));
        order_in(&path.await?).context("an order has a number")
    }

    /// Fills the card in and sends it.
    ///
    /// # Errors
    /// When a field is missing.
    pub async fn pay(&self, number: &str) -> Result<()> {
        let field = |name: &str| format!("main form[action$='/pay'] [name={name}]");
        self.browser.fill(&field("number"), number).await?;
        self.browser.fill(&field("expiry"), "12/30").await?;
        self.browser.fill(&field("cvc"), "123").await?;
        self.browser.follow("main form[action$='/pay'] [type=submit]").await
    }

    /// What the page complains about.
    ///
    /// # Errors
    /// When it does not complain.
    pub async fn alert(&self) -> Result<String> {
        self.browser.text("main [role=alert]").await
    }

    /// The same person without a browser.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn caller(&self, visitor: &Caller) -> Result<Caller> {
        let token = self.browser.cookie("stoa_session").await?.context("nobody is signed in")?;
        Ok(visitor.with_token(&token))
    }
}

/// Puts what is shown into the cart.
const ADD: &str = "main form[action='/cart/lines'] [type=submit]";

/// What an address is filled with.
const ADDRESS: [(&str, &str); 7] = [
    ("name", "Wei Ling"),
    ("phone", "+86 10 5555 0100"),
    ("country", "CN"),
    ("region", "Beijing"),
    ("city", "Beijing"),
    ("street", "1 Long Street"),
    ("postal_code", "100000"),
];

fn in_checkout(css: &str) -> String {
    format!("main form[action='/checkout'] {css}")
}

/// The order that a path names.
fn order_in(path: &str) -> Option<OrderId> {
    let rest = path.strip_prefix("/orders/")?;
    rest.split(['/', '?']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_by_its_path() {
        let id = OrderId::from_i64(5).unwrap();
        assert_eq!(order_in("/orders/5/pay"), Some(id));
        assert_eq!(order_in("/orders/5?placing=1"), Some(id));
        assert_eq!(order_in("/orders"), None);
        assert_eq!(order_in("/checkout"), None);
    }
}
