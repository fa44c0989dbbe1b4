//! Reading products: one with its variants, a page of them, skus by id, the content as it was given.

use std::collections::HashMap;

use kit::{Currency, Money, TenantCode, Timestamp};
use product_api::{
    Attribute, Brand, ChannelPrice, Image, NewProduct, NewSku, ProductContent, ProductInfo,
    ProductOption, ProductRef, ProductStatus, ProductSummary, Sku, SkuInfo,
};
use rpc::Fault;
use sea_query::{Cond, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement};
use serde::{Deserialize, Serialize};
use shard::{Row, Tx, padded};
use types::{BrandId, CategoryId, SkuId, Slug, SpuId, Texts};

use super::{from_word, id, json, maybe_id, maybe_json, of_tenant, word};
use crate::model::Card;

/// What stands in the column `content`: everything of a product that belongs to it alone and is not on
/// its card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// HTML, clean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Texts>,
    /// Categories as they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category_ids: Vec<CategoryId>,
    /// Free words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What the buyer chooses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ProductOption>,
    /// Pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
}

/// A product without its variants.
pub struct Head {
    /// The id.
    pub id: SpuId,
    /// For the address bar.
    pub slug: Slug,
    /// Where it stands.
    pub status: ProductStatus,
    /// The brand.
    pub brand: Option<Brand>,
    /// Its card.
    pub card: Card,
    /// The rest.
    pub rest: Rest,
    /// Counts its changes.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How prices are shown.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    /// In which channel.
    pub channel: &'a str,
    /// In which currency.
    pub currency: Currency,
}

impl Pricing<'_> {
    fn money(&self, amount: Option<i64>) -> Result<Option<Money>, Fault> {
        amount.map(|n| Money::new(n, self.currency)).transpose().map_err(Fault::internal)
    }
}

fn heads(tenant: &TenantCode) -> SelectStatement {
    let brand = Cond::all()
        .add(Expr::col(("b", "tenant")).equals(("p", "tenant")))
        .add(Expr::col(("b", "id")).equals(("p", "brand_id")));
    Query::select()
        .columns([
            ("p", "id"),
            ("p", "slug"),
            ("p", "status"),
            ("p", "brand_id"),
            ("p", "card"),
            ("p", "content"),
            ("p", "version"),
            ("p", "updated_at"),
        ])
        .expr_as(Expr::col(("b", "name")), "brand_name")
        .from_as("products", "p")
        .join_as(JoinType::LeftJoin, "brands", "b", brand)
        .and_where(Expr::col(("p", "tenant")).eq(tenant.as_str()))
        .to_owned()
}

fn head_of(row: &Row) -> Result<Head, Fault> {
    let brand_id = maybe_id(row, "brand_id", BrandId)?;
    let brand_name: Option<String> = row.get("brand_name")?;
    Ok(Head {
        id: id(row, "id", SpuId)?,
        slug: row.get::<String>("slug")?.parse().map_err(Fault::internal)?,
        status: from_word(row, "status")?,
        brand: brand_id.zip(brand_name).map(|(id, name)| Brand { id, name }),
        card: json(row, "card")?,
        rest: json(row, "content")?,
        version: row.get("version")?,
        updated_at: row.get("updated_at")?,
    })
}

/// A product without its variants.
pub async fn head(
    tx: &Tx,
    tenant: &TenantCode,
    product: &ProductRef,
) -> Result<Option<Head>, Fault> {
    let mut select = heads(tenant);
    match product {
        ProductRef::Id(id) => select.and_where(Expr::col(("p", "id")).eq(id.get())),
        ProductRef::Slug(slug) => select.and_where(Expr::col(("p", "slug")).eq(slug.as_str())),
    };
    tx.one(&select).await?.map(|row| head_of(&row)).transpose()
}

/// Which product it is and its version; nobody else changes it until the transaction ends.
pub async fn hold_product(
    tx: &Tx,
    tenant: &TenantCode,
    product: &ProductRef,
) -> Result<Option<(SpuId, i64)>, Fault> {
    let mut select = Query::select();
    select.columns(["id", "version"]).from("products").and_where(of_tenant(tenant));
    match product {
        ProductRef::Id(id) => select.and_where(Expr::col("id").eq(id.get())),
        ProductRef::Slug(slug) => select.and_where(Expr::col("slug").eq(slug.as_str())),
    };
    let Some(row) = tx.one(select.lock_exclusive()).await? else { return Ok(None) };
    Ok(Some((id(&row, "id", SpuId)?, row.get("version")?)))
}

