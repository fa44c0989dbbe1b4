//! Whole imports: file to catalogue to warehouse, cut off and gone on with.

use std::io::Read;
use std::sync::atomic::Ordering;

use kit::{ErrorCode, Limit};
use product_api::feed::{self, Batch, ImportError, Names, Writer, batches, hash_file, validate};
use product_api::{
    BeginImport, CheckImport, Error, GetContent, GetContents, GetImport, ImportBatch, ImportStatus,
    ListBrands, ListCategories, ListProducts, NewBrand, NewCategory, ProductClient, ProductSummary,
};
use rpc::ServiceError as _;
use testkit::{PATIENCE, eventually};
use types::ImportId;

use crate::files::{broken_copies, count, real_files, settings, skipped};
use crate::world::{
    World, amounts, by_id, by_slug, en, keeper, option, plain, price, shopper, sku,
};

fn begin_of(bytes: &[u8], products: u32) -> BeginImport {
    let file_hash = hash_file(bytes).unwrap();
    BeginImport { file_name: "a.csv".into(), file_hash, products, skip_conflicts: false }
}

/// What a command line does with a file: check it, check it against the catalogue, apply it.
async fn run(client: &ProductClient, bytes: &[u8]) -> Result<ImportStatus, String> {
    let report = validate(bytes, &settings()).map_err(|e| e.to_string())?;
    let ctx = keeper();
    let again = || batches(bytes, &settings(), &report, false).map_err(|e| e.to_string());
    for batch in again()? {
        let Batch { products, .. } = batch.map_err(|e| e.to_string())?;
        let conflicts = client.check_import(&ctx, CheckImport { products }).await.unwrap();
        if let Some(first) = conflicts.first() {
            return Err(first.detail.clone());
        }
    }
    let mut status = client.begin_import(&ctx, begin_of(bytes, report.products)).await.unwrap();
    let id = status.id;
    for batch in again()? {
        let Batch { offset, products, .. } = batch.map_err(|e| e.to_string())?;
        let req = ImportBatch { id, offset, products };
        status = client.apply_import(&ctx, req).await.map_err(|e| e.to_string())?;
    }
    Ok(status)
}

async fn everything(client: &ProductClient) -> Vec<ProductSummary> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = client
            .list(
                &keeper(),
                ListProducts {
                    channel: None,
                    category_id: None,
                    brand_id: None,
                    status: None,
                    cursor,
                    limit: Limit::new(100).unwrap(),
                },
            )
            .await
            .unwrap();
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn stocked(client: &ProductClient, id: ImportId) {
    eventually(PATIENCE, || async {
        !client.get_import(&keeper(), GetImport { id }).await.unwrap().stock_pending
    })
    .await;
}

#[tokio::test]
async fn a_local_handle_imports_the_real_files() {
    let world = World::new().await;
    import_real_files(&world, &world.local()).await;
}

#[tokio::test]
async fn a_remote_handle_imports_the_real_files() {
    let mut world = World::new().await;
    let remote = world.remote().await;
    import_real_files(&world, &remote).await;
}

async fn import_real_files(world: &World, client: &ProductClient) {
    let files = real_files();
    if files.is_empty() {
        return skipped();
    }
    let (mut products, mut variants, mut units) = (0, 0, 0);
    for (name, bytes) in &files {
        let simple = count(bytes);
        let status = run(client, bytes).await.unwrap();
        assert!(status.done, "{name}");
        assert_eq!(status.created as usize, simple.handles.len(), "{name}");
        assert_eq!(status.skus as usize, simple.variants.len(), "{name}");
        stocked(client, status.id).await;
        for ((handle, values), (price, _)) in &simple.variants {
            let product = client.get(&shopper(), by_slug(handle)).await.unwrap();
            let sku = product.skus.iter().find(|s| &s.options == values).unwrap();
            assert_eq!(sku.price.unwrap().amount(), *price, "{handle} {values:?}");
            let (brand, vendors) = (product.brand.unwrap().name, &simple.vendors);
            assert!(vendors.contains(&brand), "{handle}");
        }
        let categories = client.list_categories(&shopper(), ListCategories {}).await.unwrap();
        let names: Vec<&str> =
            categories.iter().map(|c| c.name.all().values().next().unwrap().as_str()).collect();
        assert!(simple.types.iter().all(|t| names.contains(&t.as_str())), "{name}: {names:?}");
        products += simple.handles.len();
        variants += simple.variants.len();
        units += simple.variants.values().map(|(_, stock)| stock).sum::<i64>();
    }
    assert_eq!(everything(client).await.len(), products);
    assert_eq!((world.warehouse.len(), world.warehouse.units()), (variants, units));
    let brands = client.list_brands(&shopper(), ListBrands {}).await.unwrap();
    assert_eq!(brands.len(), 5);
}

