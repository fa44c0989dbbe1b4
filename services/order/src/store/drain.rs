//! The SQL of moving orders from one cell to another: rows as they are, column by column, whatever they
//! mean. Every statement is routed to the cell that it names. What comes after what, the service decides.

use kit::{ErrorCode, Place, TenantCode};
use rpc::Fault;
use sea_query::{
    DeleteStatement, Expr, ExprTrait as _, Order as Sort, Query, SelectStatement, Value,
};
use sha2::{Digest as _, Sha256};
use shard::{Row, Tx};
use types::{MemberId, OrderId};

/// The name of the refusal while an order is on its way.
pub const MOVING: &str = "order_moving";

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Int,
    Bool,
    Text,
}
use Kind::{Bool, Int, Text};

/// A table of which an order has rows: its name, the column that names the order, the order of its rows,
/// and its other columns.
struct Table {
    name: &'static str,
    order: &'static str,
    sort: &'static str,
    columns: &'static [(&'static str, Kind)],
}

const ORDERS: Table = Table {
    name: "orders",
    order: "id",
    sort: "id",
    columns: &[
        ("member_id", Int),
        ("status", Text),
        ("version", Int),
        ("flow_version", Int),
        ("awaits_payment", Bool),
        ("holds_stock", Bool),
        ("payment_method", Text),
        ("channel", Text),
        ("currency", Text),
        ("subtotal", Int),
        ("adjustments", Text),
        ("shipping", Int),
        ("total", Int),
        ("paid", Int),
        ("captured", Int),
        ("refunded", Int),
        ("title", Text),
        ("image_url", Text),
        ("units", Int),
        ("parcels", Text),
        ("address", Text),
        ("note", Text),
        ("created_at", Int),
        ("updated_at", Int),
    ],
};
const LINES: Table = Table {
    name: "order_lines",
    order: "order_id",
    sort: "line_no",
    columns: &[
        ("line_no", Int),
        ("sku_id", Int),
        ("spu_id", Int),
        ("title", Text),
        ("variant", Text),
        ("code", Text),
        ("image_url", Text),
        ("quantity", Int),
        ("price", Int),
    ],
};
const HISTORY: Table = Table {
    name: "order_history",
    order: "entity_id",
    sort: "seq",
    columns: &[
        ("seq", Int),
        ("operation", Text),
        ("from_status", Text),
        ("to_status", Text),
        ("flow_version", Int),
        ("role", Text),
        ("actor", Text),
        ("at", Int),
        ("request_id", Text),
        ("note", Text),
    ],
};
/// What is deleted and copied of an order; the order itself comes last, so that it is there when the rest is.
const TABLES: [&Table; 3] = [&LINES, &HISTORY, &ORDERS];

/// All rows of an order, in the order of [`TABLES`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    pub id: OrderId,
    tables: Vec<Vec<Vec<Value>>>,
}

impl Rows {
    /// SHA-256 over every value of every row.
    pub fn checksum(&self) -> [u8; 32] {
        Sha256::digest(format!("{} {:?}", self.id, self.tables).as_bytes()).into()
    }
}

/// How far a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub after_id: i64,
    pub moved: u64,
    pub waiting: u64,
    pub done: bool,
}

/// Whether nobody may change an order now because it is being copied.
pub fn refuse_moving(row: &Row) -> Result<(), Fault> {
    match row.get::<Option<i64>>("moving_to")? {
        None => Ok(()),
        Some(_) => Err(moving()),
    }
}

fn moving() -> Fault {
    let text = "this order is being moved to another database; try again";
    Fault::new(ErrorCode::Unavailable, text).with_slug(MOVING)
}

/// Orders of this cell after an id, with whose they are.
pub async fn page(
    tx: &Tx,
    tenant: &TenantCode,
    after: i64,
    limit: u64,
) -> Result<Vec<(OrderId, MemberId)>, Fault> {
    let select = Query::select()
        .columns(["id", "member_id"])
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").gt(after))
        .order_by("id", Sort::Asc)
        .limit(limit)
        .to_owned();
    let rows = tx.all(&select).await?;
    rows.iter().map(|r| Ok((OrderId(r.get("id")?), MemberId(r.get("member_id")?)))).collect()
}

/// Marks an order as on its way, so that it stays as it is, or takes the mark away; `false` when it is not
/// here any more.
pub async fn freeze(
    tx: &Tx,
    tenant: &TenantCode,
    id: OrderId,
    to: Option<Place>,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("orders")?)
        .value("moving_to", to.map(number))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// All rows of an order in this cell; `None` when it is not here.
pub async fn rows(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<Option<Rows>, Fault> {
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let found = tx.all(&select(tx, table, tenant, id)?).await?;
        let rows: Result<Vec<_>, Fault> = found.iter().map(|row| values(row, table)).collect();
        tables.push(rows?);
    }
    let there = tables.last().is_some_and(|orders| !orders.is_empty());
    Ok(there.then_some(Rows { id, tables }))
}

/// Writes an order's rows into this cell; `false` when it is here already, and then nothing has changed.
pub async fn copy(tx: &Tx, tenant: &TenantCode, rows: &Rows) -> Result<bool, Fault> {
    if forward(tx, tenant, rows.id).await?.is_some()
        || self::rows(tx, tenant, rows.id).await?.is_some()
    {
        return Ok(false);
    }
    for (table, found) in TABLES.iter().zip(&rows.tables) {
        for row in found {
            let columns =
                ["tenant", table.order].into_iter().chain(table.columns.iter().map(|c| c.0));
            let key: [Value; 2] = [tenant.as_str().into(), rows.id.get().into()];
            let insert = Query::insert()
                .into_table(tx.table(table.name)?)
                .columns(columns)
                .values_panic(key.into_iter().chain(row.iter().cloned()).map(Expr::val))
                .to_owned();
            tx.exec(&insert).await?;
        }
    }
    Ok(true)
}

