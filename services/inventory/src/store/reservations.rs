//! Rows of reservations.

use std::collections::BTreeMap;

use inventory_api::ReservationState;
use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{
    Condition, Expr, ExprTrait as _, LockBehavior, LockType, Order, Query, SelectStatement,
};
use shard::{Row, Tx};
use types::{OrderId, SkuId, WarehouseId};

use super::{For, of_tenant};
use crate::model::{Pick, Slot};

/// A reservation as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservationRow {
    pub state: ReservationState,
    pub expires_at: Option<Timestamp>,
}

const fn state_name(state: ReservationState) -> &'static str {
    match state {
        ReservationState::Reserved => "reserved",
        ReservationState::Bound => "bound",
        ReservationState::Sold => "sold",
        ReservationState::Released => "released",
    }
}

fn state_from(name: &str) -> Result<ReservationState, Fault> {
    use ReservationState::{Bound, Released, Reserved, Sold};
    [Reserved, Bound, Sold, Released]
        .into_iter()
        .find(|s| state_name(*s) == name)
        .ok_or_else(|| Fault::bug(format!("a reservation is `{name}`")))
}

fn is_order(tenant: &TenantCode, order: OrderId) -> Condition {
    of_tenant(tenant).add(Expr::col("order_id").eq(order.get()))
}

/// What is known of an order's reservation.
pub async fn reservation(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    what_for: For,
) -> Result<Option<ReservationRow>, Fault> {
    let select = Query::select()
        .columns(["state", "expires_at"])
        .from("reservations")
        .cond_where(is_order(tenant, order))
        .to_owned();
    let read = |r: Row| {
        let state = state_from(&r.get::<String>("state")?)?;
        Ok(ReservationRow { state, expires_at: r.get("expires_at")? })
    };
    tx.one(&what_for.lock(select)).await?.map(read).transpose()
}

/// Adds a reservation; `false` when there is one for the order.
pub async fn insert_reservation(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    row: ReservationRow,
) -> Result<bool, Fault> {
    let (now, expires_at) = (tx.now().micros(), row.expires_at.map(Timestamp::micros));
    let insert = Query::insert()
        .into_table("reservations")
        .columns([
            "tenant",
            "order_id",
            "state",
            "expires_at",
            "check_at",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            order.get().into(),
            state_name(row.state).into(),
            expires_at.into(),
            expires_at.into(),
            now.into(),
            now.into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Moves a reservation on from where it stands, for good: it no longer expires. `false` when it stands
/// elsewhere.
pub async fn set_state(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    from: ReservationState,
    to: ReservationState,
) -> Result<bool, Fault> {
    let never = Option::<i64>::None;
    let update = Query::update()
        .table("reservations")
        .value("state", state_name(to))
        .value("expires_at", never)
        .value("check_at", never)
        .value("updated_at", tx.now().micros())
        .cond_where(is_order(tenant, order).add(Expr::col("state").eq(state_name(from))))
        .to_owned();
    Ok(tx.exec(&update).await? > 0)
}

/// Keeps where a reservation's units come from.
pub async fn insert_picks(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    picks: &[Pick],
) -> Result<(), Fault> {
    let mut insert = Query::insert()
        .into_table("reservation_lines")
        .columns(["tenant", "order_id", "sku_id", "warehouse_id", "bucket", "quantity"])
        .to_owned();
    for pick in picks {
        insert.values_panic([
            tenant.as_str().into(),
            order.get().into(),
            pick.slot.sku_id.get().into(),
            pick.slot.warehouse_id.get().into(),
            pick.slot.bucket.into(),
            pick.quantity.into(),
        ]);
    }
    tx.exec(&insert).await.map(|_| ())
}

/// Where a reservation's units come from, in the order of the stock rows' keys.
pub async fn picks(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<Vec<Pick>, Fault> {
    let select = Query::select()
        .columns(["sku_id", "warehouse_id", "bucket", "quantity"])
        .from("reservation_lines")
        .cond_where(is_order(tenant, order))
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
        Ok(Pick { slot, quantity: r.get("quantity")? })
    };
    tx.all(&select).await?.iter().map(read).collect()
}

fn due_at(now: Timestamp, limit: u32) -> SelectStatement {
    Query::select()
        .columns(["tenant", "order_id"])
        .from("reservations")
        .and_where(Expr::col("check_at").lte(now.micros()))
        .order_by("check_at", Order::Asc)
        .limit(limit.into())
        .to_owned()
}

/// Whether the time of any reservation, of whichever tenant, is over.
pub async fn is_any_due(tx: &Tx) -> Result<bool, Fault> {
    Ok(tx.one(&due_at(tx.now(), 1)).await?.is_some())
}

/// Takes reservations of all tenants whose time is over, the longest first: nobody else is given them before
/// `until`. Those that somebody has locked are in work already.
pub async fn claim_due(
    tx: &Tx,
    limit: u32,
    until: Timestamp,
) -> Result<BTreeMap<TenantCode, Vec<OrderId>>, Fault> {
    let mut select = due_at(tx.now(), limit);
    select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let mut claimed = BTreeMap::<TenantCode, Vec<OrderId>>::new();
    for row in tx.all(&select).await? {
        let tenant = row.get::<String>("tenant")?.parse().map_err(Fault::internal)?;
        claimed.entry(tenant).or_default().push(OrderId(row.get("order_id")?));
    }
    for (tenant, orders) in &claimed {
        check_later(tx, tenant, orders, until).await?;
    }
    Ok(claimed)
}

/// Looks at some expired reservations again later.
pub async fn check_later(
    tx: &Tx,
    tenant: &TenantCode,
    orders: &[OrderId],
    at: Timestamp,
) -> Result<(), Fault> {
    let these = Expr::col("order_id").is_in(orders.iter().map(|o| o.get()));
    let update = Query::update()
        .table("reservations")
        .value("check_at", at.micros())
        .cond_where(of_tenant(tenant).add(these).add(Expr::col("check_at").is_not_null()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
