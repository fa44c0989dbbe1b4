//! All SQL of carts. Nothing else knows a column.

use std::collections::{BTreeMap, BTreeSet};

use kit::{Id, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Cond, Condition, Expr, ExprTrait as _, InsertStatement, Order, Query};
use shard::{Migration, MigrationSet, Row, Tx, padded};
use types::OrderId;

use crate::model::{Basket, Kept, Owner};

/// The schema of carts.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "cart",
    common: &[
        Migration { version: 1, name: "carts", sql: include_str!("../migrations/0001_carts.sql") },
        Migration { version: 2, name: "saved", sql: include_str!("../migrations/0002_saved.sql") },
    ],
    cells: &[],
};

/// A cart as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartRow {
    pub kept: Kept,
    /// Of an anonymous cart.
    pub expires_at: Option<Timestamp>,
}

/// What rows are read for. An engine with row locks holds those that are to be changed until the end of
/// the transaction; the embedded one has one writer anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Reading,
    Changing,
}

const COLUMNS: [&str; 5] = ["lines", "saved", "checkout_id", "version", "expires_at"];

fn is_of(tenant: &TenantCode, key: &str) -> Condition {
    Cond::all().add(Expr::col("tenant").eq(tenant.as_str())).add(Expr::col("owner").eq(key))
}

/// A cart, if it is kept and has not expired.
pub async fn load(
    tx: &Tx,
    tenant: &TenantCode,
    owner: &Owner,
    what_for: For,
) -> Result<Option<CartRow>, Fault> {
    let mut select = Query::select()
        .columns(COLUMNS)
        .from("carts")
        .cond_where(is_of(tenant, &owner.key()))
        .to_owned();
    if what_for == For::Changing {
        select.lock_exclusive();
    }
    let row = tx.one(&select).await?.as_ref().map(read).transpose()?;
    Ok(row.filter(|r| r.expires_at.is_none_or(|at| at > tx.now())))
}

/// The carts of some members that are kept, by the keys of their owners, to be changed: they are locked in
/// the sequence of the keys. Members' carts do not expire.
pub async fn load_many(
    tx: &Tx,
    tenant: &TenantCode,
    owners: &[Owner],
) -> Result<BTreeMap<String, CartRow>, Fault> {
    if owners.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys = padded(owners.iter().map(Owner::key));
    let mut select = Query::select()
        .columns(COLUMNS)
        .column("owner")
        .from("carts")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("owner").is_in(keys))
        .order_by("owner", Order::Asc)
        .to_owned();
    let rows = tx.all(select.lock_exclusive()).await?;
    rows.iter().map(|r| Ok((r.get("owner")?, read(r)?))).collect()
}

fn read(r: &Row) -> Result<CartRow, Fault> {
    let kept = Kept {
        basket: basket(r, "lines")?,
        saved: basket(r, "saved")?,
        checkout_id: r.get::<Option<Id>>("checkout_id")?.map(OrderId),
        version: r.get("version")?,
    };
    Ok(CartRow { kept, expires_at: r.get("expires_at")? })
}

/// Keeps a cart whose `kept.version` is the one that is kept now, 0 for none, and counts it up. `false`
/// when another one is kept by now, and then nothing has changed.
pub async fn save(
    tx: &Tx,
    tenant: &TenantCode,
    owner: &Owner,
    row: &CartRow,
) -> Result<bool, Fault> {
    let CartRow { kept, expires_at } = row;
    let (lines, saved) = (json(&kept.basket)?, json(&kept.saved)?);
    let checkout = kept.checkout_id.map(OrderId::get);
    let (now, expires_at) = (tx.now().micros(), expires_at.map(Timestamp::micros));
    if kept.version == 0 {
        return insert(tx, tenant, owner, [lines, saved], checkout, expires_at).await;
    }
    let update = Query::update()
        .table("carts")
        .value("lines", lines)
        .value("saved", saved)
        .value("checkout_id", checkout)
        .value("version", kept.version.saturating_add(1))
        .value("expires_at", expires_at)
        .value("updated_at", now)
        .cond_where(is_of(tenant, &owner.key()).add(Expr::col("version").eq(kept.version)))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}

fn basket(row: &Row, column: &str) -> Result<Basket, Fault> {
    serde_json::from_str(&row.get::<String>(column)?).map_err(Fault::internal)
}

