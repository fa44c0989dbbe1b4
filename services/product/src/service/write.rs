//! Adding and changing products.

use std::sync::Arc;

use kit::ErrorCode;
use product_api::{
    DEFAULT_CHANNEL, Error, NewProduct, ProductInfo, ProductRef, ProductStatus, SetStatus,
    UpdateProduct,
};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::{CategoryId, SkuId, SpuId};

use super::read::no_product;
use super::{Around, Service, WRITE, changed};
use crate::model::{self, Tree};
use crate::store::{self, Collision, Pricing, Written};

/// A product's content that may be saved: checked, and its HTML clean.
///
/// # Errors
/// Everything that is wrong, each with its place after `base`.
pub fn prepare(mut product: NewProduct, base: &str) -> Result<NewProduct, Error> {
    let mut fields = model::check(&product);
    if !fields.is_empty() {
        for field in &mut fields {
            field.pointer.insert_str(0, base);
        }
        let text = "the product is not as it must be";
        return Err(Fault::new(ErrorCode::Invalid, text).with_fields(fields).into());
    }
    product.description = product.description.as_ref().map(model::html::clean_texts);
    if product.status == ProductStatus::OnSale {
        sellable(&product)?;
    }
    Ok(product)
}

fn sellable(product: &NewProduct) -> Result<(), Error> {
    model::not_sellable(product).map_or(Ok(()), |why| Err(Error::NotSellable(why.to_owned())))
}

/// Makes sure that what a product names exists, and yields where it is found.
async fn references(
    tx: &Tx,
    around: &Around,
    product: &NewProduct,
) -> Result<Vec<CategoryId>, Error> {
    let tenant = around.tenant();
    if let Some(brand) = product.brand_id
        && !store::has_brand(tx, tenant, brand).await?
    {
        return Err(Fault::invalid("/brand_id", "there is no such brand").into());
    }
    let of_channel = |s: usize, p: usize| format!("/skus/{s}/prices/{p}/channel");
    let other = product.skus.iter().flat_map(|s| &s.prices).any(|p| p.channel != DEFAULT_CHANNEL);
    if other {
        let known = store::channels(tx, tenant).await?;
        for (s, sku) in product.skus.iter().enumerate() {
            for (p, price) in sku.prices.iter().enumerate() {
                let code = price.channel.as_str();
                if code != DEFAULT_CHANNEL && !known.iter().any(|c| c.code == code) {
                    return Err(Fault::invalid(of_channel(s, p), "there is no such channel").into());
                }
            }
        }
    }
    if product.category_ids.is_empty() {
        return Ok(Vec::new());
    }
    let tree = Tree::new(store::branches(tx, tenant).await?);
    if let Some(i) = product.category_ids.iter().position(|id| !tree.has(*id)) {
        let pointer = format!("/category_ids/{i}");
        return Err(Fault::invalid(pointer, "there is no such category").into());
    }
    Ok(tree.cover(&product.category_ids))
}

/// A collision in words.
fn taken(collision: Collision, product: &NewProduct) -> Error {
    Error::Taken(match collision {
        Collision::Slug => format!("the slug {}", product.slug),
        Collision::Code(Some(code)) => format!("the sku code {code}"),
        Collision::Code(None) => "a sku code".to_owned(),
    })
}

/// The merchant's numbers of a product.
pub fn codes(product: &NewProduct) -> impl Iterator<Item = &str> {
    product.skus.iter().map(|s| s.code.as_str()).filter(|code| !code.is_empty())
}

/// Ids of the variants of a product that replaces another.
pub async fn kept_ids(
    tx: &Tx,
    around: &Around,
    id: SpuId,
    product: &NewProduct,
    fresh: &[SkuId],
) -> Result<Vec<SkuId>, Fault> {
    let known = store::sku_keys(tx, around.tenant(), id).await?;
    let before = known.iter().map(|(values, id)| (values.as_slice(), *id));
    let after = product.skus.iter().map(|s| s.options.as_slice());
    model::match_skus(before, after, fresh).ok_or_else(|| Fault::bug("too few ids were minted"))
}

