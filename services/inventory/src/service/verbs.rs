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

/// Why the short way did not reserve.
enum Missed {
    /// A row no longer had more than was to be taken from it.
    Outrun,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Missed {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

impl Service {
    /// Reserves the short way, which locks no stock row before it changes it; where little is left, the long
    /// way.
    pub(super) async fn take(&self, ctx: &Ctx, req: Reserve) -> Result<Reservation, Error> {
        let wanted = Arc::new(model::sum(&req.lines)?);
        let work = Arc::new(self.work(ctx, Some(req.order_id), "reserved").await?);
        let (order, hold) = (req.order_id, self.options.hold);
        let (w, n) = (Arc::clone(&work), Arc::clone(&wanted));
        let short = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let (work, wanted) = (Arc::clone(&w), Arc::clone(&n));
                async move { reserve_in(&tx, &work, order, &wanted, hold).await }
            })
            .await;
        match short {
            Ok(reservation) => return Ok(reservation),
            Err(Missed::Failed(e)) => return Err(e),
            Err(Missed::Outrun) => {}
        }
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (work, wanted) = (Arc::clone(&work), Arc::clone(&wanted));
                async move { reserve_locked(&tx, &work, order, &wanted, hold).await }
            })
            .await
    }

    /// The order exists: its reservation no longer ends by itself. No stock moves. One statement where the
    /// reservation stands as it should; else how it stands is looked at under its lock.
    pub(crate) async fn bind_order(&self, ctx: &Ctx, order: OrderId) -> Result<(), Error> {
        use ReservationState::{Bound, Reserved};
        let (tenant, own) = (ctx.tenant.clone(), ctx.tenant.clone());
        let bound: Result<bool, Fault> = self
            .db
            .tx_one(ctx, Route::Whole, move |tx| {
                let tenant = own.clone();
                async move { store::set_state(&tx, &tenant, order, Reserved, Bound).await }
            })
            .await;
        if bound? {
            return Ok(());
        }
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { bind_in(&tx, &tenant, order).await }
            })
            .await
    }

    /// Sell, release or expire.
    pub(crate) async fn step(
        &self,
        ctx: &Ctx,
        order: OrderId,
        verb: Verb,
        reason: &str,
    ) -> Result<(), Error> {
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

    /// Reservations of all tenants whose time is over, for this process: no other one is given them for as
    /// long as asking about them and ending them may take.
    pub(crate) async fn claim_due(
        &self,
        ctx: &Ctx,
    ) -> Result<BTreeMap<TenantCode, Vec<OrderId>>, Fault> {
        // Mostly there is none, and a read holds up nobody.
        let look = |tx| async move { store::is_any_due(&tx).await };
        if !self.db.read_one(ctx, Route::Whole, look).await? {
            return Ok(BTreeMap::new());
        }
        let (limit, hold) = (self.options.expiry_batch, self.options.expiry_within * 2);
        self.db
            .tx(ctx, Route::Whole, move |tx| async move {
                store::claim_due(&tx, limit, tx.now().plus(hold)).await
            })
            .await
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
            .tx_one(ctx, Route::Whole, move |tx| {
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

/// Reads without a lock, writes all that concerns this order only, and takes the units last: rows that many
/// orders want are held for as many statements as there are rows, and the commit. A row is taken from only if
/// some of it stays, so that no sku ceases to be available this way and nobody need be told.
async fn reserve_in(
    tx: &Tx,
    work: &Work,
    order: OrderId,
    wanted: &BTreeMap<SkuId, i64>,
    hold: Duration,
) -> Result<Reservation, Missed> {
    let tenant = work.tenant();
    let (available, warehouses) = store::shelf(tx, tenant, wanted.keys().copied()).await?;
    let picks = match model::choose(wanted, &warehouses, &available) {
        Ok(picks) if model::leaves_some(&picks, &available) => picks,
        // The last units, or too few: who gets them is decided under locks.
        _ => return Ok(reserve_locked(tx, work, order, wanted, hold).await?),
    };
    let (row, is_new) = standing(tx, tenant, order, reserved(tx, hold), For::Reading).await?;
    if !is_new {
        return Ok(repeated(tx, tenant, order, row, wanted).await?);
    }
    store::insert_picks(tx, tenant, order, &picks).await?;
    let moves = moves_of(&picks, row.state);
    store::write_ledger(tx, &work.change, model::kind(row.state), &moves).await?;
    for (slot, level) in &moves {
        if !store::shift(tx, tenant, slot, *level, store::Rest::Some).await? {
            return Err(Missed::Outrun);
        }
    }
    let parcels = model::parcels(&picks, &warehouses).map_err(Error::from)?;
    Ok(Reservation { order_id: order, state: row.state, parcels, expires_at: row.expires_at })
}

/// Locks all rows of the skus before it chooses: what it says of them is so.
async fn reserve_locked(
    tx: &Tx,
    work: &Work,
    order: OrderId,
    wanted: &BTreeMap<SkuId, i64>,
    hold: Duration,
) -> Result<Reservation, Error> {
    let tenant = work.tenant();
    let (row, is_new) = standing(tx, tenant, order, reserved(tx, hold), For::Reading).await?;
    if !is_new {
        return repeated(tx, tenant, order, row, wanted).await;
    }
    let warehouses = warehouse_ids(tx, tenant).await?;
    let levels = store::levels(tx, tenant, wanted.keys().copied(), For::Changing).await?;
    let available = levels.iter().map(|(slot, level)| (*slot, level.available)).collect();
    let picks = model::choose(wanted, &warehouses, &available).map_err(Error::SoldOut)?;
    store::insert_picks(tx, tenant, order, &picks).await?;
    let moves = moves_of(&picks, row.state);
    store::write_ledger(tx, &work.change, model::kind(row.state), &moves).await?;
    shift_all(tx, work, &levels, &moves).await?;
    let parcels = model::parcels(&picks, &warehouses)?;
    Ok(Reservation { order_id: order, state: row.state, parcels, expires_at: row.expires_at })
}

fn reserved(tx: &Tx, hold: Duration) -> ReservationRow {
    let expires_at = Some(tx.now().plus(hold));
    ReservationRow { state: ReservationState::Reserved, expires_at }
}

/// The answer to a reserve that was made before.
async fn repeated(
    tx: &Tx,
    tenant: &TenantCode,
    order: OrderId,
    row: ReservationRow,
    wanted: &BTreeMap<SkuId, i64>,
) -> Result<Reservation, Error> {
    model::decide(Some(row.state), Verb::Reserve)?;
    let picks = store::picks(tx, tenant, order).await?;
    // Another basket under the same id would ship what is not held.
    if !model::is_for(&picks, wanted) {
        return Err(Error::WrongState(row.state));
    }
    view(tx, tenant, order, row, &picks).await
}

async fn bind_in(tx: &Tx, tenant: &TenantCode, order: OrderId) -> Result<(), Error> {
    let found = store::reservation(tx, tenant, order, For::Changing).await?;
    let state = found.map(|row| row.state);
    match (model::decide(state, Verb::Bind)?, state) {
        (Step::Same, _) => Ok(()),
        // It was made meanwhile.
        (Step::Become(next), Some(state)) => {
            match store::set_state(tx, tenant, order, state, next).await? {
                true => Ok(()),
                false => Err(moved().into()),
            }
        }
        (Step::Become(_), None) => Err(moved().into()),
    }
}

async fn step_in(tx: &Tx, work: &Work, order: OrderId, verb: Verb) -> Result<(), Error> {
    let tenant = work.tenant();
    let mut found = store::reservation(tx, tenant, order, For::Changing).await?;
    if found.is_none() {
        let row = ReservationRow { state: ReservationState::Released, expires_at: None };
        if model::decide(None, verb)? == Step::Same {
            return Ok(());
        }
        match standing(tx, tenant, order, row, For::Changing).await? {
            (_, true) => return Ok(()),
            (row, false) => found = Some(row),
        }
    }
    let row = found.ok_or_else(moved)?;
    let Step::Become(next) = model::decide(Some(row.state), verb)? else { return Ok(()) };
    let picks = store::picks(tx, tenant, order).await?;
    if !store::set_state(tx, tenant, order, row.state, next).await? {
        return Err(moved().into());
    }
    let moves = moves_of(&picks, next);
    store::write_ledger(tx, &work.change, model::kind(next), &moves).await?;
    // What the skus have elsewhere matters only where units come back.
    let back = moves.iter().filter(|(_, level)| level.available > 0).map(|(slot, _)| slot.sku_id);
    let skus: BTreeSet<SkuId> = back.collect();
    let before = match skus.is_empty() {
        true => BTreeMap::new(),
        false => store::levels(tx, tenant, skus, For::Changing).await?,
    };
    Ok(shift_all(tx, work, &before, &moves).await?)
}

/// Moves units, sorted by stock row, and tells what began or ceased to be available. Last in its transaction:
/// others wait for these rows. `before` has all rows, locked, of the skus of which units leave or come back.
async fn shift_all(
    tx: &Tx,
    work: &Work,
    before: &BTreeMap<Slot, Level>,
    moves: &[(Slot, Level)],
) -> Result<(), Fault> {
    for (slot, level) in moves {
        if !store::shift(tx, work.tenant(), slot, *level, store::Rest::Any).await? {
            return Err(moved());
        }
    }
    work.tell(tx, model::crossings(before, moves)).await
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