/// The variants of a product with their prices in a channel, in their order.
pub async fn skus(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
    pricing: Pricing<'_>,
) -> Result<Vec<Sku>, Fault> {
    let select = Query::select()
        .columns([
            ("s", "id"),
            ("s", "code"),
            ("s", "barcode"),
            ("s", "options"),
            ("s", "weight_grams"),
            ("s", "image"),
        ])
        .columns([("r", "amount"), ("r", "compare_at")])
        .from_as("skus", "s")
        .join_as(JoinType::LeftJoin, "sku_prices", "r", price_in(pricing.channel))
        .and_where(Expr::col(("s", "tenant")).eq(tenant.as_str()))
        .and_where(Expr::col(("s", "spu_id")).eq(product.get()))
        .order_by(("s", "position"), Order::Asc)
        .to_owned();
    let sku = |row: &Row| {
        Ok(Sku {
            id: id(row, "id", SkuId)?,
            code: row.get::<Option<String>>("code")?.unwrap_or_default(),
            barcode: row.get("barcode")?,
            options: json(row, "options")?,
            price: pricing.money(row.get("amount")?)?,
            compare_at: pricing.money(row.get("compare_at")?)?,
            weight_grams: row.get("weight_grams")?,
            image: maybe_json(row, "image")?,
        })
    };
    tx.all(&select).await?.iter().map(sku).collect()
}

fn price_in(channel: &str) -> Cond {
    Cond::all()
        .add(Expr::col(("r", "tenant")).equals(("s", "tenant")))
        .add(Expr::col(("r", "sku_id")).equals(("s", "id")))
        .add(Expr::col(("r", "channel")).eq(channel))
}

/// A product as shown. Two statements.
pub async fn product(
    tx: &Tx,
    tenant: &TenantCode,
    product: &ProductRef,
    pricing: Pricing<'_>,
    only_on_sale: bool,
) -> Result<Option<ProductInfo>, Fault> {
    let Some(head) = head(tx, tenant, product).await? else { return Ok(None) };
    if only_on_sale && head.status != ProductStatus::OnSale {
        return Ok(None);
    }
    let skus = skus(tx, tenant, head.id, pricing).await?;
    Ok(Some(ProductInfo {
        id: head.id,
        slug: head.slug,
        status: head.status,
        title: head.card.title,
        description: head.rest.description,
        brand: head.brand,
        category_ids: head.rest.category_ids,
        tags: head.rest.tags,
        attributes: head.rest.attributes,
        options: head.rest.options,
        images: head.rest.images,
        skus,
        version: head.version,
        updated_at: head.updated_at,
    }))
}

/// Which products a list has.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Only of this category and those under it.
    pub category_id: Option<CategoryId>,
    /// Only of this brand.
    pub brand_id: Option<BrandId>,
    /// Only with this status.
    pub status: Option<ProductStatus>,
    /// Only older than this one.
    pub before: Option<SpuId>,
}

/// Products, newest first. One statement.
pub async fn page(
    tx: &Tx,
    tenant: &TenantCode,
    filter: Filter,
    limit: u64,
    pricing: Pricing<'_>,
) -> Result<Vec<ProductSummary>, Fault> {
    let mut select = Query::select()
        .columns([("p", "id"), ("p", "slug"), ("p", "status"), ("p", "card")])
        .from_as("products", "p")
        .and_where(Expr::col(("p", "tenant")).eq(tenant.as_str()))
        .limit(limit)
        .to_owned();
    // The table that leads the search is the one whose order the page follows.
    let (lead, key) = match filter.category_id {
        None => ("p", "id"),
        Some(category) => {
            let same = Cond::all()
                .add(Expr::col(("c", "tenant")).equals(("p", "tenant")))
                .add(Expr::col(("c", "spu_id")).equals(("p", "id")));
            select
                .join_as(JoinType::InnerJoin, "product_categories", "c", same)
                .and_where(Expr::col(("c", "tenant")).eq(tenant.as_str()))
                .and_where(Expr::col(("c", "category_id")).eq(category.get()));
            ("c", "spu_id")
        }
    };
    if let Some(status) = filter.status {
        select.and_where(Expr::col((lead, "status")).eq(word(status)?));
    }
    if let Some(brand) = filter.brand_id {
        select.and_where(Expr::col(("p", "brand_id")).eq(brand.get()));
    }
    if let Some(before) = filter.before {
        select.and_where(Expr::col((lead, key)).lt(before.get()));
    }
    select.order_by((lead, key), Order::Desc);
    tx.all(&select).await?.iter().map(|row| summary(row, pricing)).collect()
}

