//! What a task declares about itself. Plain values; nothing here runs.

use std::time::Duration;

/// What happens to a task when the process begins to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It is dropped at its next await. For tasks that may be cut anywhere.
    Abort,
    /// It sees [`crate::Tasks::token`] cancelled and ends by itself; it is dropped when the grace is over.
    Finish,
}

/// What happens when a task returns an error or panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// It is logged and counted; the task is over.
    Log,
    /// It is logged and counted, and the task starts anew after a pause. Holds for tasks started by
    /// [`crate::Tasks::spawn_restarting`]; a plain future cannot be run twice, so there it means `Log`.
    Restart(Backoff),
    /// The whole process cannot go on without it: everything is cancelled.
    Shutdown,
}

/// The pause before a task starts again: doubles from `first` up to `max`. A run that lasted longer than
/// `max` counts as healthy and the next pause is `first` again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Backoff {
    /// 100 ms to 30 s.
    pub const DEFAULT: Self =
        Self { first: Duration::from_millis(100), max: Duration::from_secs(30) };

    /// The pause after one of `previous`; `None` for the first.
    pub(crate) fn next(self, previous: Option<Duration>) -> Duration {
        previous.map_or(self.first, |p| p.saturating_mul(2)).min(self.max)
    }
}

/// Names a sort of task and its policies. Declared as a constant by whoever spawns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskKind {
    /// The name in logs and metrics: `outbox.relay`.
    pub name: &'static str,
    /// When the process stops.
    pub on_cancel: OnCancel,
    /// When the task fails.
    pub on_error: OnError,
}

impl TaskKind {
    /// A kind that is dropped on cancel and only logged on error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, on_cancel: OnCancel::Abort, on_error: OnError::Log }
    }

    /// The same, but it ends by itself within the grace.
    #[must_use]
    pub const fn finishing(self) -> Self {
        Self { on_cancel: OnCancel::Finish, ..self }
    }

    /// The same, but it starts again after a failure, with the default backoff.
    #[must_use]
    pub const fn restarting(self) -> Self {
        Self { on_error: OnError::Restart(Backoff::DEFAULT), ..self }
    }

    /// The same, but its failure stops the process.
    #[must_use]
    pub const fn vital(self) -> Self {
        Self { on_error: OnError::Shutdown, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_maximum() {
        let b = Backoff { first: Duration::from_millis(100), max: Duration::from_millis(350) };
        let one = b.next(None);
        let two = b.next(Some(one));
        assert_eq!((one.as_millis(), two.as_millis()), (100, 200));
        assert_eq!(b.next(Some(two)).as_millis(), 350);
    }
}
