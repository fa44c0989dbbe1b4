//! Implements the trait: one file per group of operations. An attempt and a refund are on record before
//! a provider hears of them; what it answers is booked in a second transaction. No provider is called
//! inside a transaction.

mod cash;
mod pay;
mod read;
mod refund;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use kit::Money;
use order_api::{Brief, OrderBrief, OrderClient};
use outbox::{Idempotency, Outbox};
use payment_api::{
    Callback, CollectCash, Error, ForOrder, OrderPayments, Pay, Payment, PaymentView, Refund,
    RefundView,
};
use rpc::{Ctx, Fault};
use sha2::{Digest as _, Sha256};
use shard::{Database, Ids, Route};
use types::OrderId;

use crate::Options;
use crate::model;
use crate::provider::{Outcome, Provider, ProviderError};
use crate::store::{PaymentRow, RefundRow};

pub use refund::{REFUND_DUE, RefundDue};
pub use settle::CALLBACK_BYTES_MAX;

/// Messages about an order's money are messages about the order: they arrive one after the other.
const AGGREGATE: &str = "order";

/// The service.
pub struct Service {
    pub(crate) db: Database,
    pub(crate) outbox: Outbox,
    pub(crate) ids: Ids,
    pub(crate) idempotency: Idempotency,
    pub(crate) orders: OrderClient,
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    pub(crate) options: Options,
}

impl Service {
    /// The place of an id, if this service can have it at all: ids come from clients, and cells from other
    /// processes, too.
    async fn route(&self, ctx: &Ctx, place: kit::Place, what: &str) -> Result<Route, Fault> {
        let is_there = self.db.find_cell(ctx, place).await?;
        if is_there { Ok(place.into()) } else { Err(Fault::not_found(what)) }
    }

    async fn route_of_order(&self, ctx: &Ctx, id: OrderId) -> Result<Route, Fault> {
        self.route(ctx, id.place(), "this order").await
    }

    /// How an order stands, whoever asks.
    async fn order(&self, ctx: &Ctx, id: OrderId) -> Result<OrderBrief, Fault> {
        let system = ctx.as_system("payment");
        let found = self.orders.brief(&system, Brief { order_ids: vec![id] }).await;
        let found = found.map_err(rpc::ServiceError::into_fault)?;
        found.into_iter().find(|o| o.id == id).ok_or_else(|| Fault::not_found("this order"))
    }

    fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.iter().find(|p| p.name() == name)
    }
}

/// Gives a provider so much time; running out of it tells nothing.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let late = || ProviderError::Unknown("it ran out of time".to_owned());
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(late()))
}

/// An answer whose texts can be kept.
fn sound(outcome: Outcome) -> Result<Outcome, ProviderError> {
    if model::is_sound(&outcome) {
        return Ok(outcome);
    }
    Err(ProviderError::Unknown("its reference or reason makes no sense".to_owned()))
}

/// The same call with a hash for its idempotency key that covers what the path names, too. `body` stands
/// in for the hash of the body where that must not be kept.
fn scoped(ctx: &Ctx, subject: &str, body: Option<&str>) -> Ctx {
    let mut ctx = ctx.clone();
    if let Some(key) = &mut ctx.idempotency {
        let body = body.unwrap_or(&key.body_hash);
        key.body_hash = hex::encode(Sha256::digest(format!("{subject}\n{body}")));
    }
    ctx
}

fn payment_view(row: &PaymentRow) -> Result<PaymentView, Fault> {
    Ok(PaymentView {
        id: row.id,
        order_id: row.order_id,
        provider: row.provider.clone(),
        provider_reference: row.reference.clone(),
        state: row.state,
        amount: row.amount,
        refunded: Money::new(row.refunded, row.amount.currency()).map_err(Fault::internal)?,
        decline_reason: row.decline_reason.clone(),
        card_brand: row.card_brand.clone(),
        card_last4: row.card_last4.clone(),
        actor: row.actor.clone(),
        created_at: row.created_at,
    })
}

fn refund_view(row: &RefundRow) -> RefundView {
    RefundView {
        id: row.id,
        payment_id: row.payment_id,
        order_id: row.order_id,
        amount: row.amount,
        done: row.done,
        reason: row.reason.clone(),
        actor: row.actor.clone(),
        created_at: row.created_at,
    }
}

#[rpc::async_trait]
impl Payment for Service {
    async fn pay(&self, ctx: &Ctx, req: Pay) -> Result<PaymentView, Error> {
        self.pay_order(ctx, req).await
    }

    async fn for_order(&self, ctx: &Ctx, req: ForOrder) -> Result<OrderPayments, Error> {
        self.of_order(ctx, req.order_id).await
    }

    async fn refund(&self, ctx: &Ctx, req: Refund) -> Result<RefundView, Error> {
        self.refund_payment(ctx, req).await
    }

    async fn callback(&self, ctx: &Ctx, req: Callback) -> Result<(), Error> {
        self.take_callback(ctx, req).await
    }

    async fn collect_cash(&self, ctx: &Ctx, req: CollectCash) -> Result<PaymentView, Error> {
        self.collect(ctx, req).await
    }
}
