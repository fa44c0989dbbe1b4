//! Booking what became of an attempt: the state by compare-and-set, the ledger and the message, all in
//! one transaction. News that says nothing new changes nothing, so a callback may come again and again.

use std::sync::Arc;

use kit::{ErrorCode, Money};
use outbox::{NewMessage, Outbox};
use payment_api::{CAPTURED, Callback, Error, PaymentEvent, PaymentState};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::PaymentId;

use super::{AGGREGATE, Service};
use crate::model::{self, News};
use crate::provider::Attempted;
use crate::store::{self, PaymentRow};

/// The largest body of a callback, in bytes.
pub const CALLBACK_BYTES_MAX: usize = 64 * 1024;

/// The names by which a provider knows an attempt.
pub(super) fn attempted(row: &PaymentRow) -> Attempted<'_> {
    Attempted { payment_id: row.id, reference: row.reference.as_deref() }
}

impl Service {
    pub(super) async fn take_callback(&self, ctx: &Ctx, req: Callback) -> Result<(), Error> {
        let Some(provider) = self.provider(&req.provider) else {
            return Err(Fault::not_found("this provider").into());
        };
        if req.body.len() > CALLBACK_BYTES_MAX {
            return Err(Fault::new(ErrorCode::TooLarge, "this callback is too large").into());
        }
        let now = self.db.clock().now();
        let event = provider
            .verify_callback(&req.signature, &req.body, now)
            .map_err(|_| Error::BadSignature)?;
        let outcome = super::sound(event.outcome)
            .map_err(|e| Fault::invalid("/", "a reference or reason makes no sense").because(e))?;
        let missing = || Fault::not_found("this payment");
        if event.tenant != ctx.tenant.as_str() {
            return Err(missing().into());
        }
        let route = self.route(ctx, event.payment_id.place(), "this payment").await?;
        let known = self.load(ctx, route, event.payment_id).await?;
        if known.is_none_or(|row| row.provider != provider.name()) {
            return Err(missing().into());
        }
        self.settle(ctx, route, event.payment_id, News::Outcome(outcome)).await?;
        Ok(())
    }

    /// Books news about an attempt; how it stands then.
    pub(super) async fn settle(
        &self,
        ctx: &Ctx,
        route: Route,
        id: PaymentId,
        news: News,
    ) -> Result<PaymentRow, Fault> {
        let (ctx_in, outbox, news) = (ctx.clone(), self.outbox.clone(), Arc::new(news));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox, news) = (ctx_in.clone(), outbox.clone(), Arc::clone(&news));
                async move { settle_in(&tx, &ctx, &outbox, id, &news).await }
            })
            .await
    }
}

async fn settle_in(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    id: PaymentId,
    news: &News,
) -> Result<PaymentRow, Fault> {
    let known = store::load(tx, &ctx.tenant, id).await?;
    let known = known.ok_or_else(|| Fault::not_found("this payment"))?;
    if model::step(known.state, news).is_none() {
        return Ok(known);
    }
    let row = locked(tx, ctx, &known).await?;
    let Some(step) = model::step(row.state, news) else { return Ok(row) };
    if step.to == row.state && step.reference == row.reference {
        return Ok(row);
    }
    if !store::take_step(tx, &ctx.tenant, &row, &step).await? {
        return Err(Fault::new(ErrorCode::Conflict, "the payment was changed meanwhile"));
    }
    if step.to == PaymentState::Captured {
        if row.state != PaymentState::Pending {
            tracing::warn!(payment = %id, was = ?row.state, "money has arrived after all");
        }
        captured(tx, ctx, outbox, &row).await?;
    }
    let reference = step.reference.or(row.reference);
    Ok(PaymentRow { state: step.to, reference, decline_reason: step.reason, ..row })
}

/// A payment as it stands now that nobody else books money of its order.
pub(super) async fn locked(tx: &Tx, ctx: &Ctx, known: &PaymentRow) -> Result<PaymentRow, Fault> {
    let all = store::lock_order(tx, &ctx.tenant, known.order_id).await?;
    all.into_iter().find(|row| row.id == known.id).ok_or_else(|| Fault::bug("a payment is gone"))
}

/// Books money that has arrived and tells the order. The caller has its payments locked, or this one is
/// new and the only one.
pub(super) async fn captured(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    row: &PaymentRow,
) -> Result<(), Fault> {
    let entry = format!("capture:{}", row.id);
    let amount = row.amount.amount();
    store::book(tx, &ctx.tenant, row.order_id, entry, row.id, amount).await?;
    tell(tx, ctx, outbox, CAPTURED, row, row.amount).await
}

/// Tells the order what has arrived or gone back, and what that leaves.
pub(super) async fn tell(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    topic: &'static str,
    row: &PaymentRow,
    amount: Money,
) -> Result<(), Fault> {
    let sums = store::sums(tx, &ctx.tenant, row.order_id).await?;
    let money = |n| Money::new(n, amount.currency()).map_err(Fault::internal);
    let event = PaymentEvent {
        order_id: row.order_id,
        payment_id: row.id,
        amount,
        balance: money(sums.balance())?,
        refunded: Some(money(sums.refunded)?),
        provider: row.provider.clone(),
    };
    let message = NewMessage::new(topic, AGGREGATE, row.order_id.get(), &event)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}
