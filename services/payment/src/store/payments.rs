//! Statements on attempts.

use kit::{Money, TenantCode, Timestamp};
use payment_api::PaymentState;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Row, Tx};
use types::{MemberId, OrderId, PaymentId};

use super::money;
use crate::model::{Step, state_from_name, state_name};

/// An attempt as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub member_id: MemberId,
    pub provider: String,
    pub reference: Option<String>,
    pub state: PaymentState,
    pub amount: Money,
    pub refunding: i64,
    pub refunded: i64,
    pub decline_reason: Option<String>,
    pub card_brand: Option<String>,
    pub card_last4: Option<String>,
    pub next_query_at: Option<Timestamp>,
    pub queries: u32,
    /// The principal who paid or collected.
    pub actor: String,
    pub created_at: Timestamp,
}

const COLUMNS: [&str; 17] = [
    "id",
    "order_id",
    "member_id",
    "provider",
    "provider_reference",
    "state",
    "currency",
    "amount",
    "refunding",
    "refunded",
    "decline_reason",
    "card_brand",
    "card_last4",
    "next_query_at",
    "queries",
    "actor",
    "created_at",
];

/// Adds an attempt; `false` when the order has an open one already, or the provider's reference is
/// taken, and then nothing has changed.
pub async fn insert(tx: &Tx, tenant: &TenantCode, row: &PaymentRow) -> Result<bool, Fault> {
    let open = (row.state == PaymentState::Pending).then(|| row.order_id.get());
    let mut columns = vec!["tenant", "open_order_id", "updated_at"];
    columns.extend(COLUMNS);
    let insert = Query::insert()
        .into_table(tx.table("payments")?)
        .columns(columns)
        .values_panic([
            tenant.as_str().into(),
            open.into(),
            tx.now().micros().into(),
            row.id.get().into(),
            row.order_id.get().into(),
            row.member_id.get().into(),
            row.provider.clone().into(),
            row.reference.clone().into(),
            state_name(row.state).into(),
            row.amount.currency().code().into(),
            row.amount.amount().into(),
            row.refunding.into(),
            row.refunded.into(),
            row.decline_reason.clone().into(),
            row.card_brand.clone().into(),
            row.card_last4.clone().into(),
            row.next_query_at.map(Timestamp::micros).into(),
            i64::from(row.queries).into(),
            row.actor.clone().into(),
            row.created_at.micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// One attempt.
pub async fn load(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
) -> Result<Option<PaymentRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("payments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// The attempts of an order, oldest first.
pub async fn of_order(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Vec<PaymentRow>, Fault> {
    tx.all(&all_of_order(tx, tenant, order)?).await?.iter().map(read).collect()
}

/// The same, locked until the transaction ends. Whatever books money of an order takes its turn here: then
/// it sees all that was booked before, and its messages come after theirs.
pub async fn lock_order(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
) -> Result<Vec<PaymentRow>, Fault> {
    let mut select = all_of_order(tx, tenant, order)?;
    tx.all(select.lock_exclusive()).await?.iter().map(read).collect()
}

fn all_of_order(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<SelectStatement, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("payments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .order_by("id", Order::Asc)
        .to_owned();
    Ok(select)
}

/// How many attempts an order has had.
pub async fn count_of_order(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<u32, Fault> {
    let select = Query::select()
        .expr_as(Expr::col("id").count(), "n")
        .from(tx.table("payments")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}

/// Whose attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    Provider(&'static str),
    /// Also of providers that are gone.
    AllBut(Vec<&'static str>),
}

/// Attempts of this cell, of all tenants, that are to be asked for.
pub async fn due(
    tx: &Tx,
    of: &Of,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(TenantCode, PaymentRow)>, Fault> {
    let mut columns = vec!["tenant"];
    columns.extend(COLUMNS);
    let mut select = Query::select()
        .columns(columns)
        .from(tx.table("payments")?)
        .and_where(Expr::col("next_query_at").lte(now.micros()))
        .order_by("next_query_at", Order::Asc)
        .limit(limit)
        .to_owned();
    match of {
        Of::Provider(name) => select.and_where(Expr::col("provider").eq(*name)),
        Of::AllBut(none) if none.is_empty() => &mut select,
        Of::AllBut(others) => {
            select.and_where(Expr::col("provider").is_not_in(others.iter().copied()))
        }
    };
    let with_tenant = |row: &Row| {
        let tenant: String = row.get("tenant")?;
        Ok((tenant.parse().map_err(Fault::internal)?, read(row)?))
    };
    tx.all(&select).await?.iter().map(with_tenant).collect()
}

/// Takes an open attempt to ask for it; `false` when it is not due any more as `row` says: somebody else has
/// taken it, or knows what became of it.
pub async fn claim_query(
    tx: &Tx,
    tenant: &TenantCode,
    row: &PaymentRow,
    until: Timestamp,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("payments")?)
        .value("next_query_at", until.micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(row.id.get()))
        .and_where(Expr::col("state").eq(state_name(PaymentState::Pending)))
        .and_where(Expr::col("next_query_at").eq(row.next_query_at.map(Timestamp::micros)))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// Asks again later.
pub async fn postpone_query(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    at: Timestamp,
    queries: u32,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("payments")?)
        .value("next_query_at", at.micros())
        .value("queries", i64::from(queries))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("state").eq(state_name(PaymentState::Pending)))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Moves an attempt; `false` when it does not stand any more where `row` says.
pub async fn take_step(
    tx: &Tx,
    tenant: &TenantCode,
    row: &PaymentRow,
    step: &Step,
) -> Result<bool, Fault> {
    let mut update = Query::update()
        .table(tx.table("payments")?)
        .value("state", state_name(step.to))
        .value("decline_reason", step.reason.clone())
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(row.id.get()))
        .and_where(Expr::col("state").eq(state_name(row.state)))
        .to_owned();
    if let Some(reference) = &step.reference {
        update.value("provider_reference", reference.as_str());
    }
    if step.to != PaymentState::Pending {
        update.value("open_order_id", Option::<i64>::None);
        update.value("next_query_at", Option::<i64>::None);
    }
    Ok(tx.exec(&update).await? == 1)
}

/// Claims a part of a captured payment for a refund; `false` when that much is not left.
pub async fn claim_refund(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    amount: i64,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("payments")?)
        .value("refunding", Expr::col("refunding").add(amount))
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("state").eq(state_name(PaymentState::Captured)))
        .and_where(Expr::col("refunding").add(amount).lte(Expr::col("amount")))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// The provider has confirmed a refund.
pub async fn add_refunded(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    amount: i64,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("payments")?)
        .value("refunded", Expr::col("refunded").add(amount))
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("refunded").add(amount).lte(Expr::col("refunding")))
        .to_owned();
    match tx.exec(&update).await? {
        1 => Ok(()),
        _ => Err(Fault::bug("a refund is done that was never claimed")),
    }
}

fn read(row: &Row) -> Result<PaymentRow, Fault> {
    let state: String = row.get("state")?;
    Ok(PaymentRow {
        id: PaymentId(row.get("id")?),
        order_id: OrderId(row.get("order_id")?),
        member_id: MemberId(row.get("member_id")?),
        provider: row.get("provider")?,
        reference: row.get("provider_reference")?,
        state: state_from_name(&state).ok_or_else(|| Fault::bug(format!("state {state}")))?,
        amount: money(row, "amount")?,
        refunding: row.get("refunding")?,
        refunded: row.get("refunded")?,
        decline_reason: row.get("decline_reason")?,
        card_brand: row.get("card_brand")?,
        card_last4: row.get("card_last4")?,
        next_query_at: row.get("next_query_at")?,
        queries: row.get("queries")?,
        actor: row.get("actor")?,
        created_at: row.get("created_at")?,
    })
}
