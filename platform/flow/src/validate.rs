//! Judges a document against its kind and, when nothing is wrong, turns it into a flow that can run.
//! A document is taken whole or not at all; as many problems as possible are reported at once. No IO.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{DOCUMENT_BYTES_MAX, Document, SYSTEM, Transition};
use crate::graph::Graph;
use crate::guard::{Bound, Guard, Library, Variables};
use crate::kind::FlowKind;
use crate::machine::{Action, CheckedFlow, Edge, Timer};
use crate::problem::{Problem, Problems, child};
use crate::{duration, json, schema};

/// Judges the text of a document.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn validate(kind: &FlowKind, text: &str) -> Result<CheckedFlow, Vec<Problem>> {
    let mut problems = Problems::default();
    if text.len() > DOCUMENT_BYTES_MAX {
        problems.add("", format!("the document is longer than {DOCUMENT_BYTES_MAX} bytes"));
        return Err(problems.into_vec());
    }
    let Some(value) = json::parse(text, &mut problems) else {
        return Err(problems.into_vec());
    };
    schema::check(&value, &mut problems);
    let document: Document = match serde_json::from_value(value) {
        Ok(document) => document,
        Err(e) => {
            // The schema has said why already; this line is for a schema that says too little.
            if problems.is_empty() {
                problems.add("", format!("the document cannot be read: {e}"));
            }
            return Err(problems.into_vec());
        }
    };
    judge(kind, document, problems)
}

/// Judges a document that is already in its shape.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn validate_document(
    kind: &FlowKind,
    document: &Document,
) -> Result<CheckedFlow, Vec<Problem>> {
    validate(kind, &document.canonical())
}

fn judge(
    kind: &FlowKind,
    document: Document,
    problems: Problems,
) -> Result<CheckedFlow, Vec<Problem>> {
    let library = Library::new();
    let sample = match Bound::new(&library, &kind.sample) {
        Ok(sample) => sample,
        Err(e) => return Err(vec![Problem::new("", format!("the kind's sample is wrong: {e}"))]),
    };
    let mut review = Review {
        kind,
        document: &document,
        variables: Variables::of_sample(&kind.sample),
        library: &library,
        sample,
        problems,
    };
    review.names();
    let operations = review.operations();
    let timers = review.triggers();
    review.exclusive();
    review.graph();
    if review.problems.is_empty() {
        Ok(CheckedFlow::new(document, library, operations, timers))
    } else {
        Err(review.problems.into_vec())
    }
}

/// One walk over a document.
struct Review<'a> {
    kind: &'a FlowKind,
    document: &'a Document,
    variables: Variables,
    library: &'a Library,
    sample: Bound,
    problems: Problems,
}

impl<'a> Review<'a> {
    fn names(&mut self) {
        let document = self.document;
        if document.code != self.kind.code {
            let detail = format!("the code is `{}`, not `{}`", document.code, self.kind.code);
            self.problems.add("/code", detail);
        }
        if document.version == Some(0) {
            self.problems.add("/version", "versions count from 1");
        }
        for (code, status) in &document.statuses {
            // Labels of statuses are kept beside what stands there, and not every engine takes it.
            if status.labels.values().chain(&status.label).any(|label| label.contains('\0')) {
                self.problems.add(child("/statuses", code), "a label contains U+0000");
            }
        }
        self.status("/initStatus", &document.init_status);
        for (index, status) in document.cycles.iter().enumerate() {
            self.status(&format!("/cycles/{index}"), status);
        }
        for status in &self.kind.required_statuses {
            if !document.statuses.contains_key(status) {
                self.problems.add("/statuses", format!("the status `{status}` is required"));
            }
        }
        for operation in &self.kind.required_operations {
            if !document.operations.contains_key(operation) {
                self.problems
                    .add("/operations", format!("the operation `{operation}` is required"));
            }
        }
    }

    fn operations(&mut self) -> BTreeMap<String, Vec<Edge>> {
        let document = self.document;
        let mut operations = BTreeMap::new();
        for (name, transitions) in &document.operations {
            let base = child("/operations", name);
            let mut edges = Vec::new();
            for (index, transition) in transitions.as_slice().iter().enumerate() {
                edges.push(self.transition(&transitions.pointer(&base, index), transition));
            }
            if edges.is_empty() {
                self.problems.add(base, format!("the operation `{name}` has no transition"));
            }
            operations.insert(name.clone(), edges);
        }
        operations
    }

    fn transition(&mut self, place: &str, transition: &'a Transition) -> Edge {
        for (index, from) in transition.from.as_slice().iter().enumerate() {
            let place = transition.from.pointer(&format!("{place}/from"), index);
            self.status(&place, from);
            // A move that stays in a final status leaves nothing: money that came late goes back.
            let leaves = *from != transition.to;
            if leaves && self.document.statuses.get(from).is_some_and(|s| s.is_final) {
                self.problems.add(place, format!("`{from}` is final and cannot be left"));
            }
        }
        self.status(&format!("{place}/to"), &transition.to);
        for (index, role) in transition.by.iter().enumerate() {
            if !self.kind.knows_role(role) {
                self.problems
                    .add(format!("{place}/by/{index}"), format!("the role `{role}` is not known"));
            }
        }
        let mut actions = Vec::new();
        for (index, action) in transition.actions.iter().enumerate() {
            match self.kind.actions.get(action) {
                Some(kind) => actions.push(Action { name: action.clone(), kind: *kind }),
                None => self.problems.add(
                    format!("{place}/actions/{index}"),
                    format!("the action `{action}` is not known"),
                ),
            }
        }
        for (index, event) in transition.emit.iter().enumerate() {
            if !self.kind.events.contains(event) {
                self.problems.add(
                    format!("{place}/emit/{index}"),
                    format!("the event `{event}` is not known"),
                );
            }
        }
        let guard = self.condition(&format!("{place}/guard"), transition.guard.as_deref());
        Edge {
            from: transition.from.as_slice().iter().cloned().collect(),
            to: transition.to.clone(),
            by: transition.by.iter().cloned().collect(),
            guard,
            actions,
            emit: transition.emit.clone(),
        }
    }

