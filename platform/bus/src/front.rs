//! What the bus decides about a request before its handler runs: which tenant, who acts, until when.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::HeaderMap;
use http::request::Parts;
use http_kit::Problem;
use kit::{ErrorCode, Secret, SharedEntropy, TenantCode};
use rpc::{Actor, Ctx, Fault, TraceId};
use tokio::time::Instant;

use crate::credentials;
use crate::directory::Hosts;
use crate::headers;
use crate::observe::Observer;
use crate::seen;
use crate::sessions::Sessions;

/// What sort of router a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// REST: bearer tokens only.
    Api,
    /// Callbacks of third parties, which prove themselves in their own way: nobody is authenticated here.
    Hook,
    /// HTML: bearer token, or session cookie of this name; forms of other sites are refused.
    Page(&'static str),
    /// Health, metrics, the API document: no tenant.
    Ops,
}

/// Shared by all requests.
pub(crate) struct Front {
    pub(crate) entropy: SharedEntropy,
    pub(crate) hosts: Hosts,
    pub(crate) sessions: Sessions,
    pub(crate) deadline: Duration,
    pub(crate) upload_deadline: Duration,
    pub(crate) bare_hosts: Vec<String>,
    pub(crate) bare_pages: Option<Router>,
    pub(crate) observer: Observer,
}

/// What a request is called.
pub(crate) struct Names {
    pub(crate) request_id: String,
    pub(crate) trace: TraceId,
}

/// Who acts, and the token that says so.
type Known = (Actor, Option<Secret<String>>);

/// Where a request may go.
pub(crate) enum Admitted {
    /// To its handler, in this context; with the token that the request came with.
    Tenant(Box<Ctx>, Option<Secret<String>>),
    /// To its handler, without a tenant.
    Open,
    /// To the pages of the bare host.
    Bare(Router),
}

