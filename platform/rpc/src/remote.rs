//! The caller's side of the wire: JSON over HTTP/1.1 to one address, on pooled connections. It must not
//! retry: whoever knows whether a call may be repeated does that.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use kit::{ErrorCode, Secret};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ctx::Ctx;
use crate::fault::{Fault, ServiceError};
use crate::secret::{InvalidSecret, authorization};
use crate::server::salt;
use crate::wire::{self, ErrorBody};

/// How long connecting may take; the deadline may allow less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an unused connection is kept, and how many.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const IDLE_MAX: usize = 64;
/// The longest answer that is read, in bytes.
const RESPONSE_MAX: usize = 16 * 1024 * 1024;

/// Where a remote service is, and how to be let in. Clones share their connections.
#[derive(Clone)]
pub struct Endpoint {
    shared: Arc<Shared>,
    response_max: usize,
}

struct Shared {
    base: Url,
    authorization: HeaderValue,
    client: Client,
    calls: AtomicU64,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not `http://host:port`.
    #[error("the address of a service is http://host:port, not {0:?}")]
    Address(String),
    /// The secret is too weak.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
}

impl Endpoint {
    /// The services at `address`, such as `http://10.0.0.7:7100`, which let in whoever knows `secret`.
    /// Nothing is connected before the first call.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn new(address: &str, secret: &Secret<String>) -> Result<Self, EndpointError> {
        let base = parse_address(address)?;
        let client = Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build()
            .map_err(EndpointError::Client)?;
        let authorization = authorization(secret)?;
        let shared = Shared { base, authorization, client, calls: AtomicU64::new(0) };
        Ok(Self { shared: Arc::new(shared), response_max: RESPONSE_MAX })
    }

    /// The same with another limit for answers, in bytes.
    #[must_use]
    pub fn with_response_max(mut self, bytes: usize) -> Self {
        self.response_max = bytes;
        self
    }

    /// Calls a method. Generated handles use it; they also bound it by the deadline.
    ///
    /// # Errors
    /// What the service answers; `Unavailable` when it was surely not reached; `DeadlineExceeded` when it
    /// is unknown whether the call was done; `Internal` when the answer is not a service's.
    pub async fn call<Req: Serialize + Send, Resp: DeserializeOwned, E: ServiceError>(
        &self,
        ctx: &Ctx,
        service: &'static str,
        method: &'static str,
        req: Req,
    ) -> Result<Resp, E> {
        let body = serde_json::to_vec(&req).map_err(Fault::internal)?;
        drop(req);
        if body.len() > wire::REQUEST_MAX {
            return Err(wire::too_large().into());
        }
        let count = self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let span =
            ctx.trace.child(salt(service, method) ^ salt(self.shared.base.as_str(), "") ^ count);
        let mut headers = wire::write(ctx, span)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, self.shared.authorization.clone());
        let mut url = self.shared.base.clone();
        url.set_path(&format!("/rpc/{service}/{method}"));
        let request = self.shared.client.post(url).headers(headers).body(body);
        let mut response = request.send().await.map_err(transport)?;
        let bytes = read_body(&mut response, self.response_max).await?;
        keep_tokens(ctx, response.headers())?;
        if response.headers().contains_key(wire::ERROR) {
            return Err(decode_error(response.status(), &bytes));
        }
        if response.status() != StatusCode::OK {
            return Err(foreign(response.status(), "no service's answer").into());
        }
        // What the parser says may repeat a value of the answer, so only the place is kept.
        serde_json::from_slice(&bytes).map_err(|e| {
            foreign(response.status(), &format!("{:?} error at byte {}", e.classify(), e.column()))
                .into()
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.shared.base)
    }
}

fn parse_address(address: &str) -> Result<Url, EndpointError> {
    let refuse = || EndpointError::Address(address.to_owned());
    let url = Url::parse(address).map_err(|_| refuse())?;
    let plain = url.scheme() == "http"
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url) } else { Err(refuse()) }
}

/// A failure below HTTP. Only when there was no connection is it sure that nothing was done.
fn transport(e: reqwest::Error) -> Fault {
    if e.is_connect() {
        return Fault::new(ErrorCode::Unavailable, "a part of the platform is not there right now")
            .because(e);
    }
    unknown_outcome().because(e)
}

fn unknown_outcome() -> Fault {
    Fault::new(ErrorCode::DeadlineExceeded, "no answer came back; it may have been done")
        .with_slug("outcome_unknown")
}

async fn read_body(response: &mut Response, max: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unknown_outcome().because(e))? {
        if bytes.len() + chunk.len() > max {
            return Err(foreign(response.status(), &format!("more than {max} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What the callee wrote becomes what the caller has written, whether the call succeeded or not.
fn keep_tokens(ctx: &Ctx, headers: &HeaderMap) -> Result<(), Fault> {
    for (database, token) in wire::read_tokens(headers).map_err(Fault::internal)? {
        ctx.session.wrote(&database, &token);
    }
    Ok(())
}

fn decode_error<E: ServiceError>(status: StatusCode, bytes: &[u8]) -> E {
    let Ok(ErrorBody { error, fault }) = serde_json::from_slice(bytes) else {
        return foreign(status, "an error that does not decode").into();
    };
    match error.map(serde_json::from_value::<E>) {
        Some(Ok(error)) => error,
        // A newer service's error, told in the words that all share.
        Some(Err(_)) => fault.into(),
        None => refusal(fault).into(),
    }
}

/// The router turned the call away before the service saw it. Being busy or out of time is the caller's
/// to know; anything else is our own mistake: a wrong secret must not look like a user who is not signed in.
fn refusal(fault: Fault) -> Fault {
    match fault.code {
        ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::TooLarge => fault,
        _ => Fault::internal(fault),
    }
}

fn foreign(status: StatusCode, what: &str) -> Fault {
    Fault::bug(format!("a remote service answered {} with {what}", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_plain_origin() {
        let secret = Secret::new("0123456789abcdef".to_owned());
        assert!(Endpoint::new("http://127.0.0.1:7100", &secret).is_ok());
        for bad in
            ["", "127.0.0.1:1", "https://a:1", "http://a:1/x", "http://u:p@a:1", "http://a:1/?q"]
        {
            assert!(matches!(Endpoint::new(bad, &secret), Err(EndpointError::Address(_))), "{bad}");
        }
        assert!(matches!(
            Endpoint::new("http://a:1", &Secret::new("short".to_owned())),
            Err(EndpointError::Secret(_))
        ));
    }
}
