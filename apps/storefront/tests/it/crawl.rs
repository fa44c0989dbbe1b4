//! What search engines see: addresses, data about pages, sitemaps, what they are asked to leave alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use kit::Page;
use product_api::{ListProducts, ProductSummary};
use rpc::Fault;
use tokio::time::Instant;
use tower::ServiceExt as _;
use web::testing::{Browser, Seen};

use crate::data;
use crate::world::World;

/// The value of every `<loc>`.
fn locations(xml: &str) -> Vec<String> {
    let parts = xml.split("<loc>").skip(1);
    parts.map(|p| p.split("</loc>").next().unwrap().to_owned()).collect()
}

#[track_caller]
fn is_xml(seen: &Seen) -> &Seen {
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert_eq!(seen.headers["content-type"], "application/xml; charset=utf-8");
    assert!(seen.headers.get("set-cookie").is_none(), "a file is no visit");
    assert!(seen.headers.contains_key("content-security-policy"));
    assert!(seen.body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    seen
}

/// A path on this host.
fn path(address: &str) -> String {
    address.replace("http://flora.localhost", "").replace("&amp;", "&")
}

/// A shop with so many products, a hundred per page; the cursor is the number of the first.
fn many(products: usize) -> World {
    let mut world = World::new();
    world.products = world.products.on_list(move |_, req: ListProducts| {
        let begin: usize = match req.cursor {
            Some(cursor) => cursor.as_str().parse().map_err(|_| Fault::invalid("cursor", "no"))?,
            None => 0,
        };
        let end = (begin + 100).min(products);
        let item = |n: usize| ProductSummary {
            slug: format!("plant-{n}").parse().unwrap(),
            ..data::products().remove(1)
        };
        let next_cursor = (end < products).then(|| end.to_string().into());
        Ok(Page { items: (begin..end).map(item).collect(), next_cursor })
    });
    world
}

async fn index(visitor: &mut Browser) -> Vec<String> {
    let seen = visitor.get("/sitemap.xml").await;
    locations(&is_xml(&seen).body)
}

#[tokio::test]
async fn every_product_stands_in_one_sitemap_of_at_most_five_thousand() {
    let mut visitor = many(12_345).visitor();
    let sitemaps = index(&mut visitor).await;
    assert_eq!(sitemaps[0], "http://flora.localhost/sitemap-pages.xml");
    assert_eq!(sitemaps[2], "http://flora.localhost/sitemap-products.xml?cursor=5000");
    let mut products = Vec::new();
    for sitemap in &sitemaps[1..] {
        let seen = visitor.get(&path(sitemap)).await;
        let found = locations(&is_xml(&seen).body);
        assert!(found.len() <= 5_000 && seen.body.ends_with("</urlset>\n"));
        products.extend(found);
    }
    assert_eq!((sitemaps.len(), products.len()), (4, 12_345));
    assert_eq!(products[12_344], "http://flora.localhost/p/plant-12344");
    products.sort();
    products.dedup();
    assert_eq!(products.len(), 12_345);
}

#[tokio::test]
async fn a_sitemap_outlives_the_deadline_of_its_request() {
    let asked = Arc::<Mutex<Vec<Instant>>>::default();
    let notes = Arc::clone(&asked);
    let mut world = World::new();
    world.products = world.products.on_list(move |ctx, req: ListProducts| {
        notes.lock().unwrap().push(ctx.deadline);
        let next_cursor = req.cursor.is_none().then(|| "more".to_owned().into());
        Ok(Page { items: data::products(), next_cursor })
    });
    let ctx = testkit::test_ctx("flora").within(Duration::from_secs(5));
    let deadline = ctx.deadline;
    let request = Request::get("/sitemap-products.xml").extension(ctx).body(Body::empty()).unwrap();
    let response = world.router().oneshot(request).await.unwrap();
    to_bytes(response.into_body(), 100_000).await.unwrap();
    let asked = asked.lock().unwrap();
    assert!(asked[0] <= deadline, "the first page is the request's own business");
    assert!(asked[1] > deadline, "the others have a time of their own");
}

#[tokio::test]
async fn the_other_pages_have_a_sitemap_too_and_all_of_it_can_be_opened() {
    let mut visitor = World::new().visitor();
    let seen = visitor.get("/sitemap-pages.xml").await;
    let pages = locations(&is_xml(&seen).body);
    assert_eq!(pages.len(), 5, "{pages:?}");
    for page in pages {
        let page = visitor.get(&path(&page)).await;
        page.is(200).shows("rel=\"canonical\"").hides("noindex");
    }
}

#[tokio::test]
async fn a_cursor_that_is_none_and_a_shop_that_is_down_are_told_by_their_status() {
    let mut visitor = many(5).visitor();
    assert_eq!(visitor.get("/sitemap-products.xml?cursor=x").await.status, 400);
    let mut world = World::new();
    world.products = world.products.on_list(|_, _| Err(Fault::bug("down").into()));
    let mut visitor = world.visitor();
    assert_eq!(visitor.get("/sitemap.xml").await.status, 500);
}

#[tokio::test]
async fn crawlers_are_asked_to_leave_alone_what_is_the_visitors_business() {
    let mut visitor = World::new().visitor();
    let robots = visitor.get("/robots.txt").await;
    assert_eq!((robots.status.as_u16(), robots.headers.get("set-cookie")), (200, None));
    let private = [
        "/account",
        "/cart",
        "/checkout",
        "/console",
        "/language",
        "/orders",
        "/register",
        "/sign-in",
        "/sign-out",
        "/v1/",
    ];
    let refused: Vec<String> = private.iter().map(|path| format!("Disallow: {path}\n")).collect();
    let sitemap = "\nSitemap: http://flora.localhost/sitemap.xml\n";
    assert_eq!(robots.body, ["User-agent: *\n", &refused.concat(), sitemap].concat());
    visitor.get("/sign-in").await.shows("content=\"noindex\"").hides("canonical");
    let mut member = World::new().member();
    let own = ["/account", "/cart", "/checkout", "/orders", "/orders/1234567890123", "/no"];
    for private in own {
        member.get(private).await.shows("name=\"robots\" content=\"noindex\"").hides("canonical");
    }
}

#[tokio::test]
async fn a_product_has_one_address_whichever_variant_is_shown() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/p/rose?sku=102").await;
    page.is(200).shows("rel=\"canonical\" href=\"http://flora.localhost/p/rose\"");
    page.shows("hreflang=\"zh-CN\" href=\"http://flora.localhost/p/rose?lang=zh-CN\"");
    page.shows("name=\"description\" content=\"Smells of summer.\"");
    page.shows("property=\"og:image\" content=\"http://flora.localhost/media/1\"");
    page.shows("fetchpriority=\"high\"").shows("loading=\"lazy\"");
}

