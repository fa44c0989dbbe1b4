//! All SQL of orders and their rows. Nothing else knows a column. Every table is sharded: a transaction
//! here is routed to the cell of the order.

pub mod drain;
mod listed;

use flow::Tables;
use kit::{Currency, Money, TenantCode, Timestamp};
use order_api::{Adjustment, OrderLine, OrderParcel, PaymentMethod};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, OnConflict, Order as Sort, Query, SelectStatement};
use shard::{Migration, MigrationSet, Row, Tx};
use types::{Address, MemberId, OrderId, Quantity, SkuId, SpuId};

use crate::model::{method_from_name, method_name};

pub use listed::{ListedRow, of_member};

/// The tables that move through a flow.
pub const TABLES: Tables = Tables { entity: "orders", history: "order_history" };
/// The version of a new order, and the number of its history's first line.
pub const FIRST_VERSION: i64 = 1;
/// The logical tables that stand once per cell.
pub const CELL_TABLES: &[&str] =
    &["orders", "order_lines", "order_history", "order_buyers", "order_forwards"];

/// The schema of orders.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "order",
    common: &[Migration {
        version: 1,
        name: "drains",
        sql: include_str!("../migrations/0001_drains.sql"),
    }],
    cells: &[
        Migration {
            version: 1,
            name: "orders",
            sql: include_str!("../migrations/0001_orders.sql"),
        },
        Migration {
            version: 2,
            name: "order_lines",
            sql: include_str!("../migrations/0002_order_lines.sql"),
        },
        Migration {
            version: 3,
            name: "order_history",
            sql: flow::history_table!("order_history_{t}"),
        },
        Migration { version: 4, name: "money", sql: include_str!("../migrations/0004_money.sql") },
        Migration {
            version: 5,
            name: "buyers",
            sql: include_str!("../migrations/0005_buyers.sql"),
        },
        Migration { version: 6, name: "moves", sql: include_str!("../migrations/0006_moves.sql") },
        Migration {
            version: 7,
            name: "listed",
            sql: include_str!("../migrations/0007_listed.sql"),
        },
    ],
};

/// An order as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub id: OrderId,
    pub member_id: MemberId,
    pub status: String,
    pub version: i64,
    pub flow_version: u32,
    /// Whether it counts as unpaid: see [`crate::model::owes`].
    pub awaits_payment: bool,
    pub holds_stock: bool,
    pub payment_method: PaymentMethod,
    pub channel: String,
    pub currency: Currency,
    pub subtotal: i64,
    pub adjustments: Vec<Adjustment>,
    pub shipping: i64,
    pub total: i64,
    /// captured − refunded.
    pub paid: i64,
    pub captured: i64,
    pub refunded: i64,
    pub title: String,
    pub image_url: Option<String>,
    pub units: i64,
    pub line_count: usize,
    pub parcels: Vec<OrderParcel>,
    pub address: Address,
    pub note: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl OrderRow {
    /// An amount of this order as money.
    pub fn money(&self, amount: i64) -> Result<Money, Fault> {
        Money::new(amount, self.currency).map_err(Fault::internal)
    }
}

const COLUMNS: [&str; 25] = [
    "id",
    "member_id",
    "status",
    "version",
    "flow_version",
    "awaits_payment",
    "holds_stock",
    "payment_method",
    "channel",
    "currency",
    "subtotal",
    "adjustments",
    "shipping",
    "total",
    "paid",
    "captured",
    "refunded",
    "title",
    "image_url",
    "units",
    "parcels",
    "address",
    "note",
    "created_at",
    "updated_at",
];

