//! Categories, brands and channels: few, read whole, added one by one.

use std::sync::Arc;

use kit::ErrorCode;
use product_api::{
    Brand, Category, Channel, DEFAULT_CHANNEL, Error, NewBrand, NewCategory, NewChannel,
};
use rpc::{Ctx, Fault};
use shard::Route;
use types::{BrandId, CategoryId};

use super::{Service, WRITE};
use crate::model::text::{channel_problem, line_problem, texts_problem};
use crate::model::{CHANNELS_MAX, GROUPS_MAX, NAME_MAX, Tree};
use crate::store::{self, Counted};

/// Refuses one more where the most is reached.
pub fn full(what: &str, max: usize) -> Error {
    Fault::new(ErrorCode::Conflict, format!("a tenant has at most {max} {what}"))
        .with_slug("too_many")
        .into()
}

fn refuse(pointer: &str, problem: Option<String>) -> Result<(), Fault> {
    problem.map_or(Ok(()), |problem| Err(Fault::invalid(pointer, problem)))
}

impl Service {
    pub async fn add_category(&self, ctx: &Ctx, req: NewCategory) -> Result<Category, Error> {
        ctx.require(WRITE)?;
        refuse("/name", texts_problem(&req.name, 1, NAME_MAX))?;
        let NewCategory { parent_id, slug, name, position } = req;
        let id = CategoryId(self.mint(ctx).await?);
        let category = Arc::new(Category { id, parent_id, slug, name, position });
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, category) = (tenant.clone(), Arc::clone(&category));
                async move {
                    let tree = Tree::new(store::branches(&tx, &tenant).await?);
                    tree.place_under(category.parent_id)
                        .map_err(|e| Fault::invalid("/parent_id", e.to_string()))?;
                    store::hold_counts(&tx, &tenant).await?;
                    if store::count(&tx, &tenant, Counted::Categories).await? >= GROUPS_MAX {
                        return Err(full("categories", GROUPS_MAX));
                    }
                    if !store::insert_category(&tx, &tenant, &category).await? {
                        return Err(Error::Taken(format!("the slug {}", category.slug)));
                    }
                    Ok(Category::clone(&category))
                }
            })
            .await
    }

    pub async fn all_categories(&self, ctx: &Ctx) -> Result<Vec<Category>, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::categories(&tx, &tenant).await?) }
            })
            .await
    }

    pub async fn add_brand(&self, ctx: &Ctx, req: NewBrand) -> Result<Brand, Error> {
        ctx.require(WRITE)?;
        refuse("/name", line_problem(&req.name, 1, NAME_MAX))?;
        let brand = Arc::new(Brand { id: BrandId(self.mint(ctx).await?), name: req.name });
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, brand) = (tenant.clone(), Arc::clone(&brand));
                async move {
                    store::hold_counts(&tx, &tenant).await?;
                    if store::count(&tx, &tenant, Counted::Brands).await? >= GROUPS_MAX {
                        return Err(full("brands", GROUPS_MAX));
                    }
                    if !store::insert_brand(&tx, &tenant, &brand).await? {
                        return Err(Error::Taken("the name".to_owned()));
                    }
                    Ok(Brand::clone(&brand))
                }
            })
            .await
    }

    pub async fn all_brands(&self, ctx: &Ctx) -> Result<Vec<Brand>, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { Ok(store::brands(&tx, &tenant).await?) }
            })
            .await
    }

    pub async fn add_channel(&self, ctx: &Ctx, req: NewChannel) -> Result<Channel, Error> {
        ctx.require(WRITE)?;
        refuse("/code", channel_problem(&req.code))?;
        refuse("/name", line_problem(&req.name, 1, NAME_MAX))?;
        let channel = Arc::new(Channel { code: req.code, name: req.name });
        let tenant = ctx.tenant.clone();
        let taken = |code: &str| Error::Taken(format!("the channel {code}"));
        if channel.code == DEFAULT_CHANNEL {
            return Err(taken(DEFAULT_CHANNEL));
        }
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, channel) = (tenant.clone(), Arc::clone(&channel));
                async move {
                    store::hold_counts(&tx, &tenant).await?;
                    // One more is `web`.
                    if store::count(&tx, &tenant, Counted::Channels).await? + 1 >= CHANNELS_MAX {
                        return Err(full("channels", CHANNELS_MAX));
                    }
                    if !store::insert_channel(&tx, &tenant, &channel).await? {
                        return Err(taken(&channel.code));
                    }
                    Ok(Channel::clone(&channel))
                }
            })
            .await
    }

    pub async fn all_channels(&self, ctx: &Ctx) -> Result<Vec<Channel>, Error> {
        let tenant = ctx.tenant.clone();
        let mut all: Vec<Channel> = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { store::channels(&tx, &tenant).await }
            })
            .await?;
        all.push(Channel { code: DEFAULT_CHANNEL.to_owned(), name: "Web".to_owned() });
        all.sort_by(|a, b| a.code.cmp(&b.code));
        Ok(all)
    }
}