#[tokio::test]
async fn a_broken_copy_changes_nothing() {
    let world = World::new().await;
    let copies = broken_copies();
    if copies.is_empty() {
        return skipped();
    }
    for (bytes, _) in copies {
        let e = run(&world.local(), &bytes).await.unwrap_err();
        assert_eq!(e, ImportError::NotClean.to_string());
    }
    let endless = b"Handle,Title,Variant Price\nx,".chain(std::io::repeat(b'a').take(1 << 30));
    let report = validate(endless, &settings()).unwrap();
    assert!(report.fatal);
    assert!(report.errors.kept()[0].to_string().starts_with("line 2: a field is longer"));
    assert!(everything(&world.local()).await.is_empty());
    assert_eq!(world.warehouse.len(), 0);
}

/// A file of so many products with two variants each, `stock` units of each.
fn generated(products: usize, stock: i64) -> Vec<u8> {
    let mut text = "Handle,Title,Vendor,Type,Option1 Name,Option1 Value,Variant SKU,\
        Variant Inventory Qty,Variant Price,Image Src\n"
        .to_owned();
    for n in 0..products {
        let (vendor, kind) = (n % 7, n % 3);
        text.push_str(&format!(
            "p-{n},Product {n},Vendor {vendor},Kind {kind},Size,S,S{n},{stock},1{n}.50,https://c.example/{n}.png\n\
             p-{n},,,,,L,L{n},{stock},2{n}.50,\n"
        ));
    }
    text.into_bytes()
}

#[tokio::test]
async fn an_import_that_was_cut_off_goes_on_where_it_stopped() {
    let mut world = World::new().await;
    let bytes = generated(180, 3);
    let report = validate(bytes.as_slice(), &settings()).unwrap();
    let all: Vec<Batch> = batches(bytes.as_slice(), &settings(), &report, false)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(all.len(), 4);
    let begin = begin_of(&bytes, report.products);
    let begun = world.local().begin_import(&keeper(), begin.clone()).await.unwrap();
    let id = begun.id;
    let req = |batch: &Batch| {
        let Batch { offset, products, .. } = batch.clone();
        ImportBatch { id, offset, products }
    };
    for batch in &all[..2] {
        world.local().apply_import(&keeper(), req(batch)).await.unwrap();
    }
    world = world.restarted().await;
    let client = world.local();
    let resumed = client.begin_import(&keeper(), begin.clone()).await.unwrap();
    assert_eq!((resumed.id, resumed.applied, resumed.skus), (id, 100, 200));
    // A batch out of turn is refused, one that was applied is passed over.
    let e = client.apply_import(&keeper(), req(&all[3])).await.unwrap_err();
    assert_eq!((e.code(), e.into_fault().slug()), (ErrorCode::Conflict, "wrong_offset"));
    let mut status = resumed;
    for batch in &all {
        status = client.apply_import(&keeper(), req(batch)).await.unwrap();
    }
    assert!(status.done);
    assert_eq!((status.created, status.skus, status.skipped), (180, 360, 0));
    let listed = everything(&client).await;
    assert_eq!(listed.len(), 180);
    stocked(&client, id).await;
    assert_eq!((world.warehouse.len(), world.warehouse.units()), (360, 3 * 360));
    assert_eq!(world.warehouse.calls.load(Ordering::SeqCst), 4, "each batch once");
    let brands = client.list_brands(&keeper(), ListBrands {}).await.unwrap();
    let categories = client.list_categories(&keeper(), ListCategories {}).await.unwrap();
    assert_eq!((brands.len(), categories.len()), (7, 3));

    // A finished file may come again: it replaces, and ids stay.
    let before = client.get(&keeper(), by_slug("p-3")).await.unwrap();
    let again = run(&client, &bytes).await.unwrap();
    assert_ne!(again.id, id);
    assert_eq!((again.done, again.created, again.skus), (true, 0, 360));
    let after = client.get(&keeper(), by_slug("p-3")).await.unwrap();
    let ids = |p: &product_api::ProductInfo| p.skus.iter().map(|s| s.id).collect::<Vec<_>>();
    assert_eq!((after.id, ids(&after), after.version), (before.id, ids(&before), 2));
    assert_eq!(everything(&client).await.len(), 180);
}

