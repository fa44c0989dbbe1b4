//! The routes of orders: parse, call the trait, map. No rule of an order stands here.

use axum::extract::State;
use http_kit::{
    Access, Api, Created, ETag, IfMatch, Json, Listing, Paging, Path, Problem, Query, RawBody,
    Replayed, ReqCtx, routes,
};
use order_api::{
    Act, CellCount, Cells, Error, FlowDocument, FlowInfo, Get, GetFlow, HistoryEntry, List,
    ListFlows, OrderClient, OrderSummary, OrderView, Place, PublishFlow, Quote, QuoteLines,
};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use types::{MemberId, OrderId};
use utoipa::{IntoParams, ToSchema};

/// A flow document's body may be so large.
const FLOW_BYTES_MAX: usize = 64 * 1024;

/// The routes.
pub fn api(client: OrderClient) -> Api<OrderClient> {
    Api::new(client)
        .route(Access::Public, routes!(quote))
        .route(Access::User.idempotent(), routes!(place))
        .route(Access::User, routes!(list_mine))
        .route(Access::User, routes!(get_mine))
        .route(Access::User, routes!(history_of_mine))
        .route(Access::User, routes!(act_on_mine))
        .route(Access::Permission("orders:read"), routes!(list_of_member))
        .route(Access::Permission("orders:read"), routes!(get_any))
        .route(Access::Permission("orders:read"), routes!(history_of_any))
        .route(Access::Operator, routes!(act_on_any))
        .route(Access::Permission("orders:read"), routes!(cells))
        .route(Access::Permission("flows:read"), routes!(list_flows))
        .route(Access::Permission("flows:read"), routes!(get_flow))
        .route(Access::Permission("flows:publish").body_max(FLOW_BYTES_MAX), routes!(publish_flow))
}

/// What moving an order may say.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActBody {
    /// A word about it.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatusFilter {
    /// Only orders that stand here.
    #[param(max_length = 64)]
    status: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MemberFilter {
    /// Whose orders. Without it the list cannot be routed to a cell.
    member_id: MemberId,
    /// Only orders that stand here.
    #[param(max_length = 64)]
    status: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionFilter {
    /// The active version without.
    version: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DryRun {
    /// Only check the document.
    #[serde(default)]
    dry_run: bool,
}

fn problem(e: Error) -> Problem {
    Problem::from_error(e)
}

/// What some lines cost now, with shipping.
#[utoipa::path(post, path = "/v1/store/quotes", tag = "orders", request_body = QuoteLines,
    responses((status = 200, body = Quote)))]
async fn quote(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<QuoteLines>,
) -> Result<Json<Quote>, Problem> {
    orders.quote(&ctx, req).await.map(Json).map_err(problem)
}

/// Places the order of a checkout. The same checkout gives the same order, from whatever tab.
#[utoipa::path(post, path = "/v1/store/orders", tag = "orders", request_body = Place,
    responses((status = 201, body = OrderView)))]
async fn place(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<Place>,
) -> Result<(Replayed, ETag, Created<OrderView>), Problem> {
    let order = orders.place(&ctx, req).await.map_err(problem)?;
    let location = format!("/v1/store/orders/{}", order.id);
    Ok((Replayed(ctx.session.is_replayed()), ETag(order.version), Created::at(location, order)))
}

/// One's own orders, newest first.
#[utoipa::path(get, path = "/v1/store/orders", tag = "orders", params(Paging, StatusFilter),
    responses((status = 200, body = Listing<OrderSummary>)))]
async fn list_mine(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    Query(filter): Query<StatusFilter>,
) -> Result<Json<Listing<OrderSummary>>, Problem> {
    list(&orders, &ctx, None, filter.status, paging).await
}

/// One of one's own orders.
#[utoipa::path(get, path = "/v1/store/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path)), responses((status = 200, body = OrderView)))]
async fn get_mine(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<(ETag, Json<OrderView>), Problem> {
    let order = orders.get(&ctx, Get { order_id }).await.map_err(problem)?;
    Ok((ETag(order.version), Json(order)))
}

/// How one of one's own orders came to stand where it does.
#[utoipa::path(get, path = "/v1/store/orders/{id}/history", tag = "orders",
    params(("id" = OrderId, Path)), responses((status = 200, body = Vec<HistoryEntry>)))]
async fn history_of_mine(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    orders.history(&ctx, Get { order_id }).await.map(Json).map_err(problem)
}

/// Moves one of one's own orders, by one of its `available_actions`.
#[utoipa::path(post, path = "/v1/store/orders/{id}/actions/{operation}", tag = "orders",
    params(("id" = OrderId, Path), ("operation" = String, Path)), request_body = ActBody,
    responses((status = 200, body = OrderView)))]
async fn act_on_mine(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(path): Path<(OrderId, String)>,
    seen: Option<IfMatch>,
    Json(body): Json<ActBody>,
) -> Result<(ETag, Json<OrderView>), Problem> {
    act(&orders, &ctx, path, seen, body).await
}

