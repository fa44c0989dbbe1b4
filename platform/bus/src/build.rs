//! Puts routers, edge and operations' endpoints together into the one router that is served.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use http_kit::problem::not_found;
use kit::{Secret, SharedClock, SharedEntropy, TenantCode};
use telemetry::{Health, Metrics};
use utoipa::openapi::OpenApi;

use crate::credentials::SESSION_COOKIE;
use crate::directory::{Hosts, TenantDirectory};
use crate::edge::edge;
use crate::front::{Edge, Front, Kind};
use crate::observe::Observer;
use crate::options::{CACHE_AGE_MAX, Options};
use crate::sessions::{Authenticator, Sessions};

/// What the bus needs of others.
#[derive(Clone)]
pub struct Deps {
    /// For the age of cached facts.
    pub clock: SharedClock,
    /// For request ids.
    pub entropy: SharedEntropy,
    /// Knows the hosts of tenants.
    pub directory: Arc<dyn TenantDirectory>,
    /// Knows the holders of tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Readiness checks.
    pub health: Health,
    /// What was measured; without it there is no `/metrics`.
    pub metrics: Option<Metrics>,
}

/// The bus cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The API document cannot be written.
    #[error("the API document cannot be written as JSON")]
    Document(#[from] serde_json::Error),
}

/// Collects what the bus serves.
pub struct Builder {
    deps: Deps,
    options: Options,
    api: Router,
    hooks: Router,
    pages: Vec<(Router, &'static str)>,
    bare_pages: Option<Router>,
    document: Option<OpenApi>,
}

/// The built front door.
#[derive(Clone)]
pub struct Bus {
    router: Router,
    front: Arc<Front>,
}

impl Bus {
    /// Begins a bus.
    #[must_use]
    pub fn builder(deps: Deps) -> Builder {
        Builder {
            deps,
            options: Options::default(),
            api: Router::new(),
            hooks: Router::new(),
            pages: Vec::new(),
            bare_pages: None,
            document: None,
        }
    }

    /// Everything, for [`crate::serve`].
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Forgets a session at once in this process, as after signing out.
    pub fn forget_session(&self, token: &Secret<String>, tenant: &TenantCode) {
        self.front.sessions.forget(token, tenant);
    }
}

impl Builder {
    /// Limits and times.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Adds REST routes, with whole paths under `/v1`. Bearer tokens only.
    ///
    /// # Panics
    /// As [`Router::merge`], when two routes overlap: a mistake in the wiring, found at the first start.
    #[must_use]
    pub fn api(mut self, routes: Router) -> Self {
        self.api = self.api.merge(routes);
        self
    }

    /// Adds callbacks of third parties, with whole paths under `/v1/hooks`. They prove themselves by
    /// signature, so no token is looked at.
    ///
    /// # Panics
    /// As [`Builder::api`].
    #[must_use]
    pub fn hooks(mut self, routes: Router) -> Self {
        self.hooks = self.hooks.merge(routes);
        self
    }

    /// Adds HTML pages. They see the actor of the session cookie. One of them may have a fallback, which
    /// answers whatever nothing else does, outside `/v1`.
    ///
    /// # Panics
    /// As [`Builder::api`], or when two have a fallback.
    #[must_use]
    pub fn pages(self, routes: Router) -> Self {
        self.pages_with(routes, SESSION_COOKIE)
    }

    /// Adds HTML pages whose sessions are in a cookie of another name, so that who works here and who
    /// shops here can be signed in side by side.
    ///
    /// # Panics
    /// As [`Builder::pages`].
    #[must_use]
    pub fn pages_with(mut self, routes: Router, cookie: &'static str) -> Self {
        self.pages.push((routes, cookie));
        self
    }

    /// The pages of the hosts of no tenant. They have no `Ctx`.
    #[must_use]
    pub fn bare_pages(mut self, routes: Router) -> Self {
        self.bare_pages = Some(routes);
        self
    }

    /// The document served at `/openapi.json`.
    #[must_use]
    pub fn openapi(mut self, document: OpenApi) -> Self {
        self.document = Some(document);
        self
    }

    /// The finished bus.
    ///
    /// # Errors
    /// When the API document cannot be written.
    pub fn build(self) -> Result<Bus, BuildError> {
        let Self { deps, options, api, hooks, pages, bare_pages, document } = self;
        let ops = operations(&deps, document)?;
        let Deps { clock, entropy, directory, authenticator, .. } = deps;
        let front = Arc::new(Front {
            entropy,
            hosts: Hosts::new(
                directory,
                options.host_cache_max,
                options.host_cache_age.min(CACHE_AGE_MAX),
                Arc::clone(&clock),
            ),
            sessions: Sessions::new(
                authenticator,
                options.session_cache_max,
                options.session_cache_age.min(CACHE_AGE_MAX),
                clock,
            ),
            deadline: options.deadline.min(rpc::ctx::DEADLINE_MAX),
            upload_deadline: options.upload_deadline,
            bare_hosts: options.bare_hosts,
            bare_pages,
            observer: Observer::new(),
        });
        let around = |routes: Router, kind| {
            routes.layer(from_fn_with_state(Edge { front: Arc::clone(&front), kind }, edge))
        };
        // under /v1 nothing is ever answered as a page
        let api = api.route("/v1", any(not_found)).route("/v1/{*rest}", any(not_found));
        let page_limit = DefaultBodyLimit::max(options.page_body_max);
        // pages come last: their fallback answers for all, be it their own or the plain one
        let rest =
            around(ops, Kind::Ops).merge(around(hooks, Kind::Hook)).merge(around(api, Kind::Api));
        let router = pages.into_iter().fold(rest, |router, (pages, cookie)| {
            router.merge(around(pages.layer(page_limit), Kind::Page(cookie)))
        });
        Ok(Bus { router, front })
    }
}

/// Health, metrics and the API document.
fn operations(deps: &Deps, document: Option<OpenApi>) -> Result<Router, BuildError> {
    let mut ops = telemetry::health_router(deps.health.clone());
    if let Some(metrics) = &deps.metrics {
        ops = ops.merge(telemetry::metrics_router(metrics.clone()));
    }
    if let Some(document) = document {
        let text = axum::body::Bytes::from(http_kit::openapi::to_json(&document)?);
        let answer = move || async move { ([(CONTENT_TYPE, "application/json")], text) };
        ops = ops.route("/openapi.json", get(answer));
    }
    Ok(ops)
}
