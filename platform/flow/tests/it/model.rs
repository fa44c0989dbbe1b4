//! FL-02: random documents. An independent, brute-force model checker says whether a document is sound;
//! the validator must agree every time. It walks the graph step by step instead of using the
//! validator's searches, and shares no code with it.

use std::collections::BTreeSet;

use flow::{ActionKind, FlowKind, Refusal, validate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "NOWHERE"];
const ROLES: [&str; 4] = ["clerk", "boss", "system", "ghost"];
const GUARDS: [Option<&str>; 5] =
    [None, Some("x.n > 0"), Some("x.n <= 0"), Some("x.m > 0"), Some("true")];
const ACTIONS: [&str; 3] = ["stamp", "call", "fly"];
const AFTERS: [&str; 4] = ["PT1S", "P2D", "PT0S", "P1M"];

#[derive(Debug, Clone)]
struct Edge {
    from: Vec<usize>,
    to: usize,
    by: Vec<usize>,
    guard: usize,
    action: Option<usize>,
}

#[derive(Debug, Clone)]
struct Machine {
    statuses: usize,
    finals: BTreeSet<usize>,
    init: usize,
    operations: Vec<Vec<Edge>>,
    triggers: Vec<(usize, usize, usize)>,
    cycles: BTreeSet<usize>,
}

impl Machine {
    fn json(&self) -> Value {
        let statuses: serde_json::Map<String, Value> = (0..self.statuses)
            .map(|s| (NAMES[s].to_owned(), json!({"final": self.finals.contains(&s)})))
            .collect();
        let operations: serde_json::Map<String, Value> = self
            .operations
            .iter()
            .enumerate()
            .map(|(o, edges)| (format!("op{o}"), edges.iter().map(Edge::json).collect()))
            .collect();
        let triggers: Vec<Value> = self
            .triggers
            .iter()
            .map(|(on, after, op)| json!({"on": NAMES[*on], "after": AFTERS[*after], "operation": format!("op{op}")}))
            .collect();
        let cycles: Vec<&str> = self.cycles.iter().map(|s| NAMES[*s]).collect();
        json!({"code": "x", "initStatus": NAMES[self.init], "statuses": statuses,
               "operations": operations, "triggers": triggers, "cycles": cycles})
    }

    fn has(&self, status: usize) -> bool {
        status < self.statuses
    }

    fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.operations.iter().flatten()
    }

    /// The statuses that stand at the end of a walk of exactly one step from any of `from`.
    fn step(&self, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        self.edges().filter(|e| e.from.iter().any(|f| from.contains(f))).map(|e| e.to).collect()
    }

    /// The statuses at the ends of all walks of one to `n` steps from `start`, step by step.
    fn walks(&self, start: usize) -> BTreeSet<usize> {
        let mut front = BTreeSet::from([start]);
        let mut all = BTreeSet::new();
        for _ in 0..=NAMES.len() {
            front = self.step(&front);
            all.extend(front.iter().copied());
        }
        all
    }

    fn sound(&self) -> bool {
        let names_known = self.has(self.init)
            && self.cycles.iter().all(|s| self.has(*s))
            && self.edges().all(|e| {
                self.has(e.to)
                    && e.from.iter().all(|f| self.has(*f))
                    && e.by.iter().all(|r| ROLES[*r] != "ghost")
                    && e.action.is_none_or(|a| ACTIONS[a] != "fly")
                    && GUARDS[e.guard] != Some("x.m > 0")
            });
        if !names_known {
            return false;
        }
        let statuses = 0..self.statuses;
        let from_init = self.walks(self.init);
        let graph_holds = statuses.clone().all(|s| {
            let ahead = self.walks(s);
            let reached = s == self.init || from_init.contains(&s);
            let ends_well = if self.finals.contains(&s) {
                ahead.iter().all(|t| *t == s)
            } else {
                ahead.iter().any(|t| self.finals.contains(t))
            };
            let comes_again = ahead.contains(&s);
            reached && ends_well && (!comes_again || self.cycles.contains(&s))
        });
        // In any status, with any two transitions of one operation, the first must be guarded and the
        // guards must differ.
        let exclusive = self.operations.iter().all(|edges| {
            statuses.clone().all(|s| {
                let here: Vec<&Edge> = edges.iter().filter(|e| e.from.contains(&s)).collect();
                (0..here.len()).all(|j| {
                    (0..j)
                        .all(|i| GUARDS[here[i].guard].is_some() && here[i].guard != here[j].guard)
                })
            })
        });
        let timed = self.triggers.iter().all(|(on, after, op)| {
            self.has(*on)
                && *after < 2
                && self.operations.get(*op).is_some_and(|edges| {
                    edges
                        .iter()
                        .any(|e| e.from.contains(on) && e.by.iter().any(|r| ROLES[*r] == "system"))
                })
        });
        graph_holds && exclusive && timed
    }
}

impl Edge {
    fn json(&self) -> Value {
        let from: Vec<&str> = self.from.iter().map(|f| NAMES[*f]).collect();
        let by: Vec<&str> = self.by.iter().map(|r| ROLES[*r]).collect();
        let mut edge = json!({"from": from, "to": NAMES[self.to], "by": by});
        if let Some(guard) = GUARDS[self.guard] {
            edge["guard"] = json!(guard);
        }
        if let Some(action) = self.action {
            edge["actions"] = json!([ACTIONS[action]]);
        }
        edge
    }
}

/// A number below `usual`, or rarely the one bad number.
fn mostly(usual: std::ops::Range<usize>, bad: usize) -> impl Strategy<Value = usize> {
    prop_oneof![60 => usual, 1 => Just(bad)]
}

