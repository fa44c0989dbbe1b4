//! Rows of members.

use auth::PasswordHash;
use kit::TenantCode;
use member_api::MemberInfo;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Row, Tx};
use types::{Locale, MemberId};

/// What signing in needs to know of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub member: MemberInfo,
    pub password: PasswordHash,
}

/// What of a member can change.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub name: Option<String>,
    pub locale: Option<Locale>,
}

const COLUMNS: [&str; 5] = ["id", "login", "name", "locale", "created_at"];

/// Adds a member; `false` when the login is taken.
pub async fn insert(
    tx: &Tx,
    tenant: &TenantCode,
    member: &MemberInfo,
    login_key: &str,
    password: &PasswordHash,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("members")
        .columns([
            "tenant",
            "id",
            "login",
            "login_key",
            "name",
            "locale",
            "password_hash",
            "book_version",
            "created_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            member.id.get().into(),
            member.login.as_str().into(),
            login_key.into(),
            member.name.as_str().into(),
            member.locale.as_ref().map(|l| l.as_str().to_owned()).into(),
            password.as_str().into(),
            0_i64.into(),
            member.created_at.micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Saves changes to a profile, if there are any.
pub async fn save_profile(
    tx: &Tx,
    tenant: &TenantCode,
    id: MemberId,
    profile: &Profile,
) -> Result<(), Fault> {
    let mut update = Query::update().table("members").to_owned();
    if let Some(name) = &profile.name {
        update.value("name", name.as_str());
    }
    if let Some(locale) = &profile.locale {
        update.value("locale", locale.as_str());
    }
    if profile.name.is_none() && profile.locale.is_none() {
        return Ok(());
    }
    update
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()));
    tx.exec(&update).await.map(|_| ())
}

/// Gives a member another password.
pub async fn save_password(
    tx: &Tx,
    tenant: &TenantCode,
    id: MemberId,
    password: &PasswordHash,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("members")
        .value("password_hash", password.as_str())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// One member.
pub async fn load(tx: &Tx, tenant: &TenantCode, id: MemberId) -> Result<Option<MemberInfo>, Fault> {
    let select = of(tenant).columns(COLUMNS).and_where(Expr::col("id").eq(id.get())).to_owned();
    tx.one(&select).await?.map(|row| read(&row)).transpose()
}

/// Who has a login.
pub async fn known(tx: &Tx, tenant: &TenantCode, login_key: &str) -> Result<Option<Known>, Fault> {
    known_by(tx, &of_login(tenant, login_key)).await
}

/// The same, and nobody else changes what belongs to them until the transaction ends: of many attempts of
/// one login, one is judged after the other.
pub async fn known_to_change(
    tx: &Tx,
    tenant: &TenantCode,
    login_key: &str,
) -> Result<Option<Known>, Fault> {
    known_by(tx, of_login(tenant, login_key).lock_exclusive()).await
}

/// What signing in needs to know of a member.
pub async fn known_by_id(
    tx: &Tx,
    tenant: &TenantCode,
    id: MemberId,
) -> Result<Option<Known>, Fault> {
    known_by(tx, &of_id(tenant, id)).await
}

/// The same, and nobody else changes what belongs to them until the transaction ends.
pub async fn known_by_id_to_change(
    tx: &Tx,
    tenant: &TenantCode,
    id: MemberId,
) -> Result<Option<Known>, Fault> {
    known_by(tx, of_id(tenant, id).lock_exclusive()).await
}

fn of_login(tenant: &TenantCode, login_key: &str) -> SelectStatement {
    of(tenant).and_where(Expr::col("login_key").eq(login_key)).to_owned()
}

fn of_id(tenant: &TenantCode, id: MemberId) -> SelectStatement {
    of(tenant).and_where(Expr::col("id").eq(id.get())).to_owned()
}

async fn known_by(tx: &Tx, of: &SelectStatement) -> Result<Option<Known>, Fault> {
    let select = of.clone().columns(COLUMNS).column("password_hash").to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    let password = PasswordHash::from_stored(row.get::<String>("password_hash")?);
    Ok(Some(Known { member: read(&row)?, password }))
}

/// Whether somebody has a login.
pub async fn is_taken(tx: &Tx, tenant: &TenantCode, login_key: &str) -> Result<bool, Fault> {
    let select = of(tenant).column("id").and_where(Expr::col("login_key").eq(login_key)).to_owned();
    Ok(tx.one(&select).await?.is_some())
}

/// Members, newest first, before an id.
pub async fn page(
    tx: &Tx,
    tenant: &TenantCode,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<MemberInfo>, Fault> {
    let mut select = of(tenant).columns(COLUMNS).to_owned();
    if let Some(before) = before {
        select.and_where(Expr::col("id").lt(before));
    }
    select.order_by("id", Order::Desc).limit(limit);
    tx.all(&select).await?.iter().map(read).collect()
}

fn of(tenant: &TenantCode) -> SelectStatement {
    Query::select().from("members").and_where(Expr::col("tenant").eq(tenant.as_str())).to_owned()
}

fn read(row: &Row) -> Result<MemberInfo, Fault> {
    let locale: Option<String> = row.get("locale")?;
    Ok(MemberInfo {
        id: MemberId(row.get("id")?),
        login: row.get("login")?,
        name: row.get("name")?,
        locale: locale.map(|l| l.parse()).transpose().map_err(Fault::internal)?,
        created_at: row.get("created_at")?,
    })
}
