//! The routes of stock: parse, call the trait, map.

use axum::extract::State;
use http_kit::{
    Access, Api, Created, Json, Listing, Paging, Path, Problem, Query, Replayed, ReqCtx, routes,
};
use inventory_api::{
    Adjust, GetStock, InventoryClient, Ledger, LedgerEntry, ListStock, ListWarehouses,
    NewWarehouse, SkuStock, Warehouse,
};
use serde::{Deserialize, Serialize};
use types::{SkuId, WarehouseId};
use utoipa::{IntoParams, ToSchema};

/// The longest list of ids in a query: 200 ids of 19 digits and their commas.
const IDS_CHARS_MAX: usize = 4_000;

/// The routes.
pub fn api(client: InventoryClient) -> Api {
    let routes = Api::new(client)
        .route(Access::Public, routes!(store_stock))
        .route(Access::Permission("stock:read"), routes!(list_warehouses))
        .route(Access::Permission("stock:write"), routes!(add_warehouse))
        .route(Access::Permission("stock:read"), routes!(stock))
        .route(Access::Permission("stock:write").idempotent(), routes!(adjust))
        .route(Access::Permission("stock:read"), routes!(ledger));
    Api::new(()).merge(routes)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Skus {
    /// 1 to 200 ids with commas between them.
    #[param(min_length = 1, max_length = 4000, pattern = "^[0-9]+(,[0-9]+)*$")]
    sku_ids: String,
}

/// Which skus staff want to see.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StockQuery {
    /// 1 to 200 ids with commas between them: exactly these, in this order, on one page.
    #[param(min_length = 1, max_length = 4000, pattern = "^[0-9]+(,[0-9]+)*$", required = false)]
    sku_ids: Option<String>,
    /// Only skus that were stocked in this warehouse; `below` then counts what is there.
    #[param(required = false)]
    warehouse_id: Option<WarehouseId>,
    /// Only skus of which fewer units than this are available.
    #[param(minimum = 1, maximum = 1_000_000_000, required = false)]
    below: Option<i64>,
}

fn ids(text: &str) -> Result<Vec<SkuId>, Problem> {
    if text.len() > IDS_CHARS_MAX {
        return Err(Problem::invalid("sku_ids", "at most 200 ids"));
    }
    let wrong = || Problem::invalid("sku_ids", "ids with commas between them");
    text.split(',').map(|id| id.parse().map_err(|_| wrong())).collect()
}

/// Whether a sku can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct Availability {
    /// The sku.
    sku_id: SkuId,
    /// Whether there is any.
    in_stock: bool,
    /// How many there are, told up to 99.
    #[schema(minimum = 0, maximum = 99)]
    available: i64,
}

impl From<SkuStock> for Availability {
    fn from(stock: SkuStock) -> Self {
        // Staff who ask here are told what shoppers are told.
        let available = stock.available.min(inventory_api::SHOWN_MAX);
        Self { sku_id: stock.sku_id, in_stock: available > 0, available }
    }
}

/// Whether some skus can be had. One that does not exist cannot.
#[utoipa::path(get, path = "/v1/store/stock", tag = "inventory", params(Skus),
    responses((status = 200, body = Vec<Availability>)))]
async fn store_stock(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
    Query(skus): Query<Skus>,
) -> Result<Json<Vec<Availability>>, Problem> {
    let stock = client.get_stock(&ctx, GetStock { sku_ids: ids(&skus.sku_ids)? }).await?;
    Ok(Json(stock.into_iter().map(Availability::from).collect()))
}

/// All warehouses, the one that ships first at the beginning.
#[utoipa::path(get, path = "/v1/admin/warehouses", tag = "inventory",
    responses((status = 200, body = Vec<Warehouse>)))]
async fn list_warehouses(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<Warehouse>>, Problem> {
    Ok(Json(client.list_warehouses(&ctx, ListWarehouses {}).await?))
}

/// Adds a warehouse.
#[utoipa::path(post, path = "/v1/admin/warehouses", tag = "inventory", request_body = NewWarehouse,
    responses((status = 201, body = Warehouse), (status = 409, description = "The code is taken.")))]
async fn add_warehouse(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewWarehouse>,
) -> Result<Created<Warehouse>, Problem> {
    let warehouse = client.add_warehouse(&ctx, req).await?;
    Ok(Created::at("/v1/admin/warehouses", warehouse))
}

/// Stock, warehouse by warehouse: of all skus by id, of those that run low, or of some that are named;
/// of these, one that does not exist has none.
#[utoipa::path(get, path = "/v1/admin/stock", tag = "inventory", params(StockQuery, Paging),
    responses((status = 200, body = Listing<SkuStock>)))]
async fn stock(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
    Query(StockQuery { sku_ids, warehouse_id, below }): Query<StockQuery>,
    Paging { limit, cursor }: Paging,
) -> Result<Json<Listing<SkuStock>>, Problem> {
    let Some(named) = sku_ids else {
        let req = ListStock { warehouse_id, below, cursor, limit };
        return Ok(Json(client.list_stock(&ctx, req).await?.into()));
    };
    if warehouse_id.is_some() || below.is_some() || cursor.is_some() {
        let text = "either name skus or filter them by warehouse_id and below";
        return Err(Problem::invalid("sku_ids", text));
    }
    let items = client.get_stock(&ctx, GetStock { sku_ids: ids(&named)? }).await?;
    Ok(Json(Listing { items, next_cursor: None }))
}

/// Adds units to a warehouse or takes some away, never below zero.
#[utoipa::path(post, path = "/v1/admin/stock/adjustments", tag = "inventory", request_body = Adjust,
    responses((status = 200, body = SkuStock, description = "The stock of the sku since."),
        (status = 409, description = "Fewer are available.")))]
async fn adjust(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<Adjust>,
) -> Result<(Replayed, Json<SkuStock>), Problem> {
    let stock = client.adjust(&ctx, req).await?;
    Ok((Replayed(ctx.session.is_replayed()), Json(stock)))
}

/// Every change of a sku's stock, newest first.
#[utoipa::path(get, path = "/v1/admin/stock/{sku_id}/ledger", tag = "inventory",
    params(("sku_id" = SkuId, Path), Paging), responses((status = 200, body = Listing<LedgerEntry>)))]
async fn ledger(
    State(client): State<InventoryClient>,
    ReqCtx(ctx): ReqCtx,
    Path(sku_id): Path<SkuId>,
    Paging { limit, cursor }: Paging,
) -> Result<Json<Listing<LedgerEntry>>, Problem> {
    Ok(Json(client.ledger(&ctx, Ledger { sku_id, cursor, limit }).await?.into()))
}
