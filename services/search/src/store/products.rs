//! Writing products and the stock of their variants.

use std::collections::HashMap;

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Asterisk, Expr, ExprTrait as _, Func, Order, Query, SelectStatement};
use shard::Tx;
use types::{SkuId, SpuId};

use super::{ROWS_MAX, id, of_tenant, to_json, word};
use crate::model::entry::Entry;
use crate::model::facets::to_bytes;

/// What stands for no price.
pub const NO_PRICE: i64 = -1;

/// The version that is kept of a product. Nobody else changes the product or whether it is in stock until
/// the transaction ends.
pub async fn hold_product(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
) -> Result<Option<i64>, Fault> {
    let select = Query::select()
        .column("version")
        .from("products")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .lock_exclusive()
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("version")).transpose()
}

/// Adds a product of which nothing is kept, without its words and facets and out of stock; `false` when
/// something is kept by now.
pub async fn insert_product(tx: &Tx, tenant: &TenantCode, entry: &Entry) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("products")
        .columns([
            "tenant",
            "spu_id",
            "version",
            "status",
            "price",
            "in_stock",
            "reduced",
            "updated_at",
            "facets",
            "card",
        ])
        .values_panic([
            tenant.as_str().into(),
            entry.id.get().into(),
            entry.version.into(),
            word(entry.state)?.into(),
            entry.price.unwrap_or(NO_PRICE).into(),
            false.into(),
            entry.reduced.into(),
            entry.updated_at.micros().into(),
            to_bytes(&entry.facet_ids).into(),
            to_json(&entry.card)?.into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Puts a product in place of what is kept of it, which the caller holds.
pub async fn put_product(
    tx: &Tx,
    tenant: &TenantCode,
    entry: &Entry,
    in_stock: bool,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("products")
        .value("version", entry.version)
        .value("status", word(entry.state)?)
        .value("price", entry.price.unwrap_or(NO_PRICE))
        .value("in_stock", in_stock)
        .value("reduced", entry.reduced)
        .value("updated_at", entry.updated_at.micros())
        .value("facets", to_bytes(&entry.facet_ids))
        .value("card", to_json(&entry.card)?)
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(entry.id.get()))
        .to_owned();
    tx.exec(&update).await?;
    for table in ["product_terms", "product_facets"] {
        let delete = Query::delete()
            .from_table(table)
            .and_where(of_tenant(tenant))
            .and_where(Expr::col("spu_id").eq(entry.id.get()))
            .to_owned();
        tx.exec(&delete).await?;
    }
    insert_words(tx, tenant, entry).await
}

async fn insert_words(tx: &Tx, tenant: &TenantCode, entry: &Entry) -> Result<(), Fault> {
    for terms in entry.terms.chunks(ROWS_MAX) {
        let mut insert = Query::insert();
        insert.into_table("product_terms").columns(["tenant", "term", "spu_id", "weight"]);
        for (term, weight) in terms {
            insert.values_panic([
                tenant.as_str().into(),
                term.as_str().into(),
                entry.id.get().into(),
                (*weight).into(),
            ]);
        }
        tx.exec(&insert).await?;
    }
    for ids in entry.facet_ids.chunks(ROWS_MAX) {
        let mut insert = Query::insert();
        insert.into_table("product_facets").columns(["tenant", "facet_id", "spu_id"]);
        for facet in ids {
            insert.values_panic([tenant.as_str().into(), (*facet).into(), entry.id.get().into()]);
        }
        tx.exec(&insert).await?;
    }
    Ok(())
}

/// What is kept of the stock of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkuRow {
    /// Its product; none while that has not been read.
    pub product: Option<SpuId>,
    /// Whether it can be ordered.
    pub available: bool,
    /// The number of the message that said so; 0 when it was asked for.
    pub seq: i64,
}

/// What is kept of some variants.
pub async fn skus(
    tx: &Tx,
    tenant: &TenantCode,
    ids: &[SkuId],
) -> Result<HashMap<SkuId, SkuRow>, Fault> {
    skus_of(tx, &select_skus(tenant, ids), ids).await
}

/// What is kept of some variants, which nobody else changes until the transaction ends.
pub async fn hold_skus(
    tx: &Tx,
    tenant: &TenantCode,
    ids: &[SkuId],
) -> Result<HashMap<SkuId, SkuRow>, Fault> {
    // In one order, so that two who hold several do not wait for one another.
    let select =
        select_skus(tenant, ids).order_by("sku_id", Order::Asc).lock_exclusive().to_owned();
    skus_of(tx, &select, ids).await
}

fn select_skus(tenant: &TenantCode, ids: &[SkuId]) -> SelectStatement {
    Query::select()
        .columns(["sku_id", "spu_id", "available", "seq"])
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("sku_id").is_in(ids.iter().map(|s| s.get())))
        .to_owned()
}

async fn skus_of(
    tx: &Tx,
    select: &SelectStatement,
    ids: &[SkuId],
) -> Result<HashMap<SkuId, SkuRow>, Fault> {
    let mut skus = HashMap::new();
    if ids.is_empty() {
        return Ok(skus);
    }
    for row in tx.all(select).await? {
        let product = SpuId::from_i64(row.get("spu_id")?).ok();
        let sku = SkuRow { product, available: row.get("available")?, seq: row.get("seq")? };
        skus.insert(id(&row, "sku_id", SkuId)?, sku);
    }
    Ok(skus)
}

/// Adds a variant of which nothing is kept; `false` when something is kept by now.
pub async fn insert_sku(
    tx: &Tx,
    tenant: &TenantCode,
    sku: SkuId,
    row: SkuRow,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("skus")
        .columns(["tenant", "sku_id", "spu_id", "available", "seq"])
        .values_panic([
            tenant.as_str().into(),
            sku.get().into(),
            row.product.map_or(0, SpuId::get).into(),
            row.available.into(),
            row.seq.into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Keeps the stock of a variant that the caller holds.
pub async fn update_sku(
    tx: &Tx,
    tenant: &TenantCode,
    sku: SkuId,
    row: SkuRow,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("skus")
        .value("spu_id", row.product.map_or(0, SpuId::get))
        .value("available", row.available)
        .value("seq", row.seq)
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("sku_id").eq(sku.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Forgets the variants of a product that are not among these.
pub async fn forget_others(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
    keep: &[SkuId],
) -> Result<(), Fault> {
    let mut delete = Query::delete()
        .from_table("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .to_owned();
    if !keep.is_empty() {
        delete.and_where(Expr::col("sku_id").is_not_in(keep.iter().map(|s| s.get())));
    }
    tx.exec(&delete).await.map(|_| ())
}

/// Whether any variant of a product can be ordered.
pub async fn any_available(tx: &Tx, tenant: &TenantCode, product: SpuId) -> Result<bool, Fault> {
    let select = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from("skus")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .and_where(Expr::col("available").eq(true))
        .to_owned();
    Ok(tx.one(&select).await?.map_or(Ok(0), |row| row.get::<i64>("n"))? > 0)
}

/// Keeps whether a product can be ordered.
pub async fn set_in_stock(
    tx: &Tx,
    tenant: &TenantCode,
    product: SpuId,
    in_stock: bool,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("products")
        .value("in_stock", in_stock)
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("spu_id").eq(product.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
