//! Finding orders, and figures of them, in the process and over the wire.

use std::sync::Arc;

use kit::{ErrorCode, Limit, Timestamp};
use order_api::{CHANGED, CREATED, OrderMessage};
use outbox::{Deliver as _, Message};
use rpc::ServiceError as _;
use search_api::{FindOrders, FlowUsage, OrderStats, SearchClient};
use testkit::{BEGIN, anonymous_ctx, operator_ctx, user_ctx};
use types::MemberId;

use crate::world::{World, message, moved, order, order_ids, orders, yuan};

const READ: &[&str] = &["orders:read"];

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_micros(BEGIN.micros() + minutes * 60_000_000)
}

/// Orders 1 to 6, two an hour from the beginning on; 4 is paid in the second version of the flow, 5 is
/// closed, 6 is of another member and paid in cash.
async fn shop() -> World {
    let world = World::new().await;
    for n in 1..=6 {
        let mut placed = order(n, (n - 1) * 30, if n % 2 == 0 { "红玫瑰" } else { "Blue Tulips" });
        if n == 4 {
            placed.data.flow_version = 2;
        }
        if n == 6 {
            placed.data.member_id = MemberId::from_i64(8).unwrap();
            placed.data.payment_method = order_api::PaymentMethod::CashOnDelivery;
            placed.data.address.name = "Anna Müller".to_owned();
        }
        world.tell_order("flora", &placed, 1).await;
        match n {
            4 => world.tell_order("flora", &moved(placed, "PAID", false), 2).await,
            5 => world.tell_order("flora", &moved(placed, "CLOSED", true), 2).await,
            _ => {}
        }
    }
    world.tell_order("gadget", &order(7, 0, "红玫瑰"), 1).await;
    world
}

async fn suite(client: &SearchClient) {
    orders_are_found_by_what_stands_in_them(client).await;
    a_list_of_orders_goes_on_where_it_ended(client).await;
    figures_add_up(client).await;
    running_orders_are_counted_by_version_and_status(client).await;
    orders_are_for_staff(client).await;
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

async fn orders_are_found_by_what_stands_in_them(client: &SearchClient) {
    let words = |text: &str| FindOrders { text: text.to_owned(), ..FindOrders::default() };
    for (text, expected) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("3", vec![3]),
        (" 3 ", vec![3]),
        ("7", vec![]),
        ("code-2", vec![2]),
        ("玫瑰", vec![6, 4, 2]),
        ("tulip", vec![5, 3, 1]),
        ("小明", vec![5, 4, 3, 2, 1]),
        ("muller", vec![6]),
        ("anna 玫瑰", vec![6]),
        ("anna tulips", vec![]),
        ("13800000000", vec![]),
        ("--", vec![]),
    ] {
        assert_eq!(order_ids(&orders(client, "flora", words(text)).await), expected, "{text}");
    }
    let none = FindOrders::default;
    for (req, expected) in [
        (FindOrders { status: Some("PAID".to_owned()), ..none() }, vec![4]),
        (FindOrders { member_id: Some(MemberId::from_i64(8).unwrap()), ..none() }, vec![6]),
        (FindOrders { payment_method: Some("cash_on_delivery".to_owned()), ..none() }, vec![6]),
        (FindOrders { from: Some(at(60)), to: Some(at(120)), ..none() }, vec![4, 3]),
        (FindOrders { status: Some("PAID".to_owned()), ..words("3") }, vec![]),
    ] {
        assert_eq!(order_ids(&orders(client, "flora", req).await), expected);
    }
    let hit = &orders(client, "flora", words("4")).await.items[0];
    assert_eq!((hit.status.as_str(), hit.status_label.as_str()), ("PAID", "paid"));
    assert_eq!((hit.paid, hit.units, hit.flow_version), (yuan(10_000), 2, 2));
    assert_eq!((hit.title.as_str(), hit.created_at), ("红玫瑰", at(90)));
}

async fn a_list_of_orders_goes_on_where_it_ended(client: &SearchClient) {
    let limit = Limit::new(4).unwrap();
    let first = orders(client, "flora", FindOrders { limit, ..FindOrders::default() }).await;
    let rest = FindOrders { limit, cursor: first.next_cursor.clone(), ..FindOrders::default() };
    let rest = orders(client, "flora", rest).await;
    assert_eq!((order_ids(&first), order_ids(&rest)), (vec![6, 5, 4, 3], vec![2, 1]));
    assert_eq!(rest.next_cursor, None);
}

