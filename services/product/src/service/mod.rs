//! The catalogue: load, decide, save. Who may call what is checked here. It calls no other service inside
//! a transaction; the stock of an import follows through the outbox.

mod groups;
mod images;
pub mod imports;
mod read;
mod write;

use kit::{Page, Place, TenantCode};
use outbox::{NewMessage, Outbox};
use product_api::{
    BeginImport, Brand, Category, Channel, CheckImport, DEFAULT_CHANNEL, Error, GetContent,
    GetContents, GetImage, GetImport, GetProduct, GetSkus, ImageFile, ImportBatch, ImportConflict,
    ImportStatus, KnownSlugs, ListBrands, ListCategories, ListChannels, ListProducts, NewBrand,
    NewCategory, NewChannel, NewProduct, PRODUCT_CHANGED, Product, ProductChanged, ProductContent,
    ProductInfo, ProductSummary, PutImage, SetStatus, SkuInfo, StoredImage, UpdateProduct,
};
use rpc::{Ctx, Fault, ServiceError as _};
use shard::{Database, Ids, Tx};
use tenant_api::{CachedTenants, TenantInfo};
use types::{SkuId, Slug, SpuId};

use crate::Options;
use crate::model::text::channel_problem;

/// What sees products that are not on sale.
pub const READ: &str = "products:read";
/// What changes the catalogue.
pub const WRITE: &str = "products:write";

pub struct Service {
    pub db: Database,
    pub outbox: Outbox,
    pub ids: Ids,
    pub tenants: CachedTenants,
    pub options: Options,
}

impl Service {
    async fn tenant(&self, ctx: &Ctx) -> Result<std::sync::Arc<TenantInfo>, Fault> {
        self.tenants.get(ctx).await.map_err(tenant_api::Error::into_fault)
    }

    fn around(&self, ctx: &Ctx) -> Around {
        Around { ctx: ctx.clone(), outbox: self.outbox.clone() }
    }

    async fn mint(&self, ctx: &Ctx) -> Result<kit::Id, Fault> {
        self.ids.mint(ctx, Place::ZERO).await
    }

    async fn mint_skus(&self, ctx: &Ctx, n: usize) -> Result<Vec<SkuId>, Fault> {
        let mut ids = Vec::with_capacity(n);
        for _ in 0..n {
            ids.push(SkuId(self.mint(ctx).await?));
        }
        Ok(ids)
    }
}

/// The channel that is asked for; `web` without.
fn channel(asked: Option<String>) -> Result<String, Fault> {
    let Some(code) = asked else { return Ok(DEFAULT_CHANNEL.to_owned()) };
    match channel_problem(&code) {
        Some(problem) => Err(Fault::invalid("channel", problem)),
        None => Ok(code),
    }
}

/// Tells others, in the transaction of the change.
async fn changed(outbox: &Outbox, tx: &Tx, ctx: &Ctx, spu_id: SpuId) -> Result<(), Fault> {
    let event = ProductChanged { spu_id };
    let message = NewMessage::new(PRODUCT_CHANGED, "product", spu_id.get(), &event)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}

/// What a transaction's body needs again each time it runs.
#[derive(Clone)]
struct Around {
    ctx: Ctx,
    outbox: Outbox,
}

impl Around {
    fn tenant(&self) -> &TenantCode {
        &self.ctx.tenant
    }
}

#[rpc::async_trait]
impl Product for Service {
    async fn list(&self, ctx: &Ctx, req: ListProducts) -> Result<Page<ProductSummary>, Error> {
        self.list_products(ctx, req).await
    }

    async fn get(&self, ctx: &Ctx, req: GetProduct) -> Result<ProductInfo, Error> {
        self.get_product(ctx, req).await
    }

    async fn get_content(&self, ctx: &Ctx, req: GetContent) -> Result<ProductContent, Error> {
        self.read_content(ctx, req.id).await
    }

    async fn get_contents(
        &self,
        ctx: &Ctx,
        req: GetContents,
    ) -> Result<Vec<ProductContent>, Error> {
        self.read_contents(ctx, req.ids).await
    }

    async fn known_slugs(&self, ctx: &Ctx, req: KnownSlugs) -> Result<Vec<Slug>, Error> {
        self.which_slugs(ctx, req.slugs).await
    }

    async fn get_skus(&self, ctx: &Ctx, req: GetSkus) -> Result<Vec<SkuInfo>, Error> {
        self.read_skus(ctx, req).await
    }

    async fn create(&self, ctx: &Ctx, req: NewProduct) -> Result<ProductInfo, Error> {
        self.create_product(ctx, req).await
    }

    async fn update(&self, ctx: &Ctx, req: UpdateProduct) -> Result<ProductInfo, Error> {
        self.update_product(ctx, req).await
    }

    async fn set_status(&self, ctx: &Ctx, req: SetStatus) -> Result<ProductInfo, Error> {
        self.move_product(ctx, req).await
    }

    async fn create_category(&self, ctx: &Ctx, req: NewCategory) -> Result<Category, Error> {
        self.add_category(ctx, req).await
    }

    async fn list_categories(
        &self,
        ctx: &Ctx,
        _req: ListCategories,
    ) -> Result<Vec<Category>, Error> {
        self.all_categories(ctx).await
    }

    async fn create_brand(&self, ctx: &Ctx, req: NewBrand) -> Result<Brand, Error> {
        self.add_brand(ctx, req).await
    }

    async fn list_brands(&self, ctx: &Ctx, _req: ListBrands) -> Result<Vec<Brand>, Error> {
        self.all_brands(ctx).await
    }

    async fn create_channel(&self, ctx: &Ctx, req: NewChannel) -> Result<Channel, Error> {
        self.add_channel(ctx, req).await
    }

    async fn list_channels(&self, ctx: &Ctx, _req: ListChannels) -> Result<Vec<Channel>, Error> {
        self.all_channels(ctx).await
    }

    async fn put_image(&self, ctx: &Ctx, req: PutImage) -> Result<StoredImage, Error> {
        self.keep_image(ctx, req).await
    }

    async fn get_image(&self, ctx: &Ctx, req: GetImage) -> Result<ImageFile, Error> {
        self.read_image(ctx, req.id).await
    }

    async fn check_import(
        &self,
        ctx: &Ctx,
        req: CheckImport,
    ) -> Result<Vec<ImportConflict>, Error> {
        self.check_batch(ctx, req.products).await
    }

    async fn begin_import(&self, ctx: &Ctx, req: BeginImport) -> Result<ImportStatus, Error> {
        self.begin(ctx, req).await
    }

    async fn apply_import(&self, ctx: &Ctx, req: ImportBatch) -> Result<ImportStatus, Error> {
        self.apply_batch(ctx, req).await
    }

    async fn get_import(&self, ctx: &Ctx, req: GetImport) -> Result<ImportStatus, Error> {
        self.import_status(ctx, req.id).await
    }
}
