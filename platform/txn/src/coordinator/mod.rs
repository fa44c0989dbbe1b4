//! The coordinator. Its state is its database; any number of instances may run over it at once, and one that dies is
//! missed by nobody. What one keeps in memory (who waits for a lock, whom to tell of a commit) makes it fast, and is
//! found in the database again when it is lost. SQL is in `store`.

mod commits;
mod decide;
mod drive;
mod line;
mod marks;
mod options;
mod recover;
mod register;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kit::{SharedEntropy, TenantCode};
use rpc::{Ctx, Fault, TraceId, Xid};
use shard::{Database, Engine, Migration, MigrationSet, Route, Schema};
use tasks::{TaskKind, Tasks};

use crate::api::{
    Coordinator, CoordinatorClient, Decide, Decided, Global, ListRequest, ParticipantClient,
    Register, Registered, Resolve, Shown,
};
use crate::faults::Failpoints;
use crate::store::{globals, locks};

pub use options::Options;

/// The tables of the coordinator.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "txn",
    common: &[Migration {
        version: 1,
        name: "coordinator",
        sql: include_str!("../../migrations/coordinator_0001.sql"),
    }],
    cells: &[],
};

/// The coordinator's own logical database.
pub const SCHEMA: Schema = Schema { database: "txn", sets: &[MIGRATIONS], cell_tables: &[] };

const LEAVING: TaskKind = TaskKind::new("txn.leaving").finishing();
/// Locks that are shown of one transaction.
const SHOWN_LOCKS_MAX: u64 = 1_000;
/// Transactions in one list.
const LISTED_MAX: u32 = 100;

/// An instance of the coordinator. Cheap to clone.
#[derive(Clone)]
pub struct Tc(Arc<Inner>);

struct Inner {
    db: Database,
    /// The engine tells the truth about how many rows an insert has inserted.
    counts_rows: bool,
    entropy: SharedEntropy,
    options: Options,
    faults: Failpoints,
    tasks: Tasks,
    platform: TenantCode,
    /// Names this instance in leases.
    owner: String,
    participants: RwLock<BTreeMap<String, ParticipantClient>>,
    lines: line::Lines,
    /// Transactions that this instance has seen begin, to guess right which statement comes first.
    begun: marks::Marks,
    commits: commits::Queues,
    rollbacks: drive::Rollbacks,
}

impl Tc {
    /// Starts an instance over the database of [`SCHEMA`]. What other instances have left undone is taken up once
    /// their participants have joined.
    ///
    /// # Errors
    /// When the options contradict one another, or there is no randomness.
    pub async fn start(
        tasks: &Tasks,
        db: Database,
        entropy: SharedEntropy,
        options: Options,
        faults: Failpoints,
    ) -> Result<Self, Fault> {
        options.validate()?;
        let counts_rows = db.backend().await.engine() != Engine::Mysql;
        let owner = format!("{:016x}", entropy.next_u64().map_err(Fault::internal)?);
        let platform = "platform".parse().map_err(Fault::internal)?;
        let (commits, finished) = commits::Queues::new(&options);
        let rollbacks = drive::Rollbacks::new(&options);
        let inner = Arc::new(Inner {
            db,
            counts_rows,
            entropy,
            options,
            faults,
            tasks: tasks.clone(),
            platform,
            owner,
            participants: RwLock::default(),
            lines: line::Lines::default(),
            begun: marks::Marks::default(),
            commits,
            rollbacks,
        });
        commits::start(&inner, finished);
        recover::start(&inner);
        let leaving = Arc::clone(&inner);
        tasks.spawn(LEAVING, async move {
            leaving.tasks.cancelled().await;
            // They hold us as we hold them: whoever stops lets go, or nobody ever closes a database.
            leaving.participants.write().unwrap_or_else(PoisonError::into_inner).clear();
            Ok::<_, Fault>(())
        });
        Ok(Self(inner))
    }

