//! A transaction on its way through the writer of an embedded file: run when its turn comes, answered when
//! the commit that it shares with others is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rpc::Fault;
use tokio::sync::oneshot;

use crate::body::{Body, Ran};
use crate::error::DbError;
use crate::sqlite;
use crate::tx::{Hooks, TxParts};

/// What is run, and who waits for it.
pub(crate) struct Write<P> {
    /// Made when it begins, with the time of that.
    pub(crate) parts: P,
    pub(crate) deadline: Instant,
    pub(crate) body: Body,
    pub(crate) outcome: Option<(Ran, Hooks)>,
    pub(crate) send: oneshot::Sender<Ran>,
}

impl<P: Fn() -> TxParts + Send> sqlite::Work for Write<P> {
    fn is_abandoned(&self) -> bool {
        self.send.is_closed()
    }

    fn run(&mut self, conn: &sqlite::Guarded) {
        let parts = (self.parts)();
        self.outcome = Some(sqlite::run_savepoint(conn, self.deadline, parts, &self.body));
    }

    fn finish(self: Box<Self>, commit: sqlite::Commit) {
        let not_run = || (Err(Fault::from(DbError::Closed).into()), Vec::new());
        let (result, hooks) = self.outcome.unwrap_or_else(not_run);
        let result = match (result, commit) {
            // Its own failure says more than the group's.
            (Ok(_), Err(e)) => Err(Fault::from(e).into()),
            (result, _) => result,
        };
        if result.is_ok() {
            run_hooks(hooks);
        }
        // The caller may have stopped waiting; the change stands all the same.
        let _ = self.send.send(result);
    }
}

/// What was to run after a commit. It runs where the commit was made, and must not take that down.
pub(crate) fn run_hooks(hooks: Hooks) {
    for hook in hooks {
        if catch_unwind(AssertUnwindSafe(hook)).is_err() {
            tracing::error!("what was to run after a commit panicked");
        }
    }
}