/// Deletes an order that is on its way and leaves behind where it went; `false` when another has done so.
pub async fn leave(tx: &Tx, tenant: &TenantCode, id: OrderId, to: Place) -> Result<bool, Fault> {
    let mut gone = delete(tx, &ORDERS, tenant, id)?;
    let gone = gone.and_where(Expr::col("moving_to").eq(number(to)));
    if tx.exec(gone).await? != 1 {
        return Ok(false);
    }
    for table in [&LINES, &HISTORY] {
        tx.exec(&delete(tx, table, tenant, id)?).await?;
    }
    let forward = Query::insert()
        .into_table(tx.table("order_forwards")?)
        .columns(["tenant", "order_id", "moved_to", "moved_at"])
        .values_panic([
            tenant.as_str().into(),
            id.get().into(),
            number(to).into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.exec(&forward).await?;
    Ok(true)
}

/// Where an order went that lay in this cell.
pub async fn forward(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<Option<Place>, Fault> {
    let select = Query::select()
        .column("moved_to")
        .from(tx.table("order_forwards")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(id.get()))
        .to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    place(row.get("moved_to")?).map(Some)
}

/// Refuses who would begin an order anew that has gone elsewhere.
pub async fn refuse_gone(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<(), Fault> {
    match forward(tx, tenant, id).await? {
        None => Ok(()),
        Some(_) => Err(moving()),
    }
}

/// How far this cell is; locked, so that one drains it at a time.
pub async fn progress(tx: &Tx, tenant: &TenantCode, version: u32) -> Result<Progress, Fault> {
    let insert = Query::insert()
        .into_table("order_drains")
        .columns([
            "tenant",
            "cell_table",
            "version",
            "after_id",
            "moved",
            "waiting",
            "done",
            "updated_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            i64::from(tx.place().table).into(),
            i64::from(version).into(),
            0_i64.into(),
            0_i64.into(),
            0_i64.into(),
            false.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(Progress::default());
    }
    let mut select = Query::select()
        .columns(["after_id", "moved", "waiting", "done"])
        .from("order_drains")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("cell_table").eq(i64::from(tx.place().table)))
        .and_where(Expr::col("version").eq(i64::from(version)))
        .to_owned();
    let row = tx.one(select.lock_exclusive()).await?;
    let row = row.ok_or_else(|| Fault::bug("the progress of a cell is there and is not"))?;
    Ok(Progress {
        after_id: row.get("after_id")?,
        moved: row.get("moved")?,
        waiting: row.get("waiting")?,
        done: row.get("done")?,
    })
}

/// Writes down how far this cell is.
pub async fn save_progress(
    tx: &Tx,
    tenant: &TenantCode,
    version: u32,
    progress: Progress,
) -> Result<(), Fault> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let update = Query::update()
        .table("order_drains")
        .value("after_id", progress.after_id)
        .value("moved", count(progress.moved))
        .value("waiting", count(progress.waiting))
        .value("done", progress.done)
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("cell_table").eq(i64::from(tx.place().table)))
        .and_where(Expr::col("version").eq(i64::from(version)))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

fn select(
    tx: &Tx,
    table: &Table,
    tenant: &TenantCode,
    id: OrderId,
) -> Result<SelectStatement, Fault> {
    Ok(Query::select()
        .columns(table.columns.iter().map(|c| c.0))
        .from(tx.table(table.name)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col(table.order).eq(id.get()))
        .order_by(table.sort, Sort::Asc)
        .to_owned())
}

fn delete(
    tx: &Tx,
    table: &Table,
    tenant: &TenantCode,
    id: OrderId,
) -> Result<DeleteStatement, Fault> {
    Ok(Query::delete()
        .from_table(tx.table(table.name)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col(table.order).eq(id.get()))
        .to_owned())
}

fn values(row: &Row, table: &Table) -> Result<Vec<Value>, Fault> {
    let value = |(column, kind): &(&'static str, Kind)| match kind {
        Int => row.get::<Option<i64>>(column).map(Value::from),
        Bool => row.get::<bool>(column).map(Value::from),
        Text => row.get::<Option<String>>(column).map(Value::from),
    };
    table.columns.iter().map(value).collect()
}

/// A place as a number: `32 · database + table`.
fn number(place: Place) -> i64 {
    i64::from(place.db) * i64::from(kit::id::PLACES_MAX) + i64::from(place.table)
}

fn place(number: i64) -> Result<Place, Fault> {
    let size = i64::from(kit::id::PLACES_MAX);
    let part = |n: i64| u8::try_from(n).ok();
    let place = part(number / size).zip(part(number % size)).and_then(|(d, t)| Place::new(d, t));
    place.ok_or_else(|| Fault::bug(format!("{number} is no place")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_as_a_number() {
        for db in 0..32 {
            for table in 0..32 {
                let there = Place { db, table };
                assert_eq!(place(number(there)).unwrap(), there);
            }
        }
        assert!(place(1_024).is_err() && place(-1).is_err());
    }

    #[test]
    fn every_column_of_an_order_is_copied() {
        let copied: Vec<&str> = ORDERS.columns.iter().map(|c| c.0).collect();
        let all: Vec<&str> = super::super::COLUMNS.iter().copied().filter(|c| *c != "id").collect();
        assert_eq!(copied, all);
    }
}