async fn figures_add_up(client: &SearchClient) {
    let staff = operator_ctx("flora", 1, READ);
    let figures = client.order_stats(&staff, OrderStats { from: at(30), to: at(150) }).await;
    let figures = figures.unwrap();
    assert_eq!((figures.orders, figures.revenue), (4, yuan(10_000)));
    let hours: Vec<_> = figures.by_hour.iter().map(|h| (h.hour, h.orders, h.revenue)).collect();
    let expected = [(at(0), 1, yuan(0)), (at(60), 2, yuan(10_000)), (at(120), 1, yuan(0))];
    assert_eq!(hours, expected);
    let standing: Vec<_> =
        figures.by_status.iter().map(|s| (s.status.as_str(), s.orders, s.is_final)).collect();
    assert_eq!(standing, [("PENDING_PAYMENT", 2, false), ("CLOSED", 1, true), ("PAID", 1, false)]);
    for (from, to) in [(at(1), at(1)), (at(2), at(1)), (at(0), at(31 * 24 * 60 + 1))] {
        let refused = client.order_stats(&staff, OrderStats { from, to }).await.unwrap_err();
        assert_eq!(refused.into_fault().fields[0].pointer, "to");
    }
    let month = OrderStats { from: at(0), to: at(31 * 24 * 60) };
    assert_eq!(client.order_stats(&staff, month).await.unwrap().orders, 6);
}

async fn running_orders_are_counted_by_version_and_status(client: &SearchClient) {
    let staff = operator_ctx("flora", 1, &["flows:read"]);
    let counts = client.flow_usage(&staff, FlowUsage {}).await.unwrap();
    let counts: Vec<_> =
        counts.iter().map(|c| (c.flow_version, c.status.as_str(), c.orders)).collect();
    assert_eq!(counts, [(2, "PAID", 1), (1, "PENDING_PAYMENT", 4)], "closed ones do not run");
}

async fn orders_are_for_staff(client: &SearchClient) {
    let time = OrderStats { from: at(0), to: at(1) };
    for (ctx, code) in [
        (anonymous_ctx("flora"), ErrorCode::Unauthenticated),
        (user_ctx("flora", 7), ErrorCode::Forbidden),
        (operator_ctx("flora", 1, &["products:read"]), ErrorCode::Forbidden),
    ] {
        let found = client.find_orders(&ctx, FindOrders::default()).await.unwrap_err();
        let figures = client.order_stats(&ctx, time).await.unwrap_err();
        let usage = client.flow_usage(&ctx, FlowUsage {}).await.unwrap_err();
        assert_eq!((found.code(), figures.code(), usage.code()), (code, code, code));
    }
    let other = orders(client, "gadget", FindOrders::default()).await;
    assert_eq!(order_ids(&other), [7], "tenants never see each other");
}

#[tokio::test]
async fn orders_that_are_told_together_are_kept_as_if_each_were_told_alone() {
    let world = World::new().await;
    let placed = |n: i64| order(n, n, if n % 2 == 0 { "红玫瑰" } else { "Blue Tulips" });
    let told = |order: &OrderMessage, seq: i64| {
        let topic = if order.from.is_empty() { CREATED } else { CHANGED };
        Arc::new(message("flora", topic, "order", order.data.order_id.get(), seq, order))
    };
    let all = |numbers: std::ops::RangeInclusive<i64>| -> Vec<_> {
        numbers.map(|n| told(&placed(n), 1)).collect()
    };
    // All are new; all are known; some are known; the last message is none.
    let mut garbage = all(5..=9);
    garbage.push(Arc::new(Message { payload: "[]".to_owned(), ..(*all(10..=10)[0]).clone() }));
    for messages in [all(1..=4), all(1..=4), all(3..=6), garbage] {
        let results = world.messages.deliver_many(&messages, testkit::PATIENCE).await;
        assert_eq!(results.len(), messages.len());
        for (result, message) in results.iter().zip(&messages) {
            assert_eq!(result.is_err(), message.payload == "[]");
        }
    }
    // Steps of orders that are known, and of one whose beginning comes later.
    let paid = |n: i64| told(&moved(placed(n), "PAID", false), 2);
    let steps: Vec<_> = [2, 7, 11].map(paid).to_vec();
    for result in world.messages.deliver_many(&steps, testkit::PATIENCE).await {
        result.unwrap();
    }
    world.tell_order("flora", &placed(11), 1).await;
    let words = |text: &str| FindOrders { text: text.to_owned(), ..FindOrders::default() };
    let client = &world.client;
    let tulips = orders(client, "flora", words("tulip")).await;
    assert_eq!(order_ids(&tulips), [11, 9, 7, 5, 3, 1]);
    assert_eq!(order_ids(&orders(client, "flora", words("玫瑰")).await), [8, 6, 4, 2]);
    let req = FindOrders { status: Some("PAID".to_owned()), ..FindOrders::default() };
    assert_eq!(order_ids(&orders(client, "flora", req).await), [11, 7, 2]);
}
