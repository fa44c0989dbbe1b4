//! Adding, changing and listing people.

use std::sync::Arc;

use kit::{ErrorCode, Page, Place, Timestamp};
use rpc::{ActorKind, Ctx, Fault};
use shard::Route;
use staff_api::{Error, List, NewStaff, StaffMember, UpdateStaff};
use types::StaffId;

use super::{Service, key};
use crate::{model, store};

impl Service {
    pub(super) async fn add_person(&self, ctx: &Ctx, req: NewStaff) -> Result<StaffMember, Error> {
        ctx.require("staff:write")?;
        model::check_new(&req)?;
        model::within(&ctx.actor, req.role.permissions().iter().copied())?;
        let id = StaffId(self.ids.mint(ctx, Place::ZERO).await?);
        let password = self.passwords.hash(ctx, req.password).await?;
        let login_key = model::login_key(&req.login);
        let person = StaffMember {
            id,
            login: req.login,
            name: req.name,
            role: req.role,
            enabled: true,
            created_at: Timestamp::default(),
        };
        let new = Arc::new((ctx.tenant.clone(), person, login_key, password));
        let max = self.options.staff_max;
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let new = Arc::clone(&new);
                async move {
                    let (tenant, person, login_key, password) = &*new;
                    store::lock_owners(&tx, tenant, None).await?;
                    let count = store::count(&tx, tenant).await?;
                    model::below(count, max, "people who work for it", "too_many_staff")?;
                    let person = StaffMember { created_at: tx.now(), ..person.clone() };
                    if !store::insert(&tx, tenant, &person, login_key, password).await? {
                        return Err(Error::LoginTaken);
                    }
                    Ok(person)
                }
            })
            .await
    }

    pub(super) async fn update_person(
        &self,
        ctx: &Ctx,
        req: UpdateStaff,
    ) -> Result<StaffMember, Error> {
        ctx.require("staff:write")?;
        let call = Arc::new((ctx.tenant.clone(), ctx.actor.clone(), req));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let call = Arc::clone(&call);
                async move {
                    let (tenant, actor, req) = &*call;
                    store::lock_owners(&tx, tenant, Some(req.id)).await?;
                    let before = store::load(&tx, tenant, req.id).await?.ok_or_else(unknown)?;
                    let after = model::changed(&before, req.role, req.enabled);
                    model::within(actor, before.role.permissions().iter().copied())?;
                    model::within(actor, after.role.permissions().iter().copied())?;
                    let others = store::other_owners(&tx, tenant, req.id).await?;
                    model::keep_an_owner(&before, &after, others)?;
                    store::save(&tx, tenant, &after).await?;
                    if !after.enabled {
                        store::end_sessions_of(&tx, tenant, req.id).await?;
                    }
                    Ok(after)
                }
            })
            .await
    }

    pub(super) async fn list_people(
        &self,
        ctx: &Ctx,
        req: List,
    ) -> Result<Page<StaffMember>, Error> {
        ctx.require("staff:read")?;
        let after: Option<String> = key(req.cursor.as_ref())?;
        if after.as_deref().is_some_and(|login| login.contains(char::is_control)) {
            return Err(Fault::invalid("cursor", "it is of no list").into());
        }
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, after) = (tenant.clone(), after.clone());
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let rows = store::page(&tx, &tenant, after.as_deref(), fetch).await?;
                    let page =
                        Page::from_overfetch(rows, limit, |(login_key, _)| login_key.clone());
                    Ok(page.map(|(_, person)| person))
                }
            })
            .await
    }

    pub(super) async fn who_signed_in(&self, ctx: &Ctx) -> Result<StaffMember, Error> {
        let id = own_id(ctx)?;
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::load(&tx, &tenant, id).await?.ok_or_else(unknown)?) }
            })
            .await
    }
}

/// Who signed in. Not found for who does not work here; whether an operator is a person or a credential,
/// the rows tell.
pub(super) fn own_id(ctx: &Ctx) -> Result<StaffId, Fault> {
    match ctx.actor.kind {
        ActorKind::Operator => StaffId::from_i64(ctx.actor.id).map_err(|_| unknown()),
        ActorKind::Anonymous => Err(Fault::new(ErrorCode::Unauthenticated, "sign in first")),
        ActorKind::User | ActorKind::System => Err(unknown()),
    }
}

pub(super) fn unknown() -> Fault {
    Fault::not_found("this staff member")
}
