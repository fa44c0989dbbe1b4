//! Reading an order's payments.

use kit::Money;
use payment_api::{Error, OrderPayments};
use rpc::{ActorKind, Ctx, Fault};
use types::OrderId;

use super::{Service, payment_view, refund_view};
use crate::store;

impl Service {
    pub(super) async fn of_order(
        &self,
        ctx: &Ctx,
        order_id: OrderId,
    ) -> Result<OrderPayments, Error> {
        let route = self.route_of_order(ctx, order_id).await?;
        let staff = ctx.actor.may("payments:read");
        if !staff && ctx.actor.kind != ActorKind::User {
            ctx.require("payments:read")?;
        }
        let order = self.order(ctx, order_id).await?;
        if !staff && order.member_id.get() != ctx.user_id()? {
            return Err(Fault::not_found("this order").into());
        }
        let tenant = ctx.tenant.clone();
        let (payments, refunds, balance) = self
            .db
            .read(ctx, route, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let payments = store::of_order(&tx, &tenant, order_id).await?;
                    let refunds = store::refunds_of_order(&tx, &tenant, order_id).await?;
                    let balance = store::sums(&tx, &tenant, order_id).await?.balance();
                    Ok::<_, Fault>((payments, refunds, balance))
                }
            })
            .await?;
        let mut found = OrderPayments {
            payments: payments.iter().map(payment_view).collect::<Result<_, _>>()?,
            refunds: refunds.iter().map(refund_view).collect(),
            balance: Money::new(balance, order.total.currency()).map_err(Fault::internal)?,
        };
        if !staff {
            // Who of the staff it was is the shop's business.
            let me = ctx.actor.principal();
            let actors = found.payments.iter_mut().map(|p| &mut p.actor);
            for actor in actors.chain(found.refunds.iter_mut().map(|r| &mut r.actor)) {
                if *actor != me {
                    actor.clear();
                }
            }
        }
        Ok(found)
    }
}
