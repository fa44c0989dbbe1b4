//! The consumer's side: a message's effect happens once, however often the message comes.

use rpc::{Ctx, Fault};
use shard::Tx;

use crate::message::Message;
use crate::store;

/// Whether the effect of this message is still to be made by this consumer; `false` when it has been
/// made already. Call it in the transaction that makes the effect: both stand or fall together. Use the
/// consumer's registered name.
///
/// ```ignore
/// db.tx(ctx, route, move |tx| async move {
///     if !outbox::inbox::once(&tx, &ctx, "stock.release", &message).await? {
///         return Ok(());
///     }
///     store::release(&tx, …).await
/// })
/// ```
///
/// # Errors
/// Whatever the database refuses; the transaction should then end.
pub async fn once(tx: &Tx, ctx: &Ctx, consumer: &str, message: &Message) -> Result<bool, Fault> {
    if ctx.tenant != message.tenant {
        return Err(Fault::bug("a message was consumed for another tenant than its own"));
    }
    let id = format!("{}/{}", message.source, message.id);
    let first = store::inbox_insert(tx, &message.tenant, consumer, &id).await?;
    if !first {
        let name = consumer.to_owned();
        metrics::counter!("outbox_duplicates_total", "consumer" => name).increment(1);
    }
    Ok(first)
}
