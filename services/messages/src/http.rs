//! The routes of messages: parse, call the trait, map.

use axum::extract::State;
use axum::http::StatusCode;
use http_kit::{Access, Api, Json, Listing, Paging, Path, Problem, Query, ReqCtx, routes};
use messages_api::{
    Discard, ListMessages, MessageDetail, MessageInfo, MessageRef, MessageState, MessagesClient,
    Retried, RetryAll, ServiceMessages, Summary,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The routes.
pub fn api(client: MessagesClient) -> Api<MessagesClient> {
    Api::new(client)
        .route(Access::Permission("messages:read"), routes!(summary))
        .route(Access::Permission("messages:read"), routes!(list))
        .route(Access::Permission("messages:read"), routes!(get))
        .route(Access::Permission("messages:write"), routes!(retry))
        .route(Access::Permission("messages:write"), routes!(retry_all))
        .route(Access::Permission("messages:write"), routes!(discard))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only what this service sent, such as `order`.
    #[param(max_length = 64)]
    service: Option<String>,
    /// `dead` without.
    state: Option<MessageState>,
    /// Only with this topic, such as `order.paid`.
    #[param(max_length = 128)]
    topic: Option<String>,
}

/// Why a message is dropped.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DiscardMessage {
    /// A sentence; kept with the message and in the log.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// How many messages there are, by the service that sent them.
#[utoipa::path(get, path = "/v1/admin/messages/summary", tag = "messages",
    responses((status = 200, body = Vec<ServiceMessages>)))]
async fn summary(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Vec<ServiceMessages>>, Problem> {
    Ok(Json(messages.summary(&ctx, Summary {}).await?))
}

/// Messages in one state, service by service and in each database by database, there the longest due
/// first.
#[utoipa::path(get, path = "/v1/admin/messages", tag = "messages", params(Paging, Which),
    responses((status = 200, body = Listing<MessageInfo>)))]
async fn list(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
    Paging { limit, cursor }: Paging,
    Query(which): Query<Which>,
) -> Result<Json<Listing<MessageInfo>>, Problem> {
    let Which { service, state, topic } = which;
    let state = state.unwrap_or(MessageState::Dead);
    let req = ListMessages { service, state, topic, cursor, limit };
    Ok(Json(messages.list(&ctx, req).await?.into()))
}

/// One message. What it says is shown to whoever may also change messages.
#[utoipa::path(get, path = "/v1/admin/messages/{service}/{id}", tag = "messages",
    params(("service" = String, Path), ("id" = String, Path, description = "`type:number:number`")),
    responses((status = 200, body = MessageDetail)))]
async fn get(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
    Path((service, id)): Path<(String, String)>,
) -> Result<Json<MessageDetail>, Problem> {
    Ok(Json(messages.get(&ctx, MessageRef { service, id }).await?))
}

/// Tries a dead message again.
#[utoipa::path(post, path = "/v1/admin/messages/{service}/{id}/retry", tag = "messages",
    params(("service" = String, Path), ("id" = String, Path, description = "`type:number:number`")),
    responses((status = 204, description = "It is tried again."),
        (status = 409, description = "It is not dead.")))]
async fn retry(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
    Path((service, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    messages.retry(&ctx, MessageRef { service, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries all dead messages again, or those of a service or topic.
#[utoipa::path(post, path = "/v1/admin/messages/retry", tag = "messages", request_body = RetryAll,
    responses((status = 200, body = Retried)))]
async fn retry_all(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<RetryAll>,
) -> Result<Json<Retried>, Problem> {
    Ok(Json(messages.retry_all(&ctx, req).await?))
}

/// Drops a dead or waiting message, a timer included: what it was to bring about will not happen.
#[utoipa::path(post, path = "/v1/admin/messages/{service}/{id}/discard", tag = "messages",
    params(("service" = String, Path), ("id" = String, Path, description = "`type:number:number`")),
    request_body = DiscardMessage,
    responses((status = 204, description = "It is dropped."),
        (status = 409, description = "It is done, or is being delivered right now.")))]
async fn discard(
    State(messages): State<MessagesClient>,
    ReqCtx(ctx): ReqCtx,
    Path((service, id)): Path<(String, String)>,
    Json(body): Json<DiscardMessage>,
) -> Result<StatusCode, Problem> {
    let message = MessageRef { service, id };
    messages.discard(&ctx, Discard { message, reason: body.reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}
