//! Transactions that this instance knows something of: a set of ids. Lost with the process, and nothing here is needed
//! for correctness.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::Timestamp;
use rpc::Xid;

use crate::model::xid_floor;

/// The set. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Marks(Arc<Mutex<BTreeSet<String>>>);

impl Marks {
    fn all(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, xid: &Xid) -> bool {
        self.all().contains(&xid.0)
    }

    pub(super) fn add(&self, xid: &Xid) {
        self.all().insert(xid.0.clone());
    }

    pub(super) fn remove(&self, xid: &Xid) {
        self.all().remove(&xid.0);
    }

    /// Forgets those that began before an instant.
    pub(super) fn remove_before(&self, at: Timestamp) {
        let mut all = self.all();
        *all = all.split_off(&xid_floor(at));
    }

    /// Marks a transaction for as long as the mark lives; `None` when it is marked already.
    pub(super) fn mark(&self, xid: &Xid) -> Option<Mark> {
        let is_new = self.all().insert(xid.0.clone());
        is_new.then(|| Mark { marks: self.clone(), xid: xid.clone() })
    }
}

/// That somebody is at a transaction.
pub(super) struct Mark {
    marks: Marks,
    xid: Xid,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.marks.remove(&self.xid);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::mint_xid;

    fn xid(second: i64) -> Xid {
        mint_xid(Timestamp::from_micros(second * 1_000_000), Duration::from_secs(1), 1)
    }

    #[test]
    fn a_transaction_is_marked_once_at_a_time() {
        let marks = Marks::default();
        let mark = marks.mark(&xid(1));
        assert!(mark.is_some() && marks.mark(&xid(1)).is_none() && marks.mark(&xid(2)).is_some());
        assert!(!marks.has(&xid(2)), "its mark was dropped at once");
        drop(mark);
        assert!(!marks.has(&xid(1)) && marks.mark(&xid(1)).is_some());
    }

    #[test]
    fn what_began_long_ago_is_forgotten() {
        let marks = Marks::default();
        for second in 1..=3 {
            marks.add(&xid(second));
        }
        marks.remove_before(Timestamp::from_micros(2_000_000));
        assert_eq!([1, 2, 3].map(|second| marks.has(&xid(second))), [false, true, true]);
    }
}
