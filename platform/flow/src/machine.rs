//! The evaluator: given a status, an operation, a role and the variables, says what happens. It keeps no
//! state and touches nothing, so a guard that fails leaves nothing behind (FL-05).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kit::ErrorCode;
use serde_json::Value;

use crate::document::{Document, SYSTEM};
use crate::guard::{Bound, Guard, Library};
use crate::kind::ActionKind;

/// A flow that passed validation, with its conditions compiled. Shared by reference; never changed.
#[derive(Debug)]
pub struct CheckedFlow {
    document: Document,
    checksum: String,
    library: Library,
    operations: BTreeMap<String, Vec<Edge>>,
    timers: Vec<Timer>,
}

/// A transition, ready to run.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: BTreeSet<String>,
    pub(crate) to: String,
    pub(crate) by: BTreeSet<String>,
    pub(crate) guard: Option<Guard>,
    pub(crate) actions: Vec<Action>,
    pub(crate) emit: Vec<String>,
}

/// A trigger, ready to run.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) on: String,
    pub(crate) after: Duration,
    pub(crate) operation: String,
    pub(crate) condition: Option<Guard>,
}

/// An action of the owning service and how it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its registered name.
    pub name: String,
    /// In the transaction, or by message.
    pub kind: ActionKind,
}

/// A trigger that the entry of a status starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryTrigger {
    /// Its place in the document's `triggers`; with the flow's version it names the trigger for ever.
    pub index: usize,
    /// How long after the entry.
    pub after: Duration,
    /// What it will run.
    pub operation: String,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The operation that was asked for.
    pub operation: String,
    /// The status it leaves.
    pub from: String,
    /// The status it enters.
    pub to: String,
    /// Actions, in the sequence of the document.
    pub actions: Vec<Action>,
    /// Events, in the sequence of the document.
    pub emit: Vec<String>,
    /// The triggers of the entered status.
    pub triggers: Vec<EntryTrigger>,
}

/// Why an operation does not run. Nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The flow has no such operation.
    #[error("the flow has no operation `{operation}`")]
    UnknownOperation {
        /// What was asked for.
        operation: String,
    },
    /// The operation does not leave this status.
    #[error("`{operation}` is not possible in the status `{status}`")]
    NotFrom {
        /// What was asked for.
        operation: String,
        /// Where the thing stands.
        status: String,
    },
    /// The operation leaves this status, but this role may not do it.
    #[error("`{operation}` is not allowed to `{role}`")]
    NotAllowed {
        /// What was asked for.
        operation: String,
        /// Who asked.
        role: String,
    },
    /// No guard was true.
    #[error("the conditions of `{operation}` do not hold")]
    GuardFalse {
        /// What was asked for.
        operation: String,
    },
    /// A guard could not be answered.
    #[error("a condition of `{operation}` failed: {detail}")]
    GuardFailed {
        /// What was asked for.
        operation: String,
        /// What went wrong.
        detail: String,
    },
}

impl Refusal {
    /// What kind of failure it is.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownOperation { .. } => ErrorCode::NotFound,
            Self::NotAllowed { .. } => ErrorCode::Forbidden,
            Self::NotFrom { .. } | Self::GuardFalse { .. } | Self::GuardFailed { .. } => {
                ErrorCode::Conflict
            }
        }
    }

    /// The stable slug of the error.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::UnknownOperation { .. } => "unknown_operation",
            Self::NotFrom { .. } => "illegal_move",
            Self::NotAllowed { .. } => "operation_not_allowed",
            Self::GuardFalse { .. } => "condition_not_met",
            Self::GuardFailed { .. } => "condition_failed",
        }
    }
}

impl CheckedFlow {
    pub(crate) fn new(
        document: Document,
        library: Library,
        operations: BTreeMap<String, Vec<Edge>>,
        timers: Vec<Timer>,
    ) -> Self {
        let checksum = document.checksum();
        Self { document, checksum, library, operations, timers }
    }

