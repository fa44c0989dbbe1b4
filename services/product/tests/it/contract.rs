//! What callers of the trait may rely on, whichever handle they hold.

use kit::{Cursor, ErrorCode, Limit, Page};
use product_api::{
    Attribute, Error, GetContent, GetContents, GetSkus, Image, KnownSlugs, ListBrands,
    ListCategories, ListChannels, ListProducts, NewBrand, NewCategory, NewChannel, NewProduct,
    ProductClient, ProductStatus, ProductSummary, SetStatus, UpdateProduct,
};
use rpc::{Ctx, ServiceError as _};
use testkit::{operator_ctx, user_ctx};
use types::{CategoryId, SkuId, SpuId};

use crate::world::{
    World, amounts, by_id, by_slug, en, keeper, keeper_of, option, picture, plain, price, shopper,
    sku,
};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world.local()).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let mut world = World::new().await;
    suite(&world.remote().await).await;
}

async fn suite(client: &ProductClient) {
    a_product_is_read_as_it_was_written(client).await;
    variants_keep_their_ids_by_their_values(client).await;
    a_change_needs_the_current_version(client).await;
    slugs_and_codes_are_unique_and_a_refusal_changes_nothing(client).await;
    bad_content_is_refused_with_its_places(client).await;
    shoppers_see_what_is_on_sale(client).await;
    selling_needs_a_price_and_a_picture(client).await;
    lists_are_newest_first_and_filtered(client).await;
    prices_are_those_of_the_channel(client).await;
    skus_are_read_in_batches(client).await;
    contents_and_slugs_are_read_in_batches(client).await;
    categories_brands_and_channels_are_unique(client).await;
    tenants_do_not_see_one_another(client).await;
    changes_need_a_permission(client).await;
}

fn list() -> ListProducts {
    ListProducts {
        channel: None,
        category_id: None,
        brand_id: None,
        status: None,
        cursor: None,
        limit: Limit::new(100).unwrap(),
    }
}

fn slugs(page: &Page<ProductSummary>) -> Vec<&str> {
    page.items.iter().map(|p| p.slug.as_str()).collect()
}

fn to(id: SpuId, status: ProductStatus) -> SetStatus {
    SetStatus { id, status, version: None }
}

async fn category(client: &ProductClient, slug: &str, parent: Option<CategoryId>) -> CategoryId {
    let new =
        NewCategory { parent_id: parent, slug: slug.parse().unwrap(), name: en(slug), position: 0 };
    client.create_category(&keeper(), new).await.unwrap().id
}

