//! The list of products, the form of one, and all of them as a file.

use std::sync::{Arc, Mutex};

use inventory_api::InventoryMock;
use kit::{ErrorCode, Page};
use product_api::{Error, NewProduct, ProductMock, ProductStatus, StoredImage, UpdateProduct};
use rpc::Fault;
use search_api::{FindProducts, ProductResults, ProductState};
use staff_api::Role;
use web::testing::{Browser, Seen};

use crate::goods::{self, rose, spu};
use crate::upload;
use crate::world::World;

fn inventory() -> InventoryMock {
    InventoryMock::new()
        .on_get_stock(|_, req| Ok(req.sku_ids.into_iter().map(|id| goods::stock(id, 4)).collect()))
        .on_list_warehouses(|_, _| Ok(vec![goods::warehouse(3, "main")]))
}

fn world(products: ProductMock) -> World {
    World { products, inventory: inventory(), ..World::owner() }
}

/// What a mock was asked.
type Kept<T> = Arc<Mutex<Vec<T>>>;

/// Keeps what a mock was asked: for the test to look at, and for the mock.
fn kept<T>() -> (Kept<T>, Kept<T>) {
    let kept = Kept::default();
    (Arc::clone(&kept), kept)
}

#[tokio::test]
async fn the_list_shows_price_status_and_the_sum_of_stock_and_asks_what_was_chosen() {
    let (asked, told) = kept();
    let products = goods::products().on_list(move |_, req| {
        told.lock().unwrap().push((req.status, req.category_id, req.brand_id));
        Ok(Page { items: vec![goods::summary()], next_cursor: Some("next".to_owned().into()) })
    });
    let mut desk = world(products).desk();
    let seen = desk.get("/console/products?status=draft&category=3&brand=2").await;
    seen.is(200).shows("Rose &lt;b&gt;").shows("from ¥10.00").shows(">8<").shows("Draft");
    seen.shows("/console/products/5").shows("cursor=next").shows("brand=2");
    let (status, category, brand) = asked.lock().unwrap()[0];
    assert_eq!(status, Some(ProductStatus::Draft));
    assert_eq!((category.unwrap().get(), brand.unwrap().get()), (3, 2));
    desk.get("/console/products?status=odd").await.is(404);
}

#[tokio::test]
async fn words_are_looked_for_by_the_search_and_its_absence_is_said() {
    let (asked, told) = kept::<FindProducts>();
    let mut shop = world(goods::products());
    shop.search = shop.search.on_find_products(move |_, req| {
        let away = req.text == "away";
        told.lock().unwrap().push(req);
        if away {
            return Err(Fault::new(ErrorCode::Unavailable, "away").into());
        }
        Ok(ProductResults {
            items: Vec::new(),
            total: 0,
            total_is_bound: false,
            facets: Vec::new(),
            prices: None,
            in_stock: 0,
            reduced: 0,
            next_cursor: None,
        })
    });
    let mut desk = shop.desk();
    desk.get("/console/products?q=red+rose&status=off").await.is(200).shows("Nothing matches.");
    let asked = asked.lock().unwrap()[0].clone();
    assert_eq!((asked.text.as_str(), asked.status), ("red rose", Some(ProductState::Off)));
    desk.get("/console/products?q=away").await.is(200).shows("The search is away");
}

/// The fields of the form as the page has them.
fn fields_of(seen: &Seen) -> Vec<(String, String)> {
    ["version", "seen", "variants", "attributes", "images"]
        .map(|name| (name.to_owned(), seen.field(name)))
        .to_vec()
}

async fn open(desk: &mut Browser) -> Vec<(String, String)> {
    let seen = desk.get("/console/products/5").await;
    seen.is(200);
    let mut fields = fields_of(&seen);
    for (name, value) in [
        ("slug", "rose"),
        ("title_en", "Rose <b>"),
        ("title_zh-CN", "玫瑰"),
        ("description_en", "<p>Red</p>"),
        ("description_zh-CN", "红"),
        ("brand", "2"),
        ("category", "3"),
        ("tags", "gift"),
        ("a0_name", "Origin"),
        ("a0_value", "Yunnan"),
        ("o0_name", "Size"),
        ("o0_values", "S\r\nL"),
        ("i0_url", "/media/1"),
        ("i0_alt", "A rose"),
        ("v0_id", "11"),
        ("v0_o0", "S"),
        ("v0_price", "10.00"),
        ("v0_code", "R-S"),
        ("v0_weight", "50"),
        ("v1_id", "12"),
        ("v1_o0", "L"),
        ("v1_price", "20.00"),
        ("v1_code", "R-L"),
        ("v1_weight", "50"),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields
}

fn with<'a>(
    fields: &'a [(String, String)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let is_new = |name: &str| !more.iter().any(|(n, _)| *n == name);
    let old = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| is_new(n));
    old.chain(more.iter().copied()).collect()
}

