//! What orders do with stock: reserve, bind, sell, release. Each is one transaction, keyed by the
//! order's id, and repeating it changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use inventory_api::{Error, Reservation, ReservationState, Reserve};
use kit::TenantCode;
use outbox::{Message, inbox};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{OrderId, SkuId, WarehouseId};

use super::{Service, Work, moved};
use crate::model::{self, Level, Pick, Slot, Step, Verb};
use crate::store::{self, For, ReservationRow};

impl Service {
    pub(super) async fn take(&self, ctx: &Ctx, req: Reserve) -> Result<Reservation, Error> {
        let wanted = Arc::new(model::sum(&req.lines)?);
        let work = Arc::new(self.work(ctx, Some(req.order_id), "reserved").await?);
        let (order, hold) = (req.order_id, self.options.hold);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (work, wanted) = (Arc::clone(&work), Arc::clone(&wanted));
                async move { reserve_in(&tx, &work, order, &wanted, hold).await }
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
        let work = Arc::new(self.work(ctx, Some(order), reason).await?);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let work = Arc::clone(&work);
                async move { step_in(&tx, &work, order, verb).await }
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
        let work = Arc::new(self.work(ctx, Some(order), message.topic.clone()).await?);
        let (own, message) = (ctx.clone(), Arc::new(message));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, message) = (own.clone(), Arc::clone(&message));
                let work = Arc::clone(&work);
                async move {
                    if inbox::once(&tx, &own, consumer, &message).await? {
                        step_in(&tx, &work, order, verb).await?;
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

/// The reservation of an order, and whether `new` has been inserted as it. Whoever wants the same one waits
/// here; stock rows are locked after it. Who only reads one that is there does not ask for its lock: on
/// MySQL many who met here would have to wait for one another in a circle.
async fn standing(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    new: ReservationRow,
    what_for: For,
) -> Result<(ReservationRow, bool), Fault> {
    if store::insert_reservation(tx, tenant, order, new).await? {
        return Ok((new, true));
    }
    // Somebody else was faster.
    let found = store::reservation(tx, tenant, order, what_for).await?;
    found.map(|row| (row, false)).ok_or_else(moved)
}

async fn reserve_in(
    tx: &Tx,
    work: &Work,
    order: OrderId,
    wanted: &BTreeMap<SkuId, i64>,
    hold: Duration,
) -> Result<Reservation, Error> {
    let tenant = work.tenant();
    let new =
        ReservationRow { state: ReservationState::Reserved, expires_at: Some(tx.now().plus(hold)) };
    let (row, is_new) = standing(tx, tenant, order, new, For::Reading).await?;
    if !is_new {
        model::decide(Some(row.state), Verb::Reserve)?;
        let picks = store::picks(tx, tenant, order).await?;
        // Another basket under the same id would ship what is not held.
        if !model::is_for(&picks, wanted) {
            return Err(Error::WrongState(row.state));
        }
        return view(tx, tenant, order, row, &picks).await;
    }
    let levels = store::levels(tx, tenant, wanted.keys().copied(), For::Changing).await?;
    let available = levels.iter().map(|(slot, level)| (*slot, level.available)).collect();
    let warehouses = warehouse_ids(tx, tenant).await?;
    let picks = model::choose(wanted, &warehouses, &available).map_err(Error::SoldOut)?;
    store::insert_picks(tx, tenant, order, &picks).await?;
    let moves = moves_of(&picks, ReservationState::Reserved);
    shift_all(tx, work, model::kind(row.state), &levels, &moves).await?;
    let parcels = model::parcels(&picks, &warehouses)?;
    Ok(Reservation { order_id: order, state: row.state, parcels, expires_at: row.expires_at })
}

async fn step_in(tx: &Tx, work: &Work, order: OrderId, verb: Verb) -> Result<Reservation, Error> {
    let tenant = work.tenant();
    let mut found = store::reservation(tx, tenant, order, For::Changing).await?;
    if found.is_none() {
        let row = ReservationRow { state: ReservationState::Released, expires_at: None };
        if model::decide(None, verb)? == Step::Same {
            return view(tx, tenant, order, row, &[]).await;
        }
        match standing(tx, tenant, order, row, For::Changing).await? {
            (row, true) => return view(tx, tenant, order, row, &[]).await,
            (row, false) => found = Some(row),
        }
    }
    let row = found.ok_or_else(moved)?;
    let step = model::decide(Some(row.state), verb)?;
    let picks = store::picks(tx, tenant, order).await?;
    let Step::Become(next) = step else {
        return view(tx, tenant, order, row, &picks).await;
    };
    if !store::set_state(tx, tenant, order, row.state, next).await? {
        return Err(moved().into());
    }
    let moves = moves_of(&picks, next);
    // What the skus have elsewhere matters only where units come back.
    let back = moves.iter().filter(|(_, level)| level.available > 0).map(|(slot, _)| slot.sku_id);
    let skus: BTreeSet<SkuId> = back.collect();
    let before = match skus.is_empty() {
        true => BTreeMap::new(),
        false => store::levels(tx, tenant, skus, For::Changing).await?,
    };
    shift_all(tx, work, model::kind(next), &before, &moves).await?;
    let row = ReservationRow { state: next, expires_at: None };
    view(tx, tenant, order, row, &picks).await
}

/// Moves units, sorted by stock row, tells what began or ceased to be available, and writes the ledger.
/// `before` has all rows, locked, of the skus of which units leave or come back.
async fn shift_all(
    tx: &Tx,
    work: &Work,
    kind: &str,
    before: &BTreeMap<Slot, Level>,
    moves: &[(Slot, Level)],
) -> Result<(), Fault> {
    for (slot, level) in moves {
        if !store::shift(tx, work.tenant(), slot, *level).await? {
            return Err(moved());
        }
    }
    work.tell(tx, model::crossings(before, moves)).await?;
    store::write_ledger(tx, &work.change, kind, moves).await
}

/// How the stock rows of a reservation change.
fn moves_of(picks: &[Pick], to: ReservationState) -> Vec<(Slot, Level)> {
    picks
        .iter()
        .map(|p| (p.slot, model::movement(to, p.quantity)))
        .filter(|(_, level)| *level != Level::default())
        .collect()
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
