//! Imports and how far they have come.

use kit::TenantCode;
use product_api::ImportStatus;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use shard::{Row, Tx};
use types::ImportId;

use super::{id, of_tenant};

/// An import as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The id.
    pub id: ImportId,
    /// The file's name.
    pub file_name: String,
    /// Products in the file.
    pub products: u32,
    /// Whether products that the catalogue does not take are passed over.
    pub skip_conflicts: bool,
    /// Products that are applied.
    pub applied: u32,
    /// New ones of these.
    pub created: u32,
    /// Of these, passed over.
    pub skipped: u32,
    /// Variants of these.
    pub skus: u32,
    /// Messages with stock that were sent.
    pub stock_sent: u32,
    /// Messages with stock that the warehouse has taken.
    pub stock_done: u32,
}

impl Import {
    /// One that begins.
    pub fn new(id: ImportId, file_name: String, products: u32, skip_conflicts: bool) -> Self {
        Self {
            id,
            file_name,
            products,
            skip_conflicts,
            applied: 0,
            created: 0,
            skipped: 0,
            skus: 0,
            stock_sent: 0,
            stock_done: 0,
        }
    }

    /// Whether all its products are applied.
    pub const fn is_done(&self) -> bool {
        self.applied >= self.products
    }

    /// As others see it.
    pub fn status(&self) -> ImportStatus {
        ImportStatus {
            id: self.id,
            file_name: self.file_name.clone(),
            products: self.products,
            applied: self.applied,
            created: self.created,
            skipped: self.skipped,
            skus: self.skus,
            stock_pending: self.stock_done < self.stock_sent,
            done: self.is_done(),
        }
    }

    fn open_key(&self, file_hash: &str) -> String {
        if self.is_done() { self.id.to_string() } else { file_hash.to_owned() }
    }
}

fn imports(tenant: &TenantCode) -> SelectStatement {
    Query::select()
        .columns([
            "id",
            "file_name",
            "products",
            "skip_conflicts",
            "applied",
            "created",
            "skipped",
            "skus",
            "stock_sent",
            "stock_done",
        ])
        .from("imports")
        .and_where(of_tenant(tenant))
        .to_owned()
}

fn import_of(row: &Row) -> Result<Import, Fault> {
    Ok(Import {
        id: id(row, "id", ImportId)?,
        file_name: row.get("file_name")?,
        products: row.get("products")?,
        skip_conflicts: row.get("skip_conflicts")?,
        applied: row.get("applied")?,
        created: row.get("created")?,
        skipped: row.get("skipped")?,
        skus: row.get("skus")?,
        stock_sent: row.get("stock_sent")?,
        stock_done: row.get("stock_done")?,
    })
}

/// One import.
pub async fn import(
    tx: &Tx,
    tenant: &TenantCode,
    import: ImportId,
) -> Result<Option<Import>, Fault> {
    let select = imports(tenant).and_where(Expr::col("id").eq(import.get())).to_owned();
    tx.one(&select).await?.map(|row| import_of(&row)).transpose()
}

/// One import, which nobody else takes further until the transaction ends.
pub async fn hold_import(
    tx: &Tx,
    tenant: &TenantCode,
    import: ImportId,
) -> Result<Option<Import>, Fault> {
    let mut select = imports(tenant);
    select.and_where(Expr::col("id").eq(import.get())).lock_exclusive();
    tx.one(&select).await?.map(|row| import_of(&row)).transpose()
}

/// The unfinished import of a file, held likewise.
pub async fn hold_open_import(
    tx: &Tx,
    tenant: &TenantCode,
    file_hash: &str,
) -> Result<Option<Import>, Fault> {
    let mut select = imports(tenant);
    select.and_where(Expr::col("open_key").eq(file_hash)).lock_exclusive();
    tx.one(&select).await?.map(|row| import_of(&row)).transpose()
}

/// Adds an import; `false` when the file has an unfinished one.
pub async fn insert_import(
    tx: &Tx,
    tenant: &TenantCode,
    import: &Import,
    file_hash: &str,
) -> Result<bool, Fault> {
    let now = tx.now().micros();
    let insert = Query::insert()
        .into_table("imports")
        .columns([
            "tenant",
            "id",
            "open_key",
            "file_name",
            "products",
            "skip_conflicts",
            "applied",
            "created",
            "skipped",
            "skus",
            "stock_sent",
            "stock_done",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            tenant.as_str().into(),
            import.id.get().into(),
            import.open_key(file_hash).into(),
            import.file_name.as_str().into(),
            i64::from(import.products).into(),
            import.skip_conflicts.into(),
            i64::from(import.applied).into(),
            i64::from(import.created).into(),
            i64::from(import.skipped).into(),
            i64::from(import.skus).into(),
            i64::from(import.stock_sent).into(),
            i64::from(import.stock_done).into(),
            now.into(),
            now.into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// Saves how far an import has come, if it stood at `from` products until now.
pub async fn advance_import(
    tx: &Tx,
    tenant: &TenantCode,
    import: &Import,
    from: u32,
) -> Result<bool, Fault> {
    let mut update = Query::update()
        .table("imports")
        .value("applied", i64::from(import.applied))
        .value("created", i64::from(import.created))
        .value("skipped", i64::from(import.skipped))
        .value("skus", i64::from(import.skus))
        .value("stock_sent", i64::from(import.stock_sent))
        .value("updated_at", tx.now().micros())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(import.id.get()))
        .and_where(Expr::col("applied").eq(i64::from(from)))
        .to_owned();
    if import.is_done() {
        // The same file may be imported again.
        update.value("open_key", import.id.to_string());
    }
    Ok(tx.exec(&update).await? == 1)
}

/// Saves whether products that the catalogue does not take are passed over from now on.
pub async fn decide_import(
    tx: &Tx,
    tenant: &TenantCode,
    import: ImportId,
    skip_conflicts: bool,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("imports")
        .value("skip_conflicts", skip_conflicts)
        .value("updated_at", tx.now().micros())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(import.get()))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}

/// Remembers that the warehouse has taken the messages with stock up to `part`.
pub async fn stock_done(
    tx: &Tx,
    tenant: &TenantCode,
    import: ImportId,
    part: u32,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("imports")
        .value("stock_done", i64::from(part))
        .value("updated_at", tx.now().micros())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(import.get()))
        .and_where(Expr::col("stock_done").lt(i64::from(part)))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
