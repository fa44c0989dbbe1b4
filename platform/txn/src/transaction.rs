//! Whoever begins a transaction: gives it an id, runs what belongs to it, and decides. Nobody else decides: who finds
//! an xid in his context takes part.

use std::sync::Arc;
use std::time::Duration;

use kit::{ErrorCode, SharedClock, SharedEntropy};
use rpc::{Ctx, Fault, Xid};
use tokio::time::Instant;

use crate::api::{CoordinatorClient, Decide, Decided, OUTCOME_UNKNOWN, rolled_back};
use crate::model::{Decision, mint_xid};

/// Options of whoever begins transactions.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a transaction may take until it is decided; then it is rolled back whoever lives.
    pub timeout: Duration,
    /// How often a coordinator is asked for a decision before the outcome is called unknown.
    pub decide_tries: u32,
    /// How long one such call may take, whatever is left of the caller's time.
    pub decide_within: Duration,
    /// The pause between two.
    pub decide_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            decide_tries: 5,
            decide_within: Duration::from_secs(5),
            decide_pause: Duration::from_millis(100),
        }
    }
}

/// Begins transactions. Cheap to clone.
#[derive(Clone)]
pub struct Txn(Arc<Inner>);

struct Inner {
    coordinator: CoordinatorClient,
    clock: SharedClock,
    entropy: SharedEntropy,
    options: Options,
}

impl std::fmt::Debug for Txn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Txn({:?})", self.0.options)
    }
}

impl Txn {
    /// Over a coordinator, local or remote.
    #[must_use]
    pub fn new(
        coordinator: CoordinatorClient,
        clock: SharedClock,
        entropy: SharedEntropy,
        options: Options,
    ) -> Self {
        Self(Arc::new(Inner { coordinator, clock, entropy, options }))
    }

    /// Runs a body as a transaction: the context that it gets carries the xid, and whoever is called with that takes
    /// part. When the body succeeds, all of it stays; when it fails, all of it is taken back, and the body's failure
    /// is the answer. In a context that carries an xid already the body takes part in that transaction, and nothing is
    /// decided here. Beginning costs nothing: the coordinator hears of the transaction with its first branch.
    ///
    /// A call that is dropped half-way is rolled back by the transaction's timeout.
    ///
    /// # Errors
    /// The body's own; `Unavailable`, named [`crate::ROLLED_BACK`], when it came too late to commit, or a branch had
    /// failed and the body went on as if it had not; `Unavailable`, named
    /// [`OUTCOME_UNKNOWN`], when no coordinator could be asked: it may have committed.
    pub async fn run<T, E, F, Fut>(&self, ctx: &Ctx, body: F) -> Result<T, E>
    where
        E: From<Fault>,
        F: FnOnce(Ctx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if ctx.xid.is_some() {
            return body(ctx.clone()).await;
        }
        self.run_new(ctx, body).await
    }

    /// As [`Txn::run`], as a transaction of its own also inside of another: what it does stays when the other is
    /// taken back.
    ///
    /// # Errors
    /// As [`Txn::run`].
    pub async fn run_new<T, E, F, Fut>(&self, ctx: &Ctx, body: F) -> Result<T, E>
    where
        E: From<Fault>,
        F: FnOnce(Ctx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let random = self.0.entropy.next_u64().map_err(Fault::internal)?;
        let timeout = self.0.options.timeout;
        let xid = mint_xid(self.0.clock.now(), timeout, random);
        let inside = Ctx { xid: Some(xid.clone()), ..ctx.within(timeout) };
        match body(inside).await {
            Ok(value) => {
                self.commit(ctx, &xid).await?;
                Ok(value)
            }
            Err(e) => {
                if let (_, Err(fault)) = self.decide(ctx, &xid, Decision::Rollback).await {
                    tracing::warn!(xid = xid.0, error = ?fault, "a rollback was not heard; the timeout sees to it");
                }
                Err(e)
            }
        }
    }

    async fn commit(&self, ctx: &Ctx, xid: &Xid) -> Result<(), Fault> {
        match self.decide(ctx, xid, Decision::Commit).await {
            (_, Ok(decided)) if decided.status.decision() == Some(Decision::Commit) => Ok(()),
            (_, Ok(_)) => Err(rolled_back()),
            // Nobody else decides to commit, and this was the first time that anybody was asked to: a coordinator that
            // does not know it (any more) has not committed it.
            (1, Err(fault)) if fault.code == ErrorCode::NotFound => Err(rolled_back()),
            (_, Err(fault)) => {
                tracing::error!(xid = xid.0, error = ?fault, "nobody could be asked whether a transaction has committed");
                let text = "nobody can tell right now whether this was done";
                Err(Fault::new(ErrorCode::Unavailable, text)
                    .with_slug(OUTCOME_UNKNOWN)
                    .because(fault))
            }
        }
    }

    /// Asks until somebody answers; how often that was. Asking again changes nothing.
    async fn decide(
        &self,
        ctx: &Ctx,
        xid: &Xid,
        decision: Decision,
    ) -> (u32, Result<Decided, Fault>) {
        let options = &self.0.options;
        let mut tries = 1;
        loop {
            // The caller may have no time left, and still it has to be decided.
            let deadline = Instant::now() + options.decide_within;
            let ctx = Ctx { deadline, xid: None, ..ctx.clone() };
            let decide = Decide { xid: xid.clone(), decision };
            match self.0.coordinator.decide(&ctx, decide).await {
                Err(fault) if fault.code.is_retryable() && tries < options.decide_tries => {
                    tracing::warn!(xid = xid.0, ?decision, tries, error = ?fault, "a decision was not answered");
                }
                answer => return (tries, answer),
            }
            tries += 1;
            tokio::time::sleep(options.decide_pause).await;
        }
    }
}
