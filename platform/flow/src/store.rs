//! All SQL of the flow crate: published documents in the platform's own database, and the transitions of
//! things in the databases of their owners. It must not decide anything.

use kit::{Id, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Order, Query};
use shard::{Migration, MigrationSet, Row, Tx};

/// The tables of published documents, for the platform's own database.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "flow",
    common: &[
        Migration {
            version: 1,
            name: "documents",
            sql: "CREATE TABLE flow_documents (
                tenant {text:32} NOT NULL,
                code {text:40} NOT NULL,
                version BIGINT NOT NULL,
                document TEXT NOT NULL,
                checksum TEXT NOT NULL,
                published_at BIGINT NOT NULL,
                published_by TEXT NOT NULL,
                PRIMARY KEY (tenant, code, version))",
        },
        Migration {
            version: 2,
            name: "active",
            sql: "CREATE TABLE flow_active (
                tenant {text:32} NOT NULL,
                code {text:40} NOT NULL,
                version BIGINT NOT NULL,
                PRIMARY KEY (tenant, code))",
        },
    ],
    cells: &[],
};

/// The SQL of a history table, for the migrations of whoever owns things that move through a flow. In a
/// sharded database the name ends with `_{t}`. A thing's row also needs the columns `tenant TEXT`,
/// `id BIGINT`, `status TEXT`, `version BIGINT` and `updated_at BIGINT`.
#[macro_export]
macro_rules! history_table {
    ($name:literal) => {
        concat!(
            "CREATE TABLE ",
            $name,
            " (tenant {text:32} NOT NULL,
                entity_id BIGINT NOT NULL,
                seq BIGINT NOT NULL,
                operation TEXT NOT NULL,
                from_status TEXT NOT NULL,
                to_status TEXT NOT NULL,
                flow_version BIGINT NOT NULL,
                role TEXT NOT NULL,
                actor TEXT NOT NULL,
                at BIGINT NOT NULL,
                request_id {text:255} NOT NULL,
                note TEXT NOT NULL,
                PRIMARY KEY (tenant, entity_id, seq),
                UNIQUE (tenant, entity_id, request_id))"
        )
    };
}

/// A published document as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Whose it is.
    pub tenant: TenantCode,
    /// What it is for.
    pub code: String,
    /// Counts from 1.
    pub version: u32,
    /// SHA-256 of its canonical text, in hexadecimal.
    pub checksum: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// The principal who did it.
    pub published_by: String,
    /// Whether new things take it.
    pub active: bool,
}

const PUBLISHED: [&str; 6] =
    ["tenant", "code", "version", "checksum", "published_at", "published_by"];

/// The version that new things take.
pub(crate) async fn active_version(
    tx: &Tx,
    tenant: &TenantCode,
    code: &str,
) -> Result<Option<u32>, Fault> {
    let select = Query::select()
        .column("version")
        .from("flow_active")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("code").eq(code))
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("version")).transpose()
}

/// The highest version there is.
pub(crate) async fn last_version(
    tx: &Tx,
    tenant: &TenantCode,
    code: &str,
) -> Result<Option<u32>, Fault> {
    let select = Query::select()
        .column("version")
        .from("flow_documents")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("code").eq(code))
        .order_by("version", Order::Desc)
        .limit(1)
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("version")).transpose()
}

/// The text of a version.
pub(crate) async fn document(
    tx: &Tx,
    tenant: &TenantCode,
    code: &str,
    version: u32,
) -> Result<Option<String>, Fault> {
    let select = Query::select()
        .column("document")
        .from("flow_documents")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("code").eq(code))
        .and_where(Expr::col("version").eq(i64::from(version)))
        .to_owned();
    tx.one(&select).await?.map(|row| row.get("document")).transpose()
}

/// The newest versions of a tenant, newest first within a code; `limit` of them.
pub(crate) async fn published(
    tx: &Tx,
    tenant: &TenantCode,
    code: &str,
    limit: u64,
) -> Result<Vec<Published>, Fault> {
    let active = active_version(tx, tenant, code).await?;
    let select = Query::select()
        .columns(PUBLISHED)
        .from("flow_documents")
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("code").eq(code))
        .order_by("version", Order::Desc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(|row| read_published(row, tenant, active)).collect()
}

fn read_published(row: &Row, tenant: &TenantCode, active: Option<u32>) -> Result<Published, Fault> {
    let version = row.get("version")?;
    Ok(Published {
        tenant: tenant.clone(),
        code: row.get("code")?,
        version,
        checksum: row.get("checksum")?,
        published_at: row.get("published_at")?,
        published_by: row.get("published_by")?,
        active: active == Some(version),
    })
}

