//! Categories, brands and channels.

use kit::TenantCode;
use product_api::{Brand, Category, Channel};
use rpc::Fault;
use sea_query::{Alias, Asterisk, Expr, ExprTrait as _, Func, Order, Query};
use shard::{Row, Tx};
use types::{BrandId, CategoryId, Slug};

use super::{id, json, maybe_id, of_tenant, to_json};
use crate::model::Branch;

/// A table whose rows are counted before one is added.
#[derive(Debug, Clone, Copy)]
pub enum Counted {
    /// Categories.
    Categories,
    /// Brands.
    Brands,
    /// Channels without `web`.
    Channels,
    /// Kept pictures.
    Images,
}

/// Keeps others from adding what is counted until the transaction ends.
pub async fn hold_counts(tx: &Tx, tenant: &TenantCode) -> Result<(), Fault> {
    let held = Query::select()
        .column("tenant")
        .from("held")
        .and_where(of_tenant(tenant))
        .lock_exclusive()
        .to_owned();
    if tx.one(&held).await?.is_some() {
        return Ok(());
    }
    let insert = Query::insert()
        .into_table("held")
        .columns(["tenant"])
        .values_panic([tenant.as_str().into()])
        .to_owned();
    // A row that is being inserted is held as well; whoever is second waits for it and then holds it.
    if !tx.insert_unique(&insert).await? {
        tx.one(&held).await?;
    }
    Ok(())
}

/// How many rows a tenant has of these.
pub async fn count(tx: &Tx, tenant: &TenantCode, what: Counted) -> Result<usize, Fault> {
    let table = match what {
        Counted::Categories => "categories",
        Counted::Brands => "brands",
        Counted::Channels => "channels",
        Counted::Images => "images",
    };
    let select = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("n"))
        .from(table)
        .and_where(of_tenant(tenant))
        .to_owned();
    tx.one(&select).await?.map_or(Ok(0), |row| row.get("n"))
}

/// All categories by position.
pub async fn categories(tx: &Tx, tenant: &TenantCode) -> Result<Vec<Category>, Fault> {
    let select = Query::select()
        .columns(["id", "parent_id", "slug", "name", "position"])
        .from("categories")
        .and_where(of_tenant(tenant))
        .order_by("position", Order::Asc)
        .order_by("id", Order::Asc)
        .to_owned();
    tx.all(&select).await?.iter().map(category).collect()
}

fn category(row: &Row) -> Result<Category, Fault> {
    Ok(Category {
        id: id(row, "id", CategoryId)?,
        parent_id: maybe_id(row, "parent_id", CategoryId)?,
        slug: row.get::<String>("slug")?.parse().map_err(Fault::internal)?,
        name: json(row, "name")?,
        position: row.get("position")?,
    })
}

/// All categories, only as a tree.
pub async fn branches(tx: &Tx, tenant: &TenantCode) -> Result<Vec<Branch>, Fault> {
    let select = Query::select()
        .columns(["id", "parent_id"])
        .from("categories")
        .and_where(of_tenant(tenant))
        .to_owned();
    let branch = |row: &Row| {
        Ok(Branch {
            id: id(row, "id", CategoryId)?,
            parent_id: maybe_id(row, "parent_id", CategoryId)?,
        })
    };
    tx.all(&select).await?.iter().map(branch).collect()
}

/// The category with a name in the address bar.
pub async fn category_by_slug(
    tx: &Tx,
    tenant: &TenantCode,
    slug: &Slug,
) -> Result<Option<CategoryId>, Fault> {
    let select = Query::select()
        .column("id")
        .from("categories")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("slug").eq(slug.as_str()))
        .to_owned();
    tx.one(&select).await?.map(|row| id(&row, "id", CategoryId)).transpose()
}

/// Adds a category; `false` when its slug is taken.
pub async fn insert_category(
    tx: &Tx,
    tenant: &TenantCode,
    category: &Category,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("categories")
        .columns(["tenant", "id", "parent_id", "slug", "name", "position"])
        .values_panic([
            tenant.as_str().into(),
            category.id.get().into(),
            category.parent_id.map(CategoryId::get).into(),
            category.slug.as_str().into(),
            to_json(&category.name)?.into(),
            i64::from(category.position).into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// All brands by name.
pub async fn brands(tx: &Tx, tenant: &TenantCode) -> Result<Vec<Brand>, Fault> {
    let select = Query::select()
        .columns(["id", "name"])
        .from("brands")
        .and_where(of_tenant(tenant))
        .order_by("name", Order::Asc)
        .to_owned();
    let brand = |row: &Row| Ok(Brand { id: id(row, "id", BrandId)?, name: row.get("name")? });
    tx.all(&select).await?.iter().map(brand).collect()
}

/// Whether a brand exists.
pub async fn has_brand(tx: &Tx, tenant: &TenantCode, brand: BrandId) -> Result<bool, Fault> {
    let select = Query::select()
        .column("id")
        .from("brands")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(brand.get()))
        .to_owned();
    Ok(tx.one(&select).await?.is_some())
}

/// The brand with a name.
pub async fn brand_by_name(
    tx: &Tx,
    tenant: &TenantCode,
    name: &str,
) -> Result<Option<BrandId>, Fault> {
    let select = Query::select()
        .column("id")
        .from("brands")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("name").eq(name))
        .to_owned();
    tx.one(&select).await?.map(|row| id(&row, "id", BrandId)).transpose()
}

/// Adds a brand; `false` when its name is taken.
pub async fn insert_brand(tx: &Tx, tenant: &TenantCode, brand: &Brand) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("brands")
        .columns(["tenant", "id", "name"])
        .values_panic([tenant.as_str().into(), brand.id.get().into(), brand.name.as_str().into()])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// All channels that were added, by code.
pub async fn channels(tx: &Tx, tenant: &TenantCode) -> Result<Vec<Channel>, Fault> {
    let select = Query::select()
        .columns(["code", "name"])
        .from("channels")
        .and_where(of_tenant(tenant))
        .order_by("code", Order::Asc)
        .to_owned();
    let channel = |row: &Row| Ok(Channel { code: row.get("code")?, name: row.get("name")? });
    tx.all(&select).await?.iter().map(channel).collect()
}

/// Adds a channel; `false` when its code is taken.
pub async fn insert_channel(
    tx: &Tx,
    tenant: &TenantCode,
    channel: &Channel,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("channels")
        .columns(["tenant", "code", "name"])
        .values_panic([
            tenant.as_str().into(),
            channel.code.as_str().into(),
            channel.name.as_str().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}
