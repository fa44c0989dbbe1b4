//! What orders do with stock: reserve, bind, sell, release. Each is one transaction, keyed by the
//! order's id, and repeating it changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use inventory_api::{Error, Reservation, ReservationState, Reserve};
use kit::TenantCode;
use outbox::{Message, inbox};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{OrderId, SkuId, WarehouseId};

use super::{Service, moved};
use crate::model::{self, Level, Pick, Slot, Step, Verb};
use crate::store::{self, Change, For, ReservationRow};

impl Service {
    pub(super) async fn take(&self, ctx: &Ctx, req: Reserve) -> Result<Reservation, Error> {
        let wanted = Arc::new(model::sum(&req.lines)?);
        let change = Arc::new(self.change(ctx, Some(req.order_id), "reserved").await?);
        let (order, hold) = (req.order_id, self.options.hold);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (change, wanted) = (Arc::clone(&change), Arc::clone(&wanted));
                async move { reserve_in(&tx, &change, order, &wanted, hold).await }
            })
            .await
    }

    /// Bind, sell, release or expire.
    pub(crate) async fn step(
        &self,
        ctx: &Ctx,
        order: OrderId,
        verb: Verb,
        reason: &str,
    ) -> Result<Reservation, Error> {
        let change = Arc::new(self.change(ctx, Some(order), reason).await?);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let change = Arc::clone(&change);
                async move { step_in(&tx, &change, order, verb).await }
            })
            .await
    }

    /// The same for a message, whose effect happens once.
    pub(crate) async fn step_once(
        &self,
        ctx: &Ctx,
        consumer: &'static str,
        message: Message,
        order: OrderId,
        verb: Verb,
    ) -> Result<(), Error> {
        let change = Arc::new(self.change(ctx, Some(order), message.topic.clone()).await?);
        let (own, message) = (ctx.clone(), Arc::new(message));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, message) = (own.clone(), Arc::clone(&message));
                let change = Arc::clone(&change);
                async move {
                    if inbox::once(&tx, &own, consumer, &message).await? {
                        step_in(&tx, &change, order, verb).await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    pub(super) async fn reservation_of(
        &self,
        ctx: &Ctx,
        order: OrderId,
    ) -> Result<Reservation, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let found = store::reservation(&tx, &tenant, order, For::Reading).await?;
                    let row = found.ok_or_else(|| Fault::not_found("this reservation"))?;
                    let picks = store::picks(&tx, &tenant, order).await?;
                    view(&tx, &tenant, order, row, &picks).await
                }
            })
            .await
    }

    /// Reservations of all tenants whose time is over.
    pub(crate) async fn due(&self, ctx: &Ctx) -> Result<Vec<(TenantCode, OrderId)>, Fault> {
        let limit = self.options.expiry_batch;
        self.db.read(ctx, Route::Whole, move |tx| async move { store::due(&tx, limit).await }).await
    }

    /// Looks at expired reservations of the call's tenant again after `pause`.
    pub(crate) async fn check_later(
        &self,
        ctx: &Ctx,
        orders: &[OrderId],
        pause: Duration,
    ) -> Result<(), Fault> {
        let (tenant, orders) = (ctx.tenant.clone(), Arc::<[OrderId]>::from(orders));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, orders) = (tenant.clone(), Arc::clone(&orders));
                async move { store::check_later(&tx, &tenant, &orders, tx.now().plus(pause)).await }
            })
            .await
    }
}

async fn reserve_in(
    tx: &Tx,
    change: &Change,
    order: OrderId,
    wanted: &BTreeMap<SkuId, i64>,
    hold: Duration,
) -> Result<Reservation, Error> {
    let tenant = &change.tenant;
    let found = store::reservation(tx, tenant, order, For::Changing).await?;
    let step = model::decide(found.map(|r| r.state), Verb::Reserve)?;
    if let (Step::Same, Some(row)) = (step, found) {
        let picks = store::picks(tx, tenant, order).await?;
        // Another basket under the same id would ship what is not held.
        if !model::is_for(&picks, wanted) {
            return Err(Error::WrongState(row.state));
        }
        return view(tx, tenant, order, row, &picks).await;
    }
    let levels = store::levels(tx, tenant, wanted.keys().copied(), For::Changing).await?;
    let available = levels.into_iter().map(|(slot, level)| (slot, level.available)).collect();
    let warehouses = warehouse_ids(tx, tenant).await?;
    let picks = model::choose(wanted, &warehouses, &available).map_err(Error::SoldOut)?;
    let row =
        ReservationRow { state: ReservationState::Reserved, expires_at: Some(tx.now().plus(hold)) };
    if !store::insert_reservation(tx, tenant, order, row).await? {
        return Err(moved().into());
    }
    store::insert_picks(tx, tenant, order, &picks).await?;
    shift_all(tx, change, ReservationState::Reserved, &picks).await?;
    let parcels = model::parcels(&picks, &warehouses)?;
    Ok(Reservation { order_id: order, state: row.state, parcels, expires_at: row.expires_at })
}

async fn step_in(
    tx: &Tx,
    change: &Change,
    order: OrderId,
    verb: Verb,
) -> Result<Reservation, Error> {
    let tenant = &change.tenant;
    let found = store::reservation(tx, tenant, order, For::Changing).await?;
    let step = model::decide(found.map(|r| r.state), verb)?;
    let Some(row) = found else {
        let row = ReservationRow { state: ReservationState::Released, expires_at: None };
        if step != Step::Same && !store::insert_reservation(tx, tenant, order, row).await? {
            return Err(moved().into());
        }
        return view(tx, tenant, order, row, &[]).await;
    };
    let picks = store::picks(tx, tenant, order).await?;
    let Step::Become(next) = step else {
        return view(tx, tenant, order, row, &picks).await;
    };
    if !store::set_state(tx, tenant, order, row.state, next).await? {
        return Err(moved().into());
    }
    shift_all(tx, change, next, &picks).await?;
    let row = ReservationRow { state: next, expires_at: None };
    view(tx, tenant, order, row, &picks).await
}

/// Moves the units of a reservation and writes the ledger.
async fn shift_all(
    tx: &Tx,
    change: &Change,
    to: ReservationState,
    picks: &[Pick],
) -> Result<(), Fault> {
    let moves: Vec<(Slot, Level)> = picks
        .iter()
        .map(|p| (p.slot, model::movement(to, p.quantity)))
        .filter(|(_, level)| *level != Level::default())
        .collect();
    for (slot, level) in &moves {
        if !store::shift(tx, &change.tenant, slot, *level).await? {
            return Err(moved());
        }
    }
    store::write_ledger(tx, change, model::kind(to), &moves).await
}

async fn warehouse_ids(tx: &Tx, tenant: &TenantCode) -> Result<Vec<WarehouseId>, Fault> {
    Ok(store::warehouses(tx, tenant).await?.into_iter().map(|w| w.id).collect())
}

async fn view(
    tx: &Tx,
    tenant: &TenantCode,
    order_id: OrderId,
    row: ReservationRow,
    picks: &[Pick],
) -> Result<Reservation, Error> {
    let warehouses = warehouse_ids(tx, tenant).await?;
    let parcels = model::parcels(picks, &warehouses)?;
    Ok(Reservation { order_id, state: row.state, parcels, expires_at: row.expires_at })
}