/// A member's orders, newest first.
#[utoipa::path(get, path = "/v1/admin/orders", tag = "orders", params(Paging, MemberFilter),
    responses((status = 200, body = Listing<OrderSummary>)))]
async fn list_of_member(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    paging: Paging,
    Query(filter): Query<MemberFilter>,
) -> Result<Json<Listing<OrderSummary>>, Problem> {
    list(&orders, &ctx, Some(filter.member_id), filter.status, paging).await
}

/// One order.
#[utoipa::path(get, path = "/v1/admin/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path)), responses((status = 200, body = OrderView)))]
async fn get_any(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<(ETag, Json<OrderView>), Problem> {
    let order = orders.get(&ctx, Get { order_id }).await.map_err(problem)?;
    Ok((ETag(order.version), Json(order)))
}

/// How an order came to stand where it does.
#[utoipa::path(get, path = "/v1/admin/orders/{id}/history", tag = "orders",
    params(("id" = OrderId, Path)), responses((status = 200, body = Vec<HistoryEntry>)))]
async fn history_of_any(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    orders.history(&ctx, Get { order_id }).await.map(Json).map_err(problem)
}

/// Moves an order, by one of its `available_actions`.
#[utoipa::path(post, path = "/v1/admin/orders/{id}/actions/{operation}", tag = "orders",
    params(("id" = OrderId, Path), ("operation" = String, Path)), request_body = ActBody,
    responses((status = 200, body = OrderView)))]
async fn act_on_any(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(path): Path<(OrderId, String)>,
    seen: Option<IfMatch>,
    Json(body): Json<ActBody>,
) -> Result<(ETag, Json<OrderView>), Problem> {
    act(&orders, &ctx, path, seen, body).await
}

/// Where the tenant's orders lie.
#[utoipa::path(get, path = "/v1/admin/cells", tag = "orders",
    responses((status = 200, body = Vec<CellCount>)))]
async fn cells(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<CellCount>>, Problem> {
    orders.cells(&ctx, Cells {}).await.map(Json).map_err(problem)
}

/// The published flows.
#[utoipa::path(get, path = "/v1/admin/flows", tag = "flows",
    responses((status = 200, body = Vec<FlowInfo>)))]
async fn list_flows(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<FlowInfo>>, Problem> {
    orders.list_flows(&ctx, ListFlows {}).await.map(Json).map_err(problem)
}

/// One published flow with its document.
#[utoipa::path(get, path = "/v1/admin/flows/{code}", tag = "flows",
    params(("code" = String, Path), VersionFilter),
    responses((status = 200, body = FlowDocument)))]
async fn get_flow(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Path(code): Path<String>,
    Query(filter): Query<VersionFilter>,
) -> Result<Json<FlowDocument>, Problem> {
    let req = GetFlow { code, version: filter.version };
    orders.get_flow(&ctx, req).await.map(Json).map_err(problem)
}

/// Publishes a flow document: new orders take it, running ones keep theirs.
#[utoipa::path(post, path = "/v1/admin/flows", tag = "flows", params(DryRun),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 201, body = FlowInfo)))]
async fn publish_flow(
    State(orders): State<OrderClient>,
    ReqCtx(ctx): ReqCtx,
    Query(DryRun { dry_run }): Query<DryRun>,
    RawBody(body): RawBody,
) -> Result<Created<FlowInfo>, Problem> {
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::from(Fault::invalid("", "the document is not UTF-8")))?;
    let req = PublishFlow { document: text.to_owned(), dry_run };
    let flow = orders.publish_flow(&ctx, req).await.map_err(problem)?;
    let location = format!("/v1/admin/flows/{}?version={}", flow.code, flow.version);
    Ok(Created::at(location, flow))
}

async fn list(
    orders: &OrderClient,
    ctx: &Ctx,
    member_id: Option<MemberId>,
    status: Option<String>,
    paging: Paging,
) -> Result<Json<Listing<OrderSummary>>, Problem> {
    let req = List { member_id, status, cursor: paging.cursor, limit: paging.limit };
    orders.list(ctx, req).await.map(|page| Json(page.into())).map_err(problem)
}

async fn act(
    orders: &OrderClient,
    ctx: &Ctx,
    (order_id, operation): (OrderId, String),
    seen: Option<IfMatch>,
    body: ActBody,
) -> Result<(ETag, Json<OrderView>), Problem> {
    let expected_version = seen.and_then(IfMatch::version);
    // A client may choose its request id: by itself it must not be the name of a step of our own, nor of
    // another step of the same client.
    let request_id = format!("http-{}-{operation}-{}", ctx.actor.principal(), ctx.request_id);
    let req = Act { order_id, operation, expected_version, request_id, note: body.note };
    let order = orders.act(ctx, req).await.map_err(problem)?;
    Ok((ETag(order.version), Json(order)))
}