/// Inserts a version; `false` when there is one with this number.
pub(crate) async fn insert_document(
    tx: &Tx,
    published: &Published,
    text: &str,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("flow_documents")
        .columns([
            "tenant",
            "code",
            "version",
            "document",
            "checksum",
            "published_at",
            "published_by",
        ])
        .values_panic([
            published.tenant.as_str().into(),
            published.code.as_str().into(),
            i64::from(published.version).into(),
            text.into(),
            published.checksum.as_str().into(),
            published.published_at.micros().into(),
            published.published_by.as_str().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Makes a version the one that new things take.
pub(crate) async fn activate(
    tx: &Tx,
    tenant: &TenantCode,
    code: &str,
    version: u32,
) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("flow_active")
        .columns(["tenant", "code", "version"])
        .values_panic([tenant.as_str().into(), code.into(), i64::from(version).into()])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(());
    }
    let update = Query::update()
        .table("flow_active")
        .value("version", i64::from(version))
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("code").eq(code))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// The logical tables of one kind of thing: its own, and its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    /// Has the columns `tenant`, `id`, `status`, `version` and `updated_at`.
    pub entity: &'static str,
    /// Made with [`history_table!`](crate::history_table).
    pub history: &'static str,
}

/// One line of a thing's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The thing's version after it; ascending, not always without gaps.
    pub seq: i64,
    /// What was done.
    pub operation: String,
    /// Where it stood; empty for the first line.
    pub from: String,
    /// Where it stands since.
    pub to: String,
    /// The flow's version it ran on.
    pub flow_version: u32,
    /// The role that was used.
    pub role: String,
    /// The principal who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// The request it came with.
    pub request_id: String,
    /// JSON that the owner attached.
    pub note: serde_json::Value,
}

const HISTORY: [&str; 10] = [
    "seq",
    "operation",
    "from_status",
    "to_status",
    "flow_version",
    "role",
    "actor",
    "at",
    "request_id",
    "note",
];

fn read_history(row: &Row) -> Result<HistoryRow, Fault> {
    let note: String = row.get("note")?;
    Ok(HistoryRow {
        seq: row.get("seq")?,
        operation: row.get("operation")?,
        from: row.get("from_status")?,
        to: row.get("to_status")?,
        flow_version: row.get("flow_version")?,
        role: row.get("role")?,
        actor: row.get("actor")?,
        at: row.get("at")?,
        request_id: row.get("request_id")?,
        note: serde_json::from_str(&note).map_err(Fault::internal)?,
    })
}

/// The line that a request left, if it was applied.
pub(crate) async fn history_of_request(
    tx: &Tx,
    tables: Tables,
    tenant: &TenantCode,
    id: Id,
    request_id: &str,
) -> Result<Option<HistoryRow>, Fault> {
    let select = Query::select()
        .columns(HISTORY)
        .from(tx.table(tables.history)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("entity_id").eq(id.get()))
        .and_where(Expr::col("request_id").eq(request_id))
        .to_owned();
    tx.one(&select).await?.as_ref().map(read_history).transpose()
}

/// The last line of a thing's history.
pub(crate) async fn last_history(
    tx: &Tx,
    tables: Tables,
    tenant: &TenantCode,
    id: Id,
) -> Result<Option<HistoryRow>, Fault> {
    let select = Query::select()
        .columns(HISTORY)
        .from(tx.table(tables.history)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("entity_id").eq(id.get()))
        .order_by("seq", Order::Desc)
        .limit(1)
        .to_owned();
    tx.one(&select).await?.as_ref().map(read_history).transpose()
}

/// A thing's history, oldest first; at most `limit` lines.
///
/// # Errors
/// Whatever the database refuses.
pub async fn history(
    tx: &Tx,
    tables: Tables,
    tenant: &TenantCode,
    id: Id,
    limit: u64,
) -> Result<Vec<HistoryRow>, Fault> {
    let select = Query::select()
        .columns(HISTORY)
        .from(tx.table(tables.history)?)
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("entity_id").eq(id.get()))
        .order_by("seq", Order::Asc)
        .limit(limit)
        .to_owned();
    tx.all(&select).await?.iter().map(read_history).collect()
}

/// Adds a line; `false` when the request or the number is taken.
pub(crate) async fn insert_history(
    tx: &Tx,
    tables: Tables,
    tenant: &TenantCode,
    id: Id,
    row: &HistoryRow,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table(tx.table(tables.history)?)
        .columns(["tenant", "entity_id"].into_iter().chain(HISTORY))
        .values_panic([
            tenant.as_str().into(),
            id.get().into(),
            row.seq.into(),
            row.operation.as_str().into(),
            row.from.as_str().into(),
            row.to.as_str().into(),
            i64::from(row.flow_version).into(),
            row.role.as_str().into(),
            row.actor.as_str().into(),
            row.at.micros().into(),
            row.request_id.as_str().into(),
            row.note.to_string().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Compare-and-set: moves the thing only if it still stands where it was read; `false` when it does not.
pub(crate) async fn compare_and_set(
    tx: &Tx,
    tables: Tables,
    tenant: &TenantCode,
    id: Id,
    was: (&str, i64),
    to: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let (status, version) = was;
    let update = Query::update()
        .table(tx.table(tables.entity)?)
        .value("status", to)
        .value("version", version + 1)
        .value("updated_at", now.micros())
        .and_where(Expr::col("tenant").eq(tenant.as_str()))
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("status").eq(status))
        .and_where(Expr::col("version").eq(version))
        .to_owned();
    Ok(tx.exec(&update).await? == 1)
}
