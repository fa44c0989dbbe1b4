//! Keeping the index: products are read from the catalogue when it says that they changed, the rest comes
//! with the messages. Whatever comes late or twice changes nothing.

use std::collections::HashMap;

use inventory_api::{AvailabilityChanged, GetStock};
use kit::{Cursor, ErrorCode, Limit};
use order_api::Scan;
use product_api::{GetProduct, ListProducts, ProductRef};
use rpc::{Ctx, Fault, ServiceError as _};
use search_api::{Rebuilt, RebuiltOrders};
use shard::{Route, Tx};
use types::{SkuId, SpuId};

use super::Service;
use crate::model::catch_up::{Progress, What};
use crate::model::entry::Entry;
use crate::model::order::OrderEntry;
use crate::store::{self, SkuRow};

/// Products or orders of one page of a rebuild.
const REBUILD_PAGE: u32 = 50;

/// What was asked about the stock of a product, and what was known before it was asked.
struct Stock {
    before: HashMap<SkuId, SkuRow>,
    available: HashMap<SkuId, bool>,
}

impl Service {
    /// Reads a product and keeps it. One that does not exist is passed over.
    pub async fn keep_product(&self, ctx: &Ctx, id: SpuId) -> Result<(), Fault> {
        let req = GetProduct { product: ProductRef::Id(id), channel: None };
        let product = match self.products.get(ctx, req).await {
            Ok(product) => product,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(()),
            Err(e) => return Err(e.into_fault()),
        };
        let tree = self.categories.with(ctx, &product.category_ids).await?;
        let entry = Entry::of(&product, &tree);
        let stock = self.stock(ctx, &entry.sku_ids).await?;
        let (tenant, stock) = (ctx.tenant.clone(), std::sync::Arc::new(stock));
        let entry = std::sync::Arc::new(entry);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, entry, stock) = (tenant.clone(), entry.clone(), stock.clone());
                async move {
                    if !hold_older(&tx, &tenant, &entry).await? {
                        return Ok(());
                    }
                    keep_stock(&tx, &tenant, &entry, &stock).await?;
                    let in_stock = store::any_available(&tx, &tenant, entry.id).await?;
                    store::put_named(&tx, &tenant, &entry.named).await?;
                    store::put_product(&tx, &tenant, &entry, in_stock).await
                }
            })
            .await
    }

    /// Asks what can be ordered. What is known before is read before it is asked, so that a message that
    /// comes in between is not overwritten by what is older.
    async fn stock(&self, ctx: &Ctx, skus: &[SkuId]) -> Result<Stock, Fault> {
        let (tenant, ids) = (ctx.tenant.clone(), skus.to_vec());
        let before = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, ids) = (tenant.clone(), ids.clone());
                async move { store::skus(&tx, &tenant, &ids).await }
            })
            .await?;
        let req = GetStock { sku_ids: skus.to_vec() };
        let stock = self.inventory.get_stock(ctx, req).await;
        let stock = stock.map_err(inventory_api::Error::into_fault)?;
        let available = stock.iter().map(|s| (s.sku_id, s.available > 0)).collect();
        Ok(Stock { before, available })
    }

    /// Keeps that a sku can be ordered, or not any more.
    pub async fn keep_availability(
        &self,
        ctx: &Ctx,
        change: AvailabilityChanged,
        seq: i64,
    ) -> Result<(), Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { keep_message(&tx, &tenant, change, seq).await }
            })
            .await
    }

    /// Keeps what is said of some orders, unless what is kept is newer.
    pub async fn keep_orders(&self, ctx: &Ctx, orders: Vec<OrderEntry>) -> Result<(), Fault> {
        let (tenant, orders) = (ctx.tenant.clone(), std::sync::Arc::new(orders));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, orders) = (tenant.clone(), orders.clone());
                async move {
                    for order in orders.iter() {
                        store::put_order(&tx, &tenant, order).await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    /// [`Service::keep_orders`] for messages of different orders, in one transaction: a single statement for all
    /// that were just placed, and for what was said of others one each, in turn.
    ///
    /// # Errors
    /// Also when something was said before of one that was just placed: then each is to be kept alone.
    pub async fn keep_orders_together(
        &self,
        ctx: &Ctx,
        mut orders: Vec<OrderEntry>,
    ) -> Result<(), Fault> {
        // In one sequence, so that two processes never wait for one another.
        orders.sort_by_key(|order| order.id);
        let (tenant, orders) = (ctx.tenant.clone(), std::sync::Arc::new(orders));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, orders) = (tenant.clone(), orders.clone());
                async move {
                    let (first, later): (Vec<_>, Vec<_>) =
                        orders.iter().partition(|order| order.is_first);
                    store::put_new_orders(&tx, &tenant, &first).await?;
                    for order in later {
                        store::put_order(&tx, &tenant, order).await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    /// Reads a page of the catalogue again.
    pub async fn read_page(&self, ctx: &Ctx, cursor: Option<Cursor>) -> Result<Rebuilt, Fault> {
        let limit = Limit::new(REBUILD_PAGE).map_err(Fault::internal)?;
        let req = ListProducts {
            channel: None,
            category_id: None,
            brand_id: None,
            status: None,
            cursor,
            limit,
        };
        let page = self.products.list(ctx, req).await;
        let page = page.map_err(product_api::Error::into_fault)?;
        for product in &page.items {
            self.keep_product(ctx, product.id).await?;
        }
        let products = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
        Ok(Rebuilt { products, next_cursor: page.next_cursor })
    }

    /// Reads a page of orders again.
    pub async fn read_orders(
        &self,
        ctx: &Ctx,
        cursor: Option<Cursor>,
    ) -> Result<RebuiltOrders, Fault> {
        let limit = Limit::new(REBUILD_PAGE).map_err(Fault::internal)?;
        let page = self.orders.scan(ctx, Scan { cursor, limit }).await;
        let page = page.map_err(order_api::Error::into_fault)?;
        let orders = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
        if orders > 0 {
            let entries = page.items.into_iter().map(OrderEntry::read_again).collect();
            self.keep_orders(ctx, entries).await?;
        }
        Ok(RebuiltOrders { orders, next_cursor: page.next_cursor })
    }

    /// How far something of this tenant was read again.
    pub async fn progress(&self, ctx: &Ctx, what: What) -> Result<Progress, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { store::progress(&tx, &tenant, what).await }
            })
            .await
    }

    /// Keeps how far it is; what was read is committed by now.
    pub async fn keep_progress(
        &self,
        ctx: &Ctx,
        what: What,
        progress: Progress,
    ) -> Result<(), Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, progress) = (tenant.clone(), progress.clone());
                async move { store::put_progress(&tx, &tenant, what, &progress).await }
            })
            .await
    }
}

