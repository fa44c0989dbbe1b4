//! Products, variants, categories, brands, channels and pictures as others see them.

use kit::{Cursor, Limit, Money, Timestamp};
use serde::{Deserialize, Serialize};
use types::{BrandId, CategoryId, ImageId, SkuId, Slug, SpuId, Texts};
use utoipa::ToSchema;

/// The sales channel that every tenant has.
pub const DEFAULT_CHANNEL: &str = "web";

/// Whether a product can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Being written.
    Draft,
    /// Can be bought.
    OnSale,
    /// Taken off.
    Off,
}

/// A property of a product that is not chosen by the buyer: material, care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Its value.
    #[schema(min_length = 1, max_length = 500)]
    pub value: String,
}

/// Something the buyer chooses: size, colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductOption {
    /// Its name, unique in the product.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Its values, unique, in the order they are shown.
    #[schema(min_items = 1, max_items = 100)]
    pub values: Vec<String>,
}

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `https://…`, or `/media/…` for a picture kept by the platform.
    #[schema(min_length = 1, max_length = 2000)]
    pub url: String,
    /// What it shows, for those who do not see it.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub alt: String,
}

/// A price in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelPrice {
    /// The channel's code.
    #[schema(min_length = 1, max_length = 32)]
    pub channel: String,
    /// Minor units of the tenant's currency.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub amount: i64,
    /// What it used to cost, when it is shown crossed out.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub compare_at: Option<i64>,
}

/// A variant to add or keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSku {
    /// The merchant's own number; unique in the tenant when it is not empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub code: String,
    /// EAN, UPC or the like; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub barcode: String,
    /// One value per option of the product, in the options' order.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub options: Vec<String>,
    /// At least one, of the channel `web`, to be sellable.
    #[schema(max_items = 50)]
    pub prices: Vec<ChannelPrice>,
    /// Weight in grams.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub weight_grams: i64,
    /// Its own picture.
    #[serde(default)]
    pub image: Option<Image>,
}

/// The content of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// For the address bar; unique in the tenant.
    pub slug: Slug,
    /// Its name.
    pub title: Texts,
    /// HTML or plain text. Cleaned when it is saved, and only what was cleaned is kept.
    #[serde(default)]
    pub description: Option<Texts>,
    /// The brand.
    #[serde(default)]
    pub brand_id: Option<BrandId>,
    /// Categories.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub category_ids: Vec<CategoryId>,
    /// Free words.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tags: Vec<String>,
    /// Properties.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub attributes: Vec<Attribute>,
    /// What the buyer chooses; none for a product with one variant.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub options: Vec<ProductOption>,
    /// Pictures, the first is the main one.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub images: Vec<Image>,
    /// Variants; their option values are unique in the product.
    #[schema(min_items = 1, max_items = 200)]
    pub skus: Vec<NewSku>,
    /// Where it stands.
    pub status: ProductStatus,
}

/// New content of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateProduct {
    /// Which.
    pub id: SpuId,
    /// The version the change is based on.
    pub version: i64,
    /// The content.
    pub content: NewProduct,
}

/// Where a product shall stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetStatus {
    /// Which.
    pub id: SpuId,
    /// Where it shall stand.
    pub status: ProductStatus,
    /// The version the change is based on, if that matters.
    pub version: Option<i64>,
}

/// A variant as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sku {
    /// The id.
    pub id: SkuId,
    /// The merchant's own number.
    pub code: String,
    /// EAN, UPC or the like.
    pub barcode: String,
    /// One value per option.
    pub options: Vec<String>,
    /// Price in the channel that was asked for; none when it is not sold there.
    pub price: Option<Money>,
    /// What it used to cost.
    pub compare_at: Option<Money>,
    /// Weight in grams.
    pub weight_grams: i64,
    /// Its own picture.
    pub image: Option<Image>,
}

/// A product as shown, in one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductInfo {
    /// The id.
    pub id: SpuId,
    /// For the address bar.
    pub slug: Slug,
    /// Where it stands.
    pub status: ProductStatus,
    /// Its name.
    pub title: Texts,
    /// HTML, clean: without scripts, styles and forms.
    pub description: Option<Texts>,
    /// The brand.
    pub brand: Option<Brand>,
    /// Categories.
    pub category_ids: Vec<CategoryId>,
    /// Free words.
    pub tags: Vec<String>,
    /// Properties.
    pub attributes: Vec<Attribute>,
    /// What the buyer chooses.
    pub options: Vec<ProductOption>,
    /// Pictures.
    pub images: Vec<Image>,
    /// Variants.
    pub skus: Vec<Sku>,
    /// Counts its changes.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSummary {
    /// The id.
    pub id: SpuId,
    /// For the address bar.
    pub slug: Slug,
    /// Where it stands.
    pub status: ProductStatus,
    /// Its name.
    pub title: Texts,
    /// The main picture.
    pub image: Option<Image>,
    /// The lowest price in the channel.
    pub price_from: Option<Money>,
    /// Whether variants cost differently.
    pub price_varies: bool,
    /// How many variants it has.
    pub sku_count: u32,
}

