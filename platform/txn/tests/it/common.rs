//! Three databases that take part, the coordinator's own, and nodes of it with small timers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures::FutureExt as _;
use kit::{ErrorCode, SharedClock, SystemClock};
use rpc::{Ctx, Fault, Xid};
use sea_query::{Expr, ExprTrait as _, Order, Query, UpdateStatement};
use shard::{Database, Migration, MigrationSet, Route, Schema, Tx};
use tasks::Tasks;
use testkit::{PATIENCE, TempShards, eventually, seeded_entropy, test_ctx};
use txn::api::{
    Coordinator, CoordinatorClient, Decide, Decided, Global, ListRequest, Register, Registered,
    Resolve, Shown,
};
use txn::{Attempt, Failpoints, Resource, Status, Table, Tc, Tcc, Txn, Value, Work};
use txn::{blob, boolean, coordinator, int, resource, text, transaction};

pub static ITEMS: Table = Table::new(
    "items",
    &[text("tenant"), int("id")],
    &[int("n"), text("s"), boolean("b"), blob("x"), int("u")],
);

const TABLES: MigrationSet = MigrationSet {
    name: "tables",
    common: &[
        Migration {
            version: 1,
            name: "items",
            sql: "CREATE TABLE items (
                tenant {text:32} NOT NULL, id BIGINT NOT NULL,
                n BIGINT, s TEXT, b BOOLEAN, x BLOB, u BIGINT,
                PRIMARY KEY (tenant, id));
                CREATE UNIQUE INDEX items_u ON items (u)",
        },
        Migration {
            version: 2,
            name: "stock",
            sql: "CREATE TABLE stock (
                id BIGINT NOT NULL PRIMARY KEY,
                free BIGINT NOT NULL, held BIGINT NOT NULL, sold BIGINT NOT NULL)",
        },
    ],
    cells: &[],
};

const SETS: &[MigrationSet] = &[TABLES, resource::MIGRATIONS];
pub const ALPHA: Schema = Schema { database: "alpha", sets: SETS, cell_tables: &[] };
pub const BETA: Schema = Schema { database: "beta", sets: SETS, cell_tables: &[] };
pub const GAMMA: Schema = Schema { database: "gamma", sets: SETS, cell_tables: &[] };

pub const TENANT: &str = "flora";

/// The databases.
pub struct World {
    pub shards: TempShards,
    pub txn: Database,
    pub alpha: Database,
    pub beta: Database,
    pub gamma: Database,
}

/// What a node is made with.
pub struct Setup {
    pub options: coordinator::Options,
    pub timeout: Duration,
    pub faults: Failpoints,
    pub resource: resource::Options,
    pub resource_faults: Failpoints,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: quick(),
            timeout: Duration::from_secs(20),
            faults: Failpoints::none(),
            resource: resource::Options::default(),
            resource_faults: Failpoints::none(),
        }
    }
}

/// Timers that a test can wait for.
pub fn quick() -> coordinator::Options {
    coordinator::Options {
        phase_two_within: Duration::from_secs(2),
        redrive: Duration::from_secs(2),
        retry_first: Duration::from_millis(40),
        retry_max: Duration::from_millis(200),
        tick: Duration::from_millis(40),
        lease: Duration::from_millis(600),
        keep: Duration::from_millis(200),
        ..coordinator::Options::default()
    }
}

/// One process: a coordinator, resources over all three databases, and something that begins transactions.
pub struct Node {
    pub tasks: Tasks,
    pub tc: Tc,
    pub txn: Txn,
    pub alpha: Resource,
    pub beta: Resource,
    pub gamma: Resource,
}

impl World {
    pub async fn new() -> Self {
        Self::at(Arc::new(SystemClock)).await
    }

    pub async fn at(clock: SharedClock) -> Self {
        Self::on(TempShards::with_clock(clock)).await
    }

    pub async fn on(shards: TempShards) -> Self {
        let txn = shards.single(coordinator::SCHEMA).await;
        let (alpha, beta) = (shards.single(ALPHA).await, shards.single(BETA).await);
        let gamma = shards.single(GAMMA).await;
        Self { shards, txn, alpha, beta, gamma }
    }

    pub async fn node(&self) -> Node {
        self.node_with(Setup::default()).await
    }

    pub async fn node_with(&self, setup: Setup) -> Node {
        self.node_over(setup, None).await
    }

