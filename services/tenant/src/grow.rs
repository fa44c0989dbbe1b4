//! A tenant gets a new version of its placement. Decides and publishes; it must not make cells or raise
//! fences: whoever asks has made the cells, and follows the event.

use std::sync::Arc;

use kit::{Placement, PlacementState, PlacementVersion, Placements, TenantCode, Timestamp};
use outbox::{NewMessage, Outbox};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use tenant_api::growth::TenantGrown;
use tenant_api::{Error, Grow, Grown, Settle, TENANT_GROWN, TenantInfo};

use crate::service::{Service, only_the_system, overlaps, unknown};
use crate::store;

/// Versions of one tenant: every read of a list asks one cell per version.
const VERSIONS_MAX: usize = 16;

impl Service {
    pub(crate) async fn grow_tenant(&self, ctx: &Ctx, req: Grow) -> Result<Grown, Error> {
        only_the_system(ctx)?;
        // Minted for the message; nothing else uses it.
        let id = self.ids.mint(ctx, kit::Place::ZERO).await?.get();
        let (own, outbox, options) = (ctx.clone(), self.outbox.clone(), self.options);
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (own, outbox, tenant) = (own.clone(), outbox.clone(), tenant.clone());
                async move {
                    let current = store::load(&tx, &tenant).await?.ok_or_else(unknown)?;
                    let at = tx.now().plus(options.growth_lead);
                    let next = decide(&current.placements, req.placement, tx.now(), at)?;
                    let (tenant, repeated) = match next {
                        Next::There(_) => (current, true),
                        Next::New(_) if req.dry_run => (current, false),
                        Next::New(version) => {
                            let grown = publish(&tx, current, version).await?;
                            tell(&tx, &own, &outbox, id, version.version).await?;
                            (grown, false)
                        }
                    };
                    let (Next::There(version) | Next::New(version)) = next;
                    let mut overlaps = overlaps(&tx, req.placement, options.overlaps_max).await?;
                    overlaps.retain(|o| o.with != tenant.code);
                    Ok(Grown {
                        tenant,
                        version: version.version,
                        effective_from: version.effective_from,
                        repeated,
                        overlaps,
                    })
                }
            })
            .await
    }
}

impl Service {
    pub(crate) async fn settle_version(&self, ctx: &Ctx, req: Settle) -> Result<TenantInfo, Error> {
        only_the_system(ctx)?;
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let current = store::load(&tx, &tenant).await?.ok_or_else(unknown)?;
                    if !may_settle(&current.placements, req, tx.now())? {
                        return Ok(current);
                    }
                    let changed = with_state(current, req)?;
                    if !store::update(&tx, &changed, changed.version - 1).await? {
                        return Err(Error::Stale(changed.version - 1));
                    }
                    store::set_placement_state(&tx, &tenant, req.version, req.to).await?;
                    Ok(changed)
                }
            })
            .await
    }
}

/// Whether there is something to change; an error when that must not be.
fn may_settle(placements: &Placements, req: Settle, now: Timestamp) -> Result<bool, Error> {
    let version = placements.versions().iter().find(|v| v.version == req.version);
    let version = version.ok_or_else(|| Fault::not_found("this version of the placement"))?;
    let followed = placements.in_effect(now).is_some_and(|v| v.version > req.version);
    match (version.state, req.to) {
        (is, to) if is == to => Ok(false),
        _ if !followed => Err(Error::CannotGrow(format!(
            "version {} is not followed by one in effect; grow the tenant first",
            req.version
        ))),
        (PlacementState::Active, PlacementState::ReadOnly)
        | (PlacementState::ReadOnly, PlacementState::Retired) => Ok(true),
        (is, to) => Err(Error::CannotGrow(format!(
            "version {} is {is:?} and cannot become {to:?}: active, read-only, retired is the way",
            req.version
        ))),
    }
}

fn with_state(current: TenantInfo, req: Settle) -> Result<TenantInfo, Fault> {
    let mut versions = current.placements.versions().to_vec();
    for version in versions.iter_mut().filter(|v| v.version == req.version) {
        version.state = req.to;
    }
    let placements = Placements::from_versions(versions);
    let placements = placements.ok_or_else(|| Fault::bug("no version is active"))?;
    Ok(TenantInfo { placements, version: current.version.saturating_add(1), ..current })
}

/// What a request to grow comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The newest version is what is asked for.
    There(PlacementVersion),
    /// This one is to be published.
    New(PlacementVersion),
}

