//! Moves orders between cells. One step moves a few orders of one cell, in
//! four transactions: mark them, so that nobody changes them; copy them to their members' new cells; compare
//! the copies; delete them and leave behind where they went. Whatever the step dies at, the next one goes on:
//! a marked order is still here, a copy of a marked order is what the order is, and the progress is written
//! down with the last transaction only. It must not decide who lives where; the version in effect does.

use std::collections::BTreeMap;
use std::sync::Arc;

use kit::{ErrorCode, Place, PlacementVersion, TenantCode};
use order_api::{Drain, Drained, Error, Stage};
use rpc::{Ctx, Fault};
use shard::{Tx, fence};
use tenant_api::growth::KNOWN_AFTER;

use super::{Service, only_the_system};
use crate::model;
use crate::store::drain as store;
use crate::store::drain::{Progress, Rows};

/// Orders of one step: nobody changes them while it lasts.
const BATCH: u64 = 50;
impl Service {
    /// One step.
    pub(super) async fn drain_cell(&self, ctx: &Ctx, req: Drain) -> Result<Drained, Error> {
        only_the_system(ctx)?;
        let tenant = self.tenant(ctx).await?;
        let in_effect = tenant.placements.in_effect(self.db.clock().now());
        let target = *in_effect.ok_or_else(|| Fault::bug("no version is in effect"))?;
        self.open(req.cell).await?;
        let batch = Arc::new(self.freeze(ctx, req.cell, target).await?);
        stop(req, Stage::Frozen)?;
        self.copy(ctx, &batch).await?;
        stop(req, Stage::Copied)?;
        self.verify(ctx, &batch).await?;
        stop(req, Stage::Verified)?;
        let pass_over = batch.ends;
        let (progress, waiting) = self.leave(ctx, req.cell, target.version, batch).await?;
        let Progress { moved, done, .. } = progress;
        Ok(Drained { cell: req.cell, version: target.version, moved, waiting, pass_over, done })
    }

    async fn freeze(
        &self,
        ctx: &Ctx,
        cell: Place,
        target: PlacementVersion,
    ) -> Result<Batch, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, cell.into(), move |tx| {
                let tenant = tenant.clone();
                async move {
                    check_fence(&tx, &tenant, target).await?;
                    freeze_in(&tx, &tenant, cell, target).await
                }
            })
            .await
    }

    async fn copy(&self, ctx: &Ctx, batch: &Arc<Batch>) -> Result<(), Fault> {
        for place in batch.leaving.keys().copied() {
            self.open(place).await?;
            let (tenant, batch) = (ctx.tenant.clone(), Arc::clone(batch));
            self.db
                .tx(ctx, place.into(), move |tx| {
                    let (tenant, batch) = (tenant.clone(), Arc::clone(&batch));
                    async move {
                        for rows in batch.going_to(place) {
                            store::copy(&tx, &tenant, rows).await?;
                        }
                        Ok::<_, Fault>(())
                    }
                })
                .await?;
        }
        Ok(())
    }

    /// Read again where it was written, and compared by checksum: also when an earlier try has written it.
    async fn verify(&self, ctx: &Ctx, batch: &Arc<Batch>) -> Result<(), Fault> {
        for place in batch.leaving.keys().copied() {
            let (tenant, batch) = (ctx.tenant.clone(), Arc::clone(batch));
            self.db
                .tx(ctx, place.into(), move |tx| {
                    let (tenant, batch) = (tenant.clone(), Arc::clone(&batch));
                    async move {
                        for rows in batch.going_to(place) {
                            let copy = store::rows(&tx, &tenant, rows.id).await?;
                            if copy.map(|c| c.checksum()) != Some(rows.checksum()) {
                                let text =
                                    format!("the copy of order {} is not the order", rows.id);
                                return Err(Fault::bug(text));
                            }
                        }
                        Ok::<_, Fault>(())
                    }
                })
                .await?;
        }
        Ok(())
    }

    async fn leave(
        &self,
        ctx: &Ctx,
        cell: Place,
        version: u32,
        batch: Arc<Batch>,
    ) -> Result<(Progress, u64), Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, cell.into(), move |tx| {
                let (tenant, batch) = (tenant.clone(), Arc::clone(&batch));
                async move {
                    let before = store::progress(&tx, &tenant, version).await?;
                    let mut left = 0;
                    for (place, all) in &batch.leaving {
                        for rows in all {
                            left += u64::from(store::leave(&tx, &tenant, rows.id, *place).await?);
                        }
                    }
                    let progress = batch.progress(before, left);
                    store::save_progress(&tx, &tenant, version, progress).await?;
                    // Of the whole pass, also when the next one counts anew.
                    Ok((progress, before.waiting + batch.waiting))
                }
            })
            .await
    }
}