fn summary(row: &Row, pricing: Pricing<'_>) -> Result<ProductSummary, Fault> {
    let card: Card = json(row, "card")?;
    let range = card.prices.get(pricing.channel).copied();
    Ok(ProductSummary {
        id: id(row, "id", SpuId)?,
        slug: row.get::<String>("slug")?.parse().map_err(Fault::internal)?,
        status: from_word(row, "status")?,
        title: card.title,
        image: card.image,
        price_from: pricing.money(range.map(|r| r.min))?,
        price_varies: range.is_some_and(|r| r.min < r.max),
        sku_count: card.sku_count,
    })
}

/// Skus by id, for lines of carts and orders, in no order. One statement.
pub async fn sku_infos(
    tx: &Tx,
    tenant: &TenantCode,
    sku_ids: &[SkuId],
    pricing: Pricing<'_>,
) -> Result<Vec<SkuInfo>, Fault> {
    if sku_ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = padded(sku_ids.iter().map(|id| id.get()));
    let same = Cond::all()
        .add(Expr::col(("p", "tenant")).equals(("s", "tenant")))
        .add(Expr::col(("p", "id")).equals(("s", "spu_id")));
    let select = Query::select()
        .columns([("s", "id"), ("s", "spu_id"), ("s", "code"), ("s", "options"), ("s", "image")])
        .columns([("p", "slug"), ("p", "status"), ("p", "card")])
        .column(("r", "amount"))
        .from_as("skus", "s")
        .join_as(JoinType::InnerJoin, "products", "p", same)
        .join_as(JoinType::LeftJoin, "sku_prices", "r", price_in(pricing.channel))
        .and_where(Expr::col(("s", "tenant")).eq(tenant.as_str()))
        .and_where(Expr::col(("s", "id")).is_in(ids))
        .to_owned();
    let info = |row: &Row| {
        let card: Card = json(row, "card")?;
        let options: Vec<String> = json(row, "options")?;
        let price = pricing.money(row.get("amount")?)?;
        let status: ProductStatus = from_word(row, "status")?;
        Ok(SkuInfo {
            sku_id: id(row, "id", SkuId)?,
            spu_id: id(row, "spu_id", SpuId)?,
            slug: row.get::<String>("slug")?.parse().map_err(Fault::internal)?,
            title: card.title,
            variant: options.join(" / "),
            code: row.get::<Option<String>>("code")?.unwrap_or_default(),
            sellable: status == ProductStatus::OnSale && price.is_some(),
            price,
            image: maybe_json(row, "image")?.or(card.image),
        })
    };
    tx.all(&select).await?.iter().map(info).collect()
}

/// A product's variants by their option values: what keeps its id when the content is replaced.
pub async fn sku_keys(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
) -> Result<Vec<(Vec<String>, SkuId)>, Fault> {
    let select = Query::select()
        .columns(["id", "options"])
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .to_owned();
    let key = |row: &Row| Ok((json(row, "options")?, id(row, "id", SkuId)?));
    tx.all(&select).await?.iter().map(key).collect()
}

/// The content of a product in all channels. Three statements.
pub async fn content(
    tx: &Tx,
    tenant: &TenantCode,
    product: &ProductRef,
) -> Result<Option<ProductContent>, Fault> {
    let head = head(tx, tenant, product).await?;
    Ok(contents_of(tx, tenant, head.into_iter().collect()).await?.pop())
}

/// The contents of products in all channels, in no order. Three statements.
pub async fn contents(
    tx: &Tx,
    tenant: &TenantCode,
    products: &[SpuId],
) -> Result<Vec<ProductContent>, Fault> {
    let ids = products.iter().map(|id| id.get());
    let select = heads(tenant).and_where(Expr::col(("p", "id")).is_in(padded(ids))).to_owned();
    let heads = tx.all(&select).await?.iter().map(head_of).collect::<Result<Vec<_>, _>>()?;
    contents_of(tx, tenant, heads).await
}

