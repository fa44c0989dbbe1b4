//! Every page of the console, as the owner of a busy shop sees it: accessible, safe, no wider than a
//! telephone. Pictures of all of them go into the artifact folder.

use anyhow::{Result, ensure};
use e2e::browser::{Browser, BrowserOptions, Browsers, Console, with_browsers};
use e2e::{Desk, Server, ServerOptions, Shopper, until};
use order_api::PaymentMethod;
use types::SkuId;

use super::console::Files;
use super::pages::hostile_product;
use super::walk::{Walk, Walked, all_reached, refuse_bare_forms};
use crate::common::{GOOD_CARD, TENANTS, make_shippable, until_status};

/// What is no page of the console: files, streams, and what only leads on.
const FILES: [&str; 6] = [
    "/console/events",
    "/console/orders/{id}/events",
    "/console/language",
    "/console/products/export",
    "/console/assets/console.css",
    "/console/settings/logo",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_console_is_accessible_safe_and_narrow_enough() -> Result<()> {
    with_browsers("console-pages", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        busy_shop(&server, "flora").await?;
        let browser = browsers.open("owner", &BrowserOptions::default()).await?;
        let console = Console::new(&browser, &server.origin("flora")?);
        console.open("/console/sign-in").await?;
        let mut outside = start(browsers, &server, &browser, "flora")?;
        outside.inside = |_| false;
        let outside = outside.from(&["/console/sign-in"]).await?;
        console.sign_in(server.staff_login("flora", "owner")?).await?;
        console.upload(&Files::write(browsers.artifacts()?)?.good).await?;
        let import = browser.path().await?;
        let walked = start(browsers, &server, &browser, "flora")?
            .from(&["/console", &import, "/console/nothing", "/console/orders/5"])
            .await?;
        outside.is_clean()?;
        walked.is_clean()?;
        let mut plain = server.plain("flora")?;
        plain.cookies = browser.cookies().await?.into_iter().collect();
        let walks = [&outside, &walked];
        all_reached(&mut plain, "apps/console/src", &FILES, &walks).await?;
        refuse_bare_forms(&mut plain, &walked.posts).await?;
        ensure!(browser.ask("return document.title", vec![]).await? != "owned");
        Ok(server)
    })
    .await
}

/// The other tenants have other flows and many cells, and there is another language.
#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_pages_in_the_other_language_are_accessible_and_narrow_enough() -> Result<()> {
    with_browsers("console-languages", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let mut all = Walked::default();
        for tenant in TENANTS {
            busy_shop(&server, tenant).await?;
            let options = BrowserOptions { language: "zh-CN", ..BrowserOptions::default() };
            let browser = browsers.open(&format!("{tenant}-zh"), &options).await?;
            let console = Console::new(&browser, &server.origin(tenant)?);
            console.sign_in(server.staff_login(tenant, "owner")?).await?;
            let language = browser.attr("html", "lang").await?;
            ensure!(language.as_deref() == Some("zh-CN"), "the language is {language:?}");
            let mut walk = start(browsers, &server, &browser, tenant)?;
            walk.inside = |_| false;
            let starts = [
                "/console",
                "/console/orders",
                "/console/flows/order",
                "/console/placements",
                "/console/messages",
                "/console/products",
                "/console/stock",
                "/console/settings",
                "/console/staff",
            ];
            let walked = walk.from(&starts).await?;
            all.kinds.extend(walked.kinds);
            all.faults.extend(walked.faults.into_iter().map(|f| format!("{tenant}: {f}")));
        }
        all.is_clean()?;
        Ok(server)
    })
    .await
}

/// A shop in which something of everything has happened.
async fn busy_shop(server: &Server, tenant: &str) -> Result<()> {
    hostile_product(server, tenant).await?;
    let desk = server.desk(tenant, "owner").await?;
    let sku = desk.product("busy", 4_400, 50).await?;
    let shopper = server.shopper(tenant, "busy-buyer").await?;
    shipped(&desk, &shopper, sku).await?;
    let paid = shopper.buy(sku, 2, PaymentMethod::Card).await?;
    shopper.pay(paid.id, GOOD_CARD).await?;
    shopper.buy(sku, 1, PaymentMethod::Card).await?;
    let cancelled = shopper.buy(sku, 1, PaymentMethod::CashOnDelivery).await?;
    shopper.act(cancelled.id, "cancel").await?;
    // What is listed is found by what has been told.
    until("the console lists the orders", || async {
        let found = desk.caller.get("/v1/admin/search/orders?limit=10").await?;
        Ok((found.status != 200 || found.shown().contains(&paid.id.to_string())).then_some(()))
    })
    .await
}

async fn shipped(desk: &Desk, shopper: &Shopper, sku: SkuId) -> Result<()> {
    let order = shopper.buy(sku, 1, PaymentMethod::Card).await?;
    shopper.pay(order.id, GOOD_CARD).await?;
    until_status(shopper, order.id, "PAID").await?;
    make_shippable(desk, order.id).await?;
    desk.ship(order.id, None, "BUSY-1").await?;
    until_status(shopper, order.id, "SHIPPED").await.map(|_| ())
}

fn start<'a>(
    browsers: &'a Browsers,
    server: &Server,
    browser: &'a Browser,
    tenant: &str,
) -> Result<Walk<'a>> {
    let pictures = browsers.artifacts()?.join(browser.who());
    std::fs::create_dir_all(&pictures)?;
    Ok(Walk {
        browser,
        origin: server.origin(tenant)?,
        plain: server.plain(tenant)?,
        axe: browsers.axe(),
        pictures: Some(pictures),
        inside: |path| path.starts_with("/console"),
    })
}
