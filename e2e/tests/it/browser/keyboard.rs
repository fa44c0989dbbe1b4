//! Who has no mouse can buy: from a product to a paid order with the keyboard alone.

use anyhow::{Result, ensure};
use e2e::browser::{BrowserOptions, Key, Shop, with_browsers};
use e2e::{Server, ServerOptions};

use crate::common::GOOD_CARD;

/// What is typed, field by field, in the sequence of the form.
const ADDRESS: [(&str, &str); 6] = [
    ("name", "Wei Ling"),
    ("phone", "+86 10 5555 0100"),
    ("region", "Beijing"),
    ("city", "Beijing"),
    ("street", "1 Long Street"),
    ("postal_code", "100000"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_can_buy() -> Result<()> {
    with_browsers("keyboard", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let desk = server.desk("flora", "owner").await?;
        desk.product("by-keyboard", 1_900, 20).await?;
        let browser = browsers.open("shopper", &BrowserOptions::default()).await?;
        let shop = Shop::new(&browser, &server.origin("flora")?);
        shop.register("keyboard").await?;
        shop.open("/p/by-keyboard").await?;
        buy(&shop).await?;
        Ok(server)
    })
    .await
}

async fn buy(shop: &Shop) -> Result<()> {
    let browser = &shop.browser;
    browser.tab_to("main form[action='/cart/lines'] [type=submit]").await?;
    browser.press(Key::Enter).await?;
    browser.until_path("cart", |p| p.starts_with("/cart")).await?;
    browser.tab_to("main [href='/checkout']").await?;
    browser.press(Key::Enter).await?;
    browser.until_path("checkout", |p| p.starts_with("/checkout")).await?;
    for (name, text) in ADDRESS {
        browser.tab_to(&format!("main form[action='/checkout'] [name={name}]")).await?;
        browser.type_text(text).await?;
    }
    browser.tab_to("main form[action='/checkout'] [name=payment_method]").await?;
    browser.press(Key::Space).await?;
    let card = "main [name=payment_method][value=card]:checked";
    if !browser.has(card).await? {
        browser.press(Key::Down).await?;
    }
    ensure!(browser.has(card).await?, "the card is not chosen with the keyboard");
    browser.tab_to("main form[action='/checkout'] [type=submit]").await?;
    browser.press(Key::Enter).await?;
    browser.until_path("card form", |p| p.ends_with("/pay")).await?;
    for (name, text) in [("number", GOOD_CARD), ("expiry", "12/30"), ("cvc", "123")] {
        browser.tab_to(&format!("main form[action$='/pay'] [name={name}]")).await?;
        browser.type_text(text).await?;
    }
    browser.press(Key::Enter).await?;
    browser
        .until_path("order", |p| p.starts_with("/orders/") && !p.ends_with("/pay"))
        .await
        .map(|_| ())
}
