//! FL-09: golden flows, each with test plans: a step names an operation, a trigger or a change of the
//! variables, and what must come of it.

use flow::{CheckedFlow, FlowKind, validate};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    plan: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Step {
    Set {
        set: Value,
    },
    Available {
        available: Vec<String>,
        role: String,
        of: String,
    },
    Refused {
        operation: String,
        role: String,
        refused: String,
    },
    Move {
        operation: String,
        role: String,
        expect: String,
        actions: Option<Vec<String>>,
        emit: Option<Vec<String>>,
        timers: Option<Vec<String>>,
    },
    Trigger {
        trigger: usize,
        expect: Option<String>,
    },
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn walk(flow: &CheckedFlow, sample: &Value, plan: &Plan) -> Vec<String> {
    let mut variables = sample.clone();
    let mut status = flow.init_status().to_owned();
    let mut visited = vec![status.clone()];
    for (index, step) in plan.steps.iter().enumerate() {
        let at = format!("{}, step {index}, in {status}", plan.plan);
        match step {
            Step::Set { set } => merge(&mut variables, set),
            Step::Available { available, role, of } => {
                assert_eq!(&status, of, "{at}");
                assert_eq!(&flow.available(&status, role, &variables), available, "{at}");
            }
            Step::Refused { operation, role, refused } => {
                let refusal = flow.decide(&status, operation, role, &variables).expect_err(&at);
                assert_eq!(refusal.slug(), refused, "{at}");
            }
            Step::Move { operation, role, expect, actions, emit, timers } => {
                let decision = flow.decide(&status, operation, role, &variables).expect(&at);
                assert_eq!(&decision.to, expect, "{at}");
                if let Some(actions) = actions {
                    let given: Vec<_> = decision.actions.iter().map(|a| &a.name).collect();
                    assert_eq!(given, actions.iter().collect::<Vec<_>>(), "{at}");
                }
                if let Some(emit) = emit {
                    assert_eq!(&decision.emit, emit, "{at}");
                }
                if let Some(timers) = timers {
                    let given: Vec<_> = decision.triggers.iter().map(|t| &t.operation).collect();
                    assert_eq!(given, timers.iter().collect::<Vec<_>>(), "{at}");
                }
                status = decision.to;
                visited.push(status.clone());
            }
            Step::Trigger { trigger, expect } => {
                let fired = flow.check_trigger(*trigger, &status, &variables).expect(&at);
                assert_eq!(fired.as_ref().map(|d| &d.to), expect.as_ref(), "{at}");
                if let Some(decision) = fired {
                    status = decision.to;
                    visited.push(status.clone());
                }
            }
        }
    }
    visited
}

/// Validates the flow, walks every plan, and holds that the plans together visit every status.
fn golden(kind: &str, document: &str, plans: &str) {
    let kind: FlowKind = serde_json::from_str(kind).unwrap();
    let flow = validate(&kind, document).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let plans: Vec<Plan> = serde_json::from_str(plans).unwrap();
    let mut visited: Vec<String> =
        plans.iter().flat_map(|plan| walk(&flow, &kind.sample, plan)).collect();
    visited.sort();
    visited.dedup();
    let all: Vec<String> = flow.document().statuses.keys().cloned().collect();
    assert_eq!(visited, all, "the plans visit every status");
    // The canonical text is a document of its own, with the same checksum.
    let again = validate(&kind, &flow.document().canonical()).unwrap();
    assert_eq!(again.checksum(), flow.checksum());
}

macro_rules! golden {
    ($test:ident, $name:literal) => {
        #[test]
        fn $test() {
            golden(
                include_str!(concat!("golden/", $name, ".kind.json")),
                include_str!(concat!("golden/", $name, ".json")),
                include_str!(concat!("golden/", $name, ".plan.json")),
            );
        }
    };
}

golden!(fl_09_the_order_flow_runs_as_planned, "order");
golden!(fl_09_the_after_sale_flow_runs_as_planned, "after_sale");
golden!(fl_09_the_pickup_flow_runs_as_planned, "o2o");
golden!(fl_09_the_gift_flow_runs_as_planned, "gift");
