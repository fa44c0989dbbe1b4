//! The routes of finding: parse, call the trait, map. The parameters of products are read by hand, because
//! some of them may come several times.

use axum::extract::{RawQuery, State};
use http_kit::{Access, Api, Json, Paging, Problem, Query, ReqCtx, routes};
use kit::Timestamp;
use rpc::Ctx;
use search_api::{
    FacetChoice, FindOrders, FindProducts, FlowCount, FlowUsage, OrderFigures, OrderResults,
    OrderStats, ProductResults, ProductSort, ProductState, SearchClient,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use types::{BrandId, CategoryId, Locale, MemberId};
use utoipa::IntoParams;

use crate::service::{ORDERS, PRODUCTS};

/// The routes.
pub fn api(client: SearchClient) -> Api<SearchClient> {
    Api::new(client)
        .route(Access::Public, routes!(find_on_sale))
        .route(Access::Permission(PRODUCTS), routes!(find_any))
        .route(Access::Permission(ORDERS), routes!(find_orders))
        .route(Access::Permission(ORDERS), routes!(order_figures))
        .route(Access::Operator, routes!(flow_usage))
}

/// Which products are wanted.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProductQuery {
    /// Words that all have to be there, the last as a beginning; everything without.
    #[param(max_length = 200, required = false)]
    q: String,
    /// Only of this category and those under it.
    category_id: Option<CategoryId>,
    /// Only of this brand; repeat it for several.
    #[param(max_items = 20, required = false)]
    brand_id: Vec<BrandId>,
    /// Only with this value of an option or attribute, as `name:value`; repeat it for several. Values of
    /// one name are alternatives.
    #[param(max_items = 20, required = false, value_type = Vec<String>)]
    facet: Vec<FacetChoice>,
    /// The lowest price, in minor units.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    price_min: Option<i64>,
    /// The highest price, in minor units.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    price_max: Option<i64>,
    /// Only what can be ordered now.
    #[param(required = false)]
    in_stock: bool,
    /// Only what used to cost more.
    #[param(required = false)]
    reduced: bool,
    /// The order; the best match first without.
    #[param(inline, required = false)]
    sort: ProductSort,
    /// The language of labels.
    locale: Option<Locale>,
}

/// Where the products stand.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// Only with this status; all without.
    #[param(inline)]
    status: Option<ProductState>,
}

fn read<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, Problem> {
    let reader = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(value);
    T::deserialize(reader).map_err(|e| Problem::invalid(name, format!("{name}: {e}")))
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: &str,
) -> Result<T, Problem> {
    value.parse().map_err(|e| Problem::invalid(name, format!("{name}: {e}")))
}

fn choice(value: &str) -> Result<FacetChoice, Problem> {
    let (name, value) = value
        .split_once(':')
        .ok_or_else(|| Problem::invalid("facet", "facet: a name and a value, as name:value"))?;
    Ok(FacetChoice { name: name.to_owned(), value: value.to_owned() })
}

fn product_query(query: &str) -> Result<(ProductQuery, StatusQuery), Problem> {
    let (mut products, mut status) = (ProductQuery::default(), StatusQuery::default());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name {
            "q" => value.clone_into(&mut products.q),
            "category_id" => products.category_id = Some(parse(name, value)?),
            "brand_id" => products.brand_id.push(parse(name, value)?),
            "facet" => products.facet.push(choice(value)?),
            "price_min" => products.price_min = Some(parse(name, value)?),
            "price_max" => products.price_max = Some(parse(name, value)?),
            "in_stock" => products.in_stock = parse(name, value)?,
            "reduced" => products.reduced = parse(name, value)?,
            "sort" => products.sort = read(name, value)?,
            "locale" => products.locale = Some(parse(name, value)?),
            "status" => status.status = Some(read(name, value)?),
            _ => {}
        }
    }
    Ok((products, status))
}