/// Some orders of a cell.
struct Batch {
    /// Those that go, by where they go.
    leaving: BTreeMap<Place, Vec<Rows>>,
    /// The last one that was looked at; none when there were no more.
    last: Option<i64>,
    /// Whether the cell ends with it.
    ends: bool,
    /// Those that could not go yet.
    waiting: u64,
}

impl Batch {
    fn going_to(&self, place: Place) -> impl Iterator<Item = &Rows> {
        self.leaving.get(&place).into_iter().flatten()
    }

    /// At the end of the cell it is done, unless some waited: then it begins again.
    fn progress(&self, before: Progress, left: u64) -> Progress {
        let waiting = before.waiting + self.waiting;
        let (moved, after_id) = (before.moved + left, self.last.unwrap_or(before.after_id));
        match (self.ends, waiting) {
            (false, _) => Progress { after_id, moved, waiting, done: false },
            (true, 0) => Progress { after_id, moved, waiting, done: true },
            (true, _) => Progress { after_id: 0, moved, waiting: 0, done: false },
        }
    }
}

/// Orders may move once nobody makes new ones in the old cells, and everybody knows where to look.
async fn check_fence(tx: &Tx, tenant: &TenantCode, target: PlacementVersion) -> Result<(), Fault> {
    let stand = fence::stand(tx, tenant).await?;
    let raised_at = fence::raised_at(tx, tenant).await?;
    let is_known = raised_at.is_some_and(|at| at.plus(KNOWN_AFTER) <= tx.now());
    if stand.epoch == target.version && stand.oldest == target.version && is_known {
        return Ok(());
    }
    let text =
        "the older versions of the placement are not closed everywhere yet; begin the drain first";
    Err(Fault::new(ErrorCode::Unavailable, text).with_slug("drain_not_begun"))
}

async fn freeze_in(
    tx: &Tx,
    tenant: &TenantCode,
    cell: Place,
    target: PlacementVersion,
) -> Result<Batch, Fault> {
    let progress = store::progress(tx, tenant, target.version).await?;
    let page = store::page(tx, tenant, progress.after_id, BATCH).await?;
    let ends = u64::try_from(page.len()).unwrap_or(BATCH) < BATCH;
    let last = page.last().map(|(id, _)| id.get());
    let (mut leaving, mut waiting) = (BTreeMap::<Place, Vec<Rows>>::new(), 0);
    for (id, member) in page {
        let home = target.cell(member.get());
        if home == cell {
            continue;
        }
        // Marked first: from then on no message comes to those that are there.
        if !store::freeze(tx, tenant, id, Some(home)).await? {
            continue;
        }
        if !outbox::quiet::is_quiet(tx, tenant, model::ORDER_FLOW, id.get()).await? {
            store::freeze(tx, tenant, id, None).await?;
            waiting += 1;
            continue;
        }
        leaving.entry(home).or_default().extend(store::rows(tx, tenant, id).await?);
    }
    Ok(Batch { leaving, last, ends, waiting })
}

fn stop(req: Drain, stage: Stage) -> Result<(), Fault> {
    if req.stop_after != Some(stage) {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Unavailable, "stopped as asked for").with_slug("drill"))
}