    /// A node whose participants and transactions talk to another coordinator than its own.
    pub async fn node_over(&self, setup: Setup, other: Option<CoordinatorClient>) -> Node {
        let tasks = Tasks::new();
        let started =
            Tc::start(&tasks, self.txn.clone(), entropy(), setup.options, setup.faults).await;
        let tc = started.unwrap();
        let coordinator = other.unwrap_or_else(|| tc.client());
        let resource = |db: &Database| {
            let builder = Resource::builder(db.clone(), coordinator.clone())
                .tables([&ITEMS])
                .action("reserve", Stock)
                .options(setup.resource.clone())
                .faults(setup.resource_faults.clone());
            let resource = builder.build().unwrap();
            tc.join(resource.name(), resource.client());
            resource
        };
        let (alpha, beta) = (resource(&self.alpha), resource(&self.beta));
        let gamma = resource(&self.gamma);
        let options = transaction::Options {
            timeout: setup.timeout,
            decide_pause: Duration::from_millis(20),
            decide_tries: 100,
            ..transaction::Options::default()
        };
        let clock = Arc::clone(self.txn.clock());
        let txn = Txn::new(coordinator, clock, entropy(), options);
        Node { tasks, tc, txn, alpha, beta, gamma }
    }

    pub fn dbs(&self) -> [&Database; 3] {
        [&self.alpha, &self.beta, &self.gamma]
    }

    /// A row with a number, beside all transactions.
    pub async fn put(&self, db: &Database, id: i64, n: i64) {
        self.insert(db, id, [Some(n).into(), Value::Null, Value::Null, Value::Null, Value::Null])
            .await;
    }

    pub async fn insert(&self, db: &Database, id: i64, values: [Value; 5]) {
        let body = move |tx: Tx| {
            let values = values.clone();
            async move {
                let [n, s, b, x, u] = values;
                let insert = Query::insert()
                    .into_table("items")
                    .columns(["tenant", "id", "n", "s", "b", "x", "u"])
                    .values_panic([
                        TENANT.into(),
                        id.into(),
                        n.as_int().into(),
                        s.as_text().map(ToOwned::to_owned).into(),
                        match b {
                            Value::Bool(b) => Some(b),
                            _ => None,
                        }
                        .into(),
                        match x {
                            Value::Blob(x) => Some(x),
                            _ => None,
                        }
                        .into(),
                        u.as_int().into(),
                    ])
                    .to_owned();
                tx.exec(&insert).await.map(|_| ())
            }
        };
        db.tx(&ctx(), Route::Whole, body).await.unwrap();
    }

    /// Changes something beside all transactions, as somebody does who does not take part.
    pub async fn foreign(&self, db: &Database, update: UpdateStatement) {
        let body = move |tx: Tx| {
            let update = update.clone();
            async move { tx.exec(&update).await.map(|_| ()) }
        };
        db.tx(&ctx(), Route::Whole, body).await.unwrap();
    }

    /// No transaction, no lock and no undo is left, once the times of all are over.
    pub async fn no_residue(&self) {
        eventually(PATIENCE, || async { self.residue().await.is_empty() }).await;
    }

    /// Waits until the timer, whoever has it, has looked so many times.
    pub async fn timer_ticks(&self, n: usize) {
        let until = || async {
            let body = |tx: Tx| async move {
                let select = Query::select().column("until_at").from("txn_leases").to_owned();
                tx.one(&select).await?.map_or(Ok(0), |row| row.get::<i64>("until_at"))
            };
            self.txn.read::<_, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap()
        };
        for _ in 0..n {
            let before = until().await;
            eventually(PATIENCE, || async { until().await != before }).await;
        }
    }

    /// What is left, for a message.
    pub async fn residue(&self) -> BTreeMap<String, u64> {
        let mut left = BTreeMap::new();
        for table in ["txn_globals", "txn_locks"] {
            left.insert(table.to_owned(), count(&self.txn, table).await);
        }
        for db in self.dbs() {
            left.insert(format!("{}.undo", db.name()), undo_rows(db, 0).await);
        }
        left.retain(|_, n| *n > 0);
        left
    }
}

/// Changes one number.
pub fn set_n(id: i64, n: i64) -> UpdateStatement {
    Query::update().table("items").value("n", n).and_where(Expr::col("id").eq(id)).to_owned()
}

impl Node {
    /// The time now.
    pub fn tc_clock(&self) -> kit::Timestamp {
        kit::Clock::now(&SystemClock)
    }

    /// The process is gone in the middle of whatever it does.
    pub async fn kill(self) {
        self.tasks.shutdown(Duration::ZERO).await;
    }

