//! Warehouses, levels, adjustments and the ledger: what staff and imports do with stock.

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory_api::{
    Adjust, Error, GetStock, Ledger, LedgerEntry, ListStock, NewWarehouse, SHOWN_MAX, SetAvailable,
    SetImported, SkuStock, Warehouse, WarehouseStock,
};
use kit::{Cursor, ErrorCode, Page, Place, TenantCode};
use outbox::idempotency::Claim;
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{SkuId, WarehouseId};

use super::{Service, Work, moved};
use crate::model::{self, BUCKET, LEVEL_MAX, Level, Slot, WAREHOUSES_MAX};
use crate::store::{self, For, LedgerKey, Part};

/// Skus that one transaction sets: orders of these wait for it.
const SET_AT_ONCE: usize = 20;

impl Service {
    pub(super) async fn add_one_warehouse(
        &self,
        ctx: &Ctx,
        req: NewWarehouse,
    ) -> Result<Warehouse, Error> {
        model::check_warehouse(&req)?;
        let NewWarehouse { code, name, priority } = req;
        let id = WarehouseId(self.ids.mint(ctx, Place::ZERO).await?);
        let (tenant, new) = (ctx.tenant.clone(), Arc::new(Warehouse { id, code, name, priority }));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, new) = (tenant.clone(), Arc::clone(&new));
                async move {
                    store::lock_warehouses(&tx, &tenant).await?;
                    if store::warehouses(&tx, &tenant).await?.len() >= WAREHOUSES_MAX {
                        let text = format!("a tenant has at most {WAREHOUSES_MAX} warehouses");
                        let full = Fault::new(ErrorCode::Conflict, text);
                        return Err(full.with_slug("too_many_warehouses").into());
                    }
                    if !store::insert_warehouse(&tx, &tenant, &new).await? {
                        return Err(Error::CodeTaken);
                    }
                    Ok((*new).clone())
                }
            })
            .await
    }

    pub(super) async fn all_warehouses(&self, ctx: &Ctx) -> Result<Vec<Warehouse>, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::warehouses(&tx, &tenant).await?) }
            })
            .await
    }

    pub(super) async fn stock_of(&self, ctx: &Ctx, req: GetStock) -> Result<Vec<SkuStock>, Error> {
        model::check_count("sku_ids", req.sku_ids.len())?;
        let (tenant, skus) = (ctx.tenant.clone(), Arc::<[SkuId]>::from(req.sku_ids));
        let found: Result<_, Fault> = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, skus) = (tenant.clone(), Arc::clone(&skus));
                async move { stock_in(&tx, &tenant, &skus).await }
            })
            .await;
        let stock: Vec<SkuStock> = found?;
        if ctx.actor.may("stock:read") {
            return Ok(stock);
        }
        Ok(stock.into_iter().map(for_shoppers).collect())
    }

    pub(super) async fn stock_page(
        &self,
        ctx: &Ctx,
        req: ListStock,
    ) -> Result<Page<SkuStock>, Error> {
        model::check_below(req.below)?;
        let after: Option<i64> = req
            .cursor
            .as_ref()
            .map(Cursor::decode)
            .transpose()
            .map_err(|e| Fault::invalid("cursor", e.to_string()))?;
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        let filter = store::StockFilter { warehouse: req.warehouse_id, below: req.below, after };
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let skus = store::skus(&tx, &tenant, filter, fetch).await?;
                    let page = Page::from_overfetch(skus, limit, |sku| sku.get());
                    let items = stock_in(&tx, &tenant, &page.items).await?;
                    Ok(Page { items, next_cursor: page.next_cursor })
                }
            })
            .await
    }

    pub(super) async fn adjust_once(&self, ctx: &Ctx, req: Adjust) -> Result<SkuStock, Error> {
        model::check_adjust(&req)?;
        let work = Arc::new(self.work(ctx, None, req.reason.clone()).await?);
        let req = Arc::new(req);
        let run = |claim: Claim| {
            self.db.tx(ctx, Route::Whole, move |tx| {
                let (req, work) = (Arc::clone(&req), Arc::clone(&work));
                let claim = claim.clone();
                async move {
                    let stock = adjust_in(&tx, &work, &req).await?;
                    claim.complete(&tx, &stock).await?;
                    Ok::<_, Error>(stock)
                }
            })
        };
        let answered = self.idempotency.run(ctx, Route::Whole, run).await?;
        if answered.replayed {
            ctx.session.mark_replayed();
        }
        Ok(answered.answer)
    }

    pub(super) async fn set_levels(&self, ctx: &Ctx, req: SetAvailable) -> Result<(), Error> {
        model::check_levels(&req)?;
        let warehouse = self.warehouse_to_set(ctx, req.warehouse_id).await?;
        let work = Arc::new(self.work(ctx, None, req.reason).await?);
        for levels in req.levels.chunks(SET_AT_ONCE) {
            let (work, levels) = (Arc::clone(&work), Arc::<[(SkuId, i64)]>::from(levels));
            self.db
                .tx(ctx, Route::Whole, move |tx| {
                    let (work, levels) = (Arc::clone(&work), Arc::clone(&levels));
                    async move { set_in(&tx, &work, warehouse, &levels).await }
                })
                .await?;
        }
        Ok(())
    }

    /// Each transaction sets the next few levels of the part, beginning behind what has been set of it.
    pub(super) async fn set_part(&self, ctx: &Ctx, req: SetImported) -> Result<(), Error> {
        let SetImported { import_id, part, set } = req;
        model::check_levels(&set)?;
        let warehouse = self.warehouse_to_set(ctx, set.warehouse_id).await?;
        let work = Arc::new(self.work(ctx, None, set.reason).await?);
        let (part, levels) = (Part { import: import_id, part }, Arc::new(set.levels));
        loop {
            let (work, all) = (Arc::clone(&work), Arc::clone(&levels));
            let taken: Result<usize, Fault> = self
                .db
                .tx(ctx, Route::Whole, move |tx| {
                    let (work, all) = (Arc::clone(&work), Arc::clone(&all));
                    async move { set_next_in(&tx, &work, part, warehouse, &all).await }
                })
                .await;
            if taken? >= levels.len() {
                return Ok(());
            }
        }
    }

    /// Where levels are set: the warehouse that was named, else the first.
    async fn warehouse_to_set(
        &self,
        ctx: &Ctx,
        wanted: Option<WarehouseId>,
    ) -> Result<WarehouseId, Error> {
        let all = self.all_warehouses(ctx).await?;
        match wanted {
            Some(id) => Ok(named(&all, id)?),
            None => Ok(all.first().map(|w| w.id).ok_or_else(no_warehouse)?),
        }
    }

    pub(super) async fn ledger_of(
        &self,
        ctx: &Ctx,
        req: Ledger,
    ) -> Result<Page<LedgerEntry>, Error> {
        let before: Option<LedgerKey> = req
            .cursor
            .as_ref()
            .map(Cursor::decode)
            .transpose()
            .map_err(|e| Fault::invalid("cursor", e.to_string()))?;
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let rows = store::ledger(&tx, &tenant, req.sku_id, before, fetch).await?;
                    Ok(Page::from_overfetch(rows, limit, |(key, _)| *key).map(|(_, e)| e))
                }
            })
            .await
    }
}

