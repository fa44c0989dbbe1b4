//! What shoppers read: products on sale, categories, brands, pictures.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http_kit::{ETag, Json, Listing, Paging, Path, Problem, Query, ReqCtx};
use kit::ErrorCode;
use product_api::{
    Brand, Category, Error, GetImage, GetProduct, ImageFile, ListBrands, ListCategories,
    ListProducts, ProductClient, ProductInfo, ProductRef, ProductStatus, ProductSummary,
};
use rpc::{Ctx, Fault, ServiceError as _};
use types::{ImageId, Slug, SpuId};

use super::{InChannel, StoreFilter, not_found, problem};

/// A picture never changes: its address is its id.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// What a browser may do with a picture that is opened by itself: nothing but show it.
const ONLY_SHOW: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Products on sale, newest first.
#[utoipa::path(get, path = "/v1/store/products", tag = "products", params(Paging, StoreFilter),
    responses((status = 200, body = Listing<ProductSummary>)))]
pub(super) async fn list_products(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    Query(filter): Query<StoreFilter>,
) -> Result<Json<Listing<ProductSummary>>, Problem> {
    let req = ListProducts {
        channel: filter.channel,
        category_id: filter.category_id,
        brand_id: filter.brand_id,
        status: Some(ProductStatus::OnSale),
        cursor: paging.cursor,
        limit: paging.limit,
    };
    products.list(&ctx, req).await.map(|page| Json(page.into())).map_err(problem)
}

/// A product on sale, by its id or its name in the address bar.
#[utoipa::path(get, path = "/v1/store/products/{id_or_slug}", tag = "products",
    params(("id_or_slug" = String, Path, description = "An id, or a slug."), InChannel),
    responses((status = 200, body = ProductInfo)))]
pub(super) async fn get_product(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id_or_slug): Path<String>,
    Query(InChannel { channel }): Query<InChannel>,
) -> Result<(ETag, Json<ProductInfo>), Problem> {
    let product = find(&products, &ctx, &id_or_slug, channel).await?;
    // Staff see everything elsewhere; here they see what shoppers see.
    if product.status != ProductStatus::OnSale {
        return Err(not_found("the product"));
    }
    Ok((ETag(product.version), Json(product)))
}

async fn find(
    products: &ProductClient,
    ctx: &Ctx,
    id_or_slug: &str,
    channel: Option<String>,
) -> Result<ProductInfo, Problem> {
    let (id, slug) = (id_or_slug.parse::<SpuId>().ok(), id_or_slug.parse::<Slug>().ok());
    let names = [id.map(ProductRef::Id), slug.map(ProductRef::Slug)];
    // A slug may consist of digits too, so what is no id may still be one.
    for product in names.into_iter().flatten() {
        match products.get(ctx, GetProduct { product, channel: channel.clone() }).await {
            Err(e) if e.code() == ErrorCode::NotFound => {}
            answer => return answer.map_err(problem),
        }
    }
    Err(not_found("the product"))
}

/// All categories.
#[utoipa::path(get, path = "/v1/store/categories", tag = "products",
    responses((status = 200, body = Vec<Category>)))]
pub(super) async fn list_categories(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Category>>, Problem> {
    products.list_categories(&ctx, ListCategories {}).await.map(Json).map_err(problem)
}

/// All brands.
#[utoipa::path(get, path = "/v1/store/brands", tag = "products",
    responses((status = 200, body = Vec<Brand>)))]
pub(super) async fn list_brands(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Brand>>, Problem> {
    products.list_brands(&ctx, ListBrands {}).await.map(Json).map_err(problem)
}

/// A kept picture.
#[utoipa::path(get, path = "/media/{id}", tag = "products", params(("id" = ImageId, Path)),
    responses((status = 200, description = "The picture.", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
        (Vec<u8> = "image/svg+xml")))))]
pub(super) async fn get_media(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<ImageId>,
) -> Result<Response, Problem> {
    let image = products.get_image(&ctx, GetImage { id }).await.map_err(problem)?;
    picture(image).map_err(|e| problem(Error::Fault(e)))
}

fn picture(image: ImageFile) -> Result<Response, Fault> {
    let content_type = HeaderValue::try_from(image.content_type).map_err(Fault::internal)?;
    let mut response = Response::new(Body::from(image.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ONLY_SHOW));
    Ok(response)
}