#[tokio::test]
async fn data_for_programs_is_json_with_prices_and_the_way_to_the_product() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/p/rose").await;
    let blocks: Vec<serde_json::Value> = page
        .body
        .split("<script type=\"application/ld+json\">")
        .skip(1)
        .map(|b| serde_json::from_str(b.split("</script>").next().unwrap()).unwrap())
        .collect();
    let [product, trail] = blocks.as_slice() else { panic!("{blocks:?}") };
    assert_eq!(product["@type"], "Product");
    assert_eq!(product["offers"][0]["price"], "99.00");
    assert_eq!(product["offers"][0]["priceCurrency"], "CNY");
    assert_eq!(product["offers"][0]["availability"], "https://schema.org/InStock");
    let names: Vec<_> = trail["itemListElement"].as_array().unwrap().iter().collect();
    assert_eq!(names[1]["item"], "http://flora.localhost/c/flowers");
    assert_eq!(names.len(), 3);
}

#[tokio::test]
async fn pages_are_at_most_sixty_kilobytes() {
    let mut world = World::new();
    world.products = world.products.on_get(|_, _| {
        let mut product = data::product();
        product.images = product.images.iter().cycle().take(50).cloned().collect();
        let skus = product.skus.clone();
        product.options[0].values = (0..50).map(|n| format!("Colour {n}")).collect();
        product.options[1].values = (0..4).map(|n| format!("Size {n}")).collect();
        product.skus = (0..200_u8)
            .map(|n| {
                let options = [format!("Colour {}", n / 4), format!("Size {}", n % 4)].to_vec();
                let id = types::SkuId::from_i64(1_000 + i64::from(n)).unwrap();
                product_api::Sku { id, options, ..skus[0].clone() }
            })
            .collect();
        Ok(product)
    });
    let products = data::products().into_iter().cycle().take(24).collect::<Vec<_>>();
    world.products =
        world.products.on_list(move |_, _| Ok(Page { items: products.clone(), next_cursor: None }));
    let mut member = world.member();
    for path in ["/", "/products", "/c/flowers", "/p/rose", "/cart", "/checkout", "/orders"] {
        let page = member.get(path).await;
        page.is(200);
        assert!(page.body.len() <= 60_000, "{path}: {} bytes", page.body.len());
    }
}
