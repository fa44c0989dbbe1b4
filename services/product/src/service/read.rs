//! Reads: the hottest path of the platform. One hop to the database, two statements for a product, one
//! for a page or for many skus.

use std::collections::HashMap;
use std::sync::Arc;

use kit::{Cursor, Id, Page};
use product_api::{
    Error, GetProduct, GetSkus, ListProducts, ProductContent, ProductInfo, ProductRef,
    ProductStatus, ProductSummary, SkuInfo,
};
use rpc::{Ctx, Fault};
use shard::Route;
use types::{Slug, SpuId};

use super::{READ, Service, channel};
use crate::model::{CONTENTS_MAX, SKU_IDS_MAX};
use crate::store::{self, Filter, Pricing};

pub fn no_product() -> Error {
    Fault::not_found("the product").into()
}

fn at_most_contents(pointer: &str, n: usize) -> Result<(), Fault> {
    if n <= CONTENTS_MAX {
        return Ok(());
    }
    Err(Fault::invalid(pointer, format!("at most {CONTENTS_MAX} can be asked for at once")))
}

impl Service {
    pub async fn list_products(
        &self,
        ctx: &Ctx,
        req: ListProducts,
    ) -> Result<Page<ProductSummary>, Error> {
        let channel = channel(req.channel)?;
        let currency = self.tenant(ctx).await?.currency;
        let before = req
            .cursor
            .as_ref()
            .map(Cursor::decode::<Id>)
            .transpose()
            .map_err(|e| Fault::invalid("cursor", e.to_string()))?;
        let status = if ctx.actor.may(READ) { req.status } else { Some(ProductStatus::OnSale) };
        let filter = Filter {
            category_id: req.category_id,
            brand_id: req.brand_id,
            status,
            before: before.map(SpuId),
        };
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, channel) = (tenant.clone(), channel.clone());
                async move {
                    let pricing = Pricing { channel: &channel, currency };
                    let fetch = u64::from(limit.get()) + 1;
                    let items = store::page(&tx, &tenant, filter, fetch, pricing).await?;
                    Ok(Page::from_overfetch(items, limit, |p| p.id.0))
                }
            })
            .await
    }

    pub async fn get_product(&self, ctx: &Ctx, req: GetProduct) -> Result<ProductInfo, Error> {
        let channel = channel(req.channel)?;
        let currency = self.tenant(ctx).await?.currency;
        let only_on_sale = !ctx.actor.may(READ);
        let (tenant, product) = (ctx.tenant.clone(), req.product);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, product, channel) = (tenant.clone(), product.clone(), channel.clone());
                async move {
                    let pricing = Pricing { channel: &channel, currency };
                    store::product(&tx, &tenant, &product, pricing, only_on_sale)
                        .await?
                        .ok_or_else(no_product)
                }
            })
            .await
    }

    pub async fn read_content(&self, ctx: &Ctx, id: SpuId) -> Result<ProductContent, Error> {
        ctx.require(READ)?;
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let content = store::content(&tx, &tenant, &ProductRef::Id(id)).await?;
                    content.ok_or_else(no_product)
                }
            })
            .await
    }

    pub async fn read_contents(
        &self,
        ctx: &Ctx,
        ids: Vec<SpuId>,
    ) -> Result<Vec<ProductContent>, Error> {
        ctx.require(READ)?;
        at_most_contents("/ids", ids.len())?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (tenant, wanted) = (ctx.tenant.clone(), ids.clone());
        let found = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, wanted) = (tenant.clone(), wanted.clone());
                async move { Ok::<_, Error>(store::contents(&tx, &tenant, &wanted).await?) }
            })
            .await?;
        let mut found: HashMap<SpuId, ProductContent> =
            found.into_iter().map(|p| (p.id, p)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    pub async fn which_slugs(&self, ctx: &Ctx, slugs: Vec<Slug>) -> Result<Vec<Slug>, Error> {
        ctx.require(READ)?;
        at_most_contents("/slugs", slugs.len())?;
        let (tenant, slugs) = (ctx.tenant.clone(), Arc::new(slugs));
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let (tenant, slugs) = (tenant.clone(), Arc::clone(&slugs));
                async move { Ok(store::known_slugs(&tx, &tenant, &slugs).await?) }
            })
            .await
    }

    pub async fn read_skus(&self, ctx: &Ctx, req: GetSkus) -> Result<Vec<SkuInfo>, Error> {
        if req.sku_ids.len() > SKU_IDS_MAX {
            let text = format!("at most {SKU_IDS_MAX} skus can be asked for at once");
            return Err(Fault::invalid("/sku_ids", text).into());
        }
        let channel = channel(req.channel)?;
        let mut sku_ids = req.sku_ids;
        sku_ids.sort_unstable();
        sku_ids.dedup();
        if sku_ids.is_empty() {
            return Ok(Vec::new());
        }
        let currency = self.tenant(ctx).await?.currency;
        let tenant = ctx.tenant.clone();
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let (tenant, channel) = (tenant.clone(), channel.clone());
                let sku_ids = sku_ids.clone();
                async move {
                    let pricing = Pricing { channel: &channel, currency };
                    Ok(store::sku_infos(&tx, &tenant, &sku_ids, pricing).await?)
                }
            })
            .await
    }
}
