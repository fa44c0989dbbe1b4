//! Consumes what this service tells itself: the stock of an import goes to the warehouse after its
//! products are committed. Thin; it decides nothing.

use inventory_api::{InventoryClient, SetAvailable, SetImported};
use kit::ErrorCode;
use outbox::{ConsumeError, Consumer, Message};
use rpc::{Ctx, Fault, ServiceError as _};
use shard::{Database, Route};

use crate::service::imports::{IMPORT_STOCK, ImportStock};
use crate::store;

/// The consumers of this service.
pub fn consumers(db: Database, inventory: InventoryClient) -> Vec<Consumer> {
    let work = move |ctx: Ctx, message: Message| {
        let (db, inventory) = (db.clone(), inventory.clone());
        async move { set_stock(&ctx, &db, &inventory, message.json()?).await }
    };
    vec![Consumer::from_fn(IMPORT_STOCK, [IMPORT_STOCK], work)]
}

/// Levels are absolute, so a message that comes again after goods were sold would bring them back: the
/// warehouse takes each part once. What is remembered here only spares it the question, since the parts of an
/// import come in order.
async fn set_stock(
    ctx: &Ctx,
    db: &Database,
    inventory: &InventoryClient,
    stock: ImportStock,
) -> Result<(), ConsumeError> {
    let (id, part) = (stock.import_id, stock.part);
    let tenant = ctx.tenant.clone();
    let import = db
        .read_one(ctx, Route::Whole, move |tx| {
            let tenant = tenant.clone();
            async move { store::import(&tx, &tenant, id).await }
        })
        .await?;
    let import = import.ok_or_else(|| ConsumeError::permanent("there is no such import"))?;
    if import.stock_done >= part {
        return Ok(());
    }
    let reason = format!("import of {}", import.file_name);
    // The reason has a limit of its own; the name of a file may be long.
    let reason = reason.chars().take(200).collect();
    let levels = SetAvailable { warehouse_id: None, levels: stock.levels, reason };
    let set = SetImported { import_id: id, part, set: levels };
    inventory.set_imported(ctx, set).await.map_err(|e| refused(e.into_fault()))?;
    let tenant = ctx.tenant.clone();
    db.tx_one(ctx, Route::Whole, move |tx| {
        let tenant = tenant.clone();
        async move { store::stock_done(&tx, &tenant, id, part).await }
    })
    .await?;
    Ok(())
}

fn refused(fault: Fault) -> ConsumeError {
    match fault.code {
        ErrorCode::Invalid | ErrorCode::Forbidden => ConsumeError::permanent(format!("{fault:?}")),
        _ => fault.into(),
    }
}
