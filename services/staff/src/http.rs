//! The routes of staff: parse, call the trait, map. A token is read here and nowhere else.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use http_kit::{Access, Api, Created, Json, Listing, Paging, Path, Problem, ReqCtx, routes};
use kit::{ErrorCode, SharedClock};
use serde::{Deserialize, Serialize};
use staff_api::{
    ChangePassword, CreatedCredential, Credential, Error, List, Login, Me, NewCredential, NewStaff,
    RevokeCredential, Role, Session, StaffClient, StaffMember, Token, UpdateStaff,
};
use types::{CredentialId, StaffId};
use utoipa::ToSchema;

/// What the handlers share.
#[derive(Clone)]
struct Staff {
    client: StaffClient,
    clock: SharedClock,
}

impl Staff {
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
pub fn api(client: StaffClient, clock: SharedClock) -> Api {
    let routes = Api::new(Staff { client, clock })
        .route(Access::Public, routes!(sign_in))
        .route(Access::Operator, routes!(sign_out))
        .route(Access::Operator, routes!(me))
        .route(Access::Operator, routes!(change_password))
        .route(Access::Permission("staff:read"), routes!(list))
        .route(Access::Permission("staff:write"), routes!(add))
        .route(Access::Permission("staff:write"), routes!(change))
        .route(Access::Permission("staff:read"), routes!(list_credentials))
        .route(Access::Permission("staff:write"), routes!(create_credential))
        .route(Access::Permission("staff:write"), routes!(revoke_credential));
    Api::new(()).merge(routes)
}

/// Changes to somebody; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaffChanges {
    /// A new role.
    #[serde(default)]
    role: Option<Role>,
    /// Whether they may sign in; taking it away ends their sessions.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Signs in.
#[utoipa::path(post, path = "/v1/admin/sessions", tag = "staff",
    request_body = Login,
    responses((status = 201, body = Session), (status = 401, description = "Login or password is wrong."),
        (status = 429, description = "Too many failures; `Retry-After` says how long to wait.")))]
async fn sign_in(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<Login>,
) -> Result<Created<Session>, Problem> {
    let session = staff.client.login(&ctx, req).await.map_err(|e| staff.problem(e))?;
    Ok(Created::at("/v1/admin/sessions/current", session))
}

/// Signs out: ends the session whose token this request carries.
#[utoipa::path(delete, path = "/v1/admin/sessions/current", tag = "staff",
    responses((status = 204, description = "The session is over.")))]
async fn sign_out(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let token = headers.get(AUTHORIZATION).and_then(|v| auth::token::bearer(v.to_str().ok()?));
    let none = || Problem::new(ErrorCode::Unauthenticated, "send the session's token");
    staff.client.logout(&ctx, Token { token: token.ok_or_else(none)? }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who signed in.
#[utoipa::path(get, path = "/v1/admin/me", tag = "staff",
    responses((status = 200, body = StaffMember), (status = 404, description = "The token is a credential's.")))]
async fn me(State(staff): State<Staff>, ReqCtx(ctx): ReqCtx) -> Result<Json<StaffMember>, Problem> {
    Ok(Json(staff.client.me(&ctx, Me {}).await?))
}

/// Changes one's own password, and ends all one's sessions: the answer is a new one.
#[utoipa::path(put, path = "/v1/admin/me/password", tag = "staff",
    request_body = ChangePassword,
    responses((status = 200, body = Session), (status = 404, description = "The token is a credential's."),
        (status = 429, description = "Too many failures; `Retry-After` says how long to wait.")))]
async fn change_password(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<ChangePassword>,
) -> Result<Json<Session>, Problem> {
    let changed = staff.client.change_password(&ctx, req).await;
    Ok(Json(changed.map_err(|e| staff.problem(e))?))
}

/// Everybody who works for the tenant, by login.
#[utoipa::path(get, path = "/v1/admin/staff", tag = "staff", params(Paging),
    responses((status = 200, body = Listing<StaffMember>)))]
async fn list(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Paging { limit, cursor }: Paging,
) -> Result<Json<Listing<StaffMember>>, Problem> {
    Ok(Json(staff.client.list(&ctx, List { cursor, limit }).await?.into()))
}

/// Adds somebody.
#[utoipa::path(post, path = "/v1/admin/staff", tag = "staff",
    request_body = NewStaff,
    responses((status = 201, body = StaffMember), (status = 409, description = "The login is taken.")))]
async fn add(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewStaff>,
) -> Result<Created<StaffMember>, Problem> {
    let person = staff.client.add(&ctx, req).await?;
    Ok(Created::at(format!("/v1/admin/staff/{}", person.id), person))
}

/// Gives somebody another role, or takes away or gives back that they may sign in.
#[utoipa::path(patch, path = "/v1/admin/staff/{id}", tag = "staff",
    params(("id" = StaffId, Path, description = "Who.")),
    request_body = StaffChanges,
    responses((status = 200, body = StaffMember), (status = 409, description = "It is the last owner.")))]
async fn change(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<StaffId>,
    Json(changes): Json<StaffChanges>,
) -> Result<Json<StaffMember>, Problem> {
    let StaffChanges { role, enabled } = changes;
    Ok(Json(staff.client.update(&ctx, UpdateStaff { id, role, enabled }).await?))
}

/// All credentials, newest first, without their tokens.
#[utoipa::path(get, path = "/v1/admin/credentials", tag = "staff", params(Paging),
    responses((status = 200, body = Listing<Credential>)))]
async fn list_credentials(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Paging { limit, cursor }: Paging,
) -> Result<Json<Listing<Credential>>, Problem> {
    Ok(Json(staff.client.list_credentials(&ctx, List { cursor, limit }).await?.into()))
}

/// Makes a credential for a program. The token is shown this once.
#[utoipa::path(post, path = "/v1/admin/credentials", tag = "staff",
    request_body = NewCredential,
    responses((status = 201, body = CreatedCredential)))]
async fn create_credential(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Json(req): Json<NewCredential>,
) -> Result<Created<CreatedCredential>, Problem> {
    let made = staff.client.create_credential(&ctx, req).await?;
    Ok(Created::at(format!("/v1/admin/credentials/{}", made.credential.id), made))
}

/// Ends a credential; fine when it is over already.
#[utoipa::path(delete, path = "/v1/admin/credentials/{id}", tag = "staff",
    params(("id" = CredentialId, Path, description = "Which one.")),
    responses((status = 200, body = Credential)))]
async fn revoke_credential(
    State(staff): State<Staff>,
    ReqCtx(ctx): ReqCtx,
    Path(id): Path<CredentialId>,
) -> Result<Json<Credential>, Problem> {
    Ok(Json(staff.client.revoke_credential(&ctx, RevokeCredential { id }).await?))
}
