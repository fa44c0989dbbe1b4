//! Lists: what is searched for, what narrows and sorts them, and what is shown when nothing is found or
//! searching is not there.

use kit::{ErrorCode, Page};
use rpc::Fault;
use search_api::{Facet, FacetKind, FacetValue, FindProducts, ProductResults, SearchMock};

use crate::data;
use crate::world::World;

/// What was asked of the search, the last time.
fn asked(log: &crate::world::Log) -> FindProducts {
    let last = log.of("find_products").pop().unwrap();
    let (_, json) = last.split_once("find_products ").unwrap();
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_list_is_asked_for_as_its_address_says() {
    let world = World::new();
    let log = world.log.clone();
    let mut visitor = world.visitor();
    visitor.get("/products").await.is(200).shows("4321 products");
    assert_eq!(asked(&log).text, "");
    let path = "/c/flowers?q=rose&brand=1&f.Colour=Red&f.Colour=Blue&min=10&max=99.5&stock=1&sale=1\
                &sort=price-down&cursor=abc";
    visitor.get(path).await.is(200);
    let req = asked(&log);
    assert_eq!((req.text.as_str(), req.category_id.unwrap().get()), ("rose", 1));
    assert_eq!((req.brand_ids.len(), req.facets.len()), (1, 2));
    assert_eq!((req.price_min, req.price_max), (Some(1_000), Some(9_950)));
    assert!(req.in_stock && req.reduced);
    assert_eq!(serde_json::to_value(req.sort).unwrap(), "price_down");
    assert_eq!((req.cursor.unwrap().as_str(), req.limit.get()), ("abc", 24));
    visitor.get("/products?brand=x&min=cheap&sort=y&f.=z&nonsense").await.is(200);
    assert_eq!((asked(&log).brand_ids.len(), asked(&log).price_min), (0, None));
    visitor.get(&format!("/products?q={}", "x".repeat(900))).await.is(200);
    assert_eq!(asked(&log).text.len(), 200);
}

#[tokio::test]
async fn what_was_searched_for_stands_in_the_box_and_above_the_list() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/products?q=%3Cb%3E+rose").await;
    page.is(200).shows("Results for “&lt;b&gt; rose”").shows("value=\"&lt;b&gt; rose\"");
    page.hides("<b>").shows("noindex");
    // categories keep what was searched for
    page.shows("/c/flowers?q=%3Cb%3E%20rose");
    // and in a category it can be taken back
    let category = visitor.get("/c/flowers?q=rose&stock=1").await;
    category.is(200).shows("“rose”").shows("href=\"/c/flowers?stock=1\"");
    visitor.accept_language = "zh-CN";
    visitor.get("/products?q=%E7%8E%AB%E7%91%B0").await.shows("“玫瑰”的搜索结果");
}

#[tokio::test]
async fn choices_can_be_taken_back_one_by_one_and_all_at_once() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/products?q=rose&brand=1&f.Colour=Red&min=10&stock=1").await;
    page.is(200).shows("Filters (4)").shows("Garden &amp; Co").shows("Colour: Red");
    for (what, without) in [
        ("a brand", "/products?q=rose&amp;f.Colour=Red&amp;min=10&amp;stock=1\""),
        ("a colour", "/products?q=rose&amp;brand=1&amp;min=10&amp;stock=1\""),
        ("a price", "/products?q=rose&amp;brand=1&amp;f.Colour=Red&amp;stock=1\""),
        ("the stock", "/products?q=rose&amp;brand=1&amp;f.Colour=Red&amp;min=10\""),
        ("all", "/products?q=rose\""),
    ] {
        assert!(page.body.contains(without), "{what}: {without}");
    }
    page.shows(
        "/products?q=rose&amp;brand=1&amp;f.Colour=Red&amp;min=10&amp;stock=1&amp;cursor=more",
    );
    page.shows("name=\"f.Colour\" value=\"Red\" checked").shows("from ¥10.00");
    visitor.get("/products").await.hides("Filters (").hides("Clear all").hides("noindex");
}

#[tokio::test]
async fn only_the_whole_list_from_its_begin_is_for_search_engines() {
    let mut visitor = World::new().visitor();
    for plain in ["/products", "/c/flowers", "/products?utm_source=mail&min=&q="] {
        visitor.get(plain).await.is(200).hides("noindex").shows("rel=\"canonical\"");
    }
    for other in [
        "/products?q=rose",
        "/products?brand=1",
        "/c/flowers?cursor=abc",
        "/products?sort=price-up",
    ] {
        visitor.get(other).await.is(200).shows("noindex").hides("rel=\"canonical\"");
    }
}

#[tokio::test]
async fn a_price_that_is_none_is_named_and_stays_in_its_field() {
    let mut visitor = World::new().visitor();
    let page = visitor.get("/products?min=cheap&max=50").await;
    page.is(200).shows("An amount, such as 99 or 99.50").shows("value=\"cheap\"");
    page.shows("<details class=\"filters\" open").shows("value=\"50\"").shows("up to ¥50.00");
}

