//! Rows of address books.

use kit::TenantCode;
use member_api::SavedAddress;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement, UpdateStatement};
use shard::{Row, Tx};
use types::{AddressId, MemberId};

use crate::model::book::Entry;

/// Keeps others from changing this book until the transaction ends; `false` when there is no such member.
pub async fn lock_book(tx: &Tx, tenant: &TenantCode, member: MemberId) -> Result<bool, Fault> {
    let update = Query::update()
        .table("members")
        .value("book_version", Expr::col("book_version").add(1))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(member.get()))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// The book without its texts.
pub async fn book(tx: &Tx, tenant: &TenantCode, member: MemberId) -> Result<Vec<Entry>, Fault> {
    let select = of(tenant, member).columns(["id", "is_default"]).to_owned();
    tx.all(&select)
        .await?
        .iter()
        .map(|row| Ok(Entry { id: AddressId(row.get("id")?), is_default: row.get("is_default")? }))
        .collect()
}

/// The whole book: the default first, then in the sequence of adding.
pub async fn addresses(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
) -> Result<Vec<SavedAddress>, Fault> {
    let select = of(tenant, member)
        .columns(["id", "is_default", "address"])
        .order_by("is_default", Order::Desc)
        .order_by("id", Order::Asc)
        .to_owned();
    tx.all(&select).await?.iter().map(read).collect()
}

/// One address.
pub async fn address(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    id: AddressId,
) -> Result<Option<SavedAddress>, Fault> {
    let select = of(tenant, member)
        .columns(["id", "is_default", "address"])
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// Adds an address.
pub async fn insert_address(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    saved: &SavedAddress,
) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("member_addresses")
        .columns(["tenant", "member_id", "id", "is_default", "address"])
        .values_panic([
            tenant.as_str().into(),
            member.get().into(),
            saved.id.get().into(),
            saved.is_default.into(),
            text(saved)?.into(),
        ])
        .to_owned();
    tx.exec(&insert).await.map(|_| ())
}

/// Replaces an address.
pub async fn update_address(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    saved: &SavedAddress,
) -> Result<(), Fault> {
    let mut update = in_book(tenant, member);
    update
        .value("is_default", saved.is_default)
        .value("address", text(saved)?)
        .and_where(Expr::col("id").eq(saved.id.get()));
    tx.exec(&update).await.map(|_| ())
}

/// No address of the book is offered first.
pub async fn clear_default(tx: &Tx, tenant: &TenantCode, member: MemberId) -> Result<(), Fault> {
    let mut update = in_book(tenant, member);
    update.value("is_default", false).and_where(Expr::col("is_default").eq(true));
    tx.exec(&update).await.map(|_| ())
}

/// An address is offered first.
pub async fn make_default(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    id: AddressId,
) -> Result<(), Fault> {
    let mut update = in_book(tenant, member);
    update.value("is_default", true).and_where(Expr::col("id").eq(id.get()));
    tx.exec(&update).await.map(|_| ())
}

/// Removes an address.
pub async fn delete_address(
    tx: &Tx,
    tenant: &TenantCode,
    member: MemberId,
    id: AddressId,
) -> Result<(), Fault> {
    let delete = Query::delete()
        .from_table("member_addresses")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(member.get()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.exec(&delete).await.map(|_| ())
}

fn of(tenant: &TenantCode, member: MemberId) -> SelectStatement {
    Query::select()
        .from("member_addresses")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(member.get()))
        .to_owned()
}

fn in_book(tenant: &TenantCode, member: MemberId) -> UpdateStatement {
    Query::update()
        .table("member_addresses")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("member_id").eq(member.get()))
        .to_owned()
}

fn text(saved: &SavedAddress) -> Result<String, Fault> {
    serde_json::to_string(&saved.address).map_err(Fault::internal)
}

fn read(row: &Row) -> Result<SavedAddress, Fault> {
    Ok(SavedAddress {
        id: AddressId(row.get("id")?),
        is_default: row.get("is_default")?,
        address: serde_json::from_str(&row.get::<String>("address")?).map_err(Fault::internal)?,
    })
}
