//! What other services are told of an order, in the transaction of its change: its flow's events carry it,
//! and a change of which the flow tells nothing is told as `order.changed`.

use flow::{CheckedFlow, Decision};
use kit::Timestamp;
use order_api::{CHANGED, OPERATION_MONEY, OrderEvent, OrderMessage};
use outbox::{NewMessage, Outbox};
use rpc::{Ctx, Fault};
use shard::Tx;

use crate::model;
use crate::store::{self, OrderRow};

/// What an order's messages say when it stands in `status` since now.
pub(super) async fn event(
    tx: &Tx,
    ctx: &Ctx,
    flow: &CheckedFlow,
    order: &OrderRow,
    status: &str,
) -> Result<OrderEvent, Fault> {
    let lines = store::lines(tx, &ctx.tenant, order).await?;
    let now: Timestamp = tx.now();
    model::event(flow, order, status, now, lines)
}

/// Tells of a step that has been taken from `order`, unless the flow has told of it already.
pub(super) async fn step(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    order: &OrderRow,
    decision: &Decision,
    data: OrderEvent,
) -> Result<(), Fault> {
    if !decision.emit.is_empty() {
        return Ok(());
    }
    let message = OrderMessage {
        operation: decision.operation.clone(),
        from: decision.from.clone(),
        to: decision.to.clone(),
        version: order.version + 1,
        data,
    };
    put(tx, ctx, outbox, order, &message).await
}

/// Tells of money that moved nothing. `order` has the amounts already.
pub(super) async fn money(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    flow: &CheckedFlow,
    order: &OrderRow,
) -> Result<(), Fault> {
    let message = OrderMessage {
        operation: OPERATION_MONEY.to_owned(),
        from: order.status.clone(),
        to: order.status.clone(),
        version: order.version,
        data: event(tx, ctx, flow, order, &order.status).await?,
    };
    put(tx, ctx, outbox, order, &message).await
}

async fn put(
    tx: &Tx,
    ctx: &Ctx,
    outbox: &Outbox,
    order: &OrderRow,
    message: &OrderMessage,
) -> Result<(), Fault> {
    let message = NewMessage::new(CHANGED, model::ORDER_FLOW, order.id.get(), message)?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}
