//! Writing products. A change replaces the rows of a product: variants that swap their numbers would
//! stand in each other's way otherwise.

use kit::{ErrorCode, TenantCode};
use product_api::{NewProduct, ProductStatus};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::{Tx, padded};
use types::{BrandId, CategoryId, SkuId, Slug, SpuId};

use super::{Rest, id, of_tenant, size, to_json, word};
use crate::model::Card;

/// Rows that one statement inserts at most: engines bound the values of a statement.
const ROWS_MAX: usize = 100;

/// A product to write.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Whose it is.
    pub tenant: &'a TenantCode,
    /// Its id.
    pub id: SpuId,
    /// Its content, checked and clean.
    pub content: &'a NewProduct,
    /// Ids of its variants, in their order.
    pub sku_ids: &'a [SkuId],
    /// Where it is found: its categories and all above them.
    pub found_in: &'a [CategoryId],
    /// Its version from now on.
    pub version: i64,
}

/// What was not unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collision {
    /// The name in the address bar.
    Slug,
    /// A variant's number; not known which when somebody else took it just now.
    Code(Option<String>),
}

fn rest_of(content: &NewProduct) -> Rest {
    Rest {
        description: content.description.clone(),
        category_ids: content.category_ids.clone(),
        tags: content.tags.clone(),
        attributes: content.attributes.clone(),
        options: content.options.clone(),
        images: content.images.clone(),
    }
}

/// Adds a product.
pub async fn insert_product(tx: &Tx, new: Written<'_>) -> Result<Result<(), Collision>, Fault> {
    let (now, content) = (tx.now().micros(), new.content);
    let insert = Query::insert()
        .into_table("products")
        .columns([
            "tenant",
            "id",
            "slug",
            "status",
            "brand_id",
            "card",
            "content",
            "version",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            new.tenant.as_str().into(),
            new.id.get().into(),
            content.slug.as_str().into(),
            word(content.status)?.into(),
            content.brand_id.map(BrandId::get).into(),
            to_json(&Card::of(content))?.into(),
            to_json(&rest_of(content))?.into(),
            new.version.into(),
            now.into(),
            now.into(),
        ])
        .to_owned();
    if !tx.insert_unique(&insert).await? {
        return Ok(Err(Collision::Slug));
    }
    insert_parts(tx, new).await
}

/// Replaces a product's content. The caller holds it and has compared its version; a slug that changes is
/// compared here.
pub async fn replace_product(tx: &Tx, new: Written<'_>) -> Result<Result<(), Collision>, Fault> {
    let content = new.content;
    if find_slug(tx, new.tenant, &content.slug).await?.is_some_and(|holder| holder != new.id) {
        return Ok(Err(Collision::Slug));
    }
    let update = Query::update()
        .table("products")
        .value("slug", content.slug.as_str())
        .value("status", word(content.status)?)
        .value("brand_id", content.brand_id.map(BrandId::get))
        .value("card", to_json(&Card::of(content))?)
        .value("content", to_json(&rest_of(content))?)
        .value("version", new.version)
        .value("updated_at", tx.now().micros())
        .and_where(of_tenant(new.tenant))
        .and_where(Expr::col("id").eq(new.id.get()))
        .to_owned();
    if is_taken(tx.exec(&update).await)? {
        return Ok(Err(Collision::Slug));
    }
    delete_parts(tx, new.tenant, new.id).await?;
    insert_parts(tx, new).await
}

/// Whether a unique key stood in the way, which somebody else has taken since it was looked at. On some
/// engines the transaction can only end then.
fn is_taken(written: Result<u64, Fault>) -> Result<bool, Fault> {
    match written {
        Ok(_) => Ok(false),
        Err(fault) if fault.code == ErrorCode::Conflict => Ok(true),
        Err(fault) => Err(fault),
    }
}

/// Saves where a product stands, which the caller holds.
pub async fn set_status(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
    status: ProductStatus,
    version: i64,
) -> Result<(), Fault> {
    let status = word(status)?;
    let update = Query::update()
        .table("products")
        .value("status", status.as_str())
        .value("version", version)
        .value("updated_at", tx.now().micros())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(product.get()))
        .to_owned();
    tx.exec(&update).await?;
    let found_in = Query::update()
        .table("product_categories")
        .value("status", status)
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .to_owned();
    tx.exec(&found_in).await.map(|_| ())
}

/// Who has a name in the address bar.
pub async fn find_slug(tx: &Tx, tenant: &TenantCode, slug: &Slug) -> Result<Option<SpuId>, Fault> {
    let select = Query::select()
        .column("id")
        .from("products")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("slug").eq(slug.as_str()))
        .to_owned();
    tx.one(&select).await?.map(|row| id(&row, "id", SpuId)).transpose()
}

