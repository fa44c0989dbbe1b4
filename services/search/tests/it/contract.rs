//! What callers may rely on when they find products, whether the service is in their process or behind the
//! wire.

use kit::{Cursor, ErrorCode, Limit};
use product_api::ProductStatus;
use rpc::ServiceError as _;
use search_api::{
    Facet, FacetChoice, FacetKind, FindProducts, ProductSort, ProductState, SearchClient,
};
use testkit::{anonymous_ctx, operator_ctx, user_ctx};

use crate::world::{With as _, World, brand, category, ids, product, sku, text};

async fn shop() -> World {
    let world = World::new().await;
    world.shop.lock().unwrap().available.extend([sku(10), sku(30), sku(40)]);
    let roses = [
        product(1, "Red rose", "红玫瑰").of_brand(1, "Flora").with_option("Colour", &["Red"]),
        product(2, "White rose", "白玫瑰").of_brand(2, "Bloom").with_option("Colour", &["White"]),
        product(3, "Rose bouquet", "玫瑰花束")
            .of_brand(1, "Flora")
            .with_option("Colour", &["Red", "White"])
            .with_attribute("Occasion", "Wedding")
            .reduced_from(500),
    ];
    world.publish("flora", roses.map(|p| p.in_category(2))).await;
    let mut draft = product(6, "Secret rose", "神秘玫瑰");
    draft.status = ProductStatus::Draft;
    let others = [
        product(4, "Tulip", "郁金香").in_category(3).with_attribute("Colour", "Red"),
        product(5, "Glass vase for a rose", "玻璃花瓶").in_category(4),
        draft,
    ];
    world.publish("flora", others).await;
    world.publish("gadget", [product(7, "Rose gold phone", "玫瑰金手机")]).await;
    world
}

async fn suite(client: &SearchClient) {
    words_find_products_in_both_languages_the_best_match_first(client).await;
    choices_narrow_and_counts_are_as_if_their_own_were_not_made(client).await;
    categories_lead_downwards(client).await;
    prices_stock_and_reductions_narrow(client).await;
    what_is_not_on_sale_is_for_staff(client).await;
    tenants_never_see_each_other(client).await;
    a_list_goes_on_where_it_ended_in_every_order(client).await;
    bad_input_is_named(client).await;
}

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    suite(&shop().await.client).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let world = shop().await;
    suite(&world.remote().await).await;
}

async fn found(client: &SearchClient, req: FindProducts) -> Vec<i64> {
    ids(&client.find_products(&anonymous_ctx("flora"), req).await.unwrap())
}

async fn words_find_products_in_both_languages_the_best_match_first(client: &SearchClient) {
    for (words, expected) in [
        ("玫瑰", vec![3, 2, 1]),
        ("rose", vec![5, 3, 2, 1]),
        ("ROSES", vec![5, 3, 2, 1]),
        ("red ros", vec![1, 3]),
        ("flora", vec![3, 1]),
        ("wedding", vec![3]),
        ("tulips", vec![4]),
        ("CODE-2", vec![2]),
        ("code 2 white", vec![2]),
        ("蓝色", vec![]),
        ("%", vec![]),
        ("", vec![5, 4, 3, 2, 1]),
    ] {
        assert_eq!(found(client, text(words)).await, expected, "{words}");
    }
    // "Red" stands in the title of the first and is a colour of the others.
    assert_eq!(found(client, text("red")).await, [1, 4, 3]);
    let hit = client.find_products(&anonymous_ctx("flora"), text("花束")).await.unwrap();
    assert_eq!(hit.total, 1);
    let hit = &hit.items[0];
    assert_eq!((hit.slug.as_str(), hit.brand.as_deref()), ("p3", Some("Flora")));
    assert_eq!((hit.price_from.unwrap().amount(), hit.compare_at.unwrap().amount()), (300, 500));
    assert_eq!((hit.in_stock, hit.price_varies, hit.sku_count), (true, false, 1));
}

