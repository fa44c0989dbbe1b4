//! What others are told of an order: every change, whatever its flow emits; and who did what.

use kit::Limit;
use order_api::{CHANGED, CREATED, Get, OPERATION_MONEY, OrderMessage, PAID, READY_TO_SHIP, Scan};
use serde_json::Value;
use testkit::{operator_ctx, test_ctx};

use crate::live::{Live, TOTAL, act};
use crate::world::{PRICE, SHIPPING, buyer, cny, order_of};

/// The flow of the other tests, in which no step emits anything.
fn silent() -> String {
    fn hush(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("emit");
                members.values_mut().for_each(hush);
            }
            Value::Array(items) => items.iter_mut().for_each(hush),
            _ => {}
        }
    }
    let mut document: Value = serde_json::from_str(include_str!("flow.json")).unwrap();
    hush(&mut document);
    document.to_string()
}

fn way(told: &[(String, OrderMessage)]) -> Vec<(&str, &str, &str, i64)> {
    told.iter()
        .map(|(topic, m)| (topic.as_str(), m.operation.as_str(), m.to.as_str(), m.version))
        .collect()
}

#[tokio::test]
async fn every_change_is_told_once_when_a_flow_emits_nothing() {
    let live = Live::new().await;
    live.world.publish("flora", &silent()).await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    live.refunded(id, 300).await;
    live.moved(id, fulfillment_api::SHIPPED).await;
    live.reaches(id, "SHIPPED").await;
    live.world.client.act(&buyer(7), act(id, "receive", "r")).await.unwrap();
    let done = live.world.client.act(&buyer(7), act(id, "complete", "c")).await.unwrap();
    let told = live.told(id, 6).await;
    let expected = [
        (CREATED, "begin", "PENDING_PAYMENT", 1),
        (CHANGED, "pay", "PAID", 3),
        (CHANGED, OPERATION_MONEY, "PAID", 4),
        (CHANGED, "ship", "SHIPPED", 5),
        (CHANGED, "receive", "RECEIVED", 6),
        (CHANGED, "complete", "COMPLETED", 7),
    ];
    assert_eq!(way(&told), expected);
    let last = &told.last().unwrap().1.data;
    assert_eq!((last.status_label.as_str(), last.is_final), ("Completed", true));
    assert_eq!((last.created_at, last.updated_at), (done.created_at, done.updated_at));
    assert_eq!((last.captured, last.refunded), (Some(cny(TOTAL)), Some(cny(300))));
    assert_eq!((last.paid, last.channel.as_str()), (cny(TOTAL - 300), "web"));
    assert_eq!(last.flow_version, done.flow_version);
    let scan = Scan { cursor: None, limit: Limit::default() };
    let scanned = live.world.client.scan(&test_ctx("flora"), scan).await.unwrap().items;
    let scanned: Vec<_> = scanned.iter().map(|m| (m.version, &m.data)).collect();
    assert_eq!(scanned, [(7, last)], "what is read again is what was told last");
    let first = &told[0].1.data;
    assert_eq!((first.status_label.as_str(), first.is_final), ("To pay", false));
    assert_eq!(first.created_at, first.updated_at);
    live.stop().await;
}

#[tokio::test]
async fn timers_surplus_and_cash_are_told_too() {
    let live = Live::new().await;
    live.world.publish("flora", &silent().replace("PT30M", "PT1S")).await;
    let id = live.world.placed(7).await.id;
    live.reaches(id, "CLOSED").await;
    live.captured(id, 1, TOTAL).await;
    let expected = [
        (CREATED, "begin", "PENDING_PAYMENT", 1),
        (CHANGED, "close", "CLOSED", 2),
        (CHANGED, "refund_late_payment", "CLOSED", 4),
    ];
    assert_eq!(way(&live.told(id, 3).await), expected);
    let cash = live.world.placed_in_cash(7).await.unwrap().id;
    live.captured(cash, 1, TOTAL).await;
    let expected = [
        (CREATED, "begin", "PENDING_PAYMENT", 1),
        (CHANGED, "confirm_cash", "CONFIRMED", 2),
        (CHANGED, OPERATION_MONEY, "CONFIRMED", 3),
    ];
    assert_eq!(way(&live.told(cash, 3).await), expected, "nobody wanted this money");
    live.stop().await;
}

#[tokio::test]
async fn a_step_of_which_the_flow_tells_is_not_told_twice() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    live.captured(id, 1, TOTAL).await;
    live.reaches(id, "PAID").await;
    live.refunded(id, TOTAL).await;
    let expected = [
        (CREATED, "begin", "PENDING_PAYMENT", 1),
        (PAID, "pay", "PAID", 3),
        (READY_TO_SHIP, "pay", "PAID", 3),
        (CHANGED, OPERATION_MONEY, "PAID", 4),
    ];
    let told = live.told(id, 4).await;
    assert_eq!(way(&told), expected);
    assert_eq!(told[1].1.data.status_label, "Paid", "it says where the order stands since");
    live.stop().await;
}

#[tokio::test]
async fn a_message_has_the_picture_of_the_first_line_only() {
    let live = Live::new().await;
    let lines: Vec<(i64, u32)> = (1..=100).map(|n| (n, 1)).collect();
    let id = live.world.checkout(7, &lines).await;
    let total = 100 * PRICE + SHIPPING;
    let order = live.world.client.place(&buyer(7), order_of(id, total)).await.unwrap();
    assert!(order.lines.iter().all(|l| l.image_url.is_some()), "the order itself has them all");
    let told = live.told(id, 1).await;
    let pictures: Vec<u32> =
        told[0].1.data.lines.iter().filter(|l| l.image_url.is_some()).map(|l| l.line_no).collect();
    assert_eq!((told[0].1.data.lines.len(), pictures), (100, vec![1]));
    live.stop().await;
}

#[tokio::test]
async fn the_history_names_who_did_it_and_a_shopper_learns_his_own_name_only() {
    let live = Live::new().await;
    let id = live.world.placed(7).await.id;
    let clerk = operator_ctx("flora", 12, &["orders:operate", "orders:read"]);
    live.world.client.act(&clerk, act(id, "cancel", "c")).await.unwrap();
    live.captured(id, 1, TOTAL).await;
    live.told(id, 3).await;
    let who = |history: Vec<order_api::HistoryEntry>| {
        history.into_iter().map(|h| (h.by, h.actor)).collect::<Vec<_>>()
    };
    let get = || Get { order_id: id };
    let pair = |by: &str, actor: &str| (by.to_owned(), actor.to_owned());
    let seen = who(live.world.client.history(&clerk, get()).await.unwrap());
    assert_eq!(seen[..2], [pair("buyer", "user:7"), pair("staff", "operator:12")]);
    assert!(seen[2].1.starts_with("system:"), "{seen:?}");
    let system = who(live.world.client.history(&test_ctx("flora"), get()).await.unwrap());
    assert_eq!(system, seen);
    let labels = live.world.client.history(&clerk, get()).await.unwrap();
    let labels: Vec<_> = labels.iter().map(|h| (&*h.operation_label, &*h.to_label)).collect();
    assert_eq!(labels[..2], [("", "To pay"), ("Cancel", "Cancelled")]);
    let mine = who(live.world.client.history(&buyer(7), get()).await.unwrap());
    assert_eq!(mine, [pair("buyer", "user:7"), pair("staff", ""), pair("system", "")]);
    live.stop().await;
}
