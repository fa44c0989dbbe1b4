//! The graph of a flow: what can be reached, what ends, what comes round again. Pure; it knows nothing
//! of roles, guards or documents.

use std::collections::{BTreeMap, BTreeSet};

/// Statuses and the moves between them.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    next: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    /// A graph without moves.
    pub(crate) fn new(statuses: impl Iterator<Item = &'a str>) -> Self {
        Self { next: statuses.map(|s| (s, BTreeSet::new())).collect() }
    }

    /// Adds a move between two statuses of the graph; others are left out.
    pub(crate) fn connect(&mut self, from: &'a str, to: &'a str) {
        if self.next.contains_key(to)
            && let Some(next) = self.next.get_mut(from)
        {
            next.insert(to);
        }
    }

    /// Every status that one or more moves lead to from `start`.
    pub(crate) fn beyond(&self, start: &str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&'a str> = self.next.get(start).into_iter().flatten().copied().collect();
        while let Some(status) = open.pop() {
            if found.insert(status) {
                open.extend(self.next.get(status).into_iter().flatten());
            }
        }
        found
    }

    /// Whether nothing leaves `status`.
    pub(crate) fn is_end(&self, status: &str) -> bool {
        self.next.get(status).is_none_or(BTreeSet::is_empty)
    }
}
