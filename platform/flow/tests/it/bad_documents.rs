//! Bad documents, each refused whole with a message that names the place. The kinds of mistakes are
//! made one at a time in the golden order flow.

use flow::{DOCUMENT_BYTES_MAX, FlowKind, Problem, validate};
use serde_json::{Value, json};

fn kind() -> FlowKind {
    serde_json::from_str(include_str!("golden/order.kind.json")).unwrap()
}

fn good() -> Value {
    serde_json::from_str(include_str!("golden/order.json")).unwrap()
}

fn problems(document: &Value) -> Vec<Problem> {
    validate(&kind(), &document.to_string()).map(|_| ()).unwrap_err()
}

/// Puts `value` at `pointer` of the good flow and wants a problem at `place` that says `word`.
#[track_caller]
fn refused(pointer: &str, value: Value, place: &str, word: &str) {
    let mut document = good();
    match document.pointer_mut(pointer) {
        Some(slot) => *slot = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(parent).unwrap();
            match parent {
                Value::Array(items) => items.push(value),
                other => other[name] = value,
            }
        }
    }
    let problems = problems(&document);
    assert!(
        problems.iter().any(|p| p.pointer == place && p.detail.contains(word)),
        "no problem at {place} that says {word}: {problems:#?}"
    );
}

#[test]
fn the_good_flow_is_good() {
    assert!(validate(&kind(), &good().to_string()).is_ok());
}

#[test]
fn an_unknown_status_is_named() {
    refused("/operations/pay/to", json!("PAYED"), "/operations/pay/to", "PAYED");
    refused("/operations/ship/0/from/1", json!("AXEPTED"), "/operations/ship/0/from/1", "AXEPTED");
    refused("/initStatus", json!("NEW"), "/initStatus", "NEW");
    refused("/triggers/0/on", json!("NEW"), "/triggers/0/on", "NEW");
    refused("/cycles", json!(["NEW"]), "/cycles/0", "NEW");
}

#[test]
fn an_unknown_action_event_role_or_operation_is_named() {
    refused(
        "/operations/close/actions/1",
        json!("release_moon"),
        "/operations/close/actions/1",
        "release_moon",
    );
    refused(
        "/operations/close/emit/0",
        json!("order.clozed"),
        "/operations/close/emit/0",
        "order.clozed",
    );
    refused("/operations/close/by/0", json!("bayer"), "/operations/close/by/0", "bayer");
    refused("/triggers/0/operation", json!("clos"), "/triggers/0/operation", "clos");
}

#[test]
fn a_missing_or_unknown_member_is_named() {
    for (member, place) in [("initStatus", ""), ("statuses", ""), ("operations", ""), ("code", "")]
    {
        let mut document = good();
        document.as_object_mut().unwrap().remove(member);
        let problems = problems(&document);
        assert!(
            problems.iter().any(|p| p.pointer == place && p.detail.contains(member)),
            "{problems:#?}"
        );
    }
    refused("/operations/pay/too", json!("PAID"), "/operations/pay/too", "not known");
    refused("/colour", json!("red"), "/colour", "not known");
    refused(
        "/operations/pay",
        json!({"from": "PENDING_PAYMENT", "to": "PAID"}),
        "/operations/pay",
        "by",
    );
}

#[test]
fn what_has_the_wrong_type_or_form_is_named() {
    refused("/version", json!("one"), "/version", "integer");
    refused("/version", json!(0), "/version", "");
    refused("/version", json!(-3), "/version", "");
    refused("/statuses/paid", json!({}), "/statuses/paid", "name");
    refused("/operations/pay/to", json!(7), "/operations/pay/to", "string");
    refused("/operations/ship", json!([]), "/operations/ship", "");
    refused(
        "/operations/Ship",
        json!({"from": "PAID", "to": "SHIPPED", "by": ["system"]}),
        "/operations/Ship",
        "name",
    );
    refused("/code", json!("gift"), "/code", "gift");
}

#[test]
fn two_transitions_without_exclusive_guards_are_named() {
    let open = json!([
        {"from": "PAID", "to": "REFUNDING", "by": ["buyer"]},
        {"from": ["ACCEPTED", "PAID"], "to": "CLOSING", "by": ["staff"]}
    ]);
    refused("/operations/cancel", open, "/operations/cancel/1/from", "PAID");
    let same = json!([
        {"from": "PAID", "to": "REFUNDING", "by": ["buyer"], "guard": "order.paid_amount > 0"},
        {"from": "PAID", "to": "CLOSING", "by": ["staff"], "guard": " order.paid_amount > 0"},
        {"from": "ACCEPTED", "to": "CLOSING", "by": ["staff"]}
    ]);
    refused("/operations/cancel", same, "/operations/cancel/1/guard", "same guard");
}

