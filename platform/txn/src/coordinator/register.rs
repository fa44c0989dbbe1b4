//! Registering branches: one transaction that locks the global row (or makes it), takes the locks, and adds the
//! branches. It happens as a whole or not at all; waiting for a lock happens between two tries, holding nothing.

use std::sync::Arc;

use kit::{ErrorCode, TenantCode, Timestamp};
use rpc::{Ctx, Fault, Xid};
use shard::{Route, Tx};
use tokio::time::Instant;

use super::Inner;
use super::line::Place;
use super::options::jitter;
use crate::api::{
    LOCK_HOLDER_ENDING, LOCK_WAIT_TIMEOUT, NewBranch, Register, Registered, not_active,
};
use crate::model::{Branch, BranchState, Decision, LockKey, Status, XidParts};
use crate::store::{globals, locks};

/// A registration as it is tried.
struct Plan {
    xid: Xid,
    deadline: Timestamp,
    tenant: TenantCode,
    request_id: String,
    branches: Vec<NewBranch>,
    /// All locks, ascending, each with the position of the first branch that names it.
    keys: Vec<(LockKey, u32)>,
    /// Nobody here has seen it begin, so it probably begins now.
    probably_new: bool,
    counts_rows: bool,
}

/// Why a try was given up.
enum Stop {
    Fault(Fault),
    Conflict(Conflict),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A lock that another has.
struct Conflict {
    hash: [u8; 16],
    /// Who, and how he stands; `None` when he has just let go.
    holder: Option<(Xid, Option<Status>)>,
}

pub(super) async fn register(
    inner: &Arc<Inner>,
    ctx: &Ctx,
    req: Register,
) -> Result<Registered, Fault> {
    let until = Instant::now() + req.wait.min(ctx.remaining());
    let holds_rows = req.holds_rows;
    let plan = Arc::new(Plan::new(inner, ctx, req)?);
    inner.faults.hit("register.before").await?;
    // Who comes anew stands behind those who wait. Who holds locks already does not: they may wait for him.
    let before = plan.probably_new.then(|| inner.lines.somebody_waits(plan.hashes())).flatten();
    let mut place: Option<Place<'_>> = before.map(|hash| inner.lines.stand(hash));
    loop {
        if let Some(place) = &place {
            let look = || Instant::now() + jitter(inner.options.lock_poll, inner.random());
            if !place.wait(look, until).await {
                return Err(waited_too_long(&plan, place.hash()));
            }
        }
        let body = Arc::clone(&plan);
        let body = move |tx| {
            let plan = Arc::clone(&body);
            async move { plan.run(&tx).await }
        };
        match inner.db.tx(ctx, Route::Whole, body).await {
            Ok(seqs) => {
                inner.begun.add(&plan.xid);
                inner.lines.taken(&plan.xid, plan.hashes());
                if let Some(place) = place {
                    place.leave_with_lock();
                }
                inner.faults.hit("register.after").await?;
                return Ok(Registered { seqs });
            }
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Conflict(conflict)) => {
                metrics::counter!("txn_lock_conflicts_total").increment(1);
                refuse_hopeless(&plan, &conflict, holds_rows)?;
                if Instant::now() >= until {
                    return Err(waited_too_long(&plan, conflict.hash));
                }
                if place.as_ref().is_none_or(|p| p.hash() != conflict.hash) {
                    place = Some(inner.lines.stand(conflict.hash));
                }
                if let Some(place) = &place {
                    place.held_by(conflict.holder.as_ref().map(|(xid, _)| xid));
                }
            }
        }
    }
}

/// A holder that waits for an operator will not let go in time; one that is rolled back may need the very rows that
/// the caller holds.
fn refuse_hopeless(plan: &Plan, conflict: &Conflict, holds_rows: bool) -> Result<(), Fault> {
    let Some((holder, Some(status))) = &conflict.holder else { return Ok(()) };
    let is_ending = status.decision() == Some(Decision::Rollback);
    if !(status.is_parked() || is_ending && holds_rows) {
        return Ok(());
    }
    let text =
        format!("{} is held by a transaction that is being taken back", plan.text(conflict.hash));
    tracing::info!(xid = plan.xid.0, holder = holder.0, ?status, "a lock is not waited for");
    Err(Fault::new(ErrorCode::Conflict, text).with_slug(LOCK_HOLDER_ENDING))
}

fn waited_too_long(plan: &Plan, hash: [u8; 16]) -> Fault {
    let text = format!("somebody else is changing {}; try again", plan.text(hash));
    Fault::new(ErrorCode::Conflict, text).with_slug(LOCK_WAIT_TIMEOUT)
}

