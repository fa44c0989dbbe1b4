//! What the parts of a distributed transaction say to each other, in one process or over the wire: the service of
//! the coordinator and the service of whoever finishes branches. No rules here.

use std::time::Duration;

use kit::{ErrorCode, TenantCode, Timestamp};
use rpc::{Ctx, Fault, Xid};
use serde::{Deserialize, Serialize};

use crate::model::{Branch, BranchId, BranchState, Cell, Decision, Kind, LockKey, Status};

/// The name of the refusal of a lock that was not free in time.
pub const LOCK_WAIT_TIMEOUT: &str = "lock_wait_timeout";
/// The name of the refusal of a lock whose holder is being rolled back, or waits for an operator.
pub const LOCK_HOLDER_ENDING: &str = "lock_holder_ending";
/// The name of the refusal of a branch whose transaction does not take branches any more.
pub const NOT_ACTIVE: &str = "transaction_not_active";
/// The name of the failure of a transaction that was to commit and has been taken back.
pub const ROLLED_BACK: &str = "transaction_rolled_back";
/// The name of the failure of a transaction of which nobody could be asked how it ended.
pub const OUTCOME_UNKNOWN: &str = "transaction_outcome_unknown";

pub(crate) fn not_active(status: Option<Status>) -> Fault {
    let why = match status {
        Some(status) => format!("its status is {status:?}"),
        None => "its time is over".to_owned(),
    };
    Fault::new(ErrorCode::Conflict, format!("the transaction takes no branches any more: {why}"))
        .with_slug(NOT_ACTIVE)
}

/// What came too late to stay.
pub(crate) fn rolled_back() -> Fault {
    let text = "this took too long and was taken back; try again";
    Fault::new(ErrorCode::Unavailable, text).with_slug(ROLLED_BACK)
}

/// A branch to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBranch {
    /// The resource that finishes it.
    pub resource: String,
    /// How it is finished.
    pub kind: Kind,
    /// Where in the resource it works.
    pub cell: Cell,
    /// For a TCC branch: the action.
    pub action: String,
    /// For a TCC branch: what confirm and cancel need to know.
    pub payload: String,
    /// The rows that nobody else may change until the decision.
    pub locks: Vec<LockKey>,
}

/// Branches to be registered together; the first registration of a transaction begins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The transaction.
    pub xid: Xid,
    /// The branches.
    pub branches: Vec<NewBranch>,
    /// How long to wait for locks, at most until the caller's deadline and the transaction's.
    pub wait: Duration,
    /// The caller holds locks of its database: it must not wait for somebody whose rollback needs them.
    pub holds_rows: bool,
}

/// The numbers of the registered branches, in the sequence of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The numbers.
    pub seqs: Vec<u32>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// The transaction.
    pub xid: Xid,
    /// What is wanted.
    pub decision: Decision,
}

/// How a transaction stands after a decision, which is not always the one that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Its status.
    pub status: Status,
    /// Its timeout has decided.
    pub timed_out: bool,
}

/// Which transactions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {
    /// Only those in one of these statuses; all when empty.
    pub statuses: Vec<Status>,
    /// Only those after this one in the list.
    pub after: Option<Xid>,
    /// How many at most; 100 when 0.
    pub limit: u32,
}

/// A transaction as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Global {
    /// Its id.
    pub xid: Xid,
    /// Its status.
    pub status: Status,
    /// Its timeout has decided.
    pub timed_out: bool,
    /// For which tenant.
    pub tenant: TenantCode,
    /// The request that began it.
    pub request_id: String,
    /// Its branches in their sequence.
    pub branches: Vec<Branch>,
    /// How often its end was tried in vain.
    pub attempts: u32,
    /// When it began.
    pub begun_at: Timestamp,
    /// From when on it may not commit any more.
    pub deadline: Timestamp,
    /// When its status changed last.
    pub changed_at: Timestamp,
    /// Why its end failed last.
    pub note: Option<String>,
}

impl Global {
    /// How far a branch is; of a transaction that has ended each is done.
    #[must_use]
    pub fn state_of(&self, branch: &Branch) -> BranchState {
        if self.status.is_final() { BranchState::Done } else { branch.state }
    }
}

/// A transaction with what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The transaction.
    pub global: Global,
    /// Its locks, readable; at most a thousand.
    pub locks: Vec<String>,
}

/// What an operator does with a parked transaction, or with one that could not be ended for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The rows are repaired: try again.
    Retry,
    /// The rows stay as they are: the branch that failed, or at which it stopped, counts as finished.
    Accept,
}

/// An operator's word on a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The transaction.
    pub xid: Xid,
    /// What to do.
    pub resolution: Resolution,
}

/// The coordinator: keeps which branches a transaction has and what was decided of it, and sees to it that every
/// branch learns of it.
#[rpc::service(name = "txn")]
pub trait Coordinator: Send + Sync + 'static {
    /// Takes the locks of branches and registers them, all or nothing. Waits for locks as long as it may.
    async fn register(&self, ctx: &Ctx, req: Register) -> Result<Registered, Fault>;

    /// Decides a transaction that is not decided; says how it stands. Asked again it says the same.
    async fn decide(&self, ctx: &Ctx, req: Decide) -> Result<Decided, Fault>;

    /// How transactions stand; `None` for one that never had a branch, or has ended long ago.
    async fn status(&self, ctx: &Ctx, req: Vec<Xid>) -> Result<Vec<Option<Decided>>, Fault>;

    /// Transactions, oldest first.
    async fn list(&self, ctx: &Ctx, req: ListRequest) -> Result<Vec<Global>, Fault>;

    /// One transaction with its locks.
    async fn show(&self, ctx: &Ctx, req: Xid) -> Result<Shown, Fault>;

    /// Ends the waiting of a parked transaction, or of one that could not be ended for long.
    async fn resolve(&self, ctx: &Ctx, req: Resolve) -> Result<Decided, Fault>;
}

/// A branch to be finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToFinish {
    /// Which one.
    pub id: BranchId,
    /// For which tenant.
    pub tenant: TenantCode,
    /// How.
    pub kind: Kind,
    /// Where.
    pub cell: Cell,
    /// For a TCC branch: the action.
    pub action: String,
    /// For a TCC branch: what was said when it was registered.
    pub payload: String,
}

/// Branches of one resource to be finished the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// The resource: one process may serve several.
    pub resource: String,
    /// What was decided.
    pub decision: Decision,
    /// An operator accepts the rows as they are.
    pub accept: bool,
    /// The branches.
    pub branches: Vec<ToFinish>,
}

/// How finishing a branch went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is finished, now or before.
    Done,
    /// Not now; try again.
    Retry(String),
    /// Never: somebody has to look at it.
    Failed(String),
}

/// Whoever finishes branches of a resource. Any instance that serves the resource can.
#[rpc::service(name = "txn_participant")]
pub trait Participant: Send + Sync + 'static {
    /// Finishes branches; one outcome for each, in their sequence. May be asked any number of times.
    async fn finish(&self, ctx: &Ctx, req: Finish) -> Result<Vec<Outcome>, Fault>;
}