fn decide(
    placements: &Placements,
    wanted: Placement,
    now: Timestamp,
    effective_from: Timestamp,
) -> Result<Next, Error> {
    let newest = placements.versions().last().ok_or_else(|| Fault::bug("no placement"))?;
    if newest.placement == wanted {
        return Ok(Next::There(*newest));
    }
    if newest.effective_from > now {
        return Err(Error::CannotGrow(format!(
            "version {} {} takes effect at {} only; grow again after that",
            newest.version, newest.placement, newest.effective_from
        )));
    }
    if wanted.len() < newest.placement.len() {
        return Err(Error::CannotGrow(format!(
            "{wanted} has {} cells and {} has {}: a tenant does not shrink; give it at least as many",
            wanted.len(),
            newest.placement,
            newest.placement.len()
        )));
    }
    if placements.versions().len() >= VERSIONS_MAX {
        return Err(Error::CannotGrow(format!(
            "a tenant has at most {VERSIONS_MAX} versions of its placement, because each is one more \
             cell to look into for every list; grow in larger steps"
        )));
    }
    Ok(Next::New(PlacementVersion {
        version: newest.version.saturating_add(1),
        placement: wanted,
        hash: newest.hash,
        effective_from,
        state: PlacementState::Active,
    }))
}

/// The condition on the tenant's version comes first: of two that grow a tenant at once, one is refused.
async fn publish(
    tx: &Tx,
    current: TenantInfo,
    version: PlacementVersion,
) -> Result<TenantInfo, Error> {
    let from = current.version;
    let mut versions = current.placements.versions().to_vec();
    versions.push(version);
    let placements = Placements::from_versions(versions);
    let placements = placements.ok_or_else(|| Fault::bug("no version is active"))?;
    let grown = TenantInfo { placements, version: from.saturating_add(1), ..current };
    if !store::update(tx, &grown, from).await? {
        return Err(Error::Stale(from));
    }
    store::insert_placement(tx, &grown.code, &version).await?;
    Ok(grown)
}

async fn tell(tx: &Tx, ctx: &Ctx, outbox: &Outbox, id: i64, version: u32) -> Result<(), Fault> {
    let code: TenantCode = ctx.tenant.clone();
    let payload = Arc::new(TenantGrown { code, version });
    let message = NewMessage::new(TENANT_GROWN, "tenant", id, payload.as_ref())?;
    outbox.put(tx, ctx, message).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const THEN: Timestamp = Timestamp::from_micros(9_000_000);

    fn at(d: u8, t: u8, ds: u8, ts: u8) -> Placement {
        Placement::new(d, t, ds, ts).unwrap()
    }

    fn refused(placements: &Placements, wanted: Placement) -> String {
        match decide(placements, wanted, NOW, THEN) {
            Err(Error::CannotGrow(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_version_follows_the_newest_and_takes_effect_later() {
        let one = Placements::initial(at(4, 8, 4, 0));
        let Ok(Next::New(two)) = decide(&one, at(8, 8, 4, 0), NOW, THEN) else { panic!() };
        assert_eq!((two.version, two.effective_from), (2, THEN));
        let mut versions = one.versions().to_vec();
        versions.push(two);
        let both = Placements::from_versions(versions).unwrap();
        let again = decide(&both, at(8, 8, 4, 0), NOW, Timestamp::from_micros(i64::MAX));
        assert_eq!(again, Ok(Next::There(two)), "repeated it changes nothing");
        assert!(refused(&both, at(8, 16, 4, 0)).contains("takes effect at"));
        assert!(refused(&one, at(2, 8, 4, 0)).contains("does not shrink"));
        assert!(matches!(decide(&one, at(4, 8, 12, 0), NOW, THEN), Ok(Next::New(_))), "moved");
    }

    #[test]
    fn a_version_is_taken_out_of_use_step_by_step_once_another_is_in_effect() {
        use PlacementState::{Active, ReadOnly, Retired};
        let mut versions = Placements::initial(at(4, 8, 4, 0)).versions().to_vec();
        let two = PlacementVersion { version: 2, effective_from: THEN, ..versions[0] };
        versions.push(PlacementVersion { placement: at(8, 8, 4, 0), ..two });
        let both = |state| {
            let mut versions = versions.clone();
            versions[0].state = state;
            Placements::from_versions(versions).unwrap()
        };
        let may = |is, version, to, now| may_settle(&both(is), Settle { version, to }, now);
        assert!(may(Active, 1, ReadOnly, NOW).is_err(), "version 2 is not in effect yet");
        assert_eq!(may(Active, 1, ReadOnly, THEN), Ok(true));
        assert_eq!(may(ReadOnly, 1, ReadOnly, THEN), Ok(false), "repeated it changes nothing");
        assert_eq!(may(ReadOnly, 1, Retired, THEN), Ok(true));
        assert!(may(Active, 1, Retired, THEN).is_err(), "its rows are there");
        assert!(may(Retired, 1, ReadOnly, THEN).is_err(), "there is no way back");
        assert!(may(Active, 2, ReadOnly, THEN).is_err(), "new orders need a home");
        assert!(may(Active, 3, ReadOnly, THEN).is_err(), "there is no such version");
    }

    #[test]
    fn versions_have_an_end() {
        let mut versions = Placements::initial(at(1, 1, 0, 0)).versions().to_vec();
        for n in 2..=16 {
            versions.push(PlacementVersion { version: n, ..versions[0] });
        }
        let many = Placements::from_versions(versions).unwrap();
        assert!(refused(&many, at(2, 1, 0, 0)).contains("at most 16"));
    }
}
