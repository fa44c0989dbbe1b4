//! A logical database that takes part in transactions: runs branches in it, and finishes them when the coordinator
//! says how. Any process that has the database open can finish what another has begun. SQL is in `store`.

mod at;
mod reap;
mod rollback;
mod tcc;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use kit::ErrorCode;
use rpc::{Ctx, Fault, Xid};
use shard::{Database, Migration, MigrationSet, Route, Tx};
use tokio::time::Instant;

use crate::api::{
    CoordinatorClient, Decide, Finish, NewBranch, Outcome, Participant, ParticipantClient,
    Register, ToFinish,
};
use crate::faults::Failpoints;
use crate::model::{BranchId, Cell, Decision, Kind};
use crate::store::undo;
use crate::table::Table;

pub use at::Seen;
pub use reap::Reaped;
pub use tcc::{Attempt, Tcc};

/// The tables of a database that takes part; put the set into its schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "txn_resource",
    common: &[Migration {
        version: 1,
        name: "undo_and_fence",
        sql: include_str!("../../migrations/resource_0001.sql"),
    }],
    cells: &[],
};

/// Rows of this database that belong to a transaction and wait for its decision, such as messages: they are released
/// or dropped in the transaction that ends its branch.
#[async_trait]
pub trait Attached: Send + Sync + 'static {
    /// These transactions have committed. May be called again.
    async fn committed(&self, tx: &Tx, xids: &[Xid]) -> Result<(), Fault>;

    /// This transaction is rolled back. May be called again.
    async fn rolled_back(&self, tx: &Tx, xid: &Xid) -> Result<(), Fault>;
}

/// Options of a resource.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a branch waits for locks at most.
    pub lock_wait: Duration,
    /// The longest that the local transaction of a branch may take.
    pub local_max: Duration,
    /// The longest timeout of any transaction, as the coordinator has it.
    pub timeout_max: Duration,
    /// How long after the beginning of its transaction a mark against a late branch is kept.
    pub keep_marks: Duration,
    /// The most bytes of the images of one branch.
    pub undo_max: usize,
    /// TCC branches that are finished at a time.
    pub concurrency: usize,
    /// How often the reaper looks.
    pub reap_every: Duration,
    /// How old undo is when the reaper asks the coordinator about it: by then somebody should have ended it.
    pub reap_after: Duration,
    /// How old undo is of which the coordinator knows nothing any more when it is deleted.
    pub keep_unknown: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(3),
            local_max: Duration::from_secs(10),
            timeout_max: Duration::from_secs(60),
            keep_marks: Duration::from_secs(600),
            undo_max: 256 * 1024,
            concurrency: 16,
            reap_every: Duration::from_secs(60),
            reap_after: Duration::from_secs(300),
            keep_unknown: Duration::from_secs(7 * 24 * 3_600),
        }
    }
}

impl Options {
    /// A mark that is gone while the branch that it is against may still commit would be worth nothing. Servers stop a
    /// statement after twice its time and a commit may take a little longer; four times is more than all of it.
    fn validate(&self) -> Result<(), Fault> {
        let hanging = self.timeout_max + self.local_max * 4;
        if self.keep_marks <= hanging {
            return Err(Fault::bug(format!(
                "marks of rolled back branches are kept for {:?}, but a branch may hang for {hanging:?}",
                self.keep_marks
            )));
        }
        if self.reap_after <= hanging {
            return Err(Fault::bug("the reaper must leave alone what may still be running"));
        }
        if self.undo_max == 0 || self.concurrency == 0 {
            return Err(Fault::bug("a resource's limits must be at least 1"));
        }
        Ok(())
    }
}

/// A logical database that takes part. Cheap to clone.
#[derive(Clone)]
pub struct Resource(Arc<Inner>);

struct Inner {
    db: Database,
    coordinator: CoordinatorClient,
    tables: Vec<&'static Table>,
    actions: BTreeMap<&'static str, Arc<dyn Tcc>>,
    attached: Vec<Arc<dyn Attached>>,
    options: Options,
    faults: Failpoints,
}

/// What a resource is made of.
pub struct Builder(Inner);

impl Builder {
    /// The tables whose rows may be changed in AT branches.
    #[must_use]
    pub fn tables(mut self, tables: impl IntoIterator<Item = &'static Table>) -> Self {
        self.0.tables.extend(tables);
        self
    }

