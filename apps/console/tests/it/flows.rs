//! Flows: looking at versions, checking, comparing, publishing, and not over somebody else's version.

use std::sync::{Arc, Mutex};

use kit::{ErrorCode, FieldError};
use order_api::{Error, FlowDocument, FlowInfo, OrderMock, PublishFlow};
use rpc::Fault;
use search_api::{FlowCount, SearchMock};
use serde_json::{Value, json};
use staff_api::Role;
use web::testing::{Browser, Seen};

use crate::data::AT;
use crate::world::World;

const FLOW: &str = include_str!("../../../../stoa/demo/flows/flora-order.json");

fn document(after: &str) -> Value {
    serde_json::from_str(&FLOW.replace("PT30M", after)).unwrap()
}

/// A tenant's published flows, and what was asked to be published.
#[derive(Clone)]
struct Flows {
    versions: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<PublishFlow>>>,
}

impl Flows {
    fn new() -> Self {
        let versions = vec![document("PT30M"), document("PT20M")];
        Self { versions: Arc::new(Mutex::new(versions)), asked: Arc::default() }
    }

    fn info(&self, index: usize) -> FlowInfo {
        let last = self.versions.lock().unwrap().len();
        FlowInfo {
            code: "order".into(),
            version: u32::try_from(index + 1).unwrap(),
            active: index + 1 == last,
            published_at: AT,
        }
    }

    fn publish(&self, req: PublishFlow) -> Result<FlowInfo, Error> {
        self.asked.lock().unwrap().push(req.clone());
        let value: Value = serde_json::from_str(&req.document)
            .map_err(|e| Error::BadFlow(vec![FieldError::new("", format!("not JSON: {e}"))]))?;
        if value["operations"]["pay"]["to"] == "NOWHERE" {
            let wrong = FieldError::new("/operations/pay/to", "`NOWHERE` is no status");
            return Err(Error::BadFlow(vec![wrong]));
        }
        let count = self.versions.lock().unwrap().len();
        if req.dry_run {
            return Ok(FlowInfo { active: false, ..self.info(count) });
        }
        if value["version"] != json!(count + 1) {
            return Err(Fault::new(ErrorCode::Conflict, "taken").into());
        }
        self.versions.lock().unwrap().push(value);
        Ok(self.info(count))
    }

    fn orders(&self) -> OrderMock {
        let (list, get, publish) = (self.clone(), self.clone(), self.clone());
        OrderMock::new()
            .on_list_flows(move |_, _| {
                let count = list.versions.lock().unwrap().len();
                Ok((0..count).map(|i| list.info(i)).collect())
            })
            .on_get_flow(move |_, req| {
                let versions = get.versions.lock().unwrap().clone();
                let index = req.version.map_or(versions.len(), |v| v as usize);
                let found = (req.code == "order").then(|| versions.get(index.wrapping_sub(1)));
                let document = found.flatten().ok_or_else(|| Fault::not_found("this flow"))?;
                Ok(FlowDocument { info: get.info(index - 1), document: document.clone() })
            })
            .on_publish_flow(move |_, req| publish.publish(req))
    }

    fn desk(&self, role: Role) -> Browser {
        let count = |flow_version, status: &str, orders| FlowCount {
            flow_version,
            status: status.into(),
            status_label: String::new(),
            orders,
        };
        let counts =
            vec![count(1, "PENDING_PAYMENT", 4), count(1, "PAID", 1), count(2, "PAID", 77)];
        let search = SearchMock::new().on_flow_usage(move |_, _| Ok(counts.clone()));
        World { orders: self.orders(), search, ..World::of(role) }.desk()
    }

    fn published(&self) -> usize {
        self.versions.lock().unwrap().len()
    }
}

async fn send(browser: &mut Browser, what: &str, base: &str, text: &str) -> Seen {
    let fields = [("do", what), ("base", base), ("document", text)];
    browser.post("/console/flows/order/edit", &fields).await
}

#[tokio::test]
async fn versions_are_listed_with_the_orders_that_run_on_them() {
    let flows = Flows::new();
    let seen = flows.desk(Role::ReadOnly).get("/console/flows").await;
    seen.is(200).shows("Version 2").shows("77 orders").shows("5 orders").shows("To pay 4");
    seen.hides("/edit\"");
    flows.desk(Role::Owner).get("/console/flows").await.shows("/console/flows/order/edit\"");
}

#[tokio::test]
async fn a_version_is_drawn_with_its_counts_and_compared_with_another() {
    let mut browser = Flows::new().desk(Role::ReadOnly);
    let active = browser.get("/console/flows/order").await;
    active.is(200).shows("Orders · version 2").shows("flow-chart").shows(">77 orders</text>");
    active.shows("20 minutes").hides("/edit\"");
    let old = browser.get("/console/flows/order?version=1&against=2").await;
    old.is(200).shows("30 minutes").shows("Differences to version 2");
    old.shows("Lines: 1 gone, 1 new").shows(">4 orders</text>");
    for nothing in ["nothing", "order?version=9", "order?version=x", "order?against=9"] {
        browser.get(&format!("/console/flows/{nothing}")).await.is(404);
    }
}

#[tokio::test]
async fn flows_are_shown_without_figures_when_the_index_is_away() {
    let mut browser = World { orders: Flows::new().orders(), ..World::owner() }.desk();
    browser.get("/console/flows").await.is(200).shows("Version 2").hides("Running orders");
    let flow = browser.get("/console/flows/order").await;
    flow.is(200).shows("flow-chart").hides("flow-running");
}

