//! Shoppers in a browser: from the first page to an order, with cards, with cash, and when stock runs out.

use anyhow::{Context as _, Result, ensure};
use e2e::browser::{Browser, BrowserOptions, PayBy, Shop, with_browsers};
use e2e::{Caller, Server, ServerOptions};
use order_api::{OrderView, PaymentMethod};
use types::OrderId;

use crate::common::{DECLINED_CARD, GOOD_CARD, TENANTS};

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_is_told_and_a_good_one_pays() -> Result<()> {
    with_browsers("declined-card", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let browser = browsers.open("shopper", &BrowserOptions::default()).await?;
        for tenant in TENANTS {
            card(&server, &browser, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn card(server: &Server, browser: &Browser, tenant: &str) -> Result<()> {
    let shop = Shop::new(browser, &server.origin(tenant)?);
    let id = order(&shop, "card-browser", PayBy::Card).await?;
    browser.until_path("card form", |p| p == format!("/orders/{id}/pay")).await?;
    shop.pay(DECLINED_CARD).await?;
    ensure!(!shop.alert().await?.is_empty(), "a declined card is told");
    let again = browser.path().await?;
    ensure!(again == format!("/orders/{id}/pay"), "a declined card leads to {again}");
    let number = browser.attr("main [name=number]", "value").await?;
    ensure!(number.unwrap_or_default().is_empty(), "a card's number is not shown again");
    let caller = shop.caller(&server.visitor(tenant)?).await?;
    ensure!(seen(&caller, id).await?.status == "PENDING_PAYMENT", "nothing is paid yet");
    shop.pay(GOOD_CARD).await?;
    browser.until_path("order", |p| p == format!("/orders/{id}")).await?;
    shows_status(&shop, &caller, id, "PAID").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_in_cash_orders_without_a_card() -> Result<()> {
    with_browsers("cash-on-delivery", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let browser = browsers.open("shopper", &BrowserOptions::default()).await?;
        for tenant in TENANTS {
            cash(&server, &browser, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn cash(server: &Server, browser: &Browser, tenant: &str) -> Result<()> {
    let shop = Shop::new(browser, &server.origin(tenant)?);
    let id = order(&shop, "cash-browser", PayBy::Cash).await?;
    browser.until_path("order", |p| p == format!("/orders/{id}")).await?;
    let caller = shop.caller(&server.visitor(tenant)?).await?;
    shows_status(&shop, &caller, id, "CONFIRMED").await?;
    // It stands in the list, and the cart is empty again.
    shop.open("/orders").await?;
    browser.see(&format!("main a[href='/orders/{id}']")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_is_oversold_is_refused_and_the_line_named() -> Result<()> {
    with_browsers("oversold", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let browser = browsers.open("shopper", &BrowserOptions::default()).await?;
        for tenant in TENANTS {
            oversold(&server, &browser, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn oversold(server: &Server, browser: &Browser, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let (scarce, plenty) =
        (desk.product("last-ones", 1_500, 2).await?, desk.product("in-plenty", 700, 50).await?);
    let shop = Shop::new(browser, &server.origin(tenant)?);
    shop.register("late-browser").await?;
    shop.open("/p/in-plenty").await?;
    shop.add(1).await?;
    shop.open("/p/last-ones").await?;
    shop.add(2).await?;
    shop.to_checkout("late-browser").await?;
    shop.fill_checkout(PayBy::Cash).await?;
    // Somebody else is faster.
    let other = server.shopper(tenant, "fast").await?;
    let taken = other.buy(scarce, 1, PaymentMethod::CashOnDelivery).await?;
    ensure!(taken.status == "CONFIRMED");
    shop.press_place().await?;
    let alert = shop.alert().await?;
    ensure!(alert.contains("last-ones"), "the line is not named: {alert}");
    ensure!(!alert.contains("in-plenty"), "a line that is in stock is named: {alert}");
    let path = browser.path().await?;
    ensure!(path.starts_with("/checkout"), "it was not refused: {path}");
    let street = browser.attr("main form[action='/checkout'] [name=street]", "value").await?;
    ensure!(street.as_deref() == Some("1 Long Street"), "what was typed is lost: {street:?}");
    let (left, rest) = (desk.level(scarce).await?, desk.level(plenty).await?);
    ensure!(left.available == 1 && rest.available == 50, "a refusal holds: {left:?} {rest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_one_browses_and_buys() -> Result<()> {
    with_browsers("no-javascript", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let options = BrowserOptions { javascript: false, ..BrowserOptions::default() };
        let browser = browsers.open("shopper", &options).await?;
        scripts_are_off(&browser).await?;
        for tenant in TENANTS {
            card(&server, &browser, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

/// The test means what it says only when pages really run nothing.
async fn scripts_are_off(browser: &Browser) -> Result<()> {
    browser
        .goto("data:text/html,<p>off</p><script>document.body.textContent='on'</script>")
        .await?;
    let text = browser.text("body").await?;
    ensure!(text == "off", "scripts are {text}");
    Ok(())
}

/// From the first page to an order, like somebody who was never here.
async fn order(shop: &Shop, name: &str, pay_by: PayBy) -> Result<OrderId> {
    shop.browse().await?;
    shop.add(1).await?;
    shop.to_checkout(name).await?;
    shop.fill_checkout(pay_by).await?;
    shop.place().await
}

async fn seen(caller: &Caller, id: OrderId) -> Result<OrderView> {
    caller.get(&format!("/v1/store/orders/{id}")).await?.ok()
}

/// Waits until an order stands somewhere, and until its page says so.
async fn shows_status(shop: &Shop, caller: &Caller, id: OrderId, status: &str) -> Result<()> {
    let order = e2e::until(&format!("order {id} is {status}"), || async {
        let order = seen(caller, id).await?;
        Ok((order.status == status).then_some(order))
    })
    .await?;
    shop.open(&format!("/orders/{id}")).await?;
    shop.browser.until_text("main", &order.status_label).await
}
