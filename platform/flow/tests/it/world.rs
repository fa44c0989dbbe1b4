//! A small owner for the execution tests: things in a sharded database, pinned to a flow version, moved
//! only through the flow crate.

use std::sync::Arc;

use flow::{
    Applied, Ask, CheckedFlow, Entity, Error, Fired, FlowKind, HistoryRow, Runner, Tables,
    TriggerDue,
};
use kit::{Id, Place, TenantCode, Timestamp};
use outbox::Outbox;
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Query};
use serde_json::{Value, json};
use shard::{Database, Migration, MigrationSet, Route, Schema, Tx};
use testkit::TempShards;

pub const TABLES: Tables = Tables { entity: "things", history: "thing_history" };

const THINGS: MigrationSet = MigrationSet {
    name: "things",
    common: &[],
    cells: &[
        Migration {
            version: 1,
            name: "things",
            sql: "CREATE TABLE things_{t} (
                tenant {text:32} NOT NULL, id BIGINT NOT NULL, status TEXT NOT NULL, version BIGINT NOT NULL,
                updated_at BIGINT NOT NULL, flow_version BIGINT NOT NULL, amount BIGINT NOT NULL,
                PRIMARY KEY (tenant, id))",
        },
        Migration { version: 2, name: "history", sql: flow::history_table!("thing_history_{t}") },
    ],
};

pub const SCHEMA: Schema = Schema {
    database: "things",
    sets: &[outbox::MIGRATIONS, THINGS],
    cell_tables: &["things", "thing_history"],
};

/// The things' database, their outbox and the runner.
#[derive(Clone)]
pub struct World {
    pub db: Database,
    pub runner: Runner,
}

impl World {
    pub async fn new(shards: &TempShards) -> Self {
        let db = shards.sharded(SCHEMA, &[PLACE]).await;
        let runner = Runner::new(Outbox::new(db.clone()), TABLES, "thing");
        Self { db, runner }
    }
}

pub const PLACE: Place = Place { db: 3, table: 5 };

/// An id at [`PLACE`].
pub fn id(n: u8) -> Id {
    Id::compose(testkit::BEGIN.millis(), PLACE, 1, n).unwrap()
}

pub fn kind() -> FlowKind {
    FlowKind::new("thing")
        .role("worker")
        .action("stamp", flow::ActionKind::Local)
        .action("call", flow::ActionKind::Command)
        .event("thing.moved")
        .event("thing.done")
        .sample(json!({"thing": {"amount": 0}}))
}

pub fn flow_of(document: &Value) -> Arc<CheckedFlow> {
    let flow = flow::validate(&kind(), &document.to_string());
    Arc::new(flow.unwrap_or_else(|problems| panic!("{problems:#?}")))
}

/// A thing as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub status: String,
    pub version: i64,
    pub flow_version: u32,
    pub amount: i64,
}

impl Thing {
    pub fn variables(&self) -> Value {
        json!({"thing": {"amount": self.amount}})
    }
}

