//! Kept pictures. The same bytes are kept once per tenant.

use std::sync::Arc;

use kit::ErrorCode;
use product_api::{Error, ImageFile, PutImage, StoredImage};
use rpc::{Ctx, Fault};
use sha2::{Digest as _, Sha256};
use shard::Route;
use types::ImageId;

use super::groups::full;
use super::{Service, WRITE};
use crate::model::{self, NotKept};
use crate::store::{self, Counted};

fn refusal(e: NotKept) -> Fault {
    let text = e.to_string();
    match e {
        NotKept::TooLarge => Fault::new(ErrorCode::TooLarge, text),
        NotKept::UnknownType => Fault::new(ErrorCode::UnsupportedMediaType, text),
        NotKept::OtherContent(_) | NotKept::Unsafe { .. } => Fault::invalid("", text),
    }
}

fn stored(id: ImageId) -> StoredImage {
    StoredImage { id, url: format!("/media/{id}") }
}

impl Service {
    pub async fn keep_image(&self, ctx: &Ctx, req: PutImage) -> Result<StoredImage, Error> {
        ctx.require(WRITE)?;
        let kind = model::inspect(&req.content_type, &req.bytes).map_err(refusal)?;
        let hash = hex::encode(Sha256::digest(&req.bytes));
        let content_type = kind.media_type().to_owned();
        let file = Arc::new(ImageFile { content_type, bytes: req.bytes });
        let id = ImageId(self.mint(ctx).await?);
        let (tenant, max) = (ctx.tenant.clone(), self.options.images_max);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, hash, file) = (tenant.clone(), hash.clone(), Arc::clone(&file));
                async move {
                    if let Some(known) = store::image_by_hash(&tx, &tenant, &hash).await? {
                        return Ok(stored(known));
                    }
                    store::hold_counts(&tx, &tenant).await?;
                    if store::count(&tx, &tenant, Counted::Images).await? >= max {
                        return Err(full("pictures", max));
                    }
                    if store::insert_image(&tx, &tenant, id, &hash, &file).await? {
                        return Ok(stored(id));
                    }
                    let known = store::image_by_hash(&tx, &tenant, &hash).await?;
                    Ok(stored(known.ok_or_else(|| Fault::bug("a picture came and went"))?))
                }
            })
            .await
    }

    pub async fn read_image(&self, ctx: &Ctx, id: ImageId) -> Result<ImageFile, Error> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let image = store::image(&tx, &tenant, id).await?;
                    Ok(image.ok_or_else(|| Fault::not_found("the picture"))?)
                }
            })
            .await
    }
}
