//! The routes of members: parse, call the trait, map. A token is read here and nowhere else.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use http_kit::{Access, Api, Created, Json, Listing, Paging, Path, Problem, Query, ReqCtx, routes};
use kit::{ErrorCode, SharedClock};
use member_api::{
    AddressRef, ChangePassword, Error, Get, List, ListAddresses, Login, Me, MemberClient,
    MemberInfo, PutAddress, Register, SavedAddress, Session, SignOutEverywhere, Token,
    UpdateProfile,
};
use serde::{Deserialize, Serialize};
use types::{Address, AddressId, MemberId};
use utoipa::{IntoParams, ToSchema};

/// What the handlers share.
#[derive(Clone)]
struct Members {
    client: MemberClient,
    clock: SharedClock,
}

impl Members {
    /// An error with the time to wait, when it has one.
    fn problem(&self, e: Error) -> Problem {
        let Error::Locked { until } = e else { return e.into() };
        // Whole seconds, rounded up: who comes back then is let in.
        let wait = until.since(self.clock.now()).as_secs().saturating_add(1);
        let seconds = u32::try_from(wait).unwrap_or(u32::MAX);
        Problem::from(Error::Locked { until }).with_retry_after(seconds)
    }
}

/// The routes.
pub fn api(client: MemberClient, clock: SharedClock) -> Api {
    let routes = Api::new(Members { client, clock })
        .route(Access::Public, routes!(register))
        .route(Access::Public, routes!(sign_in))
        .route(Access::User, routes!(sign_out))
        .route(Access::User, routes!(me))
        .route(Access::User, routes!(change_me))
        .route(Access::User, routes!(change_password))
        .route(Access::User, routes!(sign_out_everywhere))
        .route(Access::User, routes!(list_addresses))
        .route(Access::User, routes!(add_address))
        .route(Access::User, routes!(replace_address))
        .route(Access::User, routes!(delete_address))
        .route(Access::Permission("members:read"), routes!(list))
        .route(Access::Permission("members:read"), routes!(show));
    Api::new(()).merge(routes)
}

/// An address for the book.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressEntry {
    /// Whether it is offered first from now on. The first address of a book always is; it stays so until
    /// another one is.
    #[serde(default)]
    is_default: bool,
    /// The address.
    address: Address,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only the member with exactly this login, case ignored.
    #[param(max_length = 254, required = false)]
    login: Option<String>,
}

/// Registers, and signs in.
#[utoipa::path(post, path = "/v1/store/members", tag = "member",
    request_body = Register,
    responses((status = 201, body = Session),
        (status = 409, description = "Somebody is registered with this login.")))]
async fn register(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<Register>,
) -> Result<Created<Session>, Problem> {
    Ok(Created::at("/v1/store/me", members.client.register(&ctx, req).await?))
}

/// Signs in.
#[utoipa::path(post, path = "/v1/store/sessions", tag = "member",
    request_body = Login,
    responses((status = 201, body = Session), (status = 401, description = "Login or password is wrong."),
        (status = 429, description = "Too many failures; `Retry-After` says how long to wait.")))]
async fn sign_in(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<Login>,
) -> Result<Created<Session>, Problem> {
    let session = members.client.login(&ctx, req).await.map_err(|e| members.problem(e))?;
    Ok(Created::at("/v1/store/sessions/current", session))
}

/// Signs out: ends the session whose token this request carries.
#[utoipa::path(delete, path = "/v1/store/sessions/current", tag = "member",
    responses((status = 204, description = "The session is over.")))]
async fn sign_out(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let token = headers.get(AUTHORIZATION).and_then(|v| auth::token::bearer(v.to_str().ok()?));
    let none = || Problem::new(ErrorCode::Unauthenticated, "send the session's token");
    members.client.logout(&ctx, Token { token: token.ok_or_else(none)? }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who signed in.
#[utoipa::path(get, path = "/v1/store/me", tag = "member",
    responses((status = 200, body = MemberInfo)))]
async fn me(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<MemberInfo>, Problem> {
    Ok(Json(members.client.me(&ctx, Me {}).await?))
}

/// Changes one's own name or language.
#[utoipa::path(patch, path = "/v1/store/me", tag = "member",
    request_body = UpdateProfile,
    responses((status = 200, body = MemberInfo)))]
