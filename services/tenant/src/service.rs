//! Tenants: load, decide, save. Who may call what is checked here.

use std::sync::Arc;

use kit::{Cursor, ErrorCode, Money, Page, Placement, Placements, TenantCode};
use outbox::{NewMessage, Outbox};
use rpc::{ActorKind, Ctx, Fault};
use shard::{Database, Ids, Route, Tx};
use tenant_api::{
    Added, ByHost, Error, Get, Grow, Grown, List, NewTenant, Overlap, Settle, TENANT_ADDED, Tenant,
    TenantAdded, TenantInfo, UpdateTenant,
};

use crate::{Options, model, store};

/// Tenants whose placements are looked at in one query.
const CHUNK: u64 = 500;

pub struct Service {
    pub db: Database,
    pub outbox: Outbox,
    pub ids: Ids,
    pub options: Options,
}

#[rpc::async_trait]
impl Tenant for Service {
    async fn get(&self, ctx: &Ctx, _req: Get) -> Result<TenantInfo, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::load(&tx, &tenant).await?.ok_or_else(unknown)?) }
            })
            .await
    }

    async fn by_host(&self, ctx: &Ctx, req: ByHost) -> Result<Option<TenantCode>, Error> {
        only_the_system(ctx)?;
        // Whatever a client sends as its host; what is no host name has no tenant.
        let Some(host) = model::host(&req.host) else { return Ok(None) };
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let host = host.clone();
                async move { Ok(store::by_host(&tx, &host).await?) }
            })
            .await
    }

    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<TenantInfo>, Error> {
        only_the_system(ctx)?;
        let after: Option<TenantCode> = req
            .cursor
            .as_ref()
            .map(Cursor::decode)
            .transpose()
            .map_err(|e: kit::page::InvalidCursor| Fault::invalid("cursor", e.to_string()))?;
        let limit = req.limit;
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let after = after.clone();
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let items = store::page(&tx, after.as_ref(), fetch).await?;
                    Ok(Page::from_overfetch(items, limit, |t| t.code.clone()))
                }
            })
            .await
    }

    async fn add(&self, ctx: &Ctx, req: NewTenant) -> Result<Added, Error> {
        only_the_system(ctx)?;
        let hosts = model::check_new(&req)?;
        let id = self.ids.mint(ctx, kit::Place::ZERO).await?;
        let fee = Money::new(req.shipping_fee, req.currency).map_err(Fault::internal)?;
        let placement = req.placement;
        let info = Arc::new(TenantInfo {
            code: req.code,
            name: req.name,
            hosts,
            currency: req.currency,
            locales: req.locales,
            theme: req.theme,
            banners: Vec::new(),
            shipping_fee: fee,
            placements: Placements::initial(placement),
            version: 1,
        });
        let payload = TenantAdded { code: info.code.clone() };
        let message = NewMessage::new(TENANT_ADDED, "tenant", id.get(), &payload)?;
        // The message belongs to the new tenant, so that its consumers act for that one.
        let own = Ctx { tenant: info.code.clone(), ..ctx.clone() };
        let (outbox, overlaps_max) = (self.outbox.clone(), self.options.overlaps_max);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (info, own, outbox) = (Arc::clone(&info), own.clone(), outbox.clone());
                let message = message.clone();
                async move {
                    let overlaps = overlaps(&tx, placement, overlaps_max).await?;
                    if !store::insert(&tx, id, &info).await? {
                        return Err(Error::CodeTaken(info.code.clone()));
                    }
                    for (position, host) in info.hosts.iter().enumerate() {
                        if !store::insert_host(&tx, &info.code, host, position).await? {
                            return Err(Error::HostTaken(host.clone()));
                        }
                    }
                    outbox.put(&tx, &own, message).await?;
                    Ok(Added { tenant: (*info).clone(), overlaps })
                }
            })
            .await
    }

    async fn update(&self, ctx: &Ctx, req: UpdateTenant) -> Result<TenantInfo, Error> {
        ctx.require("tenant:write")?;
        model::check_update(&req)?;
        let (tenant, req) = (ctx.tenant.clone(), Arc::new(req));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, req) = (tenant.clone(), Arc::clone(&req));
                async move {
                    let current = store::load(&tx, &tenant).await?.ok_or_else(unknown)?;
                    if current.version != req.version {
                        return Err(Error::Stale(current.version));
                    }
                    let changed = apply(current, &req)?;
                    if !store::update(&tx, &changed, req.version).await? {
                        return Err(Error::Stale(req.version));
                    }
                    Ok(changed)
                }
            })
            .await
    }

    async fn grow(&self, ctx: &Ctx, req: Grow) -> Result<Grown, Error> {
        self.grow_tenant(ctx, req).await
    }

    async fn settle(&self, ctx: &Ctx, req: Settle) -> Result<TenantInfo, Error> {
        self.settle_version(ctx, req).await
    }
}

fn apply(mut info: TenantInfo, req: &UpdateTenant) -> Result<TenantInfo, Fault> {
    if let Some(name) = &req.name {
        info.name = name.clone();
    }
    if let Some(theme) = &req.theme {
        info.theme = theme.clone();
    }
    if let Some(banners) = &req.banners {
        info.banners = banners.clone();
    }
    if let Some(fee) = req.shipping_fee {
        info.shipping_fee = Money::new(fee, info.currency).map_err(Fault::internal)?;
    }
    info.version = info.version.saturating_add(1);
    Ok(info)
}

/// Which tenants already live in cells of a placement, by code. Looks at all tenants, a few at a time.
pub(crate) async fn overlaps(tx: &Tx, new: Placement, max: usize) -> Result<Vec<Overlap>, Fault> {
    let mut found = Vec::new();
    let mut after: Option<TenantCode> = None;
    loop {
        let chunk = store::placements_page(tx, after.as_ref(), CHUNK).await?;
        let Some((last, _)) = chunk.last_key_value() else { return Ok(found) };
        after = Some(last.clone());
        found.extend(chunk.iter().filter_map(|(code, theirs)| model::overlap(new, code, theirs)));
        if found.len() >= max {
            found.truncate(max);
            return Ok(found);
        }
    }
}

pub(crate) fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Forbidden, "only the platform itself may do this"))
}

pub(crate) fn unknown() -> Fault {
    Fault::not_found("this tenant")
}
