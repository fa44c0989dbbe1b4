//! Messages: counts, lists, what one sees of one, trying again, dropping with a reason.

use std::sync::{Arc, Mutex};

use kit::{Cursor, ErrorCode, Page, Place};
use messages_api::{
    Discard, ListMessages, MessageDetail, MessageInfo, MessageRef, MessageState, MessagesMock,
    Retried, RetryAll, ServiceMessages,
};
use rpc::Fault;
use serde_json::json;
use staff_api::Role;
use web::testing::Browser;

use crate::data::AT;
use crate::world::World;

const ID: &str = "order:5:1763690000000000";
const AT_ID: &str = "/console/messages/order/order%3A5%3A1763690000000000";

fn info(state: MessageState) -> MessageInfo {
    MessageInfo {
        service: "order".into(),
        id: ID.into(),
        topic: "order.paid".into(),
        aggregate_type: "order".into(),
        aggregate_id: "5".into(),
        place: Place::ZERO,
        state,
        attempts: 16,
        created_at: AT,
        deliver_at: None,
        next_at: AT,
        last_error: Some("inventory: <b> is away".into()),
        request_id: "r-1".into(),
    }
}

/// What was asked of the service.
#[derive(Default)]
struct Asked {
    lists: Vec<ListMessages>,
    retried: Vec<MessageRef>,
    all: Vec<RetryAll>,
    dropped: Vec<Discard>,
}

fn desk(role: Role, state: MessageState) -> (Browser, Arc<Mutex<Asked>>) {
    let asked = Arc::<Mutex<Asked>>::default();
    let (lists, retried, all, dropped) =
        (Arc::clone(&asked), Arc::clone(&asked), Arc::clone(&asked), Arc::clone(&asked));
    let messages = MessagesMock::new()
        .on_summary(|_, _| {
            Ok(vec![ServiceMessages {
                service: "order".into(),
                pending: 2,
                delayed: 30,
                dead: 3,
                oldest_pending_at: Some(AT),
            }])
        })
        .on_list(move |_, req| {
            let page = Page { items: vec![info(req.state)], next_cursor: Some(Cursor::encode(&1)) };
            lists.lock().unwrap().lists.push(req);
            Ok(page)
        })
        .on_get(move |ctx, req| {
            if req.id != ID {
                return Err(Fault::not_found("the message"));
            }
            let payload = ctx.actor.may("messages:write").then(|| json!({"name": "Wang <b>"}));
            Ok(MessageDetail { info: info(state), payload })
        })
        .on_retry(move |_, req| {
            if state != MessageState::Dead {
                return Err(Fault::new(ErrorCode::Conflict, "only a dead message"));
            }
            retried.lock().unwrap().retried.push(req);
            Ok(())
        })
        .on_retry_all(move |_, req| {
            all.lock().unwrap().all.push(req);
            Ok(Retried { retried: 3 })
        })
        .on_discard(move |_, req| {
            if req.reason.is_empty() {
                return Err(Fault::invalid("/reason", "say why"));
            }
            dropped.lock().unwrap().dropped.push(req);
            Ok(())
        });
    (World { messages, ..World::of(role) }.desk(), asked)
}

#[tokio::test]
async fn messages_are_counted_and_listed_by_state_service_and_topic() {
    let (mut browser, asked) = desk(Role::ReadOnly, MessageState::Dead);
    let dead = browser.get("/console/messages").await;
    dead.is(200).shows("Given up (3)").shows("Waiting (2)").shows("Timers (30)");
    dead.shows("order.paid")
        .shows("inventory: &lt;b&gt; is away")
        .shows(AT_ID)
        .hides("Try all again");
    let path = "/console/messages?state=pending&service=order&topic=order.paid&cursor=abc";
    browser.get(path).await.is(200).shows("value=\"order.paid\"").shows("First page");
    browser.get("/console/messages?state=lost").await.is(200);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.lists[0].state, MessageState::Dead);
    assert_eq!(asked.lists[0].service, None);
    assert_eq!(asked.lists[1].state, MessageState::Pending);
    assert_eq!(asked.lists[1].topic.as_deref(), Some("order.paid"));
    assert_eq!(asked.lists[1].cursor, Some(Cursor::from("abc".to_owned())));
    assert_eq!(asked.lists[2].state, MessageState::Dead, "an unknown state is the usual one");
}

#[tokio::test]
async fn what_a_message_says_is_shown_to_whoever_may_change_messages() {
    let (mut browser, _) = desk(Role::Operations, MessageState::Dead);
    let seen = browser.get(AT_ID).await;
    seen.is(200).shows("Wang &lt;b&gt;").shows("/retry\"").shows("/discard\"");
    let (mut browser, _) = desk(Role::ReadOnly, MessageState::Dead);
    browser.get(AT_ID).await.is(200).hides("Wang").hides("/retry\"").hides("/discard\"");
    browser.get("/console/messages/order/order%3A6%3A1").await.is(404);
}

#[tokio::test]
async fn a_dead_message_is_tried_again_and_one_that_is_not_is_refused() {
    let (mut browser, asked) = desk(Role::Owner, MessageState::Dead);
    let retry = format!("{AT_ID}/retry");
    browser.post(&retry, &[]).await.leads_to(&format!("{AT_ID}?done=retried"));
    assert_eq!(asked.lock().unwrap().retried[0].id, ID);
    browser.get(&format!("{AT_ID}?done=retried")).await.is(200).shows("It is tried again.");
    let (mut browser, _) = desk(Role::Owner, MessageState::Pending);
    browser
        .post(&retry, &[])
        .await
        .is(409)
        .shows("not possible any more")
        .shows("only a dead message");
}

#[tokio::test]
async fn all_messages_of_a_list_are_tried_again() {
    let (mut browser, asked) = desk(Role::Owner, MessageState::Dead);
    let list = browser.get("/console/messages?service=order").await;
    list.shows("Try these again").shows("data-confirm");
    let sent =
        browser.post("/console/messages/retry", &[("service", "order"), ("topic", "")]).await;
    sent.leads_to("/console/messages?state=dead&service=order&retried=3");
    browser.get(sent.location()).await.is(200).shows("3 messages are tried again");
    let wanted = RetryAll { service: Some("order".into()), topic: None };
    assert_eq!(asked.lock().unwrap().all, [wanted]);
}

#[tokio::test]
async fn a_message_is_dropped_with_a_reason_only() {
    let (mut browser, asked) = desk(Role::Owner, MessageState::Delayed);
    let discard = format!("{AT_ID}/discard");
    let refused = browser.post(&discard, &[("reason", " ")]).await;
    refused.is(400).shows("Say why").shows("aria-invalid=\"true\"");
    assert!(asked.lock().unwrap().dropped.is_empty());
    let sent = browser.post(&discard, &[("reason", " the buyer called ")]).await;
    sent.leads_to(&format!("{AT_ID}?done=dropped"));
    assert_eq!(asked.lock().unwrap().dropped[0].reason, "the buyer called");
}
