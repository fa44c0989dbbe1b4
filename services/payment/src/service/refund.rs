//! Giving money back, in three steps: a refund is put on record and claims its part of the payment, the
//! provider is asked, and what it confirms is booked. The middle step may happen any number of times; the
//! refund's number makes it one. A message drives it until it is done, whatever crashes.

use std::sync::Arc;

use kit::{ErrorCode, Money, Timestamp};
use order_api::OrderMessage;
use outbox::idempotency::Claim;
use outbox::{Message, NewMessage, Outbox, inbox};
use payment_api::{Error, PaymentEvent, PaymentState, REFUNDED, Refund, RefundView};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use shard::{Route, Tx};
use types::{OrderId, RefundId};

use super::{Service, refund_view, scoped, settle, within};
use crate::model::{self, CASH};
use crate::provider::{GiveBack, ProviderError};
use crate::store::{self, PaymentRow, RefundRow};

/// Topic: a refund is on record and not done. To this service itself.
pub const REFUND_DUE: &str = "payment.refund_due";
const REASON_CHARS_MAX: usize = 500;

/// The payload of [`REFUND_DUE`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundDue {
    /// Which.
    pub refund_id: RefundId,
}

/// A wish to refund.
#[derive(Clone)]
struct Wish {
    cause: String,
    reason: String,
    /// When a message drives it; at once without.
    try_at: Option<Timestamp>,
}

impl Service {
    pub(super) async fn refund_payment(&self, ctx: &Ctx, req: Refund) -> Result<RefundView, Error> {
        ctx.require("payments:refund")?;
        model::check_text("/reason", &req.reason, REASON_CHARS_MAX)?;
        let route = self.route(ctx, req.payment_id.place(), "this payment").await?;
        let keyed = scoped(ctx, &format!("payment {}", req.payment_id), None);
        let work = |claim| self.refund_new(ctx, &req, route, claim);
        let answered = self.idempotency.run(&keyed, route, work).await?;
        if !answered.replayed {
            return Ok(answered.answer);
        }
        ctx.session.mark_replayed();
        let now = self.load_refund(ctx, route, answered.answer.id).await?;
        Ok(now.map_or(answered.answer, |row| refund_view(&row)))
    }

