//! All SQL of stock. Nothing else knows a column. Nothing here decides: conditions in statements only
//! keep a row from becoming negative.

mod imports;
mod reservations;

pub use imports::{Part, hold_part, part_taken};
pub use reservations::{
    ReservationRow, check_later, claim_due, insert_picks, insert_reservation, is_any_due, picks,
    reservation, set_state,
};

use std::collections::BTreeMap;

use inventory_api::{LedgerEntry, Warehouse};
use kit::{Id, TenantCode};
use rpc::Fault;
use sea_query::{
    Cond, Condition, Expr, ExprTrait as _, Func, JoinType, Order, Query, SelectStatement,
};
use shard::{Migration, MigrationSet, Row, Tx};
use types::{OrderId, SkuId, WarehouseId};

use crate::model::{Level, Slot, WAREHOUSES_MAX};

/// The schema of stock.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "inventory",
    common: &[
        Migration {
            version: 1,
            name: "stock",
            sql: include_str!("../../migrations/0001_stock.sql"),
        },
        Migration {
            version: 2,
            name: "reservations",
            sql: include_str!("../../migrations/0002_reservations.sql"),
        },
        Migration {
            version: 3,
            name: "low_stock",
            sql: include_str!("../../migrations/0003_low_stock.sql"),
        },
        Migration {
            version: 4,
            name: "imported",
            sql: include_str!("../../migrations/0004_imported.sql"),
        },
    ],
    cells: &[],
};

/// What the rows of one change of the ledger share.
#[derive(Debug, Clone)]
pub struct Change {
    pub tenant: TenantCode,
    pub id: Id,
    pub order_id: Option<OrderId>,
    pub reason: String,
    pub actor: String,
}

/// A place in the ledger of a sku: change and line.
pub type LedgerKey = (i64, i64);

fn of_tenant(tenant: &TenantCode) -> Condition {
    Cond::all().add(Expr::col("tenant").eq(tenant.as_str()))
}

fn is_slot(tenant: &TenantCode, slot: &Slot) -> Condition {
    of_tenant(tenant)
        .add(Expr::col("sku_id").eq(slot.sku_id.get()))
        .add(Expr::col("warehouse_id").eq(slot.warehouse_id.get()))
        .add(Expr::col("bucket").eq(slot.bucket))
}