#[tokio::test]
async fn a_list_with_nothing_in_it_says_where_to_go() {
    let mut world = World::new();
    world.search = SearchMock::new().on_find_products(|_, _| {
        Ok(ProductResults {
            items: vec![],
            total: 0,
            facets: vec![],
            prices: None,
            next_cursor: None,
            ..data::results()
        })
    });
    let mut visitor = world.visitor();
    let page = visitor.get("/products?q=yeti&stock=1").await;
    page.is(200).shows("Nothing matches “yeti”.").shows("try fewer or other words");
    page.shows("href=\"/products?q=yeti\"").shows("/c/flowers").hides("Next page");
    visitor.get("/c/flowers").await.is(200).shows("There are no products here yet.");
}

#[tokio::test]
async fn a_cursor_that_is_none_leads_to_the_begin() {
    let mut world = World::new();
    world.search = SearchMock::new().on_find_products(|_, req| match req.cursor {
        None => Ok(data::results()),
        Some(_) => Err(Fault::invalid("cursor", "not one of this list").into()),
    });
    let page = world.visitor().get("/products?sort=price-up&cursor=broken").await;
    page.is(200).shows("4321 products").hides("not available");
}

#[tokio::test]
async fn without_searching_there_are_all_products_and_a_word_about_it() {
    let mut world = World::new();
    let fails = |_: &rpc::Ctx, _| Err(Fault::new(ErrorCode::Unavailable, "away").into());
    world.search = SearchMock::new().on_find_products(fails);
    world.products = world.products.on_list(|_, req| match req.cursor {
        Some(c) if c.as_str() == "of-searching" => Err(Fault::invalid("cursor", "no").into()),
        _ => Ok(Page { items: data::products(), next_cursor: Some("more".to_owned().into()) }),
    });
    let mut visitor = world.visitor();
    for path in ["/products", "/c/flowers", "/products?sort=newest&cursor=of-searching"] {
        let page = visitor.get(path).await;
        page.is(200).shows("not available at the moment").shows("/p/rose").hides("Filters");
        page.shows("cursor=more").shows("/c/").hides("Sort by");
    }
}

#[tokio::test]
async fn what_only_searching_can_tell_is_not_answered_by_other_products() {
    let mut world = World::new();
    let fails = |_: &rpc::Ctx, _| Err(Fault::new(ErrorCode::Unavailable, "away").into());
    world.search = SearchMock::new().on_find_products(fails);
    let mut visitor = world.visitor();
    for (path, whole) in [
        ("/products?q=rose", "href=\"/products\""),
        ("/products?brand=1", "href=\"/products\""),
        ("/c/flowers?q=rose", "href=\"/c/flowers\""),
        ("/c/flowers?f.Colour=Red", "href=\"/c/flowers\""),
        ("/c/flowers?max=10", "href=\"/c/flowers\""),
    ] {
        let page = visitor.get(path).await;
        page.is(503).shows("not available at the moment").shows(whole).hides("/p/rose");
        page.hides("Nothing matches").hides("rel=\"canonical\"");
    }
    visitor.get("/products?q=%3Cb%3E").await.shows("value=\"&lt;b&gt;\"");
    let category = std::sync::Arc::new(std::sync::Mutex::new(None));
    let asked = std::sync::Arc::clone(&category);
    let mut world = World::new();
    world.search = SearchMock::new().on_find_products(fails);
    world.products = world.products.on_list(move |_, req| {
        *asked.lock().unwrap() = req.category_id;
        Ok(Page { items: data::products(), next_cursor: None })
    });
    world.visitor().get("/c/flowers").await.is(200).shows("/p/rose");
    assert_eq!(category.lock().unwrap().unwrap().get(), 1, "the category's own products");
}

#[tokio::test]
async fn a_full_list_is_small_enough() {
    let mut world = World::new();
    world.search = SearchMock::new().on_find_products(|_, _| {
        let value = |n: usize| FacetValue {
            value: format!("{n} 厘米，手工制作 handmade"),
            label: format!("{n} 厘米，手工制作 handmade"),
            count: 100,
            chosen: false,
        };
        let facet = |n: usize| Facet {
            kind: if n == 0 { FacetKind::Brand } else { FacetKind::Property },
            name: if n == 0 { String::new() } else { format!("属性 property {n}") },
            values: (0..30).map(value).collect(),
        };
        let items = data::results().items.into_iter().cycle().take(24).collect();
        Ok(ProductResults { items, facets: (0..12).map(facet).collect(), ..data::results() })
    });
    let path =
        "/products?q=%E7%8E%AB%E7%91%B0&f.%E5%B1%9E%E6%80%A7%20property%201=5&brand=7&min=10";
    let page = world.visitor().get(path).await;
    page.is(200);
    assert!(page.body.len() <= 60_000, "{} bytes", page.body.len());
}
