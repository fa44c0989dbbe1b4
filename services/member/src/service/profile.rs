//! What is known of a member, and finding members.

use std::sync::Arc;

use kit::{Cursor, Page};
use member_api::{Error, List, MemberInfo, UpdateProfile};
use rpc::{Ctx, Fault};
use shard::Route;
use types::MemberId;

use super::{Service, own_id, unknown};
use crate::{model, store};

impl Service {
    /// One member; whoever calls has checked who may ask.
    pub(super) async fn one(&self, ctx: &Ctx, id: MemberId) -> Result<MemberInfo, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::load(&tx, &tenant, id).await?.ok_or_else(unknown)?) }
            })
            .await
    }

    pub(super) async fn change_profile(
        &self,
        ctx: &Ctx,
        req: UpdateProfile,
    ) -> Result<MemberInfo, Error> {
        let id = own_id(ctx)?;
        model::check_profile(&req)?;
        let profile = store::Profile { name: req.name, locale: req.locale };
        let call = Arc::new((ctx.tenant.clone(), profile));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let call = Arc::clone(&call);
                async move {
                    let (tenant, profile) = &*call;
                    store::save_profile(&tx, tenant, id, profile).await?;
                    Ok(store::load(&tx, tenant, id).await?.ok_or_else(unknown)?)
                }
            })
            .await
    }

    pub(super) async fn find(&self, ctx: &Ctx, req: List) -> Result<Page<MemberInfo>, Error> {
        if let Some(login) = &req.login {
            return self.find_one(ctx, login).await;
        }
        let wrong = |e: kit::page::InvalidCursor| Fault::invalid("cursor", e.to_string());
        let before: Option<i64> =
            req.cursor.as_ref().map(Cursor::decode).transpose().map_err(wrong)?;
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let rows = store::page(&tx, &tenant, before, fetch).await?;
                    Ok(Page::from_overfetch(rows, limit, |m| m.id.get()))
                }
            })
            .await
    }

    async fn find_one(&self, ctx: &Ctx, login: &str) -> Result<Page<MemberInfo>, Error> {
        if !model::is_address(login) {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        }
        let keys = Arc::new((ctx.tenant.clone(), model::login_key(login)));
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let keys = Arc::clone(&keys);
                async move {
                    let known = store::known(&tx, &keys.0, &keys.1).await?;
                    let items = known.map(|k| k.member).into_iter().collect();
                    Ok(Page { items, next_cursor: None })
                }
            })
            .await
    }
}
