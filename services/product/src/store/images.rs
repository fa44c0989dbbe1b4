//! Kept pictures.

use kit::TenantCode;
use product_api::ImageFile;
use rpc::Fault;
use sea_query::{Expr, ExprTrait as _, Query};
use shard::Tx;
use types::ImageId;

use super::{id, of_tenant};

/// The picture with these bytes.
pub async fn image_by_hash(
    tx: &Tx,
    tenant: &TenantCode,
    hash: &str,
) -> Result<Option<ImageId>, Fault> {
    let select = Query::select()
        .column("id")
        .from("images")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("hash").eq(hash))
        .to_owned();
    tx.one(&select).await?.map(|row| id(&row, "id", ImageId)).transpose()
}

/// Keeps a picture; `false` when its bytes are kept already.
pub async fn insert_image(
    tx: &Tx,
    tenant: &TenantCode,
    image: ImageId,
    hash: &str,
    file: &ImageFile,
) -> Result<bool, Fault> {
    let insert = Query::insert()
        .into_table("images")
        .columns(["tenant", "id", "hash", "content_type", "bytes", "created_at"])
        .values_panic([
            tenant.as_str().into(),
            image.get().into(),
            hash.into(),
            file.content_type.as_str().into(),
            file.bytes.clone().into(),
            tx.now().micros().into(),
        ])
        .to_owned();
    tx.insert_unique(&insert).await
}

/// A kept picture.
pub async fn image(
    tx: &Tx,
    tenant: &TenantCode,
    image: ImageId,
) -> Result<Option<ImageFile>, Fault> {
    let select = Query::select()
        .columns(["content_type", "bytes"])
        .from("images")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("id").eq(image.get()))
        .to_owned();
    let Some(row) = tx.one(&select).await? else { return Ok(None) };
    Ok(Some(ImageFile { content_type: row.get("content_type")?, bytes: row.get("bytes")? }))
}