async fn a_product_is_read_as_it_was_written(client: &ProductClient) {
    let brand = client.create_brand(&keeper(), NewBrand { name: "Grower".into() }).await.unwrap();
    let flowers = category(client, "flowers", None).await;
    let mut new = plain("rose", 0);
    new.title = types::Texts::new(
        [("en".parse().unwrap(), "Rose".to_owned()), ("zh-CN".parse().unwrap(), "玫瑰".to_owned())]
            .into(),
    )
    .unwrap();
    new.description = Some(en("<p onclick=\"x()\">Red<script>alert(1)</script> &amp; tall</p>"));
    new.brand_id = Some(brand.id);
    new.category_ids = vec![flowers];
    new.tags = vec!["gift".into(), "red".into()];
    new.attributes = vec![Attribute { name: "Origin".into(), value: "Yunnan".into() }];
    new.options = vec![option("Colour", &["Red", "White"]), option("Stems", &["1", "12"])];
    new.images = vec![picture("a"), picture("b")];
    new.skus = vec![sku(&["Red", "1"], 500), sku(&["Red", "12"], 5_000), sku(&["White", "1"], 600)];
    new.skus[0].code = "R-1".into();
    new.skus[0].barcode = "0123".into();
    new.skus[0].prices[0].compare_at = Some(700);
    new.skus[2].image = Some(picture("w"));
    let made = client.create(&keeper(), new.clone()).await.unwrap();
    assert_eq!(made.version, 1);
    let got = client.get(&shopper(), by_id(made.id)).await.unwrap();
    assert_eq!(got, made);
    assert_eq!(client.get(&shopper(), by_slug("rose")).await.unwrap(), made);
    assert_eq!(got.title, new.title);
    assert_eq!(got.description, Some(en("<p>Red &amp; tall</p>")));
    assert_eq!(got.brand, Some(brand));
    assert_eq!((&got.category_ids, &got.tags), (&new.category_ids, &new.tags));
    assert_eq!((&got.attributes, &got.options), (&new.attributes, &new.options));
    assert_eq!(got.images, new.images);
    let shown: Vec<_> = got.skus.iter().map(|s| s.options.join("/")).collect();
    assert_eq!(shown, ["Red/1", "Red/12", "White/1"]);
    assert_eq!(amounts(&got), [Some(500), Some(5_000), Some(600)]);
    assert_eq!(got.skus[0].compare_at.unwrap().amount(), 700);
    assert_eq!((got.skus[0].code.as_str(), got.skus[0].barcode.as_str()), ("R-1", "0123"));
    assert_eq!((got.skus[0].weight_grams, &got.skus[2].image), (100, &Some(picture("w"))));
    // What its keepers read can be put back unchanged.
    let content = client.get_content(&keeper(), GetContent { id: made.id }).await.unwrap();
    assert_eq!(content.sku_ids, made.skus.iter().map(|s| s.id).collect::<Vec<_>>());
    new.description = got.description.clone();
    assert_eq!((content.version, &content.content), (1, &new));
    for missing in [by_slug("no-such"), by_id(SpuId::from_i64(5).unwrap())] {
        let e = client.get(&keeper(), missing).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::NotFound);
    }
}

async fn variants_keep_their_ids_by_their_values(client: &ProductClient) {
    let mut content = plain("tulip", 0);
    content.options = vec![option("Size", &["S", "M", "L"])];
    content.skus = vec![sku(&["S"], 1), sku(&["M"], 2), sku(&["L"], 3)];
    content.skus[0].code = "T-S".into();
    content.skus[1].code = "T-M".into();
    let made = client.create(&keeper(), content.clone()).await.unwrap();
    let id_of = |p: &product_api::ProductInfo, size: &str| {
        p.skus.iter().find(|s| s.options == [size]).map(|s| s.id)
    };
    // One goes, one comes, two swap their codes and their order.
    content.options = vec![option("Size", &["S", "M", "XL"])];
    content.skus = vec![sku(&["M"], 20), sku(&["XL"], 40), sku(&["S"], 10)];
    content.skus[0].code = "T-S".into();
    content.skus[2].code = "T-M".into();
    let change = UpdateProduct { id: made.id, version: 1, content };
    let now = client.update(&keeper(), change).await.unwrap();
    assert_eq!((now.version, now.id), (2, made.id));
    assert_eq!(amounts(&now), [Some(20), Some(40), Some(10)]);
    assert_eq!(id_of(&now, "S"), id_of(&made, "S"));
    assert_eq!(id_of(&now, "M"), id_of(&made, "M"));
    assert!(id_of(&now, "L").is_none());
    let known: Vec<SkuId> = made.skus.iter().map(|s| s.id).collect();
    assert!(!known.contains(&id_of(&now, "XL").unwrap()));
    assert_eq!(client.get(&shopper(), by_id(made.id)).await.unwrap(), now);
}