fn choose(pairs: &[(&str, &str)]) -> FindProducts {
    let choice = |(name, value): &(&str, &str)| FacetChoice {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    FindProducts { facets: pairs.iter().map(choice).collect(), ..FindProducts::default() }
}

/// Label, count, whether it is chosen.
fn values<'a>(facets: &'a [Facet], kind: FacetKind, name: &str) -> Vec<(&'a str, u64, bool)> {
    let facet = facets.iter().find(|f| f.kind == kind && f.name == name);
    let values = facet.into_iter().flat_map(|f| &f.values);
    values.map(|v| (v.label.as_str(), v.count, v.chosen)).collect()
}

async fn choices_narrow_and_counts_are_as_if_their_own_were_not_made(client: &SearchClient) {
    use FacetKind::{Brand, Property};
    let ctx = anonymous_ctx("flora");
    let all = client.find_products(&ctx, text("")).await.unwrap();
    assert_eq!((all.total, all.total_is_bound), (5, false));
    let colours = values(&all.facets, Property, "Colour");
    assert_eq!(colours, [("Red", 3, false), ("White", 2, false)], "options and attributes");
    assert_eq!(values(&all.facets, Brand, ""), [("Flora", 2, false), ("Bloom", 1, false)]);

    let red = client.find_products(&ctx, choose(&[("Colour", "Red")])).await.unwrap();
    assert_eq!((ids(&red), red.total), (vec![4, 3, 1], 3));
    let colours = values(&red.facets, Property, "Colour");
    assert_eq!(colours, [("Red", 3, true), ("White", 2, false)], "as if none were chosen");
    assert_eq!(values(&red.facets, Brand, ""), [("Flora", 2, false)]);

    let both = choose(&[("Colour", "Red"), ("Colour", "White")]);
    assert_eq!(found(client, both.clone()).await, [4, 3, 2, 1], "values of one name: any");
    let and = choose(&[("Colour", "White"), ("Occasion", "Wedding")]);
    assert_eq!(found(client, and).await, [3], "names: all");
    let branded = FindProducts { brand_ids: vec![brand(2)], ..both };
    let branded = client.find_products(&ctx, branded).await.unwrap();
    assert_eq!(ids(&branded), [2]);
    let brands = values(&branded.facets, Brand, "");
    assert_eq!(brands, [("Bloom", 1, true), ("Flora", 2, false)]);
    let none = client.find_products(&ctx, choose(&[("Colour", "Blue")])).await.unwrap();
    let colours = values(&none.facets, Property, "Colour");
    assert_eq!(colours, [("Blue", 0, true), ("Red", 3, false), ("White", 2, false)]);
}

async fn categories_lead_downwards(client: &SearchClient) {
    let ctx = anonymous_ctx("flora");
    let top = client.find_products(&ctx, text("")).await.unwrap();
    let labels = values(&top.facets, FacetKind::Category, "");
    assert_eq!(labels, [("Flowers", 4, false), ("Vases", 1, false)], "empty ones are left out");
    let locale = Some("zh-CN".parse().unwrap());
    let flowers = FindProducts { category_id: Some(category(1)), locale, ..text("") };
    let flowers = client.find_products(&ctx, flowers).await.unwrap();
    assert_eq!(ids(&flowers), [4, 3, 2, 1], "those under it as well");
    let labels = values(&flowers.facets, FacetKind::Category, "");
    assert_eq!(labels, [("玫瑰", 3, false), ("郁金香", 1, false)]);
    assert_eq!(flowers.facets[0].values[0].value, "2");
}

async fn prices_stock_and_reductions_narrow(client: &SearchClient) {
    let ctx = anonymous_ctx("flora");
    let priced = FindProducts { price_min: Some(200), price_max: Some(400), ..text("") };
    let results = client.find_products(&ctx, priced.clone()).await.unwrap();
    assert_eq!(ids(&results), [4, 3, 2]);
    let prices = results.prices.unwrap();
    let range = (prices.min.amount(), prices.max.amount());
    assert_eq!(range, (100, 500), "as if no price were asked for");
    assert_eq!((results.in_stock, results.reduced), (2, 1));
    let stocked = FindProducts { in_stock: true, ..priced };
    let results = client.find_products(&ctx, stocked).await.unwrap();
    assert_eq!((ids(&results), results.in_stock), (vec![4, 3], 2));
    assert_eq!(found(client, FindProducts { reduced: true, ..text("") }).await, [3]);
    let turned = FindProducts { price_min: Some(9), price_max: Some(3), ..text("") };
    assert!(found(client, turned).await.is_empty());
}