/// The first of these numbers that a variant of another product has.
pub async fn code_elsewhere(
    tx: &Tx,
    tenant: &TenantCode,
    codes: &[&str],
    product: Option<SpuId>,
) -> Result<Option<String>, Fault> {
    if codes.is_empty() {
        return Ok(None);
    }
    let mut select = Query::select()
        .column("code")
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("code").is_in(codes.iter().copied()))
        .limit(1)
        .to_owned();
    if let Some(product) = product {
        select.and_where(Expr::col("spu_id").ne(product.get()));
    }
    tx.one(&select).await?.map(|row| row.get("code")).transpose()
}

async fn delete_parts(tx: &Tx, tenant: &TenantCode, product: SpuId) -> Result<(), Fault> {
    let of_product = || Expr::col("spu_id").eq(product.get());
    let mine = Query::select()
        .column("id")
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(of_product())
        .to_owned();
    let mine = tx.all(&mine).await?;
    let mine = mine.iter().map(|row| row.get::<i64>("id")).collect::<Result<Vec<_>, _>>()?;
    if !mine.is_empty() {
        // By their ids: some engines would look at all prices of the tenant for a subquery.
        let prices = Query::delete()
            .from_table("sku_prices")
            .and_where(of_tenant(tenant))
            .and_where(Expr::col("sku_id").is_in(padded(mine)))
            .to_owned();
        tx.exec(&prices).await?;
    }
    for table in ["skus", "product_categories"] {
        let delete = Query::delete()
            .from_table(table)
            .and_where(of_tenant(tenant))
            .and_where(of_product())
            .to_owned();
        tx.exec(&delete).await?;
    }
    Ok(())
}

async fn insert_parts(tx: &Tx, new: Written<'_>) -> Result<Result<(), Collision>, Fault> {
    let status = word(new.content.status)?;
    for chunk in new.found_in.chunks(ROWS_MAX) {
        let mut insert = Query::insert()
            .into_table("product_categories")
            .columns(["tenant", "category_id", "spu_id", "status"])
            .to_owned();
        for category in chunk {
            insert.values_panic([
                new.tenant.as_str().into(),
                category.get().into(),
                new.id.get().into(),
                status.as_str().into(),
            ]);
        }
        tx.exec(&insert).await?;
    }
    let collided = insert_skus(tx, new).await?;
    if collided.is_ok() {
        insert_prices(tx, new).await?;
    }
    Ok(collided)
}

async fn insert_skus(tx: &Tx, new: Written<'_>) -> Result<Result<(), Collision>, Fault> {
    let codes = new.content.skus.iter().map(|s| s.code.as_str()).filter(|code| !code.is_empty());
    let codes: Vec<&str> = codes.collect();
    if let Some(code) = code_elsewhere(tx, new.tenant, &codes, Some(new.id)).await? {
        return Ok(Err(Collision::Code(Some(code))));
    }
    let skus: Vec<_> = new.content.skus.iter().zip(new.sku_ids).enumerate().collect();
    for chunk in skus.chunks(ROWS_MAX) {
        let mut insert = Query::insert()
            .into_table("skus")
            .columns([
                "tenant",
                "id",
                "spu_id",
                "position",
                "code",
                "barcode",
                "options",
                "weight_grams",
                "image",
            ])
            .to_owned();
        for (position, (sku, sku_id)) in chunk {
            let code = Some(sku.code.as_str()).filter(|code| !code.is_empty());
            insert.values_panic([
                new.tenant.as_str().into(),
                sku_id.get().into(),
                new.id.get().into(),
                size(*position).into(),
                code.into(),
                sku.barcode.as_str().into(),
                to_json(&sku.options)?.into(),
                sku.weight_grams.into(),
                sku.image.as_ref().map(to_json).transpose()?.into(),
            ]);
        }
        if is_taken(tx.exec(&insert).await)? {
            return Ok(Err(Collision::Code(None)));
        }
    }
    Ok(Ok(()))
}

async fn insert_prices(tx: &Tx, new: Written<'_>) -> Result<(), Fault> {
    let priced = new.content.skus.iter().zip(new.sku_ids);
    let prices: Vec<_> =
        priced.flat_map(|(sku, sku_id)| sku.prices.iter().map(move |p| (sku_id, p))).collect();
    for chunk in prices.chunks(ROWS_MAX) {
        let mut insert = Query::insert()
            .into_table("sku_prices")
            .columns(["tenant", "sku_id", "channel", "amount", "compare_at"])
            .to_owned();
        for (sku_id, price) in chunk {
            insert.values_panic([
                new.tenant.as_str().into(),
                sku_id.get().into(),
                price.channel.as_str().into(),
                price.amount.into(),
                price.compare_at.into(),
            ]);
        }
        tx.exec(&insert).await?;
    }
    Ok(())
}