    pub async fn stop(self) {
        self.tasks.shutdown(PATIENCE).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

pub fn ctx() -> Ctx {
    test_ctx(TENANT)
}

pub fn entropy() -> kit::SharedEntropy {
    static SEED: AtomicU64 = AtomicU64::new(1);
    seeded_entropy(SEED.fetch_add(1, Ordering::Relaxed))
}

pub fn add(id: i64, n: i64) -> Work {
    Work::new().update(&ITEMS, (TENANT, id), |r| r.add("n", n))
}

/// Runs work as a branch and nothing else.
pub async fn at(resource: &Resource, ctx: &Ctx, work: Work) -> Result<(), Fault> {
    resource.at(ctx, Route::Whole, work, |_, _| async { Ok::<_, Fault>(()) }).await
}

pub async fn count(db: &Database, table: &'static str) -> u64 {
    let body = move |tx: Tx| async move {
        let select = Query::select().expr_as(Expr::val(1_i64).count(), "n").from(table).to_owned();
        tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
    };
    db.read::<u64, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap()
}

/// Undo rows with a status: 0 normal, 1 guards, 2 rolled back.
pub async fn undo_rows(db: &Database, status: i64) -> u64 {
    let body = move |tx: Tx| async move {
        let select = Query::select()
            .expr_as(Expr::val(1_i64).count(), "n")
            .from("undo_log")
            .and_where(Expr::col("status").eq(status))
            .to_owned();
        tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
    };
    db.read::<u64, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap()
}

/// All items, every value of them.
pub async fn items(db: &Database) -> Vec<String> {
    let body = |tx: Tx| async move {
        let select = Query::select()
            .columns(["id", "n", "s", "b", "x", "u"])
            .from("items")
            .order_by("id", Order::Asc)
            .to_owned();
        let text = |r: &shard::Row| {
            Ok(format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                r.get::<i64>("id")?,
                r.get::<Option<i64>>("n")?,
                r.get::<Option<String>>("s")?,
                r.get::<Option<bool>>("b")?,
                r.get::<Option<Vec<u8>>>("x")?,
                r.get::<Option<i64>>("u")?,
            ))
        };
        tx.all(&select).await?.iter().map(text).collect::<Result<Vec<_>, Fault>>()
    };
    db.read(&ctx(), Route::Whole, body).await.unwrap()
}

/// The number of an item.
pub async fn n(db: &Database, id: i64) -> Option<i64> {
    let body = move |tx: Tx| async move {
        let select =
            Query::select().column("n").from("items").and_where(Expr::col("id").eq(id)).to_owned();
        tx.one(&select).await?.map_or(Ok(None), |row| row.get("n"))
    };
    db.read::<_, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap()
}

pub async fn status(node: &Node, xid: &Xid) -> Option<Status> {
    let all = node.tc.client().status(&ctx(), vec![xid.clone()]).await.unwrap();
    all[0].map(|decided| decided.status)
}

/// Waits until a transaction is in a status.
pub async fn until(node: &Node, xid: &Xid, wanted: Status) {
    eventually(PATIENCE, || async { status(node, xid).await == Some(wanted) }).await;
}

/// Waits until a transaction has ended in a status, and may be forgotten by now.
pub async fn until_over(node: &Node, xid: &Xid, wanted: Status) {
    let is_over = |stands: Option<Status>| stands.is_none_or(|stands| stands == wanted);
    eventually(PATIENCE, || async { is_over(status(node, xid).await) }).await;
}

pub fn refused(why: &str) -> Fault {
    Fault::new(ErrorCode::Conflict, why)
}

/// Fails everything from the `nth` hit of a point on, as a process that has died there.
pub fn crash_at(point: &'static str, nth: usize) -> (Failpoints, Arc<AtomicBool>) {
    let (dead, hits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let is_dead = Arc::clone(&dead);
    let faults = Failpoints::from_fn(move |at| {
        if at == point && hits.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            dead.store(true, Ordering::SeqCst);
        }
        let result = if dead.load(Ordering::SeqCst) {
            Err(Fault::new(ErrorCode::Unavailable, "this process is dead"))
        } else {
            Ok(())
        };
        async move { result }.boxed()
    });
    (faults, is_dead)
}

/// Counts who comes to a point.
pub fn counting(point: &'static str) -> (Failpoints, Arc<AtomicUsize>) {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let faults = Failpoints::from_fn(move |at| {
        if at == point {
            count.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok(()) }.boxed()
    });
    (faults, hits)
}

/// Stops whoever comes to a point until the gate is opened, and counts them.
#[derive(Clone)]
pub struct Gate {
    open: Arc<tokio::sync::Semaphore>,
    pub waiting: Arc<AtomicUsize>,
}

impl Gate {
    pub fn at(point: &'static str) -> (Self, Failpoints) {
        let gate = Self {
            open: Arc::new(tokio::sync::Semaphore::new(0)),
            waiting: Arc::new(AtomicUsize::new(0)),
        };
        let inner = gate.clone();
        let faults = Failpoints::from_fn(move |at| {
            let gate = inner.clone();
            async move {
                if at == point {
                    gate.waiting.fetch_add(1, Ordering::SeqCst);
                    gate.open.acquire().await.unwrap().forget();
                }
                Ok(())
            }
            .boxed()
        });
        (gate, faults)
    }