/// A catalogue that takes changes, and what it was told.
fn taking() -> (ProductMock, Kept<UpdateProduct>) {
    let (asked, told) = kept();
    let products = goods::products().on_update(move |_, req| {
        let info = goods::info(req.id, &req.content, req.version + 1);
        told.lock().unwrap().push(req);
        Ok(info)
    });
    (products, asked)
}

#[tokio::test]
async fn an_unchanged_form_saves_the_product_as_it_was() {
    let (products, asked) = taking();
    let mut desk = world(products).desk();
    let fields = open(&mut desk).await;
    let seen = upload::post(&mut desk, "/console/products/5", &with(&fields, &[]), &[]).await;
    seen.leads_to("/console/products/5?saved=1");
    let saved = asked.lock().unwrap()[0].clone();
    assert_eq!((saved.version, &saved.content), (3, &rose().content), "other channels stay");
    desk.get("/console/products/5?saved=1").await.is(200).shows("Saved.");
}

#[tokio::test]
async fn a_product_is_put_on_sale_with_what_was_typed() {
    let (products, asked) = taking();
    let mut desk = world(products).desk();
    let fields = open(&mut desk).await;
    let typed = [("v0_price", "12.5"), ("tags", "a，b"), ("do", "save-on_sale")];
    upload::post(&mut desk, "/console/products/5", &with(&fields, &typed), &[]).await;
    let content = asked.lock().unwrap()[0].content.clone();
    assert_eq!(
        (content.status, content.tags),
        (ProductStatus::OnSale, vec!["a".into(), "b".into()])
    );
    let prices: Vec<i64> = content.skus[0].prices.iter().map(|p| p.amount).collect();
    assert_eq!(prices, [1_000, 1_250]);
}

#[tokio::test]
async fn a_refused_form_names_the_fields_keeps_everything_and_changes_nothing() {
    // nothing is set that would take a change
    let mut desk = world(goods::products()).desk();
    let fields = open(&mut desk).await;
    let typed = [
        ("v1_price", "ten <b>"),
        ("slug", "No Slug"),
        ("tags", "kept"),
        ("v0_barcode", "kept too"),
    ];
    let seen = upload::post(&mut desk, "/console/products/5", &with(&fields, &typed), &[]).await;
    seen.is(422)
        .shows("href=\"#f-v1_price\"")
        .shows("such as 19.99")
        .shows("value=\"ten &lt;b&gt;\"");
    seen.shows("href=\"#f-slug\"").shows("value=\"No Slug\"").shows("value=\"kept\"");
    seen.shows("value=\"kept too\"").shows("&lt;p&gt;Red&lt;/p&gt;");
}

#[tokio::test]
async fn buttons_change_rows_without_a_script_and_save_nothing() {
    let mut desk = world(goods::products()).desk();
    let fields = open(&mut desk).await;
    let at = "/console/products/5";
    let seen = upload::post(
        &mut desk,
        at,
        &with(&fields, &[("do", "add-variant"), ("tags", "typed")]),
        &[],
    )
    .await;
    seen.is(200).shows("name=\"v2_price\"").shows("value=\"typed\"");
    assert_eq!(seen.field("variants"), "3");
    let seen =
        upload::post(&mut desk, at, &with(&fields, &[("do", "remove-variant-0")]), &[]).await;
    assert_eq!((seen.field("variants"), seen.field("v0_code")), ("1".into(), "R-L".into()));
    let more = [("o1_name", "Colour"), ("o1_values", "Red\nWhite"), ("do", "make-variants")];
    let seen = upload::post(&mut desk, at, &with(&fields, &more), &[]).await;
    assert_eq!(seen.field("variants"), "6");
    let seen = upload::post(&mut desk, at, &with(&fields, &[("do", "add-attribute")]), &[]).await;
    seen.is(200).shows("name=\"a1_name\"");
    let seen = upload::post(&mut desk, at, &with(&fields, &[("do", "remove-image-0")]), &[]).await;
    seen.is(200).hides("name=\"i0_url\"");
}

