//! What others may see of the service `product`: the catalogue of a tenant, imports into it, the rules of
//! what a product may contain, and the file format of products.

pub mod catalog;
pub mod events;
pub mod feed;
pub mod import;
pub mod rules;

pub use catalog::*;
pub use events::*;
pub use import::*;

use kit::{ErrorCode, Page};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::Slug;

/// The catalogue.
#[rpc::service(name = "product")]
pub trait Product: Send + Sync + 'static {
    /// A page of products: what shoppers see, or everything for `products:read`.
    async fn list(&self, ctx: &Ctx, req: ListProducts) -> Result<Page<ProductSummary>, Error>;
    /// One product with its variants. Shoppers see what is on sale.
    async fn get(&self, ctx: &Ctx, req: GetProduct) -> Result<ProductInfo, Error>;
    /// The content of a product in all channels, to change it.
    async fn get_content(&self, ctx: &Ctx, req: GetContent) -> Result<ProductContent, Error>;
    /// Some skus, for carts and orders; unknown ones are left out.
    async fn get_skus(&self, ctx: &Ctx, req: GetSkus) -> Result<Vec<SkuInfo>, Error>;
    /// The contents of some products in all channels, in the order asked for; unknown ones are left out.
    async fn get_contents(&self, ctx: &Ctx, req: GetContents)
    -> Result<Vec<ProductContent>, Error>;
    /// Which of some slugs belong to a product. Needs `products:read`.
    async fn known_slugs(&self, ctx: &Ctx, req: KnownSlugs) -> Result<Vec<Slug>, Error>;
    /// Adds a product. Needs `products:write`, as all changes do.
    async fn create(&self, ctx: &Ctx, req: NewProduct) -> Result<ProductInfo, Error>;
    /// Replaces a product's content; variants are matched by their option values and keep their ids.
    async fn update(&self, ctx: &Ctx, req: UpdateProduct) -> Result<ProductInfo, Error>;
    /// Puts a product on sale, or takes it off.
    async fn set_status(&self, ctx: &Ctx, req: SetStatus) -> Result<ProductInfo, Error>;
    /// Adds a category.
    async fn create_category(&self, ctx: &Ctx, req: NewCategory) -> Result<Category, Error>;
    /// All categories (at most 1,000), by position.
    async fn list_categories(&self, ctx: &Ctx, req: ListCategories)
    -> Result<Vec<Category>, Error>;
    /// Adds a brand.
    async fn create_brand(&self, ctx: &Ctx, req: NewBrand) -> Result<Brand, Error>;
    /// All brands (at most 1,000), by name.
    async fn list_brands(&self, ctx: &Ctx, req: ListBrands) -> Result<Vec<Brand>, Error>;
    /// Adds a sales channel. Every tenant has the channel `web`.
    async fn create_channel(&self, ctx: &Ctx, req: NewChannel) -> Result<Channel, Error>;
    /// All channels (at most 50), by code.
    async fn list_channels(&self, ctx: &Ctx, req: ListChannels) -> Result<Vec<Channel>, Error>;
    /// Keeps a picture and says where it is served.
    async fn put_image(&self, ctx: &Ctx, req: PutImage) -> Result<StoredImage, Error>;
    /// A kept picture.
    async fn get_image(&self, ctx: &Ctx, req: GetImage) -> Result<ImageFile, Error>;
    /// Which products of a file the catalogue would not take; changes nothing.
    async fn check_import(&self, ctx: &Ctx, req: CheckImport)
    -> Result<Vec<ImportConflict>, Error>;
    /// Begins an import, or goes on with the same file's unfinished one.
    async fn begin_import(&self, ctx: &Ctx, req: BeginImport) -> Result<ImportStatus, Error>;
    /// Applies a batch of an import: all of it or nothing; a batch that was applied is skipped.
    async fn apply_import(&self, ctx: &Ctx, req: ImportBatch) -> Result<ImportStatus, Error>;
    /// How an import stands.
    async fn get_import(&self, ctx: &Ctx, req: GetImport) -> Result<ImportStatus, Error>;
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// A slug or code is taken.
    #[error("{0} is taken")]
    Taken(String),
    /// The change is based on an old version.
    #[error("the product was changed meanwhile; its version is {0}")]
    Stale(i64),
    /// A product needs a price and a picture or text before it goes on sale.
    #[error("{0}")]
    NotSellable(String),
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Taken(_) | Self::NotSellable(_) => ErrorCode::Conflict,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::Taken(_) => "taken",
            Self::Stale(_) => "stale_version",
            Self::NotSellable(_) => "not_sellable",
            Self::Fault(f) => return f.clone(),
        };
        Fault::new(self.code(), self.to_string()).with_slug(slug)
    }
}