impl Service {
    pub async fn create_product(&self, ctx: &Ctx, req: NewProduct) -> Result<ProductInfo, Error> {
        ctx.require(WRITE)?;
        let product = Arc::new(prepare(req, "")?);
        let currency = self.tenant(ctx).await?.currency;
        let id = SpuId(self.mint(ctx).await?);
        let sku_ids = Arc::new(self.mint_skus(ctx, product.skus.len()).await?);
        let around = self.around(ctx);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (around, product) = (around.clone(), Arc::clone(&product));
                let sku_ids = Arc::clone(&sku_ids);
                async move {
                    let found_in = references(&tx, &around, &product).await?;
                    let new = Written {
                        tenant: around.tenant(),
                        id,
                        content: &product,
                        sku_ids: &sku_ids,
                        found_in: &found_in,
                        version: 1,
                    };
                    if let Err(collision) = store::insert_product(&tx, new).await? {
                        return Err(taken(collision, &product));
                    }
                    changed(&around.outbox, &tx, &around.ctx, id).await?;
                    shown(&tx, &around, id, currency).await
                }
            })
            .await
    }

    pub async fn update_product(
        &self,
        ctx: &Ctx,
        req: UpdateProduct,
    ) -> Result<ProductInfo, Error> {
        ctx.require(WRITE)?;
        let (id, version) = (req.id, req.version);
        let product = Arc::new(prepare(req.content, "")?);
        let currency = self.tenant(ctx).await?.currency;
        let fresh = Arc::new(self.mint_skus(ctx, product.skus.len()).await?);
        let around = self.around(ctx);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (around, product) = (around.clone(), Arc::clone(&product));
                let fresh = Arc::clone(&fresh);
                async move {
                    let tenant = around.tenant();
                    let held = store::hold_product(&tx, tenant, &ProductRef::Id(id)).await?;
                    let (_, current) = held.ok_or_else(no_product)?;
                    if current != version {
                        return Err(Error::Stale(current));
                    }
                    let found_in = references(&tx, &around, &product).await?;
                    let sku_ids = kept_ids(&tx, &around, id, &product, &fresh).await?;
                    let new = Written {
                        tenant,
                        id,
                        content: &product,
                        sku_ids: &sku_ids,
                        found_in: &found_in,
                        version: current.saturating_add(1),
                    };
                    if let Err(collision) = store::replace_product(&tx, new).await? {
                        return Err(taken(collision, &product));
                    }
                    changed(&around.outbox, &tx, &around.ctx, id).await?;
                    shown(&tx, &around, id, currency).await
                }
            })
            .await
    }

    pub async fn move_product(&self, ctx: &Ctx, req: SetStatus) -> Result<ProductInfo, Error> {
        ctx.require(WRITE)?;
        let currency = self.tenant(ctx).await?.currency;
        let around = self.around(ctx);
        let SetStatus { id, status, version } = req;
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let around = around.clone();
                async move {
                    let tenant = around.tenant();
                    store::hold_product(&tx, tenant, &ProductRef::Id(id)).await?;
                    let found = store::content(&tx, tenant, &ProductRef::Id(id)).await?;
                    let found = found.ok_or_else(no_product)?;
                    if version.is_some_and(|seen| seen != found.version) {
                        return Err(Error::Stale(found.version));
                    }
                    if found.content.status != status {
                        if status == ProductStatus::OnSale {
                            sellable(&found.content)?;
                        }
                        let next = found.version.saturating_add(1);
                        store::set_status(&tx, tenant, id, status, next).await?;
                        changed(&around.outbox, &tx, &around.ctx, id).await?;
                    }
                    shown(&tx, &around, id, currency).await
                }
            })
            .await
    }
}

/// The product as it now is, for the answer to whoever changed it.
async fn shown(
    tx: &Tx,
    around: &Around,
    id: SpuId,
    currency: kit::Currency,
) -> Result<ProductInfo, Error> {
    let pricing = Pricing { channel: DEFAULT_CHANNEL, currency };
    let product = store::product(tx, around.tenant(), &ProductRef::Id(id), pricing, false).await?;
    product.ok_or_else(no_product)
}
