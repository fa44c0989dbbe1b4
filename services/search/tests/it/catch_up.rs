//! Rows that are read again where they come from: by itself, once and to the end, and by an operator.

use kit::{Cursor, ErrorCode};
use order_api::OrderMessage;
use rpc::ServiceError as _;
use search::CaughtUp;
use search_api::{Rebuild, SearchClient};
use testkit::{anonymous_ctx, operator_ctx, test_ctx};

use crate::world::{World, moved, order, order_id, order_ids, orders, product, scanned, spu, text};

/// A world in which a tenant has 60 products of which the index was told nothing.
async fn older() -> World {
    let world = World::new().await;
    let products = (1..=60).map(|n| (("flora".to_owned(), spu(n)), product(n, "Rose", "玫瑰")));
    world.shop.lock().unwrap().products.extend(products);
    world
}

async fn found(world: &World) -> u64 {
    world.client.find_products(&anonymous_ctx("flora"), text("rose")).await.unwrap().total
}

const fn caught_up(products: u64, orders: u64) -> CaughtUp {
    CaughtUp { products, orders }
}

/// Puts an order where a scan finds it, and tells nobody.
fn stands(world: &World, code: &str, message: OrderMessage) {
    let key = (code.to_owned(), message.data.order_id);
    world.shop.lock().unwrap().orders.insert(key, scanned(message));
}

#[tokio::test]
async fn tenants_that_are_older_than_the_index_are_caught_up_once() {
    let world = older().await;
    stands(&world, "gadget", order(1, 1, "Phone"));
    assert_eq!(world.catch_up.run_once().await.unwrap(), caught_up(60, 1));
    assert_eq!(found(&world).await, 60);
    assert_eq!(order_ids(&orders(&world.client, "gadget", Default::default()).await), [1]);
    assert_eq!(world.catch_up.run_once().await.unwrap(), caught_up(0, 0), "it was done");
}

#[tokio::test]
async fn a_catch_up_that_was_interrupted_goes_on_where_it_was() {
    for (failing, next) in [(30, 60), (55, 10)] {
        let world = older().await;
        stands(&world, "flora", order(1, 1, "Rose"));
        stands(&world, "gadget", order(2, 1, "Phone"));
        world.shop.lock().unwrap().failing.insert(spu(failing));
        assert_eq!(world.catch_up.run_once().await.unwrap_err().code, ErrorCode::Unavailable);
        assert!(found(&world).await < 60);
        for (code, id) in [("flora", 1), ("gadget", 2)] {
            let listed = orders(&world.client, code, Default::default()).await;
            assert_eq!(order_ids(&listed), [id], "what fails holds up nothing else");
        }
        assert_eq!(world.catch_up.run_once().await.unwrap(), caught_up(next, 0));
        assert_eq!(found(&world).await, 60);
    }
}

#[tokio::test]
async fn what_is_away_for_a_moment_does_not_end_a_catch_up() {
    let world = older().await;
    stands(&world, "gadget", order(1, 1, "Phone"));
    world.shop.lock().unwrap().failing.insert(spu(30));
    assert_eq!(world.catch_up.run().await.unwrap(), caught_up(60, 1));
    assert_eq!(found(&world).await, 60);
}

#[tokio::test]
async fn a_product_that_changed_before_the_catch_up_does_not_prevent_it() {
    let world = older().await;
    world.tell_product("flora", spu(7)).await;
    assert_eq!(found(&world).await, 1);
    assert_eq!(world.catch_up.run_once().await.unwrap(), caught_up(60, 0));
    assert_eq!(found(&world).await, 60);
}