async fn what_is_not_on_sale_is_for_staff(client: &SearchClient) {
    let draft = FindProducts { status: Some(ProductState::Draft), ..text("") };
    let refused = |ctx| {
        let req = draft.clone();
        async move { client.find_products(&ctx, req).await.unwrap_err().code() }
    };
    assert_eq!(refused(anonymous_ctx("flora")).await, ErrorCode::Unauthenticated);
    assert_eq!(refused(user_ctx("flora", 1)).await, ErrorCode::Forbidden);
    assert_eq!(refused(operator_ctx("flora", 1, &["orders:read"])).await, ErrorCode::Forbidden);
    let staff = operator_ctx("flora", 1, &["products:read"]);
    assert_eq!(ids(&client.find_products(&staff, draft).await.unwrap()), [6]);
    let all = client.find_products(&staff, text("rose")).await.unwrap();
    assert_eq!(ids(&all), [6, 5, 3, 2, 1]);
    let on_sale = FindProducts { status: Some(ProductState::OnSale), ..text("神秘") };
    assert!(ids(&client.find_products(&staff, on_sale).await.unwrap()).is_empty());
}

async fn tenants_never_see_each_other(client: &SearchClient) {
    let other = anonymous_ctx("gadget");
    let results = client.find_products(&other, text("")).await.unwrap();
    assert_eq!((ids(&results), results.total), (vec![7], 1));
    assert!(results.facets.is_empty(), "{:?}", results.facets);
    let nobody = client.find_products(&anonymous_ctx("nobody"), text("")).await.unwrap();
    assert_eq!((nobody.items.len(), nobody.prices), (0, None));
}

async fn a_list_goes_on_where_it_ended_in_every_order(client: &SearchClient) {
    let ctx = anonymous_ctx("flora");
    for (sort, expected) in [
        (ProductSort::Newest, [5, 3, 2, 1]),
        (ProductSort::PriceUp, [1, 2, 3, 5]),
        (ProductSort::PriceDown, [5, 3, 2, 1]),
        (ProductSort::Relevance, [5, 3, 2, 1]),
    ] {
        for limit in 1..=4 {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let limit = Limit::new(limit).unwrap();
                let req = FindProducts { sort, cursor, limit, ..text("rose") };
                let page = client.find_products(&ctx, req).await.unwrap();
                assert_eq!(page.total, 4, "whatever the page");
                seen.extend(ids(&page));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{sort:?} by {limit}");
        }
    }
}

async fn bad_input_is_named(client: &SearchClient) {
    let ctx = anonymous_ctx("flora");
    let one = Limit::new(1).unwrap();
    let page = client.find_products(&ctx, FindProducts { limit: one, ..text("") }).await.unwrap();
    let sort = ProductSort::PriceUp;
    let twenty_one = vec![("a", "b"); 21];
    for (req, field) in [
        (text(&"x".repeat(201)), "text"),
        (FindProducts { cursor: Some(Cursor::from("x".to_owned())), ..text("") }, "cursor"),
        (FindProducts { cursor: page.next_cursor, sort, ..text("") }, "cursor"),
        (FindProducts { price_min: Some(-1), ..text("") }, "price_min"),
        (FindProducts { price_max: Some(i64::MAX), ..text("") }, "price_max"),
        (FindProducts { brand_ids: vec![brand(1); 21], ..text("") }, "brand_ids"),
        (choose(&twenty_one), "facets"),
        (choose(&[("", "x")]), "facets"),
    ] {
        let fault = client.find_products(&ctx, req).await.unwrap_err().into_fault();
        assert_eq!(fault.code, ErrorCode::Invalid);
        assert_eq!(fault.fields[0].pointer, field);
    }
}
