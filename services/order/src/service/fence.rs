//! Where a new order may be made: what the map of placements says, held against the fence in the logical
//! database. A process with an old map is refused there, reads the map again and tries once more. This
//! file must not decide where orders go; the tenant's placements do.

use std::future::Future;
use std::sync::Arc;

use kit::Place;
use order_api::Error;
use rpc::{Ctx, Fault, ServiceError as _};
use shard::{Tx, fence};
use tenant_api::growth::SKEW_MAX;
use tenant_api::{CachedTenants, TenantInfo};
use types::{MemberId, OrderId};

use super::Service;

impl Service {
    /// Runs something that makes an order by the map of placements; once more with a newer map when this
    /// process knew less than the database.
    pub(super) async fn by_map<T, F, Fut>(&self, ctx: &Ctx, make: F) -> Result<T, Error>
    where
        F: Fn(Arc<TenantInfo>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let seen = self.tenant(ctx).await?;
        match make(Arc::clone(&seen)).await {
            Err(Error::Fault(stale)) if fence::is_stale(&stale) => {
                tracing::info!(tenant = %ctx.tenant, error = ?stale, "the map of placements is read again");
                make(newer(&self.tenants, ctx, &seen).await?).await
            }
            answer => answer,
        }
    }

    /// Opens a cell that the map names and this process has not opened yet: another one has made it.
    pub(super) async fn open(&self, place: Place) -> Result<(), Fault> {
        if self.db.has_cell(place) { Ok(()) } else { self.db.ensure_cells(&[place]).await }
    }
}

async fn newer(
    tenants: &CachedTenants,
    ctx: &Ctx,
    seen: &TenantInfo,
) -> Result<Arc<TenantInfo>, Fault> {
    tenants.newer(ctx, seen).await.map_err(tenant_api::Error::into_fault)
}

/// Refuses a new order in the transaction that makes it: for an old map, and at a place that was not the
/// member's home when the id was minted or takes no new orders any more. The buyer begins a new checkout
/// then, which gets an id at the right place.
pub(super) async fn admit(
    tx: &Tx,
    ctx: &Ctx,
    map: &TenantInfo,
    (order, member): (OrderId, MemberId),
) -> Result<(), Error> {
    let stand = fence::stand(tx, &ctx.tenant).await?;
    let placements = &map.placements;
    stand.check(placements.epoch())?;
    // A tenant that never grew has one map, and every id was minted by it.
    if placements.versions().len() == 1 {
        return Ok(());
    }
    if placements.admits(member.get(), order.0, stand.oldest, SKEW_MAX) {
        return Ok(());
    }
    tracing::info!(%order, %member, "an order's id was minted at a place that takes it no more");
    Err(Error::CheckoutOver)
}