/// Adds a warehouse; `false` when its code is taken.
pub async fn insert_warehouse(tx: &Tx, tenant: &TenantCode, w: &Warehouse) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("warehouses")
        .columns(["tenant", "id", "code", "name", "priority", "created_at"])
        .values_panic([
            tenant.as_str().into(),
            w.id.get().into(),
            w.code.as_str().into(),
            w.name.as_str().into(),
            i64::from(w.priority).into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Makes whoever else adds a warehouse or a stock row wait until this transaction ends. The very first
/// warehouses of a tenant wait for nobody; there are too few of them to matter.
pub async fn lock_warehouses(tx: &Tx, tenant: &TenantCode) -> Result<(), Fault> {
    let mut select = Query::select();
    select
        .column("id")
        .from("warehouses")
        .cond_where(of_tenant(tenant))
        .order_by("id", Order::Asc)
        .limit(1);
    tx.one(&For::Changing.lock(select)).await.map(|_| ())
}

/// All warehouses, by priority and code.
pub async fn warehouses(tx: &Tx, tenant: &TenantCode) -> Result<Vec<Warehouse>, Fault> {
    let select = Query::select()
        .columns(["id", "code", "name", "priority"])
        .from("warehouses")
        .cond_where(of_tenant(tenant))
        .order_by("priority", Order::Asc)
        .order_by("code", Order::Asc)
        .limit(WAREHOUSES_MAX as u64)
        .to_owned();
    let read = |r: &Row| {
        Ok(Warehouse {
            id: WarehouseId(r.get("id")?),
            code: r.get("code")?,
            name: r.get("name")?,
            priority: r.get("priority")?,
        })
    };
    tx.all(&select).await?.iter().map(read).collect()
}

/// What rows are read for. An engine with row locks holds those that are to be changed until the end of
/// the transaction; the embedded one has one writer anyway. A reservation is locked before its stock rows,
/// and those in the order of their keys. A row that is not there is not locked: insert it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Reading,
    Changing,
}

impl For {
    fn lock(self, mut select: SelectStatement) -> SelectStatement {
        if self == Self::Changing {
            select.lock_exclusive();
        }
        select
    }
}

/// The stock rows of some skus.
pub async fn levels(
    tx: &Tx,
    tenant: &TenantCode,
    skus: impl IntoIterator<Item = SkuId>,
    what_for: For,
) -> Result<BTreeMap<Slot, Level>, Fault> {
    let skus = skus.into_iter().map(SkuId::get);
    let select = Query::select()
        .columns(["sku_id", "warehouse_id", "bucket", "available", "reserved", "sold"])
        .from("stock")
        .cond_where(of_tenant(tenant).add(Expr::col("sku_id").is_in(skus)))
        .order_by("sku_id", Order::Asc)
        .order_by("warehouse_id", Order::Asc)
        .order_by("bucket", Order::Asc)
        .to_owned();
    let read = |r: &Row| {
        let slot = Slot {
            sku_id: SkuId(r.get("sku_id")?),
            warehouse_id: WarehouseId(r.get("warehouse_id")?),
            bucket: r.get("bucket")?,
        };
        let (available, reserved, sold) = (r.get("available")?, r.get("reserved")?, r.get("sold")?);
        Ok((slot, Level { available, reserved, sold }))
    };
    tx.all(&what_for.lock(select)).await?.iter().map(read).collect()
}

/// What is available in the stock rows of some skus, and the warehouses that have such rows, by priority and
/// code. Unlocked: any of it may be over by the time it is read.
pub async fn shelf(
    tx: &Tx,
    tenant: &TenantCode,
    skus: impl IntoIterator<Item = SkuId>,
) -> Result<(BTreeMap<Slot, i64>, Vec<WarehouseId>), Fault> {
    let same = Expr::col(("w", "tenant"))
        .equals(("s", "tenant"))
        .and(Expr::col(("w", "id")).equals(("s", "warehouse_id")));
    let skus = skus.into_iter().map(SkuId::get);
    let select = Query::select()
        .columns([("s", "sku_id"), ("s", "warehouse_id"), ("s", "bucket"), ("s", "available")])
        .from_as("stock", "s")
        .join_as(JoinType::InnerJoin, "warehouses", "w", same)
        .and_where(Expr::col(("s", "tenant")).eq(tenant.as_str()))
        .and_where(Expr::col(("s", "sku_id")).is_in(skus))
        .order_by(("w", "priority"), Order::Asc)
        .order_by(("w", "code"), Order::Asc)
        .to_owned();
    let (mut available, mut warehouses) = (BTreeMap::new(), Vec::new());
    for row in tx.all(&select).await? {
        let slot = Slot {
            sku_id: SkuId(row.get("sku_id")?),
            warehouse_id: WarehouseId(row.get("warehouse_id")?),
            bucket: row.get("bucket")?,
        };
        available.insert(slot, row.get("available")?);
        if warehouses.last() != Some(&slot.warehouse_id) {
            warehouses.push(slot.warehouse_id);
        }
    }
    Ok((available, warehouses))
}

/// Which skus to list.
#[derive(Debug, Clone, Copy)]
pub struct StockFilter {
    pub warehouse: Option<WarehouseId>,
    pub below: Option<i64>,
    pub after: Option<i64>,
}

/// Skus that have stock rows, by id.
pub async fn skus(
    tx: &Tx,
    tenant: &TenantCode,
    filter: StockFilter,
    limit: u64,
) -> Result<Vec<SkuId>, Fault> {
    let mut select = Query::select()
        .column("sku_id")
        .from("stock")
        .cond_where(of_tenant(tenant))
        .group_by_col("sku_id")
        .order_by("sku_id", Order::Asc)
        .limit(limit)
        .to_owned();
    if let Some(warehouse) = filter.warehouse {
        select.and_where(Expr::col("warehouse_id").eq(warehouse.get()));
    }
    let after = filter.after.unwrap_or(i64::MIN);
    if let Some(below) = filter.below {
        // A sku runs low only if each of its rows does: the index finds the few that may, and what the
        // rows sum up to decides. The place to go on from stands inside only, so that an engine looks
        // these few up instead of walking all skus.
        let low = Query::select()
            .column("sku_id")
            .from("stock")
            .cond_where(of_tenant(tenant).add(Expr::col("available").lt(below)))
            .and_where(Expr::col("sku_id").gt(after))
            .to_owned();
        select
            .and_where(Expr::col("sku_id").in_subquery(low))
            .and_having(Func::sum(Expr::col("available")).lt(below));
    } else {
        select.and_where(Expr::col("sku_id").gt(after));
    }
    let read = |r: &Row| Ok(SkuId(r.get("sku_id")?));
    tx.all(&select).await?.iter().map(read).collect()
}

/// Makes sure that a stock row exists.
pub async fn ensure_slot(tx: &Tx, tenant: &TenantCode, slot: &Slot) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("stock")
        .columns(["tenant", "sku_id", "warehouse_id", "bucket", "available", "reserved", "sold"])
        .values_panic([
            tenant.as_str().into(),
            slot.sku_id.get().into(),
            slot.warehouse_id.get().into(),
            slot.bucket.into(),
            0.into(),
            0.into(),
            0.into(),
        ])
        .to_owned();
    // Already there is as good as made now.
    tx.insert_unique(&insert).await.map(|_| ())
}

