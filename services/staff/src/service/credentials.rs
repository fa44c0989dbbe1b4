//! Credentials of programs.

use std::sync::Arc;

use kit::{Page, Place, Timestamp};
use rpc::{Ctx, Fault};
use shard::Route;
use staff_api::{CreatedCredential, Credential, Error, List, NewCredential, RevokeCredential};
use types::CredentialId;

use super::{CREDENTIAL, Service, key};
use crate::{model, store};

impl Service {
    pub(super) async fn make_credential(
        &self,
        ctx: &Ctx,
        req: NewCredential,
    ) -> Result<CreatedCredential, Error> {
        ctx.require("staff:write")?;
        model::check_credential(&req)?;
        model::within(&ctx.actor, req.permissions.iter().map(String::as_str))?;
        let (token, hash) = CREDENTIAL.mint(self.entropy.as_ref())?;
        let credential = Credential {
            id: CredentialId(self.ids.mint(ctx, Place::ZERO).await?),
            name: req.name,
            permissions: req.permissions,
            created_at: Timestamp::default(),
            revoked_at: None,
        };
        let new = Arc::new((ctx.tenant.clone(), credential, hash));
        let max = self.options.credentials_max;
        let made: Result<Credential, Error> = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let new = Arc::clone(&new);
                async move {
                    let (tenant, credential, hash) = &*new;
                    store::lock_owners(&tx, tenant, None).await?;
                    let count = store::active_credentials(&tx, tenant).await?;
                    model::below(count, max, "credentials", "too_many_credentials")?;
                    let credential = Credential { created_at: tx.now(), ..credential.clone() };
                    store::insert_credential(&tx, tenant, &credential, hash).await?;
                    Ok(credential)
                }
            })
            .await;
        Ok(CreatedCredential { credential: made?, token })
    }

    pub(super) async fn credentials(
        &self,
        ctx: &Ctx,
        req: List,
    ) -> Result<Page<Credential>, Error> {
        ctx.require("staff:read")?;
        let before: Option<i64> = key(req.cursor.as_ref())?;
        let (tenant, limit) = (ctx.tenant.clone(), req.limit);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let fetch = u64::from(limit.get()) + 1;
                    let rows = store::page_credentials(&tx, &tenant, before, fetch).await?;
                    Ok(Page::from_overfetch(rows, limit, |c| c.id.get()))
                }
            })
            .await
    }

    pub(super) async fn end_credential(
        &self,
        ctx: &Ctx,
        req: RevokeCredential,
    ) -> Result<Credential, Error> {
        ctx.require("staff:write")?;
        let (tenant, id) = (ctx.tenant.clone(), req.id);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let unknown = || Fault::not_found("this credential");
                    let found = store::credential_to_change(&tx, &tenant, id).await?;
                    let credential = found.ok_or_else(unknown)?;
                    if !model::in_force(&credential) {
                        return Ok(credential);
                    }
                    store::revoke_credential(&tx, &tenant, id).await?;
                    Ok(Credential { revoked_at: Some(tx.now()), ..credential })
                }
            })
            .await
    }
}