async fn a_change_needs_the_current_version(client: &ProductClient) {
    let made = client.create(&keeper(), plain("iris", 1)).await.unwrap();
    let change =
        |version, slug: &str| UpdateProduct { id: made.id, version, content: plain(slug, 2) };
    let e = client.update(&keeper(), change(2, "iris")).await.unwrap_err();
    assert_eq!(e, Error::Stale(1));
    assert_eq!(client.update(&keeper(), change(1, "iris")).await.unwrap().version, 2);
    assert_eq!(client.update(&keeper(), change(1, "iris")).await.unwrap_err(), Error::Stale(2));
    let stale = SetStatus { version: Some(1), ..to(made.id, ProductStatus::Off) };
    assert_eq!(client.set_status(&keeper(), stale).await.unwrap_err(), Error::Stale(2));
    let off = client.set_status(&keeper(), to(made.id, ProductStatus::Off)).await.unwrap();
    assert_eq!((off.status, off.version), (ProductStatus::Off, 3));
    let again = client.set_status(&keeper(), to(made.id, ProductStatus::Off)).await.unwrap();
    assert_eq!(again.version, 3, "nothing changed");
    // It can move to another address.
    let moved = client.update(&keeper(), change(3, "iris-two")).await.unwrap();
    assert_eq!(moved.slug.as_str(), "iris-two");
    assert!(client.get(&keeper(), by_slug("iris")).await.is_err());
    let nobody = UpdateProduct { id: SpuId::from_i64(5).unwrap(), ..change(1, "x") };
    let e = client.update(&keeper(), nobody).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::NotFound);
}

async fn slugs_and_codes_are_unique_and_a_refusal_changes_nothing(client: &ProductClient) {
    let mut first = plain("lily", 1);
    first.skus[0].code = "L-1".into();
    client.create(&keeper(), first.clone()).await.unwrap();
    let e = client.create(&keeper(), plain("lily", 1)).await.unwrap_err();
    assert_eq!(e, Error::Taken("the slug lily".into()));
    let mut second = plain("lily-2", 1);
    second.skus[0].code = "L-1".into();
    let e = client.create(&keeper(), second.clone()).await.unwrap_err();
    assert_eq!(e, Error::Taken("the sku code L-1".into()));
    assert!(client.get(&keeper(), by_slug("lily-2")).await.is_err());
    second.skus[0].code = String::new();
    let made = client.create(&keeper(), second.clone()).await.unwrap();
    for (slug, code, what) in [("lily", "", "the slug lily"), ("lily-2", "L-1", "the sku code L-1")]
    {
        let mut content = plain(slug, 99);
        content.skus[0].code = code.into();
        let change = UpdateProduct { id: made.id, version: 1, content };
        let e = client.update(&keeper(), change).await.unwrap_err();
        assert_eq!(e, Error::Taken(what.into()));
    }
    assert_eq!(client.get(&keeper(), by_slug("lily-2")).await.unwrap(), made);
}

async fn bad_content_is_refused_with_its_places(client: &ProductClient) {
    let nowhere = CategoryId::from_i64(5).unwrap();
    type Spoil = fn(&mut NewProduct);
    let spoils: [(&str, Spoil); 8] = [
        ("/title", |p| p.title = en(" ")),
        ("/images/0/url", |p| p.images[0].url = "javascript:x".into()),
        ("/skus", |p| p.skus.clear()),
        ("/skus/1/options", |p| p.skus.push(sku(&[], 2))),
        ("/skus/0/prices/0/amount", |p| p.skus[0].prices[0].amount = -1),
        ("/skus/0/prices/1/channel", |p| p.skus[0].prices.push(price("nowhere", 1))),
        ("/brand_id", |p| p.brand_id = Some(types::BrandId::from_i64(5).unwrap())),
        ("/options/0/values/0", |p| p.options = vec![option("a", &["\u{0}"])]),
    ];
    for (pointer, spoil) in spoils {
        let mut bad = plain("bad", 1);
        spoil(&mut bad);
        let fault = client.create(&keeper(), bad).await.unwrap_err().into_fault();
        assert_eq!(fault.code, ErrorCode::Invalid, "{pointer}");
        assert!(fault.fields.iter().any(|f| f.pointer == pointer), "{pointer}: {fault:?}");
    }
    let mut bad = plain("bad", 1);
    bad.category_ids = vec![nowhere];
    let fault = client.create(&keeper(), bad).await.unwrap_err().into_fault();
    assert_eq!(fault.fields[0].pointer, "/category_ids/0");
    assert!(client.get(&keeper(), by_slug("bad")).await.is_err());
}