fn edge(statuses: usize) -> impl Strategy<Value = Edge> {
    (
        proptest::collection::btree_set(mostly(0..statuses.saturating_sub(1).max(1), 5), 1..3),
        mostly(0..statuses, 5),
        proptest::collection::btree_set(mostly(0..3, 3), 1..3),
        prop_oneof![30 => Just(0_usize), 20 => Just(1), 20 => Just(2), 1 => Just(3), 4 => Just(4)],
        prop_oneof![20 => Just(None), 10 => (0_usize..2).prop_map(Some), 1 => Just(Some(2))],
    )
        .prop_map(|(from, to, by, guard, action)| Edge {
            from: from.into_iter().collect(),
            to,
            by: by.into_iter().collect(),
            guard,
            action,
        })
}

fn config() -> impl Strategy<Value = Machine> {
    (2_usize..=5).prop_flat_map(|statuses| {
        (
            // The last status is final nearly always, so that many documents are sound.
            (
                prop_oneof![20 => Just(true), 1 => Just(false)],
                proptest::collection::btree_set(0..statuses, 0..2),
            ),
            prop_oneof![40 => Just(0_usize), 2 => Just(1), 1 => Just(5)],
            proptest::collection::vec(proptest::collection::vec(edge(statuses), 1..3), 1..5),
            proptest::collection::vec(
                (
                    mostly(0..statuses, 5),
                    prop_oneof![20 => Just(0_usize), 20 => Just(1), 1 => Just(2), 1 => Just(3)],
                    0_usize..4,
                ),
                0..2,
            ),
            prop_oneof![
                3 => Just((0..statuses).collect::<BTreeSet<usize>>()),
                2 => proptest::collection::btree_set(0..statuses, 0..3),
                1 => Just(BTreeSet::new())
            ],
            // Often a chain through all statuses is laid first, so that all are reached.
            prop_oneof![3 => Just(true), 1 => Just(false)],
            prop_oneof![3 => Just(true), 1 => Just(false)],
        )
            .prop_map(
                move |((last, few), init, mut operations, triggers, cycles, chain, keep_few)| {
                    let mut finals = if keep_few { BTreeSet::new() } else { few };
                    if last {
                        finals.insert(statuses - 1);
                    }
                    if chain {
                        let links = (1..statuses).map(|to| Edge {
                            from: vec![to - 1],
                            to,
                            by: vec![2],
                            guard: 0,
                            action: None,
                        });
                        operations.push(links.collect());
                    }
                    Machine { statuses, finals, init, operations, triggers, cycles }
                },
            )
    })
}

fn kind() -> FlowKind {
    FlowKind::new("x")
        .role("clerk")
        .role("boss")
        .action("stamp", ActionKind::Local)
        .action("call", ActionKind::Command)
        .sample(json!({"x": {"n": 1}}))
}

#[test]
fn fl_02_the_validator_accepts_exactly_what_the_model_checker_finds_sound() {
    // About one in nine is sound: so many that a hundred of them are seen in every run.
    let mut runner =
        TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    let (accepted, refused) = (std::cell::Cell::new(0_u32), std::cell::Cell::new(0_u32));
    runner
        .run(&config(), |config| {
            let judged = validate(&kind(), &config.json().to_string());
            let sound = config.sound();
            prop_assert_eq!(judged.is_ok(), sound, "{:?}\n{}", judged.err(), config.json());
            let counter = if sound { &accepted } else { &refused };
            counter.set(counter.get() + 1);
            Ok(())
        })
        .unwrap();
    // The test is worth something only if it sees both kinds often.
    assert!(
        accepted.get() >= 100 && refused.get() >= 100,
        "{accepted:?} sound, {refused:?} unsound"
    );
}

#[test]
fn fl_02_a_decision_is_always_an_edge_of_the_document_and_never_missing() {
    let mut runner = TestRunner::new(Config {
        cases: 500,
        max_local_rejects: 1_000_000,
        failure_persistence: None,
        ..Config::default()
    });
    let question = (
        config().prop_filter("sound", Machine::sound),
        0_usize..5,
        0_usize..6,
        0_usize..3,
        -1_i64..2,
    );
    runner
        .run(&question, |(config, status, op, role, n)| {
            let flow = validate(&kind(), &config.json().to_string())
                .map_err(|p| TestCaseError::fail(format!("{p:?}")))?;
            let variables = json!({"x": {"n": n}});
            let answer = flow.decide(NAMES[status], &format!("op{op}"), ROLES[role], &variables);
            let wanted = config.operations.get(op).and_then(|edges| {
                edges.iter().find(|e| {
                    e.from.contains(&status)
                        && e.by.contains(&role)
                        && match GUARDS[e.guard] {
                            None | Some("true") => true,
                            Some("x.n > 0") => n > 0,
                            _ => n <= 0,
                        }
                })
            });
            match (&answer, wanted) {
                (Ok(decision), Some(edge)) => prop_assert_eq!(&decision.to, NAMES[edge.to]),
                (Err(Refusal::GuardFailed { .. }), _) => prop_assert!(false, "{:?}", answer),
                (Err(_), None) => {}
                _ => prop_assert!(false, "{:?} but wanted {:?}", answer, wanted),
            }
            let listed = flow.available(NAMES[status], ROLES[role], &variables);
            prop_assert_eq!(listed.contains(&format!("op{op}")), wanted.is_some());
            Ok(())
        })
        .unwrap();
}