#[tokio::test]
async fn stock_follows_even_when_the_warehouse_was_closed() {
    let world = World::new().await;
    world.warehouse.refusals.store(2, Ordering::SeqCst);
    let status = run(&world.local(), &generated(3, 5)).await.unwrap();
    stocked(&world.local(), status.id).await;
    assert_eq!((world.warehouse.len(), world.warehouse.units()), (6, 30));
    assert_eq!(world.warehouse.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn stock_whose_answer_got_lost_is_told_again_as_the_same_part() {
    let world = World::new().await;
    world.warehouse.lost_answers.store(1, Ordering::SeqCst);
    let status = run(&world.local(), &generated(3, 5)).await.unwrap();
    stocked(&world.local(), status.id).await;
    let again = run(&world.local(), &generated(3, 4)).await.unwrap();
    stocked(&world.local(), again.id).await;
    let told = world.warehouse.parts.lock().unwrap().clone();
    assert_eq!(told, [(status.id, 1), (status.id, 1), (again.id, 1)]);
    assert_eq!((world.warehouse.len(), world.warehouse.units()), (6, 24));
}

#[tokio::test]
async fn what_a_file_cannot_say_stays_when_it_replaces_a_product() {
    let world = World::new().await;
    let client = world.local();
    let app = product_api::NewChannel { code: "app".into(), name: "App".into() };
    client.create_channel(&keeper(), app).await.unwrap();
    let mut old = plain("p-0", 1);
    old.title = types::Texts::one("zh-CN".parse().unwrap(), "旧");
    old.options = vec![option("Size", &["S", "XL"])];
    old.skus = vec![sku(&["S"], 1), sku(&["XL"], 2)];
    old.skus[0].prices.push(price("app", 7));
    let old = client.create(&keeper(), old).await.unwrap();
    run(&client, &generated(1, 1)).await.unwrap();
    let now = client.get(&keeper(), by_id(old.id)).await.unwrap();
    assert_eq!(amounts(&now), [Some(1_050), Some(2_050)]);
    assert_eq!(now.skus[0].id, old.skus[0].id);
    assert_eq!(now.title.all().len(), 2);
    let content = client.get_content(&keeper(), GetContent { id: old.id }).await.unwrap().content;
    assert!(content.skus[0].prices.contains(&price("app", 7)));
}

#[tokio::test]
async fn a_number_of_another_product_is_a_conflict_that_can_be_passed_over() {
    let world = World::new().await;
    let client = world.local();
    let mut holder = plain("holder", 1);
    holder.skus[0].code = "L1".into();
    client.create(&keeper(), holder).await.unwrap();
    let bytes = generated(3, 1);
    let e = run(&client, &bytes).await.unwrap_err();
    assert_eq!(e, "the sku code L1 belongs to another product");
    assert_eq!(everything(&client).await.len(), 1, "nothing was imported");

    let report = validate(bytes.as_slice(), &settings()).unwrap();
    let mut batches = batches(bytes.as_slice(), &settings(), &report, true).unwrap();
    let products = batches.next().unwrap().unwrap().products;
    let strict = client.begin_import(&keeper(), begin_of(&bytes, 3)).await.unwrap();
    let batch = |id| ImportBatch { id, offset: 0, products: products.clone() };
    let e = client.apply_import(&keeper(), batch(strict.id)).await.unwrap_err();
    assert_eq!(e, Error::Taken("the sku code L1".into()));
    assert_eq!(everything(&client).await.len(), 1, "the batch is whole or not at all");
    let fewer = client.begin_import(&keeper(), begin_of(&bytes, 2)).await.unwrap_err();
    assert_eq!(fewer.into_fault().slug(), "import_differs");

    // Whoever goes on with it decides anew, in either direction.
    let other_way = BeginImport { skip_conflicts: true, ..begin_of(&bytes, 3) };
    let lenient = client.begin_import(&keeper(), other_way.clone()).await.unwrap();
    assert_eq!(lenient, strict, "it is the same import");
    client.begin_import(&keeper(), begin_of(&bytes, 3)).await.unwrap();
    assert!(client.apply_import(&keeper(), batch(strict.id)).await.is_err());
    client.begin_import(&keeper(), other_way).await.unwrap();
    let status = client.apply_import(&keeper(), batch(lenient.id)).await.unwrap();
    assert_eq!((status.created, status.skipped, status.skus, status.done), (2, 1, 4, true));
    assert_eq!(everything(&client).await.len(), 3);
}

#[tokio::test]
async fn bad_batches_are_refused_whole() {
    let world = World::new().await;
    let client = world.local();
    let bytes = generated(2, 1);
    let report = validate(bytes.as_slice(), &settings()).unwrap();
    let good = feed::batches(bytes.as_slice(), &settings(), &report, false).unwrap();
    let good = good.map(|b| b.unwrap().products).next().unwrap();
    let status = client.begin_import(&keeper(), begin_of(&bytes, 2)).await.unwrap();
    let ask = async |spoil: fn(&mut ImportBatch)| {
        let mut batch = ImportBatch { id: status.id, offset: 0, products: good.clone() };
        spoil(&mut batch);
        client.apply_import(&keeper(), batch).await.unwrap_err().code()
    };
    assert_eq!(ask(|b| b.products.clear()).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.products = vec![b.products[0].clone(); 51]).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.products.push(b.products[0].clone())).await, ErrorCode::Conflict);
    assert_eq!(ask(|b| b.offset = 1).await, ErrorCode::Conflict);
    assert_eq!(ask(|b| b.offset = u32::MAX).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.id = ImportId::from_i64(5).unwrap()).await, ErrorCode::NotFound);
    assert_eq!(ask(|b| b.products[1].quantities.clear()).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.products[1].quantities[0] = Some(-1)).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.products[1].vendor = "\u{0}".into()).await, ErrorCode::Invalid);
    assert_eq!(ask(|b| b.products[1].product.skus[0].weight_grams = -1).await, ErrorCode::Invalid);
    for bad in [
        BeginImport { file_hash: "x".into(), ..begin_of(&bytes, 2) },
        BeginImport { file_name: String::new(), ..begin_of(&bytes, 2) },
        begin_of(&bytes, 1_000_001),
    ] {
        let e = client.begin_import(&keeper(), bad).await.unwrap_err();
        assert_eq!(e.code(), ErrorCode::Invalid);
    }
    let e = client.begin_import(&shopper(), begin_of(&bytes, 2)).await.unwrap_err();
    assert_eq!(e.code(), ErrorCode::Unauthenticated);
    assert!(everything(&client).await.is_empty());
    let empty = client.begin_import(&keeper(), begin_of(b"", 0)).await.unwrap();
    assert!(empty.done);
}