    fn triggers(&mut self) -> Vec<Timer> {
        let document = self.document;
        let mut timers = Vec::new();
        for (index, trigger) in document.triggers.iter().enumerate() {
            let place = format!("/triggers/{index}");
            self.status(&format!("{place}/on"), &trigger.on);
            self.triggered(&place, &trigger.on, &trigger.operation);
            let condition = self.condition(&format!("{place}/if"), trigger.condition.as_deref());
            match duration::parse(&trigger.after) {
                Ok(after) => timers.push(Timer {
                    on: trigger.on.clone(),
                    after,
                    operation: trigger.operation.clone(),
                    condition,
                }),
                Err(e) => self.problems.add(format!("{place}/after"), e),
            }
        }
        timers
    }

    /// The operation of a trigger must be one that `system` may do from the trigger's status.
    fn triggered(&mut self, place: &str, on: &str, operation: &str) {
        let place = format!("{place}/operation");
        let Some(transitions) = self.document.operations.get(operation) else {
            self.problems.add(place, format!("the operation `{operation}` is not known"));
            return;
        };
        let mut leaving = transitions
            .as_slice()
            .iter()
            .filter(|t| t.from.as_slice().iter().any(|from| from == on))
            .peekable();
        if leaving.peek().is_none() {
            self.problems.add(place, format!("the operation `{operation}` does not leave `{on}`"));
        } else if !leaving.any(|t| t.by.iter().any(|role| role == SYSTEM)) {
            let detail =
                format!("the operation `{operation}` from `{on}` is not allowed to `{SYSTEM}`");
            self.problems.add(place, detail);
        }
    }

    /// Of one operation's transitions from one status only the last may go without a guard, and no two
    /// may have the same guard; else a transition could never be taken.
    fn exclusive(&mut self) {
        let document = self.document;
        for (name, transitions) in &document.operations {
            let base = child("/operations", name);
            // Per status the guard of the transition before, and all guards so far.
            let mut seen: BTreeMap<&str, (bool, BTreeSet<&str>)> = BTreeMap::new();
            for (index, transition) in transitions.as_slice().iter().enumerate() {
                let place = transitions.pointer(&base, index);
                let guard = transition.guard.as_deref().map(str::trim);
                let sources: BTreeSet<&str> =
                    transition.from.as_slice().iter().map(String::as_str).collect();
                for from in sources {
                    let (open, guards) = seen.entry(from).or_default();
                    if *open {
                        let detail = format!(
                            "`{name}` from `{from}` stands above without a guard, so this is never reached"
                        );
                        self.problems.add(format!("{place}/from"), detail);
                    }
                    match guard {
                        None => *open = true,
                        Some(guard) if !guards.insert(guard) => self.problems.add(
                            format!("{place}/guard"),
                            format!("`{name}` from `{from}` stands above with the same guard"),
                        ),
                        Some(_) => {}
                    }
                }
            }
        }
    }

    fn graph(&mut self) {
        let document = self.document;
        let mut graph = Graph::new(document.statuses.keys().map(String::as_str));
        for transitions in document.operations.values() {
            for transition in transitions.as_slice() {
                for from in transition.from.as_slice() {
                    graph.connect(from, &transition.to);
                }
            }
        }
        let init = document.init_status.as_str();
        let reached = graph.beyond(init);
        for (code, status) in &document.statuses {
            let place = child("/statuses", code);
            let beyond = graph.beyond(code);
            if code != init && !reached.contains(code.as_str()) {
                self.problems.add(&place, format!("`{code}` is never reached from `{init}`"));
            }
            if !status.is_final && graph.is_end(code) {
                self.problems.add(&place, format!("`{code}` is a dead end and not final"));
            } else if !status.is_final
                && !beyond.iter().any(|s| document.statuses.get(*s).is_some_and(|s| s.is_final))
            {
                self.problems.add(&place, format!("no final status can be reached from `{code}`"));
            }
            if beyond.contains(code.as_str()) && !document.cycles.contains(code) {
                self.problems
                    .add(&place, format!("`{code}` can be entered again and is not in `cycles`"));
            }
        }
    }

    fn status(&mut self, place: &str, code: &str) {
        if !self.document.statuses.contains_key(code) {
            self.problems.add(place, format!("the status `{code}` is not known"));
        }
    }

    fn condition(&mut self, place: &str, source: Option<&str>) -> Option<Guard> {
        match Guard::compile(self.library, source?, &self.variables, &self.sample) {
            Ok(guard) => Some(guard),
            Err(e) => {
                self.problems.add(place, e);
                None
            }
        }
    }
}
