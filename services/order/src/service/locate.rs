//! Finds orders that were moved to another cell, and comes again while one is on its way. Who looks for an
//! order looks where its id says, then where it went. Who looks for a member's orders looks into the old
//! cells first: an order is in its new cell before it leaves the old one. Of a tenant whose orders were never
//! moved nothing is asked. This file must not move anything.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flow::TriggerDue;
use kit::ErrorCode;
use order_api::{Act, Error, OrderBrief, OrderView};
use outbox::Message;
use payment_api::PaymentEvent;
use rpc::{Ctx, Fault, ServiceError};
use shard::Route;
use tenant_api::growth::SKEW_MAX;
use types::OrderId;

use super::Service;
use crate::store::OrderRow;
use crate::store::drain::{self as store, MOVING};

/// Places that an order may have had one after the other, at most.
const HOPS_MAX: u32 = 16;
/// How often a call is tried while its order is being moved, and how long it rests between.
const TRIES_MAX: u32 = 100;
const REST: Duration = Duration::from_millis(20);

/// A failure of which can be told whether it is a refusal while an order moves.
pub(crate) trait MaybeMoving: ServiceError {
    fn is_moving(&self) -> bool;
}

impl MaybeMoving for Fault {
    fn is_moving(&self) -> bool {
        self.slug() == MOVING
    }
}

impl MaybeMoving for Error {
    fn is_moving(&self) -> bool {
        matches!(self, Self::Fault(f) if f.is_moving())
    }
}

impl Service {
    /// Where an order lies: at the place in its id, or where it went.
    pub(super) async fn locate(&self, ctx: &Ctx, id: OrderId) -> Result<Route, Fault> {
        let here = self.route(ctx, id).await?;
        if !self.may_have_moved(ctx, id).await? {
            return Ok(here);
        }
        let mut place = id.place();
        for _ in 0..HOPS_MAX {
            let tenant = ctx.tenant.clone();
            let next = self
                .db
                // Where it is written: a copy of the database may not have heard of the move.
                .tx(ctx, place.into(), move |tx| {
                    let tenant = tenant.clone();
                    async move { store::forward(&tx, &tenant, id).await }
                })
                .await
                .map_err(|e: Fault| e)?;
            let Some(next) = next else { return Ok(place.into()) };
            self.open(next).await?;
            place = next;
        }
        Err(Fault::bug(format!("order {id} was moved in a circle")))
    }

    pub(super) async fn may_have_moved(&self, ctx: &Ctx, id: OrderId) -> Result<bool, Fault> {
        Ok(self.tenant(ctx).await?.placements.may_have_moved(id.0, SKEW_MAX))
    }

    /// Runs something where an order lies. Again when the order was moved meanwhile.
    pub(crate) async fn where_it_lies<T, E, F, Fut>(
        &self,
        ctx: &Ctx,
        id: OrderId,
        run: F,
    ) -> Result<T, E>
    where
        E: MaybeMoving,
        F: Fn(Route) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut route = self.locate(ctx, id).await?;
        let mut tries = 0;
        loop {
            let failed = match Box::pin(run(route)).await {
                Err(e) if e.is_moving() => {
                    tokio::time::sleep(REST).await;
                    e
                }
                Err(e) if e.code() == ErrorCode::NotFound => e,
                answer => return answer,
            };
            let now = self.locate(ctx, id).await?;
            tries += 1;
            if (now == route && !failed.is_moving()) || tries == TRIES_MAX {
                return Err(failed);
            }
            route = now;
        }
    }

    /// An order; `None` when it does not exist.
    pub(super) async fn find(&self, ctx: &Ctx, id: OrderId) -> Result<Option<OrderRow>, Fault> {
        let here = none_if_missing(self.route(ctx, id).await)?;
        let Some(here) = here else { return Ok(None) };
        if !self.may_have_moved(ctx, id).await? {
            return self.load(ctx, here, id).await;
        }
        none_if_missing(self.where_it_lies(ctx, id, |route| self.existing(ctx, route, id)).await)
    }

    pub(super) async fn act_on(&self, ctx: &Ctx, req: Act) -> Result<OrderView, Error> {
        let id = req.order_id;
        self.where_it_lies(ctx, id, |route| self.act_at(ctx, route, req.clone())).await?;
        self.moved(ctx, id).await
    }

    /// A parcel is about to leave. When the flow has a step for that, the order takes it: who cancels and
    /// who ships meet at this step, and only one of them gets his way.
    pub(super) async fn begin_shipping_of(
        &self,
        ctx: &Ctx,
        id: OrderId,
    ) -> Result<OrderBrief, Error> {
        self.where_it_lies(ctx, id, |route| self.begin_shipping_at(ctx, route, id)).await
    }

    /// A timer of an order is due.
    pub(crate) async fn fire(&self, ctx: &Ctx, due: TriggerDue) -> Result<(), Fault> {
        let (id, due) = (OrderId(due.entity_id), Arc::new(due));
        self.where_it_lies(ctx, id, |route| self.fire_at(ctx, route, Arc::clone(&due))).await
    }

    /// Something happened to the order elsewhere that its flow has an operation for: it left, it arrived.
    pub(crate) async fn follow(
        &self,
        ctx: &Ctx,
        id: OrderId,
        operation: &str,
        request_id: String,
    ) -> Result<(), Error> {
        let follow = |route| self.follow_at(ctx, route, id, (operation, request_id.clone()));
        self.where_it_lies(ctx, id, follow).await
    }

    /// Money has arrived: the order is paid by it, or has no use for it and gives it back.
    pub(crate) async fn money(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Arc<Message>,
        paid: PaymentEvent,
    ) -> Result<(), Fault> {
        let id = paid.order_id;
        let pay = |route| self.money_at(ctx, route, consumer, (Arc::clone(&message), paid.clone()));
        self.where_it_lies(ctx, id, pay).await
    }

    /// Money has gone back.
    pub(crate) async fn money_back(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Arc<Message>,
        refunded: PaymentEvent,
    ) -> Result<(), Fault> {
        let id = refunded.order_id;
        let refund = |route| {
            self.money_back_at(ctx, route, consumer, (Arc::clone(&message), refunded.clone()))
        };
        self.where_it_lies(ctx, id, refund).await
    }
}

/// What does not exist is none, and no failure.
pub(super) fn none_if_missing<T>(found: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.code == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
