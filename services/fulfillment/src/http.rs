//! The routes of shipping: parse, call the trait, map. No rule of a parcel stands here.

use axum::extract::State;
use fulfillment_api::{
    Deliver, Error, ForOrder, FulfillClient, Fulfillment, Ship, Shipment, Track, Units,
};
use http_kit::{Access, Api, Created, Json, Path, Problem, ReqCtx, routes};
use kit::Timestamp;
use serde::Deserialize;
use types::{OrderId, ShipmentId, WarehouseId};
use utoipa::ToSchema;

/// The routes.
pub fn api(client: FulfillClient) -> Api {
    let routes = Api::new(client)
        .route(Access::User, routes!(of_mine))
        .route(Access::Permission("fulfillment:read"), routes!(of_any))
        .route(Access::Permission("fulfillment:ship"), routes!(ship))
        .route(Access::Permission("fulfillment:ship"), routes!(track))
        .route(Access::Permission("fulfillment:ship"), routes!(deliver));
    Api::new(()).merge(routes)
}

/// What leaves in a parcel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShipBody {
    /// What is in it; all that is left without.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<Units>>,
    /// From which warehouse; without, from those that have something left of it.
    #[serde(default)]
    warehouse_id: Option<WarehouseId>,
    /// The carrier's name.
    #[schema(min_length = 1, max_length = 64)]
    carrier: String,
    /// The carrier's number for it.
    #[schema(min_length = 1, max_length = 64)]
    tracking_number: String,
}

/// Where a parcel was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrackBody {
    /// Where; may be empty.
    #[serde(default)]
    #[schema(max_length = 200)]
    location: String,
    /// What happened.
    #[schema(min_length = 1, max_length = 500)]
    description: String,
    /// When; now without.
    #[serde(default)]
    at: Option<Timestamp>,
}

fn problem(e: Error) -> Problem {
    Problem::from_error(e)
}

/// How the shipping of one of one's own orders stands: what is to be shipped, parcels and where they are.
/// There is nothing before the order may be shipped.
#[utoipa::path(get, path = "/v1/store/orders/{id}/shipments", tag = "fulfillment",
    params(("id" = OrderId, Path)), responses((status = 200, body = Fulfillment)))]
async fn of_mine(
    State(fulfillment): State<FulfillClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Fulfillment>, Problem> {
    fulfillment.for_order(&ctx, ForOrder { order_id }).await.map(Json).map_err(problem)
}

/// How the shipping of an order stands.
#[utoipa::path(get, path = "/v1/admin/orders/{id}/fulfillment", tag = "fulfillment",
    params(("id" = OrderId, Path)), responses((status = 200, body = Fulfillment)))]
async fn of_any(
    State(fulfillment): State<FulfillClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Fulfillment>, Problem> {
    fulfillment.for_order(&ctx, ForOrder { order_id }).await.map(Json).map_err(problem)
}

/// Ships an order or a part of it as one parcel.
#[utoipa::path(post, path = "/v1/admin/orders/{id}/shipments", tag = "fulfillment",
    params(("id" = OrderId, Path)), request_body = ShipBody,
    responses((status = 201, body = Shipment)))]
async fn ship(
    State(fulfillment): State<FulfillClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
    Json(body): Json<ShipBody>,
) -> Result<Created<Shipment>, Problem> {
    let ShipBody { lines, warehouse_id, carrier, tracking_number } = body;
    let req = Ship { order_id, lines, warehouse_id, carrier, tracking_number };
    let shipment = fulfillment.ship(&ctx, req).await.map_err(problem)?;
    Ok(Created::at(format!("/v1/admin/orders/{order_id}/fulfillment"), shipment))
}

/// Adds to a parcel's tracking.
#[utoipa::path(post, path = "/v1/admin/shipments/{id}/tracking", tag = "fulfillment",
    params(("id" = ShipmentId, Path)), request_body = TrackBody,
    responses((status = 200, body = Shipment)))]
async fn track(
    State(fulfillment): State<FulfillClient>,
    ReqCtx(ctx): ReqCtx,
    Path(shipment_id): Path<ShipmentId>,
    Json(body): Json<TrackBody>,
) -> Result<Json<Shipment>, Problem> {
    let TrackBody { location, description, at } = body;
    let req = Track { shipment_id, location, description, at };
    fulfillment.track(&ctx, req).await.map(Json).map_err(problem)
}

/// A parcel has arrived. Repeating it changes nothing.
#[utoipa::path(post, path = "/v1/admin/shipments/{id}/actions/deliver", tag = "fulfillment",
    params(("id" = ShipmentId, Path)), responses((status = 200, body = Shipment)))]
async fn deliver(
    State(fulfillment): State<FulfillClient>,
    ReqCtx(ctx): ReqCtx,
    Path(shipment_id): Path<ShipmentId>,
) -> Result<Json<Shipment>, Problem> {
    fulfillment.deliver(&ctx, Deliver { shipment_id }).await.map(Json).map_err(problem)
}
