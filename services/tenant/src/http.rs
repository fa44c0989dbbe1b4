//! The routes of tenants: parse, call the trait, map. What of a tenant is public is decided here.

use axum::extract::State;
use http_kit::{Access, Api, ETag, IfMatch, Json, Problem, ReqCtx, routes};
use kit::{Currency, Money, TenantCode};
use serde::{Deserialize, Serialize};
use tenant_api::{Banner, Get, TenantClient, TenantInfo, Theme, UpdateTenant};
use types::{Locale, Texts};
use utoipa::ToSchema;

/// The routes.
pub fn api(client: TenantClient) -> Api {
    let routes = Api::new(client)
        .route(Access::Public, routes!(shop))
        .route(Access::Permission("tenant:read"), routes!(show))
        .route(Access::Permission("tenant:write"), routes!(change));
    Api::new(()).merge(routes)
}

/// What everybody may know of a shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shop {
    /// Its code.
    pub code: TenantCode,
    /// Its name.
    pub name: Texts,
    /// Languages of its pages; the first is the default.
    pub locales: Vec<Locale>,
    /// The currency of all its prices.
    pub currency: Currency,
    /// How its pages look.
    pub theme: Theme,
    /// What its home page shows first.
    pub banners: Vec<Banner>,
    /// What shipping an order costs.
    pub shipping_fee: Money,
}

impl From<TenantInfo> for Shop {
    fn from(t: TenantInfo) -> Self {
        Self {
            code: t.code,
            name: t.name,
            locales: t.locales,
            currency: t.currency,
            theme: t.theme,
            banners: t.banners,
            shipping_fee: t.shipping_fee,
        }
    }
}

/// The shop of this host: name, languages, currency, look, banners, shipping fee.
#[utoipa::path(get, path = "/v1/store/shop", tag = "tenant",
    responses((status = 200, body = Shop)))]
async fn shop(
    State(client): State<TenantClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<Json<Shop>, Problem> {
    Ok(Json(client.get(&ctx, Get {}).await?.into()))
}

/// The tenant with all its settings.
#[utoipa::path(get, path = "/v1/admin/tenant", tag = "tenant",
    responses((status = 200, body = TenantInfo)))]
async fn show(
    State(client): State<TenantClient>,
    ReqCtx(ctx): ReqCtx,
) -> Result<(ETag, Json<TenantInfo>), Problem> {
    let info = client.get(&ctx, Get {}).await?;
    Ok((ETag(info.version), Json(info)))
}

/// Changes name, look, banners or shipping fee. `version` (and `If-Match`, when sent) names the version that the
/// change is based on.
#[utoipa::path(patch, path = "/v1/admin/tenant", tag = "tenant",
    request_body = UpdateTenant,
    params(("If-Match" = Option<String>, Header, description = "The ETag of that version.")),
    responses((status = 200, body = TenantInfo), (status = 412, description = "The version is stale.")))]
async fn change(
    State(client): State<TenantClient>,
    ReqCtx(ctx): ReqCtx,
    seen: Option<IfMatch>,
    Json(req): Json<UpdateTenant>,
) -> Result<(ETag, Json<TenantInfo>), Problem> {
    if let Some(seen) = seen.and_then(IfMatch::version)
        && seen != req.version
    {
        return Err(Problem::invalid("If-Match", "If-Match and version name different versions"));
    }
    let info = client.update(&ctx, req).await?;
    Ok((ETag(info.version), Json(info)))
}