/// The stock of skus in their order, warehouse by warehouse.
async fn stock_in(tx: &Tx, tenant: &TenantCode, skus: &[SkuId]) -> Result<Vec<SkuStock>, Fault> {
    let warehouses = store::warehouses(tx, tenant).await?;
    let levels = store::levels(tx, tenant, skus.iter().copied(), For::Reading).await?;
    Ok(skus.iter().map(|sku| stock_of_one(*sku, &warehouses, &levels)).collect())
}

fn stock_of_one(
    sku_id: SkuId,
    warehouses: &[Warehouse],
    levels: &BTreeMap<Slot, Level>,
) -> SkuStock {
    let mut stock = SkuStock { sku_id, available: 0, reserved: 0, sold: 0, warehouses: Vec::new() };
    for warehouse in warehouses {
        let slot = |bucket| Slot { sku_id, warehouse_id: warehouse.id, bucket };
        let mut here =
            WarehouseStock { warehouse_id: warehouse.id, available: 0, reserved: 0, sold: 0 };
        let mut buckets = levels.range(slot(i64::MIN)..=slot(i64::MAX)).peekable();
        if buckets.peek().is_none() {
            continue;
        }
        for (_, level) in buckets {
            here.available += level.available;
            here.reserved += level.reserved;
            here.sold += level.sold;
        }
        stock.available += here.available;
        stock.reserved += here.reserved;
        stock.sold += here.sold;
        stock.warehouses.push(here);
    }
    stock
}

/// How much a shop sells is its own business: others see whether there is some, up to a limit.
fn for_shoppers(stock: SkuStock) -> SkuStock {
    SkuStock {
        available: stock.available.min(SHOWN_MAX),
        reserved: 0,
        sold: 0,
        warehouses: Vec::new(),
        ..stock
    }
}