#[tokio::test]
async fn the_editor_begins_with_the_active_version_or_the_one_that_is_asked_for() {
    let mut browser = Flows::new().desk(Role::Operations);
    let editor = browser.get("/console/flows/order/edit").await;
    editor.is(200).shows("PT20M").shows("name=\"base\" value=\"2\"");
    let old = browser.get("/console/flows/order/edit?version=1").await;
    old.is(200).shows("PT30M").shows("name=\"base\" value=\"2\"");
}

#[tokio::test]
async fn checking_publishes_nothing_and_shows_how_it_would_look() {
    let flows = Flows::new();
    let mut browser = flows.desk(Role::Owner);
    let text = document("PT7M").to_string();
    let seen = send(&mut browser, "check", "2", &text).await;
    seen.is(200).shows("It would become version 3").shows("flow-chart").shows("7 minutes");
    let same = send(&mut browser, "check", "2", &document("PT20M").to_string()).await;
    same.is(200).shows("says the same as the active version");
    let diff = send(&mut browser, "diff", "2", &text).await;
    diff.is(200).shows("Differences to version 2").shows("PT7M").shows("Lines: 1 gone, 1 new");
    assert_eq!(flows.published(), 2);
    assert!(flows.asked.lock().unwrap().iter().all(|asked| asked.dry_run));
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_line_and_what_was_typed_is_kept() {
    let flows = Flows::new();
    let mut browser = flows.desk(Role::Owner);
    let text = FLOW.replacen("\"to\": \"PAID\"", "\"to\": \"NOWHERE\", \"x\": \"</textarea>\"", 1);
    let line = 1 + text.lines().position(|l| l.contains("NOWHERE")).unwrap();
    for what in ["check", "publish"] {
        let seen = send(&mut browser, what, "2", &text.replace('\n', "\r\n")).await;
        seen.is(400).shows("`NOWHERE` is no status").shows(&format!("href=\"#L{line}\""));
        seen.shows(&format!("id=\"L{line}\"")).shows("&lt;/textarea&gt;");
    }
    let seen = send(&mut browser, "publish", "2", "{\n  \"code\" }").await;
    seen.is(400).shows("Line 2, column 10").shows("id=\"L2\"");
    send(&mut browser, "check", "2", " ").await.is(400).shows("The document is empty");
    let other = document("PT5M").to_string().replace("\"order\"", "\"after_sale\"");
    send(&mut browser, "publish", "2", &other).await.is(400).shows("the code must stay");
    let mut named = document("PT5M");
    named["version"] = json!(2);
    send(&mut browser, "publish", "2", &named.to_string())
        .await
        .is(400)
        .shows("leave it out, or write 3");
    assert_eq!(flows.published(), 2);
}

#[tokio::test]
async fn whoever_does_not_answer_the_document_that_was_typed_stays() {
    let away = |code: ErrorCode| Fault::new(code, "away");
    let text = document("PT7M").to_string();
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests] {
        let lists = Flows::new().orders().on_list_flows(move |_, _| Err(away(code).into()));
        let takes = Flows::new().orders().on_publish_flow(move |_, _| Err(away(code).into()));
        for orders in [lists, takes] {
            let mut browser = World { orders, ..World::owner() }.desk();
            let seen = send(&mut browser, "publish", "2", &text).await;
            seen.is(code.http_status()).shows("Try again in a moment").shows("PT7M");
            seen.shows("name=\"base\" value=\"2\"");
        }
    }
}

#[tokio::test]
async fn a_published_version_is_shown_and_running_orders_stay_where_they_are() {
    let flows = Flows::new();
    let mut browser = flows.desk(Role::Operations);
    let seen = send(&mut browser, "publish", "2", &document("PT7M").to_string()).await;
    seen.leads_to("/console/flows/order?version=3&published=1");
    let shown = browser.get("/console/flows/order?version=3&published=1").await;
    shown.is(200).shows("Version 3 is published").shows("82 running orders stay");
    let unchanged = send(&mut browser, "publish", "3", &document("PT7M").to_string()).await;
    unchanged.is(200).shows("nothing was published");
    assert_eq!(flows.published(), 3);
}

#[tokio::test]
async fn nobody_publishes_over_a_version_that_they_have_not_seen() {
    let flows = Flows::new();
    let mut browser = flows.desk(Role::Owner);
    flows.versions.lock().unwrap().push(document("PT99M"));
    let text = document("PT7M").to_string();
    let refused = send(&mut browser, "publish", "2", &text).await;
    refused.is(409).shows("Version 3 was published while you were editing");
    refused.shows("PT99M").shows("PT7M").shows("name=\"base\" value=\"3\"");
    assert_eq!(flows.published(), 3);
    // having seen what differs, one may
    send(&mut browser, "publish", "3", &text)
        .await
        .leads_to("/console/flows/order?version=4&published=1");
}

#[tokio::test]
async fn of_two_who_publish_in_the_same_moment_one_is_told() {
    let flows = Flows::new();
    let faster = flows.clone();
    // the other one's version comes after this editor looked and before it publishes
    let orders = flows.orders().on_publish_flow(move |_, req| {
        faster.versions.lock().unwrap().push(document("PT99M"));
        faster.publish(req)
    });
    let mut browser = World { orders, ..World::owner() }.desk();
    let refused = send(&mut browser, "publish", "2", &document("PT7M").to_string()).await;
    refused.is(409).shows("Version 3 was published while you were editing");
    assert_eq!(flows.published(), 3);
}