/// How much of what is taken from a stock row has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Any,
    Some,
}

/// Changes a stock row; `false` when it has not enough of something, and then nothing has changed.
pub async fn shift(
    tx: &Tx,
    tenant: &TenantCode,
    slot: &Slot,
    change: Level,
    rest: Rest,
) -> Result<bool, Fault> {
    let mut update = Query::update().table("stock").cond_where(is_slot(tenant, slot)).to_owned();
    let columns =
        [("available", change.available), ("reserved", change.reserved), ("sold", change.sold)];
    for (column, n) in columns.into_iter().filter(|(_, n)| *n != 0) {
        update.value(column, Expr::col(column).add(n));
        if n < 0 {
            let stays = if rest == Rest::Some && column == "available" { 1 } else { 0 };
            update.and_where(Expr::col(column).gte(stays - n));
        }
    }
    Ok(tx.exec(&update).await? > 0)
}

/// Writes what changed into the ledger: one row per stock row.
pub async fn write_ledger(
    tx: &Tx,
    change: &Change,
    kind: &str,
    rows: &[(Slot, Level)],
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert()
        .into_table("ledger")
        .columns([
            "tenant",
            "sku_id",
            "change_id",
            "line_no",
            "warehouse_id",
            "bucket",
            "kind",
            "available",
            "reserved",
            "sold",
            "order_id",
            "reason",
            "actor",
            "at",
        ])
        .to_owned();
    for (line_no, (slot, level)) in (1_i64..).zip(rows) {
        insert.values_panic([
            change.tenant.as_str().into(),
            slot.sku_id.get().into(),
            change.id.get().into(),
            line_no.into(),
            slot.warehouse_id.get().into(),
            slot.bucket.into(),
            kind.into(),
            level.available.into(),
            level.reserved.into(),
            level.sold.into(),
            change.order_id.map(OrderId::get).into(),
            change.reason.as_str().into(),
            change.actor.as_str().into(),
            tx.now().micros().into(),
        ]);
    }
    tx.exec(&insert).await.map(|_| ())
}

/// The changes of a sku before a place in its ledger, newest first.
pub async fn ledger(
    tx: &Tx,
    tenant: &TenantCode,
    sku: SkuId,
    before: Option<LedgerKey>,
    limit: u64,
) -> Result<Vec<(LedgerKey, LedgerEntry)>, Fault> {
    let mut select = Query::select()
        .columns(["change_id", "line_no", "warehouse_id", "kind", "available", "reserved", "sold"])
        .columns(["order_id", "reason", "actor", "at"])
        .from("ledger")
        .cond_where(of_tenant(tenant).add(Expr::col("sku_id").eq(sku.get())))
        .order_by("change_id", Order::Desc)
        .order_by("line_no", Order::Desc)
        .limit(limit)
        .to_owned();
    if let Some((change, line)) = before {
        let same = Expr::col("change_id").eq(change).and(Expr::col("line_no").lt(line));
        // The first condition is implied, and tells the engine where in the key to begin.
        select
            .and_where(Expr::col("change_id").lte(change))
            .and_where(Expr::col("change_id").lt(change).or(same));
    }
    let read = |r: &Row| {
        let entry = LedgerEntry {
            at: r.get("at")?,
            sku_id: sku,
            warehouse_id: WarehouseId(r.get("warehouse_id")?),
            kind: r.get("kind")?,
            available: r.get("available")?,
            reserved: r.get("reserved")?,
            sold: r.get("sold")?,
            order_id: r.get::<Option<Id>>("order_id")?.map(OrderId),
            reason: r.get("reason")?,
            by: r.get("actor")?,
        };
        Ok(((r.get("change_id")?, r.get("line_no")?), entry))
    };
    tx.all(&select).await?.iter().map(read).collect()
}
