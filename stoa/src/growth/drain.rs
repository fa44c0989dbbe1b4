//! The order of the steps of a drain: close the older versions, wait until everybody knows, move, retire.
//! What moving an order takes, the order service knows.

use kit::{ErrorCode, Place, PlacementState, PlacementVersion, Timestamp};
use order_api::{Drain, Drained};
use rpc::{Ctx, Fault, ServiceError as _};
use shard::{Route, fence};
use tenant_api::growth::{KNOWN_AFTER, SKEW_MAX};
use tenant_api::{Settle, TenantInfo};

use super::DrainBegun;
use super::local::{Local, databases_of, raise};

impl Local {
    pub(super) async fn close_older(&self, ctx: &Ctx) -> Result<DrainBegun, Fault> {
        let tenant = self.tenant(ctx).await?;
        let (current, older) = split(&tenant, self.clock.now())?;
        for version in older.iter().filter(|v| v.state == PlacementState::Active) {
            self.settle(ctx, version.version, PlacementState::ReadOnly).await?;
        }
        // After the tenant says so: whoever is refused by the fence reads a map that explains it.
        let stand = fence::Stand { epoch: current.version, oldest: current.version };
        raise(ctx, &self.databases.order, &tenant, stand).await?;
        let raised_at = self.raised_at(ctx, &tenant).await?;
        Ok(DrainBegun {
            tenant: ctx.tenant.clone(),
            version: current.version,
            older: older.iter().map(|v| v.version).collect(),
            cells: cells_of(&older),
            ready_at: raised_at.plus(KNOWN_AFTER),
        })
    }

    pub(super) async fn drain_cell(&self, ctx: &Ctx, cell: Place) -> Result<Drained, Fault> {
        let drained = self.order.drain(ctx, Drain { cell, stop_after: None }).await;
        drained.map_err(order_api::Error::into_fault)
    }

    pub(super) async fn retire_older(&self, ctx: &Ctx) -> Result<(), Fault> {
        let tenant = self.tenant(ctx).await?;
        let (_, older) = split(&tenant, self.clock.now())?;
        for cell in cells_of(&older) {
            if !self.drain_cell(ctx, cell).await?.done {
                let text =
                    format!("cell {cell} has orders that are to leave; go on with the drain");
                return Err(Fault::new(ErrorCode::Conflict, text).with_slug("not_drained"));
            }
        }
        for version in older {
            self.settle(ctx, version.version, PlacementState::Retired).await?;
        }
        Ok(())
    }

    async fn settle(&self, ctx: &Ctx, version: u32, to: PlacementState) -> Result<(), Fault> {
        let settled = self.tenant.settle(ctx, Settle { version, to }).await;
        settled.map(|_| ()).map_err(tenant_api::Error::into_fault)
    }

    /// When the last of the fences was raised.
    async fn raised_at(&self, ctx: &Ctx, tenant: &TenantInfo) -> Result<Timestamp, Fault> {
        let mut last = Timestamp::default();
        for database in databases_of(&self.databases.order, tenant) {
            let code = tenant.code.clone();
            let raised = self
                .databases
                .order
                .tx(ctx, Route::Db(database), move |tx| {
                    let code = code.clone();
                    async move { fence::raised_at(&tx, &code).await }
                })
                .await
                .map_err(|e: Fault| e)?;
            last = last.max(raised.unwrap_or_default());
        }
        Ok(last)
    }
}

/// The version in effect, and the older ones that are not retired.
fn split(
    tenant: &TenantInfo,
    now: Timestamp,
) -> Result<(PlacementVersion, Vec<PlacementVersion>), Fault> {
    let versions = tenant.placements.versions();
    let newest = *versions.last().ok_or_else(|| Fault::bug("a tenant without a placement"))?;
    if newest.state != PlacementState::Active || newest.effective_from.plus(SKEW_MAX) > now {
        let at = newest.effective_from.plus(SKEW_MAX);
        let text = format!(
            "version {} is in effect everywhere from {at} on; drain after that",
            newest.version
        );
        return Err(Fault::new(ErrorCode::Conflict, text).with_slug("not_in_effect"));
    }
    let older = versions.iter().filter(|v| v.version < newest.version && v.holds_rows());
    Ok((newest, older.copied().collect()))
}

fn cells_of(versions: &[PlacementVersion]) -> Vec<Place> {
    let mut cells: Vec<Place> = versions.iter().flat_map(|v| v.placement.cells()).collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}