fn json(basket: &Basket) -> Result<String, Fault> {
    serde_json::to_string(basket).map_err(Fault::internal)
}

async fn insert(
    tx: &Tx,
    tenant: &TenantCode,
    owner: &Owner,
    [lines, saved]: [String; 2],
    checkout: Option<i64>,
    expires_at: Option<i64>,
) -> Result<bool, Fault> {
    let now = tx.now().micros();
    let insert = Query::insert()
        .into_table("carts")
        .columns([
            "tenant",
            "owner",
            "lines",
            "saved",
            "checkout_id",
            "version",
            "expires_at",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            owner.key().into(),
            lines.into(),
            saved.into(),
            checkout.into(),
            1_i64.into(),
            expires_at.into(),
            now.into(),
            now.into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Keeps an anonymous cart alive until `until`.
pub async fn touch(
    tx: &Tx,
    tenant: &TenantCode,
    owner: &Owner,
    until: Timestamp,
) -> Result<(), Fault> {
    let alive = Expr::col("expires_at").gt(tx.now().micros());
    let update = Query::update()
        .table("carts")
        .value("expires_at", until.micros())
        .cond_where(is_of(tenant, &owner.key()).add(alive))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Marks an order as taken out; `false` when it was already.
pub async fn mark_consumed(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<bool, Fault> {
    tx.insert_unique(&marking(tx, tenant, [order])).await
}

/// Marks orders as taken out. One that was already is a failure of the transaction: no engine says of
/// several rows which was there.
pub async fn mark_all_consumed(
    tx: &Tx,
    tenant: &TenantCode,
    orders: impl IntoIterator<Item = OrderId>,
) -> Result<(), Fault> {
    tx.exec(&marking(tx, tenant, orders)).await.map(|_| ())
}

fn marking(
    tx: &Tx,
    tenant: &TenantCode,
    orders: impl IntoIterator<Item = OrderId>,
) -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table("consumed").columns(["tenant", "order_id", "consumed_at"]);
    for order in orders {
        let at = tx.now().micros();
        insert.values_panic([tenant.as_str().into(), order.get().into(), at.into()]);
    }
    insert
}

/// Deletes some anonymous carts of any tenant that have expired; how many there were.
pub async fn purge_carts(tx: &Tx, max: u32) -> Result<usize, Fault> {
    let now = tx.now().micros();
    let expired = Expr::col("expires_at").lte(now);
    let select = Query::select()
        .columns(["tenant", "owner"])
        .from("carts")
        .and_where(expired.clone())
        .order_by("expires_at", Order::Asc)
        .limit(max.into())
        .to_owned();
    let rows = tx.all(&select).await?;
    // In the order of the key, so that two processes that purge at once never wait for one another.
    let key = |row: &Row| Ok((row.get("tenant")?, row.get("owner")?));
    let keys = rows.iter().map(key).collect::<Result<BTreeSet<(String, String)>, Fault>>()?;
    for (tenant, owner) in keys {
        let delete = Query::delete()
            .from_table("carts")
            .and_where(Expr::col("tenant").eq(tenant))
            .and_where(Expr::col("owner").eq(owner))
            .and_where(expired.clone())
            .to_owned();
        tx.exec(&delete).await?;
    }
    Ok(rows.len())
}

/// Forgets some orders that were taken out before `before`; how many there were.
pub async fn purge_consumed(tx: &Tx, before: Timestamp, max: u32) -> Result<usize, Fault> {
    let select = Query::select()
        .columns(["tenant", "order_id"])
        .from("consumed")
        .and_where(Expr::col("consumed_at").lt(before.micros()))
        .order_by("consumed_at", Order::Asc)
        .limit(max.into())
        .to_owned();
    let rows = tx.all(&select).await?;
    let key = |row: &Row| Ok((row.get("tenant")?, row.get("order_id")?));
    let keys = rows.iter().map(key).collect::<Result<BTreeSet<(String, i64)>, Fault>>()?;
    for (tenant, order) in keys {
        let delete = Query::delete()
            .from_table("consumed")
            .and_where(Expr::col("tenant").eq(tenant))
            .and_where(Expr::col("order_id").eq(order))
            .to_owned();
        tx.exec(&delete).await?;
    }
    Ok(rows.len())
}
