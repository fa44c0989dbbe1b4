//! How far a tenant's rows were read again. It must not say more than has been committed before it.

use kit::{Cursor, TenantCode};
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::Tx;

use super::{of_tenant, word};
use crate::model::catch_up::{Progress, What};

/// How far it is; nothing is kept before the first page.
pub async fn progress(tx: &Tx, tenant: &TenantCode, what: What) -> Result<Progress, Fault> {
    let select = Query::select()
        .columns(["place", "done"])
        .from("caught_up")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("what").eq(word(what)?))
        .to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(Progress::Begin) };
    if row.get("done")? {
        return Ok(Progress::Done);
    }
    let place: Option<String> = row.get("place")?;
    Ok(place.map_or(Progress::Begin, |place| Progress::At(Cursor::from(place))))
}

/// Keeps how far it is.
pub async fn put_progress(
    tx: &Tx,
    tenant: &TenantCode,
    what: What,
    progress: &Progress,
) -> Result<(), Fault> {
    let done = *progress == Progress::Done;
    let place = match progress {
        Progress::At(cursor) => Some(cursor.as_str()),
        Progress::Begin | Progress::Done => None,
    };
    let insert = Query::insert()
        .into_table("caught_up")
        .columns(["tenant", "what", "place", "done"])
        .values_panic([tenant.as_str().into(), word(what)?.into(), place.into(), done.into()])
        .to_owned();
    if tx.insert_unique(&insert).await? {
        return Ok(());
    }
    let update = Query::update()
        .table("caught_up")
        .value("place", place)
        .value("done", done)
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("what").eq(word(what)?))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
