//! All products as a file, written while it is sent: a page of the catalogue at a time, so that the size of
//! a catalogue does not matter. When something fails on the way the connection breaks, so that nobody takes
//! a part for the whole.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use inventory_api::{GetStock, ListWarehouses, SkuStock};
use kit::{Cursor, Limit};
use product_api::feed::{Names, Settings, Writer};
use product_api::{GetContents, ListBrands, ListCategories, ListProducts, ProductContent, rules};
use rpc::{Ctx, Fault, ServiceError as _};
use tokio::time::Instant;
use types::{SkuId, WarehouseId};

use crate::App;
use crate::web::{Answer, Visit};

/// Products that are asked for at once: as large as they may be, they fit into memory.
const STEP: u32 = 20;
/// How long the calls for one step may take.
const STEP_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn export(State(app): State<App>, visit: Visit) -> Answer {
    let ctx = visit.ctx.clone();
    let now = app.deps.clock.now().to_string();
    let (brands, categories) = futures::try_join!(
        app.deps.products.list_brands(&ctx, ListBrands {}),
        app.deps.products.list_categories(&ctx, ListCategories {}),
    )?;
    let locale = visit.tenant.locales.first().cloned();
    let locale = locale.ok_or_else(|| Fault::bug("the tenant has no language"))?;
    let settings = Settings::new(visit.tenant.currency, locale);
    let mut export = Export {
        names: Names::new(brands, &categories, &settings.locale),
        writer: Writer::new(&settings).map_err(Fault::internal)?,
        warehouse: first_warehouse(&app, &ctx).await?,
        app,
        ctx,
        cursor: None,
        is_over: false,
    };
    // the first step is made before anything is sent, so that what is refused is answered by a page
    let first = export.step().await?;
    let rest = futures::stream::try_unfold(export, |mut export| async move {
        if export.is_over {
            return Ok(None);
        }
        let bytes = export.step().await.map_err(|fault| {
            let error = fault.chain();
            tracing::warn!(request_id = export.ctx.request_id, error, "an export was broken off");
            io::Error::other("the export was broken off")
        })?;
        Ok::<_, io::Error>(Some((bytes, export)))
    });
    let begin = futures::stream::once(std::future::ready(Ok(first)));
    let body = Body::from_stream(futures::StreamExt::chain(begin, rest));
    let mut response = Response::new(body);
    let (tenant, day) = (&visit.ctx.tenant, now.get(..10).unwrap_or_default());
    let name = format!("attachment; filename=\"products-{tenant}-{day}.csv\"");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(Fault::internal)?);
    Ok(response)
}

/// The warehouse whose stock a file says: the one that an import sets.
async fn first_warehouse(app: &App, ctx: &Ctx) -> Result<Option<WarehouseId>, Fault> {
    if !ctx.actor.may("stock:read") {
        return Ok(None);
    }
    let all = app.deps.inventory.list_warehouses(ctx, ListWarehouses {}).await;
    Ok(all.map_err(inventory_api::Error::into_fault)?.first().map(|w| w.id))
}

struct Export {
    app: App,
    ctx: Ctx,
    names: Names,
    writer: Writer,
    warehouse: Option<WarehouseId>,
    cursor: Option<Cursor>,
    is_over: bool,
}

impl Export {
    /// Writes the next products.
    async fn step(&mut self) -> Result<Vec<u8>, Fault> {
        let ctx = Ctx { deadline: Instant::now() + STEP_WITHIN, ..self.ctx.clone() };
        let products = &self.app.deps.products;
        let request = ListProducts {
            channel: None,
            category_id: None,
            brand_id: None,
            status: None,
            cursor: self.cursor.take(),
            limit: Limit::new(STEP).map_err(Fault::internal)?,
        };
        let page = products.list(&ctx, request).await.map_err(product_api::Error::into_fault)?;
        self.cursor = page.next_cursor;
        self.is_over = self.cursor.is_none();
        let ids = page.items.iter().map(|p| p.id).collect();
        let contents = products.get_contents(&ctx, GetContents { ids }).await;
        let contents = contents.map_err(product_api::Error::into_fault)?;
        let stock = self.stock(&ctx, &contents).await?;
        for ProductContent { sku_ids, content, .. } in contents {
            let quantities = sku_ids.iter().map(|id| self.units(&stock, *id)).collect();
            self.writer
                .write(&self.names.exported(content, quantities))
                .map_err(Fault::internal)?;
        }
        self.writer.take().map_err(Fault::internal)
    }

    async fn stock(&self, ctx: &Ctx, contents: &[ProductContent]) -> Result<Vec<SkuStock>, Fault> {
        let mut stock = Vec::new();
        if self.warehouse.is_none() {
            return Ok(stock);
        }
        let ids: Vec<SkuId> = contents.iter().flat_map(|c| c.sku_ids.iter().copied()).collect();
        for chunk in ids.chunks(rules::SKU_IDS_MAX) {
            let request = GetStock { sku_ids: chunk.to_vec() };
            let levels = self.app.deps.inventory.get_stock(ctx, request).await;
            stock.extend(levels.map_err(inventory_api::Error::into_fault)?);
        }
        Ok(stock)
    }

    /// What is available in the warehouse; nothing for a sku that was never there.
    fn units(&self, stock: &[SkuStock], id: SkuId) -> Option<i64> {
        let level = stock.iter().find(|l| l.sku_id == id)?;
        let here = level.warehouses.iter().find(|w| Some(w.warehouse_id) == self.warehouse)?;
        Some(here.available)
    }
}
