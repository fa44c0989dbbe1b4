//! The inbox table: which effects have happened.

use kit::TenantCode;
use rpc::Fault;
use sea_query::Query;
use shard::Tx;

/// Whether this is the first time.
pub(crate) async fn inbox_insert(
    tx: &Tx,
    tenant: &TenantCode,
    consumer: &str,
    message_id: &str,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("inbox")
        .columns(["tenant", "consumer", "message_id", "done_at"])
        .values_panic([
            tenant.as_str().into(),
            consumer.into(),
            message_id.into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}