pub async fn load(tx: &Tx, tenant: &TenantCode, id: Id) -> Result<Thing, Fault> {
    let select = Query::select()
        .columns(["status", "version", "flow_version", "amount"])
        .from(tx.table("things")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    let row = tx.one(&select).await?.ok_or_else(|| Fault::not_found("the thing"))?;
    Ok(Thing {
        status: row.get("status")?,
        version: row.get("version")?,
        flow_version: row.get("flow_version")?,
        amount: row.get("amount")?,
    })
}

pub async fn thing(world: &World, ctx: &Ctx, id: Id) -> Thing {
    let tenant = ctx.tenant.clone();
    let read = move |tx: Tx| {
        let tenant = tenant.clone();
        async move { load(&tx, &tenant, id).await }
    };
    world.db.read::<_, Fault, _, _>(ctx, Route::Place(id.place()), read).await.unwrap()
}

pub async fn history(world: &World, ctx: &Ctx, id: Id) -> Vec<HistoryRow> {
    let tenant = ctx.tenant.clone();
    let read = move |tx: Tx| {
        let tenant = tenant.clone();
        async move { flow::history(&tx, TABLES, &tenant, id, 1_000).await }
    };
    world.db.read::<_, Fault, _, _>(ctx, Route::Place(id.place()), read).await.unwrap()
}

pub async fn create(
    world: &World,
    ctx: &Ctx,
    flow: &Arc<CheckedFlow>,
    id: Id,
) -> Result<(), Fault> {
    let (runner, ctx2, flow) = (world.runner.clone(), ctx.clone(), Arc::clone(flow));
    let body = move |tx: Tx| {
        let (runner, ctx, flow) = (runner.clone(), ctx2.clone(), Arc::clone(&flow));
        async move {
            let insert = Query::insert()
                .into_table(tx.table("things")?)
                .columns([
                    "tenant",
                    "id",
                    "status",
                    "version",
                    "updated_at",
                    "flow_version",
                    "amount",
                ])
                .values_panic([
                    ctx.tenant.as_str().into(),
                    id.get().into(),
                    flow.init_status().into(),
                    1_i64.into(),
                    tx.now().micros().into(),
                    i64::from(flow.version()).into(),
                    0_i64.into(),
                ])
                .to_owned();
            tx.exec(&insert).await?;
            let entity =
                Entity { id, status: flow.init_status(), version: 1, variables: &Value::Null };
            let ask = ask_of("create", flow::execute::BEGIN);
            runner.begin(&tx, &ctx, &flow, entity, ask).await
        }
    };
    world.db.tx(ctx, Route::Place(id.place()), body).await
}

pub fn ask_of<'a>(request_id: &'a str, operation: &'a str) -> Ask<'a> {
    Ask { operation, role: "worker", request_id, note: &Value::Null, data: &Value::Null }
}

/// What happens after the flow crate has done its part, before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Commit,
    Fail,
    Panic,
}

/// Loads, decides and executes in one transaction, as an owner does.
pub async fn operate(
    world: &World,
    ctx: &Ctx,
    flow: &Arc<CheckedFlow>,
    id: Id,
    (request_id, operation): (&str, &str),
    then: Then,
) -> Result<Applied, Error> {
    let (runner, ctx2, flow) = (world.runner.clone(), ctx.clone(), Arc::clone(flow));
    let (request_id, operation) = (request_id.to_owned(), operation.to_owned());
    let body = move |tx: Tx| {
        let (runner, ctx, flow) = (runner.clone(), ctx2.clone(), Arc::clone(&flow));
        let (request_id, operation) = (request_id.clone(), operation.clone());
        async move {
            let thing = load(&tx, &ctx.tenant, id).await?;
            let variables = thing.variables();
            let entity = entity(id, &thing, &variables);
            let ask = ask_of(&request_id, &operation);
            let applied = runner.operate(&tx, &ctx, &flow, entity, ask).await?;
            match then {
                Then::Commit => Ok(applied),
                Then::Fail => Err(Fault::bug("the owner fails after the move").into()),
                Then::Panic => panic!("the owner panics after the move"),
            }
        }
    };
    world.db.tx(ctx, Route::Place(id.place()), body).await
}

pub fn entity<'a>(id: Id, thing: &'a Thing, variables: &'a Value) -> Entity<'a> {
    Entity { id, status: &thing.status, version: thing.version, variables }
}

/// Executes an operation on the thing as it was read before this transaction.
pub async fn operate_stale(
    world: &World,
    ctx: &Ctx,
    flow: &Arc<CheckedFlow>,
    id: Id,
    was: Thing,
    (request_id, operation): (&str, &str),
) -> Result<Applied, Error> {
    let decision = flow.decide(&was.status, operation, "worker", &was.variables())?;
    let (runner, ctx2, flow) = (world.runner.clone(), ctx.clone(), Arc::clone(flow));
    let (request_id, operation) = (request_id.to_owned(), operation.to_owned());
    let body = move |tx: Tx| {
        let (runner, ctx, flow, was, decision) =
            (runner.clone(), ctx2.clone(), Arc::clone(&flow), was.clone(), decision.clone());
        let (request_id, operation) = (request_id.clone(), operation.clone());
        async move {
            let ask = ask_of(&request_id, &operation);
            runner
                .execute(&tx, &ctx, &flow, entity(id, &was, &was.variables()), &decision, ask)
                .await
        }
    };
    world.db.tx(ctx, Route::Place(id.place()), body).await
}