#[tokio::test]
async fn an_export_that_is_imported_again_changes_nothing_it_cannot_hold() {
    let world = World::new().await;
    let client = world.local();
    let brand = client.create_brand(&keeper(), NewBrand { name: "=Grower".into() }).await.unwrap();
    let mut categories = Vec::new();
    for (slug, name) in [("flowers--all", "Everything"), ("gifts", "Gifts")] {
        let slug = slug.parse().unwrap();
        let new = NewCategory { parent_id: None, slug, name: en(name), position: 0 };
        categories.push(client.create_category(&keeper(), new).await.unwrap());
    }
    let mut new = plain("rose", 1_999);
    let both = [("en", "-Rose, \"red\""), ("zh-CN", "玫瑰")];
    new.title = types::Texts::new(
        both.map(|(l, t)| (l.parse().unwrap(), t.to_owned())).into_iter().collect(),
    )
    .unwrap();
    new.description = Some(en("<p>Line\nline</p>"));
    new.brand_id = Some(brand.id);
    new.category_ids = categories.iter().map(|c| c.id).collect();
    new.tags = vec!["gift".into(), "red".into()];
    new.attributes = vec![product_api::Attribute { name: "Origin".into(), value: "Yunnan".into() }];
    new.options = vec![option("Size", &["S", "L"])];
    new.skus = vec![sku(&["S"], 1_999), sku(&["L"], 2_999)];
    new.skus[0].code = "007".into();
    let rose = client.create(&keeper(), new).await.unwrap().id;
    let mut draft = plain("draft", 5);
    draft.status = product_api::ProductStatus::Draft;
    draft.skus[0].prices.clear();
    let draft = client.create(&keeper(), draft).await.unwrap().id;

    let ids = vec![rose, draft];
    let contents = async || {
        let read = client.get_contents(&keeper(), GetContents { ids: ids.clone() }).await.unwrap();
        read.into_iter().map(|p| (p.sku_ids, p.content)).collect::<Vec<_>>()
    };
    let before = contents().await;
    let names = Names::new(vec![brand], &categories, &settings().locale);
    let mut writer = Writer::new(&settings()).unwrap();
    for (sku_ids, content) in &before {
        let quantities = vec![Some(3); sku_ids.len()];
        writer.write(&names.exported(content.clone(), quantities)).unwrap();
    }
    let status = run(&client, &writer.take().unwrap()).await.unwrap();
    assert_eq!((status.applied, status.created, status.skipped), (2, 0, 0));
    assert_eq!(contents().await, before);
    let all = client.list_categories(&keeper(), ListCategories {}).await.unwrap();
    assert_eq!(all.len(), 2, "no category was made");
    stocked(&client, status.id).await;
    assert_eq!(world.warehouse.units(), 9);
}
