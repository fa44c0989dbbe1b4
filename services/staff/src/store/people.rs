//! Rows of people.

use auth::PasswordHash;
use kit::TenantCode;
use rpc::Fault;
use sea_query::{Cond, Expr, ExprTrait as _, Order, Query, SelectStatement};
use shard::{Row, Tx};
use staff_api::{Role, StaffMember};
use types::StaffId;

use super::{count_all, from_word, number, to_word};

/// What signing in needs to know of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub person: StaffMember,
    pub password: PasswordHash,
}

const COLUMNS: [&str; 6] = ["id", "login", "name", "role", "enabled", "created_at"];

/// Adds somebody; `false` when the login is taken.
pub async fn insert(
    tx: &Tx,
    tenant: &TenantCode,
    person: &StaffMember,
    login_key: &str,
    password: &PasswordHash,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("staff")
        .columns([
            "tenant",
            "id",
            "login",
            "login_key",
            "name",
            "role",
            "enabled",
            "password_hash",
            "created_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            person.id.get().into(),
            person.login.as_str().into(),
            login_key.into(),
            person.name.as_str().into(),
            to_word(&person.role)?.into(),
            person.enabled.into(),
            password.as_str().into(),
            person.created_at.micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Saves role and whether somebody may sign in.
pub async fn save(tx: &Tx, tenant: &TenantCode, person: &StaffMember) -> Result<(), Fault> {
    let update = Query::update()
        .table("staff")
        .value("role", to_word(&person.role)?)
        .value("enabled", person.enabled)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(person.id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Gives somebody another password.
pub async fn save_password(
    tx: &Tx,
    tenant: &TenantCode,
    id: StaffId,
    password: &PasswordHash,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("staff")
        .value("password_hash", password.as_str())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Somebody.
pub async fn load(tx: &Tx, tenant: &TenantCode, id: StaffId) -> Result<Option<StaffMember>, Fault> {
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

/// What signing in needs to know of somebody.
pub async fn known_by_id(
    tx: &Tx,
    tenant: &TenantCode,
    id: StaffId,
) -> Result<Option<Known>, Fault> {
    known_by(tx, &of_id(tenant, id)).await
}

/// The same, and nobody else changes what belongs to them until the transaction ends.
pub async fn known_by_id_to_change(
    tx: &Tx,
    tenant: &TenantCode,
    id: StaffId,
) -> Result<Option<Known>, Fault> {
    known_by(tx, of_id(tenant, id).lock_exclusive()).await
}

fn of_login(tenant: &TenantCode, login_key: &str) -> SelectStatement {
    of(tenant).and_where(Expr::col("login_key").eq(login_key)).to_owned()
}

fn of_id(tenant: &TenantCode, id: StaffId) -> SelectStatement {
    of(tenant).and_where(Expr::col("id").eq(id.get())).to_owned()
}

async fn known_by(tx: &Tx, of: &SelectStatement) -> Result<Option<Known>, Fault> {
    let select = of.clone().columns(COLUMNS).column("password_hash").to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    let password = PasswordHash::from_stored(row.get::<String>("password_hash")?);
    Ok(Some(Known { person: read(&row)?, password }))
}

/// Everybody by login, after one; each with what they are sorted by.
pub async fn page(
    tx: &Tx,
    tenant: &TenantCode,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<(String, StaffMember)>, Fault> {
    let mut select = of(tenant).columns(COLUMNS).column("login_key").to_owned();
    if let Some(after) = after {
        select.and_where(Expr::col("login_key").gt(after));
    }
    select.order_by("login_key", Order::Asc).limit(limit);
    tx.all(&select).await?.iter().map(|row| Ok((row.get("login_key")?, read(row)?))).collect()
}

/// How many there are.
pub async fn count(tx: &Tx, tenant: &TenantCode) -> Result<u64, Fault> {
    number(tx, of(tenant).expr_as(count_all(), "n")).await
}

/// Keeps others from changing owners, and somebody, until the transaction ends: on engines with many
/// writers, two owners could else take one another's role at the same time. Every tenant has an owner, so
/// this is also what those wait for who count before they add.
pub async fn lock_owners(tx: &Tx, tenant: &TenantCode, and: Option<StaffId>) -> Result<(), Fault> {
    let mut who = Cond::any().add(Expr::col("role").eq(to_word(&Role::Owner)?));
    if let Some(id) = and {
        who = who.add(Expr::col("id").eq(id.get()));
    }
    let select = of(tenant)
        .column("id")
        .cond_where(who)
        .order_by("id", Order::Asc)
        .lock_exclusive()
        .to_owned();
    tx.all(&select).await.map(|_| ())
}

/// How many owners may sign in, apart from one.
pub async fn other_owners(tx: &Tx, tenant: &TenantCode, id: StaffId) -> Result<u64, Fault> {
    let select = of(tenant)
        .expr_as(count_all(), "n")
        .and_where(Expr::col("role").eq(to_word(&Role::Owner)?))
        .and_where(Expr::col("enabled").eq(true))
        .and_where(Expr::col("id").ne(id.get()))
        .to_owned();
    number(tx, &select).await
}

fn of(tenant: &TenantCode) -> SelectStatement {
    Query::select().from("staff").and_where(Expr::col("tenant").eq(tenant.as_str())).to_owned()
}

fn read(row: &Row) -> Result<StaffMember, Fault> {
    Ok(StaffMember {
        id: StaffId(row.get("id")?),
        login: row.get("login")?,
        name: row.get("name")?,
        role: from_word(row.get("role")?)?,
        enabled: row.get("enabled")?,
        created_at: row.get("created_at")?,
    })
}
