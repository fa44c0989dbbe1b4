//! Execution against the embedded engine: FL-01, FL-03, FL-04, FL-06, FL-07, and triggers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flow::{Applied, CheckedFlow, Error, Fired, Refusal, Registry, TriggerDue};
use futures::future::join_all;
use kit::ErrorCode;
use rpc::Fault;
use serde_json::{Value, json};
use shard::Schema;
use testkit::{TempShards, test_ctx};

use crate::world::{
    Then, World, assert_path, create, fire, flow_of, history, id, kind, messages, operate,
    operate_stale, set_amount, thing,
};

fn document() -> Value {
    json!({
        "code": "thing", "version": 1, "initStatus": "NEW", "cycles": ["LEFT", "WAIT"],
        "statuses": {"NEW": {}, "LEFT": {}, "RIGHT": {}, "WAIT": {}, "DONE": {"final": true}},
        "operations": {
            "left": {"from": "NEW", "to": "LEFT", "by": ["worker"], "actions": ["stamp", "call"], "emit": ["thing.moved"]},
            "right": {"from": "NEW", "to": "RIGHT", "by": ["worker"], "emit": ["thing.moved"]},
            "drop": {"from": "NEW", "to": "DONE", "by": ["worker", "system"], "guard": "thing.amount == 0", "emit": ["thing.done"]},
            "wait": {"from": "LEFT", "to": "WAIT", "by": ["worker"]},
            "back": {"from": "WAIT", "to": "LEFT", "by": ["worker"]},
            "finish": {"from": ["LEFT", "RIGHT", "WAIT"], "to": "DONE", "by": ["worker", "system"], "emit": ["thing.done"]}
        },
        "triggers": [
            {"on": "NEW", "after": "PT30M", "operation": "drop", "if": "thing.amount <= 0"},
            {"on": "LEFT", "after": "PT1H", "operation": "finish"},
            {"on": "RIGHT", "after": "PT1H", "operation": "finish", "if": "thing.amount > 5"}
        ]
    })
}

const OPERATIONS: [&str; 3] = ["left", "right", "drop"];

