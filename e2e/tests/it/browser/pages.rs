//! Every page of the shop, as visitors and as members see it: accessible, safe, no wider than a telephone.
//! Pictures of all of them go into the artifact folder.

use anyhow::{Context as _, Result, ensure};
use e2e::browser::{Browser, BrowserOptions, Browsers, PayBy, Shop, with_browsers};
use e2e::{Server, ServerOptions};
use order_api::PaymentMethod;
use serde_json::json;

use super::walk::{Walk, Walked, all_reached, refuse_bare_forms};
use crate::common::TENANTS;

/// Names that break out of a page which does not escape them.
const HOSTILE: &str =
    "<script>document.title='owned'</script>\"'><img alt='' src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_shop_is_accessible_safe_and_narrow_enough() -> Result<()> {
    with_browsers("shop-pages", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        hostile_product(&server, "flora").await?;
        let options = BrowserOptions::default();
        let visitor = browsers.open("visitor", &options).await?;
        let as_visitor =
            walk(browsers, &server, &visitor, "flora", &["/", "/p/hostile", "/nothing", "/cart"])
                .await?;
        let member = browsers.open("member", &options).await?;
        let starts = busy_member(&server, &member, "flora").await?;
        let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
        let as_member = walk(browsers, &server, &member, "flora", &starts).await?;
        as_visitor.is_clean().context("as a visitor")?;
        as_member.is_clean().context("as a member")?;
        let mut plain = server.plain("flora")?;
        plain.cookies = member.cookies().await?.into_iter().collect();
        let walks = [&as_visitor, &as_member];
        all_reached(&mut plain, "apps/ui/src/routes", &FILES, &walks).await?;
        refuse_bare_forms(&mut plain, &as_member.posts).await?;
        ensure!(member.ask("return document.title", vec![]).await? != "owned");
        Ok(server)
    })
    .await
}

/// The rules are of no use when they find nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_people_out_is_found() -> Result<()> {
    with_browsers("axe", async |browsers| {
        let Some(axe) = browsers.axe() else { return Ok(()) };
        let browser = browsers.open("visitor", &BrowserOptions::default()).await?;
        let page = "<html lang=en><title>x</title><main><h1>x</h1><input><img src=data:,><p style='color:%23ccc;background:white'>pale</p></main>";
        browser.goto(&["data:text/html,", page].concat()).await?;
        let found = browser.accessibility(axe).await?;
        for rule in ["label", "image-alt", "color-contrast"] {
            ensure!(found.iter().any(|f| f.id == rule && f.is_bad()), "{rule} is not found: {found:?}");
        }
        let inline = browser.facts().await?.inline;
        ensure!(inline.len() == 1, "inline styles are not found: {inline:?}");
        browser.goto("data:text/html,<title>x</title><pre style='width:4000px'>wide").await?;
        ensure!(browser.fits_its_window().await.is_err(), "a page that is too wide is not found");
        Ok(())
    })
    .await
}

/// The other tenants have other colours and fonts, and there is another language.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_every_theme_and_language_are_accessible_and_narrow_enough() -> Result<()> {
    with_browsers("shop-themes", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let mut all = Walked::default();
        for tenant in TENANTS {
            let options = BrowserOptions { language: "zh-CN", ..BrowserOptions::default() };
            let browser = browsers.open(&format!("{tenant}-zh"), &options).await?;
            let shop = Shop::new(&browser, &server.origin(tenant)?);
            shop.browse().await?;
            let product = browser.path().await?;
            shop.add(1).await?;
            let language = browser.attr("html", "lang").await?;
            ensure!(language.as_deref() == Some("zh-CN"), "the language is {language:?}");
            shop.register("chinese").await?;
            let mut seen = start(browsers, &server, &browser, tenant)?;
            seen.inside = |_| false;
            let walked =
                seen.from(&["/", "/products", &product, "/cart", "/checkout", "/orders"]).await?;
            all.kinds.extend(walked.kinds);
            all.faults.extend(walked.faults.into_iter().map(|f| format!("{tenant}: {f}")));
        }
        all.is_clean()?;
        Ok(server)
    })
    .await
}

/// Puts a product on sale whose texts try to be code.
pub async fn hostile_product(server: &Server, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let body = json!({ "slug": "hostile", "title": { "en": HOSTILE, "zh-CN": HOSTILE },
        "description": { "en": format!("Plain. {HOSTILE}") }, "options": [{ "name": HOSTILE, "values": ["<i>a</i>", "b"] }],
        "skus": [
            { "options": ["<i>a</i>"], "prices": [{ "channel": "web", "amount": 900 }] },
            { "options": ["b"], "prices": [{ "channel": "web", "amount": 950 }] }],
        "status": "on_sale" });
    let made: product_api::ProductInfo =
        desk.caller.post("/v1/admin/products", &body).await?.ok().context("a hostile product")?;
    let warehouse = desk.warehouses().await?.first().context("a tenant has a warehouse")?.id;
    for sku in made.skus {
        desk.stock_up(sku.id, warehouse, 30).await?;
    }
    Ok(())
}

/// Somebody with orders, an address and a filled cart; which pages that gives.
async fn busy_member(server: &Server, browser: &Browser, tenant: &str) -> Result<Vec<String>> {
    let shop = Shop::new(browser, &server.origin(tenant)?);
    shop.register("busy").await?;
    shop.open("/p/hostile").await?;
    shop.add(1).await?;
    shop.to_checkout("busy").await?;
    shop.fill_checkout(PayBy::Card).await?;
    let unpaid = shop.place().await?;
    shop.open("/p/hostile").await?;
    shop.add(2).await?;
    // One that is under way, with a parcel.
    let desk = server.desk(tenant, "owner").await?;
    let other = server.shopper(tenant, "other").await?;
    let sku = desk.product("other", 100, 5).await?;
    let foreign = other.buy(sku, 1, PaymentMethod::CashOnDelivery).await?;
    let mine = format!("/orders/{unpaid}");
    let own = ["/", "/p/hostile", "/cart", "/checkout", "/orders", &mine].map(str::to_owned);
    let mut starts: Vec<String> = own.into();
    starts.push(format!("{mine}/pay"));
    // Somebody else's order is no page of one's own; it is looked at as an error.
    starts.push(format!("/orders/{}?of=another", foreign.id));
    starts.push("/nothing".to_owned());
    Ok(starts)
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
        inside: |path| !path.starts_with("/console"),
    })
}

async fn walk(
    browsers: &Browsers,
    server: &Server,
    browser: &Browser,
    tenant: &str,
    starts: &[&str],
) -> Result<Walked> {
    let first = [&server.origin(tenant)?, starts[0]].concat();
    browser.goto(&first).await?;
    start(browsers, server, browser, tenant)?.from(starts).await
}

/// What is no page at the shop: files, and what only leads on.
const FILES: [&str; 9] = [
    "/orders/{id}/events",
    "/language",
    "/assets/site.css",
    "/assets/site.js",
    "/assets/icon.svg",
    "/robots.txt",
    "/sitemap.xml",
    "/sitemap-pages.xml",
    "/sitemap-products.xml",
];
