//! What facet ids stand for.

use std::collections::HashMap;

use kit::TenantCode;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::Tx;

use super::{from_word, of_tenant, word};
use crate::model::facets::Named;

/// The names of some facet ids, in no order; unknown ones are left out.
pub async fn named(tx: &Tx, tenant: &TenantCode, ids: &[i64]) -> Result<Vec<Named>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let select = Query::select()
        .columns(["facet_id", "kind", "name", "value", "label"])
        .from("facet_values")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("facet_id").is_in(ids.iter().copied()))
        .to_owned();
    let named = |row: &shard::Row| {
        Ok(Named {
            id: row.get("facet_id")?,
            kind: from_word(row, "kind")?,
            name: row.get("name")?,
            value: row.get("value")?,
            label: row.get("label")?,
        })
    };
    tx.all(&select).await?.iter().map(named).collect()
}

/// Keeps the names of facet ids, as far as they are not kept so already.
pub async fn put_named(tx: &Tx, tenant: &TenantCode, values: &[Named]) -> Result<(), Fault> {
    let ids: Vec<i64> = values.iter().map(|v| v.id).collect();
    let kept: HashMap<i64, Named> =
        named(tx, tenant, &ids).await?.into_iter().map(|n| (n.id, n)).collect();
    // In one order, so that two products with the same values do not wait for one another.
    let mut values: Vec<&Named> = values.iter().collect();
    values.sort_by_key(|v| v.id);
    for value in values {
        match kept.get(&value.id) {
            None => insert(tx, tenant, value).await?,
            Some(kept) if kept.label != value.label => relabel(tx, tenant, value).await?,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn insert(tx: &Tx, tenant: &TenantCode, value: &Named) -> Result<(), Fault> {
    let insert = Query::insert()
        .into_table("facet_values")
        .columns(["tenant", "facet_id", "kind", "name", "value", "label"])
        .values_panic([
            tenant.as_str().into(),
            value.id.into(),
            word(value.kind)?.into(),
            value.name.as_str().into(),
            value.value.as_str().into(),
            value.label.as_str().into(),
        ])
        .to_owned();
    // Another product may have brought it meanwhile.
    tx.insert_unique(&insert).await.map(|_| ())
}

async fn relabel(tx: &Tx, tenant: &TenantCode, value: &Named) -> Result<(), Fault> {
    let update = Query::update()
        .table("facet_values")
        .value("label", value.label.as_str())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("facet_id").eq(value.id))
        .to_owned();
    tx.exec(&update).await.map(|_| ())
}
