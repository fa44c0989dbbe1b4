//! Warehouses, levels, adjustments and the ledger: what staff and imports do with stock.

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory_api::{
    Adjust, Error, GetStock, Ledger, LedgerEntry, NewWarehouse, SHOWN_MAX, SetAvailable, SkuStock,
    Warehouse, WarehouseStock,
};
use kit::{Cursor, ErrorCode, Page, Place, TenantCode};
use outbox::idempotency::Claim;
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{SkuId, WarehouseId};

use super::{Service, moved};
use crate::model::{self, BUCKET, LEVEL_MAX, Level, Slot, WAREHOUSES_MAX};
use crate::store::{self, Change, For, LedgerKey};

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
            .read(ctx, Route::Whole, move |tx| {
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

    pub(super) async fn adjust_once(&self, ctx: &Ctx, req: Adjust) -> Result<SkuStock, Error> {
        model::check_adjust(&req)?;
        let change = Arc::new(self.change(ctx, None, req.reason.clone()).await?);
        let req = Arc::new(req);
        let work = |claim: Claim| {
            self.db.tx(ctx, Route::Whole, move |tx| {
                let (req, change) = (Arc::clone(&req), Arc::clone(&change));
                let claim = claim.clone();
                async move {
                    let stock = adjust_in(&tx, &change, &req).await?;
                    claim.complete(&tx, &stock).await?;
                    Ok::<_, Error>(stock)
                }
            })
        };
        let answered = self.idempotency.run(ctx, Route::Whole, work).await?;
        if answered.replayed {
            ctx.session.mark_replayed();
        }
        Ok(answered.answer)
    }

    pub(super) async fn set_levels(&self, ctx: &Ctx, req: SetAvailable) -> Result<(), Error> {
        model::check_levels(&req)?;
        let change = Arc::new(self.change(ctx, None, req.reason.clone()).await?);
        let req = Arc::new(req);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (req, change) = (Arc::clone(&req), Arc::clone(&change));
                async move { set_in(&tx, &change, &req).await }
            })
            .await
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

async fn adjust_in(tx: &Tx, change: &Change, req: &Adjust) -> Result<SkuStock, Error> {
    let tenant = &change.tenant;
    let warehouses = store::warehouses(tx, tenant).await?;
    named(&warehouses, req.warehouse_id)?;
    let slot = Slot { sku_id: req.sku_id, warehouse_id: req.warehouse_id, bucket: BUCKET };
    let levels = store::levels(tx, tenant, [req.sku_id], For::Changing).await?;
    let available = levels.get(&slot).copied().unwrap_or_default().available;
    if available + req.delta < 0 {
        return Err(Error::WouldBeNegative { available });
    }
    if available + req.delta > LEVEL_MAX {
        let text = format!("a warehouse holds at most {LEVEL_MAX} of a sku");
        return Err(Fault::invalid("/delta", text).into());
    }
    add(tx, change, "adjust", &[(slot, req.delta)]).await?;
    let levels = store::levels(tx, tenant, [req.sku_id], For::Reading).await?;
    Ok(stock_of_one(req.sku_id, &warehouses, &levels))
}

async fn set_in(tx: &Tx, change: &Change, req: &SetAvailable) -> Result<(), Error> {
    let tenant = &change.tenant;
    let warehouses = store::warehouses(tx, tenant).await?;
    let warehouse_id = match req.warehouse_id {
        Some(id) => named(&warehouses, id)?,
        None => warehouses.first().map(|w| w.id).ok_or_else(no_warehouse)?,
    };
    let skus = req.levels.iter().map(|(sku, _)| *sku);
    let levels = store::levels(tx, tenant, skus, For::Changing).await?;
    let mut deltas: Vec<(Slot, i64)> = req
        .levels
        .iter()
        .map(|(sku_id, units)| {
            let slot = Slot { sku_id: *sku_id, warehouse_id, bucket: BUCKET };
            (slot, units - levels.get(&slot).copied().unwrap_or_default().available)
        })
        .filter(|(_, delta)| *delta != 0)
        .collect();
    deltas.sort_by_key(|(slot, _)| *slot);
    add(tx, change, "set", &deltas).await?;
    Ok(())
}

/// Changes what is available of stock rows, making them where they are missing.
async fn add(tx: &Tx, change: &Change, kind: &str, deltas: &[(Slot, i64)]) -> Result<(), Fault> {
    let level = |delta: i64| Level { available: delta, ..Level::default() };
    let rows: Vec<(Slot, Level)> = deltas.iter().map(|(s, d)| (*s, level(*d))).collect();
    for (slot, change_of) in &rows {
        if !store::shift(tx, &change.tenant, slot, *change_of).await? {
            store::ensure_slot(tx, &change.tenant, slot).await?;
            if !store::shift(tx, &change.tenant, slot, *change_of).await? {
                return Err(moved());
            }
        }
    }
    store::write_ledger(tx, change, kind, &rows).await
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
