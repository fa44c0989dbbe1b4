//! A database with a table of effects, an outbox in it, and relays with small timers.

use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, SystemClock};
use outbox::backoff::Backoff;
use outbox::relay::Options;
use outbox::{Admin, Consumer, Deliver, MessageId, NewMessage, Outbox, Relay, Router};
use rpc::{Ctx, Fault};
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Database, Migration, MigrationSet, Route, Schema, Tx};
use tasks::Tasks;
use testkit::{TempShards, seeded_entropy, test_ctx};

pub const EFFECTS: MigrationSet = MigrationSet {
    name: "effects",
    common: &[
        Migration {
            version: 1,
            name: "effects",
            sql: "CREATE TABLE effects (
                aggregate_id BIGINT NOT NULL, position BIGINT NOT NULL, what TEXT NOT NULL,
                PRIMARY KEY (aggregate_id, position))",
        },
        Migration {
            version: 2,
            name: "turns",
            sql: "CREATE TABLE turns (aggregate_id BIGINT NOT NULL PRIMARY KEY, next BIGINT NOT NULL)",
        },
    ],
    cells: &[],
};

pub const THINGS: Schema =
    Schema { database: "things", sets: &[EFFECTS, outbox::MIGRATIONS], cell_tables: &[] };

/// One database in a temporary folder.
pub struct World {
    pub shards: TempShards,
    pub db: Database,
    pub outbox: Outbox,
    pub ctx: Ctx,
}

impl World {
    pub async fn new() -> Self {
        Self::at(Arc::new(SystemClock)).await
    }

    pub async fn at(clock: SharedClock) -> Self {
        Self::with(clock, |_| {}).await
    }

    pub async fn with(clock: SharedClock, change: impl FnOnce(&mut shard::Options)) -> Self {
        let shards = TempShards::with_options(clock, change);
        let db = shards.single(THINGS).await;
        let outbox = Outbox::new(db.clone());
        Self { shards, db, outbox, ctx: test_ctx("flora") }
    }

    /// Closes the folder and opens it again, as after a crash.
    pub async fn restart(self) -> Self {
        let Self { mut shards, db, outbox, ctx } = self;
        drop((db, outbox));
        shards.reopen().await;
        let db = shards.single(THINGS).await;
        let outbox = Outbox::new(db.clone());
        Self { shards, db, outbox, ctx }
    }

    pub fn admin(&self) -> Admin {
        Admin::new(self.outbox.clone())
    }

    pub async fn put(&self, message: NewMessage) -> MessageId {
        self.put_all(vec![message]).await.remove(0)
    }

    pub async fn put_all(&self, messages: Vec<NewMessage>) -> Vec<MessageId> {
        let (outbox, ctx) = (self.outbox.clone(), self.ctx.clone());
        let body = move |tx: Tx| {
            let (outbox, ctx, messages) = (outbox.clone(), ctx.clone(), messages.clone());
            async move {
                let mut ids = Vec::new();
                for message in messages {
                    ids.push(outbox.put(&tx, &ctx, message).await?);
                }
                Ok::<_, Fault>(ids)
            }
        };
        self.db.tx(&fresh(&self.ctx), Route::Whole, body).await.unwrap()
    }

    pub async fn count(&self, table: &'static str) -> u64 {
        count(&self.db, Route::Whole, table).await
    }

    /// What has happened, by aggregate and position.
    pub async fn effects(&self) -> Vec<(i64, i64, String)> {
        let body = |tx: Tx| async move {
            let select = Query::select()
                .columns(["aggregate_id", "position", "what"])
                .from("effects")
                .order_by("aggregate_id", Order::Asc)
                .order_by("position", Order::Asc)
                .to_owned();
            let rows = tx.all(&select).await?;
            rows.iter()
                .map(|r| Ok((r.get("aggregate_id")?, r.get("position")?, r.get("what")?)))
                .collect::<Result<Vec<_>, Fault>>()
        };
        self.db.read(&fresh(&self.ctx), Route::Whole, body).await.unwrap()
    }

    /// A relay with tasks of its own, so that it can be stopped or killed alone.
    pub fn relay(&self, deliver: Arc<dyn Deliver>, options: Options) -> Tasks {
        relay(&self.outbox, deliver, options)
    }
}