impl Front {
    /// Names for a request: the client's own where they are sane, else new ones.
    pub(crate) fn names(&self, headers: &HeaderMap) -> Result<Names, Problem> {
        let theirs = headers::request_id(headers);
        let parent =
            headers.get("traceparent").and_then(|h| h.to_str().ok()).and_then(TraceId::parse);
        if let (Some(id), Some(trace)) = (theirs, parent) {
            return Ok(Names { request_id: id.to_owned(), trace });
        }
        let mut random = [0; 24];
        self.entropy.fill(&mut random).map_err(Fault::internal)?;
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&random[..16]);
        span.copy_from_slice(&random[16..]);
        let fresh = TraceId::from_random(u128::from_be_bytes(trace), u64::from_be_bytes(span));
        let request_id = theirs.map_or_else(|| format!("{:032x}", fresh.trace), str::to_owned);
        Ok(Names { request_id, trace: parent.unwrap_or(fresh) })
    }

    /// When the request must be answered.
    pub(crate) fn deadline(
        &self,
        kind: Kind,
        began: Instant,
        headers: &HeaderMap,
    ) -> Result<Instant, Problem> {
        let is_upload = matches!(kind, Kind::Page(_)) && headers::brings_files(headers);
        let usual = if is_upload { self.upload_deadline } else { self.deadline };
        let allowed = headers::timeout(headers, usual).ok_or_else(|| {
            Problem::invalid(
                "x-request-timeout-ms",
                "x-request-timeout-ms must be a whole number of milliseconds above 0",
            )
        })?;
        Ok(began + allowed)
    }

    /// Finds the tenant and the actor, or says why the request may not pass.
    pub(crate) async fn admit(
        &self,
        kind: Kind,
        request: &Parts,
        names: &Names,
        deadline: Instant,
    ) -> Result<Admitted, Problem> {
        if kind == Kind::Ops {
            return Ok(Admitted::Open);
        }
        let headers = &request.headers;
        if matches!(kind, Kind::Page(_)) && headers::is_forged(&request.method, headers) {
            return Err(Problem::new(ErrorCode::Forbidden, "this form came from another site")
                .with_code("cross_site"));
        }
        let host = headers::host(headers, &request.uri)
            .ok_or_else(|| Problem::invalid("Host", "the Host header does not name one host"))?;
        let named = headers::tenant(headers).map_err(|()| {
            Problem::invalid("x-stoa-tenant", "x-stoa-tenant must be one tenant's code")
        })?;
        let (tenant, (actor, token)) = match self.hosts.tenant(&host).await? {
            Some(tenant) if named.as_ref().is_some_and(|n| *n != tenant) => {
                return Err(misdirected("this host does not serve the tenant in x-stoa-tenant")
                    .with_code("tenant_mismatch"));
            }
            Some(tenant) => {
                let actor = self.actor(kind, headers, &tenant).await?;
                (tenant, actor)
            }
            None if self.bare_hosts.iter().any(|b| *b == host) => {
                match self.on_bare_host(kind, headers, named).await? {
                    Ok(found) => found,
                    Err(pages) => return Ok(Admitted::Bare(pages)),
                }
            }
            None => return Err(misdirected("no tenant answers to this host")),
        };
        let ctx = Ctx {
            tenant,
            actor,
            deadline,
            trace: names.trace,
            request_id: names.request_id.clone(),
            idempotency: None,
            xid: None,
            session: seen::session(kind, &request.method, headers),
        };
        Ok(Admitted::Tenant(Box::new(ctx), token))
    }

    /// On a host of no tenant, the API serves the tenant that the header names, if a credential of that
    /// tenant proves it; pages are the bare ones.
    async fn on_bare_host(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        named: Option<TenantCode>,
    ) -> Result<Result<(TenantCode, Known), Router>, Problem> {
        match (kind, named, &self.bare_pages) {
            (Kind::Page(_), _, Some(pages)) => Ok(Err(pages.clone())),
            (Kind::Api, Some(tenant), _) => {
                let Some(token) = credentials::bearer(headers).map_err(|_| malformed())? else {
                    return Err(unauthenticated("a tenant named by header needs a credential"));
                };
                let actor = self.sessions.actor(&token, &tenant).await?.ok_or_else(unknown)?;
                Ok(Ok((tenant, (actor, Some(token)))))
            }
            _ => Err(misdirected("this host belongs to no tenant")),
        }
    }

    async fn actor(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        tenant: &TenantCode,
    ) -> Result<Known, Problem> {
        if matches!(kind, Kind::Hook | Kind::Ops) {
            return Ok((Actor::anonymous(), None));
        }
        if let Some(token) = credentials::bearer(headers).map_err(|_| malformed())? {
            let actor = self.sessions.actor(&token, tenant).await?.ok_or_else(unknown)?;
            return Ok((actor, Some(token)));
        }
        let cookie = match kind {
            Kind::Page(name) => credentials::cookie(headers, name),
            _ => None,
        };
        match cookie {
            Some(token) => Ok((self.of_cookie(&token, tenant).await?, Some(token))),
            None => Ok((Actor::anonymous(), None)),
        }
    }

    /// A cookie that no longer holds makes an anonymous visitor, who can then sign in again.
    async fn of_cookie(
        &self,
        token: &Secret<String>,
        tenant: &TenantCode,
    ) -> Result<Actor, Problem> {
        Ok(self.sessions.actor(token, tenant).await?.unwrap_or_else(Actor::anonymous))
    }
}

fn misdirected(detail: &str) -> Problem {
    Problem::new(ErrorCode::Misdirected, detail)
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(ErrorCode::Unauthenticated, detail)
}

fn malformed() -> Problem {
    unauthenticated("the Authorization header is not one bearer token").with_code("malformed_token")
}

fn unknown() -> Problem {
    unauthenticated("the token is unknown, over, or not of this tenant").with_code("invalid_token")
}

/// Front and kind, as the state of one edge.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) front: Arc<Front>,
    pub(crate) kind: Kind,
}
