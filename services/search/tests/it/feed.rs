//! What feeds the index: whatever comes late, twice or in the wrong order makes no row older, and a list
//! goes on while rows change.

use kit::{ErrorCode, Limit};
use product_api::ProductStatus;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rpc::ServiceError as _;
use search_api::{FindProducts, Rebuild};
use testkit::{anonymous_ctx, operator_ctx, test_ctx};

use crate::world::{With as _, World, ids, message, moved, order, orders, product, sku, spu, text};

async fn found(world: &World, words: &str) -> Vec<i64> {
    ids(&world.client.find_products(&anonymous_ctx("flora"), text(words)).await.unwrap())
}

#[tokio::test]
async fn a_product_that_changed_is_found_as_it_is_now_only() {
    let world = World::new().await;
    world.publish("flora", [product(1, "Red rose", "红玫瑰").with_option("Size", &["S"])]).await;
    assert_eq!(found(&world, "rose").await, [1]);
    let tulip = product(1, "Tulip", "郁金香").with_option("Size", &["L"]).at_version(2);
    world.publish("flora", [tulip.clone()]).await;
    assert_eq!((found(&world, "rose").await, found(&world, "tulip").await), (vec![], vec![1]));
    // What the catalogue said before comes late.
    world.publish("flora", [product(1, "Red rose", "红玫瑰")]).await;
    assert_eq!((found(&world, "rose").await, found(&world, "tulip").await), (vec![], vec![1]));
    let mut off = tulip.at_version(3);
    off.status = ProductStatus::Off;
    world.publish("flora", [off]).await;
    assert!(found(&world, "").await.is_empty());
    world.tell_product("flora", spu(99)).await;
}

#[tokio::test]
async fn stock_follows_its_messages_and_never_goes_back() {
    let world = World::new().await;
    let in_stock = async || {
        let req = FindProducts { in_stock: true, ..text("") };
        ids(&world.client.find_products(&anonymous_ctx("flora"), req).await.unwrap())
    };
    // Its stock is told of before the product is.
    world.shop.lock().unwrap().available.insert(sku(10));
    world.tell_stock("flora", sku(10), true, 5).await;
    world.publish("flora", [product(1, "Rose", "玫瑰"), product(2, "Tulip", "郁金香")]).await;
    assert_eq!(in_stock().await, [1]);
    world.tell_stock("flora", sku(10), false, 7).await;
    world.tell_stock("flora", sku(10), true, 6).await;
    world.tell_stock("flora", sku(10), false, 7).await;
    assert!(in_stock().await.is_empty());
    world.tell_stock("flora", sku(20), true, 1).await;
    assert_eq!(in_stock().await, [2]);
    world.tell_stock("gadget", sku(20), false, 9).await;
    assert_eq!(in_stock().await, [2], "another tenant's sku");
    // The warehouse knows better than the index: reading again repairs it.
    world.tell_product("flora", spu(1)).await;
    assert_eq!(in_stock().await, [2, 1]);
}

#[tokio::test]
async fn a_product_is_in_stock_while_any_variant_is() {
    let world = World::new().await;
    let mut two = product(1, "Rose", "玫瑰");
    let mut second = two.skus[0].clone();
    second.id = sku(11);
    two.skus.push(second);
    world.publish("flora", [two.clone()]).await;
    let stock = async || {
        let ctx = anonymous_ctx("flora");
        world.client.find_products(&ctx, text("")).await.unwrap().items[0].in_stock
    };
    assert!(!stock().await);
    world.tell_stock("flora", sku(10), true, 1).await;
    world.tell_stock("flora", sku(11), true, 1).await;
    world.tell_stock("flora", sku(10), false, 2).await;
    assert!(stock().await);
    // The variant that was in stock is taken out of the product.
    two.skus.pop();
    world.publish("flora", [two.at_version(2)]).await;
    assert!(!stock().await);
}

