//! All SQL of tenants and their rows. Nothing else knows a column.

use std::collections::BTreeMap;

use kit::{
    Currency, Id, Money, PlacementState, PlacementVersion, Placements, TenantCode, Timestamp,
};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shard::{Migration, MigrationSet, Row, Tx};
use tenant_api::TenantInfo;

/// The tables of tenants.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "tenant",
    common: &[
        Migration {
            version: 1,
            name: "tenants",
            sql: include_str!("../migrations/0001_tenants.sql"),
        },
        Migration {
            version: 2,
            name: "banners",
            sql: include_str!("../migrations/0002_banners.sql"),
        },
    ],
    cells: &[],
};

/// Adds a tenant without its hosts; `false` when the code is taken.
pub async fn insert(tx: &Tx, id: Id, info: &TenantInfo) -> Result<bool, Fault> {
    let now = tx.now().micros();
    let insert = Query::insert()
        .into_table("tenants")
        .columns([
            "tenant",
            "id",
            "name",
            "currency",
            "locales",
            "theme",
            "banners",
            "shipping_fee",
            "version",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            info.code.as_str().into(),
            id.get().into(),
            to_json(&info.name)?.into(),
            info.currency.code().into(),
            to_json(&info.locales)?.into(),
            to_json(&info.theme)?.into(),
            to_json(&info.banners)?.into(),
            info.shipping_fee.amount().into(),
            info.version.into(),
            now.into(),
            now.into(),
        ])
        .to_owned();
    if !tx.insert_unique(&insert).await? {
        return Ok(false);
    }
    for version in info.placements.versions() {
        insert_placement(tx, &info.code, version).await?;
    }
    Ok(true)
}

/// Adds a version of a tenant's placement.
pub async fn insert_placement(
    tx: &Tx,
    tenant: &TenantCode,
    version: &PlacementVersion,
) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("tenant_placements")
        .columns(["tenant", "version", "placement", "hash", "effective_from", "state"])
        .values_panic([
            tenant.as_str().into(),
            i64::from(version.version).into(),
            version.placement.to_string().into(),
            to_word(&version.hash)?.into(),
            version.effective_from.micros().into(),
            to_word(&version.state)?.into(),
        ])
        .to_owned();
    tx.exec(&insert).await.map(|_| ())
}