    /// An action of TCC branches.
    #[must_use]
    pub fn action(mut self, name: &'static str, tcc: impl Tcc) -> Self {
        self.0.actions.insert(name, Arc::new(tcc));
        self
    }

    /// Rows that wait for the decision.
    #[must_use]
    pub fn attached(mut self, attached: impl Attached) -> Self {
        self.0.attached.push(Arc::new(attached));
        self
    }

    /// Other options.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.0.options = options;
        self
    }

    /// What happens at its points.
    #[must_use]
    pub fn faults(mut self, faults: Failpoints) -> Self {
        self.0.faults = faults;
        self
    }

    /// The resource.
    ///
    /// # Errors
    /// When the options contradict one another.
    pub fn build(self) -> Result<Resource, Fault> {
        self.0.options.validate()?;
        Ok(Resource(Arc::new(self.0)))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({})", self.0.db.name())
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resource({})", self.name())
    }
}

impl Resource {
    /// A resource over a database whose schema has [`MIGRATIONS`].
    #[must_use]
    pub fn builder(db: Database, coordinator: CoordinatorClient) -> Builder {
        Builder(Inner {
            db,
            coordinator,
            tables: Vec::new(),
            actions: BTreeMap::new(),
            attached: Vec::new(),
            options: Options::default(),
            faults: Failpoints::none(),
        })
    }

    /// Its name to the coordinator: that of its logical database.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.db.name()
    }

    /// A handle for the coordinator.
    #[must_use]
    pub fn client(&self) -> ParticipantClient {
        ParticipantClient::local(self.clone())
    }

    /// Releases what committed transactions have left here, in one transaction for each logical database.
    async fn commit_at(&self, ctx: &Ctx, branches: &[ToFinish]) -> Vec<Outcome> {
        let mut by_db: BTreeMap<u8, (Cell, Vec<Xid>)> = BTreeMap::new();
        for branch in branches {
            let (_, xids) = by_db.entry(branch.cell.db).or_insert((branch.cell, Vec::new()));
            xids.push(branch.id.xid());
        }
        let mut failed: BTreeMap<u8, String> = BTreeMap::new();
        for (db, (cell, mut xids)) in by_db {
            // in the sequence of the key, as everybody locks rows of one table
            xids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            xids.dedup();
            let released = async {
                self.open_cell(ctx, cell).await?;
                self.release(ctx, db, xids).await
            };
            if let Err(fault) = released.await {
                failed.insert(db, format!("{fault:?}"));
            }
        }
        let outcome = |b: &ToFinish| match failed.get(&b.cell.db) {
            None => Outcome::Done,
            Some(why) => Outcome::Retry(why.clone()),
        };
        branches.iter().map(outcome).collect()
    }

    async fn release(&self, ctx: &Ctx, db: u8, xids: Vec<Xid>) -> Result<(), Fault> {
        let (resource, xids) = (self.clone(), Arc::new(xids));
        if resource.0.attached.is_empty() {
            let body = move |tx: Tx| {
                let xids = Arc::clone(&xids);
                async move { undo::delete_committed(&tx, &xids).await.map(|_| ()) }
            };
            return self.0.db.tx_one(ctx, Route::Db(db), body).await;
        }
        let body = move |tx: Tx| {
            let (resource, xids) = (resource.clone(), Arc::clone(&xids));
            async move {
                for attached in &resource.0.attached {
                    attached.committed(&tx, &xids).await?;
                }
                undo::delete_committed(&tx, &xids).await.map(|_| ())
            }
        };
        self.0.db.tx(ctx, Route::Db(db), body).await
    }
}

#[rpc::async_trait]
impl Participant for Resource {
    async fn finish(&self, ctx: &Ctx, req: Finish) -> Result<Vec<Outcome>, Fault> {
        if req.resource != self.name() {
            return Err(nobody_serves(&req.resource));
        }
        self.0.faults.hit("finish.before").await?;
        let is_commit = req.decision == Decision::Commit;
        let at_only = req.branches.iter().all(|b| b.kind == Kind::At);
        let outcomes = if is_commit && at_only {
            self.commit_at(ctx, &req.branches).await
        } else {
            let mut outcomes = Vec::with_capacity(req.branches.len());
            for some in req.branches.chunks(self.0.options.concurrency) {
                let each = some.iter().map(|branch| self.finish_one(ctx, &req, branch));
                outcomes.extend(join_all(each).await);
            }
            outcomes
        };
        self.0.faults.hit("finish.after").await?;
        Ok(outcomes)
    }
}

