//! A product as the index has it: its words, its facet values, its card.

use std::collections::{BTreeMap, BTreeSet};

use kit::Timestamp;
use product_api::{ProductInfo, ProductStatus, Sku};
use search_api::{FacetKind, HitImage, ProductState};
use serde::{Deserialize, Serialize};
use types::{SkuId, Slug, SpuId, Texts};

use super::facets::{Named, category_facet, property_facet};
use super::text::{Cut, terms, without_tags};
use super::tree::Tree;

/// The most words of a product.
pub const TERMS_MAX: usize = 512;
/// Of these, words that only its description has.
const DESCRIPTION_TERMS_MAX: usize = 128;
/// The most properties of a product that it can be narrowed by.
const PROPERTIES_MAX: usize = 64;
/// A longer value is a sentence, nothing to choose from.
const PROPERTY_CHARS_MAX: usize = 60;

// How much a word counts by where it stands.
const TITLE: i64 = 16;
const CODE: i64 = 12;
const GROUP: i64 = 8;
const PROPERTY: i64 = 4;
const DESCRIPTION: i64 = 1;

/// What a list shows of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub slug: Slug,
    pub title: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<HitImage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<i64>,
    pub price_varies: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    pub sku_count: u32,
}

/// A product as the index has it, apart from its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: SpuId,
    pub version: i64,
    pub state: ProductState,
    /// The lowest price in minor units.
    pub price: Option<i64>,
    /// Whether the variant with the lowest price used to cost more.
    pub reduced: bool,
    pub updated_at: Timestamp,
    pub card: Card,
    pub sku_ids: Vec<SkuId>,
    /// Words with their weights.
    pub terms: Vec<(String, i64)>,
    /// Ids of all facet values, ascending.
    pub facet_ids: Vec<i64>,
    /// What those of brand and properties stand for.
    pub named: Vec<Named>,
}

impl Entry {
    /// How a product is found. The tree should know its categories.
    pub fn of(product: &ProductInfo, tree: &Tree) -> Self {
        let cheapest = cheapest(&product.skus);
        let price = cheapest.map(|(price, _)| price);
        let compare_at = cheapest.and_then(|(_, before)| before);
        let dearest = product.skus.iter().filter_map(|s| s.price).map(|p| p.amount()).max();
        let named = named(product);
        let categories = product.category_ids.iter().flat_map(|c| tree.path(*c));
        let facet_ids: BTreeSet<i64> =
            categories.map(category_facet).chain(named.iter().map(|n| n.id)).collect();
        Self {
            id: product.id,
            version: product.version,
            state: state(product.status),
            price,
            reduced: compare_at.is_some(),
            updated_at: product.updated_at,
            card: Card {
                slug: product.slug.clone(),
                title: product.title.clone(),
                image: image(product),
                compare_at,
                price_varies: price < dearest,
                brand: product.brand.as_ref().map(|b| b.name.clone()),
                sku_count: u32::try_from(product.skus.len()).unwrap_or(u32::MAX),
            },
            sku_ids: product.skus.iter().map(|s| s.id).collect(),
            terms: words(product, tree),
            facet_ids: facet_ids.into_iter().collect(),
            named,
        }
    }
}

const fn state(status: ProductStatus) -> ProductState {
    match status {
        ProductStatus::Draft => ProductState::Draft,
        ProductStatus::OnSale => ProductState::OnSale,
        ProductStatus::Off => ProductState::Off,
    }
}

/// The lowest price, and what that variant used to cost when it was more.
fn cheapest(skus: &[Sku]) -> Option<(i64, Option<i64>)> {
    let priced = skus.iter().filter_map(|s| Some((s.price?.amount(), s.compare_at)));
    let (price, before) = priced.min_by_key(|(price, _)| *price)?;
    Some((price, before.map(|b| b.amount()).filter(|b| *b > price)))
}

fn image(product: &ProductInfo) -> Option<HitImage> {
    let of_sku = || product.skus.iter().find_map(|s| s.image.as_ref());
    let image = product.images.first().or_else(of_sku)?;
    Some(HitImage { url: image.url.clone(), alt: image.alt.clone() })
}

/// Brand and properties. An option and an attribute of one name are one property.
fn named(product: &ProductInfo) -> Vec<Named> {
    let options = product.options.iter().flat_map(|o| o.values.iter().map(|v| (&o.name, v)));
    let attributes = product.attributes.iter().map(|a| (&a.name, &a.value));
    let mut properties: Vec<Named> = Vec::new();
    for (name, value) in options.chain(attributes) {
        let (name, value) = (name.trim(), value.trim());
        let fits = !value.is_empty() && value.chars().count() <= PROPERTY_CHARS_MAX;
        let id = property_facet(name, value);
        if fits && properties.len() < PROPERTIES_MAX && properties.iter().all(|p| p.id != id) {
            properties.push(Named {
                id,
                kind: FacetKind::Property,
                name: name.to_owned(),
                value: value.to_owned(),
                label: value.to_owned(),
            });
        }
    }
    properties.extend(product.brand.as_ref().map(Named::brand));
    properties
}

/// Words by weight, the heaviest first, so that what does not fit any more is what matters least.
struct Collected(BTreeMap<String, i64>);

impl Collected {
    fn add(&mut self, text: &str, weight: i64, cut: Cut, max: usize) {
        for term in terms(text, cut) {
            if self.0.len() >= max && !self.0.contains_key(&term) {
                return;
            }
            // What was there is heavier: texts come by weight.
            self.0.entry(term).or_insert(weight);
        }
    }
}

fn words(product: &ProductInfo, tree: &Tree) -> Vec<(String, i64)> {
    let mut words = Collected(BTreeMap::new());
    for title in product.title.all().values() {
        words.add(title, TITLE, Cut::Fine, TERMS_MAX);
    }
    for sku in &product.skus {
        words.add(&sku.code, CODE, Cut::Coarse, TERMS_MAX);
        words.add(&sku.barcode, CODE, Cut::Coarse, TERMS_MAX);
    }
    if let Some(brand) = &product.brand {
        words.add(&brand.name, GROUP, Cut::Fine, TERMS_MAX);
    }
    for category in product.category_ids.iter().flat_map(|c| tree.path(*c)) {
        tree.names(category).for_each(|n| words.add(n, GROUP, Cut::Fine, TERMS_MAX));
    }
    let options = product.options.iter().flat_map(|o| o.values.iter());
    let attributes = product.attributes.iter().map(|a| &a.value);
    for text in product.tags.iter().chain(options).chain(attributes) {
        words.add(text, PROPERTY, Cut::Coarse, TERMS_MAX);
    }
    let max = words.0.len().saturating_add(DESCRIPTION_TERMS_MAX).min(TERMS_MAX);
    for html in product.description.iter().flat_map(|d| d.all().values()) {
        words.add(&without_tags(html), DESCRIPTION, Cut::Coarse, max);
    }
    words.0.into_iter().collect()
}
