//! The checkout that has begun: its id is minted once, kept until an order used it, and becomes the
//! order's id. Two tabs get the same one.

use std::sync::Arc;

use cart_api::{Checkout, Consume, Error};
use inventory_api::{ForOrder, ReservationState};
use order_api::Mint;
use rpc::{Ctx, ServiceError as _};
use shard::{Route, Tx};
use types::{MemberId, OrderId};

use super::{Service, changed_meanwhile, row_to_change, save};
use crate::Options;
use crate::model::{Kept, Owner};
use crate::store;

impl Service {
    pub(super) async fn begin(&self, ctx: &Ctx, member: MemberId) -> Result<Checkout, Error> {
        let kept = self.load(ctx, &Owner::Member(member)).await?.map(|r| r.kept);
        let kept = kept.filter(|k| !k.basket.is_empty()).ok_or(Error::Empty)?;
        let over = match kept.checkout_id {
            None => None,
            Some(id) if self.is_over(ctx, id).await => Some(id),
            Some(checkout_id) => return Ok(Checkout { checkout_id }),
        };
        let mint = self.orders.mint(&ctx.as_system("cart"), Mint { member_id: member }).await;
        let minted = mint.map_err(rpc::ServiceError::into_fault)?;
        self.keep_first(ctx, member, minted, over).await
    }

    /// Keeps a new checkout in the place of none or of one that is over. Whoever is second gets the
    /// first one's; what he minted is never used.
    async fn keep_first(
        &self,
        ctx: &Ctx,
        member: MemberId,
        minted: OrderId,
        over: Option<OrderId>,
    ) -> Result<Checkout, Error> {
        let (tenant, options) = (ctx.tenant.clone(), self.options);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let owner = Owner::Member(member);
                    let mut row = row_to_change(&tx, &tenant, &owner).await?;
                    if row.kept.basket.is_empty() {
                        return Err(Error::Empty);
                    }
                    if let Some(checkout_id) = row.kept.checkout_id.filter(|id| over != Some(*id)) {
                        return Ok(Checkout { checkout_id });
                    }
                    row.kept.checkout_id = Some(minted);
                    match save(&tx, &tenant, &owner, row, options).await? {
                        Some(_) => Ok(Checkout { checkout_id: minted }),
                        None => Err(changed_meanwhile().into()),
                    }
                }
            })
            .await
    }

    /// Whether a checkout can no longer become an order: its stock was reserved and given back, and an
    /// id is reserved for once only. While that cannot be told, placing the order will tell.
    async fn is_over(&self, ctx: &Ctx, order_id: OrderId) -> bool {
        let system = ctx.as_system("cart");
        match self.inventory.get_reservation(&system, ForOrder { order_id }).await {
            Ok(reservation) => reservation.state == ReservationState::Released,
            Err(e) => {
                let fault = e.into_fault();
                if fault.code != kit::ErrorCode::NotFound {
                    tracing::warn!(error = ?fault, "a checkout goes on without being looked at");
                }
                false
            }
        }
    }

    /// Takes what was ordered out of a member's cart, once per order.
    pub(crate) async fn take_out(&self, ctx: &Ctx, req: Consume) -> Result<(), Error> {
        let (own, options, req) = (ctx.clone(), self.options, Arc::new(req));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, req) = (own.clone(), Arc::clone(&req));
                async move {
                    if !store::mark_consumed(&tx, &own.tenant, req.order_id).await? {
                        return Ok(());
                    }
                    take_out_of_carts(&tx, &own, std::slice::from_ref(&*req), options).await
                }
            })
            .await
    }

    /// Takes what several orders have ordered out of their members' carts, in one transaction.
    ///
    /// # Errors
    /// Also when one of them was taken out already: then each is to be taken out alone.
    pub(crate) async fn take_all_out(&self, ctx: &Ctx, mut all: Vec<Consume>) -> Result<(), Error> {
        // In one sequence, so that two processes never wait for one another.
        all.sort_by_key(|req| req.order_id);
        let (own, options, all) = (ctx.clone(), self.options, Arc::new(all));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, all) = (own.clone(), Arc::clone(&all));
                async move {
                    let orders = all.iter().map(|req| req.order_id);
                    store::mark_all_consumed(&tx, &own.tenant, orders).await?;
                    take_out_of_carts(&tx, &own, &all, options).await
                }
            })
            .await
    }
}

/// The orders are marked.
async fn take_out_of_carts(
    tx: &Tx,
    ctx: &Ctx,
    all: &[Consume],
    options: Options,
) -> Result<(), Error> {
    let mut owners: Vec<Owner> = all.iter().map(|req| Owner::Member(req.member_id)).collect();
    owners.sort();
    owners.dedup();
    let mut rows = store::load_many(tx, &ctx.tenant, &owners).await?;
    for owner in owners {
        let Some(mut row) = rows.remove(&owner.key()) else { continue };
        let before: Kept = row.kept.clone();
        for req in all.iter().filter(|req| Owner::Member(req.member_id) == owner) {
            row.kept.basket.take_out(&req.lines);
            row.kept.checkout_id = row.kept.checkout_id.filter(|id| *id != req.order_id);
        }
        if row.kept != before && save(tx, &ctx.tenant, &owner, row, options).await?.is_none() {
            return Err(changed_meanwhile().into());
        }
    }
    Ok(())
}
