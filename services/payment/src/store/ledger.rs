//! Statements on the ledger: a row for every sum that arrived or went back, never changed.

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::Tx;
use types::{OrderId, PaymentId};

/// Books a sum. An entry is booked once.
pub async fn book(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    entry: String,
    payment: PaymentId,
    amount: i64,
) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table(tx.table("ledger")?)
        .columns(["tenant", "order_id", "entry", "payment_id", "amount", "booked_at"])
        .values_panic([
            tenant.as_str().into(),
            order.get().into(),
            entry.clone().into(),
            payment.get().into(),
            amount.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(());
    }
    Err(Fault::bug(format!("{entry} would be booked twice")))
}

/// What an order's ledger sums to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// All that arrived.
    pub captured: i64,
    /// All that went back; not negative.
    pub refunded: i64,
}

impl Sums {
    /// Σ of the entries.
    #[must_use]
    pub const fn balance(self) -> i64 {
        self.captured - self.refunded
    }
}

/// Sums an order's entries. Summed here, because engines differ in the type of a sum; an order has few.
pub async fn sums(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<Sums, Fault> {
    let select = Query::select()
        .column("amount")
        .from(tx.table("ledger")?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("order_id").eq(order.get()))
        .to_owned();
    let mut sums = Sums::default();
    for row in tx.all(&select).await? {
        match row.get::<i64>("amount")? {
            back @ ..0 => sums.refunded -= back,
            arrived => sums.captured += arrived,
        }
    }
    Ok(sums)
}