/// Adds an order with its lines; `false` when its id is taken, and then nothing has changed.
pub async fn insert(
    tx: &Tx,
    tenant: &TenantCode,
    row: &OrderRow,
    lines: &[OrderLine],
) -> Result<bool, Fault> {
    let mut columns = vec!["tenant"];
    columns.extend(COLUMNS);
    let insert = Query::insert()
        .into_table(tx.table("orders")?)
        .columns(columns)
        .values_panic([
            tenant.as_str().into(),
            row.id.get().into(),
            row.member_id.get().into(),
            row.status.clone().into(),
            row.version.into(),
            i64::from(row.flow_version).into(),
            row.awaits_payment.into(),
            row.holds_stock.into(),
            method_name(row.payment_method).into(),
            row.channel.clone().into(),
            row.currency.code().into(),
            row.subtotal.into(),
            to_json(&row.adjustments)?.into(),
            row.shipping.into(),
            row.total.into(),
            row.paid.into(),
            row.captured.into(),
            row.refunded.into(),
            row.title.clone().into(),
            row.image_url.clone().into(),
            row.units.into(),
            to_json(&row.parcels)?.into(),
            to_json(&row.address)?.into(),
            row.note.clone().into(),
            row.created_at.micros().into(),
            row.updated_at.micros().into(),
        ])
        .to_owned();
    if !tx.insert_unique(&insert).await? {
        return Ok(false);
    }
    insert_lines(tx, tenant, row.id, lines).await?;
    Ok(true)
}

async fn insert_lines(
    tx: &Tx,
    tenant: &TenantCode,
    id: OrderId,
    lines: &[OrderLine],
) -> Result<(), Fault> {
    let mut insert = Query::insert()
        .into_table(tx.table("order_lines")?)
        .columns([
            "tenant",
            "order_id",
            "line_no",
            "sku_id",
            "spu_id",
            "title",
            "variant",
            "code",
            "image_url",
            "quantity",
            "price",
        ])
        .to_owned();
    for line in lines {
        insert.values_panic([
            tenant.as_str().into(),
            id.get().into(),
            line.line_no.into(),
            line.sku_id.get().into(),
            line.spu_id.get().into(),
            line.title.clone().into(),
            line.variant.clone().into(),
            line.code.clone().into(),
            line.image_url.clone().into(),
            line.quantity.get().into(),
            line.price.amount().into(),
        ]);
    }
    tx.exec(&insert).await.map(|_| ())
}

/// One order.
pub async fn load(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<Option<OrderRow>, Fault> {
    tx.one(&is_order(tx, tenant, id)?).await?.map(|row| read(&row)).transpose()
}

/// The same, locked until the transaction ends: whoever changes an order takes its turn here.
pub async fn lock(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<Option<OrderRow>, Fault> {
    let mut select = is_order(tx, tenant, id)?;
    let Some(row) = tx.one(select.column("moving_to").lock_exclusive()).await? else {
        return Ok(None);
    };
    drain::refuse_moving(&row)?;
    read(&row).map(Some)
}

fn is_order(tx: &Tx, tenant: &TenantCode, id: OrderId) -> Result<SelectStatement, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    Ok(select)
}

/// Makes whoever else places an order of this member in this cell wait until this transaction ends.
pub async fn take_turn(tx: &Tx, tenant: &TenantCode, member: MemberId) -> Result<(), Fault> {
    let table = tx.table("order_buyers")?;
    let placed = Expr::col((table.clone(), "placed")).add(1);
    let upsert = Query::insert()
        .into_table(table)
        .columns(["tenant", "member_id", "placed"])
        .values_panic([tenant.as_str().into(), member.get().into(), 1.into()])
        .on_conflict(
            OnConflict::columns(["tenant", "member_id"]).value("placed", placed).to_owned(),
        )
        .to_owned();
    tx.exec(&upsert).await.map(|_| ())
}

/// The lines of an order.
pub async fn lines(
    tx: &Tx,
    tenant: &TenantCode,
    order: &OrderRow,
) -> Result<Vec<OrderLine>, Fault> {
    let select = Query::select()
        .columns([
            "line_no",
            "sku_id",
            "spu_id",
            "title",
            "variant",
            "code",
            "image_url",
            "quantity",
            "price",
        ])
        .from(tx.table("order_lines")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.id.get()))
        .order_by("line_no", Sort::Asc)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| read_line(row, order)).collect()
}

/// Orders of this cell after an id, in the order of their ids.
pub async fn after(
    tx: &Tx,
    tenant: &TenantCode,
    id: i64,
    limit: u64,
) -> Result<Vec<OrderRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").gt(id))
        .order_by("id", Sort::Asc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(read).collect()
}

