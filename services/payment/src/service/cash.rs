//! Cash on delivery: whoever delivered the order hands in the money. Booked once per order.

use std::sync::Arc;

use order_api::PaymentMethod;
use outbox::idempotency::Claim;
use payment_api::{CollectCash, Error, PaymentState, PaymentView};
use rpc::Ctx;
use shard::Route;
use types::PaymentId;

use super::{Service, payment_view, scoped, settle};
use crate::model::CASH;
use crate::store::{self, PaymentRow};

impl Service {
    pub(super) async fn collect(&self, ctx: &Ctx, req: CollectCash) -> Result<PaymentView, Error> {
        ctx.require("payments:collect")?;
        let route = self.route_of_order(ctx, req.order_id).await?;
        let keyed = scoped(ctx, &format!("order {}", req.order_id), None);
        let work = |claim| self.collect_new(ctx, &req, route, claim);
        let answered = self.idempotency.run(&keyed, route, work).await?;
        self.as_it_stands(ctx, route, answered).await
    }

    async fn collect_new(
        &self,
        ctx: &Ctx,
        req: &CollectCash,
        route: Route,
        claim: Claim,
    ) -> Result<PaymentView, Error> {
        let order = self.order(ctx, req.order_id).await?;
        if order.payment_method != PaymentMethod::CashOnDelivery {
            return Err(Error::NotPayable("to be paid by card".to_owned()));
        }
        if !order.payable {
            return Err(Error::NotPayable(order.status));
        }
        if req.amount != order.total {
            return Err(Error::WrongAmount(order.total));
        }
        let row = PaymentRow {
            id: PaymentId(self.ids.mint(ctx, req.order_id.place()).await?),
            order_id: req.order_id,
            member_id: order.member_id,
            provider: CASH.to_owned(),
            // Unique per provider: it makes the cash of an order come once.
            reference: Some(format!("cash_{}", req.order_id)),
            state: PaymentState::Captured,
            amount: order.total,
            refunding: 0,
            refunded: 0,
            decline_reason: None,
            card_brand: None,
            card_last4: None,
            next_query_at: None,
            queries: 0,
            actor: ctx.actor.principal(),
            created_at: self.db.clock().now(),
        };
        self.book_cash(ctx, route, row, claim).await
    }

    async fn book_cash(
        &self,
        ctx: &Ctx,
        route: Route,
        row: PaymentRow,
        claim: Claim,
    ) -> Result<PaymentView, Error> {
        let (ctx_in, outbox, row) = (ctx.clone(), self.outbox.clone(), Arc::new(row));
        self.db
            .tx(ctx, route, move |tx| {
                let (ctx, outbox) = (ctx_in.clone(), outbox.clone());
                let (row, claim) = (Arc::clone(&row), claim.clone());
                async move {
                    if !store::insert(&tx, &ctx.tenant, &row).await? {
                        return Err(Error::NotPayable("paid".to_owned()));
                    }
                    settle::captured(&tx, &ctx, &outbox, &row).await?;
                    let view = payment_view(&row)?;
                    claim.complete(&tx, &view).await?;
                    Ok(view)
                }
            })
            .await
    }
}
