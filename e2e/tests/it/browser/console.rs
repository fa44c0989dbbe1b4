//! Those who run a shop in a browser, at all three tenants: shipping, a new flow, products from a file,
//! figures that follow what happens.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use e2e::browser::{Browser, BrowserOptions, Browsers, Console, PayBy, Shop, with_browsers};
use e2e::{Server, ServerOptions};
use order_api::{OrderView, PaymentMethod};
use serde_json::{Value, json};
use types::OrderId;

use crate::common::TENANTS;

/// Two people, each with a browser.
struct Pair {
    shopper: Browser,
    staff: Browser,
}

impl Pair {
    async fn open(browsers: &Browsers) -> Result<Self> {
        let options = BrowserOptions::default();
        let shopper = browsers.open("shopper", &options).await?;
        Ok(Self { shopper, staff: browsers.open("staff", &options).await? })
    }

    /// Both at a tenant: the shop, and the console as somebody with this role.
    async fn at(&self, server: &Server, tenant: &str, role: &str) -> Result<(Shop, Console)> {
        let origin = server.origin(tenant)?;
        let console = Console::new(&self.staff, &origin);
        console.sign_in(server.staff_login(tenant, role)?).await?;
        Ok((Shop::new(&self.shopper, &origin), console))
    }
}

/// Orders a product in the browser and stays at the order's page.
async fn order(shop: &Shop, name: &str, slug: &str) -> Result<OrderId> {
    shop.open(&format!("/p/{slug}")).await?;
    shop.add(1).await?;
    shop.to_checkout(name).await?;
    shop.fill_checkout(PayBy::Cash).await?;
    shop.place().await
}

/// A note on the page that a reload would take away, as soon as the page hears of what happens from now on.
async fn mark(browser: &Browser) -> Result<()> {
    browser.until_listening().await?;
    browser.ask("window.notReloaded = true;", vec![]).await.map(|_| ())
}