#[tokio::test]
async fn pictures_are_kept_and_one_that_is_refused_is_named() {
    let products = goods::products().on_put_image(|_, req| match req.content_type.as_str() {
        "image/png" => {
            Ok(StoredImage { id: types::ImageId::from_i64(9).unwrap(), url: "/media/9".into() })
        }
        _ => Err(Fault::new(ErrorCode::UnsupportedMediaType, "no").into()),
    });
    let mut desk = world(products).desk();
    let fields = open(&mut desk).await;
    let big = vec![0; 512 * 1024 + 1];
    let files: [upload::File<'_>; 4] = [
        ("files", "a.png", "image/png", b"png"),
        ("files", "evil<b>.exe", "application/x-dosexec", b"MZ"),
        ("files", "big.png", "image/png", &big),
        ("files", "", "application/octet-stream", b""),
    ];
    let wish = with(&fields, &[("do", "upload"), ("tags", "typed")]);
    let seen = upload::post(&mut desk, "/console/products/5", &wish, &files).await;
    seen.is(200).shows("value=\"typed\"").shows("evil&lt;b&gt;.exe is not a PNG");
    assert_eq!((seen.field("images"), seen.field("i1_url")), ("2".into(), "/media/9".into()));
}

#[tokio::test]
async fn what_others_changed_is_shown_and_merged() {
    let (asked, told) = kept::<UpdateProduct>();
    let theirs = || {
        let mut now = rose();
        now.version = 4;
        now.content.tags = vec!["theirs".into()];
        now.content.slug = "rose-two".parse().unwrap();
        now
    };
    let changed = Arc::new(Mutex::new(false));
    let is_changed = Arc::clone(&changed);
    let products = goods::products()
        .on_get_content(move |_, _| Ok(if *is_changed.lock().unwrap() { theirs() } else { rose() }))
        .on_update(move |_, req| {
            let info = goods::info(req.id, &req.content, req.version + 1);
            told.lock().unwrap().push(req);
            Ok(info)
        });
    let mut desk = world(products).desk();
    let fields = open(&mut desk).await;
    *changed.lock().unwrap() = true;
    let at = "/console/products/5";
    let seen = upload::post(&mut desk, at, &with(&fields, &[("tags", "mine")]), &[]).await;
    seen.is(409).shows("Somebody else changed").shows("<td>theirs</td><td>mine</td>");
    assert_eq!((seen.field("slug"), seen.field("tags")), ("rose-two".into(), "mine".into()));
    assert!(asked.lock().unwrap().is_empty());
    let now = fields_of(&seen);
    let mut again = with(&fields, &[("tags", "mine"), ("slug", "rose-two")]);
    again.retain(|(name, _)| !now.iter().any(|(n, _)| n == name));
    again.extend(now.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    upload::post(&mut desk, at, &again, &[]).await.leads_to("/console/products/5?saved=1");
    let saved = asked.lock().unwrap()[0].clone();
    assert_eq!((saved.version, saved.content.tags), (4, vec!["mine".to_owned()]));
}

#[tokio::test]
async fn what_is_taken_is_said_at_its_field() {
    for (what, field) in [("the slug rose", "f-slug"), ("the sku code R-L", "f-v1_code")] {
        let products = goods::products().on_update(move |_, _| Err(Error::Taken(what.to_owned())));
        let mut desk = world(products).desk();
        let fields = open(&mut desk).await;
        let seen = upload::post(&mut desk, "/console/products/5", &with(&fields, &[]), &[]).await;
        seen.is(409).shows(&format!("href=\"#{field}\""));
    }
}

#[tokio::test]
async fn a_product_is_added_with_a_brand_and_a_category_that_are_new() {
    let (asked, told) = kept::<NewProduct>();
    let products = goods::products()
        .on_create_brand(|_, req| {
            assert_eq!(req.name, "Thorn & Co");
            Ok(product_api::Brand { id: types::BrandId::from_i64(8).unwrap(), name: req.name })
        })
        .on_create_category(|_, req| {
            assert_eq!((req.slug.as_str(), req.parent_id), ("cut-flowers", None));
            Ok(product_api::Category {
                id: types::CategoryId::from_i64(9).unwrap(),
                parent_id: None,
                slug: req.slug,
                name: req.name,
                position: 0,
            })
        })
        .on_create(move |_, req| {
            let info = goods::info(spu(77), &req, 1);
            told.lock().unwrap().push(req);
            Ok(info)
        });
    let mut desk = world(products).desk();
    desk.get("/console/products/new").await.is(200).shows("New product");
    let typed = [
        ("variants", "1"),
        ("title_en", "Red Tulip"),
        ("v0_price", "3"),
        ("new_brand", "Thorn & Co"),
        ("new_category", "Cut Flowers"),
        ("category", "3"),
    ];
    let seen = upload::post(&mut desk, "/console/products/new", &typed, &[]).await;
    seen.leads_to("/console/products/77?saved=1");
    let made = asked.lock().unwrap()[0].clone();
    assert_eq!((made.slug.as_str(), made.status), ("red-tulip", ProductStatus::Draft));
    assert_eq!(made.brand_id.unwrap().get(), 8);
    let categories: Vec<i64> = made.category_ids.iter().map(|c| c.get()).collect();
    assert_eq!((categories, made.skus[0].prices[0].amount), (vec![3, 9], 300));
}

/// Names of fields with what was typed into them.
type Typed = [(&'static str, &'static str)];

/// Nothing that was typed into the form is missing from the page.
fn keeps(seen: &Seen, typed: &[(&str, &str)]) {
    for (name, value) in typed {
        assert_eq!(seen.field(name), value.replace('<', "&lt;").replace('>', "&gt;"), "{name}");
    }
}

/// A catalogue in which one thing does not go on while the flag is set.
fn failing(what: &'static str, code: ErrorCode, is_away: &Arc<Mutex<bool>>) -> ProductMock {
    let asked = |name: &'static str| {
        let is_away = Arc::clone(is_away);
        move || match name == what && *is_away.lock().unwrap() {
            true => Err(Fault::new(code, "away")),
            false => Ok(()),
        }
    };
    let (update, put, category) = (asked("update"), asked("put_image"), asked("create_category"));
    let (brands, content) = (asked("lists"), asked("content"));
    let brand = |id, name: &str| product_api::Brand {
        id: types::BrandId::from_i64(id).unwrap(),
        name: name.to_owned(),
    };
    goods::products()
        .on_update(move |_, req| Ok(update().map(|()| goods::info(req.id, &req.content, 4))?))
        .on_put_image(move |_, _| {
            let id = types::ImageId::from_i64(9).unwrap();
            Ok(put().map(|()| StoredImage { id, url: "/media/9".into() })?)
        })
        .on_create_brand(move |_, req| Ok(brand(8, &req.name)))
        .on_create_category(move |_, _| Err(category().unwrap_err().into()))
        .on_list_brands(move |_, _| Ok(brands().map(|()| vec![brand(2, "Grower")])?))
        .on_get_content(move |_, _| Ok(content().map(|()| rose())?))
}