async fn change_me(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<UpdateProfile>,
) -> Result<Json<MemberInfo>, Problem> {
    Ok(Json(members.client.update_profile(&ctx, req).await?))
}

/// Changes one's own password, and ends all one's sessions: the answer is a new one.
#[utoipa::path(put, path = "/v1/store/me/password", tag = "member",
    request_body = ChangePassword,
    responses((status = 200, body = Session),
        (status = 429, description = "Too many failures; `Retry-After` says how long to wait.")))]
async fn change_password(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<ChangePassword>,
) -> Result<Json<Session>, Problem> {
    let changed = members.client.change_password(&ctx, req).await;
    Ok(Json(changed.map_err(|e| members.problem(e))?))
}

/// Signs out everywhere: ends all one's sessions, the one of this request too.
#[utoipa::path(delete, path = "/v1/store/sessions", tag = "member",
    responses((status = 204, description = "All sessions are over.")))]
async fn sign_out_everywhere(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
) -> Result<StatusCode, Problem> {
    members.client.sign_out_everywhere(&ctx, SignOutEverywhere {}).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's own address book: at most 50 addresses, the default first.
#[utoipa::path(get, path = "/v1/store/addresses", tag = "member",
    responses((status = 200, body = Listing<SavedAddress>)))]
async fn list_addresses(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Listing<SavedAddress>>, Problem> {
    let items = members.client.list_addresses(&ctx, ListAddresses {}).await?;
    Ok(Json(Listing { items, next_cursor: None }))
}

/// Adds an address to one's own book.
#[utoipa::path(post, path = "/v1/store/addresses", tag = "member",
    request_body = AddressEntry,
    responses((status = 201, body = SavedAddress), (status = 409, description = "The book is full.")))]
async fn add_address(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Json(entry): Json<AddressEntry>,
) -> Result<Created<SavedAddress>, Problem> {
    let AddressEntry { is_default, address } = entry;
    let saved =
        members.client.put_address(&ctx, PutAddress { id: None, is_default, address }).await?;
    Ok(Created::at(format!("/v1/store/addresses/{}", saved.id), saved))
}

/// Replaces an address of one's own book.
#[utoipa::path(put, path = "/v1/store/addresses/{id}", tag = "member",
    params(("id" = AddressId, Path, description = "Which one.")),
    request_body = AddressEntry,
    responses((status = 200, body = SavedAddress)))]
async fn replace_address(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<AddressId>,
    Json(entry): Json<AddressEntry>,
) -> Result<Json<SavedAddress>, Problem> {
    let AddressEntry { is_default, address } = entry;
    let put = PutAddress { id: Some(id), is_default, address };
    Ok(Json(members.client.put_address(&ctx, put).await?))
}

/// Removes an address from one's own book; fine when it is gone already.
#[utoipa::path(delete, path = "/v1/store/addresses/{id}", tag = "member",
    params(("id" = AddressId, Path, description = "Which one.")),
    responses((status = 204, description = "It is not in the book.")))]
async fn delete_address(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<AddressId>,
) -> Result<StatusCode, Problem> {
    members.client.delete_address(&ctx, AddressRef { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Members, newest first, or the one with a login.
#[utoipa::path(get, path = "/v1/admin/members", tag = "member", params(Filter, Paging),
    responses((status = 200, body = Listing<MemberInfo>)))]
async fn list(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Query(Filter { login }): Query<Filter>,
    Paging { limit, cursor }: Paging,
) -> Result<Json<Listing<MemberInfo>>, Problem> {
    Ok(Json(members.client.list(&ctx, List { login, cursor, limit }).await?.into()))
}

/// One member.
#[utoipa::path(get, path = "/v1/admin/members/{id}", tag = "member",
    params(("id" = MemberId, Path, description = "Who.")),
    responses((status = 200, body = MemberInfo)))]
async fn show(
    State(members): State<Members>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<MemberId>,
) -> Result<Json<MemberInfo>, Problem> {
    Ok(Json(members.client.get(&ctx, Get { id }).await?))
}
