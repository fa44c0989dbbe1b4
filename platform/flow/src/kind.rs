//! What the service that owns a flow says about it: the actions, events, roles and variables that a
//! document may name. It holds names only; it must not run anything.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::document::SYSTEM;

/// How an action runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// In the same transaction as the change of status, by the owning service.
    Local,
    /// By a message that is written in the same transaction and delivered afterwards.
    Command,
}

/// A kind of flow: what its documents may name. A service registers one per flow code it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowKind {
    /// The code its documents carry.
    pub code: String,
    /// Every action by name.
    #[serde(default)]
    pub actions: BTreeMap<String, ActionKind>,
    /// Every event that may be emitted.
    #[serde(default)]
    pub events: BTreeSet<String>,
    /// Every role that may stand in `by`. `system` always may.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// Statuses that every document must have, because the service's code names them.
    #[serde(default)]
    pub required_statuses: BTreeSet<String>,
    /// Operations that every document must have, because the service's code calls them.
    #[serde(default)]
    pub required_operations: BTreeSet<String>,
    /// An example of the variables that guards see: an object whose members are the variables. Names
    /// and types are taken from it; `null` and the items of an empty array are of any type. Each guard
    /// is run once on it.
    #[serde(default = "no_variables")]
    pub sample: serde_json::Value,
}

fn no_variables() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

impl FlowKind {
    /// A kind that knows nothing but its code and the role `system`.
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            actions: BTreeMap::new(),
            events: BTreeSet::new(),
            roles: BTreeSet::new(),
            required_statuses: BTreeSet::new(),
            required_operations: BTreeSet::new(),
            sample: no_variables(),
        }
    }

    /// Adds an action.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>, kind: ActionKind) -> Self {
        self.actions.insert(name.into(), kind);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.events.insert(name.into());
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.roles.insert(name.into());
        self
    }

    /// Requires a status.
    #[must_use]
    pub fn require_status(mut self, code: impl Into<String>) -> Self {
        self.required_statuses.insert(code.into());
        self
    }

    /// Requires an operation.
    #[must_use]
    pub fn require_operation(mut self, name: impl Into<String>) -> Self {
        self.required_operations.insert(name.into());
        self
    }

    /// Sets the example of the variables.
    #[must_use]
    pub fn sample(mut self, sample: serde_json::Value) -> Self {
        self.sample = sample;
        self
    }

    /// Whether documents may name this role.
    #[must_use]
    pub fn knows_role(&self, role: &str) -> bool {
        role == SYSTEM || self.roles.contains(role)
    }
}
