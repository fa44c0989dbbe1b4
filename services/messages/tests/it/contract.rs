//! What callers of the trait may rely on, whichever handle they hold.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::{Cursor, ErrorCode, Limit};
use messages_api::{
    Discard, ListMessages, MessageInfo, MessageRef, MessageState, RetryAll, Summary,
};
use serde_json::json;
use shard::Route;
use testkit::{BEGIN, anonymous_ctx, operator_ctx, user_ctx};

use crate::world::{READS, WRITES, World, somebody};

const CART: (&str, Route) = ("cart", Route::Whole);
const ORDER: (&str, Route) = ("order", Route::Whole);

async fn both(suite: impl AsyncFn(World)) {
    suite(World::new().await).await;
    suite(World::over_the_wire().await).await;
}

fn wanted(state: MessageState) -> ListMessages {
    ListMessages { service: None, state, topic: None, cursor: None, limit: Limit::default() }
}

fn of(info: &MessageInfo) -> MessageRef {
    MessageRef { service: info.service.clone(), id: info.id.clone() }
}

async fn listed(world: &World, req: ListMessages) -> Vec<MessageInfo> {
    world.client.list(&somebody(READS), req).await.unwrap().items
}

#[tokio::test]
async fn what_is_due_what_is_to_come_and_what_is_dead_are_counted_and_listed_apart() {
    both(async |world| {
        let due = world.put(ORDER, "flora", "fine", 1).await;
        let timer = world.put_timer("order", 2).await;
        let spread = world.put(("spread", Route::Db(4)), "flora", "fine", 3).await;
        let summary = world.client.summary(&somebody(READS), Summary {}).await.unwrap();
        let counts: Vec<_> =
            summary.iter().map(|s| (s.service.as_str(), s.pending, s.delayed, s.dead)).collect();
        assert_eq!(counts, [("cart", 0, 0, 0), ("order", 1, 1, 0), ("spread", 1, 0, 0)]);
        assert_eq!(summary[0].oldest_pending_at, None);
        assert_eq!(summary[1].oldest_pending_at, Some(BEGIN));

        let pending = listed(&world, wanted(MessageState::Pending)).await;
        let ids: Vec<_> = pending.iter().map(|m| m.id.clone()).collect();
        assert_eq!(ids, [due.to_string(), spread.to_string()]);
        assert_eq!((pending[0].topic.as_str(), pending[0].attempts), ("fine", 0));
        assert_eq!((&*pending[0].aggregate_type, &*pending[0].aggregate_id), ("thing", "1"));
        let delayed = listed(&world, wanted(MessageState::Delayed)).await;
        assert_eq!(delayed[0].id, timer.to_string());
        assert_eq!(delayed[0].deliver_at, Some(BEGIN.plus(Duration::from_secs(3_600))));
        assert_eq!((delayed.len(), delayed[0].state), (1, MessageState::Delayed));
        assert!(listed(&world, wanted(MessageState::Dead)).await.is_empty());

        // An hour later the timer is due.
        world.clock.advance(Duration::from_secs(3_600));
        assert!(listed(&world, wanted(MessageState::Delayed)).await.is_empty());
        assert_eq!(listed(&world, wanted(MessageState::Pending)).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_list_goes_over_all_services_without_gap_or_repeat() {
    both(async |world| {
        let mut put = Vec::new();
        for id in 0..5 {
            put.push(world.put(CART, "flora", "fine", id).await.to_string());
        }
        for id in 0..4 {
            put.push(world.put(("spread", Route::Db(0)), "flora", "fine", id).await.to_string());
            put.push(
                world.put(("spread", Route::Db(4)), "flora", "fine", 10 + id).await.to_string(),
            );
        }
        for limit in [1, 2, 5, 13, 14] {
            let limit = Limit::new(limit).unwrap();
            let (mut got, mut cursor, mut pages) = (Vec::new(), None, 0_usize);
            loop {
                let req = ListMessages { cursor, limit, ..wanted(MessageState::Pending) };
                let page = world.client.list(&somebody(READS), req).await.unwrap();
                assert!(!page.items.is_empty() && page.items.len() <= limit.as_usize());
                got.extend(page.items.into_iter().map(|m| m.id));
                pages += 1;
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(pages, 13_usize.div_ceil(limit.as_usize()));
            got.sort();
            put.sort();
            assert_eq!(got, put, "{limit:?}");
        }
        let fine = |topic: &str, service: &str| ListMessages {
            service: Some(service.to_owned()),
            topic: Some(topic.to_owned()),
            ..wanted(MessageState::Pending)
        };
        assert_eq!(listed(&world, fine("fine", "cart")).await.len(), 5);
        assert!(listed(&world, fine("other", "cart")).await.is_empty());
        for (cursor, service) in [(Cursor::encode(&1), None), (other_list(), Some("cart"))] {
            let service = service.map(ToOwned::to_owned);
            let req =
                ListMessages { cursor: Some(cursor), service, ..wanted(MessageState::Pending) };
            let refused = world.client.list(&somebody(READS), req).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Invalid);
        }
        let refused = world.client.list(&somebody(READS), fine("fine", "nobody")).await;
        assert_eq!(refused.unwrap_err().fields[0].pointer, "service");
    })
    .await;
}

/// A cursor that a list of `order` handed out.
fn other_list() -> Cursor {
    Cursor::encode(&json!({"service": "order", "inside": null}))
}

#[tokio::test]
async fn a_dead_message_is_tried_again_once_it_can_be_understood() {
    both(async |world| {
        world.relay();
        world.put(ORDER, "flora", "broken", 1).await;
        world.until_dead("flora", 1).await;
        let dead = listed(&world, wanted(MessageState::Dead)).await.remove(0);
        assert_eq!(dead.last_error.as_deref(), Some("sink: nobody understands it"));
        assert_eq!((dead.attempts, dead.service.as_str()), (1, "order"));
        world.is_broken.store(false, Ordering::SeqCst);
        world.client.retry(&somebody(WRITES), of(&dead)).await.unwrap();
        world.until_delivered(1).await;
        world.until_dead("flora", 0).await;
        let again = world.client.retry(&somebody(WRITES), of(&dead)).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Conflict);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn all_dead_messages_of_a_topic_or_service_are_tried_again_together() {
    both(async |world| {
        world.relay();
        for id in 0..3 {
            world.put(ORDER, "flora", "broken", id).await;
            world.put(CART, "flora", "broken.too", id).await;
        }
        world.put(("spread", Route::Db(4)), "flora", "broken", 9).await;
        world.until_dead("flora", 7).await;
        world.is_broken.store(false, Ordering::SeqCst);
        let retry = async |service: Option<&str>, topic: Option<&str>| {
            let (service, topic) = (service.map(ToOwned::to_owned), topic.map(ToOwned::to_owned));
            let req = RetryAll { service, topic };
            world.client.retry_all(&somebody(WRITES), req).await.unwrap().retried
        };
        assert_eq!(retry(Some("cart"), Some("broken")).await, 0);
        assert_eq!(retry(Some("order"), None).await, 3);
        assert_eq!(retry(None, Some("broken")).await, 1);
        assert_eq!(retry(None, None).await, 3);
        world.until_delivered(7).await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_dropped_message_is_not_delivered_and_says_who_dropped_it_and_why() {
    both(async |world| {
        let timer = world.put_timer("order", 1).await;
        let kept = world.put_timer("order", 2).await;
        let message = MessageRef { service: "order".to_owned(), id: timer.to_string() };
        let drop = |reason: &str| Discard { message: message.clone(), reason: reason.to_owned() };
        for reason in ["", " \n", &"x".repeat(201)] {
            let refused = world.client.discard(&somebody(WRITES), drop(reason)).await.unwrap_err();
            assert_eq!(refused.fields[0].pointer, "/reason");
        }
        world.client.discard(&somebody(WRITES), drop("the buyer\ncalled")).await.unwrap();
        let left = listed(&world, wanted(MessageState::Delayed)).await;
        assert_eq!(left.iter().map(|m| &*m.id).collect::<Vec<_>>(), [kept.to_string()]);
        let gone = world.client.get(&somebody(READS), message.clone()).await.unwrap().info;
        assert_eq!(gone.state, MessageState::Done);
        assert_eq!(gone.last_error.as_deref(), Some("discarded by operator:7: the buyer called"));
        let again = world.client.discard(&somebody(WRITES), drop("again")).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Conflict);
        world.relay();
        world.clock.advance(Duration::from_secs(4_000));
        world.until_delivered(1).await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_message_says_is_for_those_who_may_change_messages() {
    both(async |world| {
        let id = world.put(ORDER, "flora", "fine", 5).await.to_string();
        let message = MessageRef { service: "order".to_owned(), id };
        let seen = world.client.get(&somebody(READS), message.clone()).await.unwrap();
        assert_eq!((seen.payload, seen.info.topic.as_str()), (None, "fine"));
        let seen = world.client.get(&somebody(WRITES), message).await.unwrap();
        assert_eq!(seen.payload, Some(json!({"n": 5})));
    })
    .await;
}

#[tokio::test]
async fn another_tenants_messages_do_not_exist() {
    both(async |world| {
        world.relay();
        let id = world.put(ORDER, "gadget", "broken", 1).await.to_string();
        world.until_dead("gadget", 1).await;
        let flora = somebody(WRITES);
        let message = MessageRef { service: "order".to_owned(), id };
        let summary = world.client.summary(&flora, Summary {}).await.unwrap();
        assert!(summary.iter().all(|s| s.pending + s.delayed + s.dead == 0));
        assert!(listed(&world, wanted(MessageState::Dead)).await.is_empty());
        let drop = Discard { message: message.clone(), reason: "mine".to_owned() };
        let got = world.client.get(&flora, message.clone()).await.unwrap_err();
        let retried = world.client.retry(&flora, message.clone()).await.unwrap_err();
        let dropped = world.client.discard(&flora, drop).await.unwrap_err();
        for refused in [got, retried, dropped] {
            assert_eq!(refused.code, ErrorCode::NotFound);
        }
        let all = RetryAll::default();
        assert_eq!(world.client.retry_all(&flora, all).await.unwrap().retried, 0);
        let gadget = operator_ctx("gadget", 1, READS);
        assert!(world.client.get(&gadget, message).await.is_ok());
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_call_needs_its_permission() {
    both(async |world| {
        let message = MessageRef { service: "order".to_owned(), id: "thing:1:1".to_owned() };
        let drop = Discard { message: message.clone(), reason: "x".to_owned() };
        let stranger = [
            (anonymous_ctx("flora"), ErrorCode::Unauthenticated),
            (user_ctx("flora", 1), ErrorCode::Forbidden),
            (somebody(&["orders:*"]), ErrorCode::Forbidden),
        ];
        for (ctx, code) in stranger {
            let refused = [
                world.client.summary(&ctx, Summary {}).await.unwrap_err(),
                world.client.list(&ctx, wanted(MessageState::Dead)).await.unwrap_err(),
                world.client.get(&ctx, message.clone()).await.unwrap_err(),
            ];
            assert!(refused.iter().all(|r| r.code == code));
        }
        let ctx = somebody(READS);
        let refused = [
            world.client.retry(&ctx, message.clone()).await.unwrap_err(),
            world.client.retry_all(&ctx, RetryAll::default()).await.unwrap_err(),
            world.client.discard(&ctx, drop).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|r| r.code == ErrorCode::Forbidden));
        let missing = world.client.get(&ctx, message.clone()).await.unwrap_err();
        assert_eq!(missing.code, ErrorCode::NotFound);
        let bad = MessageRef { id: "no id".to_owned(), ..message };
        let refused = world.client.get(&ctx, bad).await.unwrap_err();
        assert_eq!(refused.fields[0].pointer, "id");
    })
    .await;
}