/// A sku with what a cart or an order line shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkuInfo {
    /// The sku.
    pub sku_id: SkuId,
    /// Its product.
    pub spu_id: SpuId,
    /// The product's name for the address bar.
    pub slug: Slug,
    /// The product's name.
    pub title: Texts,
    /// Chosen values, such as `Red / L`; empty for a product with one variant.
    pub variant: String,
    /// The merchant's own number.
    pub code: String,
    /// Price in the channel.
    pub price: Option<Money>,
    /// A picture.
    pub image: Option<Image>,
    /// Whether it can be bought now: on sale, and with a price in the channel. Says nothing of stock.
    pub sellable: bool,
}

/// Asks for a page of products, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListProducts {
    /// The channel; `web` without.
    pub channel: Option<String>,
    /// Only of this category and those under it.
    pub category_id: Option<CategoryId>,
    /// Only of this brand.
    pub brand_id: Option<BrandId>,
    /// Only with this status; shoppers always get `on_sale`.
    pub status: Option<ProductStatus>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// Names a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductRef {
    /// By id.
    Id(SpuId),
    /// By name in the address bar.
    Slug(Slug),
}

/// Asks for one product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetProduct {
    /// Which.
    pub product: ProductRef,
    /// The channel; `web` without.
    pub channel: Option<String>,
}

/// Asks for the content of a product in all channels, to change it. Needs `products:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetContent {
    /// Which.
    pub id: SpuId,
}

/// Asks for the contents of some products. Needs `products:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetContents {
    /// At most [`CONTENTS_MAX`](crate::rules::CONTENTS_MAX).
    pub ids: Vec<SpuId>,
}

/// Asks which slugs are in use. Needs `products:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownSlugs {
    /// At most [`CONTENTS_MAX`](crate::rules::CONTENTS_MAX).
    pub slugs: Vec<Slug>,
}

/// A product as its keepers see it: what [`UpdateProduct`] takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductContent {
    /// The id.
    pub id: SpuId,
    /// Counts its changes.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Ids of the variants, in their order.
    pub sku_ids: Vec<SkuId>,
    /// The content.
    pub content: NewProduct,
}

/// Asks for some skus.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetSkus {
    /// At most 200.
    pub sku_ids: Vec<SkuId>,
    /// The channel; `web` without.
    pub channel: Option<String>,
}

/// A category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// The id.
    pub id: CategoryId,
    /// Its parent.
    pub parent_id: Option<CategoryId>,
    /// For the address bar; unique in the tenant.
    pub slug: Slug,
    /// Its name.
    pub name: Texts,
    /// Lower is shown first.
    pub position: i32,
}

/// A category to add. It stays where it is added, so that no cycle can come about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Its parent; categories nest at most 8 deep.
    #[serde(default)]
    pub parent_id: Option<CategoryId>,
    /// For the address bar.
    pub slug: Slug,
    /// Its name.
    pub name: Texts,
    /// Lower is shown first.
    #[serde(default)]
    pub position: i32,
}

/// Asks for all categories.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListCategories {}

/// A brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Brand {
    /// The id.
    pub id: BrandId,
    /// Its name, unique in the tenant.
    pub name: String,
}

/// A brand to add.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBrand {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// Asks for all brands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListBrands {}

/// A sales channel: web, app, a market place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Channel {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A channel to add.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// 1 to 32 of lower-case letters, digits, dash.
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9-]+$")]
    pub code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// Asks for all channels.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListChannels {}

/// A picture to keep: PNG, JPEG, WebP or SVG, at most 512 KiB. Needs `products:write`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutImage {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where a picture is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredImage {
    /// The id.
    pub id: ImageId,
    /// `/media/{id}` at any host of the tenant.
    pub url: String,
}

/// Asks for a kept picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetImage {
    /// Which.
    pub id: ImageId,
}

/// A kept picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImageFile {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
