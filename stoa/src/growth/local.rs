//! Grows tenants out of a running platform's parts.

use kit::growth::Growth as Step;
use kit::{ErrorCode, Place, SharedClock};
use order_api::{CellCount, Cells, CellsSince, Drained};
use rpc::{ActorKind, Ctx, Fault, ServiceError as _};
use shard::{Database, Route, fence};
use tenant_api::{Get, Grow, Grown, TenantInfo};

use super::{
    Begin, BeginDrain, Begun, DrainBegun, DrainSome, EndDrain, FenceStanding, GetStanding, Growth,
    Plan, PlanFor, Standing, VersionStanding, plan,
};
use crate::platform::Databases;

/// What growing works with.
pub struct Local {
    /// Tenants.
    pub tenant: tenant_api::TenantClient,
    /// Where orders lie.
    pub order: order_api::OrderClient,
    /// The databases.
    pub databases: Databases,
    /// The platform's clock.
    pub clock: SharedClock,
}

#[rpc::async_trait]
impl Growth for Local {
    async fn plan(&self, ctx: &Ctx, req: PlanFor) -> Result<Plan, Fault> {
        only_the_system(ctx)?;
        let grown = self.publish(ctx, req.placement, true).await?;
        let now = self.clock.now();
        let placements = &grown.tenant.placements;
        let from = placements.in_effect(now).ok_or_else(|| Fault::bug("no placement"))?;
        let (from, to) = (from.placement, req.placement);
        let step = Step::between(from, to);
        let counted = self.order.cells(ctx, Cells {}).await;
        let orders = numbers(counted.map_err(order_api::Error::into_fault)?);
        let there = self.databases.order.cells();
        Ok(Plan {
            tenant: ctx.tenant.clone(),
            version: grown.version,
            there_already: grown.repeated,
            from,
            to,
            stays: step.stays(),
            cells: (from.len(), to.len()),
            new_databases: step.new_databases(),
            new_cells: to.cells().filter(|c| !there.contains(c)).collect(),
            databases: plan::loads(from, to, &step, &orders),
            orders: orders.iter().map(|(_, n)| n).sum(),
            orders_elsewhere: plan::elsewhere(from, &step, &orders),
            overlaps: grown.overlaps,
            takes_effect_after_s: grown.effective_from.since(now).as_secs(),
            warnings: plan::warnings(from, to, &step),
        })
    }

    async fn begin(&self, ctx: &Ctx, req: Begin) -> Result<Begun, Fault> {
        only_the_system(ctx)?;
        // What is refused must not leave cells behind.
        let planned = self.publish(ctx, req.placement, true).await?;
        // The cells first: whoever reads the map must find them.
        let cells: Vec<Place> = req.placement.cells().collect();
        self.databases.ensure_cells(&planned.tenant.placements.cells()).await?;
        self.databases.ensure_cells(&cells).await?;
        // A fence that stands already is held by those who look at it; one that comes into being is not.
        raise_fences(ctx, &self.databases.order, &planned.tenant).await?;
        let grown = self.publish(ctx, req.placement, false).await?;
        let fenced = raise_fences(ctx, &self.databases.order, &grown.tenant).await?;
        Ok(Begun {
            tenant: ctx.tenant.clone(),
            version: grown.version,
            placement: req.placement,
            effective_from: grown.effective_from,
            repeated: grown.repeated,
            cells: cells.len(),
            fenced,
            overlaps: grown.overlaps,
        })
    }

    async fn begin_drain(&self, ctx: &Ctx, _req: BeginDrain) -> Result<DrainBegun, Fault> {
        only_the_system(ctx)?;
        self.close_older(ctx).await
    }

    async fn drain_some(&self, ctx: &Ctx, req: DrainSome) -> Result<Drained, Fault> {
        only_the_system(ctx)?;
        self.drain_cell(ctx, req.cell).await
    }

    async fn end_drain(&self, ctx: &Ctx, _req: EndDrain) -> Result<Standing, Fault> {
        only_the_system(ctx)?;
        self.retire_older(ctx).await?;
        self.standing(ctx, GetStanding {}).await
    }