#[tokio::test]
async fn whoever_does_not_answer_the_form_comes_back_with_what_was_typed() {
    let png: upload::File<'_> = ("files", "a.png", "image/png", b"png");
    let whats: [(&str, &Typed, &[upload::File<'_>]); 5] = [
        ("update", &[], &[]),
        ("put_image", &[], &[png]),
        ("create_category", &[("new_category", "Cut"), ("new_brand", "Thorn")], &[]),
        ("lists", &[("new_brand", "Thorn")], &[]),
        ("content", &[], &[]),
    ];
    let codes = [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests];
    for (code, (what, more, files)) in codes.iter().flat_map(|c| whats.iter().map(move |w| (*c, w)))
    {
        let is_away = Arc::new(Mutex::new(false));
        let mut desk = world(failing(what, code, &is_away)).desk();
        let fields = open(&mut desk).await;
        *is_away.lock().unwrap() = true;
        let typed = [("slug", "rose-9"), ("tags", "ke<p>t"), ("v1_price", "21.50")];
        let sent = with(&fields, &[&typed[..], more].concat());
        let seen = upload::post(&mut desk, "/console/products/5", &sent, files).await;
        seen.is(code.http_status()).shows("Try again in a moment");
        keeps(seen.shows("action=\"/console/products/5\""), &typed);
        match *what {
            // what was chosen stays chosen
            "lists" => keeps(&seen, &[("brand", "2"), ("category", "3"), ("new_brand", "Thorn")]),
            "content" => keeps(&seen, &[("brand", "2"), ("category", "3")]),
            // so does what was added before it failed
            "create_category" => {
                keeps(&seen, &[("new_category", "Cut"), ("new_brand", "")]);
                seen.shows("<option value=\"8\" selected>Thorn</option>");
            }
            _ => {
                seen.shows("<option value=\"2\" selected>Grower</option>");
            }
        }
    }
}

#[tokio::test]
async fn what_was_typed_is_not_lost_because_nobody_knows_the_stock() {
    let away = || Fault::new(ErrorCode::Internal, "away");
    let mut shop = world(goods::products());
    let is_away = Arc::new(Mutex::new(false));
    let now = Arc::clone(&is_away);
    shop.inventory = InventoryMock::new().on_get_stock(move |_, _| match *now.lock().unwrap() {
        true => Err(away().into()),
        false => Ok(Vec::new()),
    });
    let mut desk = shop.desk();
    let fields = open(&mut desk).await;
    *is_away.lock().unwrap() = true;
    let typed = [("slug", "No Slug"), ("tags", "kept")];
    let seen = upload::post(&mut desk, "/console/products/5", &with(&fields, &typed), &[]).await;
    keeps(seen.is(422), &typed);
}

#[tokio::test]
async fn who_may_only_read_sees_a_product_and_no_form() {
    let shop =
        World { products: goods::products(), inventory: inventory(), ..World::of(Role::ReadOnly) };
    let mut desk = shop.desk();
    let seen = desk.get("/console/products/5").await;
    seen.is(200).shows("disabled").hides("multipart").hides("type=\"file\"").hides("name=\"do\"");
    desk.get("/console/products").await.is(200).hides("/console/products/new").shows("/export");
}

#[tokio::test]
async fn a_form_with_files_needs_its_token_first() {
    let mut desk = world(goods::products()).desk();
    let seen = upload::send(&mut desk, "/console/products/5", &"b".repeat(32), &[], &[]).await;
    seen.is(403);
}

#[tokio::test]
async fn all_products_are_one_file_that_an_import_reads() {
    let products = goods::products().on_list(|_, req| {
        let is_first = req.cursor.is_none();
        let next_cursor = is_first.then(|| "more".to_owned().into());
        Ok(Page { items: if is_first { vec![goods::summary()] } else { Vec::new() }, next_cursor })
    });
    let seen = world(products).desk().get("/console/products/export").await;
    assert_eq!(
        (seen.status.as_u16(), &seen.headers["content-type"]),
        (200, &"text/csv; charset=utf-8".parse().unwrap())
    );
    let name = seen.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"products-flora-2"), "{name}");
    let settings = product_api::feed::Settings::new("CNY".parse().unwrap(), "en".parse().unwrap());
    let report = product_api::feed::validate(seen.body.as_bytes(), &settings).unwrap();
    assert!(report.is_clean(), "{:?}", report.errors);
    let batches = product_api::feed::batches(seen.body.as_bytes(), &settings, &report, false);
    let import = batches.unwrap().next().unwrap().unwrap().products.remove(0);
    assert_eq!((import.vendor.as_str(), import.category.as_str()), ("Grower", "Flowers"));
    assert_eq!(import.quantities, [Some(4), Some(4)]);
    assert_eq!(import.product.skus[1].code, "R-L");
}

#[tokio::test]
async fn an_export_that_cannot_begin_is_an_error_page() {
    let products = goods::products()
        .on_get_contents(|_, _| Err(Fault::new(ErrorCode::Unavailable, "away").into()));
    world(products).desk().get("/console/products/export").await.is(503);
}