#[tokio::test]
async fn every_order_is_listed_again_when_the_index_is_lost() {
    let world = World::new().await;
    for n in 1..=120 {
        let placed = order(n, n, "Rose");
        let now = if n % 2 == 0 { moved(placed, "PAID", false) } else { placed };
        stands(&world, "flora", now);
    }
    // Of this one there is a message already, and the scan read it before that step.
    let paid = moved(order(1, 1, "Rose"), "PAID", false);
    world.tell_order("flora", &paid, 4).await;
    assert_eq!(world.catch_up.run_once().await.unwrap(), caught_up(0, 120));
    let status = async |n: i64| {
        let req = search_api::FindOrders { text: n.to_string(), ..Default::default() };
        orders(&world.client, "flora", req).await.items[0].status.clone()
    };
    let staff = operator_ctx("flora", 1, &["orders:read"]);
    let usage = world.client.flow_usage(&staff, search_api::FlowUsage {}).await.unwrap();
    assert_eq!(usage.iter().map(|u| u.orders).sum::<u64>(), 120, "each once");
    assert_eq!(status(1).await, "PAID", "a message that was taken is newer");
    assert_eq!(
        (status(2).await, status(3).await),
        ("PAID".to_owned(), "PENDING_PAYMENT".to_owned())
    );
    let words = search_api::FindOrders { text: "code-120".to_owned(), ..Default::default() };
    assert_eq!(order_ids(&orders(&world.client, "flora", words).await), [120], "by its words");
    // A message that was on its way says what was read already, an older one what is over.
    let paid = moved(order(2, 2, "Rose"), "PAID", false);
    world.tell_order("flora", &order(2, 2, "Rose"), 1).await;
    assert_eq!(status(2).await, "PAID", "no row gets older");
    world.tell_order("flora", &paid, 2).await;
    world.tell_order("flora", &moved(paid, "SHIPPED", false), 3).await;
    world.tell_order("flora", &moved(order(3, 3, "Rose"), "CLOSED", true), 2).await;
    assert_eq!((status(2).await, status(3).await), ("SHIPPED".to_owned(), "CLOSED".to_owned()));
}

/// Reads all orders again; how many.
async fn rebuilt(client: &SearchClient) -> u32 {
    let (mut read, mut cursor) = (0, None);
    loop {
        let page = client.rebuild_orders(&test_ctx("flora"), Rebuild { cursor }).await.unwrap();
        read += page.orders;
        cursor = page.next_cursor;
        if cursor.is_none() {
            return read;
        }
    }
}

/// An index that has some orders, one of them as it was before a message that never came.
async fn behind() -> World {
    let world = World::new().await;
    world.tell_order("flora", &order(1, 1, "Rose"), 1).await;
    stands(&world, "flora", moved(order(1, 1, "Rose"), "PAID", false));
    for n in 2..=70 {
        stands(&world, "flora", order(n, n, "Rose"));
    }
    world
}

async fn suite(client: &SearchClient) {
    for ctx in [anonymous_ctx("flora"), operator_ctx("flora", 1, &["*"])] {
        let refused = client.rebuild_orders(&ctx, Rebuild::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
    for _ in 0..2 {
        assert_eq!(rebuilt(client).await, 70);
        let req = search_api::FindOrders { text: "1".to_owned(), ..Default::default() };
        let hit = orders(client, "flora", req).await.items.remove(0);
        assert_eq!((hit.id, hit.status.as_str()), (order_id(1), "PAID"));
        let staff = operator_ctx("flora", 1, &["orders:read"]);
        let usage = client.flow_usage(&staff, search_api::FlowUsage {}).await.unwrap();
        assert_eq!(usage.iter().map(|u| u.orders).sum::<u64>(), 70);
    }
    let odd = Rebuild { cursor: Some(Cursor::from("odd".to_owned())) };
    let fault = client.rebuild_orders(&test_ctx("flora"), odd).await.unwrap_err().into_fault();
    assert_eq!(fault.code, ErrorCode::Invalid);
}

#[tokio::test]
async fn orders_are_read_again_through_a_local_handle() {
    suite(&behind().await.client).await;
}

#[tokio::test]
async fn orders_are_read_again_through_a_remote_handle() {
    let world = behind().await;
    suite(&world.remote().await).await;
}