fn due(operation: &str, on: &str, entity_version: i64, index: usize) -> TriggerDue {
    TriggerDue {
        flow: "thing".to_owned(),
        flow_version: 1,
        entity_id: id(1),
        on: on.to_owned(),
        entity_version,
        operation: operation.to_owned(),
        index,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fl_01_of_64_racers_exactly_one_moves_the_thing() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    for round in 0..4 {
        let id = id(round);
        create(&world, &ctx, &flow, id).await.unwrap();
        let was = thing(&world, &ctx, id).await;
        let racers = (0..64).map(|n| {
            let (world, ctx, flow, was) =
                (world.clone(), ctx.clone(), Arc::clone(&flow), was.clone());
            let (request, operation) = (format!("request-{n}"), OPERATIONS[n % 3]);
            async move {
                // Half of them decide on what they read before, half on what they read in the transaction.
                if n % 2 == 0 {
                    operate_stale(&world, &ctx, &flow, id, was, (&request, operation)).await
                } else {
                    operate(&world, &ctx, &flow, id, (&request, operation), Then::Commit).await
                }
            }
        });
        let results = join_all(racers).await;
        let won: Vec<&Applied> = results.iter().filter_map(|r| r.as_ref().ok()).collect();
        assert_eq!(won.len(), 1, "{results:#?}");
        for lost in results.iter().filter_map(|r| r.as_ref().err()) {
            assert!(
                matches!(lost, Error::Moved | Error::Refused(Refusal::NotFrom { .. })),
                "{lost:?}"
            );
        }
        let (now, lines) = (thing(&world, &ctx, id).await, history(&world, &ctx, id).await);
        assert_eq!(lines.len(), 2);
        assert_eq!((now.status.as_str(), now.version), (won[0].to.as_str(), 2));
        assert_path(&flow, &lines, &now);
        // The move left the messages of exactly one operation.
        let moved = messages(&world, &ctx, id).await;
        let events = moved.iter().filter(|m| m.topic == "thing.moved" || m.topic == "thing.done");
        assert_eq!(events.count(), 1, "{moved:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fl_01_a_long_race_leaves_a_path_of_the_graph() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    operate(&world, &ctx, &flow, id(1), ("first", "left"), Then::Commit).await.unwrap();
    let racers = (0..16).map(|n| {
        let (world, ctx, flow) = (world.clone(), ctx.clone(), Arc::clone(&flow));
        async move {
            let mut moves = 0;
            for k in 0..10 {
                let operation = if (n + k) % 2 == 0 { "wait" } else { "back" };
                let request = format!("{n}-{k}");
                moves += usize::from(
                    operate(&world, &ctx, &flow, id(1), (&request, operation), Then::Commit)
                        .await
                        .is_ok(),
                );
            }
            moves
        }
    });
    let moves: usize = join_all(racers).await.into_iter().sum();
    let (now, lines) = (thing(&world, &ctx, id(1)).await, history(&world, &ctx, id(1)).await);
    assert_eq!(lines.len(), moves + 2);
    assert_path(&flow, &lines, &now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fl_03_a_request_that_is_repeated_100_times_has_one_effect_and_one_answer() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    let ask = || operate(&world, &ctx, &flow, id(1), ("the-request", "left"), Then::Commit);
    let mut answers: Vec<Applied> =
        join_all((0..50).map(|_| ask())).await.into_iter().map(Result::unwrap).collect();
    // The thing moves on; the old request still gets its old answer.
    operate(&world, &ctx, &flow, id(1), ("another", "finish"), Then::Commit).await.unwrap();
    for _ in 0..50 {
        answers.push(ask().await.unwrap());
    }
    assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
    let first = answers.iter().find(|a| !a.replayed).unwrap().clone();
    assert_eq!(first.local_actions, ["stamp"]);
    for answer in &answers {
        assert_eq!(
            (&answer.from, &answer.to, answer.version),
            (&first.from, &first.to, first.version)
        );
        assert!(!answer.replayed || answer.local_actions.is_empty());
    }
    let (now, lines) = (thing(&world, &ctx, id(1)).await, history(&world, &ctx, id(1)).await);
    assert_eq!((lines.len(), now.version), (3, 3));
    assert_path(&flow, &lines, &now);
    let calls =
        messages(&world, &ctx, id(1)).await.into_iter().filter(|m| m.topic == "thing.command.call");
    assert_eq!(calls.count(), 1);
    // The same request for something else is refused, whatever it asks.
    let other = operate(&world, &ctx, &flow, id(1), ("the-request", "finish"), Then::Commit)
        .await
        .unwrap_err();
    assert_eq!(Fault::from(other).slug(), "request_id_reused");
}

#[tokio::test]
async fn fl_05_a_guard_that_fails_changes_nothing() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let ctx = test_ctx("flora");
    let mut divides = document();
    divides["operations"]["drop"]["guard"] = json!("10 / (thing.amount + 1) > 0");
    let flow = flow_of(&divides);
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    set_amount(&world, &ctx, id(1), -1).await;
    let before = (thing(&world, &ctx, id(1)).await, messages(&world, &ctx, id(1)).await);
    let refused =
        operate(&world, &ctx, &flow, id(1), ("r", "drop"), Then::Commit).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::GuardFailed { .. })), "{refused:?}");
    let fault = Fault::from(refused);
    assert_eq!((fault.code, fault.slug()), (ErrorCode::Conflict, "condition_failed"));
    assert_eq!((thing(&world, &ctx, id(1)).await, messages(&world, &ctx, id(1)).await), before);
    assert_eq!(history(&world, &ctx, id(1)).await.len(), 1);
    // The trigger fails too, and says so, so that its message is tried again and seen.
    let fired = fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await;
    assert!(matches!(fired, Err(Error::Refused(Refusal::GuardFailed { .. }))), "{fired:?}");
    // The request was not used up: once the variables are right it runs.
    set_amount(&world, &ctx, id(1), 0).await;
    assert_eq!(
        operate(&world, &ctx, &flow, id(1), ("r", "drop"), Then::Commit).await.unwrap().to,
        "DONE"
    );
}