async fn adjust_in(tx: &Tx, work: &Work, req: &Adjust) -> Result<SkuStock, Error> {
    let tenant = work.tenant();
    let warehouses = store::warehouses(tx, tenant).await?;
    named(&warehouses, req.warehouse_id)?;
    let slot = Slot { sku_id: req.sku_id, warehouse_id: req.warehouse_id, bucket: BUCKET };
    let levels = levels_of(tx, tenant, &[slot]).await?;
    let available = levels.get(&slot).copied().unwrap_or_default().available;
    if available + req.delta < 0 {
        return Err(Error::WouldBeNegative { available });
    }
    if available + req.delta > LEVEL_MAX {
        let text = format!("a warehouse holds at most {LEVEL_MAX} of a sku");
        return Err(Fault::invalid("/delta", text).into());
    }
    add(tx, work, "adjust", &levels, &[(slot, req.delta)]).await?;
    let levels = store::levels(tx, tenant, [req.sku_id], For::Reading).await?;
    Ok(stock_of_one(req.sku_id, &warehouses, &levels))
}

/// Sets the levels of a part that come next; how many of it are set then.
async fn set_next_in(
    tx: &Tx,
    work: &Work,
    part: Part,
    warehouse: WarehouseId,
    levels: &[(SkuId, i64)],
) -> Result<usize, Fault> {
    let taken = store::hold_part(tx, work.tenant(), part).await?;
    let next: Vec<(SkuId, i64)> = levels.iter().skip(taken).take(SET_AT_ONCE).copied().collect();
    if next.is_empty() {
        return Ok(taken);
    }
    let taken = taken + next.len();
    store::part_taken(tx, work.tenant(), part, taken).await?;
    set_in(tx, work, warehouse, &next).await?;
    Ok(taken)
}

async fn set_in(
    tx: &Tx,
    work: &Work,
    warehouse_id: WarehouseId,
    levels: &[(SkuId, i64)],
) -> Result<(), Fault> {
    let tenant = work.tenant();
    let slot = |sku_id| Slot { sku_id, warehouse_id, bucket: BUCKET };
    let wanted: BTreeMap<Slot, i64> =
        levels.iter().map(|(sku_id, units)| (slot(*sku_id), *units)).collect();
    let slots: Vec<Slot> = wanted.keys().copied().collect();
    let levels = levels_of(tx, tenant, &slots).await?;
    let deltas: Vec<(Slot, i64)> = wanted
        .iter()
        .map(|(slot, units)| {
            (*slot, units - levels.get(slot).copied().unwrap_or_default().available)
        })
        .filter(|(_, delta)| *delta != 0)
        .collect();
    add(tx, work, "set", &levels, &deltas).await
}

/// All stock rows of the skus of these, which are sorted, locked. Those that are missing are made first:
/// there must be something to lock, or two would each find nothing and both add to it. Making them is one
/// at a time in a tenant: two first rows of one sku, in two warehouses, would not know of each other.
async fn levels_of(
    tx: &Tx,
    tenant: &TenantCode,
    slots: &[Slot],
) -> Result<BTreeMap<Slot, Level>, Fault> {
    let skus = || slots.iter().map(|slot| slot.sku_id);
    let known = store::levels(tx, tenant, skus(), For::Reading).await?;
    let missing = || slots.iter().filter(|slot| !known.contains_key(slot));
    if missing().next().is_some() {
        store::lock_warehouses(tx, tenant).await?;
    }
    for slot in missing() {
        store::ensure_slot(tx, tenant, slot).await?;
    }
    store::levels(tx, tenant, skus(), For::Changing).await
}

/// Changes what is available of stock rows. `before` has all rows of the skus, locked.
async fn add(
    tx: &Tx,
    work: &Work,
    kind: &str,
    before: &BTreeMap<Slot, Level>,
    deltas: &[(Slot, i64)],
) -> Result<(), Fault> {
    let tenant = work.tenant();
    let level = |delta: i64| Level { available: delta, ..Level::default() };
    let rows: Vec<(Slot, Level)> = deltas.iter().map(|(s, d)| (*s, level(*d))).collect();
    for (slot, change_of) in &rows {
        if !store::shift(tx, tenant, slot, *change_of, store::Rest::Any).await? {
            return Err(moved());
        }
    }
    work.tell(tx, model::crossings(before, &rows)).await?;
    store::write_ledger(tx, &work.change, kind, &rows).await
}

fn named(warehouses: &[Warehouse], id: WarehouseId) -> Result<WarehouseId, Fault> {
    if warehouses.iter().any(|w| w.id == id) {
        return Ok(id);
    }
    if warehouses.is_empty() {
        return Err(no_warehouse());
    }
    Err(Fault::invalid("/warehouse_id", "this tenant has no such warehouse"))
}

fn no_warehouse() -> Fault {
    let text = "this tenant has no warehouse; add one first (POST /v1/admin/warehouses)";
    Fault::new(ErrorCode::Conflict, text).with_slug("no_warehouse")
}
