//! A flow as a picture shows it: statuses in the sequence in which one meets them, and moves between them.
//! It must not know where anything is drawn.

use std::collections::{BTreeMap, VecDeque};

use flow::Document;

/// The most statuses that are drawn; a flow with more has the table only.
pub(crate) const STATUSES_MAX: usize = 40;
/// The most lines that are drawn.
pub(crate) const LINES_MAX: usize = 120;

/// What people read instead of names.
pub(crate) trait Labels {
    /// A status: its name, and what the flow says it is called.
    fn status(&self, name: &str, label: &str) -> String;
    /// An operation, likewise.
    fn operation(&self, name: &str, label: &str) -> String;
    /// The locale whose labels are wanted.
    fn locale(&self) -> &str;
}

/// Who makes a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Actor {
    /// The shopper.
    Buyer,
    /// Those who work for the shop.
    Staff,
    /// The platform by itself: events, timers.
    System,
}

impl Actor {
    pub(crate) const ALL: [Self; 3] = [Self::Buyer, Self::Staff, Self::System];

    /// The kind that a role of a flow is, such as `staff.warehouse`.
    fn of(role: &str) -> Self {
        match role.split('.').next().unwrap_or_default() {
            "buyer" => Self::Buyer,
            "system" => Self::System,
            _ => Self::Staff,
        }
    }
}

/// A status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: String,
    pub(crate) label: String,
    pub(crate) is_initial: bool,
    pub(crate) is_final: bool,
    /// Running orders that stand here; `None` when that is not known, and where the flow ends.
    pub(crate) running: Option<u64>,
}

/// An operation between two statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) operation: String,
    pub(crate) label: String,
    /// Roles as the flow names them.
    pub(crate) by: Vec<String>,
    pub(crate) guard: Option<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) emit: Vec<String>,
    /// After which times it happens by itself, as the flow writes them, with their conditions.
    pub(crate) timers: Vec<(String, Option<String>)>,
}

impl Move {
    /// The kinds of those who make it, each once.
    pub(crate) fn actors(&self) -> Vec<Actor> {
        let mut actors: Vec<Actor> = self.by.iter().map(|role| Actor::of(role)).collect();
        actors.sort_unstable();
        actors.dedup();
        actors
    }
}

/// All moves from one status to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) moves: Vec<Move>,
}

impl Line {
    /// Whether nobody but the platform makes any of its moves.
    pub(crate) fn is_automatic(&self) -> bool {
        self.moves.iter().all(|m| m.actors() == [Actor::System])
    }
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    pub(crate) statuses: Vec<Status>,
    pub(crate) lines: Vec<Line>,
}

impl Chart {
    /// Reads a document. What it names but does not have is left out: a published one is whole.
    pub(crate) fn of(
        document: &Document,
        labels: &impl Labels,
        running: Option<&BTreeMap<String, u64>>,
    ) -> Self {
        let codes = sequence(document);
        let statuses = codes.iter().map(|code| {
            let is_final = document.statuses.get(*code).is_some_and(|s| s.is_final);
            // what has come to its end does not run
            let running = running.filter(|_| !is_final);
            Status {
                label: labels.status(code, document.status_label(code, labels.locale())),
                is_initial: *code == document.init_status,
                is_final,
                running: running.map(|r| r.get(*code).copied().unwrap_or(0)),
                code: (*code).to_owned(),
            }
        });
        let statuses = statuses.collect();
        let at: BTreeMap<&str, usize> = codes.iter().enumerate().map(|(n, c)| (*c, n)).collect();
        let mut lines: BTreeMap<(usize, usize), Vec<Move>> = BTreeMap::new();
        for (operation, from, transition) in moves(document) {
            let (Some(start), Some(end)) = (at.get(from), at.get(transition.to.as_str())) else {
                continue;
            };
            let label = document.operation_label(operation, from, labels.locale());
            let timers =
                document.triggers.iter().filter(|t| t.on == from && t.operation == operation);
            lines.entry((*start, *end)).or_default().push(Move {
                operation: operation.to_owned(),
                label: labels.operation(operation, label),
                by: transition.by.clone(),
                guard: transition.guard.clone(),
                actions: transition.actions.clone(),
                emit: transition.emit.clone(),
                timers: timers.map(|t| (t.after.clone(), t.condition.clone())).collect(),
            });
        }
        let lines = lines.into_iter().map(|((from, to), moves)| Line { from, to, moves }).collect();
        Self { statuses, lines }
    }

    /// Whether it is small enough to be drawn.
    pub(crate) fn is_drawable(&self) -> bool {
        (1..=STATUSES_MAX).contains(&self.statuses.len()) && self.lines.len() <= LINES_MAX
    }

    /// Where everything begins.
    pub(crate) fn root(&self) -> usize {
        self.statuses.iter().position(|s| s.is_initial).unwrap_or(0)
    }
}

/// Every move by its operation and the status that it leaves.
fn moves(document: &Document) -> impl Iterator<Item = (&str, &str, &flow::document::Transition)> {
    document.operations.iter().flat_map(|(operation, transitions)| {
        transitions.as_slice().iter().flat_map(move |transition| {
            let from = transition.from.as_slice().iter();
            from.map(move |from| (operation.as_str(), from.as_str(), transition))
        })
    })
}

/// The statuses in the sequence in which one meets them; those that are not met come last.
fn sequence(document: &Document) -> Vec<&str> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, from, transition) in moves(document) {
        next.entry(from).or_default().push(&transition.to);
    }
    let known = |code: &str| document.statuses.get_key_value(code).map(|(code, _)| code.as_str());
    let mut met: Vec<&str> = Vec::with_capacity(document.statuses.len());
    let mut waiting: VecDeque<&str> = known(&document.init_status).into_iter().collect();
    while let Some(code) = waiting.pop_front() {
        if met.contains(&code) {
            continue;
        }
        met.push(code);
        // where the flow ends comes after what goes on
        let (ends, on): (Vec<&str>, Vec<&str>) = next
            .get(code)
            .into_iter()
            .flatten()
            .filter_map(|to| known(to))
            .partition(|to| document.statuses.get(*to).is_some_and(|s| s.is_final));
        waiting.extend(on.into_iter().chain(ends));
    }
    let rest = document.statuses.keys().map(String::as_str);
    let unmet: Vec<&str> = rest.filter(|code| !met.contains(code)).collect();
    met.into_iter().chain(unmet).collect()
}