/// How often rows are read again that somebody else has added meanwhile.
const TRIES: u32 = 3;

/// Messages come again, and pages are read again.
fn changed_meanwhile() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the index was changed meanwhile; try again")
}

/// Holds what is kept of a product, be it added just now; `false` when that is newer already.
async fn hold_older(tx: &Tx, tenant: &kit::TenantCode, entry: &Entry) -> Result<bool, Fault> {
    for _ in 0..TRIES {
        match store::hold_product(tx, tenant, entry.id).await? {
            Some(kept) => return Ok(kept <= entry.version),
            None if store::insert_product(tx, tenant, entry).await? => return Ok(true),
            None => {}
        }
    }
    Err(changed_meanwhile())
}

/// Keeps what a message says of a variant, unless something later was said already, and whether its
/// product is in stock since.
async fn keep_message(
    tx: &Tx,
    tenant: &kit::TenantCode,
    change: AvailabilityChanged,
    seq: i64,
) -> Result<(), Fault> {
    let AvailabilityChanged { sku_id, available } = change;
    for _ in 0..TRIES {
        let kept = hold_sku_of(tx, tenant, sku_id).await?;
        if kept.is_some_and(|kept| kept.seq >= seq) {
            return Ok(());
        }
        let product = kept.and_then(|kept| kept.product);
        let row = SkuRow { product, available, seq };
        if kept.is_some() {
            store::update_sku(tx, tenant, sku_id, row).await?;
        } else if !store::insert_sku(tx, tenant, sku_id, row).await? {
            // Its product has been read meanwhile.
            continue;
        }
        let Some(product) = product else { return Ok(()) };
        let in_stock = store::any_available(tx, tenant, product).await?;
        return store::set_in_stock(tx, tenant, product, in_stock).await;
    }
    Err(changed_meanwhile())
}

/// Holds what is kept of a variant, and before it its product: whether that is in stock depends on the
/// other variants, too. A variant gets its product when the product is read, which may be just now.
async fn hold_sku_of(
    tx: &Tx,
    tenant: &kit::TenantCode,
    sku: SkuId,
) -> Result<Option<SkuRow>, Fault> {
    for _ in 0..TRIES {
        let product = store::skus(tx, tenant, &[sku]).await?.remove(&sku).and_then(|s| s.product);
        if let Some(product) = product {
            store::hold_product(tx, tenant, product).await?;
        }
        let held = store::hold_skus(tx, tenant, &[sku]).await?.remove(&sku);
        if held.and_then(|held| held.product) == product {
            return Ok(held);
        }
    }
    Err(changed_meanwhile())
}

/// Keeps the variants of a product that is held. What a message said since the stock was asked for is
/// newer.
async fn keep_stock(
    tx: &Tx,
    tenant: &kit::TenantCode,
    entry: &Entry,
    stock: &Stock,
) -> Result<(), Fault> {
    let held = store::hold_skus(tx, tenant, &entry.sku_ids).await?;
    let mut skus = entry.sku_ids.clone();
    skus.sort_unstable();
    for sku in skus {
        let kept = held.get(&sku).copied();
        keep_sku(tx, tenant, (entry.id, sku), kept, stock).await?;
    }
    store::forget_others(tx, tenant, entry.id, &entry.sku_ids).await
}

async fn keep_sku(
    tx: &Tx,
    tenant: &kit::TenantCode,
    (product, sku): (SpuId, SkuId),
    mut kept: Option<SkuRow>,
    stock: &Stock,
) -> Result<(), Fault> {
    let asked = stock.available.get(&sku).copied().unwrap_or_default();
    let seq_before = stock.before.get(&sku).map_or(0, |b| b.seq);
    for _ in 0..TRIES {
        let row = match kept {
            Some(kept) if kept.seq > seq_before => SkuRow { product: Some(product), ..kept },
            _ => SkuRow { product: Some(product), available: asked, seq: seq_before },
        };
        match kept {
            Some(kept) if kept == row => return Ok(()),
            Some(_) => return store::update_sku(tx, tenant, sku, row).await,
            None if store::insert_sku(tx, tenant, sku, row).await? => return Ok(()),
            // A message has come meanwhile.
            None => kept = store::hold_skus(tx, tenant, &[sku]).await?.remove(&sku),
        }
    }
    Err(changed_meanwhile())
}