/// Fires a due trigger, as an owner's consumer does.
pub async fn fire(
    world: &World,
    ctx: &Ctx,
    flow: &Arc<CheckedFlow>,
    due: &TriggerDue,
) -> Result<Fired, Error> {
    let (runner, ctx2, flow, due) =
        (world.runner.clone(), ctx.clone(), Arc::clone(flow), due.clone());
    let route = Route::Place(due.entity_id.place());
    let body = move |tx: Tx| {
        let (runner, ctx, flow, due) =
            (runner.clone(), ctx2.clone(), Arc::clone(&flow), due.clone());
        async move {
            let thing = load(&tx, &ctx.tenant, due.entity_id).await?;
            let variables = thing.variables();
            let entity = entity(due.entity_id, &thing, &variables);
            runner.fire(&tx, &ctx, &flow, entity, &due, &Value::Null).await
        }
    };
    world.db.tx(ctx, route, body).await
}

/// Changes a thing without moving it, as an owner may.
pub async fn set_amount(world: &World, ctx: &Ctx, id: Id, amount: i64) {
    let tenant = ctx.tenant.clone();
    let body = move |tx: Tx| {
        let tenant = tenant.clone();
        async move {
            let update = Query::update()
                .table(tx.table("things")?)
                .value("amount", amount)
                .value("version", Expr::col("version").add(1))
                .and_where(Expr::col("tenant").eq(tenant.as_str()))
                .and_where(Expr::col("id").eq(id.get()))
                .to_owned();
            tx.exec(&update).await
        }
    };
    let changed = world.db.tx::<_, Fault, _, _>(ctx, Route::Place(id.place()), body).await.unwrap();
    assert_eq!(changed, 1);
}

/// That a history is a path of the flow's graph from its beginning to where the thing stands.
pub fn assert_path(flow: &CheckedFlow, history: &[HistoryRow], thing: &Thing) {
    let mut at = flow.init_status().to_owned();
    assert_eq!((history[0].from.as_str(), &history[0].to), ("", &at));
    let mut seq = history[0].seq;
    for line in &history[1..] {
        assert_eq!(line.from, at, "{history:#?}");
        assert!(line.seq > seq, "{history:#?}");
        let edges = flow.document().operations[&line.operation].as_slice();
        assert!(edges.iter().any(|e| e.from.as_slice().contains(&line.from) && e.to == line.to));
        (at, seq) = (line.to.clone(), line.seq);
    }
    assert_eq!(thing.status, at);
    assert!(thing.version >= seq);
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub topic: String,
    pub payload: Value,
    pub deliver_at: Option<Timestamp>,
}

/// Everything that was ever put for a thing, in the sequence it was put.
pub async fn messages(world: &World, ctx: &Ctx, id: Id) -> Vec<Sent> {
    let tenant = ctx.tenant.clone();
    let read = move |tx: Tx| {
        let tenant = tenant.clone();
        async move {
            let select = Query::select()
                .columns(["topic", "payload", "deliver_at"])
                .from("outbox")
                .and_where(Expr::col("tenant").eq(tenant.as_str()))
                .and_where(Expr::col("aggregate_id").eq(id.get()))
                .order_by("seq", sea_query::Order::Asc)
                .to_owned();
            let rows = tx.all(&select).await?;
            rows.iter()
                .map(|row| {
                    let payload: String = row.get("payload")?;
                    let payload = serde_json::from_str(&payload).map_err(Fault::internal)?;
                    Ok(Sent {
                        topic: row.get("topic")?,
                        payload,
                        deliver_at: row.get("deliver_at")?,
                    })
                })
                .collect()
        }
    };
    world.db.read::<_, Fault, _, _>(ctx, Route::Db(id.place().db), read).await.unwrap()
}