async fn shoppers_see_what_is_on_sale(client: &ProductClient) {
    let mut hidden = plain("peony", 1);
    hidden.status = ProductStatus::Draft;
    let made = client.create(&keeper(), hidden).await.unwrap();
    let shown = async |ctx: &Ctx| {
        let listed = client.list(ctx, list()).await.unwrap();
        let read = client.get(ctx, by_id(made.id)).await.is_ok();
        assert_eq!(slugs(&listed).contains(&"peony"), read);
        read
    };
    let member = user_ctx("flora", 7);
    assert!(shown(&keeper()).await && !shown(&shopper()).await && !shown(&member).await);
    client.set_status(&keeper(), to(made.id, ProductStatus::OnSale)).await.unwrap();
    assert!(shown(&keeper()).await && shown(&shopper()).await && shown(&member).await);
    client.set_status(&keeper(), to(made.id, ProductStatus::Off)).await.unwrap();
    assert!(!shown(&shopper()).await);
    // Whoever asks for drafts without the permission gets what is on sale.
    let asked = ListProducts { status: Some(ProductStatus::Draft), ..list() };
    let page = client.list(&shopper(), asked).await.unwrap();
    assert!(page.items.iter().all(|p| p.status == ProductStatus::OnSale));
}

async fn selling_needs_a_price_and_a_picture(client: &ProductClient) {
    let mut bare = plain("bare", 1);
    bare.images.clear();
    let e = client.create(&keeper(), bare.clone()).await.unwrap_err();
    assert!(matches!(e, Error::NotSellable(_)) && e.code() == ErrorCode::Conflict, "{e:?}");
    bare.status = ProductStatus::Draft;
    let made = client.create(&keeper(), bare).await.unwrap();
    let e = client.set_status(&keeper(), to(made.id, ProductStatus::OnSale)).await.unwrap_err();
    assert!(matches!(e, Error::NotSellable(_)));
    assert_eq!(client.get(&keeper(), by_id(made.id)).await.unwrap(), made);
}