/// Changes what a version of a tenant's placement is used for.
pub async fn set_placement_state(
    tx: &Tx,
    tenant: &TenantCode,
    version: u32,
    state: PlacementState,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("tenant_placements")
        .value("state", to_word(&state)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("version").eq(i64::from(version)))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Gives a host to a tenant; `false` when somebody has it.
pub async fn insert_host(
    tx: &Tx,
    tenant: &TenantCode,
    host: &str,
    position: usize,
) -> Result<bool, Fault> {
    let position = i64::try_from(position).map_err(Fault::internal)?;
    let insert = Query::insert()
        .into_table("tenant_hosts")
        .columns(["host", "tenant", "position"])
        .values_panic([host.into(), tenant.as_str().into(), position.into()])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Saves what can change of a tenant, if its version still is `from`.
pub async fn update(tx: &Tx, info: &TenantInfo, from: i64) -> Result<bool, Fault> {
    let update = Query::update()
        .table("tenants")
        .value("name", to_json(&info.name)?)
        .value("theme", to_json(&info.theme)?)
        .value("banners", to_json(&info.banners)?)
        .value("shipping_fee", info.shipping_fee.amount())
        .value("version", info.version)
        .value("updated_at", tx.now().micros())
        .and_where(Expr::col("tenant").eq(info.code.as_str()))
        .and_where(Expr::col("version").eq(from))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}

/// One tenant.
pub async fn load(tx: &Tx, tenant: &TenantCode) -> Result<Option<TenantInfo>, Fault> {
    let one = tenants().and_where(Expr::col("tenant").eq(tenant.as_str())).to_owned();
    Ok(complete(tx, tx.all(&one).await?).await?.pop())
}

/// Tenants by code, after one.
pub async fn page(
    tx: &Tx,
    after: Option<&TenantCode>,
    limit: u64,
) -> Result<Vec<TenantInfo>, Fault> {
    let mut select = tenants();
    if let Some(after) = after {
        select.and_where(Expr::col("tenant").gt(after.as_str()));
    }
    let rows = tx.all(select.order_by("tenant", Order::Asc).limit(limit)).await?;
    complete(tx, rows).await
}

/// The placements of tenants by code, after one.
pub async fn placements_page(
    tx: &Tx,
    after: Option<&TenantCode>,
    limit: u64,
) -> Result<BTreeMap<TenantCode, Placements>, Fault> {
    let mut select = Query::select().column("tenant").from("tenants").to_owned();
    if let Some(after) = after {
        select.and_where(Expr::col("tenant").gt(after.as_str()));
    }
    let rows = tx.all(select.order_by("tenant", Order::Asc).limit(limit)).await?;
    let codes = rows.iter().map(|row| row.get("tenant")).collect::<Result<Vec<String>, _>>()?;
    placements(tx, &codes).await
}

/// The tenant that answers to a host.
pub async fn by_host(tx: &Tx, host: &str) -> Result<Option<TenantCode>, Fault> {
    let select = Query::select()
        .column("tenant")
        .from("tenant_hosts")
        .and_where(Expr::col("host").eq(host))
        .to_owned();
    tx.one(&select).await?.map(|row| code(&row)).transpose()
}

fn tenants() -> SelectStatement {
    Query::select()
        .columns(["tenant", "name", "currency", "locales", "theme", "banners"])
        .columns(["shipping_fee", "version"])
        .from("tenants")
        .to_owned()
}

/// Adds hosts and placements to rows of [`tenants`].
async fn complete(tx: &Tx, rows: Vec<Row>) -> Result<Vec<TenantInfo>, Fault> {
    let codes = rows.iter().map(|row| row.get("tenant")).collect::<Result<Vec<String>, _>>()?;
    let mut hosts = hosts(tx, &codes).await?;
    let mut placements = placements(tx, &codes).await?;
    rows.iter()
        .map(|row| {
            let code = code(row)?;
            let currency: Currency =
                row.get::<String>("currency")?.parse().map_err(Fault::internal)?;
            let fee = Money::new(row.get("shipping_fee")?, currency).map_err(Fault::internal)?;
            let none = || Fault::bug(format!("{code} has no placement"));
            Ok(TenantInfo {
                name: from_json(row, "name")?,
                hosts: hosts.remove(&code).unwrap_or_default(),
                currency,
                locales: from_json(row, "locales")?,
                theme: from_json(row, "theme")?,
                banners: from_json(row, "banners")?,
                shipping_fee: fee,
                placements: placements.remove(&code).ok_or_else(none)?,
                version: row.get("version")?,
                code,
            })
        })
        .collect()
}

async fn hosts(tx: &Tx, codes: &[String]) -> Result<BTreeMap<TenantCode, Vec<String>>, Fault> {
    let mut all: BTreeMap<TenantCode, Vec<String>> = BTreeMap::new();
    if codes.is_empty() {
        return Ok(all);
    }
    let select = Query::select()
        .columns(["tenant", "host"])
        .from("tenant_hosts")
        .and_where(Expr::col("tenant").is_in(codes.iter().map(String::as_str)))
        .order_by("tenant", Order::Asc)
        .order_by("position", Order::Asc)
        .to_owned();
    for row in tx.all(&select).await? {
        all.entry(code(&row)?).or_default().push(row.get("host")?);
    }
    Ok(all)
}

async fn placements(tx: &Tx, codes: &[String]) -> Result<BTreeMap<TenantCode, Placements>, Fault> {
    if codes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let select = Query::select()
        .columns(["tenant", "version", "placement", "hash", "effective_from", "state"])
        .from("tenant_placements")
        .and_where(Expr::col("tenant").is_in(codes.iter().map(String::as_str)))
        .to_owned();
    let mut versions: BTreeMap<TenantCode, Vec<PlacementVersion>> = BTreeMap::new();
    for row in tx.all(&select).await? {
        let version = PlacementVersion {
            version: row.get("version")?,
            placement: row.get::<String>("placement")?.parse().map_err(Fault::bug)?,
            hash: from_word(row.get("hash")?)?,
            effective_from: row.get::<Timestamp>("effective_from")?,
            state: from_word(row.get("state")?)?,
        };
        versions.entry(code(&row)?).or_default().push(version);
    }
    versions
        .into_iter()
        .map(|(code, versions)| {
            let inactive = || Fault::bug(format!("{code} has no active placement"));
            let placements = Placements::from_versions(versions).ok_or_else(inactive)?;
            Ok((code, placements))
        })
        .collect()
}

fn code(row: &Row) -> Result<TenantCode, Fault> {
    row.get::<String>("tenant")?.parse().map_err(Fault::internal)
}

fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Fault> {
    serde_json::from_str(&row.get::<String>(column)?).map_err(Fault::internal)
}

/// The name of an enum's variant, as on the wire.
fn to_word(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(Fault::bug(format!("{other} is not a word"))),
    }
}

fn from_word<T: DeserializeOwned>(word: String) -> Result<T, Fault> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(Fault::internal)
}