async fn not_reloaded(browser: &Browser) -> Result<()> {
    let kept = browser.ask("return window.notReloaded === true", vec![]).await?;
    ensure!(kept == json!(true), "the page was loaded anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shoppers_page_follows_what_the_warehouse_ships() -> Result<()> {
    with_browsers("ship-live", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let pair = Pair::open(browsers).await?;
        for tenant in TENANTS {
            ship_live(&server, &pair, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn ship_live(server: &Server, pair: &Pair, tenant: &str) -> Result<()> {
    let owner = server.desk(tenant, "owner").await?;
    owner.product("ships-live", 2_200, 10).await?;
    let (shop, console) = pair.at(server, tenant, "warehouse").await?;
    let id = order(&shop, "ships-live", "ships-live").await?;
    shop.browser.until_path("order", |p| p == format!("/orders/{id}")).await?;
    mark(&shop.browser).await?;
    console.open_shippable(id).await?;
    console.ship(id, "Post", "LIVE-1").await?;
    let caller = shop.caller(&server.visitor(tenant)?).await?;
    let shipped = e2e::until("the order is shipped", || async {
        let order: OrderView = caller.get(&format!("/v1/store/orders/{id}")).await?.ok()?;
        Ok((order.status == "SHIPPED").then_some(order))
    })
    .await?;
    // The page in the other browser says it without anybody's doing.
    shop.browser.until_text("main", "LIVE-1").await?;
    shop.browser.until_text("main", &shipped.status_label).await?;
    not_reloaded(&shop.browser).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_added_in_the_editor_is_taken_by_the_next_order() -> Result<()> {
    with_browsers("edit-flow", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let pair = Pair::open(browsers).await?;
        for tenant in TENANTS {
            edit_flow(&server, &pair, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn edit_flow(server: &Server, pair: &Pair, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    desk.product("new-flow", 1_100, 10).await?;
    let before = desk.flow().await?.info.version;
    let (shop, console) = pair.at(server, tenant, "owner").await?;
    let old = order(&shop, "new-flow", "new-flow").await?;
    let document = console.edit_flow().await?;
    // A mistake is told with its place, and nothing is published.
    let mut wrong = document.clone();
    wrong["operations"]["wrap"] = json!({ "from": "CONFIRMED", "to": "NOWHERE", "by": ["staff"] });
    console.send_flow(&serde_json::to_string_pretty(&wrong)?, "check").await?;
    let alert = console.browser.text("main [role=alert]").await?;
    ensure!(alert.contains("NOWHERE"), "what is wrong is not told: {alert}");
    ensure!(console.browser.has("main [role=alert] a[href^='#L']").await?, "nor where: {alert}");
    ensure!(desk.flow().await?.info.version == before, "a check publishes");
    let good = serde_json::to_string_pretty(&with_wrapping(document)?)?;
    console.send_flow(&good, "check").await?;
    ensure!(!console.browser.has("main [role=alert]").await?, "a good flow is refused");
    console.publish_flow(&good).await?;
    ensure!(desk.flow().await?.info.version == before + 1, "nothing was published");
    // The new state is there for a new order, and not for the old one.
    let new = order(&shop, "new-flow", "new-flow").await?;
    console.open(&format!("/console/orders/{old}")).await?;
    console.browser.see("main form[action$='/actions']").await?;
    let wrap = "main [name=operation][value=wrap]";
    ensure!(!console.browser.has(wrap).await?, "an old order takes the new flow");
    console.open(&format!("/console/orders/{new}")).await?;
    mark(&shop.browser).await?;
    console.act("wrap").await?;
    console.browser.until_text("main", "Being wrapped").await?;
    shop.browser.until_text("main", "Being wrapped").await?;
    not_reloaded(&shop.browser).await
}

/// The flow with a step more: what is confirmed can be wrapped before it is shipped.
fn with_wrapping(mut document: Value) -> Result<Value> {
    document.as_object_mut().context("a flow is an object")?.remove("version");
    document["statuses"]["WRAPPING"] = json!({ "label": "Being wrapped" });
    let operations = document["operations"].as_object_mut().context("a flow has operations")?;
    for name in ["pack", "begin_shipping", "ship"] {
        let Some(operation) = operations.get_mut(name) else { continue };
        let steps = match operation {
            Value::Array(steps) => steps.iter_mut().collect(),
            one => vec![one],
        };
        for step in steps {
            let from = match &step["from"] {
                Value::Array(from) => from.clone(),
                one => vec![one.clone()],
            };
            if from.contains(&json!("CONFIRMED")) {
                step["from"] = from.into_iter().chain([json!("WRAPPING")]).collect();
            }
        }
    }
    // Where what is packed can be unpacked, it can be wrapped again.
    if let Some(cycles) = document["cycles"].as_array_mut()
        && cycles.contains(&json!("CONFIRMED"))
    {
        cycles.push(json!("WRAPPING"));
    }
    let operations = document["operations"].as_object_mut().context("a flow has operations")?;
    operations.insert(
        "wrap".to_owned(),
        json!({ "from": "CONFIRMED", "to": "WRAPPING", "by": ["staff"], "label": "Wrap" }),
    );
    Ok(document)
}

#[tokio::test(flavor = "multi_thread")]
async fn products_come_from_a_file_and_a_broken_row_is_named() -> Result<()> {
    with_browsers("import", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let pair = Pair::open(browsers).await?;
        let files = Files::write(browsers.artifacts()?)?;
        for tenant in TENANTS {
            import(&server, &pair, tenant, &files).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

/// Files of products: one without a mistake, one without anything else.
pub struct Files {
    pub good: PathBuf,
    broken: PathBuf,
}

impl Files {
    pub fn write(folder: &std::path::Path) -> Result<Self> {
        const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price\n";
        let (good, broken) = (folder.join("good.csv"), folder.join("broken.csv"));
        let rows = "from-file,From a file,<p>Imported.</p>,Stoa,Test,true,Size,S,FILE-S,7,12.50\n\
             from-file,,,,,,,L,FILE-L,0,13.50\n\
             also-from-file,Also from a file,<p>Too.</p>,Stoa,Test,true,,,FILE-2,3,9.90\n";
        std::fs::write(&good, [HEADER, rows].concat())?;
        let wrong = "no-good,No good,<p>No.</p>,Stoa,Test,true,,,FILE-3,3,not-a-price\n";
        std::fs::write(&broken, [HEADER, wrong].concat())?;
        Ok(Self { good, broken })
    }
}

async fn import(server: &Server, pair: &Pair, tenant: &str, files: &Files) -> Result<()> {
    let (shop, console) = pair.at(server, tenant, "owner").await?;
    let visitor = server.visitor(tenant)?;
    console.upload(&files.broken).await?;
    let told = console.browser.text("main").await?;
    for part in ["Variant Price", "2", "not-a-price"] {
        ensure!(told.contains(part), "{part} is not told: {told}");
    }
    ensure!(!console.can_apply().await?, "a file without a good row is offered: {told}");
    visitor.get("/v1/store/products/no-good").await?.refused(404)?;
    console.upload(&files.good).await?;
    visitor.get("/v1/store/products/from-file").await?.refused(404)?;
    console.apply().await?;
    // It is on sale, with what the file says is in stock.
    shop.open("/p/from-file").await?;
    shop.browser.until_text("main h1", "From a file").await?;
    e2e::until("the stock has followed", || async {
        shop.open("/p/from-file").await?;
        Ok(shop.browser.has("main form[action='/cart/lines'] [type=submit]").await?.then_some(()))
    })
    .await?;
    e2e::until("the list shows it", || async {
        shop.open("/products").await?;
        Ok(shop.browser.has("main a[href^='/p/also-from-file']").await?.then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_follows_what_is_ordered() -> Result<()> {
    with_browsers("dashboard", async |browsers| {
        let server = Server::start(ServerOptions::default()).await?;
        let pair = Pair::open(browsers).await?;
        for tenant in TENANTS {
            dashboard(&server, &pair, tenant).await.with_context(|| format!("at {tenant}"))?;
        }
        Ok(server)
    })
    .await
}

async fn dashboard(server: &Server, pair: &Pair, tenant: &str) -> Result<()> {
    let desk = server.desk(tenant, "owner").await?;
    let sku = desk.product("counted", 3_300, 10).await?;
    let (_, console) = pair.at(server, tenant, "owner").await?;
    let orders = async || -> Result<u64> {
        let figure = console.browser.text("main dl dd").await?;
        figure.replace(',', "").trim().parse().with_context(|| format!("no number: {figure}"))
    };
    let before = orders().await?;
    mark(&console.browser).await?;
    let shopper = server.shopper(tenant, "counted").await?;
    let order = shopper.buy(sku, 1, PaymentMethod::CashOnDelivery).await?;
    e2e::until("the dashboard counts it", || async {
        Ok((orders().await? == before + 1).then_some(()))
    })
    .await?;
    not_reloaded(&console.browser).await?;
    // The list of orders has it, and leads to it.
    console.open("/console/orders").await?;
    let link = format!("main a[href='/console/orders/{}']", order.id);
    console.browser.follow(&link).await?;
    console.browser.until_text("main", "counted").await?;
    console.sign_out().await?;
    console.open("/console/orders").await?;
    console.browser.until_path("signing in", |p| p.starts_with("/console/sign-in")).await?;
    Ok(())
}
