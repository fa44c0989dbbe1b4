//! The book of the simulated provider: what it was asked, what it answered, what it still has to tell.
//! It stands in a database of its own, because a real one would be somebody else's.

use kit::{TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Migration, MigrationSet, Row, Tx};
use types::{PaymentId, RefundId};

/// The schema of the book.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "test_card",
    common: &[Migration {
        version: 1,
        name: "charges",
        sql: include_str!("../../migrations/0004_test_card.sql"),
    }],
    cells: &[],
};

/// A charge as the book has it. Outcomes are `captured`, `pending`, or why it was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRow {
    pub payment_id: PaymentId,
    pub amount: i64,
    pub refunded: i64,
    pub outcome: String,
    pub later_outcome: Option<String>,
    pub callback_at: Option<Timestamp>,
    pub callback_tries: u32,
}

const COLUMNS: [&str; 7] = [
    "payment_id",
    "amount",
    "refunded",
    "outcome",
    "later_outcome",
    "callback_at",
    "callback_tries",
];

/// Writes a charge down; `false` when it is there already.
pub async fn insert(tx: &Tx, tenant: &TenantCode, row: &ChargeRow) -> Result<bool, Fault> {
    let mut columns = vec!["tenant", "created_at"];
    columns.extend(COLUMNS);
    let insert = Query::insert()
        .into_table(tx.table("charges")?)
        .columns(columns)
        .values_panic([
            tenant.as_str().into(),
            tx.now().micros().into(),
            row.payment_id.get().into(),
            row.amount.into(),
            row.refunded.into(),
            row.outcome.clone().into(),
            row.later_outcome.clone().into(),
            row.callback_at.map(Timestamp::micros).into(),
            i64::from(row.callback_tries).into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// One charge.
pub async fn load(tx: &Tx, tenant: &TenantCode, id: PaymentId) -> Result<Option<ChargeRow>, Fault> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(tx.table("charges")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("payment_id").eq(id.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// Charges of all tenants with something to tell.
pub async fn due(
    tx: &Tx,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(TenantCode, ChargeRow)>, Fault> {
    let mut columns = vec!["tenant"];
    columns.extend(COLUMNS);
    let select = Query::select()
        .columns(columns)
        .from(tx.table("charges")?)
        .and_where(Expr::col("callback_at").lte(now.micros()))
        .order_by("callback_at", Order::Asc)
        .limit(limit)
        .to_owned();
    let with_tenant = |row: &Row| {
        let tenant: String = row.get("tenant")?;
        Ok((tenant.parse().map_err(Fault::internal)?, read(row)?))
    };
    tx.all(&select).await?.iter().map(with_tenant).collect()
}

/// What was to come later has come.
pub async fn settle(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    outcome: &str,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("charges")?)
        .value("outcome", outcome)
        .value("later_outcome", Option::<String>::None)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("payment_id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// When to tell next; never again without.
pub async fn plan_callback(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    at: Option<Timestamp>,
    tries: u32,
) -> Result<(), Fault> {
    let update = Query::update()
        .table(tx.table("charges")?)
        .value("callback_at", at.map(Timestamp::micros))
        .value("callback_tries", i64::from(tries))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("payment_id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Gives money back; `false` when it was given back under this number before.
pub async fn insert_refund(
    tx: &Tx,
    tenant: &TenantCode,
    id: RefundId,
    of: PaymentId,
    amount: i64,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table(tx.table("card_refunds")?)
        .columns(["tenant", "refund_id", "payment_id", "amount", "created_at"])
        .values_panic([
            tenant.as_str().into(),
            id.get().into(),
            of.get().into(),
            amount.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Counts a refund on its charge; `false` when that much is not there.
pub async fn add_refunded(
    tx: &Tx,
    tenant: &TenantCode,
    id: PaymentId,
    amount: i64,
) -> Result<bool, Fault> {
    let update = Query::update()
        .table(tx.table("charges")?)
        .value("refunded", Expr::col("refunded").add(amount))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("payment_id").eq(id.get()))
        .and_where(Expr::col("outcome").eq("captured"))
        .and_where(Expr::col("refunded").add(amount).lte(Expr::col("amount")))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

fn read(row: &Row) -> Result<ChargeRow, Fault> {
    Ok(ChargeRow {
        payment_id: PaymentId(row.get("payment_id")?),
        amount: row.get("amount")?,
        refunded: row.get("refunded")?,
        outcome: row.get("outcome")?,
        later_outcome: row.get("later_outcome")?,
        callback_at: row.get("callback_at")?,
        callback_tries: row.get("callback_tries")?,
    })
}