/// How many orders of a member in this cell wait for their money, on a card or at the door; counts to `max`
/// at most.
pub async fn unpaid(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    max: u32,
) -> Result<u32, Fault> {
    let select = Query::select()
        .column("awaits_payment")
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(member.get()))
        .and_where(Expr::col("awaits_payment").eq(true))
        .limit(max.into())
        .to_owned();
    Ok(u32::try_from(tx.all(&select).await?.len()).unwrap_or(u32::MAX))
}

/// Sets what has arrived and what went back; counts the version up.
pub async fn set_money(
    tx: &Tx,
    tenant: &TenantCode,
    order: &OrderRow,
    (captured, refunded): (i64, i64),
    awaits_payment: bool,
) -> Result<OrderRow, Fault> {
    let (paid, version) = (captured - refunded, order.version + 1);
    let update = Query::update()
        .table(tx.table("orders")?)
        .value("paid", paid)
        .value("captured", captured)
        .value("refunded", refunded)
        .value("awaits_payment", awaits_payment)
        .value("version", version)
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(order.id.get()))
        .and_where(Expr::col("version").eq(order.version))
        .to_owned();
    match tx.exec(&update).await? {
        1 => {
            let now = OrderRow { paid, captured, refunded, awaits_payment, ..order.clone() };
            Ok(OrderRow { version, updated_at: tx.now(), ..now })
        }
        _ => Err(Fault::new(kit::ErrorCode::Conflict, "the order was changed meanwhile")),
    }
}

/// Sets what follows from the status.
pub async fn set_marks(
    tx: &Tx,
    tenant: &TenantCode,
    id: OrderId,
    awaits_payment: bool,
    holds_stock: bool,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("orders")?)
        .value("awaits_payment", awaits_payment)
        .value("holds_stock", holds_stock)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// How many orders of the tenant with this id or a later one lie in this cell.
pub async fn count(tx: &Tx, tenant: &TenantCode, from: i64) -> Result<i64, Fault> {
    let select = Query::select()
        .expr_as(Expr::col("id").count(), "n")
        .from(tx.table("orders")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").gte(from))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}

fn read(row: &Row) -> Result<OrderRow, Fault> {
    let currency: String = row.get("currency")?;
    let method: String = row.get("payment_method")?;
    let parcels: Vec<OrderParcel> = from_json(&row.get::<String>("parcels")?)?;
    let skus: std::collections::BTreeSet<SkuId> =
        parcels.iter().flat_map(|p| &p.lines).map(|l| l.sku_id).collect();
    Ok(OrderRow {
        id: OrderId(row.get("id")?),
        member_id: MemberId(row.get("member_id")?),
        status: row.get("status")?,
        version: row.get("version")?,
        flow_version: row.get("flow_version")?,
        awaits_payment: row.get("awaits_payment")?,
        holds_stock: row.get("holds_stock")?,
        payment_method: method_from_name(&method)
            .ok_or_else(|| Fault::bug(format!("payment method {method}")))?,
        channel: row.get("channel")?,
        currency: currency.parse().map_err(Fault::internal)?,
        subtotal: row.get("subtotal")?,
        adjustments: from_json(&row.get::<String>("adjustments")?)?,
        shipping: row.get("shipping")?,
        total: row.get("total")?,
        paid: row.get("paid")?,
        captured: row.get("captured")?,
        refunded: row.get("refunded")?,
        title: row.get("title")?,
        image_url: row.get("image_url")?,
        units: row.get("units")?,
        line_count: skus.len(),
        parcels,
        address: from_json(&row.get::<String>("address")?)?,
        note: row.get("note")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn read_line(row: &Row, order: &OrderRow) -> Result<OrderLine, Fault> {
    let quantity = Quantity::try_from(row.get::<i64>("quantity")?).map_err(Fault::internal)?;
    let price = order.money(row.get("price")?)?;
    Ok(OrderLine {
        line_no: row.get("line_no")?,
        sku_id: SkuId(row.get("sku_id")?),
        spu_id: SpuId(row.get("spu_id")?),
        title: row.get("title")?,
        variant: row.get("variant")?,
        code: row.get("code")?,
        image_url: row.get("image_url")?,
        quantity,
        price,
        total: price.times(quantity.get().into()).map_err(Fault::internal)?,
    })
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(Fault::internal)
}
