//! What keepers of the catalogue do.

use axum::extract::State;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_kit::{
    Created, ETag, IfMatch, Json, Listing, Paging, Path, Problem, Query, RawBody, ReqCtx,
};
use product_api::{
    BeginImport, Brand, Category, Channel, CheckImport, GetContent, GetImport, ImportBatch,
    ImportConflict, ImportProduct, ImportStatus, ListBrands, ListCategories, ListChannels,
    ListProducts, NewBrand, NewCategory, NewChannel, NewProduct, ProductClient, ProductContent,
    ProductInfo, ProductStatus, ProductSummary, PutImage, SetStatus, StoredImage, UpdateProduct,
};
use serde::Deserialize;
use types::{BrandId, CategoryId, ImportId, SpuId};
use utoipa::{IntoParams, ToSchema};

use super::problem;

/// Which products a list has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AdminFilter {
    /// Only with this status.
    #[param(inline)]
    status: Option<ProductStatus>,
    /// Only of this category and those under it.
    category_id: Option<CategoryId>,
    /// Only of this brand.
    brand_id: Option<BrandId>,
    /// Prices in this channel; `web` without.
    #[param(max_length = 32, pattern = "^[a-z0-9-]+$")]
    channel: Option<String>,
}

/// What can be done with a product.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProductAction {
    /// Puts it on sale.
    Publish,
    /// Makes it a draft again.
    Unpublish,
    /// Takes it off.
    Archive,
}

/// A batch of an import; which import stands in the path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchBody {
    /// Index of the first product in the file: the import must have applied exactly so many.
    #[schema(maximum = 1_000_000)]
    offset: u32,
    /// At most 50.
    #[schema(min_items = 1, max_items = 50)]
    products: Vec<ImportProduct>,
}

/// All products, newest first.
#[utoipa::path(get, path = "/v1/admin/products", tag = "products", params(Paging, AdminFilter),
    operation_id = "admin_list_products",
    responses((status = 200, body = Listing<ProductSummary>)))]
pub(super) async fn list_products(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    Query(filter): Query<AdminFilter>,
) -> Result<Json<Listing<ProductSummary>>, Problem> {
    let req = ListProducts {
        channel: filter.channel,
        category_id: filter.category_id,
        brand_id: filter.brand_id,
        status: filter.status,
        cursor: paging.cursor,
        limit: paging.limit,
    };
    products.list(&ctx, req).await.map(|page| Json(page.into())).map_err(problem)
}

/// Adds a product.
#[utoipa::path(post, path = "/v1/admin/products", tag = "products", request_body = NewProduct,
    responses((status = 201, body = ProductInfo)))]
pub(super) async fn create_product(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewProduct>,
) -> Result<(ETag, Created<ProductInfo>), Problem> {
    let product = products.create(&ctx, req).await.map_err(problem)?;
    let location = format!("/v1/admin/products/{}", product.id);
    Ok((ETag(product.version), Created::at(location, product)))
}

/// The content of a product in all channels, as it can be put back.
#[utoipa::path(get, path = "/v1/admin/products/{id}", tag = "products",
    operation_id = "admin_get_product",
    params(("id" = SpuId, Path)), responses((status = 200, body = ProductContent)))]
pub(super) async fn get_product(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<SpuId>,
) -> Result<(ETag, Json<ProductContent>), Problem> {
    let content = products.get_content(&ctx, GetContent { id }).await.map_err(problem)?;
    Ok((ETag(content.version), Json(content)))
}

/// Replaces the content of a product; variants keep their ids by their option values.
#[utoipa::path(put, path = "/v1/admin/products/{id}", tag = "products",
    params(("id" = SpuId, Path),
        ("If-Match" = String, Header, description = "The ETag of the version that is replaced, or *.")),
    request_body = NewProduct, responses((status = 200, body = ProductInfo)))]
pub(super) async fn update_product(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<SpuId>,
    seen: IfMatch,
    Json(content): Json<NewProduct>,
) -> Result<(ETag, Json<ProductInfo>), Problem> {
    let version = match seen {
        IfMatch::Version(version) => version,
        IfMatch::Any => {
            products.get_content(&ctx, GetContent { id }).await.map_err(problem)?.version
        }
    };
    let req = UpdateProduct { id, version, content };
    let product = products.update(&ctx, req).await.map_err(problem)?;
    Ok((ETag(product.version), Json(product)))
}

/// Puts a product on sale, makes it a draft again, or takes it off.
#[utoipa::path(post, path = "/v1/admin/products/{id}/actions/{action}", tag = "products",
    params(("id" = SpuId, Path), ("action" = inline(ProductAction), Path),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that was seen.")),
    responses((status = 200, body = ProductInfo)))]
pub(super) async fn act_on_product(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path((id, action)): Path<(SpuId, ProductAction)>,
    seen: Option<IfMatch>,
) -> Result<(ETag, Json<ProductInfo>), Problem> {
    let status = match action {
        ProductAction::Publish => ProductStatus::OnSale,
        ProductAction::Unpublish => ProductStatus::Draft,
        ProductAction::Archive => ProductStatus::Off,
    };
    let req = SetStatus { id, status, version: seen.and_then(IfMatch::version) };
    let product = products.set_status(&ctx, req).await.map_err(problem)?;
    Ok((ETag(product.version), Json(product)))
}