#[tokio::test]
async fn a_list_has_nothing_twice_while_rows_come_and_go() {
    let world = World::new().await;
    let products = (1..=30).map(|n| product(n, "Rose", "玫瑰"));
    world.publish("flora", products).await;
    let (ctx, limit) = (anonymous_ctx("flora"), Limit::new(7).unwrap());
    let (mut seen, mut cursor, mut next) = (Vec::new(), None, 31);
    loop {
        let req = FindProducts { cursor, limit, ..text("玫瑰") };
        let page = world.client.find_products(&ctx, req).await.unwrap();
        seen.extend(ids(&page));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        // A new one comes, one that was shown goes, one that was shown changes.
        let mut gone = product(seen[0], "Rose", "玫瑰").at_version(9);
        gone.status = ProductStatus::Off;
        let changed = product(seen[1], "Rose", "玫瑰").at_version(9);
        world.publish("flora", [product(next, "Rose", "玫瑰"), gone, changed]).await;
        next += 1;
    }
    assert_eq!(seen, (1..=30).rev().collect::<Vec<_>>());
}

#[test]
fn an_order_is_what_its_last_message_says_in_whatever_order_they_come() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let steps = ["PENDING_PAYMENT", "PAID", "SHIPPED", "COMPLETED"];
    let sent: Vec<usize> = vec![0, 1, 2, 3, 0, 1, 2, 3];
    let orders_seen = std::cell::Cell::new(1);
    let mut runner = TestRunner::new(Config::with_cases(24));
    runner
        .run(&Just(sent).prop_shuffle(), |sent| {
            let n = orders_seen.replace(orders_seen.get() + 1);
            let mut last = 0;
            for step in sent {
                let begun = order(n, n, "Rose");
                let message = match step {
                    0 => begun,
                    _ => moved(begun, steps[step], step == 3),
                };
                let seq = i64::try_from(step).unwrap() + 1;
                runtime.block_on(world.tell_order("flora", &message, seq));
                last = last.max(step);
                let all = runtime.block_on(orders(&world.client, "flora", Default::default()));
                let hit = all.items.iter().find(|o| o.id.get() == n).unwrap();
                prop_assert_eq!(&hit.status, steps[last]);
                prop_assert_eq!(hit.is_final, last == 3);
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn what_was_missed_is_read_again() {
    let world = World::new().await;
    let products = (1..=120).map(|n| (("flora".to_owned(), spu(n)), product(n, "Rose", "玫瑰")));
    world.shop.lock().unwrap().products.extend(products);
    assert!(found(&world, "rose").await.is_empty());
    let staff = operator_ctx("flora", 1, &["*"]);
    let refused = world.client.rebuild_products(&staff, Rebuild::default()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden);
    let (mut read, mut cursor) = (0, None);
    loop {
        let page = world.client.rebuild_products(&test_ctx("flora"), Rebuild { cursor }).await;
        let page = page.unwrap();
        read += page.products;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let all = world.client.find_products(&anonymous_ctx("flora"), text("rose")).await.unwrap();
    assert_eq!((read, all.total), (120, 120));
}

#[tokio::test]
async fn what_is_no_message_is_a_dead_letter_and_an_old_one_is_read() {
    let world = World::new().await;
    for (topic, aggregate) in [
        ("order.created", "order"),
        ("product.changed", "product"),
        ("inventory.availability_changed", "sku"),
    ] {
        let garbage = message("flora", topic, aggregate, 1, 1, &"garbage");
        assert!(world.deliver(garbage).await.unwrap_err().is_permanent(), "{topic}");
    }
    let mut old = order(1, 0, "Rose");
    old.data.status_label = String::new();
    old.data.flow_version = 0;
    (old.data.created_at, old.data.updated_at) = Default::default();
    world.tell_order("flora", &old, 1).await;
    let hit = &orders(&world.client, "flora", Default::default()).await.items[0];
    assert_eq!(hit.status_label, "PENDING_PAYMENT", "there is no label");
    assert_eq!(hit.created_at, hit.id.0.made_at());
}
