//! Bad flow documents are refused whole, with a problem that names the place, and nothing changes.

use anyhow::{Context as _, Result, ensure};
use e2e::{Desk, Server, ServerOptions};
use order_api::FlowInfo;
use serde_json::{Value, json};

const TENANT: &str = "flora";
const PATH: &str = "/v1/admin/flows";

/// What is done to the good flow, and what the problem must say.
struct Mistake {
    what: &'static str,
    at: &'static str,
    value: Value,
    pointer: &'static str,
    says: &'static str,
}

fn mistakes() -> Vec<Mistake> {
    let mistake = |what, at, value, pointer, says| Mistake { what, at, value, pointer, says };
    let reopen = json!({ "from": ["CLOSED"], "to": "PAID", "by": ["system"] });
    let back = json!({ "from": "DELIVERED", "to": "SHIPPED", "by": ["staff"] });
    let limbo = json!({ "from": "PAID", "to": "LIMBO", "by": ["staff"] });
    let open = json!([{ "from": "PAID", "to": "CLOSED", "by": ["staff"] },
        { "from": "PAID", "to": "CANCELLED", "by": ["staff"] }]);
    vec![
        mistake(
            "a status nobody knows",
            "/operations/pay/to",
            json!("PAYED"),
            "/operations/pay/to",
            "PAYED",
        ),
        mistake("a first status nobody knows", "/initStatus", json!("NEW"), "/initStatus", "NEW"),
        mistake(
            "an action nobody knows",
            "/operations/close/actions/0",
            json!("release_moon"),
            "/operations/close/actions/0",
            "release_moon",
        ),
        mistake(
            "an event nobody knows",
            "/operations/close/emit/0",
            json!("order.clozed"),
            "/operations/close/emit/0",
            "order.clozed",
        ),
        mistake(
            "a role nobody has",
            "/operations/close/by/0",
            json!("bayer"),
            "/operations/close/by/0",
            "bayer",
        ),
        mistake(
            "a status nothing leads to",
            "/statuses/LOST",
            json!({ "final": true }),
            "/statuses/LOST",
            "never reached",
        ),
        mistake(
            "a way out of a final status",
            "/operations/reopen",
            reopen,
            "/operations/reopen/from/0",
            "final",
        ),
        mistake(
            "a circle that is not declared",
            "/operations/send_again",
            back,
            "/statuses/SHIPPED",
            "cycles",
        ),
        mistake(
            "a guard about what is not there",
            "/operations/close/guard",
            json!("order.payed_amount == 0"),
            "/operations/close/guard",
            "order.payed_amount",
        ),
        mistake(
            "a guard that is no question",
            "/operations/close/guard",
            json!("order.paid_amount"),
            "/operations/close/guard",
            "boolean",
        ),
        mistake(
            "a time that is none",
            "/triggers/0/after",
            json!("30 minutes"),
            "/triggers/0/after",
            "30 minutes",
        ),
        mistake(
            "a timer for an operation nobody knows",
            "/triggers/0/operation",
            json!("clos"),
            "/triggers/0/operation",
            "clos",
        ),
        mistake(
            "a member nobody knows",
            "/operations/pay/too",
            json!("PAID"),
            "/operations/pay/too",
            "not known",
        ),
        mistake(
            "two ways at once",
            "/operations/choose",
            open,
            "/operations/choose/1/from",
            "PAID",
        ),
        mistake(
            "a status without a way to the end",
            "/operations/limbo",
            limbo,
            "/operations/limbo/to",
            "LIMBO",
        ),
        mistake("the wrong type", "/operations/pay/to", json!(7), "/operations/pay/to", "string"),
        mistake("a flow of something else", "/code", json!("gift"), "/code", "order"),
    ]
}

/// Puts a value at a JSON pointer, whose parent is there.
fn put(document: &mut Value, pointer: &str, value: Value) -> Result<()> {
    if let Some(slot) = document.pointer_mut(pointer) {
        *slot = value;
        return Ok(());
    }
    let (parent, name) = pointer.rsplit_once('/').context("a pointer has a slash")?;
    let parent = document.pointer_mut(parent).context("the parent is there")?;
    parent.as_object_mut().context("the parent is an object")?.insert(name.to_owned(), value);
    Ok(())
}

async fn unchanged(desk: &Desk, before: &FlowInfo) -> Result<()> {
    let now = desk.flow().await?.info;
    ensure!(now == *before, "the active flow is {now:?} now");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_flow_documents_are_refused_by_place_and_change_nothing() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let desk = server.desk(TENANT, "owner").await?;
    let active = desk.flow().await?;
    let mut good = active.document;
    good.as_object_mut().context("a flow is an object")?.remove("version");
    let before = active.info;
    for mistake in mistakes() {
        let mut bad = good.clone();
        put(&mut bad, mistake.at, mistake.value)?;
        let refused = desk.caller.post(PATH, &bad).await?.refused(400).context(mistake.what)?;
        let named = refused.errors.iter();
        let named =
            named.filter(|e| e.pointer == mistake.pointer && e.detail.contains(mistake.says));
        ensure!(named.count() > 0, "{}: {refused:?}", mistake.what);
        unchanged(&desk, &before).await.context(mistake.what)?;
    }
    missing_members(&desk, &good, &before).await?;
    not_one_document(&desk, &good, &before).await?;
    // Only checking does not publish, either.
    let checked: FlowInfo = desk.caller.post(&format!("{PATH}?dry_run=true"), &good).await?.ok()?;
    ensure!(!checked.active);
    unchanged(&desk, &before).await?;
    // And the good one, for which all that was a copy, can be published.
    ensure!(desk.publish(&good).await?.version == before.version + 1);
    Ok(())
}

async fn missing_members(desk: &Desk, good: &Value, before: &FlowInfo) -> Result<()> {
    for member in ["initStatus", "statuses", "operations"] {
        let mut bad = good.clone();
        bad.as_object_mut().context("a flow is an object")?.remove(member);
        let refused = desk.caller.post(PATH, &bad).await?.refused(400)?;
        let named =
            refused.errors.iter().any(|e| e.pointer.is_empty() && e.detail.contains(member));
        ensure!(named, "without {member}: {refused:?}");
        unchanged(desk, before).await?;
    }
    let mut unpaid = good.clone();
    unpaid["operations"].as_object_mut().context("operations are an object")?.remove("pay");
    let refused = desk.caller.post(PATH, &unpaid).await?.refused(400)?;
    ensure!(refused.errors.iter().any(|e| e.pointer == "/operations" && e.detail.contains("pay")));
    unchanged(desk, before).await
}

async fn not_one_document(desk: &Desk, good: &Value, before: &FlowInfo) -> Result<()> {
    let twice = good.to_string().replacen("\"pay\":", "\"close\":", 1);
    let refused = desk.caller.post_text(PATH, twice).await?.refused(400)?;
    let named = refused.errors.iter().any(|e| e.pointer == "/operations/close");
    ensure!(named, "an operation twice: {refused:?}");
    for text in ["{\"code\": ", "", "null", "[]"] {
        desk.caller.post_text(PATH, text.to_owned()).await?.refused(400).context(text)?;
    }
    unchanged(desk, before).await
}