/// All categories.
#[utoipa::path(get, path = "/v1/admin/categories", tag = "products",
    operation_id = "admin_list_categories", responses((status = 200, body = Vec<Category>)))]
pub(super) async fn list_categories(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Category>>, Problem> {
    products.list_categories(&ctx, ListCategories {}).await.map(Json).map_err(problem)
}

/// Adds a category.
#[utoipa::path(post, path = "/v1/admin/categories", tag = "products", request_body = NewCategory,
    responses((status = 201, body = Category)))]
pub(super) async fn create_category(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewCategory>,
) -> Result<Created<Category>, Problem> {
    let category = products.create_category(&ctx, req).await.map_err(problem)?;
    Ok(Created::at("/v1/admin/categories", category))
}

/// All brands.
#[utoipa::path(get, path = "/v1/admin/brands", tag = "products",
    operation_id = "admin_list_brands", responses((status = 200, body = Vec<Brand>)))]
pub(super) async fn list_brands(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Brand>>, Problem> {
    products.list_brands(&ctx, ListBrands {}).await.map(Json).map_err(problem)
}

/// Adds a brand.
#[utoipa::path(post, path = "/v1/admin/brands", tag = "products", request_body = NewBrand,
    responses((status = 201, body = Brand)))]
pub(super) async fn create_brand(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewBrand>,
) -> Result<Created<Brand>, Problem> {
    let brand = products.create_brand(&ctx, req).await.map_err(problem)?;
    Ok(Created::at("/v1/admin/brands", brand))
}

/// All sales channels; every tenant has `web`.
#[utoipa::path(get, path = "/v1/admin/channels", tag = "products",
    responses((status = 200, body = Vec<Channel>)))]
pub(super) async fn list_channels(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Channel>>, Problem> {
    products.list_channels(&ctx, ListChannels {}).await.map(Json).map_err(problem)
}

/// Adds a sales channel.
#[utoipa::path(post, path = "/v1/admin/channels", tag = "products", request_body = NewChannel,
    responses((status = 201, body = Channel)))]
pub(super) async fn create_channel(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewChannel>,
) -> Result<Created<Channel>, Problem> {
    let channel = products.create_channel(&ctx, req).await.map_err(problem)?;
    Ok(Created::at("/v1/admin/channels", channel))
}

/// Keeps a picture: PNG, JPEG, WebP or SVG of at most 512 KiB. The same bytes have the same address.
#[utoipa::path(post, path = "/v1/admin/images", tag = "products",
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"),
        (Vec<u8> = "image/webp"), (Vec<u8> = "image/svg+xml"))),
    responses((status = 201, body = StoredImage)))]
pub(super) async fn put_image(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Result<Created<StoredImage>, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let req = PutImage { content_type: content_type.to_owned(), bytes: bytes.to_vec() };
    let image = products.put_image(&ctx, req).await.map_err(problem)?;
    Ok(Created::at(image.url.clone(), image))
}

/// Begins an import, or goes on with the same file's unfinished one.
#[utoipa::path(post, path = "/v1/admin/imports", tag = "products", request_body = BeginImport,
    responses((status = 201, body = ImportStatus)))]
pub(super) async fn begin_import(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<BeginImport>,
) -> Result<Created<ImportStatus>, Problem> {
    let import = products.begin_import(&ctx, req).await.map_err(problem)?;
    Ok(Created::at(format!("/v1/admin/imports/{}", import.id), import))
}

/// How an import stands.
#[utoipa::path(get, path = "/v1/admin/imports/{id}", tag = "products",
    params(("id" = ImportId, Path)), responses((status = 200, body = ImportStatus)))]
pub(super) async fn get_import(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<ImportId>,
) -> Result<Json<ImportStatus>, Problem> {
    products.get_import(&ctx, GetImport { id }).await.map(Json).map_err(problem)
}

/// Applies a batch of an import; one that was applied is passed over.
#[utoipa::path(post, path = "/v1/admin/imports/{id}/batches", tag = "products",
    params(("id" = ImportId, Path)), request_body = BatchBody,
    responses((status = 200, body = ImportStatus)))]
pub(super) async fn apply_import(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<ImportId>,
    Json(BatchBody { offset, products: batch }): Json<BatchBody>,
) -> Result<Json<ImportStatus>, Problem> {
    let req = ImportBatch { id, offset, products: batch };
    products.apply_import(&ctx, req).await.map(Json).map_err(problem)
}

/// Which products of a file the catalogue would not take; changes nothing.
#[utoipa::path(post, path = "/v1/admin/imports/checks", tag = "products",
    request_body = CheckImport, responses((status = 200, body = Vec<ImportConflict>)))]
pub(super) async fn check_import(
    State(products): State<ProductClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<CheckImport>,
) -> Result<Json<Vec<ImportConflict>>, Problem> {
    products.check_import(&ctx, req).await.map(Json).map_err(problem)
}