#[tokio::test]
async fn fl_06_a_move_its_history_its_messages_and_its_timers_are_there_together_or_not_at_all() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    let before = (thing(&world, &ctx, id(1)).await, messages(&world, &ctx, id(1)).await);
    assert_eq!(before.1.len(), 1, "the trigger of the first status");
    for then in [Then::Fail, Then::Panic] {
        let failed = operate(&world, &ctx, &flow, id(1), ("r", "left"), then).await;
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!((thing(&world, &ctx, id(1)).await, messages(&world, &ctx, id(1)).await), before);
        assert_eq!(history(&world, &ctx, id(1)).await.len(), 1);
    }
    operate(&world, &ctx, &flow, id(1), ("r", "left"), Then::Commit).await.unwrap();
    assert_eq!(thing(&world, &ctx, id(1)).await.status, "LEFT");
    assert_eq!(history(&world, &ctx, id(1)).await.len(), 2);
    let topics: BTreeSet<String> =
        messages(&world, &ctx, id(1)).await.into_iter().map(|m| m.topic).collect();
    assert_eq!(
        topics,
        ["thing.command.call", "thing.moved", "thing.trigger"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn the_messages_of_a_move_say_what_happened_and_when_they_are_due() {
    let clock = testkit::test_clock();
    let shards = TempShards::with_clock(clock.clone());
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    let begun = messages(&world, &ctx, id(1)).await;
    assert_eq!(begun[0].deliver_at, Some(testkit::BEGIN.plus(Duration::from_secs(1800))));
    let payload: TriggerDue = serde_json::from_value(begun[0].payload.clone()).unwrap();
    assert_eq!(payload, due("drop", "NEW", 1, 0));
    clock.advance(Duration::from_secs(60));
    operate(&world, &ctx, &flow, id(1), ("r", "left"), Then::Commit).await.unwrap();
    let all = messages(&world, &ctx, id(1)).await;
    let of = |topic: &str| all.iter().filter(|m| m.topic == topic).collect::<Vec<_>>();
    let moved: flow::Transitioned =
        serde_json::from_value(of("thing.moved")[0].payload.clone()).unwrap();
    assert_eq!((moved.from.as_str(), moved.to.as_str(), moved.version), ("NEW", "LEFT", 2));
    assert_eq!((moved.entity_id, moved.request_id.as_str()), (id(1), "r"));
    assert_eq!(of("thing.command.call").len(), 1);
    assert!(of("thing.command.stamp").is_empty(), "a local action is not a message");
    let timer = of("thing.trigger").into_iter().find(|m| m.payload["index"] == 1).unwrap();
    assert_eq!(timer.deliver_at, Some(testkit::BEGIN.plus(Duration::from_secs(3660))));
}

#[tokio::test]
async fn fl_07_two_tenants_with_two_flows_do_not_touch_each_other() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (flora, gadget) = (test_ctx("flora"), test_ctx("gadget"));
    let ours = flow_of(&document());
    let mut other = document();
    other["operations"].as_object_mut().unwrap().remove("right");
    other["statuses"].as_object_mut().unwrap().remove("RIGHT");
    other["triggers"].as_array_mut().unwrap().remove(2);
    other["operations"]["finish"]["from"] = json!(["LEFT", "WAIT"]);
    let theirs = flow_of(&other);
    // The same id for both: only the tenant tells them apart.
    create(&world, &flora, &ours, id(1)).await.unwrap();
    create(&world, &gadget, &theirs, id(1)).await.unwrap();
    operate(&world, &flora, &ours, id(1), ("r", "right"), Then::Commit).await.unwrap();
    assert_eq!(thing(&world, &gadget, id(1)).await.status, "NEW");
    assert_eq!(history(&world, &gadget, id(1)).await.len(), 1);
    let refused =
        operate(&world, &gadget, &theirs, id(1), ("r", "right"), Then::Commit).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::UnknownOperation { .. })), "{refused:?}");
    // The same request id of another tenant is another request.
    operate(&world, &gadget, &theirs, id(1), ("r", "left"), Then::Commit).await.unwrap();
    assert_eq!(thing(&world, &flora, id(1)).await.status, "RIGHT");
    assert_eq!(history(&world, &flora, id(1)).await.len(), 2);
    assert!(messages(&world, &flora, id(1)).await.iter().all(|m| m.topic != "thing.command.call"));
    assert!(messages(&world, &gadget, id(1)).await.iter().any(|m| m.topic == "thing.command.call"));
}

#[tokio::test]
async fn a_due_trigger_runs_once_and_only_if_the_thing_has_not_moved() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    // A change that is no move counts the version up and does not void the trigger.
    set_amount(&world, &ctx, id(1), 3).await;
    assert_eq!(fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await.unwrap(), Fired::NotNow);
    set_amount(&world, &ctx, id(1), -3).await;
    let refused = fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await.unwrap();
    assert!(matches!(refused, Fired::Refused(Refusal::GuardFalse { .. })), "{refused:?}");
    set_amount(&world, &ctx, id(1), 0).await;
    let Fired::Ran(ran) = fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await.unwrap()
    else {
        panic!("the trigger did nothing");
    };
    assert_eq!((ran.to.as_str(), ran.replayed), ("DONE", false));
    // The message comes a second time.
    let Fired::Ran(again) = fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await.unwrap()
    else {
        panic!("the repeated trigger is not recognised");
    };
    assert_eq!((again.version, again.replayed), (ran.version, true));
    let lines = history(&world, &ctx, id(1)).await;
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[1].role.as_str(), lines[1].actor.as_str()), ("system", "system:trigger"));
    assert_path(&flow, &lines, &thing(&world, &ctx, id(1)).await);
}