impl Resource {
    async fn finish_one(&self, ctx: &Ctx, req: &Finish, branch: &ToFinish) -> Outcome {
        match (branch.kind, req.decision) {
            (Kind::At, Decision::Commit) => {
                let one = std::slice::from_ref(branch);
                let outcome = self.commit_at(ctx, one).await.pop();
                outcome.unwrap_or_else(|| Outcome::Retry("nothing was done".to_owned()))
            }
            (Kind::At, Decision::Rollback) => self.undo(ctx, branch, req.accept).await,
            (Kind::Tcc, decision) => self.end_attempt(ctx, branch, decision, req.accept).await,
        }
    }
}

/// The resources of one process, as one participant: what a process serves to a coordinator in another.
#[derive(Debug, Clone, Default)]
pub struct Resources(Vec<Resource>);

impl Resources {
    /// These.
    #[must_use]
    pub fn new(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self(resources.into_iter().collect())
    }
}

#[rpc::async_trait]
impl Participant for Resources {
    async fn finish(&self, ctx: &Ctx, req: Finish) -> Result<Vec<Outcome>, Fault> {
        match self.0.iter().find(|r| r.name() == req.resource) {
            Some(resource) => resource.finish(ctx, req).await,
            None => Err(nobody_serves(&req.resource)),
        }
    }
}

fn nobody_serves(resource: &str) -> Fault {
    Fault::new(ErrorCode::Unavailable, format!("nobody here serves {resource}"))
}

/// The longest that a branch which has failed waits for its transaction to be taken back.
const GIVE_UP_WITHIN: Duration = Duration::from_secs(5);

impl Resource {
    /// Where a branch works. In a database that is not sharded there is one place, whatever its route says.
    fn cell_of(&self, route: Route) -> Cell {
        Cell::from(if self.0.db.is_sharded() { route } else { Route::Whole })
    }

    /// Opens a cell that another process has made since this one has looked. One that is nowhere is told by the
    /// transaction that follows.
    async fn open_cell(&self, ctx: &Ctx, cell: Cell) -> Result<(), Fault> {
        if let Route::Place(place) = Route::from(cell) {
            self.0.db.find_cell(ctx, place).await?;
        }
        Ok(())
    }

    /// Registers a branch.
    async fn enlist(&self, ctx: &Ctx, xid: &Xid, branch: NewBranch) -> Result<BranchId, Fault> {
        let wait = self.0.options.lock_wait;
        let register =
            Register { xid: xid.clone(), branches: vec![branch], wait, holds_rows: false };
        match self.0.coordinator.register(ctx, register).await {
            Ok(registered) => {
                let seq = registered.seqs.first();
                let seq = *seq.ok_or_else(|| Fault::bug("a branch without number"))?;
                Ok(BranchId::new(xid, seq))
            }
            // refused, and nothing is registered
            Err(fault) if fault.code == ErrorCode::Conflict => Err(fault),
            Err(fault) => {
                self.give_up(ctx, xid).await;
                Err(fault)
            }
        }
    }

    /// A branch that is registered and has failed takes its transaction back, also when its caller goes on as if
    /// nothing were: nobody could finish such a branch as committed, and one of which only the answer was lost would
    /// commit after its locks are free.
    async fn give_up(&self, ctx: &Ctx, xid: &Xid) {
        let deadline = Instant::now() + GIVE_UP_WITHIN;
        let ctx = Ctx { deadline, xid: None, ..ctx.clone() };
        let decide = Decide { xid: xid.clone(), decision: Decision::Rollback };
        if let Err(fault) = self.0.coordinator.decide(&ctx, decide).await {
            tracing::warn!(xid = xid.0, error = ?fault, "the rollback for a failed branch was not heard");
        }
    }
}

/// The transaction that a call takes part in.
fn xid_of(ctx: &Ctx) -> Result<Xid, Fault> {
    let missing = || {
        Fault::new(ErrorCode::Internal, "something went wrong on our side").because(NoTransaction)
    };
    ctx.xid.clone().ok_or_else(missing)
}

#[derive(Debug, thiserror::Error)]
#[error("a branch runs inside of `Txn::run`, with the context that it hands out")]
struct NoTransaction;

/// Whether a failure may be gone the next time.
fn outcome_of(fault: &Fault) -> Outcome {
    Outcome::Retry(format!("{fault:?}"))
}
