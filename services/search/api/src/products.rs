//! Finding products: what is asked, what is found, what the result can be narrowed by.

use kit::{Cursor, Limit, Money, Timestamp};
use serde::{Deserialize, Serialize};
use types::{BrandId, CategoryId, Locale, Slug, SpuId, Texts};
use utoipa::ToSchema;

/// The most facet values that may be chosen at once.
pub const CHOICES_MAX: usize = 20;
/// The most brands that may be chosen at once.
pub const BRANDS_MAX: usize = 20;
/// The most facets of a result.
pub const FACETS_MAX: usize = 12;
/// The most values of one facet.
pub const FACET_VALUES_MAX: usize = 30;
/// Up to here a total is exact, and facets count all that matches.
pub const TOTAL_MAX: u64 = 10_000;

/// Whether a product can be bought, as the catalogue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductState {
    /// Being written.
    Draft,
    /// Can be bought.
    OnSale,
    /// Taken off.
    Off,
}

/// In which order products are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductSort {
    /// The best match first; the newest first when no text is searched for.
    #[default]
    Relevance,
    /// The newest first.
    Newest,
    /// The cheapest first.
    PriceUp,
    /// The dearest first.
    PriceDown,
}

/// A value of an option or an attribute that products shall have. Values of one name are alternatives,
/// names come together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FacetChoice {
    /// The option's or attribute's name, such as `Colour`.
    pub name: String,
    /// The value, such as `Red`.
    pub value: String,
}

/// Asks for products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct FindProducts {
    /// Words that all have to be there, the last as a beginning; everything when empty. At most
    /// [`crate::TEXT_MAX`] characters. A sku's code is found as well.
    pub text: String,
    /// Only of this category and those under it.
    pub category_id: Option<CategoryId>,
    /// Only of one of these brands, if there are any; at most [`BRANDS_MAX`].
    pub brand_ids: Vec<BrandId>,
    /// Only with these values; at most [`CHOICES_MAX`].
    pub facets: Vec<FacetChoice>,
    /// The lowest price, in minor units.
    pub price_min: Option<i64>,
    /// The highest price, in minor units.
    pub price_max: Option<i64>,
    /// Only what can be ordered now.
    pub in_stock: bool,
    /// Only what used to cost more.
    pub reduced: bool,
    /// Only with this status; all without. Shoppers always get what is on sale, and may ask for no other.
    pub status: Option<ProductState>,
    /// The order.
    pub sort: ProductSort,
    /// The reader's language, for the labels of categories; the first there is without.
    pub locale: Option<Locale>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitImage {
    /// `https://…`, or `/media/…` for a picture kept by the platform.
    pub url: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
}

/// A product that was found; prices are of the channel `web`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductHit {
    /// The id.
    pub id: SpuId,
    /// For the address bar.
    pub slug: Slug,
    /// Its name.
    pub title: Texts,
    /// The main picture.
    pub image: Option<HitImage>,
    /// The lowest price; none when it has none in the channel.
    pub price_from: Option<Money>,
    /// What the cheapest variant used to cost, when that was more.
    pub compare_at: Option<Money>,
    /// Whether variants cost differently.
    pub price_varies: bool,
    /// Whether any variant can be ordered.
    pub in_stock: bool,
    /// The brand's name.
    pub brand: Option<String>,
    /// Where it stands.
    pub status: ProductState,
    /// How many variants it has.
    pub sku_count: u32,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a facet narrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FacetKind {
    /// Categories under the one that was asked for (the topmost ones without): `category_id`.
    Category,
    /// Brands: `brand_ids`.
    Brand,
    /// Values of an option or an attribute: `facets`.
    Property,
}

/// One way to narrow a result. Its counts are as if nothing of itself were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Facet {
    /// What it narrows.
    pub kind: FacetKind,
    /// The property's name; empty for categories and brands.
    pub name: String,
    /// Its values: categories by position, others by count. At most [`FACET_VALUES_MAX`].
    pub values: Vec<FacetValue>,
}

/// A value of a facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// What chooses it: an id, or the value itself.
    pub value: String,
    /// In words.
    pub label: String,
    /// How many products it leaves.
    pub count: u64,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// The lowest and the highest price there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceRange {
    /// The lowest.
    pub min: Money,
    /// The highest.
    pub max: Money,
}

/// A page of products and what it was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductResults {
    /// The products.
    pub items: Vec<ProductHit>,
    /// How many match.
    pub total: u64,
    /// Whether there are more than `total`: then facets count the newest ones only.
    pub total_is_bound: bool,
    /// What the result can be narrowed by, at most [`FACETS_MAX`]; what narrows nothing is left out.
    pub facets: Vec<Facet>,
    /// What the products cost, as if no price were asked for; none when there is none.
    pub prices: Option<PriceRange>,
    /// How many of them can be ordered, as if that were not asked for.
    pub in_stock: u64,
    /// How many of them used to cost more, as if that were not asked for.
    pub reduced: u64,
    /// Where the next page begins; none on the last.
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
}

/// Reads a page of the catalogue, or of orders, again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Rebuild {
    /// Where to go on; the beginning without.
    pub cursor: Option<Cursor>,
}

/// What was read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Products of this page.
    pub products: u32,
    /// Where to go on; none when that was all.
    pub next_cursor: Option<Cursor>,
}

/// What was read again of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltOrders {
    /// Orders of this page; it may have none and not be the last.
    pub orders: u32,
    /// Where to go on; none when that was all.
    pub next_cursor: Option<Cursor>,
}
