//! Several messages at once: what was said last of each counts, and a product is in stock while any of its
//! variants is. On engines with many writers these are several transactions at the same time.

use std::sync::Arc;

use product_api::ProductInfo;
use search_api::FindProducts;
use testkit::anonymous_ctx;
use tokio::task::JoinSet;

use crate::world::{With as _, World, ids, product, sku, spu, text};

/// A product with variants of ten times its number and the following ones.
fn with_variants(n: i64, variants: i64) -> ProductInfo {
    let mut product = product(n, "Rose", "玫瑰");
    let first = product.skus[0].clone();
    product.skus =
        (0..variants).map(|v| product_api::Sku { id: sku(n * 10 + v), ..first.clone() }).collect();
    product
}

async fn in_stock(world: &World) -> Vec<i64> {
    let req = FindProducts { in_stock: true, ..text("") };
    let mut found = ids(&world.client.find_products(&anonymous_ctx("flora"), req).await.unwrap());
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_whose_variants_run_out_at_once_is_out_of_stock() {
    let world = Arc::new(World::new().await);
    let skus = |n: i64| (0..4).map(move |v| sku(n * 10 + v));
    for n in 1..=8 {
        world.shop.lock().unwrap().available.extend(skus(n));
        world.publish("flora", [with_variants(n, 4)]).await;
    }
    assert_eq!(in_stock(&world).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    for (seq, available) in [(1, false), (2, true), (3, false)] {
        let mut all = JoinSet::new();
        for sku in (1..=8).flat_map(skus) {
            let world = Arc::clone(&world);
            all.spawn(async move { world.tell_stock("flora", sku, available, seq).await });
        }
        all.join_all().await;
        assert_eq!(in_stock(&world).await.len(), if available { 8 } else { 0 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_and_its_stock_that_come_first_at_once_find_each_other() {
    let world = Arc::new(World::new().await);
    for n in 1..=8 {
        let key = ("flora".to_owned(), spu(n));
        world.shop.lock().unwrap().products.insert(key, with_variants(n, 3));
        world.shop.lock().unwrap().available.insert(sku(n * 10 + 1));
        let mut all = JoinSet::new();
        for v in 0..3 {
            let world = Arc::clone(&world);
            all.spawn(async move { world.tell_stock("flora", sku(n * 10 + v), v == 1, 1).await });
        }
        for _ in 0..3 {
            let world = Arc::clone(&world);
            all.spawn(async move { world.tell_product("flora", spu(n)).await });
        }
        all.join_all().await;
        assert_eq!(in_stock(&world).await, (1..=n).collect::<Vec<_>>());
        // The variant is known as the product's, wherever it came from first.
        world.tell_stock("flora", sku(n * 10 + 1), false, 2).await;
        assert_eq!(in_stock(&world).await, (1..n).collect::<Vec<_>>());
        world.tell_stock("flora", sku(n * 10 + 1), true, 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_versions_at_once_one_is_kept_whole() {
    const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
    let world = Arc::new(World::new().await);
    for n in 1..=5 {
        let mut all = JoinSet::new();
        for (version, word) in (1..).zip(WORDS) {
            let world = Arc::clone(&world);
            let rose = product(n, &format!("Rose {word}"), "玫瑰")
                .of_brand(version, word)
                .with_option("Size", &["S", "M", "L"])
                .at_version(version);
            all.spawn(async move { world.publish("flora", [rose]).await });
        }
        all.join_all().await;
        let mut found = Vec::new();
        for word in WORDS {
            let ctx = anonymous_ctx("flora");
            let hits = world.client.find_products(&ctx, text(word)).await.unwrap();
            found.extend(hits.items.into_iter().filter(|h| h.id == spu(n)));
        }
        assert_eq!(found.len(), 1, "{found:?}");
        let title = found[0].title.all().values().find(|t| t.starts_with("Rose")).cloned();
        assert_eq!(title, found[0].brand.as_ref().map(|brand| format!("Rose {brand}")));
    }
}
