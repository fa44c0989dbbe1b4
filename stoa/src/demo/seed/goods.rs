//! Warehouses, categories, brands, pictures, products and stock of a shop. What is there already, by its
//! code, slug or name, is left as it is.

use std::collections::HashMap;

use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use inventory_api::SetAvailable;
use product_api::{Image, PutImage};
use types::{BrandId, CategoryId, SkuId, Slug, WarehouseId};

use super::{SeedError, Seeder, all_pages, content, failed};
use crate::demo::catalogue::{Product, Shop};
use crate::demo::pictures;

/// Products made at a time in one shop. Enough to fill a commit of the database, few enough to bound
/// what is in memory.
const PRODUCTS_AT_ONCE: usize = 12;
/// Levels of stock set with one call.
const LEVELS_MAX: usize = 200;

/// What products refer to.
struct Shelves {
    categories: HashMap<Slug, CategoryId>,
    brands: HashMap<String, BrandId>,
    /// Products that are there.
    products: Vec<Slug>,
}

impl Seeder<'_> {
    pub(super) async fn goods(&self, shop: &Shop) -> Result<(), SeedError> {
        let warehouses = self.warehouses(shop).await?;
        let shelves = Shelves {
            categories: self.categories(shop).await?,
            brands: self.brands(shop).await?,
            products: self.products(shop).await?,
        };
        // From the end, because lists show the newest first, and the file begins with the best.
        let shelves = &shelves;
        let skus: Vec<Vec<(String, SkuId)>> = stream::iter(shop.products.iter().rev())
            .map(|product| async move {
                let skus = self.product(shop, product, shelves).await?;
                self.advance(1);
                Ok::<_, SeedError>(skus)
            })
            .buffered(PRODUCTS_AT_ONCE)
            .try_collect()
            .await?;
        let skus: HashMap<String, SkuId> = skus.into_iter().flatten().collect();
        self.stock(shop, &warehouses, &skus).await
    }

    /// The warehouses in the file's order.
    async fn warehouses(&self, shop: &Shop) -> Result<Vec<WarehouseId>, SeedError> {
        let step = "adding warehouses";
        let request = inventory_api::ListWarehouses {};
        let known = self.services.inventory.list_warehouses(&self.ctx(shop, step)?, request).await;
        let known = known.map_err(|e| failed(shop, step, e))?;
        let mut ids = Vec::new();
        for new in &shop.warehouses {
            if let Some(found) = known.iter().find(|w| w.code == new.code) {
                ids.push(found.id);
                continue;
            }
            let ctx = self.ctx(shop, step)?;
            let added = self.services.inventory.add_warehouse(&ctx, new.clone()).await;
            ids.push(added.map_err(|e| failed(shop, step, e))?.id);
        }
        Ok(ids)
    }

    async fn categories(&self, shop: &Shop) -> Result<HashMap<Slug, CategoryId>, SeedError> {
        let step = "adding categories";
        let request = product_api::ListCategories {};
        let known = self.services.product.list_categories(&self.ctx(shop, step)?, request).await;
        let known = known.map_err(|e| failed(shop, step, e))?;
        let mut ids: HashMap<Slug, CategoryId> =
            known.into_iter().map(|c| (c.slug, c.id)).collect();
        for (position, category) in (0..).zip(&shop.categories) {
            if ids.contains_key(&category.slug) {
                continue;
            }
            let new = product_api::NewCategory {
                parent_id: None,
                slug: category.slug.clone(),
                name: category.name.clone(),
                position,
            };
            let added = self.services.product.create_category(&self.ctx(shop, step)?, new).await;
            let added = added.map_err(|e| failed(shop, step, e))?;
            ids.insert(added.slug, added.id);
        }
        Ok(ids)
    }

    async fn brands(&self, shop: &Shop) -> Result<HashMap<String, BrandId>, SeedError> {
        let step = "adding brands";
        let request = product_api::ListBrands {};
        let known = self.services.product.list_brands(&self.ctx(shop, step)?, request).await;
        let known = known.map_err(|e| failed(shop, step, e))?;
        let mut ids: HashMap<String, BrandId> = known.into_iter().map(|b| (b.name, b.id)).collect();
        for name in &shop.brands {
            if ids.contains_key(name) {
                continue;
            }
            let new = product_api::NewBrand { name: name.clone() };
            let added = self.services.product.create_brand(&self.ctx(shop, step)?, new).await;
            let added = added.map_err(|e| failed(shop, step, e))?;
            ids.insert(added.name, added.id);
        }
        Ok(ids)
    }

    /// The slugs of the products that are there.
    async fn products(&self, shop: &Shop) -> Result<Vec<Slug>, SeedError> {
        let step = "reading the products";
        let there = all_pages(async |cursor, limit| {
            let request = product_api::ListProducts {
                channel: None,
                category_id: None,
                brand_id: None,
                status: None,
                cursor,
                limit,
            };
            let page = self.services.product.list(&self.ctx(shop, step)?, request).await;
            page.map_err(|e| failed(shop, step, e))
        })
        .await?;
        Ok(there.into_iter().map(|p| p.slug).collect())
    }

    /// Makes a product unless it is there; gives the numbers and ids of its variants.
    async fn product(
        &self,
        shop: &Shop,
        product: &Product,
        shelves: &Shelves,
    ) -> Result<Vec<(String, SkuId)>, SeedError> {
        let step = "adding a product";
        let info = if shelves.products.contains(&product.slug) {
            let wanted = product_api::ProductRef::Slug(product.slug.clone());
            let request = product_api::GetProduct { product: wanted, channel: None };
            self.services.product.get(&self.ctx(shop, step)?, request).await
        } else {
            let images = self.pictures(shop, product).await?;
            let categories = product.categories.iter();
            let categories = categories.filter_map(|c| shelves.categories.get(c)).copied();
            let brand = shelves.brands.get(&product.brand).copied();
            let new = product.content(&images, categories.collect(), brand);
            self.services.product.create(&self.ctx(shop, step)?, new).await
        };
        let info = info.map_err(|e| failed(shop, step, e))?;
        Ok(info.skus.into_iter().map(|s| (s.code, s.id)).collect())
    }

    /// Draws and keeps a product's pictures. The same bytes are kept once, however often this is cut off.
    async fn pictures(&self, shop: &Shop, product: &Product) -> Result<Vec<Image>, SeedError> {
        let looks = product.looks(shop.scene);
        let put = looks.iter().enumerate().map(|(index, look)| async move {
            let step = "keeping a picture";
            let alt = shop.locales.first().map(|l| product.alt(index, l)).unwrap_or_default();
            let svg =
                pictures::draw(look, &alt).ok_or_else(|| content(NoMotif(look.motif.clone())))?;
            let content_type = "image/svg+xml".to_owned();
            let request = PutImage { content_type, bytes: svg.into_bytes() };
            let kept = self.services.product.put_image(&self.ctx(shop, step)?, request).await;
            let kept = kept.map_err(|e| failed(shop, step, e))?;
            Ok(Image { url: kept.url, alt })
        });
        try_join_all(put).await
    }

    /// Sets the stock of every variant. Nobody has ordered yet, so it may be set again.
    async fn stock(
        &self,
        shop: &Shop,
        warehouses: &[WarehouseId],
        skus: &HashMap<String, SkuId>,
    ) -> Result<(), SeedError> {
        let step = "setting the stock";
        for (index, warehouse) in warehouses.iter().enumerate() {
            let levels: Vec<(SkuId, i64)> = shop
                .products
                .iter()
                .flat_map(Product::variants)
                .filter_map(|v| Some((*skus.get(&v.code)?, v.stock.get(index).copied()?)))
                .collect();
            for chunk in levels.chunks(LEVELS_MAX) {
                let request = SetAvailable {
                    warehouse_id: Some(*warehouse),
                    levels: chunk.to_vec(),
                    reason: "opening stock".to_owned(),
                };
                let ctx = self.ctx(shop, step)?;
                let set = self.services.inventory.set_available(&ctx, request).await;
                set.map_err(|e| failed(shop, step, e))?;
            }
        }
        Ok(())
    }
}

/// A product names a picture that nobody has drawn.
#[derive(Debug, thiserror::Error)]
#[error("there is no motif `{0}`")]
pub(super) struct NoMotif(pub(super) String);