async fn lists_are_newest_first_and_filtered(client: &ProductClient) {
    let top = category(client, "garden", None).await;
    let sub = category(client, "tools", Some(top)).await;
    let other = category(client, "pots", Some(top)).await;
    let brand = client.create_brand(&keeper(), NewBrand { name: "Spade".into() }).await.unwrap().id;
    for n in 0..7 {
        let mut p = plain(&format!("tool-{n}"), 100 + n);
        p.category_ids = vec![if n % 2 == 0 { sub } else { other }];
        p.brand_id = (n < 3).then_some(brand);
        client.create(&keeper(), p).await.unwrap();
    }
    let listed = async |ctx: &Ctx, filter: ListProducts| {
        let mut all = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = client
                .list(ctx, ListProducts { cursor, limit: Limit::new(2).unwrap(), ..filter.clone() })
                .await
                .unwrap();
            all.extend(page.items.iter().map(|p| p.slug.to_string()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return all;
            }
        }
    };
    let only = |category, brand| ListProducts { category_id: category, brand_id: brand, ..list() };
    for ctx in [shopper(), keeper()] {
        let all: Vec<String> = (0..7).rev().map(|n| format!("tool-{n}")).collect();
        assert_eq!(listed(&ctx, only(Some(top), None)).await, all, "what is under it, too");
        assert_eq!(
            listed(&ctx, only(Some(sub), None)).await,
            ["tool-6", "tool-4", "tool-2", "tool-0"]
        );
        assert_eq!(listed(&ctx, only(None, Some(brand))).await, ["tool-2", "tool-1", "tool-0"]);
        assert_eq!(listed(&ctx, only(Some(sub), Some(brand))).await, ["tool-2", "tool-0"]);
    }
    // A change of status and of categories is a change of lists.
    let first = client.get(&keeper(), by_slug("tool-0")).await.unwrap();
    client.set_status(&keeper(), to(first.id, ProductStatus::Off)).await.unwrap();
    assert_eq!(listed(&shopper(), only(Some(sub), Some(brand))).await, ["tool-2"]);
    assert_eq!(listed(&keeper(), only(Some(sub), Some(brand))).await, ["tool-2", "tool-0"]);
    let content = plain("tool-0", 1);
    client.update(&keeper(), UpdateProduct { id: first.id, version: 2, content }).await.unwrap();
    assert_eq!(listed(&keeper(), only(Some(sub), Some(brand))).await, ["tool-2"]);
    let bad = ListProducts { cursor: Some(Cursor::from("%%".to_owned())), ..list() };
    assert_eq!(client.list(&shopper(), bad).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn prices_are_those_of_the_channel(client: &ProductClient) {
    let app = NewChannel { code: "app".into(), name: "App".into() };
    client.create_channel(&keeper(), app).await.unwrap();
    let mut p = plain("vase", 0);
    p.options = vec![option("Size", &["S", "L"])];
    p.skus = vec![sku(&["S"], 1_000), sku(&["L"], 2_000)];
    p.skus[0].prices.push(price("app", 900));
    let made = client.create(&keeper(), p).await.unwrap();
    let in_app = product_api::GetProduct { channel: Some("app".into()), ..by_id(made.id) };
    let got = client.get(&shopper(), in_app).await.unwrap();
    assert_eq!(amounts(&got), [Some(900), None]);
    assert_eq!(got.skus[0].price.unwrap().currency().code(), "CNY");
    let summary = async |channel: Option<&str>| {
        let channel = channel.map(ToOwned::to_owned);
        let page = client.list(&shopper(), ListProducts { channel, ..list() }).await.unwrap();
        page.items.into_iter().find(|p| p.id == made.id).unwrap()
    };
    let web = summary(None).await;
    assert_eq!(
        (web.price_from.unwrap().amount(), web.price_varies, web.sku_count),
        (1_000, true, 2)
    );
    let app = summary(Some("app")).await;
    assert_eq!((app.price_from.unwrap().amount(), app.price_varies), (900, false));
    assert_eq!(app.image.unwrap(), picture("vase"));
    assert_eq!(summary(Some("other")).await.price_from, None);
    let bad = product_api::GetProduct { channel: Some("No Channel".into()), ..by_id(made.id) };
    assert_eq!(client.get(&shopper(), bad).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn skus_are_read_in_batches(client: &ProductClient) {
    let mut p = plain("fern", 0);
    p.options = vec![option("Pot", &["Clay", "Steel"]), option("Size", &["S"])];
    p.skus = vec![sku(&["Clay", "S"], 10), sku(&["Steel", "S"], 20)];
    p.skus[1].image =
        Some(Image { url: "https://cdn.example/steel.png".into(), alt: String::new() });
    p.skus[1].code = "F-S".into();
    let fern = client.create(&keeper(), p).await.unwrap();
    let moss = client.create(&keeper(), plain("moss", 30)).await.unwrap();
    client.set_status(&keeper(), to(moss.id, ProductStatus::Off)).await.unwrap();
    let unknown = SkuId::from_i64(5).unwrap();
    let sku_ids = vec![moss.skus[0].id, fern.skus[0].id, unknown, fern.skus[1].id, fern.skus[1].id];
    let ask = |channel: Option<&str>| GetSkus {
        sku_ids: sku_ids.clone(),
        channel: channel.map(ToOwned::to_owned),
    };
    let got = client.get_skus(&shopper(), ask(None)).await.unwrap();
    assert_eq!(got.len(), 3, "unknown ones are left out, and none comes twice");
    let find = |id: SkuId| got.iter().find(|s| s.sku_id == id).unwrap();
    let steel = find(fern.skus[1].id);
    assert_eq!((steel.spu_id, steel.slug.as_str(), steel.code.as_str()), (fern.id, "fern", "F-S"));
    assert_eq!((steel.variant.as_str(), &steel.title), ("Steel / S", &en("fern")));
    assert_eq!((steel.price.unwrap().amount(), steel.sellable), (20, true));
    assert_eq!(steel.image.as_ref().unwrap().url, "https://cdn.example/steel.png");
    assert_eq!(find(fern.skus[0].id).image, Some(picture("fern")), "the product's own picture");
    let moss = find(moss.skus[0].id);
    assert_eq!((moss.variant.as_str(), moss.sellable), ("", false), "it is off");
    let elsewhere = client.get_skus(&shopper(), ask(Some("app"))).await.unwrap();
    assert!(elsewhere.iter().all(|s| s.price.is_none() && !s.sellable));
    let many = |n: i64| GetSkus {
        sku_ids: (0..n).map(|i| SkuId::from_i64(i).unwrap()).collect(),
        channel: None,
    };
    assert_eq!(client.get_skus(&shopper(), many(200)).await.unwrap(), []);
    assert_eq!(client.get_skus(&shopper(), many(0)).await.unwrap(), []);
    let e = client.get_skus(&shopper(), many(201)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Invalid);
}

async fn contents_and_slugs_are_read_in_batches(client: &ProductClient) {
    let mut ids = Vec::new();
    for n in 0..3 {
        let mut new = plain(&format!("batch-{n}"), n);
        new.options = vec![option("Size", &["S", "L"])];
        new.skus = vec![sku(&["L"], n), sku(&["S"], n + 1)];
        ids.push(client.create(&keeper(), new).await.unwrap().id);
    }
    let nobody = SpuId::from_i64(5).unwrap();
    let asked = vec![ids[2], nobody, ids[0], ids[1]];
    let got = client.get_contents(&keeper(), GetContents { ids: asked }).await.unwrap();
    assert_eq!(got.iter().map(|p| p.id).collect::<Vec<_>>(), [ids[2], ids[0], ids[1]]);
    for content in &got {
        let alone = client.get_content(&keeper(), GetContent { id: content.id }).await.unwrap();
        assert_eq!(content, &alone);
        assert_eq!((content.content.skus.len(), content.sku_ids.len()), (2, 2));
    }
    let slugs = ["batch-1", "nobody", "batch-0"].map(|s| s.parse().unwrap()).to_vec();
    let mut known =
        client.known_slugs(&keeper(), KnownSlugs { slugs: slugs.clone() }).await.unwrap();
    known.sort();
    assert_eq!(known, [slugs[2].clone(), slugs[0].clone()]);
    let many = GetContents { ids: vec![ids[0]; 101] };
    assert_eq!(client.get_contents(&keeper(), many).await.unwrap_err().code(), ErrorCode::Invalid);
    let many = KnownSlugs { slugs: vec![slugs[0].clone(); 101] };
    assert_eq!(client.known_slugs(&keeper(), many).await.unwrap_err().code(), ErrorCode::Invalid);
    assert!(client.get_contents(&shopper(), GetContents { ids }).await.is_err());
    assert!(client.known_slugs(&shopper(), KnownSlugs { slugs }).await.is_err());
    let none = client.known_slugs(&keeper(), KnownSlugs { slugs: vec![] }).await.unwrap();
    assert!(none.is_empty());
}

async fn categories_brands_and_channels_are_unique(client: &ProductClient) {
    let again = |parent| NewCategory {
        parent_id: parent,
        slug: "flowers".parse().unwrap(),
        name: en("Flowers"),
        position: 0,
    };
    let e = client.create_category(&keeper(), again(None)).await.unwrap_err();
    assert_eq!(e, Error::Taken("the slug flowers".into()));
    let e =
        client.create_category(&keeper(), again(CategoryId::from_i64(5).ok())).await.unwrap_err();
    assert_eq!(e.into_fault().fields[0].pointer, "/parent_id");
    let mut parent = None;
    for level in 0..8 {
        parent = Some(category(client, &format!("level-{level}"), parent).await);
    }
    let deep = NewCategory { slug: "level-8".parse().unwrap(), ..again(parent) };
    let e = client.create_category(&keeper(), deep).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Invalid);
    let all = client.list_categories(&shopper(), ListCategories {}).await.unwrap();
    assert!(all.iter().any(|c| c.slug.as_str() == "level-7" && c.parent_id.is_some()));

    let e = client.create_brand(&keeper(), NewBrand { name: "Grower".into() }).await.unwrap_err();
    assert!(matches!(e, Error::Taken(_)));
    let brands = client.list_brands(&shopper(), ListBrands {}).await.unwrap();
    let names: Vec<&str> = brands.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["Grower", "Spade"]);

    let channel = |code: &str| NewChannel { code: code.into(), name: "A".into() };
    for (code, wanted) in [
        ("web", ErrorCode::Conflict),
        ("app", ErrorCode::Conflict),
        ("No", ErrorCode::Invalid),
        ("", ErrorCode::Invalid),
    ] {
        let e = client.create_channel(&keeper(), channel(code)).await.unwrap_err();
        assert_eq!(e.code(), wanted, "{code}");
    }
    let channels = client.list_channels(&keeper(), ListChannels {}).await.unwrap();
    let codes: Vec<&str> = channels.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["app", "web"]);
}

async fn tenants_do_not_see_one_another(client: &ProductClient) {
    let other = keeper_of("gadget");
    let rose = client.get(&shopper(), by_slug("rose")).await.unwrap();
    assert!(client.get(&other, by_slug("rose")).await.is_err());
    assert!(client.get(&other, by_id(rose.id)).await.is_err());
    assert!(client.list(&other, list()).await.unwrap().items.is_empty());
    let theirs = GetSkus { sku_ids: vec![rose.skus[0].id], channel: None };
    assert!(client.get_skus(&other, theirs).await.unwrap().is_empty());
    let e = client.set_status(&other, to(rose.id, ProductStatus::Off)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::NotFound);
    // The same names and numbers are free there.
    let mut same = plain("rose", 1_200);
    same.skus[0].code = "R-1".into();
    let made = client.create(&other, same).await.unwrap();
    assert_eq!(made.skus[0].price.unwrap().to_string(), "1200 JPY");
    let mut theirs = plain("x", 1);
    theirs.category_ids = rose.category_ids.clone();
    assert_eq!(client.create(&other, theirs).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn changes_need_a_permission(client: &ProductClient) {
    let rose = client.get(&shopper(), by_slug("rose")).await.unwrap();
    let reader = operator_ctx("flora", 2, &["products:read", "stock:*"]);
    for (ctx, wanted) in [
        (shopper(), ErrorCode::Unauthenticated),
        (user_ctx("flora", 7), ErrorCode::Forbidden),
        (reader.clone(), ErrorCode::Forbidden),
    ] {
        let change = UpdateProduct { id: rose.id, version: 1, content: plain("rose", 1) };
        let new_category =
            NewCategory { parent_id: None, slug: "z".parse().unwrap(), name: en("z"), position: 0 };
        let image = product_api::PutImage { content_type: "image/png".into(), bytes: vec![] };
        let codes = [
            client.create(&ctx, plain("z", 1)).await.unwrap_err().code(),
            client.update(&ctx, change).await.unwrap_err().code(),
            client.set_status(&ctx, to(rose.id, ProductStatus::Off)).await.unwrap_err().code(),
            client.create_category(&ctx, new_category).await.unwrap_err().code(),
            client.create_brand(&ctx, NewBrand { name: "z".into() }).await.unwrap_err().code(),
            client.put_image(&ctx, image).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [wanted; 6]);
    }
    let id = rose.id;
    assert!(client.get_content(&reader, GetContent { id }).await.is_ok());
    let e = client.get_content(&shopper(), GetContent { id }).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Unauthenticated);
    assert_eq!(client.get(&shopper(), by_slug("rose")).await.unwrap(), rose);
}
