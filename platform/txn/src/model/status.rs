//! The status of a global transaction and the moves between statuses. A move is stored as compare-and-set on the
//! status that it comes from; which moves exist is said here only.

use serde::{Deserialize, Serialize};

/// What is decided of a global transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Everything stays.
    Commit,
    /// Everything is taken back.
    Rollback,
}

/// The status of a global transaction. That a rollback was decided by its timeout is kept beside it, and doubles
/// no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes branches; nothing is decided.
    Begin,
    /// Commit is decided, locks are free, branches are being told.
    Committing,
    /// The same, and some branch could not be told yet.
    CommitRetrying,
    /// Every branch has committed.
    Committed,
    /// A branch cannot commit what it had promised; waits for an operator.
    CommitFailed,
    /// Rollback is decided; locks are held until it is done.
    RollingBack,
    /// The same, and some branch could not be undone yet.
    RollbackRetrying,
    /// Every branch is undone.
    RolledBack,
    /// A branch cannot be undone; locks and undo are kept for an operator.
    RollbackFailed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Begin,
        Self::Committing,
        Self::CommitRetrying,
        Self::Committed,
        Self::CommitFailed,
        Self::RollingBack,
        Self::RollbackRetrying,
        Self::RolledBack,
        Self::RollbackFailed,
    ];

    /// Its number in the table.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// The status of a number in the table.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.number() == n)
    }

    /// What was decided; `None` before that.
    #[must_use]
    pub const fn decision(self) -> Option<Decision> {
        match self {
            Self::Begin => None,
            Self::Committing | Self::CommitRetrying | Self::Committed | Self::CommitFailed => {
                Some(Decision::Commit)
            }
            Self::RollingBack
            | Self::RollbackRetrying
            | Self::RolledBack
            | Self::RollbackFailed => Some(Decision::Rollback),
        }
    }

    /// Whether it has ended: nothing changes any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::RolledBack)
    }

    /// Whether it waits for an operator.
    #[must_use]
    pub const fn is_parked(self) -> bool {
        matches!(self, Self::CommitFailed | Self::RollbackFailed)
    }

    /// Whether branches are to be told, again and again until they have answered.
    #[must_use]
    pub const fn is_driven(self) -> bool {
        matches!(
            self,
            Self::Committing | Self::CommitRetrying | Self::RollingBack | Self::RollbackRetrying
        )
    }

    /// Whether a transaction in this status may get to `to` in one move. A parked one moves by an operator only,
    /// see [`Status::may_resolve_to`].
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        match self {
            Self::Begin => matches!(to, Self::Committing | Self::RollingBack),
            Self::Committing | Self::CommitRetrying => {
                matches!(to, Self::CommitRetrying | Self::Committed | Self::CommitFailed)
            }
            Self::RollingBack | Self::RollbackRetrying => {
                matches!(to, Self::RollbackRetrying | Self::RolledBack | Self::RollbackFailed)
            }
            Self::CommitFailed | Self::RollbackFailed | Self::Committed | Self::RolledBack => false,
        }
    }

    /// Where an operator may send a parked transaction: to another try in the direction that was decided, never
    /// to the other direction.
    #[must_use]
    pub const fn may_resolve_to(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::CommitFailed, Self::CommitRetrying)
                | (Self::RollbackFailed, Self::RollbackRetrying)
        )
    }

    /// The statuses from which one may get to `to`, for a compare-and-set in a statement.
    pub(crate) fn sources(to: Self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |from| from.may_become(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status() -> impl Strategy<Value = Status> {
        proptest::sample::select(Status::ALL.to_vec())
    }

    #[test]
    fn a_status_survives_the_table() {
        for s in Status::ALL {
            assert_eq!(Status::from_number(s.number()), Some(s));
        }
        assert_eq!(Status::from_number(99), None);
    }

    proptest! {
        #[test]
        fn whatever_is_tried_a_decision_is_never_reversed(
            tries in proptest::collection::vec((status(), any::<bool>()), 1..40)
        ) {
            let mut now = Status::Begin;
            for (to, by_operator) in tries {
                let may = if by_operator { now.may_resolve_to(to) } else { now.may_become(to) };
                if !may {
                    continue;
                }
                prop_assert!(!now.is_final(), "{now:?} was left");
                prop_assert!(to != Status::Begin, "nothing begins twice");
                if let Some(decided) = now.decision() {
                    prop_assert_eq!(to.decision(), Some(decided));
                }
                prop_assert!(by_operator == now.is_parked());
                now = to;
            }
        }

        #[test]
        fn every_status_is_one_of_four_sorts_and_ends_can_be_reached(s in status()) {
            let sorts = [s == Status::Begin, s.is_driven(), s.is_parked(), s.is_final()];
            prop_assert_eq!(sorts.iter().filter(|is| **is).count(), 1);
            let onward = |from: Status| {
                Status::ALL.into_iter().filter(move |to| from.may_become(*to) || from.may_resolve_to(*to))
            };
            let mut reached = vec![s];
            for _ in 0..Status::ALL.len() {
                let more: Vec<_> = reached.iter().flat_map(|r| onward(*r)).collect();
                reached.extend(more);
                reached.sort_unstable();
                reached.dedup();
            }
            prop_assert!(reached.iter().any(|r| r.is_final()));
        }

        #[test]
        fn sources_are_the_moves_read_backwards(from in status(), to in status()) {
            prop_assert_eq!(Status::sources(to).any(|s| s == from), from.may_become(to));
        }
    }
}
