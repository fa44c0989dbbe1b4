//! How much of an import's stock has been set. A row per part stays for good: the message that sets a part may be
//! dead for any time and then be tried again, and without its row it would bring back what was sold since.
//! `updated_at` is for whoever looks at the table; nothing here reads it.

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Condition, Expr, ExprTrait as _, Query};
use shard::Tx;
use types::ImportId;

use super::{For, of_tenant};

/// A part of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub import: ImportId,
    pub part: u32,
}

fn is_part(tenant: &TenantCode, part: Part) -> Condition {
    of_tenant(tenant)
        .add(Expr::col("import_id").eq(part.import.get()))
        .add(Expr::col("part").eq(i64::from(part.part)))
}

/// How many levels of a part have been set. Whoever else sets this part waits until the transaction ends.
pub async fn hold_part(tx: &Tx, tenant: &TenantCode, part: Part) -> Result<usize, Fault> {
    let insert = Query::insert()
        .into_table("imported")
        .columns(["tenant", "import_id", "part", "taken", "updated_at"])
        .values_panic([
            tenant.as_str().into(),
            part.import.get().into(),
            i64::from(part.part).into(),
            0.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(0);
    }
    let select = Query::select()
        .column("taken")
        .from("imported")
        .cond_where(is_part(tenant, part))
        .to_owned();
    let row = tx.one(&For::Changing.lock(select)).await?;
    let taken: u32 = row.ok_or_else(|| Fault::bug("a part came and went"))?.get("taken")?;
    usize::try_from(taken).map_err(Fault::internal)
}

/// Remembers that so many levels of a part have been set; the caller holds it.
pub async fn part_taken(
    tx: &Tx,
    tenant: &TenantCode,
    part: Part,
    taken: usize,
) -> Result<(), Fault> {
    let update = Query::update()
        .table("imported")
        .value("taken", i64::try_from(taken).map_err(Fault::internal)?)
        .value("updated_at", tx.now().micros())
        .cond_where(is_part(tenant, part))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