#[test]
fn unreachable_statuses_dead_ends_and_traps_are_named() {
    refused("/statuses/LOST", json!({"final": true}), "/statuses/LOST", "never reached");
    refused("/statuses/CLOSED", json!({}), "/statuses/CLOSED", "dead end");
    let mut trap = good();
    trap["statuses"]["LOOP_A"] = json!({});
    trap["statuses"]["LOOP_B"] = json!({});
    trap["cycles"] = json!(["LOOP_A", "LOOP_B"]);
    trap["operations"]["fall"] = json!({"from": "PAID", "to": "LOOP_A", "by": ["system"]});
    trap["operations"]["spin"] = json!([
        {"from": "LOOP_A", "to": "LOOP_B", "by": ["system"]}, {"from": "LOOP_B", "to": "LOOP_A", "by": ["system"]}
    ]);
    let found = problems(&trap);
    for place in ["/statuses/LOOP_A", "/statuses/LOOP_B"] {
        assert!(
            found.iter().any(|p| p.pointer == place && p.detail.contains("no final status")),
            "{found:#?}"
        );
    }
    let mut endless = good();
    for (_, status) in endless["statuses"].as_object_mut().unwrap() {
        status.as_object_mut().unwrap().remove("final");
    }
    assert!(
        problems(&endless)
            .iter()
            .any(|p| p.pointer == "/statuses/PAID" && p.detail.contains("no final status"))
    );
}

#[test]
fn leaving_a_final_status_is_named() {
    let reopen = json!({"from": ["CLOSED"], "to": "PAID", "by": ["system"]});
    refused("/operations/reopen", reopen, "/operations/reopen/from/0", "final");
}

#[test]
fn a_cycle_that_is_not_declared_is_named() {
    let back = json!({"from": "RECEIVED", "to": "SHIPPED", "by": ["staff"]});
    refused("/operations/send_again", back.clone(), "/statuses/SHIPPED", "cycles");
    refused("/operations/send_again", back, "/statuses/RECEIVED", "cycles");
    let still = json!({"from": "PAID", "to": "PAID", "by": ["staff"]});
    refused("/operations/poke", still.clone(), "/statuses/PAID", "cycles");
    let mut declared = good();
    declared["operations"]["poke"] = still;
    declared["cycles"] = json!(["PAID"]);
    assert!(validate(&kind(), &declared.to_string()).is_ok());
}

#[test]
fn a_bad_duration_or_trigger_is_named() {
    for bad in ["PT0S", "-PT5M", "30 minutes", "P1M", "P1Y", "P401D", "soon", "PT"] {
        refused("/triggers/0/after", json!(bad), "/triggers/0/after", bad);
    }
    refused("/triggers/0/operation", json!("complete"), "/triggers/0/operation", "does not leave");
    refused("/operations/close/by", json!(["buyer"]), "/triggers/0/operation", "not allowed");
    refused("/triggers/0/if", json!("order.paid_amount"), "/triggers/0/if", "boolean");
}

#[test]
fn a_bad_guard_is_named() {
    for (guard, word) in [
        ("order.paid_amount ==", "compile"),
        ("order.payed_amount == 0", "order.payed_amount"),
        ("ordre.paid_amount == 0", "ordre"),
        ("order.paid_amount", "boolean"),
        ("order.paid_amount == 'none'", "compares"),
        ("rand() == 1", "rand"),
        ("", ""),
    ] {
        refused("/operations/close/guard", json!(guard), "/operations/close/guard", word);
    }
}

#[test]
fn what_the_service_needs_must_be_there() {
    let mut document = good();
    document["operations"].as_object_mut().unwrap().remove("pay");
    let found = problems(&document);
    assert!(
        found.iter().any(|p| p.pointer == "/operations" && p.detail.contains("`pay`")),
        "{found:#?}"
    );
    // Nothing leads to PAID any more.
    assert!(found.iter().any(|p| p.pointer == "/statuses/PAID"), "{found:#?}");
}

#[test]
fn what_is_not_one_json_document_of_bearable_size_is_refused() {
    let twice = good().to_string().replacen("\"pay\":", "\"close\":", 1);
    let found = validate(&kind(), &twice).map(|_| ()).unwrap_err();
    assert!(
        found.iter().any(|p| p.pointer == "/operations/close" && p.detail.contains("twice")),
        "{found:#?}"
    );
    assert!(
        validate(&kind(), "{\"code\": ").map(|_| ()).unwrap_err()[0].detail.contains("not JSON")
    );
    for other in ["null", "[]", "7", "\"order\""] {
        assert_eq!(validate(&kind(), other).map(|_| ()).unwrap_err()[0].pointer, "");
    }
    let padded = format!("{}{}", good(), " ".repeat(DOCUMENT_BYTES_MAX));
    assert!(validate(&kind(), &padded).map(|_| ()).unwrap_err()[0].detail.contains("longer"));
    let mut many = good();
    for n in 0..70 {
        many["statuses"][format!("S{n}")] = json!({"final": true});
    }
    assert!(problems(&many).iter().any(|p| p.pointer == "/statuses"));
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut document = good();
    document["operations"]["pay"]["to"] = json!("PAYED");
    document["operations"]["close"]["guard"] = json!("order.nope");
    document["triggers"][3]["after"] = json!("P1M");
    document["colour"] = json!(1);
    let without_shape = {
        let mut document = document.clone();
        document.as_object_mut().unwrap().remove("colour");
        problems(&document)
    };
    for place in ["/operations/pay/to", "/operations/close/guard", "/triggers/3/after"] {
        assert!(without_shape.iter().any(|p| p.pointer == place), "{place}: {without_shape:#?}");
    }
    assert!(problems(&document).iter().any(|p| p.pointer == "/colour"));
}