pub fn relay(outbox: &Outbox, deliver: Arc<dyn Deliver>, options: Options) -> Tasks {
    let tasks = Tasks::new();
    Relay::start(&tasks, outbox.clone(), deliver, entropy(), options).unwrap();
    tasks
}

/// Every relay of a process draws from one source; two must not have the same name.
fn entropy() -> kit::SharedEntropy {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(1);
    seeded_entropy(SEED.fetch_add(1, Ordering::Relaxed))
}

/// Timers that a test can wait for.
pub fn quick() -> Options {
    Options {
        poll: Duration::from_millis(20),
        backoff: Backoff { first: Duration::from_millis(4), max: Duration::from_millis(50) },
        attempts_max: 100,
        housekeeping: Duration::from_millis(100),
        ..Options::default()
    }
}

/// Says why a test has not looked at anything.
#[expect(clippy::disallowed_macros, reason = "words for whoever reads the test's output")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

pub fn router(consumers: impl IntoIterator<Item = Consumer>) -> Arc<dyn Deliver> {
    Arc::new(Router::new(consumers).unwrap())
}

/// The same caller with all its time.
pub fn fresh(ctx: &Ctx) -> Ctx {
    Ctx { deadline: test_ctx("flora").deadline, ..ctx.clone() }
}

pub async fn count(db: &Database, route: Route, table: &'static str) -> u64 {
    let body = move |tx: Tx| async move {
        let select = Query::select().expr_as(Expr::val(1).count(), "n").from(table).to_owned();
        tx.one(&select).await?.unwrap().get::<u64>("n")
    };
    db.read(&test_ctx("flora"), route, body).await.unwrap()
}

/// The turn of an aggregate, by its row as a service takes it: counts from 0.
pub async fn next_turn(tx: &Tx, aggregate_id: i64) -> Result<i64, Fault> {
    let insert = Query::insert()
        .into_table("turns")
        .columns(["aggregate_id", "next"])
        .values_panic([aggregate_id.into(), 0_i64.into()])
        .to_owned();
    tx.insert_unique(&insert).await?;
    let mut select = Query::select();
    select.column("next").from("turns").and_where(Expr::col("aggregate_id").eq(aggregate_id));
    let next: i64 = tx.one(select.lock_exclusive()).await?.unwrap().get("next")?;
    let update = Query::update()
        .table("turns")
        .value("next", next + 1)
        .and_where(Expr::col("aggregate_id").eq(aggregate_id))
        .to_owned();
    tx.exec(&update).await?;
    Ok(next)
}

/// The effect of these tests: the next position of an aggregate.
pub async fn append(tx: &Tx, aggregate_id: i64, what: &str) -> Result<i64, Fault> {
    let last = Query::select()
        .column("position")
        .from("effects")
        .and_where(Expr::col("aggregate_id").eq(aggregate_id))
        .order_by("position", Order::Desc)
        .limit(1)
        .to_owned();
    let last: Option<i64> = tx.one(&last).await?.map(|r| r.get("position")).transpose()?;
    let position = last.map_or(0, |p| p + 1);
    let insert = Query::insert()
        .into_table("effects")
        .columns(["aggregate_id", "position", "what"])
        .values_panic([aggregate_id.into(), position.into(), what.into()])
        .to_owned();
    tx.exec(&insert).await?;
    Ok(position)
}

/// Consumes a message the way a service does: inbox and effect in one transaction.
pub async fn effect_once(
    db: &Database,
    ctx: &Ctx,
    consumer: &'static str,
    message: &outbox::Message,
) -> Result<(), Fault> {
    let (for_body, message) = (ctx.clone(), message.clone());
    let body = move |tx: Tx| {
        let (ctx, message) = (for_body.clone(), message.clone());
        async move {
            if outbox::inbox::once(&tx, &ctx, consumer, &message).await? {
                append(&tx, message.id.aggregate_id, &message.payload).await?;
            }
            Ok::<_, Fault>(())
        }
    };
    db.tx(ctx, Route::Whole, body).await
}

/// A consumer of `topic` that does [`effect_once`].
pub fn effects_consumer(db: &Database, topic: &str) -> Consumer {
    let db = db.clone();
    Consumer::from_fn("effects", [topic], move |ctx, message| {
        let db = db.clone();
        async move { Ok(effect_once(&db, &ctx, "effects", &message).await?) }
    })
}