    async fn refund_new(
        &self,
        ctx: &Ctx,
        req: &Refund,
        route: Route,
        claim: Claim,
    ) -> Result<RefundView, Error> {
        let id = RefundId(self.ids.mint(ctx, req.payment_id.place()).await?);
        let try_at = Some(self.db.clock().now().plus(self.options.refund_retry_after));
        let wish = Wish { cause: format!("staff:{id}"), reason: req.reason.clone(), try_at };
        let (ctx_in, outbox, req) = (ctx.clone(), self.outbox.clone(), Arc::new(req.clone()));
        let (wish, refunds_max) = (Arc::new(wish), self.options.refunds_max);
        let row: RefundRow = self
            .db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox) = (ctx_in.clone(), outbox.clone());
                let (req, wish, claim) = (Arc::clone(&req), Arc::clone(&wish), claim.clone());
                async move {
                    let of = checked(&tx, &ctx, &req, refunds_max).await?;
                    let amount = req.amount.amount();
                    let row = put(&tx, &ctx, &outbox, &of, id, amount, &wish).await?;
                    let row = row.ok_or_else(|| Fault::bug("a refund number came twice"))?;
                    claim.complete(&tx, &refund_view(&row)).await?;
                    Ok::<_, Error>(row)
                }
            })
            .await?;
        // It stands, and its message would do the rest. Trying now is for the one who waits.
        match self.execute(ctx, row.id).await {
            Ok(row) => Ok(refund_view(&row)),
            Err(e) => {
                tracing::warn!(refund = %row.id, error = ?e, "a refund is tried again later");
                Ok(refund_view(&row))
            }
        }
    }

    async fn load_refund(
        &self,
        ctx: &Ctx,
        route: Route,
        id: RefundId,
    ) -> Result<Option<RefundRow>, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::load_refund(&tx, &tenant, id).await }
            })
            .await
    }

    /// An order has no use for a payment: what is left of it goes back.
    pub(crate) async fn refund_surplus(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Message,
        event: PaymentEvent,
    ) -> Result<(), Fault> {
        let wish = Wish {
            cause: "surplus".to_owned(),
            reason: "the order had no use for this payment".to_owned(),
            try_at: None,
        };
        let only = move |row: &PaymentRow| row.id == event.payment_id;
        self.refund_left(ctx, consumer, message, event.order_id, only, wish).await
    }

    /// An order gives back everything that was paid for it.
    pub(crate) async fn refund_order(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Message,
        order: OrderMessage,
    ) -> Result<(), Fault> {
        let wish = Wish {
            cause: format!("order:{}", order.version),
            reason: format!("the order took the step `{}`", order.operation),
            try_at: None,
        };
        self.refund_left(ctx, consumer, message, order.data.order_id, |_| true, wish).await
    }

    /// Puts refunds on record for what is left of some payments of an order, once per message.
    async fn refund_left(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Message,
        order_id: OrderId,
        wanted: impl Fn(&PaymentRow) -> bool + Send + Sync + 'static,
        wish: Wish,
    ) -> Result<(), Fault> {
        let route = self.route_of_order(ctx, order_id).await?;
        let ids = Arc::new(self.ids_for(ctx, route, order_id).await?);
        let (ctx_in, outbox) = (ctx.clone(), self.outbox.clone());
        let (message, wish, wanted) = (Arc::new(message), Arc::new(wish), Arc::new(wanted));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox, ids) = (ctx_in.clone(), outbox.clone(), Arc::clone(&ids));
                let (message, wish) = (Arc::clone(&message), Arc::clone(&wish));
                let wanted = Arc::clone(&wanted);
                async move {
                    if !inbox::once(&tx, &ctx, consumer, &message).await? {
                        return Ok(());
                    }
                    let payments = store::lock_order(&tx, &ctx.tenant, order_id).await?;
                    let mut ids = ids.iter();
                    for of in payments.iter().filter(|row| wanted(row)) {
                        let left = model::left(of.state, of.amount.amount(), of.refunding);
                        if left == 0 {
                            continue;
                        }
                        let text = "payments arrived meanwhile; try again";
                        let more = || Fault::new(ErrorCode::Unavailable, text);
                        let id = *ids.next().ok_or_else(more)?;
                        put(&tx, &ctx, &outbox, of, id, left, &wish).await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    /// As many numbers as an order could need: ids are minted before a transaction.
    async fn ids_for(
        &self,
        ctx: &Ctx,
        route: Route,
        order_id: OrderId,
    ) -> Result<Vec<RefundId>, Fault> {
        let tenant = ctx.tenant.clone();
        let payments: Vec<PaymentRow> = self
            .db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move { store::of_order(&tx, &tenant, order_id).await }
            })
            .await?;
        // An open attempt may be captured before the transaction begins.
        let may_need = |p: &&PaymentRow| {
            p.state == PaymentState::Pending
                || model::left(p.state, p.amount.amount(), p.refunding) > 0
        };
        let mut ids = Vec::new();
        for _ in payments.iter().filter(may_need) {
            ids.push(RefundId(self.ids.mint(ctx, order_id.place()).await?));
        }
        Ok(ids)
    }

    /// A refund and its payment, whatever a replica knows of them already.
    async fn refund_and_payment(
        &self,
        ctx: &Ctx,
        id: RefundId,
    ) -> Result<(RefundRow, PaymentRow), Fault> {
        let route = self.route(ctx, id.place(), "this refund").await?;
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let refund = store::load_refund(&tx, &tenant, id).await?;
                    let refund = refund.ok_or_else(|| Fault::not_found("this refund"))?;
                    let of = store::load(&tx, &tenant, refund.payment_id).await?;
                    Ok((refund, of.ok_or_else(|| Fault::bug("a refund without its payment"))?))
                }
            })
            .await
    }

    /// Has a refund done, if it is not: asks the provider and books its word.
    pub(crate) async fn execute(&self, ctx: &Ctx, id: RefundId) -> Result<RefundRow, Fault> {
        let route = self.route(ctx, id.place(), "this refund").await?;
        let (refund, of) = self.refund_and_payment(ctx, id).await?;
        if refund.done {
            return Ok(refund);
        }
        self.give_back(ctx, &refund, &of).await?;
        let (ctx_in, outbox) = (ctx.clone(), self.outbox.clone());
        let (refund, of) = (Arc::new(refund), Arc::new(of));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox) = (ctx_in.clone(), outbox.clone());
                let (refund, of) = (Arc::clone(&refund), Arc::clone(&of));
                async move {
                    store::lock_order(&tx, &ctx.tenant, of.order_id).await?;
                    if store::mark_done(&tx, &ctx.tenant, refund.id).await? {
                        book(&tx, &ctx, &outbox, &refund, &of).await?;
                    }
                    Ok(RefundRow { done: true, ..(*refund).clone() })
                }
            })
            .await
    }

    async fn give_back(&self, ctx: &Ctx, refund: &RefundRow, of: &PaymentRow) -> Result<(), Fault> {
        if of.provider == CASH {
            // Whoever refunds cash hands it over.
            return Ok(());
        }
        let provider = self.provider(&of.provider);
        let provider =
            provider.ok_or_else(|| Fault::bug(format!("no provider {}", of.provider)))?;
        let order =
            GiveBack { refund_id: refund.id, of: settle::attempted(of), amount: refund.amount };
        let answer = within(self.options.provider_within, provider.refund(ctx, order)).await;
        answer.map_err(|e| match e {
            ProviderError::Unknown(_) => {
                Fault::new(ErrorCode::Unavailable, "the provider did not answer").because(e)
            }
            ProviderError::Refused(_) => {
                Fault::new(ErrorCode::Unprocessable, "the provider refuses the refund").because(e)
            }
        })
    }
}

