//! The address book of the member who signed in.

use std::sync::Arc;

use kit::Place;
use member_api::{Error, PutAddress, SavedAddress};
use rpc::Ctx;
use shard::Route;
use types::AddressId;

use super::{Service, own_id, unknown};
use crate::model::book;
use crate::{model, store};

impl Service {
    pub(super) async fn save_address(
        &self,
        ctx: &Ctx,
        req: PutAddress,
    ) -> Result<SavedAddress, Error> {
        let member = own_id(ctx)?;
        model::refuse(req.address.problems("/address"))?;
        let id = match req.id {
            Some(id) => id,
            None => AddressId(self.ids.mint(ctx, Place::ZERO).await?),
        };
        let call = Arc::new((ctx.tenant.clone(), req));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let call = Arc::clone(&call);
                async move {
                    let (tenant, req) = &*call;
                    if !store::lock_book(&tx, tenant, member).await? {
                        return Err(unknown().into());
                    }
                    let book = store::book(&tx, tenant, member).await?;
                    let is_default = book::put(&book, req.id, req.is_default)?;
                    let saved = SavedAddress { id, is_default, address: req.address.clone() };
                    if is_default {
                        store::clear_default(&tx, tenant, member).await?;
                    }
                    match req.id {
                        Some(_) => store::update_address(&tx, tenant, member, &saved).await?,
                        None => store::insert_address(&tx, tenant, member, &saved).await?,
                    }
                    Ok(saved)
                }
            })
            .await
    }

    pub(super) async fn one_address(
        &self,
        ctx: &Ctx,
        id: AddressId,
    ) -> Result<SavedAddress, Error> {
        let (tenant, member) = (ctx.tenant.clone(), own_id(ctx)?);
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let found = store::address(&tx, &tenant, member, id).await?;
                    Ok(found.ok_or_else(book::unknown)?)
                }
            })
            .await
    }

    pub(super) async fn own_book(&self, ctx: &Ctx) -> Result<Vec<SavedAddress>, Error> {
        let (tenant, member) = (ctx.tenant.clone(), own_id(ctx)?);
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::addresses(&tx, &tenant, member).await?) }
            })
            .await
    }

    pub(super) async fn remove_address(&self, ctx: &Ctx, id: AddressId) -> Result<(), Error> {
        let (tenant, member) = (ctx.tenant.clone(), own_id(ctx)?);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    if !store::lock_book(&tx, &tenant, member).await? {
                        return Err(unknown().into());
                    }
                    let book = store::book(&tx, &tenant, member).await?;
                    store::delete_address(&tx, &tenant, member, id).await?;
                    if let Some(heir) = book::heir(&book, id) {
                        store::make_default(&tx, &tenant, member, heir).await?;
                    }
                    Ok(())
                }
            })
            .await
    }
}
