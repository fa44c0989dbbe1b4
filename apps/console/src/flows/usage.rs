//! How many running orders stand where, by version of their flow.

use std::collections::BTreeMap;

use search_api::FlowCount;

/// The flow whose things are orders; the index counts only those.
pub(crate) const ORDER: &str = "order";

/// Running orders by version and status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Usage(BTreeMap<u32, BTreeMap<String, u64>>);

impl Usage {
    pub(crate) fn of(counts: &[FlowCount]) -> Self {
        let mut usage = Self::default();
        for FlowCount { flow_version, status, orders, .. } in counts {
            let of_version = usage.0.entry(*flow_version).or_default();
            *of_version.entry(status.clone()).or_default() += orders;
        }
        usage
    }

    /// Of one version, by status.
    pub(crate) fn statuses(&self, version: u32) -> BTreeMap<String, u64> {
        self.0.get(&version).cloned().unwrap_or_default()
    }

    /// Of one version in all.
    pub(crate) fn total(&self, version: u32) -> u64 {
        self.0.get(&version).map_or(0, |s| s.values().sum())
    }

    /// Of all versions before one.
    pub(crate) fn before(&self, version: u32) -> u64 {
        self.0.range(..version).flat_map(|(_, s)| s.values()).sum()
    }
}
