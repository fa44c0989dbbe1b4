//! The front door: who a host and a token belong to, which routes and pages there are. Adapters between
//! the bus, which knows no service, and the services that know.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::IntoResponse as _;
use http_kit::Api;
use kit::{Limit, Secret, SharedClock, SharedEntropy, TenantCode, Timestamp};
use rpc::{Actor, Fault, ServiceError as _};
use tasks::Tasks;
use telemetry::{Health, Metrics};
use tower::ServiceExt as _;

use crate::options::PlatformOptions;
use crate::platform::{Clients, system_ctx};

/// How long asking for a host or a token may take.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// What tokens of members begin with; the others are of staff and programs.
const MEMBER_TOKEN: &str = "sm_";

/// What the front door is made of.
pub(super) struct Front {
    pub(super) clients: Clients,
    pub(super) api: Api,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) health: Health,
    pub(super) metrics: Option<Metrics>,
    pub(super) options: bus::Options,
    pub(super) hub: web::Hub,
    pub(super) tasks: Tasks,
}

pub(super) fn build(front: Front, options: &PlatformOptions) -> Result<(bus::Bus, String), Fault> {
    let Front { clients, api, clock, entropy, health, metrics, options: bus_options, hub, tasks } =
        front;
    let adapter = Arc::new(Adapter { clients: clients.clone(), entropy: Arc::clone(&entropy) });
    let deps = bus::Deps {
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        directory: adapter.clone(),
        authenticator: adapter,
        health,
        metrics,
    };
    let scheme = if options.cookie_secure { "https" } else { "http" };
    let bare = bare_pages(clients.clone(), Arc::clone(&entropy), scheme);
    let (routes, document) = api.finish();
    let desk = console::start(
        console::Deps {
            tenant: clients.tenant.clone(),
            tenants: clients.tenants.clone(),
            staff: clients.staff.clone(),
            members: clients.member.clone(),
            products: clients.product.clone(),
            inventory: clients.inventory.clone(),
            orders: clients.order.clone(),
            payments: clients.payment.clone(),
            fulfillment: clients.fulfillment.clone(),
            search: clients.search.clone(),
            messages: clients.messages.clone(),
            hub: hub.clone(),
            tasks,
            entropy: Arc::clone(&entropy),
            clock: Arc::clone(&clock),
        },
        console::Options {
            cookie_secure: options.cookie_secure,
            uploads: options.shards.folder.join("uploads"),
        },
    );
    let pages = storefront::start(
        storefront::Deps {
            tenants: clients.tenants.clone(),
            members: clients.member.clone(),
            products: clients.product.clone(),
            inventory: clients.inventory.clone(),
            carts: clients.cart.clone(),
            orders: clients.order.clone(),
            payments: clients.payment.clone(),
            fulfillment: clients.fulfillment.clone(),
            search: clients.search.clone(),
            hub,
            entropy,
            clock,
        },
        storefront::Options { cookie_secure: options.cookie_secure },
    );
    let bus = bus::Bus::builder(deps)
        .options(bus_options)
        .api(routes)
        .pages(pages)
        .pages_with(desk.pages, console::SESSION_COOKIE)
        .bare_pages(bare);
    let document = titled(document);
    let text = http_kit::openapi::to_json(&document).map_err(Fault::internal)?;
    Ok((bus.openapi(document).build().map_err(Fault::internal)?, text))
}

/// The pages of a host of no tenant: where the shops are, asked anew for every visit.
fn bare_pages(clients: Clients, entropy: SharedEntropy, scheme: &'static str) -> Router {
    Router::new().fallback(move |request: Request| {
        let (clients, entropy) = (clients.clone(), Arc::clone(&entropy));
        async move {
            match shops(&clients, &entropy, scheme, request.headers()).await {
                Ok(shops) => storefront::bare(shops).oneshot(request).await.into_response(),
                Err(fault) => http_kit::Problem::from(fault).into_response(),
            }
        }
    })
}

async fn shops(
    clients: &Clients,
    entropy: &SharedEntropy,
    scheme: &str,
    headers: &HeaderMap,
) -> Result<Vec<storefront::Shop>, Fault> {
    let ctx = system_ctx(TenantCode::platform(), entropy, ASK_WITHIN)?;
    let limit = Limit::new(Limit::MAX).map_err(Fault::internal)?;
    let page = clients.tenant.list(&ctx, tenant_api::List { cursor: None, limit }).await;
    let page = page.map_err(tenant_api::Error::into_fault)?;
    // Shops are on the port that the visitor came by.
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let port = if port.bytes().all(|b| b.is_ascii_digit()) { port } else { "" };
    let colon = if port.is_empty() { "" } else { ":" };
    Ok(page
        .items
        .into_iter()
        .filter_map(|tenant| {
            let locale = tenant.locales.first()?;
            Some(storefront::Shop {
                name: tenant.name.get(locale).to_owned(),
                tagline: tenant.theme.tagline.clone(),
                url: format!("{scheme}://{}{colon}{port}/", tenant.hosts.first()?),
            })
        })
        .collect())
}

/// The document with its title.
fn titled(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    "Stoa".clone_into(&mut document.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.description = Some(
        "The API of a mall platform: `/v1/store` for shoppers, `/v1/admin` for those who run a shop. \
         The tenant comes from the host name. Errors are RFC 9457 problem documents."
            .to_owned(),
    );
    document
}

/// Asks the services that know.
struct Adapter {
    clients: Clients,
    entropy: SharedEntropy,
}

#[rpc::async_trait]
impl bus::TenantDirectory for Adapter {
    async fn by_host(&self, host: &str) -> Result<Option<TenantCode>, Fault> {
        let ctx = system_ctx(TenantCode::platform(), &self.entropy, ASK_WITHIN)?;
        let request = tenant_api::ByHost { host: host.to_owned() };
        self.clients.tenant.by_host(&ctx, request).await.map_err(rpc::ServiceError::into_fault)
    }
}

#[rpc::async_trait]
impl bus::Authenticator for Adapter {
    async fn authenticate(
        &self,
        token: &Secret<String>,
        tenant: &TenantCode,
        _now: Timestamp,
    ) -> Result<Option<Actor>, Fault> {
        let ctx = system_ctx(tenant.clone(), &self.entropy, ASK_WITHIN)?;
        if token.expose().starts_with(MEMBER_TOKEN) {
            let request = member_api::Token { token: token.clone() };
            let member = self.clients.member.authenticate(&ctx, request).await;
            let member = member.map_err(member_api::Error::into_fault)?;
            return Ok(member.map(|id| Actor::user(id.get())));
        }
        let request = staff_api::Token { token: token.clone() };
        let holder = self.clients.staff.authenticate(&ctx, request).await;
        let holder = holder.map_err(staff_api::Error::into_fault)?;
        Ok(holder.map(|who| Actor::operator(who.id, who.permissions)))
    }
}