    pub fn open(&self, n: usize) {
        self.open.add_permits(n);
    }

    pub async fn reached(&self, n: usize) {
        eventually(PATIENCE, || async { self.waiting.load(Ordering::SeqCst) >= n }).await;
    }
}

/// A coordinator that can be replaced while others hold it, as an address can be that leads to several.
#[derive(Clone, Default)]
pub struct Switch(Arc<RwLock<Option<CoordinatorClient>>>);

impl Switch {
    pub fn to(&self, coordinator: Option<CoordinatorClient>) {
        *self.0.write().unwrap() = coordinator;
    }

    pub fn client(&self) -> CoordinatorClient {
        CoordinatorClient::local(self.clone())
    }

    fn now(&self) -> Result<CoordinatorClient, Fault> {
        let away = || Fault::new(ErrorCode::Unavailable, "no coordinator answers");
        self.0.read().unwrap().clone().ok_or_else(away)
    }
}

#[rpc::async_trait]
impl Coordinator for Switch {
    async fn register(&self, ctx: &Ctx, req: Register) -> Result<Registered, Fault> {
        self.now()?.register(ctx, req).await
    }
    async fn decide(&self, ctx: &Ctx, req: Decide) -> Result<Decided, Fault> {
        self.now()?.decide(ctx, req).await
    }
    async fn status(&self, ctx: &Ctx, req: Vec<Xid>) -> Result<Vec<Option<Decided>>, Fault> {
        self.now()?.status(ctx, req).await
    }
    async fn list(&self, ctx: &Ctx, req: ListRequest) -> Result<Vec<Global>, Fault> {
        self.now()?.list(ctx, req).await
    }
    async fn show(&self, ctx: &Ctx, req: Xid) -> Result<Shown, Fault> {
        self.now()?.show(ctx, req).await
    }
    async fn resolve(&self, ctx: &Ctx, req: Resolve) -> Result<Decided, Fault> {
        self.now()?.resolve(ctx, req).await
    }
}

/// Sets pieces aside, sells them or gives them back. The payload is `id n`.
pub struct Stock;

fn pieces(attempt: &Attempt) -> (i64, i64) {
    let (id, n) = attempt.payload.split_once(' ').unwrap();
    (id.parse().unwrap(), n.parse().unwrap())
}

fn moving(id: i64, from: &'static str, to: &'static str, n: i64) -> UpdateStatement {
    Query::update()
        .table("stock")
        .value(from, Expr::col(from).sub(n))
        .value(to, Expr::col(to).add(n))
        .and_where(Expr::col("id").eq(id))
        .and_where(Expr::col(from).gte(n))
        .to_owned()
}

#[rpc::async_trait]
impl Tcc for Stock {
    async fn confirm(&self, tx: &Tx, attempt: &Attempt) -> Result<(), Fault> {
        let (id, n) = pieces(attempt);
        assert_eq!(tx.exec(&moving(id, "held", "sold", n)).await?, 1);
        Ok(())
    }

    async fn cancel(&self, tx: &Tx, attempt: &Attempt) -> Result<(), Fault> {
        let (id, n) = pieces(attempt);
        assert_eq!(tx.exec(&moving(id, "held", "free", n)).await?, 1);
        Ok(())
    }
}

/// The try: refused when there are not enough.
pub async fn reserve(resource: &Resource, ctx: &Ctx, id: i64, n: i64) -> Result<(), Fault> {
    let payload = format!("{id} {n}");
    let body = move |tx: Tx, _| async move {
        match tx.exec(&moving(id, "free", "held", n)).await? {
            1 => Ok(()),
            _ => Err(refused("sold out")),
        }
    };
    resource.attempt(ctx, Route::Whole, "reserve", payload, body).await
}

pub async fn stock(db: &Database, id: i64, free: i64) {
    let body = move |tx: Tx| async move {
        let insert = Query::insert()
            .into_table("stock")
            .columns(["id", "free", "held", "sold"])
            .values_panic([id.into(), free.into(), 0_i64.into(), 0_i64.into()])
            .to_owned();
        tx.exec(&insert).await.map(|_| ())
    };
    db.tx::<_, Fault, _, _>(&ctx(), Route::Whole, body).await.unwrap();
}

/// Free, held and sold.
pub async fn stock_of(db: &Database, id: i64) -> (i64, i64, i64) {
    let body = move |tx: Tx| async move {
        let select = Query::select()
            .columns(["free", "held", "sold"])
            .from("stock")
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        let row = tx.one(&select).await?.ok_or_else(|| Fault::not_found("the stock"))?;
        Ok::<_, Fault>((row.get("free")?, row.get("held")?, row.get("sold")?))
    };
    db.read(&ctx(), Route::Whole, body).await.unwrap()
}