#[tokio::test]
async fn a_trigger_of_an_earlier_entry_of_the_same_status_is_void() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (test_ctx("flora"), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    for (n, operation) in ["left", "wait", "back"].into_iter().enumerate() {
        operate(&world, &ctx, &flow, id(1), (&format!("r{n}"), operation), Then::Commit)
            .await
            .unwrap();
    }
    // LEFT was entered with version 2 and again with version 4.
    assert_eq!(fire(&world, &ctx, &flow, &due("drop", "NEW", 1, 0)).await.unwrap(), Fired::Moved);
    assert_eq!(
        fire(&world, &ctx, &flow, &due("finish", "LEFT", 2, 1)).await.unwrap(),
        Fired::Moved
    );
    let timers = messages(&world, &ctx, id(1)).await;
    let entries: Vec<_> = timers
        .iter()
        .filter(|m| m.payload["index"] == 1)
        .map(|m| m.payload["entity_version"].clone())
        .collect();
    assert_eq!(entries, [json!(2), json!(4)]);
    assert!(matches!(
        fire(&world, &ctx, &flow, &due("finish", "LEFT", 4, 1)).await.unwrap(),
        Fired::Ran(_)
    ));
    // A trigger of another flow is a mistake of the caller and not silently dropped.
    let mut stray = due("finish", "LEFT", 4, 1);
    stray.flow_version = 9;
    assert!(fire(&world, &ctx, &flow, &stray).await.is_err());
}

#[tokio::test]
async fn a_user_cannot_take_the_request_id_of_a_trigger() {
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let (ctx, flow) = (testkit::user_ctx("flora", 7), flow_of(&document()));
    create(&world, &ctx, &flow, id(1)).await.unwrap();
    for bad in ["trigger-0-1", "", "r\0", &"r".repeat(256)] {
        let refused =
            operate(&world, &ctx, &flow, id(1), (bad, "left"), Then::Commit).await.unwrap_err();
        assert_eq!(Fault::from(refused).code, ErrorCode::Invalid, "{bad}");
    }
    let longest = "r".repeat(255);
    operate(&world, &ctx, &flow, id(1), (&longest, "left"), Then::Commit).await.unwrap();
}

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[flow::store::MIGRATIONS], cell_tables: &[] };

/// Version `n` calls its statuses and its operation after itself, so that a mixture would show.
fn numbered(n: u32) -> String {
    json!({
        "code": "thing", "initStatus": format!("NEW_{n}"),
        "statuses": {format!("NEW_{n}"): {}, format!("MID_{n}"): {}, "DONE": {"final": true}},
        "operations": {
            "step": {"from": format!("NEW_{n}"), "to": format!("MID_{n}"), "by": ["worker"]},
            "finish": {"from": format!("MID_{n}"), "to": "DONE", "by": ["worker"]}
        }
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fl_04_publishing_under_load_never_mixes_versions() {
    const VERSIONS: u32 = 12;
    let shards = TempShards::new();
    let world = World::new(&shards).await;
    let registry = Registry::new(shards.single(PLATFORM).await, flow::registry::Options::default());
    registry.register(kind());
    let ctx = test_ctx("flora");
    registry.publish(&ctx, "thing", &numbered(1)).await.unwrap();
    let publisher = async {
        for n in 2..=VERSIONS {
            registry.publish(&ctx, "thing", &numbered(n)).await.unwrap();
        }
    };
    let worker = |w: u8| {
        let (world, ctx, registry) = (world.clone(), ctx.clone(), registry.clone());
        async move {
            let mut taken = Vec::new();
            for k in 0..8 {
                let (id, steps) = (id(w * 8 + k), ["step", "finish"].into_iter());
                let pinned: Arc<CheckedFlow> = registry.active(&ctx, "thing").await.unwrap();
                create(&world, &ctx, &pinned, id).await.unwrap();
                for operation in steps {
                    // As an owner does: the version comes from the thing's row, not from what is active.
                    let version = thing(&world, &ctx, id).await.flow_version;
                    let flow = registry.get(&ctx, "thing", version).await.unwrap();
                    operate(&world, &ctx, &flow, id, (operation, operation), Then::Commit)
                        .await
                        .unwrap();
                }
                taken.push((id, pinned.version()));
            }
            taken
        }
    };
    let (taken, ()) = futures::join!(join_all((0..8).map(worker)), publisher);
    for (id, version) in taken.into_iter().flatten() {
        let lines = history(&world, &ctx, id).await;
        let path: Vec<&str> = lines.iter().map(|l| l.to.as_str()).collect();
        assert_eq!(path, [format!("NEW_{version}").as_str(), &format!("MID_{version}"), "DONE"]);
        assert!(lines.iter().all(|l| l.flow_version == version), "{lines:#?}");
    }
    assert_eq!(registry.active(&ctx, "thing").await.unwrap().version(), VERSIONS);
}
