//! Several calls at once: no change is lost, limits hold. On engines with many writers these are several
//! transactions at the same time.

use product::Options;
use product_api::{
    BeginImport, Error, GetContent, ImportBatch, ImportProduct, ListBrands, ListCategories,
    PutImage, SetStatus, UpdateProduct,
};
use product_api::{ProductClient, ProductStatus};
use tokio::task::JoinSet;

use crate::world::{World, by_slug, en, keeper, plain, shopper};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_of_one_version_one_is_made() {
    let world = World::new().await;
    let client = world.local();
    let rose = client.create(&keeper(), plain("rose", 100)).await.unwrap();
    let mut all = JoinSet::new();
    for n in 0..10 {
        let client = client.clone();
        all.spawn(async move {
            let content = plain("rose", 200 + n);
            client.update(&keeper(), UpdateProduct { id: rose.id, version: 1, content }).await
        });
    }
    let results = all.join_all().await;
    let made: Vec<_> = results.iter().filter_map(|r| r.as_ref().ok()).collect();
    assert_eq!(made.len(), 1);
    assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|e| *e == Error::Stale(2)));
    let now = client.get(&shopper(), by_slug("rose")).await.unwrap();
    assert_eq!((now.version, &now.skus), (2, &made[0].skus));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_and_status_are_changed_at_once_without_undoing_one_another() {
    let world = World::new().await;
    let client = world.local();
    for round in 0..10 {
        let slug = format!("rose-{round}");
        let rose = client.create(&keeper(), plain(&slug, 100)).await.unwrap();
        let (other, id) = (client.clone(), rose.id);
        let off = SetStatus { id, status: ProductStatus::Off, version: None };
        let moved = tokio::task::JoinSet::from_iter([async move {
            other.set_status(&keeper(), off).await.unwrap();
        }]);
        let mut content = plain(&slug, 200);
        content.title = en("Changed");
        let update = UpdateProduct { id, version: 1, content };
        let changed = client.update(&keeper(), update).await;
        moved.join_all().await;
        let now = client.get_content(&keeper(), GetContent { id }).await.unwrap();
        match changed {
            // The change came first, with the status that it was based on; then the product was taken off.
            Ok(_) => assert_eq!((now.version, &now.content.title), (3, &en("Changed"))),
            Err(e) => assert_eq!((e, now.version), (Error::Stale(2), 2)),
        }
        assert_eq!(now.content.status, ProductStatus::Off);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_products_with_one_slug_or_code_one_is_added() {
    let world = World::new().await;
    for same_slug in [true, false] {
        let mut all = JoinSet::new();
        for n in 0..10 {
            let client = world.local();
            let mut new = plain(&format!("tulip-{n}-{same_slug}"), 100);
            if same_slug {
                new.slug = "tulip".parse().unwrap();
            } else {
                new.skus[0].code = "T-1".to_owned();
            }
            all.spawn(async move { client.create(&keeper(), new).await });
        }
        let results = all.join_all().await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        let taken = |e: Error| matches!(e, Error::Taken(_));
        assert!(results.into_iter().filter_map(Result::err).all(taken));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_pictures_at_once_so_many_are_kept_as_may_be() {
    let world = World::with(Options { images_max: 3 }).await;
    let mut all = JoinSet::new();
    for n in 0..12 {
        let client = world.local();
        let svg = format!("<svg xmlns='http://www.w3.org/2000/svg'><rect width='{n}'/></svg>");
        let image = PutImage { content_type: "image/svg+xml".into(), bytes: svg.into_bytes() };
        all.spawn(async move { client.put_image(&keeper(), image).await });
    }
    assert_eq!(all.join_all().await.into_iter().filter(Result::is_ok).count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_picture_at_once_is_kept_once() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let client = world.local();
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9'/></svg>".to_vec();
        let image = PutImage { content_type: "image/svg+xml".into(), bytes: svg };
        all.spawn(async move { client.put_image(&keeper(), image).await.unwrap().id });
    }
    let mut ids = all.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

fn imported(slug: &str, vendor: &str, category: &str) -> ImportProduct {
    ImportProduct {
        product: plain(slug, 100),
        vendor: vendor.to_owned(),
        category: category.to_owned(),
        quantities: vec![Some(1)],
    }
}

async fn begin(client: &ProductClient, hash: u8, products: u32) -> types::ImportId {
    let file_hash = format!("{hash:02x}").repeat(32);
    let file_name = format!("{hash}.csv");
    let req = BeginImport { file_name, file_hash, products, skip_conflicts: false };
    client.begin_import(&keeper(), req).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_comes_several_times_at_once_is_applied_once() {
    let world = World::new().await;
    let mut begun = JoinSet::new();
    for _ in 0..6 {
        let client = world.local();
        begun.spawn(async move { begin(&client, 1, 3).await });
    }
    let mut ids = begun.join_all().await;
    ids.dedup();
    let [id] = ids[..] else { panic!("one file has several imports: {ids:?}") };
    let mut all = JoinSet::new();
    for _ in 0..6 {
        let client = world.local();
        all.spawn(async move {
            let products =
                (0..3).map(|n| imported(&format!("rose-{n}"), "Flora", "Roses")).collect();
            client.apply_import(&keeper(), ImportBatch { id, offset: 0, products }).await.unwrap()
        });
    }
    for status in all.join_all().await {
        assert_eq!((status.applied, status.created, status.skus, status.done), (3, 3, 3, true));
    }
    let rose = world.local().get(&shopper(), by_slug("rose-0")).await.unwrap();
    assert_eq!(rose.version, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_imported_at_once_share_their_brands_and_categories() {
    let world = World::new().await;
    let mut all = JoinSet::new();
    for file in 0..4_u8 {
        let client = world.local();
        all.spawn(async move {
            let id = begin(&client, file, 10).await;
            // Each file names the same products in another order.
            let product = |n: u8| {
                let n = if file % 2 == 0 { n } else { 9 - n };
                imported(&format!("rose-{n}"), &format!("Brand {}", n % 3), "Roses")
            };
            for offset in (0..10).step_by(5) {
                let products = (offset..offset + 5).map(product).collect();
                let req = ImportBatch { id, offset: offset.into(), products };
                client.apply_import(&keeper(), req).await.unwrap();
            }
        });
    }
    all.join_all().await;
    let client = world.local();
    assert_eq!(client.list_brands(&shopper(), ListBrands {}).await.unwrap().len(), 3);
    assert_eq!(client.list_categories(&shopper(), ListCategories {}).await.unwrap().len(), 1);
    for n in 0..10 {
        let rose = client.get(&shopper(), by_slug(&format!("rose-{n}"))).await.unwrap();
        assert_eq!((rose.version, rose.skus.len()), (4, 1), "once by each file");
    }
}
