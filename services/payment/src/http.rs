//! The routes of payments: parse, call the trait, map. No rule of a payment stands here.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use http_kit::{Access, Api, Created, Json, Path, Problem, RawBody, Replayed, ReqCtx, routes};
use kit::Money;
use payment_api::{
    Callback, Card, CollectCash, Error, ForOrder, OrderPayments, Pay, PaymentClient, PaymentView,
    Refund, RefundView,
};
use serde::Deserialize;
use types::{OrderId, PaymentId};
use utoipa::ToSchema;

use crate::service::CALLBACK_BYTES_MAX;

/// The header with a provider's signature.
const SIGNATURE: &str = "stoa-signature";

/// The routes.
pub fn api(client: PaymentClient) -> Api {
    let routes = Api::new(client)
        .route(Access::User.idempotent(), routes!(pay))
        .route(Access::User, routes!(list_of_mine))
        .route(Access::Permission("payments:read"), routes!(list_of_any))
        .route(Access::Permission("payments:refund").idempotent(), routes!(refund))
        .route(Access::Permission("payments:collect").idempotent(), routes!(collect_cash))
        .route(Access::Public.body_max(CALLBACK_BYTES_MAX), routes!(callback));
    Api::new(()).merge(routes)
}

/// How to pay an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PayBody {
    /// The card.
    card: Card,
}

/// How much to give back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    /// At most what is left of the payment.
    amount: Money,
    /// Why; the shopper may see it.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// How much cash was handed over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CashBody {
    /// Must be the order's total.
    amount: Money,
}

fn problem(e: Error) -> Problem {
    Problem::from_error(e)
}

/// Pays one of one's own orders by card. A declined card is an answer with the state `declined`; `pending`
/// means that the outcome comes later. Repeating the request tells how the same attempt stands now.
#[utoipa::path(post, path = "/v1/store/orders/{id}/payments", tag = "payments",
    params(("id" = OrderId, Path)), request_body = PayBody,
    responses((status = 201, body = PaymentView)))]
async fn pay(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
    Json(body): Json<PayBody>,
) -> Result<(Replayed, Created<PaymentView>), Problem> {
    let payment = payments.pay(&ctx, Pay { order_id, card: body.card }).await.map_err(problem)?;
    let location = format!("/v1/store/orders/{order_id}/payments");
    Ok((Replayed(ctx.session.is_replayed()), Created::at(location, payment)))
}

/// Payments and refunds of one of one's own orders.
#[utoipa::path(get, path = "/v1/store/orders/{id}/payments", tag = "payments",
    params(("id" = OrderId, Path)), responses((status = 200, body = OrderPayments)))]
async fn list_of_mine(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<OrderPayments>, Problem> {
    payments.for_order(&ctx, ForOrder { order_id }).await.map(Json).map_err(problem)
}

/// Payments and refunds of an order.
#[utoipa::path(get, path = "/v1/admin/orders/{id}/payments", tag = "payments",
    params(("id" = OrderId, Path)), responses((status = 200, body = OrderPayments)))]
async fn list_of_any(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
) -> Result<Json<OrderPayments>, Problem> {
    payments.for_order(&ctx, ForOrder { order_id }).await.map(Json).map_err(problem)
}

/// Gives back a payment or a part of it. `done` is false while the provider has not confirmed it.
#[utoipa::path(post, path = "/v1/admin/payments/{id}/refunds", tag = "payments",
    params(("id" = PaymentId, Path)), request_body = RefundBody,
    responses((status = 201, body = RefundView)))]
async fn refund(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(payment_id): Path<PaymentId>,
    Json(body): Json<RefundBody>,
) -> Result<(Replayed, Created<RefundView>), Problem> {
    let req = Refund { payment_id, amount: body.amount, reason: body.reason };
    let refund = payments.refund(&ctx, req).await.map_err(problem)?;
    let location = format!("/v1/admin/orders/{}/payments", refund.order_id);
    Ok((Replayed(ctx.session.is_replayed()), Created::at(location, refund)))
}

/// Books the cash that was handed over for an order.
#[utoipa::path(post, path = "/v1/admin/orders/{id}/cash-collections", tag = "payments",
    params(("id" = OrderId, Path)), request_body = CashBody,
    responses((status = 201, body = PaymentView)))]
async fn collect_cash(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(order_id): Path<OrderId>,
    Json(body): Json<CashBody>,
) -> Result<(Replayed, Created<PaymentView>), Problem> {
    let req = CollectCash { order_id, amount: body.amount };
    let payment = payments.collect_cash(&ctx, req).await.map_err(problem)?;
    let location = format!("/v1/admin/orders/{order_id}/payments");
    Ok((Replayed(ctx.session.is_replayed()), Created::at(location, payment)))
}

/// For providers: what became of a charge. The header `Stoa-Signature` is
/// `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`; the same callback may come any number of times.
#[utoipa::path(post, path = "/v1/hooks/payments/{provider}", tag = "payments",
    params(("provider" = String, Path),
        ("Stoa-Signature" = Option<String>, Header, description = "Who wrote the body, and when.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 204, description = "Taken."), (status = 401, description = "Not signed.")))]
async fn callback(
    State(payments): State<PaymentClient>,
    ReqCtx(ctx): ReqCtx,
    Path(provider): Path<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let signature = headers.get(SIGNATURE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // What is not UTF-8 was not signed by anybody we know; the service says so.
    let body = String::from_utf8_lossy(&body).into_owned();
    let req = Callback { provider, signature: signature.to_owned(), body };
    payments.callback(&ctx, req).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
