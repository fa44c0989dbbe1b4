//! Looking around: lists, products, languages, the look of a shop.

use inventory_api::{SHOWN_MAX, SkuStock};
use rpc::Fault;
use tenant_api::{TenantInfo, TenantMock, Theme};

use crate::data;
use crate::world::World;

#[tokio::test]
async fn the_first_page_shows_the_shop_its_categories_and_its_products() {
    let mut visitor = World::new().visitor();
    let home = visitor.get("/").await;
    home.is(200).shows("Flora &amp; Sons").shows("/c/flowers").shows("/p/rose").shows("¥99.00");
    home.hides("/c/roses").hides("http-equiv");
    let all = visitor.get("/products").await;
    all.is(200).shows("/products?cursor=more").hides("First page");
    visitor.get("/products?cursor=more").await.is(200).shows("First page");
    let category = visitor.get("/c/flowers").await;
    category.is(200).shows("Cut flowers").shows("/c/roses").shows("/c/flowers?cursor=more");
    visitor.get("/c/nothing").await.is(404).shows("Not found");
}

#[tokio::test]
async fn a_script_in_a_products_title_is_text() {
    let mut visitor = World::new().visitor();
    for path in ["/", "/products", "/p/rose"] {
        let page = visitor.get(path).await;
        page.is(200).shows("&lt;script&gt;alert(1)&lt;/script&gt;").hides("<script>");
    }
}

#[tokio::test]
async fn options_are_links_to_variants_and_pictures_are_links_too() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/p/rose?sku=102").await;
    page.is(200).shows("/p/rose?sku=104").shows("/p/rose?sku=101").shows("¥129.00");
    page.shows("href=\"#picture-2\"")
        .shows("id=\"picture-2\"")
        .shows("<p>Smells of <b>summer</b>.</p>");
    assert_eq!(page.field("sku_id"), "102");
    visitor.get("/p/rose?sku=999").await.is(200).shows("¥99.00");
    visitor.get("/p/fern").await.is(404);
    visitor.get("/p/%FF").await.is(400);
    visitor.get("/p/Not%20a%20slug").await.is(404);
}

#[tokio::test]
async fn what_is_sold_out_has_no_button_and_an_unknown_stock_is_no_obstacle() {
    let mut world = World::new();
    world.inventory = world.inventory.on_get_stock(|_, req| {
        let stock =
            |sku_id| SkuStock { sku_id, available: 0, reserved: 9, sold: 0, warehouses: vec![] };
        Ok(req.sku_ids.into_iter().map(stock).collect())
    });
    world.visitor().get("/p/rose").await.is(200).shows("Sold out").hides("Add to cart");
    let mut world = World::new();
    world.inventory = world.inventory.on_get_stock(|_, _| Err(Fault::bug("gone").into()));
    world.visitor().get("/p/rose").await.is(200).shows("Add to cart");
}

#[tokio::test]
async fn of_plenty_as_much_can_be_ordered_as_fits_into_a_line() {
    for (available, max) in [(98, 98), (SHOWN_MAX, 10_000), (5_000, 10_000), (20_000, 10_000)] {
        let mut world = World::new();
        world.inventory = world.inventory.on_get_stock(move |_, req| {
            let stock =
                |sku_id| SkuStock { sku_id, available, reserved: 0, sold: 0, warehouses: vec![] };
            Ok(req.sku_ids.into_iter().map(stock).collect())
        });
        world.visitor().get("/p/rose").await.is(200).shows(&format!(" max=\"{max}\""));
    }
}

#[tokio::test]
async fn a_reader_gets_his_language_and_may_choose_another() {
    let mut visitor = World::new().visitor();
    visitor.accept_language = "zh-TW,zh;q=0.9";
    visitor.get("/").await.shows("花与子").shows("新品上架").shows("<html lang=\"zh-CN\">");
    let chosen = visitor.get("/language?to=en&next=%2Fp%2Frose%3Fsku%3D102").await;
    chosen.leads_to("/p/rose?sku=102");
    visitor.get("/").await.shows("New arrivals").shows("Flora &amp; Sons");
    visitor.get("/?lang=zh-CN").await.shows("新品上架").shows("rel=\"canonical\"");
    visitor.accept_language = "en";
    visitor.get("/").await.shows("新品上架");
    visitor.get("/?lang=de").await.shows("新品上架");
    visitor.get("/language?to=de&next=%2F").await.is(404);
    visitor.get("/language?to=en&next=%2F%2Fevil.test").await.leads_to("/");
}

#[tokio::test]
async fn stylesheets_are_kept_for_ever_under_their_version_only() {
    let mut visitor = World::new().visitor();
    let home = visitor.get("/").await.body;
    let href = |name: &str| {
        let start = home.find(&format!("/assets/{name}")).unwrap();
        home[start..].split('"').next().unwrap().to_owned()
    };
    for (name, kind) in
        [("site.css", "text/css"), ("site.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
    {
        let kept = visitor.get(&href(name)).await;
        assert_eq!(kept.status, 200, "{name}");
        assert!(kept.headers["content-type"].to_str().unwrap().starts_with(kind), "{name}");
        assert!(kept.headers["cache-control"].to_str().unwrap().contains("immutable"), "{name}");
        let old = visitor.get(&format!("/assets/{name}?v=old")).await;
        assert_eq!(old.headers["cache-control"], "no-cache", "{name}");
    }
    visitor
        .get("/assets/site.css")
        .await
        .shows("--primary: #1f6f43;")
        .shows("--on-primary: #ffffff;");
}

#[tokio::test]
async fn no_colour_or_font_carries_a_rule_into_the_stylesheet() {
    let mut world = World::new();
    world.tenants = TenantMock::new().on_get(|_, _| {
        let theme = Theme {
            primary: "red; } body { display: none".into(),
            body_font: Some("x; } body { display: none".into()),
            heading_font: Some("Georgia, serif".into()),
            logo: Some("javascript:alert(1)".into()),
            ..data::tenant().theme
        };
        Ok(TenantInfo { theme, ..data::tenant() })
    });
    let mut visitor = world.visitor();
    let sheet = visitor.get("/assets/site.css").await;
    sheet.hides("body { display: none").shows("--primary: #1d1f21;").hides("--font-body: \"x");
    sheet.shows("--font-heading: \"Georgia\", serif;");
    visitor.get("/").await.is(200).hides("javascript:");
}

#[tokio::test]
async fn a_host_of_no_tenant_lists_the_shops() {
    let shop = storefront::Shop {
        name: "Flora & Sons".into(),
        tagline: String::new(),
        url: "http://flora.localhost:8080/".into(),
    };
    let mut visitor = crate::world::visitor(storefront::bare(vec![shop]));
    let list = visitor.get("/").await;
    list.is(200).shows("Flora &amp; Sons").shows("href=\"http://flora.localhost:8080/\"");
    assert!(list.headers.contains_key("content-security-policy"));
    visitor.get("/cart").await.is(404);
    assert_eq!(visitor.get("/assets/site.css").await.status, 200);
    visitor.accept_language = "zh-CN";
    visitor.get("/").await.shows("商店");
}