/// Which of some slugs belong to a product, in no order. One statement.
pub async fn known_slugs(tx: &Tx, tenant: &TenantCode, slugs: &[Slug]) -> Result<Vec<Slug>, Fault> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let select = Query::select()
        .column("slug")
        .from("products")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("slug").is_in(padded(slugs.iter().map(Slug::as_str))))
        .to_owned();
    let slug = |row: &Row| row.get::<String>("slug")?.parse().map_err(Fault::internal);
    tx.all(&select).await?.iter().map(slug).collect()
}

async fn contents_of(
    tx: &Tx,
    tenant: &TenantCode,
    heads: Vec<Head>,
) -> Result<Vec<ProductContent>, Fault> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let products = padded(heads.iter().map(|h| h.id.get()));
    let mut variants = variants(tx, tenant, &products).await?;
    let content = |head: Head| {
        let (sku_ids, skus) = variants.remove(&head.id).unwrap_or_default().into_iter().unzip();
        let content = NewProduct {
            slug: head.slug,
            title: head.card.title,
            description: head.rest.description,
            brand_id: head.brand.map(|b| b.id),
            category_ids: head.rest.category_ids,
            tags: head.rest.tags,
            attributes: head.rest.attributes,
            options: head.rest.options,
            images: head.rest.images,
            skus,
            status: head.status,
        };
        let (version, updated_at) = (head.version, head.updated_at);
        ProductContent { id: head.id, version, updated_at, sku_ids, content }
    };
    Ok(heads.into_iter().map(content).collect())
}

/// The variants of products with their prices in all channels, in their order.
async fn variants(
    tx: &Tx,
    tenant: &TenantCode,
    products: &[i64],
) -> Result<HashMap<SpuId, Vec<(SkuId, NewSku)>>, Fault> {
    let mut prices = prices(tx, tenant, products).await?;
    let select = Query::select()
        .columns(["id", "spu_id", "code", "barcode", "options", "weight_grams", "image"])
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").is_in(products.iter().copied()))
        .order_by("position", Order::Asc)
        .to_owned();
    let mut variants: HashMap<SpuId, Vec<(SkuId, NewSku)>> = HashMap::new();
    for row in &tx.all(&select).await? {
        let sku_id = id(row, "id", SkuId)?;
        let sku = NewSku {
            code: row.get::<Option<String>>("code")?.unwrap_or_default(),
            barcode: row.get("barcode")?,
            options: json(row, "options")?,
            prices: prices.remove(&sku_id).unwrap_or_default(),
            weight_grams: row.get("weight_grams")?,
            image: maybe_json(row, "image")?,
        };
        variants.entry(id(row, "spu_id", SpuId)?).or_default().push((sku_id, sku));
    }
    Ok(variants)
}

/// All prices of the variants of products, by channel.
async fn prices(
    tx: &Tx,
    tenant: &TenantCode,
    products: &[i64],
) -> Result<HashMap<SkuId, Vec<ChannelPrice>>, Fault> {
    let same = Cond::all()
        .add(Expr::col(("r", "tenant")).equals(("s", "tenant")))
        .add(Expr::col(("r", "sku_id")).equals(("s", "id")));
    let select = Query::select()
        .columns([("r", "sku_id"), ("r", "channel"), ("r", "amount"), ("r", "compare_at")])
        .from_as("skus", "s")
        .join_as(JoinType::InnerJoin, "sku_prices", "r", same)
        .and_where(Expr::col(("s", "tenant")).eq(tenant.as_str()))
        .and_where(Expr::col(("s", "spu_id")).is_in(products.iter().copied()))
        .order_by(("r", "channel"), Order::Asc)
        .to_owned();
    let mut prices: HashMap<SkuId, Vec<ChannelPrice>> = HashMap::new();
    for row in &tx.all(&select).await? {
        prices.entry(id(row, "sku_id", SkuId)?).or_default().push(ChannelPrice {
            channel: row.get("channel")?,
            amount: row.get("amount")?,
            compare_at: row.get("compare_at")?,
        });
    }
    Ok(prices)
}