    async fn standing(&self, ctx: &Ctx, _req: GetStanding) -> Result<Standing, Fault> {
        only_the_system(ctx)?;
        let tenant = self.tenant(ctx).await?;
        let now = self.clock.now();
        let in_effect = tenant.placements.in_effect(now).map(|v| v.version);
        let all = self.since(ctx, None).await?;
        let (mut versions, mut later) = (Vec::new(), 0);
        // From the newest: orders of a version are those since it took effect that no later one has.
        for version in tenant.placements.versions().iter().rev() {
            let since = if version.version == 1 { None } else { Some(version.effective_from) };
            let so_far = self.since(ctx, since).await?;
            let open = version.placement.cells().filter(|c| self.databases.order.has_cell(*c));
            versions.push(VersionStanding {
                version: version.version,
                placement: version.placement,
                state: version.state,
                effective_from: version.effective_from,
                in_effect: Some(version.version) == in_effect,
                orders: so_far.saturating_sub(later),
                cells_open: open.count(),
            });
            later = so_far.max(later);
        }
        versions.reverse();
        let fences = self.fences(ctx, &tenant).await?;
        Ok(Standing { tenant: ctx.tenant.clone(), now, versions, fences, orders: all })
    }
}

impl Local {
    pub(super) async fn tenant(&self, ctx: &Ctx) -> Result<TenantInfo, Fault> {
        self.tenant.get(ctx, Get {}).await.map_err(tenant_api::Error::into_fault)
    }

    async fn publish(
        &self,
        ctx: &Ctx,
        placement: kit::Placement,
        dry_run: bool,
    ) -> Result<Grown, Fault> {
        let grown = self.tenant.grow(ctx, Grow { placement, dry_run }).await;
        grown.map_err(tenant_api::Error::into_fault)
    }

    async fn since(&self, ctx: &Ctx, from: Option<kit::Timestamp>) -> Result<u64, Fault> {
        let counted = match from {
            None => self.order.cells(ctx, Cells {}).await,
            Some(made_from) => self.order.cells_since(ctx, CellsSince { made_from }).await,
        };
        let counted = counted.map_err(order_api::Error::into_fault)?;
        Ok(numbers(counted).into_iter().map(|(_, n)| n).sum())
    }

    async fn fences(&self, ctx: &Ctx, tenant: &TenantInfo) -> Result<Vec<FenceStanding>, Fault> {
        let mut fences = Vec::new();
        for database in databases_of(&self.databases.order, tenant) {
            let code = ctx.tenant.clone();
            let stand = self
                .databases
                .order
                .read(ctx, Route::Db(database), move |tx| {
                    let code = code.clone();
                    async move { fence::look(&tx, &code).await }
                })
                .await?;
            fences.push(FenceStanding { database, epoch: stand.epoch, oldest: stand.oldest });
        }
        Ok(fences)
    }
}

/// Raises the fence of a tenant in every logical database of its placements to the newest version; says in
/// which. Repeating it changes nothing.
///
/// # Errors
/// Whatever a database refuses.
pub async fn raise_fences(
    ctx: &Ctx,
    orders: &Database,
    tenant: &TenantInfo,
) -> Result<Vec<u8>, Fault> {
    let stand = fence::Stand { epoch: tenant.placements.epoch(), oldest: 0 };
    raise(ctx, orders, tenant, stand).await
}

/// The same to where it is told.
pub(super) async fn raise(
    ctx: &Ctx,
    orders: &Database,
    tenant: &TenantInfo,
    stand: fence::Stand,
) -> Result<Vec<u8>, Fault> {
    let fenced = databases_of(orders, tenant);
    for database in &fenced {
        let code = tenant.code.clone();
        orders
            .tx(ctx, Route::Db(*database), move |tx| {
                let code = code.clone();
                async move { fence::raise(&tx, &code, stand).await }
            })
            .await
            .map_err(|e: Fault| e)?;
    }
    Ok(fenced)
}

pub(super) fn databases_of(orders: &Database, tenant: &TenantInfo) -> Vec<u8> {
    let mut numbers: Vec<u8> = tenant.placements.cells().iter().map(|c| c.db).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let open = orders.databases();
    numbers.retain(|n| open.contains(n));
    numbers
}

fn numbers(counted: Vec<CellCount>) -> Vec<(Place, u64)> {
    counted.into_iter().map(|c| (c.place, u64::try_from(c.orders).unwrap_or(0))).collect()
}

fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Forbidden, "only the platform itself may do this"))
}
