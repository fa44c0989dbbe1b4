//! The service that the tests call, and how they call it.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use http_kit::{
    Access, Api, Created, ETag, IfMatch, Json, Listing, Paging, Path, Problem, ProblemBody, Query,
    Replayed, ReqCtx, RouteRule, edge, problem, routes,
};
use kit::ErrorCode;
use rpc::{Actor, Ctx, Fault, TraceId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tower::ServiceExt as _;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Thing {
    pub name: String,
    pub amount: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
pub struct Filter {
    pub min: u32,
}

type Name = &'static str;

#[utoipa::path(get, path = "/v1/store/things", params(Paging), responses((status = 200, body = Listing<String>)))]
async fn list(State(name): State<Name>, paging: Paging) -> Result<Json<Listing<String>>, Problem> {
    let from: i64 = paging.key()?.unwrap_or(0);
    let items = vec![name.to_owned(); paging.limit.as_usize()];
    Ok(Json(Listing { items, next_cursor: Some(from.to_string()) }))
}

#[utoipa::path(post, path = "/v1/store/things", responses((status = 201, body = Thing), (status = 409)))]
async fn create(ReqCtx(ctx): ReqCtx, Json(thing): Json<Thing>) -> Response {
    let key = ctx.idempotency.unwrap();
    let header = format!("{}|{}|{}", key.key, key.route, key.body_hash);
    (Replayed(thing.amount == 2), [("seen", header)], Created::at("/v1/store/things/1", thing))
        .into_response()
}

#[utoipa::path(put, path = "/v1/admin/things/{id}", params(("id" = i64, Path)), responses((status = 200, body = Thing)))]
async fn change(
    Path(id): Path<i64>,
    seen: IfMatch,
    Json(thing): Json<Thing>,
) -> Result<(ETag, Json<Thing>), Problem> {
    seen.check(5)?;
    Ok((ETag(id), Json(thing)))
}

#[utoipa::path(get, path = "/v1/store/search", params(Filter), responses((status = 200, body = String)))]
async fn search(Query(filter): Query<Filter>) -> String {
    filter.min.to_string()
}

async fn fails(how: String) -> Result<String, Fault> {
    match how.as_str() {
        "panic" => panic!("hunter2 on purpose"),
        "hang" => std::future::pending().await,
        "bug" => Err(Fault::bug("hunter2 in a cause")),
        "busy" => Err(Fault::new(ErrorCode::Unavailable, "later")),
        _ => Err(Fault::not_found("the thing")),
    }
}

#[utoipa::path(get, path = "/v1/store/faulty/{how}", params(("how" = String, Path)), responses((status = 200, body = String)))]
async fn faulty(Path(how): Path<String>) -> Result<String, Problem> {
    Ok(fails(how).await?)
}

#[utoipa::path(get, path = "/v1/admin/me", responses((status = 200, body = String)))]
async fn me() -> &'static str {
    "operator"
}

pub fn api() -> Api<Name> {
    Api::new("rose")
        .route(Access::Public, routes!(list))
        .route(RouteRule::new(Access::User).idempotent().body_max(200), routes!(create))
        .route(Access::Permission("things:write"), routes!(change))
        .merge(
            Api::new(())
                .route(Access::Public, routes!(search))
                .route(Access::Public, routes!(faulty))
                .route(Access::Operator, routes!(me)),
        )
}

pub fn user() -> Actor {
    Actor::user(5)
}

pub fn operator(permission: &str) -> Actor {
    Actor::operator(9, vec![permission.to_owned()])
}

pub fn router(actor: Actor) -> Router {
    let trace = TraceId::from_random(1, 1);
    let mut ctx = Ctx::system("flora".parse().unwrap(), "test", Duration::from_secs(5), trace);
    ctx.actor = actor;
    ctx.request_id = "r-1".to_owned();
    edge::serve_as(api().finish().0.fallback(problem::not_found), ctx)
}

/// An answer, taken apart.
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    /// The problem document, after the promises that every one keeps were checked.
    pub fn problem(&self) -> ProblemBody {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.body);
        let body: ProblemBody = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body.status, self.status.as_u16());
        assert_eq!(body.request_id.as_deref(), Some("r-1"));
        assert_eq!(body.kind, format!("https://stoa.dev/problems/{}", body.code));
        assert!(!body.title.is_empty() && !body.detail.is_empty());
        assert!(!self.body.contains("hunter2"), "{}", self.body);
        body
    }

    /// Where the first mistake is.
    pub fn pointer(&self) -> String {
        self.problem().errors[0].pointer.clone()
    }
}

pub async fn ask(actor: Actor, request: Request<Body>) -> Answer {
    let response = router(actor).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

pub fn create_with(key: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::post("/v1/store/things").header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

pub fn change_with(if_match: Option<&str>, id: &str) -> Request<Body> {
    let mut request =
        Request::put(format!("/v1/admin/things/{id}")).header("content-type", "application/json");
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.body(Body::from(r#"{"name":"x","amount":1}"#)).unwrap()
}