async fn find(
    client: &SearchClient,
    ctx: &Ctx,
    query: ProductQuery,
    status: Option<ProductState>,
    paging: Paging,
) -> Result<Json<ProductResults>, Problem> {
    let req = FindProducts {
        text: query.q,
        category_id: query.category_id,
        brand_ids: query.brand_id,
        facets: query.facet,
        price_min: query.price_min,
        price_max: query.price_max,
        in_stock: query.in_stock,
        reduced: query.reduced,
        status,
        sort: query.sort,
        locale: query.locale,
        cursor: paging.cursor,
        limit: paging.limit,
    };
    Ok(Json(client.find_products(ctx, req).await?))
}

/// Finds products on sale, with what the result can be narrowed by.
#[utoipa::path(get, path = "/v1/store/search/products", tag = "search", params(ProductQuery, Paging),
    operation_id = "find_products", responses((status = 200, body = ProductResults)))]
async fn find_on_sale(
    State(client): State<SearchClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    RawQuery(query): RawQuery,
) -> Result<Json<ProductResults>, Problem> {
    let (query, _) = product_query(query.as_deref().unwrap_or_default())?;
    find(&client, &ctx, query, Some(ProductState::OnSale), paging).await
}

/// Finds products, whatever their status.
#[utoipa::path(get, path = "/v1/admin/search/products", tag = "search",
    params(ProductQuery, StatusQuery, Paging), operation_id = "admin_find_products",
    responses((status = 200, body = ProductResults)))]
async fn find_any(
    State(client): State<SearchClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    RawQuery(query): RawQuery,
) -> Result<Json<ProductResults>, Problem> {
    let (query, status) = product_query(query.as_deref().unwrap_or_default())?;
    find(&client, &ctx, query, status.status, paging).await
}

/// Which orders are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderQuery {
    /// An order's id, or words of its lines, codes and recipient; everything without.
    #[serde(default)]
    #[param(max_length = 200, required = false)]
    q: String,
    /// Only with this status.
    #[param(min_length = 1, max_length = 64)]
    status: Option<String>,
    /// Only of this member.
    member_id: Option<MemberId>,
    /// Only paid this way: `card` or `cash_on_delivery`.
    #[param(min_length = 1, max_length = 32)]
    payment_method: Option<String>,
    /// Only placed at this time or later.
    from: Option<Timestamp>,
    /// Only placed before this time.
    to: Option<Timestamp>,
}

/// Finds orders of all members, newest first.
#[utoipa::path(get, path = "/v1/admin/search/orders", tag = "search", params(OrderQuery, Paging),
    responses((status = 200, body = OrderResults)))]
async fn find_orders(
    State(client): State<SearchClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    Query(query): Query<OrderQuery>,
) -> Result<Json<OrderResults>, Problem> {
    let req = FindOrders {
        text: query.q,
        status: query.status,
        member_id: query.member_id,
        payment_method: query.payment_method,
        from: query.from,
        to: query.to,
        cursor: paging.cursor,
        limit: paging.limit,
    };
    Ok(Json(client.find_orders(&ctx, req).await?))
}

/// Some time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TimeQuery {
    /// From here.
    from: Timestamp,
    /// Up to here, without it; at most 31 days later.
    to: Timestamp,
}

/// Counts and sums of the orders that were placed in some time.
#[utoipa::path(get, path = "/v1/admin/reports/orders", tag = "search", params(TimeQuery),
    operation_id = "report_orders", responses((status = 200, body = OrderFigures)))]
async fn order_figures(
    State(client): State<SearchClient>,
    ReqCtx(ctx): ReqCtx,
    Query(TimeQuery { from, to }): Query<TimeQuery>,
) -> Result<Json<OrderFigures>, Problem> {
    Ok(Json(client.order_stats(&ctx, OrderStats { from, to }).await?))
}

/// How many running orders stand where, by version of their flow; needs `flows:read` or `orders:read`.
#[utoipa::path(get, path = "/v1/admin/reports/flows", tag = "search",
    operation_id = "report_flows", responses((status = 200, body = Vec<FlowCount>)))]
async fn flow_usage(
    State(client): State<SearchClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<FlowCount>>, Problem> {
    Ok(Json(client.flow_usage(&ctx, FlowUsage {}).await?))
}
