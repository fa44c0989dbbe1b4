//! A running inventory in a temporary folder, and short ways to ask it. No test logic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use inventory::{Deps, Expiry, Options, SCHEMA};
use inventory_api::{
    AVAILABILITY_CHANGED, Adjust, AvailabilityChanged, Error, ForOrder, GetStock, InventoryClient,
    Ledger, NewWarehouse, Reservation, Reserve, SkuStock, Wanted, inventory_router,
};
use kit::{Limit, Secret, SharedClock, SystemClock};
use outbox::{Outbox, Router};
use rpc::{Ctx, Endpoint, Fault};
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Database, Ids, Route, Row, Schema};
use tasks::{TaskKind, Tasks};
use testkit::{TempShards, free_listener, seeded_entropy, test_ctx};
use types::{OrderId, Quantity, SkuId, WarehouseId};

const PLATFORM: Schema =
    Schema { database: "platform", sets: &[shard::worker::MIGRATIONS], cell_tables: &[] };

/// A running service.
pub struct World {
    pub client: InventoryClient,
    pub expiry: Expiry,
    pub messages: Router,
    pub api: axum::Router,
    pub ctx: Ctx,
    pub tasks: Tasks,
    pub schema_conflicts: Vec<String>,
    db: Database,
    shards: TempShards,
}

impl World {
    pub async fn new() -> Self {
        Self::with(TempShards::with_clock(Arc::new(SystemClock)), Options::default()).await
    }

    pub async fn at(clock: SharedClock) -> Self {
        Self::with(TempShards::with_clock(clock), Options::default()).await
    }

    pub async fn with(shards: TempShards, options: Options) -> Self {
        let ctx = test_ctx("flora");
        let platform = shards.single(PLATFORM).await;
        let ids = Ids::lease(&ctx, platform, Duration::from_secs(10)).await.unwrap();
        let db = shards.single(SCHEMA).await;
        let outbox = Outbox::new(db.clone());
        let deps = Deps { db: db.clone(), outbox, ids, entropy: seeded_entropy(1) };
        let running = inventory::start(deps, options);
        let schema_conflicts = running.api.schema_conflicts().to_vec();
        Self {
            client: running.client,
            expiry: running.expiry,
            messages: Router::new(running.consumers).unwrap(),
            api: running.api.finish().0,
            ctx,
            tasks: Tasks::new(),
            schema_conflicts,
            db,
            shards,
        }
    }

    /// Stops and starts again, as after a crash.
    pub async fn restart(self) -> Self {
        let Self { mut shards, client, expiry, messages, api, db, .. } = self;
        drop((client, expiry, messages, api, db));
        shards.reopen().await;
        Self::with(shards, Options::default()).await
    }

    /// What was told of a sku's availability, in order.
    pub async fn told(&self, s: i64) -> Vec<bool> {
        let rows: Result<_, Fault> = self
            .db
            .read(&self.ctx, Route::Whole, move |tx| async move {
                let select = Query::select()
                    .columns(["topic", "payload"])
                    .from("outbox")
                    .and_where(Expr::col("aggregate_id").eq(s))
                    .order_by("seq", Order::Asc)
                    .to_owned();
                tx.all(&select).await
            })
            .await;
        let told = |row: &Row| {
            assert_eq!(row.get::<String>("topic").unwrap(), AVAILABILITY_CHANGED);
            let payload: String = row.get("payload").unwrap();
            let event: AvailabilityChanged = serde_json::from_str(&payload).unwrap();
            assert_eq!(event.sku_id, sku(s));
            event.available
        };
        rows.unwrap().iter().map(told).collect()
    }

    /// The same service over the wire.
    pub async fn remote(&self) -> InventoryClient {
        let (listener, address) = free_listener().await;
        let secret = Secret::new("a-secret-for-tests-only".to_owned());
        let (routes, key) = (inventory_router(self.client.clone()), secret.clone());
        self.tasks.spawn(TaskKind::new("test.serve"), async move {
            rpc::serve(listener, [routes], &key, std::future::pending()).await
        });
        InventoryClient::remote(Endpoint::new(&format!("http://{address}"), &secret).unwrap())
    }
}

pub fn sku(n: i64) -> SkuId {
    SkuId::from_i64(n).unwrap()
}

pub fn order(n: i64) -> OrderId {
    OrderId::from_i64(n).unwrap()
}

pub fn for_order(n: i64) -> ForOrder {
    ForOrder { order_id: order(n) }
}

pub fn wanted(lines: &[(i64, u32)]) -> Vec<Wanted> {
    let line =
        |(s, n): &(i64, u32)| Wanted { sku_id: sku(*s), quantity: Quantity::new(*n).unwrap() };
    lines.iter().map(line).collect()
}

pub async fn reserve(
    client: &InventoryClient,
    ctx: &Ctx,
    id: i64,
    lines: &[(i64, u32)],
) -> Result<Reservation, Error> {
    client.reserve(ctx, Reserve { order_id: order(id), lines: wanted(lines) }).await
}

pub async fn warehouse(
    client: &InventoryClient,
    ctx: &Ctx,
    code: &str,
    priority: i32,
) -> WarehouseId {
    let new = NewWarehouse { code: code.to_owned(), name: code.to_owned(), priority };
    client.add_warehouse(ctx, new).await.unwrap().id
}

pub async fn add(
    client: &InventoryClient,
    ctx: &Ctx,
    warehouse_id: WarehouseId,
    s: i64,
    delta: i64,
) -> SkuStock {
    let reason = "delivery".to_owned();
    client.adjust(ctx, Adjust { sku_id: sku(s), warehouse_id, delta, reason }).await.unwrap()
}

/// Available, reserved, sold.
pub async fn levels(client: &InventoryClient, ctx: &Ctx, s: i64) -> (i64, i64, i64) {
    let stock = client.get_stock(ctx, GetStock { sku_ids: vec![sku(s)] }).await.unwrap();
    (stock[0].available, stock[0].reserved, stock[0].sold)
}

/// What the ledger of a sku sums up to, warehouse by warehouse, and how many rows it has.
pub async fn ledger_sums(
    client: &InventoryClient,
    ctx: &Ctx,
    s: i64,
) -> (BTreeMap<WarehouseId, (i64, i64, i64)>, usize) {
    let (mut sums, mut rows, mut cursor) = (BTreeMap::new(), 0, None);
    loop {
        let limit = Limit::new(7).unwrap();
        let page = client.ledger(ctx, Ledger { sku_id: sku(s), cursor, limit }).await.unwrap();
        for entry in &page.items {
            let sum: &mut (i64, i64, i64) = sums.entry(entry.warehouse_id).or_default();
            *sum = (sum.0 + entry.available, sum.1 + entry.reserved, sum.2 + entry.sold);
            rows += 1;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (sums, rows);
        }
    }
}

/// Fails unless the ledger sums up to the stock rows.
pub async fn check_ledger(client: &InventoryClient, ctx: &Ctx, s: i64) {
    let stock = client.get_stock(ctx, GetStock { sku_ids: vec![sku(s)] }).await.unwrap();
    let rows: BTreeMap<_, _> = stock[0]
        .warehouses
        .iter()
        .map(|w| (w.warehouse_id, (w.available, w.reserved, w.sold)))
        .collect();
    assert_eq!(ledger_sums(client, ctx, s).await.0, rows, "the ledger of sku {s}");
}
