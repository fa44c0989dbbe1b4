//! TCC branches: what was tried is confirmed or cancelled by the service's own code, each once, in one transaction with
//! the fence that says so. A cancel that comes before its try leaves a fence which the try then meets.

use std::sync::Arc;

use async_trait::async_trait;
use kit::TenantCode;
use rpc::{Ctx, Fault};
use shard::{Route, Tx};

use super::{Resource, outcome_of, xid_of};
use crate::api::{NewBranch, Outcome, ToFinish, rolled_back};
use crate::model::{BranchId, Decision, Kind, XidParts};
use crate::store::fence::{self, FenceStatus};

/// What was tried, as confirm and cancel learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its branch, the same in try, confirm and cancel.
    pub branch: BranchId,
    /// For which tenant.
    pub tenant: TenantCode,
    /// What the try was registered with.
    pub payload: String,
}

/// The second phase of an action. Each is called in a transaction of its own, takes effect once, and must succeed
/// whatever has happened since the try: what it needs was set aside by the try.
#[async_trait]
pub trait Tcc: Send + Sync + 'static {
    /// Makes what was tried final.
    async fn confirm(&self, tx: &Tx, attempt: &Attempt) -> Result<(), Fault>;

    /// Gives back what was tried.
    async fn cancel(&self, tx: &Tx, attempt: &Attempt) -> Result<(), Fault>;
}

impl Resource {
    /// Runs the try of a TCC branch: `body` sets aside what confirm will use and cancel give back. `payload` is what
    /// these two need to know, whatever process they run in.
    ///
    /// # Errors
    /// Those of `body`; `Unavailable` when the transaction is rolled back already. The whole transaction fails then. A
    /// call that is dropped half-way must fail it, too: nobody else does.
    pub async fn attempt<T, E, F, Fut>(
        &self,
        ctx: &Ctx,
        route: Route,
        action: &'static str,
        payload: String,
        body: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx, BranchId) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let xid = xid_of(ctx)?;
        if !self.0.actions.contains_key(action) {
            return Err(Fault::bug(format!("{} has no action {action}", self.name())).into());
        }
        let branch = NewBranch {
            resource: self.name().to_owned(),
            kind: Kind::Tcc,
            cell: self.cell_of(route),
            action: action.to_owned(),
            payload,
            locks: Vec::new(),
        };
        let id = self.enlist(ctx, &xid, branch).await?;
        self.0.faults.hit("tcc.registered").await?;
        let deadline = XidParts::of(&xid).map(XidParts::deadline).unwrap_or_default();
        let latest = deadline.plus(self.0.options.local_max);
        let (body, resource) = (Arc::new(body), self.clone());
        let body = move |tx: Tx| {
            let (id, body, resource) = (id.clone(), Arc::clone(&body), resource.clone());
            async move {
                let is_late = resource.0.db.clock().now() >= latest;
                if is_late || !fence::insert(&tx, &id, action, FenceStatus::Tried).await? {
                    return Err(rolled_back().into());
                }
                body(tx, id).await
            }
        };
        let done = self.0.db.tx(&ctx.within(self.0.options.local_max), route, body).await;
        if done.is_err() {
            self.give_up(ctx, &xid).await;
        }
        let done = done?;
        self.0.faults.hit("tcc.committed").await?;
        Ok(done)
    }

    /// Confirms or cancels a TCC branch.
    pub(super) async fn end_attempt(
        &self,
        ctx: &Ctx,
        branch: &ToFinish,
        decision: Decision,
        accept: bool,
    ) -> Outcome {
        if accept {
            return Outcome::Done;
        }
        let Some(tcc) = self.0.actions.get(branch.action.as_str()).cloned() else {
            return Outcome::Retry(format!("{} has no action {}", self.name(), branch.action));
        };
        let attempt = Attempt {
            branch: branch.id.clone(),
            tenant: branch.tenant.clone(),
            payload: branch.payload.clone(),
        };
        let (attempt, route) = (Arc::new(attempt), Route::from(branch.cell));
        let (action, resource): (Arc<str>, _) = (branch.action.as_str().into(), self.clone());
        let body = move |tx: Tx| {
            let (tcc, attempt, action) =
                (Arc::clone(&tcc), Arc::clone(&attempt), Arc::clone(&action));
            let resource = resource.clone();
            async move {
                let xid = attempt.branch.xid();
                let outcome = match decision {
                    Decision::Commit => confirm(&tx, &*tcc, &attempt).await?,
                    Decision::Rollback => cancel(&tx, &*tcc, &attempt, &action).await?,
                };
                for attached in &resource.0.attached {
                    match (&outcome, decision) {
                        (Outcome::Done, Decision::Commit) => {
                            attached.committed(&tx, std::slice::from_ref(&xid)).await?;
                        }
                        (Outcome::Done, Decision::Rollback) => {
                            attached.rolled_back(&tx, &xid).await?;
                        }
                        _ => {}
                    }
                }
                Ok(outcome)
            }
        };
        if let Err(fault) = self.open_cell(ctx, branch.cell).await {
            return outcome_of(&fault);
        }
        let ended: Result<Outcome, Fault> = self.0.db.tx(ctx, route, body).await;
        ended.unwrap_or_else(|fault| outcome_of(&fault))
    }
}

async fn confirm(tx: &Tx, tcc: &dyn Tcc, attempt: &Attempt) -> Result<Outcome, Fault> {
    if fence::advance(tx, &attempt.branch, FenceStatus::Confirmed).await? {
        tcc.confirm(tx, attempt).await?;
        return Ok(Outcome::Done);
    }
    Ok(match fence::find(tx, &attempt.branch).await? {
        Some(FenceStatus::Confirmed) => Outcome::Done,
        // Tried again at once: somebody else has moved it between the two statements.
        Some(FenceStatus::Tried) => Outcome::Retry("its fence has just appeared".to_owned()),
        Some(FenceStatus::Cancelled | FenceStatus::Suspended) => {
            Outcome::Failed("it is cancelled and cannot be confirmed".to_owned())
        }
        None => Outcome::Failed("it was never tried and cannot be confirmed".to_owned()),
    })
}

async fn cancel(tx: &Tx, tcc: &dyn Tcc, attempt: &Attempt, action: &str) -> Result<Outcome, Fault> {
    if fence::advance(tx, &attempt.branch, FenceStatus::Cancelled).await? {
        tcc.cancel(tx, attempt).await?;
        return Ok(Outcome::Done);
    }
    // Where the try is committing at this moment this waits for it, by the primary key.
    if fence::insert(tx, &attempt.branch, action, FenceStatus::Suspended).await? {
        return Ok(Outcome::Done);
    }
    Ok(match fence::find(tx, &attempt.branch).await? {
        Some(FenceStatus::Cancelled | FenceStatus::Suspended) => Outcome::Done,
        Some(FenceStatus::Confirmed) => {
            Outcome::Failed("it is confirmed and cannot be cancelled".to_owned())
        }
        Some(FenceStatus::Tried) | None => {
            Outcome::Retry("its try is committing at this moment".to_owned())
        }
    })
}