/// The payment of a refund that staff want, if it may be.
async fn checked(tx: &Tx, ctx: &Ctx, req: &Refund, refunds_max: u32) -> Result<PaymentRow, Error> {
    let of = store::load(tx, &ctx.tenant, req.payment_id).await?;
    let of = of.ok_or_else(|| Fault::not_found("this payment"))?;
    let of = settle::locked(tx, ctx, &of).await?;
    model::check_refund(req.amount, of.amount)?;
    let left = model::left(of.state, of.amount.amount(), of.refunding);
    if req.amount.amount() > left {
        return Err(Error::TooMuch(
            Money::new(left, of.amount.currency()).map_err(Fault::internal)?,
        ));
    }
    if store::count_refunds(tx, &ctx.tenant, of.order_id).await? >= refunds_max {
        let text = format!("an order has {refunds_max} refunds at most");
        return Err(Fault::new(ErrorCode::Conflict, text).with_slug("too_many_refunds").into());
    }
    Ok(of)
}

/// Puts a refund on record with the message that drives it; nothing when its cause has one already.
async fn put(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    of: &PaymentRow,
    id: RefundId,
    amount: i64,
    wish: &Wish,
) -> Result<Option<RefundRow>, Fault> {
    let row = RefundRow {
        id,
        payment_id: of.id,
        order_id: of.order_id,
        cause: wish.cause.clone(),
        amount: Money::new(amount, of.amount.currency()).map_err(Fault::internal)?,
        reason: wish.reason.clone(),
        done: false,
        actor: ctx.actor.principal(),
        created_at: tx.now(),
    };
    if !store::insert_refund(tx, &ctx.tenant, &row).await? {
        return Ok(None);
    }
    if !store::claim_refund(tx, &ctx.tenant, of.id, amount).await? {
        return Err(Fault::new(ErrorCode::Conflict, "the payment was changed meanwhile"));
    }
    let message = NewMessage::new(REFUND_DUE, "refund", id.get(), &RefundDue { refund_id: id })?;
    let message = match wish.try_at {
        Some(at) => message.deliver_at(at),
        None => message,
    };
    outbox.put(tx, ctx, message).await?;
    Ok(Some(row))
}

async fn book(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    refund: &RefundRow,
    of: &PaymentRow,
) -> Result<(), Fault> {
    let amount = refund.amount.amount();
    store::add_refunded(tx, &ctx.tenant, of.id, amount).await?;
    let entry = format!("refund:{}", refund.id);
    store::book(tx, &ctx.tenant, of.order_id, entry, of.id, -amount).await?;
    settle::tell(tx, ctx, outbox, REFUNDED, of, refund.amount).await
}
