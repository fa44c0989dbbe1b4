//! Routes of the catalogue and its pictures: parse, call, map. They decide nothing.

mod admin;
mod store;

use http_kit::{Access, Api, Problem, routes};
use kit::ErrorCode;
use product_api::{Error, ProductClient};
use serde::Deserialize;
use types::{BrandId, CategoryId};
use utoipa::IntoParams;

use crate::model::IMAGE_BYTES_MAX;
use crate::service::{READ, WRITE};

/// The largest body with products, in bytes: one product may be as large as all its limits together.
const PRODUCT_BYTES_MAX: usize = 3 << 20;

/// All routes.
pub fn api(client: ProductClient) -> Api<ProductClient> {
    let (read, write) = (Access::Permission(READ), Access::Permission(WRITE));
    Api::new(client)
        .route(Access::Public, routes!(store::list_products))
        .route(Access::Public, routes!(store::get_product))
        .route(Access::Public, routes!(store::list_categories))
        .route(Access::Public, routes!(store::list_brands))
        .route(Access::Public, routes!(store::get_media))
        .route(read, routes!(admin::list_products))
        .route(write.body_max(PRODUCT_BYTES_MAX), routes!(admin::create_product))
        .route(read, routes!(admin::get_product))
        .route(write.body_max(PRODUCT_BYTES_MAX), routes!(admin::update_product))
        .route(write, routes!(admin::act_on_product))
        .route(read, routes!(admin::list_categories))
        .route(write, routes!(admin::create_category))
        .route(read, routes!(admin::list_brands))
        .route(write, routes!(admin::create_brand))
        .route(read, routes!(admin::list_channels))
        .route(write, routes!(admin::create_channel))
        .route(write.body_max(IMAGE_BYTES_MAX), routes!(admin::put_image))
        .route(write, routes!(admin::begin_import))
        .route(read, routes!(admin::get_import))
        .route(write.body_max(PRODUCT_BYTES_MAX), routes!(admin::apply_import))
        .route(write.body_max(PRODUCT_BYTES_MAX), routes!(admin::check_import))
}

fn problem(e: Error) -> Problem {
    Problem::from_error(e)
}

fn not_found(what: &str) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("{what} does not exist"))
}

/// Which products a list of the store has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StoreFilter {
    /// Only of this category and those under it.
    category_id: Option<CategoryId>,
    /// Only of this brand.
    brand_id: Option<BrandId>,
    /// Prices in this channel; `web` without.
    #[param(max_length = 32, pattern = "^[a-z0-9-]+$")]
    channel: Option<String>,
}

/// In which channel prices are shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InChannel {
    /// Prices in this channel; `web` without.
    #[param(max_length = 32, pattern = "^[a-z0-9-]+$")]
    channel: Option<String>,
}