    /// The same flow under a version number.
    #[must_use]
    pub fn numbered(mut self, version: u32) -> Self {
        self.document.version = Some(version);
        self.checksum = self.document.checksum();
        self
    }

    /// The document as it was written.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// SHA-256 of the document's canonical text, in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// The code of the flow.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.document.code
    }

    /// The version; 0 while it has none.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.document.version.unwrap_or(0)
    }

    /// Where everything begins.
    #[must_use]
    pub fn init_status(&self) -> &str {
        &self.document.init_status
    }

    /// Whether nothing leaves this status.
    #[must_use]
    pub fn is_final(&self, status: &str) -> bool {
        self.document.statuses.get(status).is_some_and(|s| s.is_final)
    }

    /// What `operation` does now. The first transition whose guard holds is taken.
    ///
    /// # Errors
    /// When the operation is unknown, does not leave this status, is not allowed to the role, no guard
    /// holds, or a guard cannot be answered.
    pub fn decide(
        &self,
        status: &str,
        operation: &str,
        role: &str,
        variables: &Value,
    ) -> Result<Decision, Refusal> {
        let edges = self.allowed(status, operation, role)?;
        let failed = |detail| Refusal::GuardFailed { operation: operation.to_owned(), detail };
        // Variables are only converted when a guard will look at them.
        let bound = if edges.iter().any(|edge| edge.guard.is_some()) {
            Some(Bound::new(&self.library, variables).map_err(failed)?)
        } else {
            None
        };
        self.first_open(&edges, status, operation, bound.as_ref())
    }

    /// The operations that would run now, by name.
    #[must_use]
    pub fn available(&self, status: &str, role: &str, variables: &Value) -> Vec<String> {
        let bound = Bound::new(&self.library, variables).ok();
        let opens = |operation: &str| {
            let edges = self.allowed(status, operation, role)?;
            self.first_open(&edges, status, operation, bound.as_ref())
        };
        self.operations.keys().filter(|operation| opens(operation).is_ok()).cloned().collect()
    }

    /// The triggers that start when `status` is entered.
    #[must_use]
    pub fn entry_triggers(&self, status: &str) -> Vec<EntryTrigger> {
        let timers = self.timers.iter().enumerate().filter(|(_, timer)| timer.on == status);
        timers
            .map(|(index, timer)| EntryTrigger {
                index,
                after: timer.after,
                operation: timer.operation.clone(),
            })
            .collect()
    }

    /// What the trigger at `index` does, now that its time has come: its operation is decided as the
    /// role `system`. `None` when there is nothing to do any more: the thing stands elsewhere, or the
    /// trigger's condition does not hold.
    ///
    /// # Errors
    /// When there is no such trigger, its condition cannot be answered, or its operation is refused.
    pub fn check_trigger(
        &self,
        index: usize,
        status: &str,
        variables: &Value,
    ) -> Result<Option<Decision>, Refusal> {
        let Some(timer) = self.timers.get(index) else {
            return Err(Refusal::UnknownOperation { operation: format!("trigger {index}") });
        };
        if timer.on != status {
            return Ok(None);
        }
        if let Some(condition) = &timer.condition {
            let holds = Bound::new(&self.library, variables)
                .and_then(|bound| condition.holds(&bound))
                .map_err(|detail| Refusal::GuardFailed {
                    operation: timer.operation.clone(),
                    detail,
                })?;
            if !holds {
                return Ok(None);
            }
        }
        self.decide(status, &timer.operation, SYSTEM, variables).map(Some)
    }

    /// The transitions of an operation that leave `status` and are allowed to `role`.
    fn allowed(&self, status: &str, operation: &str, role: &str) -> Result<Vec<&Edge>, Refusal> {
        let Some(edges) = self.operations.get(operation) else {
            return Err(Refusal::UnknownOperation { operation: operation.to_owned() });
        };
        let mut edges: Vec<&Edge> = edges.iter().filter(|e| e.from.contains(status)).collect();
        if edges.is_empty() {
            return Err(Refusal::NotFrom {
                operation: operation.to_owned(),
                status: status.to_owned(),
            });
        }
        edges.retain(|edge| edge.by.contains(role));
        if edges.is_empty() {
            return Err(Refusal::NotAllowed {
                operation: operation.to_owned(),
                role: role.to_owned(),
            });
        }
        Ok(edges)
    }

    /// The first transition that is open. A guard that fails refuses the operation: whether a later
    /// transition is meant cannot be known then.
    fn first_open(
        &self,
        edges: &[&Edge],
        status: &str,
        operation: &str,
        bound: Option<&Bound>,
    ) -> Result<Decision, Refusal> {
        let failed = |detail| Refusal::GuardFailed { operation: operation.to_owned(), detail };
        for edge in edges {
            let open = match (&edge.guard, bound) {
                (None, _) => true,
                (Some(guard), Some(bound)) => guard.holds(bound).map_err(failed)?,
                (Some(_), None) => return Err(failed("the variables cannot be used".to_owned())),
            };
            if open {
                return Ok(Decision {
                    operation: operation.to_owned(),
                    from: status.to_owned(),
                    to: edge.to.clone(),
                    actions: edge.actions.clone(),
                    emit: edge.emit.clone(),
                    triggers: self.entry_triggers(&edge.to),
                });
            }
        }
        Err(Refusal::GuardFalse { operation: operation.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::FlowKind;
    use crate::validate::validate;
    use serde_json::json;

    const fn shared<T: Send + Sync>() {}
    const _: () = shared::<CheckedFlow>();

    fn flow() -> CheckedFlow {
        let kind = FlowKind::new("job")
            .role("worker")
            .action("stamp", ActionKind::Local)
            .action("call", ActionKind::Command)
            .event("job.moved")
            .sample(json!({"job": {"size": 1, "divisor": 1}}));
        let text = json!({
            "code": "job", "version": 2, "initStatus": "NEW",
            "statuses": {"NEW": {}, "SMALL": {}, "BIG": {}, "DONE": {"final": true}},
            "operations": {
                "sort": [
                    {"from": "NEW", "to": "BIG", "by": ["worker"], "guard": "job.size / job.divisor > 5"},
                    {"from": "NEW", "to": "SMALL", "by": ["worker", "system"], "actions": ["stamp", "call"], "emit": ["job.moved"]}
                ],
                "finish": {"from": ["SMALL", "BIG"], "to": "DONE", "by": ["system"], "guard": "job.size > 0"},
                "drop": {"from": ["NEW"], "to": "DONE", "by": ["worker"]}
            },
            "triggers": [
                {"on": "NEW", "after": "PT1H", "operation": "sort"},
                {"on": "SMALL", "after": "PT2H", "operation": "finish", "if": "job.size < 3"},
                {"on": "SMALL", "after": "P1D", "operation": "finish"}
            ]
        });
        validate(&kind, &text.to_string()).unwrap()
    }

    fn size(size: i64) -> Value {
        json!({"job": {"size": size, "divisor": 1}})
    }

    #[test]
    fn the_first_open_transition_is_taken_with_all_that_belongs_to_it() {
        let flow = flow();
        assert_eq!((flow.code(), flow.version(), flow.init_status()), ("job", 2, "NEW"));
        assert_eq!(flow.decide("NEW", "sort", "worker", &size(9)).unwrap().to, "BIG");
        let small = flow.decide("NEW", "sort", "worker", &size(2)).unwrap();
        assert_eq!((small.from.as_str(), small.to.as_str()), ("NEW", "SMALL"));
        assert_eq!(small.emit, ["job.moved"]);
        let kinds: Vec<_> = small.actions.iter().map(|a| (a.name.as_str(), a.kind)).collect();
        assert_eq!(kinds, [("stamp", ActionKind::Local), ("call", ActionKind::Command)]);
        let triggers: Vec<_> =
            small.triggers.iter().map(|t| (t.index, t.after.as_secs())).collect();
        assert_eq!(triggers, [(1, 7_200), (2, 86_400)]);
        // The guarded transition is not open to `system`, so its guard is not asked.
        assert_eq!(flow.decide("NEW", "sort", "system", &size(9)).unwrap().to, "SMALL");
    }

    #[test]
    fn a_refusal_says_why() {
        let flow = flow();
        let slug = |status, operation, role, vars: &Value| {
            flow.decide(status, operation, role, vars).unwrap_err().slug()
        };
        assert_eq!(slug("NEW", "fly", "worker", &size(1)), "unknown_operation");
        assert_eq!(slug("DONE", "sort", "worker", &size(1)), "illegal_move");
        assert_eq!(slug("NOWHERE", "sort", "worker", &size(1)), "illegal_move");
        assert_eq!(slug("NEW", "drop", "system", &size(1)), "operation_not_allowed");
        assert_eq!(slug("BIG", "finish", "system", &size(0)), "condition_not_met");
        assert_eq!(slug("BIG", "finish", "system", &json!({})), "condition_failed");
        assert_eq!(slug("BIG", "finish", "system", &json!(7)), "condition_failed");
    }

    #[test]
    fn available_lists_what_would_run_now() {
        let flow = flow();
        assert_eq!(flow.available("NEW", "worker", &size(1)), ["drop", "sort"]);
        assert_eq!(flow.available("NEW", "system", &size(1)), ["sort"]);
        assert_eq!(flow.available("BIG", "system", &size(0)), Vec::<String>::new());
        assert_eq!(flow.available("BIG", "system", &size(1)), ["finish"]);
        // Variables that cannot be used close what is guarded and leave the rest open.
        assert_eq!(flow.available("NEW", "worker", &json!(7)), ["drop"]);
    }

    #[test]
    fn a_trigger_is_asked_again_when_it_fires() {
        let flow = flow();
        assert_eq!(flow.check_trigger(1, "SMALL", &size(1)).unwrap().unwrap().to, "DONE");
        assert_eq!(flow.check_trigger(1, "SMALL", &size(3)), Ok(None));
        assert_eq!(flow.check_trigger(1, "DONE", &size(1)), Ok(None));
        assert_eq!(
            flow.check_trigger(2, "SMALL", &size(0)).unwrap_err().slug(),
            "condition_not_met"
        );
        assert_eq!(
            flow.check_trigger(1, "SMALL", &json!({})).unwrap_err().slug(),
            "condition_failed"
        );
        assert_eq!(
            flow.check_trigger(9, "SMALL", &size(1)).unwrap_err().slug(),
            "unknown_operation"
        );
    }

    #[test]
    fn fl_05_a_guard_that_fails_or_panics_refuses_and_the_next_transition_is_not_tried() {
        let flow = flow();
        let zero = json!({"job": {"size": 1, "divisor": 0}});
        let refusal = flow.decide("NEW", "sort", "worker", &zero).unwrap_err();
        assert_eq!(refusal.slug(), "condition_failed");
        // The sample takes the first branch, so that the document passes; later the other one panics.
        let kind = FlowKind::new("job").sample(json!({"calm": true, "n": 1}));
        let text = json!({
            "code": "job", "initStatus": "A", "statuses": {"A": {}, "B": {"final": true}},
            "operations": {"go": [
                {"from": "A", "to": "B", "by": ["system"], "guard": "calm || test_panic(n)"},
                {"from": "A", "to": "B", "by": ["system"]}
            ]}
        });
        let flow = validate(&kind, &text.to_string()).unwrap();
        let wild = json!({"calm": false, "n": 1});
        for _ in 0..3 {
            let refusal = flow.decide("A", "go", SYSTEM, &wild).unwrap_err();
            assert!(
                matches!(&refusal, Refusal::GuardFailed { detail, .. } if detail.contains("panicked"))
            );
            assert!(flow.available("A", SYSTEM, &wild).is_empty());
            assert_eq!(
                flow.decide("A", "go", SYSTEM, &json!({"calm": true, "n": 1})).unwrap().to,
                "B"
            );
        }
    }
}
