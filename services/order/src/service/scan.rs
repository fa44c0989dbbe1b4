//! Reading all orders of a tenant again, for services that keep rows about them: cell by cell, by primary key.
//! It must not be offered to anybody but the platform itself.

use kit::{Cursor, ErrorCode, Page, Place};
use order_api::{Error, OPERATION_SCAN, OrderLine, OrderMessage, Scan};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};

use super::{Service, only_the_system};
use crate::model;
use crate::store::{self, OrderRow};

/// Orders of one page at most: an order has up to [`outbox::message::PAYLOAD_BYTES_MAX`], an answer 16 MiB.
const ORDERS_MAX: usize = 50;
/// Cells that are looked into for one page at most.
const CELLS_MAX: usize = 64;

/// Where a scan goes on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct At {
    /// In this cell, or the next one there is.
    cell: Place,
    /// After this id in it.
    after: i64,
}

impl Service {
    pub(super) async fn scan_orders(
        &self,
        ctx: &Ctx,
        req: Scan,
    ) -> Result<Page<OrderMessage>, Error> {
        only_the_system(ctx)?;
        let at = match &req.cursor {
            Some(cursor) => {
                cursor.decode::<At>().map_err(|e| Fault::invalid("cursor", e.to_string()))?
            }
            None => At::default(),
        };
        let limit = req.limit.as_usize().min(ORDERS_MAX);
        let tenant = self.tenant(ctx).await?;
        let mut items = Vec::new();
        let cells = tenant.placements.cells().into_iter().filter(|cell| *cell >= at.cell);
        for (n, cell) in cells.enumerate() {
            if n == CELLS_MAX {
                let next = At { cell, after: 0 };
                return Ok(Page { items, next_cursor: Some(Cursor::encode(&next)) });
            }
            let after = if cell == at.cell { at.after } else { 0 };
            let found = self.of_cell(ctx, cell, after, limit - items.len()).await?;
            for (order, lines) in found {
                items.push(self.standing(ctx, &order, lines).await?);
            }
            if let Some(last) = items.last().filter(|_| items.len() == limit) {
                let next = At { cell, after: last.data.order_id.get() };
                return Ok(Page { next_cursor: Some(Cursor::encode(&next)), items });
            }
        }
        Ok(Page { items, next_cursor: None })
    }

    async fn of_cell(
        &self,
        ctx: &Ctx,
        cell: Place,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(OrderRow, Vec<OrderLine>)>, Fault> {
        // Passed over, its orders would be missing for ever where they were to be read again.
        if !self.db.find_cell(ctx, cell).await? {
            return Err(Fault::new(ErrorCode::Unavailable, "a cell of orders is not open here"));
        }
        let (tenant, limit) = (ctx.tenant.clone(), u64::try_from(limit).unwrap_or(u64::MAX));
        self.db
            .read(ctx, cell.into(), move |tx| {
                let tenant = tenant.clone();
                async move {
                    let mut found = Vec::new();
                    for order in store::after(&tx, &tenant, after, limit).await? {
                        let lines = store::lines(&tx, &tenant, &order).await?;
                        found.push((order, lines));
                    }
                    Ok(found)
                }
            })
            .await
    }

    /// What a message would say now.
    async fn standing(
        &self,
        ctx: &Ctx,
        order: &OrderRow,
        lines: Vec<OrderLine>,
    ) -> Result<OrderMessage, Fault> {
        let flow = self.flow_of(ctx, order).await?;
        Ok(OrderMessage {
            operation: OPERATION_SCAN.to_owned(),
            from: order.status.clone(),
            to: order.status.clone(),
            version: order.version,
            data: model::event(&flow, order, &order.status, order.updated_at, lines)?,
        })
    }
}