    /// Names who finishes the branches of a resource. A later one takes the place of an earlier.
    pub fn join(&self, resource: impl Into<String>, participant: ParticipantClient) {
        let mut all = self.0.participants.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(resource.into(), participant);
    }

    /// A handle for participants and for whoever begins transactions.
    #[must_use]
    pub fn client(&self) -> CoordinatorClient {
        CoordinatorClient::local(self.clone())
    }
}

impl std::fmt::Debug for Tc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tc({})", self.0.owner)
    }
}

impl Inner {
    fn participant(&self, resource: &str) -> Option<ParticipantClient> {
        let all = self.participants.read().unwrap_or_else(PoisonError::into_inner);
        all.get(resource).cloned()
    }

    /// For what the coordinator does on its own.
    fn ctx(&self) -> Ctx {
        self.ctx_within(self.options.phase_two_within)
    }

    fn ctx_within(&self, within: Duration) -> Ctx {
        let trace = TraceId::from_random(1, 1);
        Ctx::system(self.platform.clone(), "txn.coordinator", within, trace)
    }

    /// Without randomness nothing is jittered; that must not stop the coordinator.
    fn random(&self) -> u64 {
        self.entropy.next_u64().unwrap_or_default()
    }
}

impl From<globals::Row> for Global {
    fn from(row: globals::Row) -> Self {
        let begun_at = row.begun();
        Self {
            xid: row.xid,
            status: row.status,
            timed_out: row.timed_out,
            tenant: row.tenant,
            request_id: row.request_id,
            branches: row.branches,
            attempts: row.attempts,
            begun_at,
            deadline: row.deadline,
            changed_at: row.changed_at,
            note: row.note,
        }
    }
}

#[rpc::async_trait]
impl Coordinator for Tc {
    async fn register(&self, ctx: &Ctx, req: Register) -> Result<Registered, Fault> {
        register::register(&self.0, ctx, req).await
    }

    async fn decide(&self, ctx: &Ctx, req: Decide) -> Result<Decided, Fault> {
        decide::decide(&self.0, ctx, req).await
    }

    async fn status(&self, ctx: &Ctx, req: Vec<Xid>) -> Result<Vec<Option<Decided>>, Fault> {
        if req.is_empty() {
            return Ok(Vec::new());
        }
        let xids = Arc::new(req);
        let asked = Arc::clone(&xids);
        let body = move |tx| {
            let xids = Arc::clone(&asked);
            async move { globals::standing(&tx, &xids).await }
        };
        let found = self.0.db.read_one(ctx, Route::Whole, body).await?;
        let standing = |xid: &Xid| {
            let (_, status, timed_out) = found.iter().find(|(found, ..)| found == xid)?;
            Some(Decided { status: *status, timed_out: *timed_out })
        };
        Ok(xids.iter().map(standing).collect())
    }

    async fn list(&self, ctx: &Ctx, req: ListRequest) -> Result<Vec<Global>, Fault> {
        let req = Arc::new(req);
        let body = move |tx| {
            let req = Arc::clone(&req);
            let limit = if req.limit == 0 { LISTED_MAX } else { req.limit.min(LISTED_MAX) };
            async move { globals::list(&tx, &req.statuses, req.after.as_ref(), limit.into()).await }
        };
        let rows = self.0.db.read_one(ctx, Route::Whole, body).await?;
        Ok(rows.into_iter().map(Global::from).collect())
    }

    async fn show(&self, ctx: &Ctx, req: Xid) -> Result<Shown, Fault> {
        let body = move |tx| {
            let xid = req.clone();
            async move {
                let row = globals::find(&tx, &xid).await?;
                let global = row.ok_or_else(|| Fault::not_found("this transaction"))?.into();
                let locks = locks::texts(&tx, &xid, SHOWN_LOCKS_MAX).await?;
                Ok(Shown { global, locks })
            }
        };
        self.0.db.read(ctx, Route::Whole, body).await
    }

    async fn resolve(&self, ctx: &Ctx, req: Resolve) -> Result<Decided, Fault> {
        decide::resolve(&self.0, ctx, req).await
    }
}
