//! Stock: load, decide, save. Who may call what is checked here.

mod stock;
mod verbs;

use inventory_api::{
    AVAILABILITY_CHANGED, Adjust, AvailabilityChanged, Error, ForOrder, GetStock, Inventory,
    Ledger, LedgerEntry, ListStock, ListWarehouses, NewWarehouse, Reservation, Reserve,
    SetAvailable, SetImported, SkuStock, Warehouse,
};
use kit::{ErrorCode, Page, Place, TenantCode};
use outbox::{Idempotency, NewMessage, Outbox};
use rpc::{ActorKind, Ctx, Fault};
use shard::{Database, Ids, Tx};
use types::{OrderId, SkuId};

use crate::Options;
use crate::model::Verb;
use crate::store::Change;

pub struct Service {
    pub db: Database,
    pub outbox: Outbox,
    pub ids: Ids,
    pub idempotency: Idempotency,
    pub options: Options,
}

#[rpc::async_trait]
impl Inventory for Service {
    async fn add_warehouse(&self, ctx: &Ctx, req: NewWarehouse) -> Result<Warehouse, Error> {
        ctx.require("stock:write")?;
        self.add_one_warehouse(ctx, req).await
    }

    async fn list_warehouses(
        &self,
        ctx: &Ctx,
        _req: ListWarehouses,
    ) -> Result<Vec<Warehouse>, Error> {
        ctx.require("stock:read")?;
        self.all_warehouses(ctx).await
    }

    async fn get_stock(&self, ctx: &Ctx, req: GetStock) -> Result<Vec<SkuStock>, Error> {
        self.stock_of(ctx, req).await
    }

    async fn list_stock(&self, ctx: &Ctx, req: ListStock) -> Result<Page<SkuStock>, Error> {
        ctx.require("stock:read")?;
        self.stock_page(ctx, req).await
    }

    async fn adjust(&self, ctx: &Ctx, req: Adjust) -> Result<SkuStock, Error> {
        ctx.require("stock:write")?;
        self.adjust_once(ctx, req).await
    }

    async fn set_available(&self, ctx: &Ctx, req: SetAvailable) -> Result<(), Error> {
        only_the_system(ctx)?;
        self.set_levels(ctx, req).await
    }

    async fn set_imported(&self, ctx: &Ctx, req: SetImported) -> Result<(), Error> {
        only_the_system(ctx)?;
        self.set_part(ctx, req).await
    }

    async fn reserve(&self, ctx: &Ctx, req: Reserve) -> Result<Reservation, Error> {
        only_the_system(ctx)?;
        self.take(ctx, req).await
    }

    async fn bind(&self, ctx: &Ctx, req: ForOrder) -> Result<(), Error> {
        only_the_system(ctx)?;
        self.bind_order(ctx, req.order_id).await
    }

    async fn sell(&self, ctx: &Ctx, req: ForOrder) -> Result<Reservation, Error> {
        only_the_system(ctx)?;
        self.step(ctx, req.order_id, Verb::Sell, "sold").await?;
        self.reservation_of(ctx, req.order_id).await
    }

    async fn release(&self, ctx: &Ctx, req: ForOrder) -> Result<(), Error> {
        only_the_system(ctx)?;
        self.step(ctx, req.order_id, Verb::Release, "given back").await
    }

    async fn get_reservation(&self, ctx: &Ctx, req: ForOrder) -> Result<Reservation, Error> {
        ctx.require("stock:read")?;
        self.reservation_of(ctx, req.order_id).await
    }

    async fn ledger(&self, ctx: &Ctx, req: Ledger) -> Result<Page<LedgerEntry>, Error> {
        ctx.require("stock:read")?;
        self.ledger_of(ctx, req).await
    }
}

impl Service {
    /// What a change that is about to be made takes. Its id is minted before the transaction.
    async fn work(
        &self,
        ctx: &Ctx,
        order_id: Option<OrderId>,
        reason: impl Into<String>,
    ) -> Result<Work, Fault> {
        let change = Change {
            tenant: ctx.tenant.clone(),
            id: self.ids.mint(ctx, Place::ZERO).await?,
            order_id,
            reason: reason.into(),
            actor: ctx.actor.principal(),
        };
        Ok(Work { ctx: ctx.clone(), outbox: self.outbox.clone(), change })
    }
}

/// A change of stock, and what a transaction needs to tell of it.
struct Work {
    ctx: Ctx,
    outbox: Outbox,
    change: Change,
}

impl Work {
    fn tenant(&self) -> &TenantCode {
        &self.change.tenant
    }

    /// Tells which skus have begun or ceased to be available; the caller has all their rows locked.
    async fn tell(&self, tx: &Tx, crossings: Vec<(SkuId, bool)>) -> Result<(), Fault> {
        let message = |(sku_id, available): (SkuId, bool)| {
            let payload = AvailabilityChanged { sku_id, available };
            NewMessage::new(AVAILABILITY_CHANGED, "sku", sku_id.get(), &payload)
        };
        let messages: Result<Vec<NewMessage>, Fault> = crossings.into_iter().map(message).collect();
        self.outbox.put_all(tx, &self.ctx, messages?).await.map(|_| ())
    }
}

fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Forbidden, "only the platform itself may do this"))
}

/// A row that was read in this transaction is no longer as it was read. Does not happen where rows are
/// locked; trying again is right where they are not.
fn moved() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the stock was changed meanwhile; try again")
}