impl Plan {
    fn new(inner: &Inner, ctx: &Ctx, req: Register) -> Result<Self, Fault> {
        let wrong = |what: &str| Fault::bug(format!("a registration {what}"));
        let parts = XidParts::of(&req.xid).ok_or_else(|| wrong("without an xid of ours"))?;
        if parts.timeout > inner.options.timeout_max {
            return Err(wrong("of a transaction with too long a timeout"));
        }
        // marks against late branches are purged by the time that an xid says
        if parts.begun > inner.db.clock().now().plus(inner.options.keep) {
            return Err(wrong("of a transaction that has not begun yet: are the clocks apart?"));
        }
        if req.branches.is_empty() {
            return Err(wrong("without a branch"));
        }
        let mut keys: Vec<(LockKey, u32)> = Vec::new();
        for (i, branch) in (0_u32..).zip(&req.branches) {
            keys.extend(branch.locks.iter().map(|key| (key.clone(), i)));
        }
        if keys.len() > inner.options.locks_max {
            return Err(wrong("with too many locks"));
        }
        keys.sort_unstable();
        keys.dedup_by_key(|(key, _)| key.hash);
        Ok(Self {
            deadline: parts.deadline(),
            tenant: ctx.tenant.clone(),
            request_id: ctx.request_id.clone(),
            branches: req.branches,
            keys,
            probably_new: !inner.begun.has(&req.xid),
            counts_rows: inner.counts_rows,
            xid: req.xid,
        })
    }

    fn hashes(&self) -> impl Iterator<Item = [u8; 16]> {
        self.keys.iter().map(|(key, _)| key.hash)
    }

    fn text(&self, hash: [u8; 16]) -> &str {
        let found = self.keys.iter().find(|(key, _)| key.hash == hash);
        found.map_or("a row", |(key, _)| key.text.as_str())
    }

    async fn run(&self, tx: &Tx) -> Result<Vec<u32>, Stop> {
        if tx.now() >= self.deadline {
            return Err(not_active(None).into());
        }
        let first = self.add_branches(tx).await?;
        let keys: Vec<_> = self.keys.iter().map(|(key, i)| (key.clone(), first + i)).collect();
        let inserted = locks::take(tx, &self.xid, &keys).await?;
        if !self.counts_rows || usize::try_from(inserted) != Ok(keys.len()) {
            self.compare(tx).await?;
        }
        Ok((0_u32..).zip(&self.branches).map(|(i, _)| first + i).collect())
    }

    /// Adds the branches to the row, which is locked then; the number of the first.
    async fn add_branches(&self, tx: &Tx) -> Result<u32, Stop> {
        if self.probably_new && globals::insert(tx, &self.row(tx)).await? {
            return Ok(1);
        }
        loop {
            let Some(mut row) = globals::lock(tx, &self.xid).await? else {
                if globals::insert(tx, &self.row(tx)).await? {
                    return Ok(1);
                }
                continue;
            };
            if row.status != Status::Begin {
                return Err(not_active(Some(row.status)).into());
            }
            let first = row.branches.last().map_or(1, |b| b.seq + 1);
            row.branches.extend(self.branches_from(first));
            globals::put(tx, Status::Begin, &row).await?;
            return Ok(first);
        }
    }

    fn row(&self, tx: &Tx) -> globals::Row {
        globals::Row {
            xid: self.xid.clone(),
            status: Status::Begin,
            timed_out: false,
            tenant: self.tenant.clone(),
            request_id: self.request_id.clone(),
            branches: self.branches_from(1).collect(),
            attempts: 0,
            deadline: self.deadline,
            next_at: self.deadline,
            changed_at: tx.now(),
            note: None,
        }
    }

    fn branches_from(&self, first: u32) -> impl Iterator<Item = Branch> {
        (first..).zip(&self.branches).map(|(seq, new)| Branch {
            seq,
            resource: new.resource.clone(),
            kind: new.kind,
            cell: new.cell,
            action: new.action.clone(),
            payload: new.payload.clone(),
            locks: u32::try_from(new.locks.len()).unwrap_or(u32::MAX),
            state: BranchState::Registered,
        })
    }

    /// Whether all locks are ours, by looking who has them: a number of affected rows means little on MySQL, and
    /// some may have been ours before.
    async fn compare(&self, tx: &Tx) -> Result<(), Stop> {
        let hashes: Vec<_> = self.hashes().collect();
        let held = locks::held(tx, &hashes).await?;
        if let Some(other) = held.iter().find(|lock| lock.xid != self.xid) {
            let status = globals::find(tx, &other.xid).await?.map(|row| row.status);
            let holder = Some((other.xid.clone(), status));
            return Err(Stop::Conflict(Conflict { hash: other.hash, holder }));
        }
        if held.len() == hashes.len() {
            return Ok(());
        }
        // its holder let go after our insert had met it
        let is_held = |hash: &[u8; 16]| held.iter().any(|lock| lock.hash == *hash);
        let hash = hashes.into_iter().find(|h| !is_held(h)).unwrap_or_default();
        Err(Stop::Conflict(Conflict { hash, holder: None }))
    }
}
