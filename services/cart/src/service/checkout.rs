//! The checkout that has begun: its id is minted once, kept until an order used it, and becomes the
//! order's id. Two tabs get the same one.

use std::sync::Arc;

use cart_api::{Checkout, Consume, Error};
use inventory_api::{ForOrder, ReservationState};
use order_api::Mint;
use outbox::{Message, inbox};
use rpc::{Ctx, ServiceError as _};
use shard::{Route, Tx};
use types::{MemberId, OrderId};

use super::{Service, changed_meanwhile, row_to_change, save};
use crate::Options;
use crate::model::{Kept, Owner};
use crate::store::{self, For};

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

    /// Takes what was ordered out of a member's cart, once per order; for a message, once per message.
    pub(crate) async fn take_out(
        &self,
        ctx: &Ctx,
        req: Consume,
        message: Option<(&'static str, Message)>,
    ) -> Result<(), Error> {
        let (own, options) = (ctx.clone(), self.options);
        let work = Arc::new((req, message));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, work) = (own.clone(), Arc::clone(&work));
                async move {
                    let (req, message) = work.as_ref();
                    if let Some((consumer, message)) = message
                        && !inbox::once(&tx, &own, consumer, message).await?
                    {
                        return Ok(());
                    }
                    take_out_in(&tx, &own, req, options).await
                }
            })
            .await
    }
}

async fn take_out_in(tx: &Tx, ctx: &Ctx, req: &Consume, options: Options) -> Result<(), Error> {
    let (tenant, owner) = (&ctx.tenant, Owner::Member(req.member_id));
    if !store::mark_consumed(tx, tenant, req.order_id).await? {
        return Ok(());
    }
    let Some(mut row) = store::load(tx, tenant, &owner, For::Changing).await? else {
        return Ok(());
    };
    let before: Kept = row.kept.clone();
    row.kept.basket.take_out(&req.lines);
    row.kept.checkout_id = row.kept.checkout_id.filter(|id| *id != req.order_id);
    if row.kept == before {
        return Ok(());
    }
    match save(tx, tenant, &owner, row, options).await? {
        Some(_) => Ok(()),
        None => Err(changed_meanwhile().into()),
    }
}
